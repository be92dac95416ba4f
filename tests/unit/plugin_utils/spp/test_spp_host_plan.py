# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a KMS host: nothing twice, settings after the key, one restart, the firewall last."""

from __future__ import annotations

from dataclasses import replace

import pytest
from published_keys import published_key
from spp_states import ENTERPRISE_7, EVALUATION_2022, GVLK, HOST_KEY, host

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Activate, LicenseStatus
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host import DesiredHost, plan_host
from ansible_collections.volact.kms.plugins.plugin_utils._spp._keys import ProductKey

KEY = ProductKey("HHHHH-JJJJJ-KKKKK-MMMMM-KHWHT")
COMPLETE = DesiredHost(
    product_key=KEY, activate=Activate.IF_NEEDED, listening_port=1689, dns_publishing=False, firewall_rule=True
)


def test_a_new_host_gets_key_activation_settings_one_restart_and_last_the_firewall() -> None:
    plan = plan_host(host(GVLK), COMPLETE)
    assert plan.operations == [
        "InstallProductKey",
        "Activate",
        "SetKeyManagementServiceListeningPort",
        "DisableKeyManagementServiceDnsPublishing",
        "RestartService",
        "Enable",
    ]
    assert plan.changes[3].arguments == {"DisablePublishing": True}


def test_a_complete_host_needs_nothing() -> None:
    state = host(HOST_KEY, rule=True, listening_port=1689, dns_publishing=False, is_kms_host=True)
    assert not plan_host(state, COMPLETE)


def test_a_licensed_host_is_never_activated_again() -> None:
    plan = plan_host(host(HOST_KEY), DesiredHost(product_key=KEY, activate=Activate.IF_NEEDED))
    assert plan.operations == []


def test_a_host_whose_activation_failed_before_is_activated_without_a_new_key() -> None:
    unlicensed = replace(HOST_KEY, license_status=LicenseStatus.NOTIFICATION)
    plan = plan_host(host(unlicensed), DesiredHost(product_key=KEY, activate=Activate.IF_NEEDED))
    assert plan.operations == ["Activate"]


def test_publishing_is_switched_on_by_the_same_method() -> None:
    plan = plan_host(host(HOST_KEY, dns_publishing=False), DesiredHost(dns_publishing=True))
    assert plan.operations == ["DisableKeyManagementServiceDnsPublishing", "RestartService"]
    assert plan.changes[0].arguments == {"DisablePublishing": False}


def test_the_firewall_rule_is_closed_on_request() -> None:
    assert plan_host(host(HOST_KEY, rule=True), DesiredHost(firewall_rule=False)).operations == ["Disable"]


def test_omitted_options_leave_everything_as_it_is() -> None:
    assert not plan_host(host(GVLK, dns_publishing=True), DesiredHost())


def test_a_client_setup_key_is_refused() -> None:
    with pytest.raises(BadInput, match=r"ending in 2YT43\) is the published client setup key of .*not a KMS host key"):
        plan_host(
            host(GVLK), DesiredHost(product_key=ProductKey(published_key("Windows 11 / Windows 10", "Enterprise")))
        )


def test_an_evaluation_edition_is_refused() -> None:
    with pytest.raises(NotSupported, match="an evaluation edition takes no volume key"):
        plan_host(host(GVLK, system=EVALUATION_2022), DesiredHost(product_key=KEY))


def test_a_machine_without_host_key_has_nothing_to_activate() -> None:
    with pytest.raises(BadInput, match="KMS01 has no KMS host key, so there is nothing to activate"):
        plan_host(host(GVLK), DesiredHost(activate=Activate.IF_NEEDED))


def test_settings_of_a_host_mean_nothing_on_another_machine() -> None:
    with pytest.raises(BadInput, match="KMS01 is not a KMS host, so listening_port and dns_publishing mean nothing"):
        plan_host(host(GVLK), DesiredHost(listening_port=1700))


def test_windows_7_names_the_netsh_command() -> None:
    with pytest.raises(
        NotSupported, match=r'netsh advfirewall firewall set rule group="Key Management Service" new enable=yes'
    ):
        plan_host(host(HOST_KEY, system=ENTERPRISE_7, rule=None), DesiredHost(firewall_rule=True))
