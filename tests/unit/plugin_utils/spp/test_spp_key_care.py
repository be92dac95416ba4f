# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys that go: removed by activation ID only, cleared from the registry, and never activated by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from office_lab import ready_office_site
from spp_lab import CLIENT_MAK, InProcessLab, copied, new_lab
from spp_states import GVLK, client, licence

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    LicenseStatus,
    ProductKey,
    Scope,
    converge_client,
    observe_client,
    plan_client,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._plan import ProductTarget

ESU = "f520e45e-7413-4a34-a497-d2765967d094"


new_site = copied(ready_office_site)


@pytest.fixture
def lab() -> InProcessLab:
    return new_site()


def activation_id(lab: InProcessLab, machine: str, family: str) -> str:
    products = observe_client(lab.licensing(machine), Scope.ALL).products
    return next(product.activation_id for product in products if product.license_family.startswith(family))


def four_runs(lab: InProcessLab, machine: str, desired: DesiredClient) -> list[str]:
    before = lab.state(machine)
    predicted = converge_client(lab.licensing(machine), desired, check_mode=True)
    assert lab.state(machine) == before
    applied = converge_client(lab.licensing(machine), desired, check_mode=False)
    assert predicted.operations == applied.operations
    for check_mode in (False, True):
        assert converge_client(lab.licensing(machine), desired, check_mode=check_mode).operations == []
    return applied.operations


@pytest.mark.parametrize(
    ("machine", "family"),
    [
        ("win01", "Office21ProPlus2021VL_MAK"),
        ("win01", "Office21VisioPro"),
        ("mixed01", "OfficeProPlus-KMS"),
        ("mixed01", "Client-ESU"),
        ("old01", "Office16Standard"),
    ],
)
def test_exactly_one_key_is_removed_in_four_runs(lab: InProcessLab, machine: str, family: str) -> None:
    chosen = activation_id(lab, machine, family)
    before = {product.activation_id for product in observe_client(lab.licensing(machine), Scope.ALL).products}
    assert four_runs(lab, machine, DesiredClient(absent=True, activation_id=chosen)) == ["UninstallProductKey"]
    after = {product.activation_id for product in observe_client(lab.licensing(machine), Scope.ALL).products}
    assert before - after == {chosen}
    assert after < before


def test_the_windows_key_is_removed_only_when_that_is_said_twice(lab: InProcessLab) -> None:
    chosen = activation_id(lab, "win01", "Enterprise")
    desired = DesiredClient(absent=True, activation_id=chosen)
    before = lab.state("win01")
    with pytest.raises(BadInput) as caught:
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert caught.value.message == (
        f"{chosen} is the Windows licence of WIN01 itself, and without its key (ending in MKWHT) Windows is not "
        "activated any more. Nothing was changed. If that is meant, set remove_windows_key to true."
    )
    assert lab.state("win01") == before
    assert four_runs(lab, "win01", replace(desired, remove_windows_key=True)) == ["UninstallProductKey"]
    state = observe_client(lab.licensing("win01"), Scope.ALL)
    assert state.windows is None
    assert len(state.products) == 2


def test_a_key_is_cleared_from_the_registry_once_it_is_installed(lab: InProcessLab) -> None:
    desired = DesiredClient(
        channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED, scope=Scope.OFFICE, clear_key_from_registry=True
    )
    assert four_runs(lab, "win01", desired) == [
        "InstallProductKey",
        "ClearProductKeyFromRegistry",
        "Activate",
        "Activate",
    ]
    assert lab.state("win01")["key_in_registry"] is False


def test_a_mak_is_not_activated_by_itself_where_that_is_switched_off() -> None:
    lab = ready_office_site(background_activation_seconds=0)
    desired = DesiredClient(
        channel=Channel.MAK, product_key=ProductKey(CLIENT_MAK), automatic_activation=False, scope=Scope.WINDOWS
    )
    spent = lab.microsoft("MKWHT")
    assert four_runs(lab, "plain01", desired) == ["SetRegistryValue", "InstallProductKey"]
    assert lab.microsoft("MKWHT") == spent
    on = DesiredClient(automatic_activation=True)
    assert four_runs(lab, "plain01", on) == ["SetRegistryValue"]


def test_automatic_activation_is_read_only_where_it_is_asked_for(lab: InProcessLab) -> None:
    lab.site.stats(reset=True)
    assert (
        converge_client(lab.licensing("win01"), DesiredClient(automatic_activation=True), check_mode=False).operations
        == []
    )
    machines: Any = lab.site.stats()["machines"]
    assert sum(figures["requests"] for figures in machines["win01"].values() if figures["requests"]) <= 4


