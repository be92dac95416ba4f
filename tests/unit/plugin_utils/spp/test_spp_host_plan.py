# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a KMS host: no key twice, publishing settled before the activation, one restart, the firewall last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from published_keys import published_key
from spp_lab import OPEN_FIREWALL
from spp_states import ENTERPRISE_7, EVALUATION_2022, GVLK, HOST_KEY, MAK, OFFICE_HOST_KEY, host

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Activate, Channel, LicenseStatus
from ansible_collections.volact.kms.plugins.plugin_utils._spp._confirmation import ConfirmationId
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall import DesiredFirewall
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host import DesiredHost, plan_host
from ansible_collections.volact.kms.plugins.plugin_utils._spp._keys import ProductKey
from ansible_collections.volact.kms.plugins.plugin_utils._spp._publishing import PublishDomain
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import WindowsService

KEY = ProductKey("HHHHH-JJJJJ-KKKKK-MMMMM-KHWHT")
OFFICE_KEY = ProductKey("JJJJJ-KKKKK-MMMMM-PPPPP-KHXXY")
COMPLETE = DesiredHost(
    product_keys=(KEY,),
    activate=Activate.IF_NEEDED,
    listening_port=1688,
    dns_publishing=False,
    firewall=OPEN_FIREWALL,
)
CONFIRMATION = ConfirmationId("123456 " * 8)
WAITING = replace(HOST_KEY, license_status=LicenseStatus.NOTIFICATION)
WAITING_OFFICE = replace(OFFICE_HOST_KEY, license_status=LicenseStatus.UNLICENSED)


def test_a_new_host_settles_what_it_publishes_before_the_activation_and_opens_the_firewall_last() -> None:
    plan = plan_host(host(GVLK, marker=False), COMPLETE)
    assert plan.operations == [
        "InstallProductKey",
        "DisableKeyManagementServiceDnsPublishing",
        "Activate",
        "RestartService",
        "SetRegistryValue",
        "Enable",
    ]
    assert plan.changes[1].arguments == {"DisablePublishing": True}


def test_a_64_bit_windows_gets_the_marker_for_32_bit_programs_too() -> None:
    state = replace(host(GVLK, marker=False), has_32_bit_view=True)
    changes = [change for change in plan_host(state, COMPLETE).changes if change.operation == "SetRegistryValue"]
    assert [(change.setting, change.after) for change in changes] == [
        ("kms_version_32_bit", "10.0.26100.1"),
        ("kms_version", "10.0.26100.1"),
    ]


def test_a_complete_host_needs_nothing() -> None:
    assert not plan_host(host(HOST_KEY, rule=True, dns_publishing=False, is_kms_host=True), COMPLETE)


def test_a_host_of_an_interrupted_run_is_restarted_before_it_says_that_it_is_one() -> None:
    state = host(HOST_KEY, rule=True, dns_publishing=False, marker=False)
    assert plan_host(state, COMPLETE).operations == ["RestartService", "SetRegistryValue"]


def test_a_new_setting_takes_the_marker_away_until_the_restart() -> None:
    plan = plan_host(host(HOST_KEY), DesiredHost(listening_port=1700))
    assert plan.operations == [
        "DeleteRegistryValue",
        "SetKeyManagementServiceListeningPort",
        "RestartService",
        "SetRegistryValue",
    ]
    assert plan.diff() == {"before": {"listening_port": 1688}, "after": {"listening_port": 1700}}


def test_a_licensed_host_is_never_activated_again() -> None:
    plan = plan_host(host(HOST_KEY), DesiredHost(product_keys=(KEY,), activate=Activate.IF_NEEDED))
    assert plan.operations == []


def test_a_host_whose_activation_failed_before_is_activated_without_a_new_key() -> None:
    plan = plan_host(host(WAITING), DesiredHost(product_keys=(KEY,), activate=Activate.IF_NEEDED))
    assert plan.operations == ["Activate"]


