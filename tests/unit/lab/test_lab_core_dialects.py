# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named dialects: chosen by the site file, documented, and each of them audible on the wire."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest
from published_keys import published_key

from lab.core import SiteError, parse_site
from lab.core.dialect import STANDARD, Dialect
from lab.core.dialects import DIALECTS, KNOWN, LIMITS, Contradiction, combinable, document, speak
from lab.core.rehearsal import OFFICE_FAMILY, Rehearsal, RehearsedFault, rehearse, request_envelope, rule_keys
from lab.core.soap import ENUMERATION, TRANSFER, WMI

DOCUMENT = pathlib.Path(__file__).parents[3] / "docs" / "dialects.md"
CSVLK = "HHHHH-JJJJJ-KKKKK-MMMMM-KMNWX"
FOREIGN_KEY = "JJJJJ-KKKKK-MMMMM-PPPPP-KMNWY"
OFFICE_MAK = "KKKKK-MMMMM-PPPPP-QQQQQ-MKNWY"
YEARS = ("2016", "2021")
OFFICE_CSVLK = {"2016": "PPPPP-QQQQQ-RRRRR-TTTTT-KNMFF", "2021": "MMMMM-PPPPP-QQQQQ-RRRRR-KMNFF"}
SPP = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
CIMV2 = f"{WMI}root/cimv2"


def site(*dialects: str, **behaviour: t.Any) -> dict[str, t.Any]:
    """A site file with a host, a client with an ESU licence, and these dialects."""
    hosts = ["windows-server-2022-datacenter"]
    return {
        "domain": "corp.example.test",
        "machines": {
            "kms01": {
                "os": hosts[0],
                "products": [{"key": CSVLK, "activated": True}],
                "firewall": {"policy_rules": [{"name": "of-a-policy", "port": 1688}]},
                "registry": {SPP: {"DnsDomainPublishList": ["other.example.test"]}},
            },
            "win1": {"os": "windows-11-enterprise", "products": [{"channel": "gvlk"}, {"kind": "esu"}]},
            "office1": {
                "os": "windows-11-enterprise",
                "products": [{"office": "ProPlus2010"}, {"office": "Word2021", "key": OFFICE_MAK}],
                "registry": {f"{SPP}\\0ff1ce15-a989-479d-af46-f275c6370663": {"KeyManagementServiceName": "kms01"}},
            },
            "packs": {
                "os": hosts[0],
                "products": [{"office_host": year, "key": OFFICE_CSVLK[year], "activated": True} for year in YEARS],
            },
        },
        "microsoft": {
            "keys": [
                {"key": CSVLK, "kind": "kms_host", "for": hosts},
                {"key": FOREIGN_KEY, "kind": "kms_host", "for": hosts},
                {"key": OFFICE_MAK, "kind": "mak", "for": ["Word2021"]},
                *({"key": OFFICE_CSVLK[year], "kind": "kms_host", "for": [f"office-{year}"]} for year in YEARS),
            ]
        },
        "behaviour": {"products_without_key": 2, "dialects": list(dialects), **behaviour},
    }


def spoken(*dialects: str) -> Rehearsal:
    """The site, running."""
    return rehearse(site(*dialects))


def raw(
    lab: Rehearsal,
    action: str,
    uri: str,
    body: str,
    selectors: t.Mapping[str, str] | None = None,
    machine: str = "win1",
) -> str:
    """The whole answer of a machine."""
    return lab.send(machine, request_envelope(action, uri, body, selectors)).body.decode()