def test_an_absent_key_of_an_unknown_licence_is_absent_already(lab: InProcessLab) -> None:
    desired = DesiredClient(absent=True, activation_id=ESU)
    assert converge_client(lab.licensing("win01"), desired, check_mode=False).operations == []


def test_the_old_gvlk_of_office_goes_when_a_mak_took_its_place(lab: InProcessLab) -> None:
    key = ProductKey("HHHHH-JJJJJ-KKKKK-MMMMM-MKHHJ")
    desired = DesiredClient(
        channel=Channel.MAK,
        product_key=key,
        product_name="*VisioPro2021*",
        remove_old_keys=True,
        activate=Activate.IF_NEEDED,
    )
    assert four_runs(lab, "win01", desired) == ["InstallProductKey", "Activate", "UninstallProductKey"]


def test_a_key_of_another_kind_is_taken_out_of_office_again(lab: InProcessLab) -> None:
    before = observe_client(lab.licensing("win01"), Scope.ALL).products
    wrong = DesiredClient(
        channel=Channel.KMS_CLIENT,
        product_key=ProductKey("GGGGG-HHHHH-JJJJJ-KKKKK-MKGGH"),
        product_name="*ProPlus2021*",
    )
    with pytest.raises(BadInput) as caught:
        converge_client(lab.licensing("win01"), wrong, check_mode=False)
    assert caught.value.message.startswith(
        "product_key (ending in MKGGH) is a MAK, which only its installation on WIN01 could show, and a client setup "
        "key was asked for. Nothing was activated. The key was removed again. Leave product_key out: the right client "
        "setup key is chosen by product."
    )
    after = observe_client(lab.licensing("win01"), Scope.ALL).products
    assert {product.license_family for product in after} <= {product.license_family for product in before}


def test_a_key_for_extended_security_updates_is_installed_and_activated_by_its_activation_id() -> None:
    key = ProductKey("JJJJJ-KKKKK-MMMMM-PPPPP-MKJJK")
    desired = DesiredClient(channel=Channel.MAK, product_key=key, activation_id=ESU, activate=Activate.IF_NEEDED)
    target = ProductTarget("", "MKJJK", ESU)
    plan = plan_client(client(GVLK), desired)
    assert plan.operations == ["InstallProductKey", "Activate"]
    assert (plan.changes[0].installs, plan.changes[1].target) == (target, target)
    add_on = licence(Channel.MAK, "MKJJK", activation_id=ESU, is_addon=True)
    assert target.matches(add_on)
    assert not target.matches(licence(Channel.MAK, "MKJJK"))
    unlicensed = replace(add_on, license_status=LicenseStatus.UNLICENSED)
    assert plan_client(client(GVLK, unlicensed), desired).operations == ["Activate"]
    assert not plan_client(client(GVLK, add_on), desired)


def test_an_add_on_never_gets_a_client_setup_key() -> None:
    add_on = licence(Channel.MAK, "4C6R8", activation_id=ESU, is_addon=True)
    with pytest.raises(NotSupported, match="Nothing was changed"):
        plan_client(client(GVLK, add_on), DesiredClient(channel=Channel.KMS_CLIENT, activation_id=ESU))


def test_an_esu_key_goes_to_its_row_alone_in_four_runs() -> None:
    key = "JJJJJ-KKKKK-MMMMM-PPPPP-MKJJK"
    lab = new_lab(
        {
            "domain": "corp.example.test",
            "machines": {
                "ten01": {
                    "os": "windows-10-enterprise",
                    "products": [{"channel": "gvlk"}, {"kind": "esu", "channel": "none"}],
                },
                "bare01": {"os": "windows-10-enterprise", "products": [{"channel": "gvlk"}]},
            },
            "microsoft": {"keys": [{"key": key, "kind": "esu", "for": ["windows-10-enterprise"], "activations": 2}]},
            "behaviour": {"products_without_key": 2},
        }
    )
    desired = DesiredClient(
        channel=Channel.MAK, product_key=ProductKey(key), activation_id=ESU, activate=Activate.IF_NEEDED
    )
    before = observe_client(lab.licensing("ten01")).windows
    assert four_runs(lab, "ten01", desired) == ["InstallProductKey", "Activate"]
    assert lab.microsoft("MKJJK") == 1
    assert observe_client(lab.licensing("ten01")).windows == before
    with pytest.raises(BadInput, match=r"BARE01 refused the product key ending in MKJJK .*no product that is inst"):
        converge_client(lab.licensing("bare01"), desired, check_mode=False)
