# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site file: ranges, defaults, and one sentence for each mistake."""

from __future__ import annotations

import copy
import typing as t

import pytest

from lab.core import Site, SiteError, parse_site
from lab.core.rehearsal import rehearse
from lab.core.spec_machine import expand_range

MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKWNH"
CSVLK = "HHHHH-JJJJJ-KKKKK-MMMMM-KMNWX"

DOCUMENT: dict[str, t.Any] = {
    "domain": "corp.example.test",
    "dns": {"ttl": 300},
    "account": {"user": "labadmin"},
    "machines": {
        "kms01": {"os": "windows-server-2022-datacenter", "groups": ["kms_hosts"]},
        "win[008:011]": {
            "os": "windows-11-enterprise",
            "language": ["en-US", "de-DE"],
            "products": [{"key": MAK, "activated": True}],
        },
    },
    "microsoft": {
        "keys": [
            {"key": MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 4},
            {"key": CSVLK, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
        ]
    },
}


def changed(path: str, value: t.Any) -> dict[str, t.Any]:
    """The document with one place replaced (`machines/kms01/os`); a number is a list index."""
    document = copy.deepcopy(DOCUMENT)
    *parents, last = path.split("/")
    place: t.Any = document
    for step in parents:
        place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
    place[last] = value
    return document


def test_a_range_keeps_its_leading_zeros() -> None:
    assert expand_range("win[008:011]") == ["win008", "win009", "win010", "win011"]
    assert expand_range("kms01") == ["kms01"]


def test_languages_are_cycled_over_a_range() -> None:
    spec = parse_site(DOCUMENT)
    assert [(m.name, m.language) for m in spec.machines[1:]] == [
        ("win008", "en-US"),
        ("win009", "de-DE"),
        ("win010", "en-US"),
        ("win011", "de-DE"),
    ]


def test_the_shells_own_parts_are_handed_through() -> None:
    spec = parse_site(DOCUMENT)
    assert spec.dns == {"ttl": 300}
    assert spec.account == {"user": "labadmin"}
    assert spec.machines[0].groups == ("kms_hosts",)


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (
            "machines/kms01/os",
            "windows-12",
            "'windows-12' in machine 'kms01' is no operating system of the lab; valid names are",
        ),
        ("machines/kms01/language", "pl-PL", "valid languages are en-US, de-DE, ja-JP, fr-FR, ru-RU"),
        ("machines/kms01/colour", "blue", "'colour' is not a name in machine 'kms01'; valid names are os, language"),
        ("machines/KMS_01", {"os": "windows-11-pro"}, "'KMS_01' is not a machine name"),
        ("machines/win[009:009]", {"os": "windows-11-pro"}, "The machine 'win009' is named twice"),
        ("machines/win[9:1]", {"os": "windows-11-pro"}, "runs backwards"),
        ("machines", {}, "names no machine"),
        ("domain", "corp", "is not a DNS domain: 'corp'"),
        ("microsoft/keys/0/kind", "oem", "valid kinds are mak, kms_host, retail"),
        ("microsoft/keys/0/key", "AAAAA-BBBBB-CCCCC-DDDDD-AAAAA", "is not five groups of five characters"),
        ("microsoft/keys/0/activations", -1, "is not a whole number of 0 or more: -1"),
        ("microsoft/keys/0/channel", "VOLUME_KMS_WS22", "is for host keys only"),
        ("microsoft/keys/1/key", MAK, "names one product key twice"),
        ("behaviour", {"fault_shape": 4}, "valid values are 1, 2, 3"),
        ("behaviour", {"background_activation_seconds": "soon"}, "neither null nor seconds: 'soon'"),
        ("behaviour", {"fault_shapes": 2}, "'fault_shapes' is not a name in `behaviour`"),
    ],
)
def test_a_mistake_is_one_sentence(path: str, value: t.Any, sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(changed(path, value))
    assert sentence in str(caught.value)
    assert MAK not in str(caught.value)


def test_a_key_that_does_not_fit_its_machine_is_refused_without_showing_it() -> None:
    document = changed("machines/kms01/products", [{"key": MAK}])
    with pytest.raises(SiteError) as caught:
        rehearse(document)
    assert "The key ending in MKWNH does not fit kms01 (windows-server-2022-datacenter)" in str(caught.value)
    assert MAK not in str(caught.value)


def test_more_activated_machines_than_a_mak_allows_is_a_mistake() -> None:
    with pytest.raises(SiteError, match="has too few activations for win011"):
        rehearse(changed("microsoft/keys/0/activations", 3))


def test_starting_activations_are_spent_but_no_requests() -> None:
    state = rehearse(DOCUMENT).site.state()
    microsoft = t.cast("dict[str, t.Any]", state["microsoft"])
    assert microsoft["requests"] == 0
    assert microsoft["keys"][0]["activations_used"] == 4


def products(site: Site, machine: str) -> list[dict[str, t.Any]]:
    """The keyed rows of a machine."""
    machines = t.cast("dict[str, t.Any]", site.state()["machines"])
    rows: list[dict[str, t.Any]] = machines[machine]["products"]
    return rows


def test_volume_media_leave_a_gvlk_in_notification() -> None:
    (row,) = products(rehearse(DOCUMENT).site, "kms01")
    assert row["description"] == "Windows(R) Operating System, VOLUME_KMSCLIENT channel"
    assert (row["license_status"], row["license_status_reason"]) == (5, "0xC004F056")


def test_an_empty_list_of_products_leaves_no_key() -> None:
    assert products(rehearse(changed("machines/kms01/products", [])).site, "kms01") == []


def test_evaluation_media_are_licensed_for_180_days() -> None:
    (row,) = products(rehearse(changed("machines/kms01/os", "windows-server-2022-datacenter-eval")).site, "kms01")
    assert row["description"] == "Windows(R) Operating System, TIMEBASED_EVAL channel"
    assert (row["license_status"], row["grace_minutes"]) == (1, 259200)


def test_windows_7_starts_with_30_days_of_grace() -> None:
    (row,) = products(rehearse(changed("machines/kms01/os", "windows-7-enterprise")).site, "kms01")
    assert (row["license_status"], row["grace_minutes"]) == (2, 43200)
    assert row["name"] == "Windows(R) 7, Enterprise edition"
