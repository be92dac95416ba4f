# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a KMS host does by itself, the telephone, and machines that are not there: over real sockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.query
import pytest
from lab_process import RunningLab, lab, running_lab, write_site
from winrm.protocol import Protocol

HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
SYSTEM = "windows-server-2022-datacenter"
MACHINES = {
    "kms01": {"os": SYSTEM, "products": [{"key": HOST_KEY, "activated": True}]},
    "kms02": {"os": SYSTEM, "products": [{"key": HOST_KEY, "activated": True}], "clients": 7},
    "kms03": {"os": SYSTEM, "products": [{"key": HOST_KEY}]},
    "gone": {"os": SYSTEM, "black_hole": True},
    "own": {"os": SYSTEM, "account": {"user": "other", "password": "of its own"}},
}
KEYS = [{"key": HOST_KEY, "kind": "kms_host", "for": [SYSTEM]}]


@pytest.fixture(scope="module", params=["builtin", pytest.param("bind", marks=pytest.mark.bind)])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp(request.param)
    changed: dict[str, Any] = {
        "machines": MACHINES,
        "microsoft": {"keys": KEYS},
        "behaviour": {"dns_updates": "owner", "products_without_key": 1},
        "dns": {"software": request.param},
        "account": {"transports": ["basic", "ntlm"], "unencrypted": True},
    }
    with running_lab(folder, write_site(folder, **changed)) as running:
        yield running


def state(site: RunningLab, machine: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.ask("state").stdout)["machines"][machine]
    return found


def published(site: RunningLab, machine: str) -> list[tuple[int, list[str]]]:
    events = state(site, machine)["events"]
    return [(event["id"], event["strings"]) for event in events if event["id"] in (12293, 12294)]


def targets(site: RunningLab) -> list[str]:
    query = dns.message.make_query("_vlmcs._tcp.corp.example.test.", "SRV")
    answer = dns.query.udp(query, site.variables["lab_dns_server"], timeout=5, port=site.variables["lab_dns_port"])
    return sorted(str(rdata) for rrset in answer.answer for rdata in rrset)


def call_service(site: RunningLab, machine: str, method: str) -> str:
    """Call a method of sppsvc over HTTP."""
    host = site.host(machine)
    protocol = Protocol(
        f"http://{host['ansible_host']}:5985/wsman",
        transport="basic",
        username=host["ansible_user"],
        password=host["ansible_password"],
    )
    uri = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service"
    anonymous = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
    answer: bytes = protocol.transport.send_message(
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
        f"<a:To>http://windows.example.test/wsman</a:To><w:ResourceURI>{uri}</w:ResourceURI>"
        f"<a:ReplyTo><a:Address>{anonymous}</a:Address></a:ReplyTo><a:Action>{uri}/{method}</a:Action>"
        "<a:MessageID>uuid:4F5A0C1E-0001-4000-8000-0000000000AB</a:MessageID>"
        '<w:SelectorSet><w:Selector Name="Name">sppsvc</w:Selector></w:SelectorSet></s:Header>'
        f'<s:Body><p:{method}_INPUT xmlns:p="{uri}"/></s:Body></s:Envelope>'
    )
    return answer.decode().partition("ReturnValue>")[2].partition("<")[0]


def test_the_first_host_that_starts_owns_the_name_in_the_real_zone(site: RunningLab) -> None:
    for machine in ("kms01", "kms02"):
        assert [call_service(site, machine, method) for method in ("StopService", "StartService")] == ["0", "0"]
        deadline = time.monotonic() + 10
        while not published(site, machine):
            assert time.monotonic() < deadline, f"{machine} published nothing"
            time.sleep(0.05)
    assert published(site, "kms01") == [(12294, ["corp.example.test"])]
    assert published(site, "kms02") == [(12293, ["0x80072338", "corp.example.test"])]
    assert targets(site) == ["0 0 1688 kms01.corp.example.test."]


def test_the_telephone_gives_an_id_and_spends_an_activation(site: RunningLab) -> None:
    rung = site.ask("confirmation-id", "kms03")
    assert rung.returncode == 0, rung.stderr
    assert len(rung.stdout.strip()) == 48
    (key,) = json.loads(site.ask("state").stdout)["microsoft"]["keys"]
    assert (key["activations_used"], key["hosts_used"]) == (3, 3)
    refused = site.ask("confirmation-id", "gone", "--key", "XXXXX")
    assert refused.returncode == 1
    assert "gone has not one key that ends in 'XXXXX'; it has " in refused.stderr


def test_a_machine_may_be_silent_refuse_and_come_back(site: RunningLab) -> None:
    address = site.host("gone")["ansible_host"]
    assert connects(address) == "timeout"
    for network, expected in (("refused", "refused"), ("up", "connected"), ("black_hole", "timeout")):
        assert site.ask("set", "go*", f"network={network}").returncode == 0
        assert connects(address) == expected


def connects(address: str) -> str:
    with socket.socket() as client:
        client.settimeout(0.5)
        try:
            client.connect((address, 5985))
        except TimeoutError:
            return "timeout"
        except ConnectionRefusedError:
            return "refused"
    return "connected"


def test_a_machine_with_an_account_of_its_own_shows_what_it_was_offered(site: RunningLab) -> None:
    assert site.host("own")["ansible_user"] == "other"
    site.ask("offered", "--reset")
    assert call_service(site, "own", "StartService") == "10"
    assert json.loads(site.ask("offered").stdout) == {
        "own": [{"scheme": "basic", "user": "other", "password": "of its own", "accepted": True}]
    }


def test_a_licence_file_is_printed_without_a_lab() -> None:
    printed = lab("licence", "office-2021", "--kilobytes", "2")
    assert printed.returncode == 0, printed.stderr
    assert len(printed.stdout) > 2048
    assert 'for="office-2021" part="product"' in printed.stdout
    wrong = lab("licence", "office-95")
    assert wrong.returncode == 2
    assert "takes one of office-2010, office-2013, office-2016, office-2019, office-2021, office-2024" in wrong.stderr
