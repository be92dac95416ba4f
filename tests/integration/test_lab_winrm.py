# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated machines over real sockets, as pywinrm and plain HTTP clients meet them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Literal

import pytest
import requests
import requests_ntlm
from lab_process import RunningLab, running_lab, write_site
from winrm.exceptions import InvalidCredentialsError
from winrm.protocol import Protocol

MACHINES = ("kms01", "win001", "srv01")
ANONYMOUS = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2"
IDENTIFY = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
)
SOAP = {"Content-Type": "application/soap+xml;charset=UTF-8"}
UNAUTHENTICATED = {**SOAP, "WSMANIDENTIFY": "unauthenticated"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="module")
def basic_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("basic")
    account = {"user": "labadmin", "password": "correct horse", "transports": ["ntlm", "basic"]}
    with running_lab(folder, write_site(folder, account=account, dns={"software": "builtin"})) as lab:
        yield lab


def url(lab: RunningLab, machine: str, path: str = "/wsman") -> str:
    host = lab.host(machine)
    return f"http://{host['ansible_host']}:{host['ansible_port']}{path}"


def client(
    lab: RunningLab, machine: str, transport: Literal["ntlm", "basic"] = "ntlm", *, user: str = "", password: str = ""
) -> Protocol:
    host = lab.host(machine)
    return Protocol(
        url(lab, machine),
        transport=transport,
        message_encryption="never" if transport == "basic" else "always",
        username=user or host["ansible_user"],
        password=password or host["ansible_password"],
    )


def send(protocol: Protocol, envelope: str) -> str:
    answer: bytes = protocol.transport.send_message(envelope)
    return answer.decode("utf-8")