def test_only_the_key_that_is_missing_is_installed_and_activated() -> None:
    desired = DesiredHost(product_keys=(KEY, OFFICE_KEY, OFFICE_KEY), activate=Activate.IF_NEEDED)
    plan = plan_host(host(HOST_KEY), desired)
    assert [(change.operation, change.product) for change in plan.changes] == [
        ("InstallProductKey", "KHXXY"),
        ("Activate", "KHXXY"),
    ]
    assert plan.changes[0].keeps == {"KHWHT"}
    assert not plan_host(host(HOST_KEY, OFFICE_HOST_KEY), desired)


def test_a_key_that_was_given_leaves_the_others_of_the_host_alone() -> None:
    desired = DesiredHost(product_keys=(KEY,), activate=Activate.IF_NEEDED)
    assert [change.product for change in plan_host(host(WAITING, WAITING_OFFICE), desired).changes] == ["KHWHT"]


def test_without_a_key_all_that_the_host_has_are_activated() -> None:
    desired = DesiredHost(activate=Activate.IF_NEEDED)
    plan = plan_host(host(WAITING, WAITING_OFFICE), desired)
    assert [(change.operation, change.product) for change in plan.changes] == [
        ("Activate", "KHWHT"),
        ("Activate", "KHXXY"),
    ]


def test_publishing_is_switched_on_by_the_same_method() -> None:
    plan = plan_host(host(HOST_KEY, dns_publishing=False), DesiredHost(dns_publishing=True))
    assert plan.operations[1:3] == ["DisableKeyManagementServiceDnsPublishing", "RestartService"]
    assert plan.changes[1].arguments == {"DisablePublishing": False}


def test_all_settings_take_one_restart() -> None:
    desired = DesiredHost(
        listening_port=1700,
        activation_interval=60,
        renewal_interval=20160,
        low_priority=True,
        publish_domains=(PublishDomain("lab.example.test", 10, 20),),
    )
    plan = plan_host(host(HOST_KEY, low_priority=False), desired)
    assert plan.operations == [
        "DeleteRegistryValue",
        "SetKeyManagementServiceListeningPort",
        "EnableKeyManagementServiceLowPriority",
        "SetRegistryValue",
        "SetVLActivationInterval",
        "SetVLRenewalInterval",
        "RestartService",
        "SetRegistryValue",
    ]
    assert plan.changes[3].arguments == {"value": ("lab.example.test, 10, 20",)}
    assert plan.changes[4].arguments == {"ActivationInterval": 60}


def test_intervals_that_nobody_set_are_the_default_ones() -> None:
    assert not plan_host(host(HOST_KEY), DesiredHost(activation_interval=120, renewal_interval=10080))


def test_intervals_wait_for_a_host_that_is_activated() -> None:
    desired = DesiredHost(activation_interval=60)
    assert not plan_host(host(WAITING), desired)
    plan = plan_host(host(WAITING), replace(desired, activate=Activate.IF_NEEDED))
    assert plan.operations[:3] == ["DeleteRegistryValue", "Activate", "SetVLActivationInterval"]


def test_a_list_of_domains_is_cleared_by_an_empty_one() -> None:
    state = replace(host(HOST_KEY), publish_domains=(PublishDomain("old.example.test"),))
    plan = plan_host(state, DesiredHost(publish_domains=()))
    assert plan.operations[1] == "DeleteRegistryValue"
    assert plan.changes[1].setting == "publish_domains"


def test_a_stopped_service_of_a_host_is_started() -> None:
    stopped = WindowsService("Stopped", "Auto")
    assert plan_host(host(HOST_KEY, windows_service=stopped), DesiredHost()).operations == ["StartService"]
    assert not plan_host(host(GVLK, windows_service=stopped), DesiredHost())


def test_a_disabled_service_is_refused_before_anything_is_changed() -> None:
    state = host(HOST_KEY, windows_service=WindowsService("Running", "Disabled"))
    with pytest.raises(NotSupported, match=r"start type of sppsvc on KMS01 is Disabled.*Nothing was changed"):
        plan_host(state, DesiredHost(listening_port=1700))
    assert not plan_host(state, DesiredHost())


def test_the_firewall_is_closed_on_request() -> None:
    closed = DesiredHost(firewall=DesiredFirewall(enabled=False))
    assert plan_host(host(HOST_KEY, rule=True), closed).operations == ["Disable"]


def test_omitted_options_leave_everything_as_it_is() -> None:
    assert not plan_host(host(GVLK, dns_publishing=True), DesiredHost())