def everything(lab: Rehearsal) -> str:
    """A conversation in which every dialect can be heard."""
    heard = []
    service = f"{CIMV2}/SoftwareLicensingService"
    dialect = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
    for wql in (
        "SELECT * FROM SoftwareLicensingProduct",
        "SELECT ID, TrustedTime FROM SoftwareLicensingProduct",
        "SELECT VLActivationType FROM SoftwareLicensingProduct",
        "SELECT * FROM SoftwareLicensingService",
        "SELECT * FROM Win32_OperatingSystem",
        "SELECT * FROM MSFT_Nothing",
    ):
        asked = (
            f'<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements><w:Filter Dialect="{dialect}">{wql}</w:Filter>'
        )
        heard.append(raw(lab, f"{ENUMERATION}/Enumerate", f"{CIMV2}/*", f"<n:Enumerate>{asked}</n:Enumerate>"))
    heard += [str(lab.query("kms01", "SELECT * FROM SoftwareLicensingService"))]
    for method, inner in (
        ("SetKeyManagementServiceMachine", "<p:MachineName>kms01.corp.example.test</p:MachineName>"),
        ("InstallProductKey", f"<p:ProductKey>{FOREIGN_KEY}</p:ProductKey>"),
    ):
        body = f'<p:{method}_INPUT xmlns:p="{service}">{inner}</p:{method}_INPUT>'
        heard.append(raw(lab, f"{service}/{method}", service, body, lab.service("win1")))
    heard.append(
        str(lab.query("win1", "SELECT KeyManagementServiceMachine, LicenseIsAddon FROM SoftwareLicensingProduct"))
    )
    rule = {"CreationClassName": "MSFT|FW|FirewallRule|SPPSVC-In-TCP"}
    rule |= dict.fromkeys(("PolicyRuleName", "SystemCreationClassName", "SystemName"), "")
    uri = f"{WMI}root/StandardCimv2/MSFT_NetFirewallRule"
    heard.append(raw(lab, f"{uri}/Enable", uri, f'<p:Enable_INPUT xmlns:p="{uri}"/>', rule))
    heard += [raw(lab, f"{TRANSFER}/Get", uri, "", rule), raw(lab, f"{TRANSFER}/Get", service, "", {"Version": "0"})]
    service_uri = f"{CIMV2}/Win32_Service"
    for _ in range(2):
        body = f'<p:StopService_INPUT xmlns:p="{service_uri}"/>'
        heard.append(raw(lab, f"{service_uri}/StopService", service_uri, body, {"Name": "sppsvc"}))
    lab.enable_firewall_rule("kms01")
    lab.publish("kms01")
    for offset in ("0", "300"):
        lab.site.set("win1", "clock_offset_minutes", offset)
        product = lab.query("win1", "SELECT ID FROM SoftwareLicensingProduct WHERE GracePeriodRemaining = 0")[0]
        uri = f"{CIMV2}/SoftwareLicensingProduct"
        selectors = {"ID": str(product.get("ID") or product.get("id"))}
        heard.append(raw(lab, f"{uri}/Activate", uri, f'<p:Activate_INPUT xmlns:p="{uri}"/>', selectors))
        heard.append(str(lab.query("win1", "SELECT LicenseStatusReason FROM SoftwareLicensingProduct")))
    heard += host_matters(lab)
    heard += office_and_events(lab)
    lab.site.set("win1", "access", "denied")
    heard.append(raw(lab, f"{TRANSFER}/Get", service, "", {"Version": "0"}))
    return "\n".join(heard)


def host_matters(lab: Rehearsal) -> list[str]:
    """What concerns a KMS host alone: its firewall, intervals, publishing and registry."""
    rule = rule_keys("SPPSVC-In-TCP")
    addresses = {"RemoteAddress": ["10.0.0.0/8", "LocalSubnet"]}
    named: dict[str, str] = dict.fromkeys(("Name", "SystemCreationClassName", "SystemName"), "")
    by_name, by_keys = {"InstanceID": "SPPSVC-In-TCP"}, {**named, "CreationClassName": rule["CreationClassName"]}
    heard = [
        attempt(lambda: lab.transfer("kms01", "Put", "MSFT_NetAddressFilter", by_name, addresses).tag),
        attempt(lambda: lab.transfer("kms01", "Put", "MSFT_NetAddressFilter", by_keys, addresses).tag),
    ]
    attempt(lambda: lab.transfer("kms01", "Create", "MSFT_NetFirewallRule", None, {"InstanceID": "own"}))
    classes = ("MSFT_NetFirewallRule", "MSFT_NetAddressFilter")
    heard += [str(lab.query("kms01", f"SELECT * FROM {name}", "root/StandardCimv2")) for name in classes]
    keys = {"hDefKey": str(0x80000002), "sSubKeyName": SPP.replace("SOFTWARE", "SOFTWARE\\Wow6432Node")}
    heard.append(attempt(lambda: lab.invoke("kms01", "StdRegProv", "EnumValues", keys)))
    lab.install_key("kms01", FOREIGN_KEY)
    heard.append(attempt(lambda: lab.invoke_service("kms01", "SetVLActivationInterval", {"ActivationInterval": 60})))
    lab.install_key("kms01", CSVLK)
    lab.activate("kms01")
    lab.install_key("office1", OFFICE_MAK)
    for step in ("Activate", "UninstallProductKey"):
        lab.invoke_product("office1", step, OFFICE_MAK[-5:])
    lab.install_key("office1", OFFICE_MAK)
    lab.invoke_service("office1", "RefreshLicenseStatus")
    return heard


def attempt(call: t.Callable[[], object]) -> str:
    """What comes of a call, its fault included."""
    try:
        return str(call())
    except RehearsedFault as fault:
        return str(fault)


