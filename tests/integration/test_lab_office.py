# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Office over real sockets: both class families ask one KMS host, which counts them apart from Windows; and its log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from lab_process import RunningLab, running_lab, write_site
from winrm.exceptions import WinRMTransportError
from winrm.protocol import Protocol

from lab.core.example_offices import OFFICE_2016_CSVLK, OFFICE_CSVLK
from lab.core.rehearsal import OFFICE_FAMILY, WINDOWS_FAMILY, request_envelope
from lab.core.soap import ENUMERATION, WMI

CIMV2 = f"{WMI}root/cimv2"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
MACHINES = {
    "kms01": {
        "os": "windows-server-2022-datacenter",
        "products": [
            {"channel": "gvlk"},
            {"office_host": "2021", "key": OFFICE_CSVLK, "activated": True},
            {"office_host": "2016", "key": OFFICE_2016_CSVLK, "activated": True},
        ],
    },
    "pc1": {"os": "windows-11-enterprise", "products": [{"channel": "gvlk"}, {"office": "ProPlus2021"}]},
    "old1": {"os": "windows-7-enterprise", "products": [{"channel": "gvlk"}, {"office": "ProPlus2016"}]},
}
KEYS = [
    {"key": OFFICE_CSVLK, "kind": "kms_host", "for": ["office-2021"]},
    {"key": OFFICE_2016_CSVLK, "kind": "kms_host", "for": ["office-2016"]},
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("office")
    file = write_site(folder, machines=MACHINES, microsoft={"keys": KEYS}, dns={"software": "builtin"})
    with running_lab(folder, file) as lab:
        for setting in ("firewall=on", "clients=office-2021:4", "clients=office-2016:4"):
            assert lab.ask("set", "kms01", setting).returncode == 0
        yield lab


def said(
    lab: RunningLab, machine: str, action: str, uri: str, body: str, selectors: dict[str, str] | None = None
) -> str:
    """The answer to one request over HTTP with message encryption; a fault's is its code."""
    host = lab.host(machine)
    url = f"http://{host['ansible_host']}:{host['ansible_port']}/wsman"
    protocol = Protocol(
        url,
        transport="ntlm",
        message_encryption="always",
        username=host["ansible_user"],
        password=host["ansible_password"],
    )
    try:
        answer: bytes = protocol.transport.send_message(request_envelope(action, uri, body, selectors))
    except WinRMTransportError as error:
        return str(error.response_text)
    return answer.decode("utf-8")


def query(lab: RunningLab, machine: str, wql: str) -> str:
    inner = f'<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements><w:Filter Dialect="{WQL}">{wql}</w:Filter>'
    return said(lab, machine, f"{ENUMERATION}/Enumerate", f"{CIMV2}/*", f"<n:Enumerate>{inner}</n:Enumerate>")


def invoke(lab: RunningLab, machine: str, name: str, method: str, inner: str, selectors: dict[str, str]) -> str:
    uri = f"{CIMV2}/{name}"
    body = f'<p:{method}_INPUT xmlns:p="{uri}">{inner}</p:{method}_INPUT>'
    return said(lab, machine, f"{uri}/{method}", uri, body, selectors)


def only(pattern: str, text: str) -> str:
    found = re.findall(pattern, text)
    assert len(found) == 1, text
    return str(found[0])


@pytest.mark.parametrize(
    ("machine", "family", "last_five", "release"),
    [("pc1", WINDOWS_FAMILY, "6F7TH", "2021"), ("old1", OFFICE_FAMILY, "WFG99", "2016")],
)
def test_an_office_is_activated_by_the_host_of_its_release(
    site: RunningLab, machine: str, family: str, last_five: str, release: str
) -> None:
    version = only("<Version>(.*)</Version>", query(site, machine, f"SELECT Version FROM {family}Service"))
    inner = f"<p:MachineName>{site.host('kms01')['ansible_host']}</p:MachineName>"
    invoke(site, machine, f"{family}Service", "SetKeyManagementServiceMachine", inner, {"Version": version})
    row = query(site, machine, f"SELECT ID FROM {family}Product WHERE PartialProductKey = '{last_five}'")
    selectors = {"ID": only("<ID>(.*)</ID>", row)}
    assert "ReturnValue>0<" in invoke(site, machine, f"{family}Product", "Activate", "", selectors)
    state = json.loads(site.ask("state").stdout)["machines"]
    products = {product["partial_product_key"]: product for product in state[machine]["products"]}
    assert (products[last_five]["license_status"], products[last_five]["activated_by"]) == (1, "kms")
    assert state["kms01"]["kms_host"]["pools"][f"office-{release}"]["count"] == 5
    condition = f"Logfile = 'Key Management Service' AND RecordNumber &gt; 1 AND Message LIKE '%{selectors['ID']}%'"
    record = query(site, "kms01", f"SELECT InsertionStrings FROM Win32_NTLogEvent WHERE {condition}")
    assert record.count("<InsertionStrings>") == 10


def test_windows_is_refused_by_a_host_of_office_alone(site: RunningLab) -> None:
    version = only("<Version>(.*)</Version>", query(site, "pc1", "SELECT Version FROM SoftwareLicensingService"))
    inner = f"<p:MachineName>{site.host('kms01')['ansible_host']}</p:MachineName>"
    name = "SoftwareLicensingService"
    invoke(site, "pc1", name, "SetKeyManagementServiceMachine", inner, {"Version": version})
    row = query(site, "pc1", "SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey = '2YT43'")
    answer = invoke(site, "pc1", "SoftwareLicensingProduct", "Activate", "", {"ID": only("<ID>(.*)</ID>", row)})
    assert f'Code="{0xC004F042}"' in answer


def test_registry_and_directory_are_set_from_outside(site: RunningLab) -> None:
    key = "SOFTWARE\\Policies\\Microsoft\\Windows NT\\CurrentVersion\\Software Protection Platform"
    assert site.ask("set", "pc1", f"registry={key}\\KeyManagementServiceName=kms.example.test").returncode == 0
    inner = f"<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>{key}</p:sSubKeyName>"
    inner += "<p:sValueName>KeyManagementServiceName</p:sValueName>"
    assert "sValue>kms.example.test<" in invoke(site, "pc1", "StdRegProv", "GetStringValue", inner, {})
    wrong = site.ask("set", "pc1", "directory=away")
    assert (wrong.returncode, wrong.stderr.count("is not up or down")) == (1, 1)
