# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retiring KMS hosts: keys, publishing, marker and firewall go, and a client is left that others activate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from host_lab import (
    OFFICE_2021,
    RETIRED,
    WINDOWS_AND_OFFICE,
    WINDOWS_KEY,
    host_site,
    site_with_host,
    site_with_two_hosts,
)
from spp_states import ENTERPRISE_7, GVLK, HOME_11, HOST_KEY, OFFICE_HOST_KEY, host

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    DesiredHost,
    Outcome,
    converge_client,
    converge_host,
    plan_host,
    run_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._publishing import PublishDomain

WITHOUT_ACTIVATION = DesiredHost(absent=True)


def test_a_retired_host_withdraws_its_record_first_and_asks_for_itself_last() -> None:
    state = replace(
        host(HOST_KEY, OFFICE_HOST_KEY, rule=True, is_kms_host=True), publish_domains=(PublishDomain("a.example.test"),)
    )
    assert plan_host(state, replace(RETIRED, kms_host="kms02.corp.example.test", kms_port=1700)).operations == [
        "DisableKeyManagementServiceDnsPublishing",
        "DeleteRegistryValue",
        "UninstallProductKey",
        "InstallProductKey",
        "SetKeyManagementServiceMachine",
        "SetKeyManagementServicePort",
        "RestartService",
        "DeleteRegistryValue",
        "DeleteRegistryValue",
        "Disable",
        "Activate",
    ]


def test_a_machine_that_is_no_host_has_nothing_to_retire() -> None:
    assert not plan_host(host(GVLK, marker=False), RETIRED)


def test_what_an_interrupted_run_left_is_finished() -> None:
    assert plan_host(host(GVLK, marker=True), WITHOUT_ACTIVATION).operations == [
        "RestartService",
        "DeleteRegistryValue",
        "DeleteRegistryValue",
    ]


def test_one_key_of_office_is_taken_away_by_its_id_and_the_host_stays_one() -> None:
    state = host(HOST_KEY, OFFICE_HOST_KEY, rule=True)
    one = replace(RETIRED, activation_id=OFFICE_HOST_KEY.activation_id)
    assert plan_host(state, one).operations == ["UninstallProductKey"]
    assert not plan_host(host(HOST_KEY, rule=True), one)


def test_the_only_key_of_office_takes_the_host_with_it() -> None:
    one = replace(WITHOUT_ACTIVATION, activation_id=OFFICE_HOST_KEY.activation_id)
    operations = plan_host(host(GVLK, OFFICE_HOST_KEY, rule=True), one).operations
    assert operations[1] == "UninstallProductKey"
    assert operations[-1] == "Disable"


def test_the_key_of_windows_is_not_taken_away_alone() -> None:
    one = replace(RETIRED, activation_id=HOST_KEY.activation_id)
    with pytest.raises(BadInput, match=r"is the KMS host key of Windows itself on KMS01.*Leave activation_id out"):
        plan_host(host(HOST_KEY), one)


def test_an_edition_without_a_client_setup_key_is_refused_before_anything() -> None:
    with pytest.raises(NotSupported, match=r"Nothing was changed"):
        plan_host(host(HOST_KEY, system=HOME_11), RETIRED)


def test_windows_7_keeps_its_firewall_open_with_a_warning() -> None:
    state = host(HOST_KEY, system=ENTERPRISE_7, rule=None)
    assert "Disable" not in plan_host(state, RETIRED).operations


def test_a_host_is_retired_in_four_runs_and_activated_by_the_other() -> None:
    lab = site_with_two_hosts()
    lab.publish("kms02")
    lab.site.set("kms02", "clients", "50")
    desired = replace(RETIRED, kms_host="kms02.corp.example.test")
    predicted = converge_host(lab.licensing("kms01"), desired, check_mode=True)
    applied = converge_host(lab.licensing("kms01"), desired, check_mode=False)
    assert predicted.operations == applied.operations
    assert applied.outcome is Outcome.LICENSED
    assert applied.state.windows is not None
    assert applied.state.windows.channel is Channel.KMS_CLIENT
    assert applied.state.host_products == ()
    assert lab.site.kms_listeners() == {"kms02": 1688}
    for check_mode in (False, True):
        assert converge_host(lab.licensing("kms01"), desired, check_mode=check_mode).operations == []
    assert lab.microsoft(WINDOWS_KEY.last_five) == lab.microsoft(OFFICE_2021.last_five) == 2


def test_a_client_below_the_threshold_is_pending_and_the_host_is_retired_all_the_same() -> None:
    lab = site_with_two_hosts()
    lab.publish("kms02")
    run = converge_host(lab.licensing("kms01"), RETIRED, check_mode=False)
    assert run.outcome is Outcome.PENDING
    assert run.outcome_reason == "the KMS host's count is below the threshold (0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT)"
    assert {found.outcome for found in run.outcomes.values()} == {Outcome.PENDING}
    assert lab.site.kms_listeners() == {"kms02": 1688}


def test_a_client_that_finds_no_host_fails_after_everything_else_is_done() -> None:
    lab = site_with_host()
    lab.records = []
    run = run_host(lab.licensing("kms01"), RETIRED, check_mode=False)
    assert run.failure is not None
    assert run.failure.message.startswith("Could not activate Windows(R), ServerDatacenter edition on KMS01: ")
    assert run.operations[-2:] == ["Disable", "Activate"]
    assert converge_host(lab.licensing("kms01"), WITHOUT_ACTIVATION, check_mode=False).operations == []


def test_a_retired_host_can_be_set_up_again_and_spends_one_more_activation() -> None:
    lab = site_with_host()
    converge_host(lab.licensing("kms01"), WITHOUT_ACTIVATION, check_mode=False)
    run = converge_host(lab.licensing("kms01"), WINDOWS_AND_OFFICE, check_mode=False)
    assert run.outcome is Outcome.LICENSED
    assert lab.microsoft(WINDOWS_KEY.last_five) == 2


def test_a_client_task_does_not_turn_a_host_into_a_client() -> None:
    lab = site_with_host()
    before = lab.state("kms01")
    with pytest.raises(BadInput, match=r"KMS01 is a KMS host.*set convert_host to true"):
        converge_client(
            lab.licensing("kms01"),
            DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED),
            check_mode=False,
        )
    assert lab.state("kms01") == before


def test_a_machine_that_hosts_office_alone_is_retired_and_keeps_the_key_of_windows() -> None:
    lab = host_site()
    office = replace(WINDOWS_AND_OFFICE, product_keys=(OFFICE_2021,))
    before = converge_host(lab.licensing("kms01"), office, check_mode=False).state.windows
    after = converge_host(lab.licensing("kms01"), WITHOUT_ACTIVATION, check_mode=False)
    assert after.operations == [
        "UninstallProductKey",
        "RestartService",
        "DeleteRegistryValue",
        "DeleteRegistryValue",
        "Disable",
    ]
    assert after.state.windows == before
