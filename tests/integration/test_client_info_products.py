# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`client_info` as a user runs it, on machines that have everything, in every manner of speaking of Windows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("client_info_site.yml")

_KEY = re.compile(r"(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}")
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("client_info")) as lab:
        yield lab


@pytest.fixture(scope="module")
def new_machine(lab: RunningLab) -> dict[str, Any]:
    return lab.module("win01", "client_info")


@pytest.fixture(scope="module")
def old_machine(lab: RunningLab) -> dict[str, Any]:
    return lab.module("old01", "client_info")


def test_every_product_of_the_machine_is_listed_with_its_channel(new_machine: dict[str, Any]) -> None:
    assert new_machine["changed"] is False
    found = sorted((product["application"], product["channel"]) for product in new_machine["products"])
    assert found == [
        ("office", "kms_client"),
        ("office", "mak"),
        ("office", "subscription"),
        ("windows", "kms_client"),
    ]
    assert {product["family"] for product in new_machine["products"]} == {"spp"}
    (esu,) = new_machine["addons"]
    assert "ESU" in esu["name"]


def test_identifiers_settings_and_counts_are_read(lab: RunningLab, new_machine: dict[str, Any]) -> None:
    for product in new_machine["products"]:
        assert _GUID.fullmatch(product["activation_id"])
        assert len(product["partial_product_key"]) == 5
        assert product["license_status_name"] in {"Licensed", "OOBGrace", "Notification"}
        # One manner of speaking is that of a newer Windows with the properties of an old one.
        for count in ("remaining_app_rearms", "remaining_sku_rearms"):
            assert product["unknown"][count] if product[count] is None else product[count] > 0
    client = new_machine["kms_client"]
    assert client["cmid"] == lab.machine("win01")["cmid"]
    assert client["remaining_windows_rearms"] > 0
    assert client["host_caching"] is True
    assert new_machine["office_kms_client"] is None
    assert new_machine["operating_system"]["language"] == 1041


def test_minutes_and_the_time_at_which_they_end_agree(old_machine: dict[str, Any]) -> None:
    clock = datetime.fromisoformat(old_machine["operating_system"]["clock"].replace("Z", "+00:00"))
    timed = [product for product in old_machine["products"] if product["grace_minutes"]]
    assert timed
    for product in timed:
        ends = datetime.fromisoformat(product["grace_ends"].replace("Z", "+00:00"))
        assert ends - clock == timedelta(minutes=product["grace_minutes"])


def test_office_on_windows_7_is_read_from_its_own_classes(old_machine: dict[str, Any]) -> None:
    found = sorted((product["application"], product["family"]) for product in old_machine["products"])
    assert found == [("office", "ospp"), ("office", "ospp"), ("windows", "spp")]
    assert len({product["application_id"] for product in old_machine["products"]}) == 3
    assert old_machine["office_kms_client"]["kms_port"] == 1688


def test_what_windows_7_does_not_tell_is_null_with_the_reason_beside_it(old_machine: dict[str, Any]) -> None:
    for product in old_machine["products"]:
        assert product["activation_type"] is None
        assert product["remaining_sku_rearms"] is None
        reason = product["unknown"]["activation_type"]
        assert reason == product["unknown"]["remaining_sku_rearms"]
        whose = "Windows 7 and Server 2008 R2" if product["family"] == "spp" else "classes of Office"
        assert whose in reason
        assert all(product[name] is None for name in product["unknown"]), "a reason beside a value that is known"


@pytest.mark.parametrize(
    ("wanted", "found"), [("windows", {"windows"}), ("office", {"office"}), ("all", {"windows", "office"})]
)
def test_only_the_products_that_were_asked_for_are_read(lab: RunningLab, wanted: str, found: set[str]) -> None:
    info = lab.module("win01", "client_info", product=wanted)
    assert {product["application"] for product in info["products"]} == found


def test_a_machine_without_office_has_windows_and_nothing_else(lab: RunningLab) -> None:
    info = lab.module("bare01", "client_info")
    assert [product["application"] for product in info["products"]] == ["windows"]
    assert (info["addons"], info["office_kms_client"]) == ([], None)
    assert "registry" not in info
    assert "events" not in info


def test_nothing_of_it_is_secret(new_machine: dict[str, Any], old_machine: dict[str, Any]) -> None:
    assert _KEY.search(json.dumps([new_machine, old_machine])) is None


@pytest.mark.parametrize(
    ("machine", "product", "questions"), [("win01", "windows", 3), ("win01", "all", 4), ("old01", "all", 5)]
)
def test_a_machine_is_asked_few_questions(lab: RunningLab, machine: str, product: str, questions: int) -> None:
    lab("stats", "--reset")
    lab.module(machine, "client_info", product=product)
    asked = lab("stats")["machines"][machine]
    # A result of several pages is one question, and so is one that a machine refused in these words.
    assert len([name for name in asked if name.startswith("Enumerate")]) == questions, asked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"product": "visio"}, "value of product must be one of: windows, office, all, got: visio"),
        (
            {"include": ["event"]},
            "must be one or more of: registry, events, dns. Got no match for: event",
        ),
        ({"event_days": 0}, "event_days is 0, and it is from 1 to 366. Nothing was read."),
    ],
)
def test_bad_options_get_one_sentence(lab: RunningLab, options: dict[str, Any], message: str) -> None:
    result = lab.module("win01", "client_info", **options)
    assert result["status"] == "FAILED"
    assert message in result["msg"]
