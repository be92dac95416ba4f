# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Windows and Office of both class families against the rules of the lab: what is switched, left alone, and refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from office_lab import (
    OTHER_SUITE_MAK,
    VISIO_MAK,
    office_site,
    ready_office_site,
)
from published_keys import published_key
from spp_lab import CLIENT_MAK, InProcessLab, copied
from spp_states import licence

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed, BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    Family,
    Outcome,
    ProductKey,
    Scope,
    _catalogue,
    converge_client,
    observe_client,
    run_client,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._office import suite_of

ALL = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED, scope=Scope.ALL)
OFFICE = replace(ALL, scope=Scope.OFFICE)
SUITE_GVLK, VISIO_GVLK = "6F7TH", "K2HT4"
ROOT = Path(__file__).resolve().parents[4]


new_site = copied(ready_office_site)


@pytest.fixture
def lab() -> InProcessLab:
    return new_site()


def rows(lab: InProcessLab, machine: str) -> dict[str, tuple[str, bool]]:
    """The keys of the Office products of a machine as the lab has them: family -> (last five, licensed)."""
    products: Any = lab.state(machine)["products"]
    keyed = [row for row in products if row["license_family"].startswith("Office") and row["partial_product_key"]]
    return {row["license_family"]: (row["partial_product_key"], row["license_status"] == 1) for row in keyed}


def requests(lab: InProcessLab, machine: str) -> int:
    machines: Any = lab.site.stats(reset=True)["machines"]
    return sum(figures["requests"] for figures in machines[machine].values())


def four_runs(lab: InProcessLab, machine: str, desired: DesiredClient) -> list[str]:
    """Check, apply, apply, check; the operations of the second."""
    before = lab.state(machine)
    predicted = converge_client(lab.licensing(machine), desired, check_mode=True)
    assert lab.state(machine) == before
    applied = converge_client(lab.licensing(machine), desired, check_mode=False)
    assert predicted.operations == applied.operations
    for check_mode in (False, True):
        assert converge_client(lab.licensing(machine), desired, check_mode=check_mode).operations == []
    return applied.operations


SWITCHES = [
    ("win01", ALL, ["InstallProductKey", "Activate", "InstallProductKey", "Activate", "Activate"]),
    ("win01", OFFICE, ["InstallProductKey", "Activate", "Activate"]),
    (
        "win01",
        replace(OFFICE, remove_old_keys=True),
        ["InstallProductKey", "Activate", "UninstallProductKey", "Activate"],
    ),
    ("mixed01", ALL, ["Activate", "Activate", "Activate"]),
    ("old01", ALL, ["Activate", "InstallProductKey", "Activate"]),
    ("old01", replace(OFFICE, remove_old_keys=True), ["InstallProductKey", "Activate", "UninstallProductKey"]),
    ("plain01", ALL, ["Activate"]),
]


@pytest.mark.parametrize(("machine", "desired", "operations"), SWITCHES)
def test_windows_and_office_are_switched_in_four_runs(
    lab: InProcessLab, machine: str, desired: DesiredClient, operations: list[str]
) -> None:
    assert four_runs(lab, machine, desired) == operations


@pytest.mark.parametrize("machine", ["win01", "mixed01", "old01", "plain01"])
def test_all_products_that_are_as_they_should_be_need_five_requests(lab: InProcessLab, machine: str) -> None:
    converge_client(lab.licensing(machine), ALL, check_mode=False)
    lab.site.stats(reset=True)
    run = converge_client(lab.licensing(machine), ALL, check_mode=False)
    assert (run.operations, run.outcome) == ([], Outcome.LICENSED)
    assert requests(lab, machine) <= 5


def test_the_mak_of_office_stays_beside_the_gvlk_unless_it_is_to_go(lab: InProcessLab) -> None:
    converge_client(lab.licensing("win01"), OFFICE, check_mode=False)
    assert rows(lab, "win01") == {
        "Office21ProPlus2021VL_KMS_Client_AE": (SUITE_GVLK, True),
        "Office21ProPlus2021VL_MAK_AE1": ("MKFFG", True),
        "Office21VisioPro2021VL_KMS_Client_AE": (VISIO_GVLK, True),
    }
    converge_client(lab.licensing("win01"), replace(OFFICE, remove_old_keys=True), check_mode=False)
    assert "Office21ProPlus2021VL_MAK_AE1" not in rows(lab, "win01")
    state = observe_client(lab.licensing("win01"))
    assert state.windows is not None
    assert state.windows.partial_product_key == CLIENT_MAK[-5:]


def test_the_mak_of_office_is_not_removed_while_the_gvlk_is_pending() -> None:
    lab = office_site()
    run = converge_client(lab.licensing("win01"), replace(OFFICE, remove_old_keys=True), check_mode=False)
    assert (run.operations, run.outcome) == (["InstallProductKey", "Activate", "Activate"], Outcome.PENDING)
    assert rows(lab, "win01")["Office21ProPlus2021VL_MAK_AE1"] == ("MKFFG", True)
    lab.site.set("kms01", "clients", "office-2021:10")
    run = converge_client(lab.licensing("win01"), replace(OFFICE, remove_old_keys=True), check_mode=False)
    assert run.operations == ["Activate", "UninstallProductKey", "Activate"]