def office_and_events(lab: Rehearsal) -> list[str]:
    """What the machines with Office say, and what is in the logs."""
    heard = [str(lab.site.state())]
    lab.install_key("office1", published_key("Office LTSC 2021", "Word LTSC 2021"))
    product = "Description, KeyManagementServiceMachine, LicenseStatus, PartialProductKey"
    heard += [str(lab.query("office1", f"SELECT {product} FROM SoftwareLicensingProduct"))]
    office = f"SELECT * FROM {OFFICE_FAMILY}Product WHERE PartialProductKey IS NOT NULL"
    heard += [str(lab.query("office1", office)), str(lab.query("packs", "SELECT * FROM SoftwareLicensingService"))]
    key = {"hDefKey": 0x80000002, "sSubKeyName": f"{SPP}\\Activation"}
    heard += [str(lab.invoke("win1", "StdRegProv", "EnumValues", key))]
    try:
        lab.invoke_service("win1", "SetVLActivationTypeEnabled", {"ActivationType": 1})
        lab.activate("win1", "2YT43")
    except RehearsedFault as fault:
        heard.append(str(fault))
    for machine in ("win1", "kms01"):
        for log in ("Application", "Key Management Service"):
            wql = f"SELECT * FROM Win32_NTLogEvent WHERE Logfile = '{log}' AND RecordNumber &gt; 1"
            asked = f'<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{wql}</w:Filter>'
            first = raw(
                lab, f"{ENUMERATION}/Enumerate", f"{CIMV2}/*", f"<n:Enumerate>{asked}</n:Enumerate>", None, machine
            )
            context = first.partition("EnumerationContext>")[2].partition("<")[0]
            inner = f"<n:EnumerationContext>{context}</n:EnumerationContext><n:MaxElements>50</n:MaxElements>"
            heard.append(raw(lab, f"{ENUMERATION}/Pull", f"{CIMV2}/*", f"<n:Pull>{inner}</n:Pull>", None, machine))
    return heard


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "see docs/dialects.md for the command that writes it"


@pytest.mark.parametrize("name", KNOWN)
def test_a_dialect_has_a_sentence_a_source_and_fields_of_the_right_type(name: str) -> None:
    dialect = KNOWN[name]
    assert dialect.stands_for.endswith(".")
    assert dialect.source
    fields = {field.name for field in dataclasses.fields(Dialect)}
    assert set(dialect.fields) <= fields
    for field, value in dialect.fields.items():
        assert type(value) is type(getattr(STANDARD, field))


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"fault-shape-2"}))
def test_a_dialect_can_be_heard(name: str) -> None:
    standard = everything(spoken())
    assert everything(spoken()) == standard
    assert everything(spoken(name)) != standard


def test_the_standard_is_fault_shape_2() -> None:
    assert speak(STANDARD, ["fault-shape-2"]) == STANDARD


def test_dialects_can_be_combined() -> None:
    lab = spoken("fault-shape-3", "fault-without-relates-to", "first-response-empty")
    assert len(lab.query("win1", "SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL")) == 2
    with pytest.raises(RehearsedFault) as caught:
        lab.install_key("win1", FOREIGN_KEY)
    assert caught.value.codes == (0xC004F069,)


def test_two_dialects_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(site("fault-shape-3", "fault-shape-1"))
    assert str(caught.value) == (
        "`dialects` of `behaviour`: fault-shape-3 and fault-shape-1 contradict each other (fault_shape)."
    )
    with pytest.raises(Contradiction):
        speak(STANDARD, ["dates-1601-nil", "dates-1601-west"])


def test_as_many_as_go_together_go_together() -> None:
    assert len(combinable()) > 20
    speak(STANDARD, combinable(reversed(list(DIALECTS))))


def test_a_limit_is_chosen_by_name_and_never_with_the_rest() -> None:
    assert not set(LIMITS) & {*combinable(), *combinable(reversed(list(DIALECTS)))}
    assert spoken("firewall-writes-refused").site.machines["win1"].dialect.firewall_writes == "refused"


def test_an_unknown_dialect_is_refused_with_the_valid_names() -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(site("bavarian"))
    assert str(caught.value).startswith(
        "'bavarian' in `behaviour` is no dialect of the lab; valid names are null-arrays-nil, dates-1601-nil,"
    )


def test_a_machine_may_speak_a_dialect_of_its_own() -> None:
    document = site("fault-shape-3")
    document["machines"]["win1"]["dialects"] = ["fault-shape-1", "service-port-unset-0"]
    kms01, win1, *_others = parse_site(document).machines
    assert (kms01.dialect.fault_shape, kms01.dialect.service_port_unset) == (3, 1688)
    assert (win1.dialect.fault_shape, win1.dialect.service_port_unset) == (1, 0)


def test_a_field_wins_over_a_dialect_of_the_site() -> None:
    spec = parse_site(site("fault-shape-3", fault_shape=1))
    assert spec.behaviour.dialect.fault_shape == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("success_form", "maybe", "`behaviour.success_form` is 'maybe'; valid values are zero, nil, empty."),
        ("null_array", "gone", "`behaviour.null_array` is 'gone'; valid values are omitted, nil."),
        ("dialects", "fault-shape-3", "`dialects` of `behaviour` is not a list but a str."),
    ],
)
def test_a_wrong_form_is_refused(field: str, value: str, sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(site(**{field: value}))
    assert str(caught.value) == sentence