def test_a_client_setup_key_is_refused() -> None:
    key = ProductKey(published_key("Windows 11 / Windows 10", "Enterprise"))
    with pytest.raises(BadInput, match=r"ending in 2YT43\) is the published client setup key of .*not a KMS host key"):
        plan_host(host(GVLK), DesiredHost(product_keys=(key,)))


def test_a_key_that_is_there_as_another_kind_is_refused() -> None:
    desired = DesiredHost(product_keys=(ProductKey("HHHHH-JJJJJ-KKKKK-MMMMM-MKWHT"),))
    with pytest.raises(BadInput, match=r"is installed on KMS01 already, as a MAK, and a KMS host key was asked for"):
        plan_host(host(MAK), desired)


def test_an_evaluation_edition_is_refused() -> None:
    with pytest.raises(NotSupported, match=r"evaluation edition.*Nothing was changed"):
        plan_host(host(GVLK, system=EVALUATION_2022), DesiredHost(product_keys=(KEY,)))


def test_a_machine_without_host_key_has_nothing_to_activate() -> None:
    with pytest.raises(BadInput, match="KMS01 has no KMS host key, so there is nothing to activate"):
        plan_host(host(GVLK), DesiredHost(activate=Activate.IF_NEEDED))


def test_settings_of_a_host_mean_nothing_on_another_machine() -> None:
    with pytest.raises(BadInput, match="KMS01 is not a KMS host, so listening_port means nothing there"):
        plan_host(host(GVLK), DesiredHost(listening_port=1700))
    with pytest.raises(BadInput, match="so listening_port and activation_interval mean nothing there"):
        plan_host(host(GVLK), DesiredHost(listening_port=1700, activation_interval=60))


def test_windows_7_names_the_netsh_command() -> None:
    with pytest.raises(NotSupported, match=r'netsh advfirewall firewall set rule group="Key Management Service"'):
        plan_host(host(HOST_KEY, system=ENTERPRISE_7, rule=None), DesiredHost(firewall=OPEN_FIREWALL))


def test_a_confirmation_id_is_deposited_instead_of_an_activation() -> None:
    desired = DesiredHost(confirmation_id=CONFIRMATION, activate=Activate.IF_NEEDED)
    assert plan_host(host(WAITING), desired).operations == ["DepositOfflineConfirmationId"]
    assert plan_host(host(WAITING), replace(desired, activate=Activate.NEVER)).operations == [
        "DepositOfflineConfirmationId"
    ]


def test_a_confirmation_id_of_a_host_that_is_activated_changes_nothing() -> None:
    assert not plan_host(host(HOST_KEY), DesiredHost(confirmation_id=CONFIRMATION))


def test_of_several_that_wait_the_one_with_the_activation_id_takes_it_and_the_other_goes_online() -> None:
    desired = DesiredHost(confirmation_id=CONFIRMATION, activate=Activate.IF_NEEDED)
    state = host(WAITING, WAITING_OFFICE)
    with pytest.raises(BadInput, match=r"KMS01 has 2 KMS host licences that wait.*Give the activation_id of one"):
        plan_host(state, desired)
    plan = plan_host(state, replace(desired, activation_id=WAITING_OFFICE.activation_id))
    assert [(change.operation, change.product) for change in plan.changes] == [
        ("Activate", "KHWHT"),
        ("DepositOfflineConfirmationId", "KHXXY"),
    ]


def test_an_activation_id_that_is_no_host_licence_is_refused_with_those_that_are() -> None:
    desired = DesiredHost(confirmation_id=CONFIRMATION, activation_id="11111111-2222-3333-4444-555555555555")
    with pytest.raises(BadInput, match=r"has no KMS host licence 11111111-.*Windows\(R\), Enterprise edition"):
        plan_host(host(WAITING), desired)


def test_a_kms_client_of_office_is_no_host_licence() -> None:
    state = host(
        HOST_KEY, replace(OFFICE_HOST_KEY, channel=Channel.KMS_CLIENT, license_status=LicenseStatus.UNLICENSED)
    )
    assert not plan_host(state, DesiredHost(activate=Activate.IF_NEEDED))
