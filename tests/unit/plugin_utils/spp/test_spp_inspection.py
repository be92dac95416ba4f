# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said about a client: a null is absent or has its reason, and so has a section that cannot be read."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from spp_lab import DOCUMENT, InProcessLab, Plant, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault, TransportLost
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    Scope,
    Section,
    client_result,
    inspect_client,
    observe_client,
    run_client,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import ActivationType, Family
from ansible_collections.volact.kms.plugins.plugin_utils._spp._results import product_result

OFFICE: dict[str, object] = {
    **DOCUMENT,
    "machines": {
        "win01": {
            "os": "windows-11-enterprise",
            "domain_joined": False,
            "products": [{"channel": "gvlk"}, {"kind": "esu"}, {"office": "ProPlus2021"}, {"kind": "m365"}],
        },
        "old01": {"os": "windows-7-enterprise", "products": [{"channel": "gvlk"}, {"office": "ProPlus2010"}]},
    },
    "microsoft": {"keys": []},
}


@pytest.fixture(name="lab")
def lab_with_office() -> InProcessLab:
    return new_lab(OFFICE)


def test_products_and_addons_are_apart(lab: InProcessLab) -> None:
    result = inspect_client(lab.licensing("win01"))
    assert sorted((product["application"], product["channel"]) for product in result["products"]) == [
        ("office", "kms_client"),
        ("office", "subscription"),
        ("windows", "kms_client"),
    ]
    assert [addon["application"] for addon in result["addons"]] == ["windows"]


def test_a_newer_windows_tells_everything(lab: InProcessLab) -> None:
    result = inspect_client(lab.licensing("win01"))
    for product in result["products"]:
        assert product["unknown"] == {}
        assert product["activation_type"] == 0
        assert product["remaining_sku_rearms"] > 0
    assert result["kms_client"]["unknown"] == {}
    assert result["kms_client"]["remaining_windows_rearms"] > 0
    assert result["office_kms_client"] is None


def test_what_an_older_windows_and_the_classes_of_office_do_not_tell_has_a_reason(lab: InProcessLab) -> None:
    result = inspect_client(lab.licensing("old01"))
    by_family = {product["family"]: product["unknown"] for product in result["products"]}
    assert by_family["spp"]["activation_type"] == (
        "The licensing service of Windows 7 and Server 2008 R2 does not tell it."
    )
    assert by_family["ospp"]["remaining_app_rearms"] == "The licensing classes of Office do not tell it."
    assert result["office_kms_client"]["unknown"].keys() == {"remaining_windows_rearms"}


def test_a_time_that_cannot_be_worked_out_has_a_reason(lab: InProcessLab) -> None:
    state = observe_client(lab.licensing("old01"))
    product = replace(state.products[0], grace_minutes=60)
    shown = product_result(product, replace(state.system, clock=None))
    assert shown["grace_ends"] is None
    assert shown["unknown"]["grace_ends"] == "The machine did not tell its clock."


def test_an_address_that_nobody_used_is_absent_and_one_that_is_not_told_is_unknown(lab: InProcessLab) -> None:
    state = observe_client(lab.licensing("win01"))
    found = replace(state.products[0], discovered_machine="kms01", discovered_address=None)
    assert product_result(found, state.system)["unknown"] == {"discovered_kms_address": "The machine did not tell it."}
    assert "discovered_kms_address" not in product_result(state.products[0], state.system)["unknown"]


def test_an_object_of_active_directory_is_unknown_only_where_one_must_be(lab: InProcessLab) -> None:
    state = observe_client(lab.licensing("win01"))
    activated = replace(state.products[0], activation_type=ActivationType.ACTIVE_DIRECTORY)
    assert product_result(activated, state.system)["unknown"].keys() == {
        "ad_activation_object_dn",
        "ad_activation_object_name",
    }
    named = replace(activated, ad_activation_object_name="Volume Activation", ad_activation_object_dn="CN=x")
    assert product_result(named, state.system)["unknown"] == {}


def test_an_application_that_nobody_knows_has_no_name(lab: InProcessLab) -> None:
    state = observe_client(lab.licensing("win01"))
    shown = product_result(replace(state.products[0], application_id="0" * 8, family=Family.SPP), state.system)
    assert shown["application"] is None


def test_sections_are_read_only_when_they_are_asked_for(lab: InProcessLab) -> None:
    licensing = lab.licensing("win01")
    assert {"registry", "events"}.isdisjoint(inspect_client(licensing, Scope.WINDOWS))
    assert licensing.session.requests <= 4
    shown = inspect_client(lab.licensing("win01"), Scope.ALL, list(Section))
    assert shown["registry"] == {
        "kms_hosts": [],
        "automatic_activation": True,
        "user_operations": False,
        "reason": None,
    }
    assert shown["events"] == {"kms_requests": [], "reason": None}


@pytest.mark.parametrize(("section", "asked"), [(Section.REGISTRY, b"EnumValues"), (Section.EVENTS, b"NTLogEvent")])
def test_a_section_that_is_refused_is_null_with_a_reason(lab: InProcessLab, section: Section, asked: bytes) -> None:
    fault = CimFault("Zugriff verweigert", code=0x80070005)
    lab.plants.append(Plant(asked, fault, after=False))
    shown = inspect_client(lab.licensing("win01"), Scope.WINDOWS, [section])
    assert shown["products"]
    section_result = shown[section.value]
    assert "access denied (0x80070005 E_ACCESSDENIED)" in section_result["reason"]
    assert {value for name, value in section_result.items() if name != "reason"} == {None}


def test_a_machine_that_is_lost_while_a_section_is_read_is_lost(lab: InProcessLab) -> None:
    lab.plants += [Plant(b"EnumValues", TransportLost("The connection broke.")) for _attempt in range(2)]
    with pytest.raises(TransportLost):
        inspect_client(lab.licensing("win01"), Scope.WINDOWS, [Section.REGISTRY])


def test_the_outcome_stands_beside_each_product_of_a_run_and_what_was_left_alone_has_a_reason(
    lab: InProcessLab,
) -> None:
    desired = DesiredClient(channel=Channel.KMS_CLIENT, scope=Scope.ALL, activate=Activate.IF_NEEDED)
    run = run_client(lab.licensing("win01"), desired, check_mode=False)
    result = client_result(run.state, run)
    outcomes = {product["channel"]: product["outcome"] for product in result["products"]}
    assert outcomes["kms_client"] == "failed"
    assert outcomes["subscription"] is None
    assert all(product["outcome_reason"] for product in result["products"] if product["outcome"] == "failed")
    (skipped,) = result["skipped_products"]
    assert (skipped["channel"], bool(skipped["reason"])) == ("subscription", True)
    assert "outcome" not in t.cast("list[dict[str, t.Any]]", client_result(run.state)["products"])[0]
