# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Active Directory, KMS and tokens: which of them may activate, which did, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from office_lab import DOCUMENT
from spp_lab import HOST_KEY, OPEN_FIREWALL, InProcessLab, new_lab
from spp_states import ENTERPRISE_7, GVLK, MAK, client

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed, BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    ActivationType,
    Channel,
    DesiredClient,
    DesiredHost,
    Outcome,
    ProductKey,
    Scope,
    converge_client,
    converge_host,
    plan_client,
)

KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
AD = replace(KMS, activation_type=ActivationType.ACTIVE_DIRECTORY)
FORCED_KMS = replace(KMS, activation_type=ActivationType.KMS)
ANY = DesiredClient(activation_type=ActivationType.ANY)
TOKEN = DesiredClient(activation_type=ActivationType.TOKEN)

FOREST = {
    **DOCUMENT,
    "active_directory": {
        "activation_objects": [
            {"name": "Windows", "channel": "VOLUME_KMS_WS22"},
            {"name": "Office", "office_host": "2021"},
        ]
    },
}


@pytest.fixture
def lab() -> InProcessLab:
    """A forest that activates, beside a KMS host that has enough clients."""
    lab = new_lab(FOREST)
    host = DesiredHost(product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, firewall=OPEN_FIREWALL)
    converge_host(lab.licensing("kms01"), host, check_mode=False)
    lab.publish("kms01")
    lab.site.set("kms01", "clients", "50")
    lab.site.set("kms01", "clients", "office-2021:10")
    return lab


def four_runs(lab: InProcessLab, machine: str, desired: DesiredClient) -> Any:
    predicted = converge_client(lab.licensing(machine), desired, check_mode=True)
    applied = converge_client(lab.licensing(machine), desired, check_mode=False)
    assert predicted.operations == applied.operations
    for check_mode in (False, True):
        assert converge_client(lab.licensing(machine), desired, check_mode=check_mode).operations == []
    return applied


def test_active_directory_activates_first_and_kms_is_content_with_it(lab: InProcessLab) -> None:
    run = four_runs(lab, "win01", KMS)
    assert run.operations == ["InstallProductKey", "Activate"]
    assert run.state.windows.activation_type is ActivationType.ACTIVE_DIRECTORY
    assert run.state.windows.ad_activation_object_name == "Windows"
    assert run.state.windows.ad_activation_object_dn.startswith("CN=Windows,CN=Activation Objects,CN=Microsoft SPP,")


def test_kms_can_be_forced_and_active_directory_too(lab: InProcessLab) -> None:
    converge_client(lab.licensing("win01"), KMS, check_mode=False)
    run = four_runs(lab, "win01", FORCED_KMS)
    assert run.operations == ["SetVLActivationTypeEnabled", "Activate"]
    assert run.state.windows.activation_type is ActivationType.KMS
    assert run.plan.diff() == {
        "before": {"activation_type": "Any", "license_status": "Licensed"},
        "after": {"activation_type": "KMS", "license_status": "Licensed by KMS"},
    }
    run = four_runs(lab, "win01", AD)
    assert run.operations == ["SetVLActivationTypeEnabled", "Activate"]
    assert run.state.windows.activation_type is ActivationType.ACTIVE_DIRECTORY


def test_the_type_is_set_between_a_new_key_and_its_activation(lab: InProcessLab) -> None:
    run = four_runs(lab, "win01", FORCED_KMS)
    assert run.operations == ["InstallProductKey", "SetVLActivationTypeEnabled", "Activate"]
    assert run.state.windows.activation_type is ActivationType.KMS


def test_every_type_is_allowed_again(lab: InProcessLab) -> None:
    converge_client(lab.licensing("win01"), FORCED_KMS, check_mode=False)
    assert four_runs(lab, "win01", ANY).operations == ["ClearVLActivationTypeEnabled"] * 2


def test_office_is_activated_by_active_directory_too(lab: InProcessLab) -> None:
    run = four_runs(lab, "win01", replace(AD, scope=Scope.OFFICE))
    assert run.operations == ["InstallProductKey", *["SetVLActivationTypeEnabled", "Activate"] * 2]
    done = [product for product in run.state.products if product.channel is Channel.KMS_CLIENT]
    assert [product.ad_activation_object_name for product in done] == ["Office", "Office"]


def test_a_forest_that_is_out_of_reach_is_a_failure_only_where_it_is_the_only_way(lab: InProcessLab) -> None:
    lab.site.set("win01", "directory", "down")
    assert converge_client(lab.licensing("win01"), KMS, check_mode=False).outcome is Outcome.LICENSED
    with pytest.raises(ActivationFailed, match=r"^Could not activate Windows\(R\), Enterprise edition on WIN01: "):
        converge_client(lab.licensing("win01"), AD, check_mode=False)


def test_tokens_change_the_type_and_no_key_and_nothing_is_activated(lab: InProcessLab) -> None:
    assert four_runs(lab, "plain01", TOKEN).operations == ["SetVLActivationTypeEnabled"]
    for activate in (replace(TOKEN, activate=Activate.IF_NEEDED), KMS):
        with pytest.raises(NotSupported, match=r"on PLAIN01 may be activated by token only.*Nothing was changed\."):
            converge_client(lab.licensing("plain01"), activate, check_mode=False)
    assert four_runs(lab, "plain01", replace(KMS, activation_type=ActivationType.ANY)).operations[-1] == "Activate"


def test_windows_7_and_a_mak_have_no_activation_type() -> None:
    with pytest.raises(
        NotSupported, match=r"Windows on OLD01 \(Windows 6\.1\.7601\) has no activation types.*changed\."
    ):
        plan_client(client(GVLK, system=ENTERPRISE_7), AD)
    with pytest.raises(BadInput, match=r"Enterprise edition has a MAK\. Nothing was changed\. Set channel to kms"):
        plan_client(client(MAK), TOKEN)


def test_office_2010_has_no_activation_type(lab: InProcessLab) -> None:
    with pytest.raises(NotSupported, match=r"service of 2010/proplus on MIXED01 .*Nothing was changed\."):
        converge_client(lab.licensing("mixed01"), replace(AD, scope=Scope.ALL), check_mode=False)
