# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named dialects: chosen by the site file, documented, and each of them audible on the wire."""

from __future__ import annotations

import dataclasses
import pathlib
import typing as t

import pytest

from lab.core import SiteError, parse_site
from lab.core.dialect import STANDARD, Dialect
from lab.core.dialects import DIALECTS, Contradiction, combinable, document, speak
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse, request_envelope
from lab.core.soap import ENUMERATION, TRANSFER, WMI

DOCUMENT = pathlib.Path(__file__).parents[3] / "docs" / "dialects.md"
CSVLK = "HHHHH-JJJJJ-KKKKK-MMMMM-KMNWX"
FOREIGN_KEY = "JJJJJ-KKKKK-MMMMM-PPPPP-KMNWY"
CIMV2 = f"{WMI}root/cimv2"


def site(*dialects: str, **behaviour: t.Any) -> dict[str, t.Any]:
    """A site file with a host, a client with an ESU licence, and these dialects."""
    hosts = ["windows-server-2022-datacenter"]
    return {
        "domain": "corp.example.test",
        "machines": {
            "kms01": {"os": hosts[0], "products": [{"key": CSVLK, "activated": True}]},
            "win1": {"os": "windows-11-enterprise", "products": [{"channel": "gvlk"}, {"kind": "esu"}]},
        },
        "microsoft": {
            "keys": [
                {"key": CSVLK, "kind": "kms_host", "for": hosts},
                {"key": FOREIGN_KEY, "kind": "kms_host", "for": hosts},
            ]
        },
        "behaviour": {"products_without_key": 2, "dialects": list(dialects), **behaviour},
    }


def spoken(*dialects: str) -> Rehearsal:
    """The site, running."""
    return rehearse(site(*dialects))


def raw(lab: Rehearsal, action: str, uri: str, body: str, selectors: t.Mapping[str, str] | None = None) -> str:
    """The whole answer of win1."""
    return lab.send("win1", request_envelope(action, uri, body, selectors)).body.decode()


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
    lab.site.set("win1", "access", "denied")
    heard.append(raw(lab, f"{TRANSFER}/Get", service, "", {"Version": "0"}))
    return "\n".join(heard)


def test_the_document_is_what_the_code_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "see docs/dialects.md for the command that writes it"


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_has_a_sentence_a_source_and_fields_of_the_right_type(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.stands_for.endswith(".")
    assert dialect.source
    fields = {field.name for field in dataclasses.fields(Dialect)}
    assert set(dialect.fields) <= fields
    for field, value in dialect.fields.items():
        assert type(value) is type(getattr(STANDARD, field))


@pytest.mark.parametrize("name", sorted(set(DIALECTS) - {"fault-shape-2"}))
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


def test_an_unknown_dialect_is_refused_with_the_valid_names() -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(site("bavarian"))
    assert str(caught.value).startswith(
        "'bavarian' in `behaviour` is no dialect of the lab; valid names are null-arrays-nil, dates-1601-nil,"
    )


def test_a_machine_may_speak_a_dialect_of_its_own() -> None:
    document = site("fault-shape-3")
    document["machines"]["win1"]["dialects"] = ["fault-shape-1", "service-port-unset-0"]
    kms01, win1 = parse_site(document).machines
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