def envelope(action: str, resource: str, body: str) -> str:
    return (
        '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" '
        'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>'
        f"<a:To>http://lab/wsman</a:To><a:ReplyTo><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo>"
        f"<a:Action>{action}</a:Action><a:MessageID>uuid:{uuid.uuid4()}</a:MessageID>"
        f"<w:ResourceURI>{resource}</w:ResourceURI><w:MaxEnvelopeSize>512000</w:MaxEnvelopeSize>"
        f"<w:OperationTimeout>PT20S</w:OperationTimeout></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )


def get(class_name: str) -> str:
    return envelope("http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", f"{WMI}/{class_name}", "")


def wql(query: str) -> str:
    body = (
        "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements>"
        f'<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{query}</w:Filter></n:Enumerate>'
    )
    return envelope("http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate", f"{WMI}/*", body)


def test_identify_round_trips_over_ntlm_with_message_encryption(site: RunningLab) -> None:
    answer = send(client(site, "win001"), IDENTIFY)
    assert "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>" in answer
    assert "OS: 10.0.2" in answer


@pytest.mark.parametrize("machine", MACHINES)
def test_each_address_is_its_own_machine(site: RunningLab, machine: str) -> None:
    answer = send(client(site, machine), get("Win32_OperatingSystem"))
    assert f"<p:CSName>{machine.upper()}</p:CSName>" in answer


def test_a_query_finds_the_product_with_a_key(site: RunningLab) -> None:
    answer = send(
        client(site, "win001"),
        wql(
            "SELECT ID, Name, LicenseStatus, PartialProductKey FROM SoftwareLicensingProduct "
            "WHERE PartialProductKey IS NOT NULL"
        ),
    )
    assert "<PartialProductKey>MKNWC</PartialProductKey>" in answer
    assert "<LicenseStatus>1</LicenseStatus>" in answer


def test_one_connection_carries_many_messages(site: RunningLab) -> None:
    protocol = client(site, "srv01")
    assert [f"{name}</p:CSName>" in send(protocol, get("Win32_OperatingSystem")) for name in ["SRV01"] * 20] == [
        True
    ] * 20


@pytest.mark.parametrize("user", ["CORP\\labadmin", "labadmin@corp.example.test"])
def test_the_account_is_known_by_its_domain_names(site: RunningLab, user: str) -> None:
    assert "IdentifyResponse" in send(client(site, "win001", user=user), IDENTIFY)


@pytest.mark.parametrize(("user", "password"), [("", "wrong"), ("somebody", "")])
def test_a_wrong_password_or_user_is_refused(site: RunningLab, user: str, password: str) -> None:
    with pytest.raises(InvalidCredentialsError):
        send(client(site, "win001", user=user, password=password), IDENTIFY)


def test_a_request_without_authentication_gets_401_and_the_scheme(site: RunningLab) -> None:
    answer = requests.post(url(site, "win001"), data=get("Win32_OperatingSystem"), headers=SOAP, timeout=10)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "Negotiate"


def test_an_unencrypted_message_after_negotiate_gets_500_and_nothing_else(site: RunningLab) -> None:
    host = site.host("win001")
    login = requests_ntlm.HttpNtlmAuth(host["ansible_user"], host["ansible_password"])
    answer = requests.post(url(site, "win001"), data=IDENTIFY, headers=SOAP, auth=login, timeout=10)
    assert (answer.status_code, answer.content) == (500, b"")


def test_a_message_that_is_not_sealed_as_announced_is_refused(site: RunningLab) -> None:
    host = site.host("win001")
    login = requests_ntlm.HttpNtlmAuth(host["ansible_user"], host["ansible_password"])
    sealed = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
    answer = requests.post(url(site, "win001"), data=IDENTIFY, headers={"Content-Type": sealed}, auth=login, timeout=10)
    assert (answer.status_code, answer.content) == (400, b"")


@pytest.mark.parametrize("path", ["/wsman", "/wsman-anon", "/wsman-anon/identify"])
def test_identify_needs_no_authentication_when_it_says_so(site: RunningLab, path: str) -> None:
    answer = requests.post(url(site, "win001", path), data=IDENTIFY, headers=UNAUTHENTICATED, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/soap+xml;charset=UTF-8"
    assert "IdentifyResponse" in answer.text


@pytest.mark.parametrize("body", [get("Win32_OperatingSystem"), "<not xml", "", IDENTIFY.replace("<i:Identify/>", "")])
def test_nothing_but_identify_goes_without_authentication(site: RunningLab, body: str) -> None:
    answer = requests.post(url(site, "win001"), data=body, headers=UNAUTHENTICATED, timeout=10)
    assert answer.status_code == 401


def test_a_body_above_the_limit_is_refused(site: RunningLab) -> None:
    answer = requests.post(url(site, "win001"), data=bytes(600 * 1024), headers=SOAP, timeout=10)
    assert answer.status_code == 413


def test_another_path_or_method_is_not_there(site: RunningLab) -> None:
    assert requests.post(url(site, "win001", "/"), timeout=10).status_code == 404
    assert requests.get(url(site, "win001"), timeout=10).status_code == 405


def test_basic_works_unencrypted_where_the_site_allows_it(basic_site: RunningLab) -> None:
    assert basic_site.host("win001")["ansible_winrm_transport"] == ["ntlm", "basic"]
    assert "IdentifyResponse" in send(client(basic_site, "win001", "basic"), IDENTIFY)


def test_ntlm_still_works_where_basic_is_allowed(basic_site: RunningLab) -> None:
    assert "IdentifyResponse" in send(client(basic_site, "win001"), IDENTIFY)


def test_a_wrong_basic_password_is_refused(basic_site: RunningLab) -> None:
    with pytest.raises(InvalidCredentialsError):
        send(client(basic_site, "win001", "basic", password="wrong"), IDENTIFY)


def test_basic_is_refused_where_the_site_does_not_allow_it(site: RunningLab) -> None:
    with pytest.raises(InvalidCredentialsError):
        send(client(site, "win001", "basic"), IDENTIFY)


def test_requests_are_counted_by_machine_and_operation(site: RunningLab) -> None:
    assert site.ask("stats", "--reset").returncode == 0
    send(client(site, "srv01"), get("Win32_OperatingSystem"))
    assert '"srv01"' in (said := site.ask("stats", "--reset").stdout)
    assert '"win001"' not in said
    assert '"srv01"' not in site.ask("stats").stdout
