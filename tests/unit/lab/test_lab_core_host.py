# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a KMS host counts, serves and shows."""

from __future__ import annotations

import contextlib

import pytest

from lab.core.example_company import CSVLK, company, failure, machine_state, product
from lab.core.rehearsal import RehearsedFault


def test_servers_activate_from_the_fifth_on_and_the_earlier_ones_when_they_ask_again() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    for number in range(1, 5):
        assert failure(lab, f"srv{number}") == 0xC004F038
        row = product(lab, f"srv{number}")
        assert (row["license_status"], row["license_status_reason"]) == (5, "0xC004F038")
    lab.activate("srv5")
    assert product(lab, "srv5")["license_status"] == 1
    lab.activate("srv1")
    row = product(lab, "srv1")
    assert (row["license_status"], row["license_status_reason"]) == (1, "0x4004F040")
    assert (row["grace_minutes"], row["activated_by"], row["kms_host_used"]) == (259200, "kms", "kms01")
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["windows"]["count"] == 5


def test_a_client_windows_needs_twenty_five_and_servers_count() -> None:
    lab = company(windows_11=20, servers=6)
    lab.provision_host("kms01", CSVLK)
    for number in range(1, 7):
        with pytest.raises(RehearsedFault) if number < 5 else contextlib.nullcontext():
            lab.activate(f"srv{number}")
    for number in range(1, 19):
        assert failure(lab, f"win{number}") == 0xC004F038
    lab.activate("win19")
    assert product(lab, "win19")["license_status"] == 1


def test_clients_with_one_cmid_are_counted_once() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    for number in range(1, 7):
        lab.site.set(f"srv{number}", "cmid", "36f27b39-2fd5-440b-be67-a09996d27a38")
        assert failure(lab, f"srv{number}") == 0xC004F038
    host = machine_state(lab, "kms01")["kms_host"]
    assert host["pools"]["windows"]["cmids"] == ["36f27b39-2fd5-440b-be67-a09996d27a38"]
    assert host["requests"]["total"] == 6


def test_a_newer_windows_than_the_host_key_is_refused_and_not_counted() -> None:
    lab = company(new1={"os": "windows-server-2025-datacenter"})
    lab.provision_host("kms01", CSVLK)
    assert failure(lab, "new1") == 0xC004F042
    host = machine_state(lab, "kms01")["kms_host"]
    assert host["pools"]["windows"]["count"] == 0
    assert host["requests"] == {"total": 0, "failed": 1, "by_license_status": [0] * 7}


def test_a_host_logs_who_asked() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    failure(lab, "srv1")
    published, event = machine_state(lab, "kms01")["events"]
    assert (published["id"], published["strings"]) == (12293, ["0x8007232D", "corp.example.test"])
    cmid = machine_state(lab, "srv1")["cmid"]
    assert event["log"] == "Key Management Service"
    assert event["strings"] == [
        "0x0",
        "5",
        "srv1.corp.example.test",
        cmid,
        "2026/1/1 12:00",
        "0",
        "5",
        "0",
        product(lab, "srv1")["activation_id"],
    ]


def test_an_unactivated_host_refuses() -> None:
    lab = company()
    lab.install_key("kms01", CSVLK)
    lab.enable_firewall_rule("kms01")
    lab.publish("kms01")
    assert failure(lab, "srv1") == 0xC004F041
    rows = lab.query("kms01", "SELECT IsKeyManagementServiceMachine, RequiredClientCount FROM SoftwareLicensingService")
    assert rows == [{"IsKeyManagementServiceMachine": "0", "RequiredClientCount": "4294967295"}]


def test_an_activated_host_shows_no_clients_yet_on_both_objects() -> None:
    lab = company()
    lab.install_key("kms01", CSVLK)
    lab.activate("kms01")
    columns = "IsKeyManagementServiceMachine, KeyManagementServiceCurrentCount, KeyManagementServiceTotalRequests"
    expected = {
        "IsKeyManagementServiceMachine": "1",
        "KeyManagementServiceCurrentCount": "0",
        "KeyManagementServiceTotalRequests": "0",
    }
    assert lab.query("kms01", f"SELECT {columns} FROM SoftwareLicensingService") == [expected]
    where = "WHERE PartialProductKey = 'KMNWX'"
    assert lab.query("kms01", f"SELECT {columns} FROM SoftwareLicensingProduct {where}") == [expected]
    assert product(lab, "kms01")["description"] == "Windows(R) Operating System, VOLUME_KMS_WS22 channel"


def test_a_host_listens_only_with_its_firewall_rule_and_on_the_port_of_its_last_start() -> None:
    lab = company()
    lab.install_key("kms01", CSVLK)
    assert lab.site.kms_listeners() == {}
    lab.enable_firewall_rule("kms01")
    assert lab.site.kms_listeners() == {"kms01": 1688}
    service = lab.service("kms01")
    lab.invoke(
        "kms01", "SoftwareLicensingService", "SetKeyManagementServiceListeningPort", {"PortNumber": 1689}, service
    )
    assert lab.site.kms_listeners() == {"kms01": 1688}
    stop, start = ("StopService", "StartService")
    assert lab.invoke("kms01", "Win32_Service", stop, None, {"Name": "sppsvc"}) == {"ReturnValue": "0"}
    assert lab.site.kms_listeners() == {}
    assert lab.invoke("kms01", "Win32_Service", stop, None, {"Name": "sppsvc"}) == {"ReturnValue": "5"}
    assert lab.invoke("kms01", "Win32_Service", start, None, {"Name": "sppsvc"}) == {"ReturnValue": "0"}
    assert lab.invoke("kms01", "Win32_Service", start, None, {"Name": "sppsvc"}) == {"ReturnValue": "10"}
    assert lab.site.kms_listeners() == {}, "the built-in rule is for port 1688"
    ports = {"CreationClassName": "MSFT|FW|FirewallRule|SPPSVC-In-TCP"}
    lab.transfer("kms01", "Put", "MSFT_NetProtocolPortFilter", ports, {"LocalPort": ["1689"]})
    assert lab.site.kms_listeners() == {"kms01": 1689}


def test_a_client_windows_can_be_a_host_for_clients_only() -> None:
    lab = company(servers=1, ten={"os": "windows-10-enterprise"})
    lab.provision_host("ten", CSVLK)
    assert failure(lab, "win1") == 0xC004F038
    assert failure(lab, "srv1") == 0xC004F042