def test_office_2010_has_classes_of_its_own_and_later_office_only_on_windows_7(lab: InProcessLab) -> None:
    mixed = observe_client(lab.licensing("mixed01"), Scope.ALL)
    families = {suite_of(product): product.family for product in mixed.products if suite_of(product)}
    assert families["2010/proplus"] is Family.OSPP
    assert families["2016/visiostd"] is Family.SPP
    assert mixed.office_service is not None
    old = observe_client(lab.licensing("old01"), Scope.ALL)
    assert {product.family for product in old.products if product.is_office} == {Family.OSPP}
    assert observe_client(lab.licensing("win01"), Scope.ALL).office_service is None


def test_retail_subscription_and_add_ons_are_left_alone_unless_they_are_named(lab: InProcessLab) -> None:
    run = converge_client(lab.licensing("mixed01"), ALL, check_mode=False)
    assert [(each.product.channel, each.reason) for each in run.skipped] == [
        (Channel.SUBSCRIPTION, "its channel is subscription, which is managed only when it is named")
    ]
    named = replace(ALL, product_name="*O365Business*")
    with pytest.raises(NotSupported, match=r"O365BusinessR_Subscription edition on MIXED01 is no volume product"):
        converge_client(lab.licensing("mixed01"), named, check_mode=False)


def test_a_product_is_chosen_by_name_or_activation_id(lab: InProcessLab) -> None:
    visio = replace(ALL, product_name="*visiopro2021*")
    assert four_runs(lab, "win01", visio) == ["Activate"]
    suite = next(p for p in observe_client(lab.licensing("win02"), Scope.ALL).products if suite_of(p) == "2021/proplus")
    by_id = replace(ALL, activation_id=suite.activation_id)
    assert four_runs(lab, "win02", by_id) == ["InstallProductKey", "Activate"]


@pytest.mark.parametrize(
    ("machine", "differences", "message"),
    [
        ("win01", {"product_name": "*Publisher*"}, r"WIN01 has no licence with a key that is called \*Publisher\*\. "),
        (
            "plain01",
            {"scope": Scope.OFFICE},
            r"PLAIN01 has no licence with a key that is of a volume product of Office",
        ),
        ("win01", {"activation_id": "0" * 36}, r"that has the activation ID 0{36}\. Nothing was changed\. .*Visio"),
        (
            "win01",
            {"product_key": ProductKey(OTHER_SUITE_MAK), "channel": Channel.MAK},
            r"product is all, and nothing tells",
        ),
    ],
)
def test_what_is_not_there_gets_a_sentence_with_what_is(
    lab: InProcessLab, machine: str, differences: dict[str, Any], message: str
) -> None:
    before = lab.state(machine)
    with pytest.raises(BadInput, match=message) as caught:
        converge_client(lab.licensing(machine), replace(ALL, **differences), check_mode=False)
    assert "Nothing was changed." in caught.value.message
    assert lab.state(machine) == before


def test_what_is_not_in_from_channels_is_left_alone_and_listed(lab: InProcessLab) -> None:
    desired = replace(ALL, from_channels=frozenset({Channel.RETAIL}))
    run = converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert run.operations == ["Activate"]  # Visio, which has its client setup key
    assert [each.reason for each in run.skipped] == ["its channel is mak, not in from_channels"] * 2


MAK = DesiredClient(channel=Channel.MAK, activate=Activate.IF_NEEDED, scope=Scope.OFFICE)


def test_a_mak_of_office_finds_its_product_by_itself_and_is_activated_once(lab: InProcessLab) -> None:
    desired = replace(MAK, product_key=ProductKey(VISIO_MAK))
    assert four_runs(lab, "win01", desired) == ["InstallProductKey", "Activate"]
    assert rows(lab, "win01")["Office21VisioPro2021VL_MAK_AE1"] == ("MKHHJ", True)
    used = lab.microsoft("MKHHJ")
    converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert lab.microsoft("MKHHJ") == used


def test_a_mak_of_a_named_product_of_office_replaces_another_one(lab: InProcessLab) -> None:
    desired = replace(MAK, product_name="*ProPlus2021*", product_key=ProductKey(OTHER_SUITE_MAK))
    assert four_runs(lab, "win01", desired) == ["InstallProductKey", "Activate"]
    assert lab.microsoft("MKGGH") == 1


def test_a_gvlk_of_office_that_is_not_installed_is_refused(lab: InProcessLab) -> None:
    word = ProductKey(published_key("Office LTSC 2021", "Word LTSC 2021"))
    with pytest.raises(BadInput, match=r"is the client setup key of Word LTSC 2021, and WIN01 has Office 21.*changed"):
        converge_client(lab.licensing("win01"), replace(OFFICE, product_key=word), check_mode=False)


def test_office_without_a_key_gets_the_one_that_is_given(lab: InProcessLab) -> None:
    key = ProductKey(published_key("Office LTSC 2021", "Office LTSC Professional Plus 2021"))
    assert four_runs(lab, "bare01", replace(OFFICE, product_key=key)) == ["InstallProductKey", "Activate"]
    with pytest.raises(BadInput, match="Give the product_key to install one"):
        converge_client(ready_office_site().licensing("bare01"), OFFICE, check_mode=False)


def test_one_product_that_fails_does_not_stop_the_others(lab: InProcessLab) -> None:
    lab.site.set("kms01", "clients", "50")
    lab.records.clear()
    run = run_client(lab.licensing("win01"), replace(ALL, kms_host="gone.corp.example.test"), check_mode=False)
    assert isinstance(run.failure, ActivationFailed)
    assert run.outcome is Outcome.FAILED
    assert run.failure.message.startswith("3 of 3 products on WIN01 failed: (1) Could not activate Windows(R), Enter")
    assert (
        "(3) Could not activate Office 21, Office21VisioPro2021VL_KMS_Client_AE edition on WIN01" in run.failure.message
    )
    assert [each.outcome for each in run.outcomes.values()] == [Outcome.FAILED] * 3
    assert run.operations == [
        "SetKeyManagementServiceMachine",
        *["InstallProductKey", "Activate"] * 2,
        "Activate",
    ]


def test_the_outcome_of_several_products_is_the_worst_and_each_has_its_own() -> None:
    lab = office_site()
    lab.site.set("kms01", "clients", "50")
    run = run_client(lab.licensing("win01"), ALL, check_mode=False)
    assert run.outcome is Outcome.PENDING
    by_name = {product.name: run.outcomes[product.activation_id].outcome for product in run.state.products[:1]}
    assert by_name == {"Windows(R), Enterprise edition": Outcome.LICENSED}
    assert sorted(suite_of(product) or "" for product in run.pending_products) == ["2021/proplus", "2021/visiopro"]


def published_office() -> list[Any]:
    facts = yaml.safe_load((ROOT / "docs" / "reference" / "gvlk.yaml").read_text("utf-8"))
    return [row for row in facts["keys"] if row["product"] in facts["office_families"]["releases"]]


FAMILIES = {
    "OfficeProPlusVL_KMS_Client": ("Office 15, {} edition", "Office Professional Plus 2013"),
    "Office16ProPlusVL_KMS_Client": ("Office 16, {} edition", "Office Professional Plus 2016"),
    "Office16StandardVL_MAK": ("Office 16, {} edition", "Office Standard 2016"),
    "Office19ProPlus2019VL_KMS_Client_AE": ("Office 19, {} edition", "Office Professional Plus 2019"),
    "Office19VisioStd2019VL_KMS_Client_AE": ("Office 19, {} edition", "Visio Standard 2019"),
    "Office21VisioPro2021VL_KMS_Client_AE": ("Office 21, {} edition", "Visio LTSC Professional 2021"),
    "Office24ProPlus2024VL_KMS_Client_AE": ("Office 24, {} edition", "Office LTSC Professional Plus 2024"),
    "Office24Standard2024VL_MAK_AE1": ("Office 24, {} edition", "Office LTSC Standard 2024"),
    "Office16PublisherVL_KMS_Client": ("Office 16, {} edition", "Publisher 2016"),
    "Office16SkypeforBusinessVL_MAK": ("Office 16, {} edition", "Skype for Business 2016"),
    "Office16ProjectProR_Retail": ("Office 16, {} edition", "Project Professional 2016"),
    "OfficeProPlus-KMS_Client": ("Microsoft Office 2010, {} edition", "Office Professional Plus 2010"),
    "OfficePublisher-MAK": ("Office 14, {} edition", "Publisher 2010"),
    "OfficeVisioPremVL_KMS_Client": ("Office 14, {} edition", "Visio Premium 2010"),
}


@pytest.mark.parametrize("by", ["family", "name"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_gvlk_of_office_is_told_by_the_family_or_the_name_alone(family: str, by: str) -> None:
    name, edition = FAMILIES[family]
    application = (
        "59a52881-a989-479d-af46-f275c6370663" if "2010" in edition else "0ff1ce15-a989-479d-af46-f275c6370663"
    )
    product = licence(
        application_id=application, name=name.format(family), license_family=family if by == "family" else ""
    )
    assert _catalogue.office_gvlk(product, "WIN001").name == edition


def test_every_published_key_of_office_has_a_product() -> None:
    found = {gvlk.key.reveal() for gvlk in _catalogue._catalogue().gvlks if gvlk.suites}
    assert found == {row["key"] for row in published_office()}
    suites = [suite for gvlk in _catalogue._catalogue().gvlks for suite in gvlk.suites]
    assert len(suites) == len(set(suites))


@pytest.mark.parametrize("family", ["Office16O365ProPlusR_Grace", "Office16VisioProXC2RVL_KMS_ClientC2R", "Mondo", ""])
def test_a_product_of_office_without_a_published_key_gets_a_sentence(family: str) -> None:
    product = licence(application_id="0ff1ce15-a989-479d-af46-f275c6370663", name="Office 16", license_family=family)
    with pytest.raises(NotSupported, match=r"is no volume product of Office .*Nothing was changed\. Give its client"):
        _catalogue.office_gvlk(product, "WIN001")
