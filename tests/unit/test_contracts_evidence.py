# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The evidence ledger has every name of Windows that the code uses, no other, and docs/evidence.md is made from it."""

from __future__ import annotations

import importlib.util
import sys
import typing as t
from pathlib import Path
from types import ModuleType

import pytest
import yaml

# No core and no Python changes what the project's texts say.
pytestmark = pytest.mark.combinations

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"

Used = set[tuple[str, str]]


def generator() -> ModuleType:
    """docs/reference/evidence.py, which is a program and in no package."""
    spec = importlib.util.spec_from_file_location("evidence", REFERENCE / "evidence.py")
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


evidence = generator()
LEDGER: dict[str, t.Any] = yaml.safe_load((REFERENCE / "evidence.yaml").read_text("utf-8"))
USED: Used = evidence.names_in_code()


def test_code_and_ledger_name_the_same() -> None:
    assert evidence.faults(USED, evidence.facts_of(LEDGER), LEDGER) == []


def test_the_page_is_made_from_the_ledger() -> None:
    page = (ROOT / "docs" / "evidence.md").read_text("utf-8")
    assert page == evidence.page(evidence.facts_of(LEDGER), LEDGER), "python docs/reference/evidence.py"


def test_the_scan_finds_names_of_every_kind_in_the_code() -> None:
    assert {
        ("class", "MSFT_NetFirewallRule"),
        ("class", "Win32_OperatingSystem"),
        ("property", "Win32_OperatingSystem.CSName"),
        ("property", "Win32_Service.State"),
        ("property", "SoftwareLicensingService.KeyManagementServiceLookupDomain"),
        ("property", "SoftwareLicensingProduct.PartialProductKey"),
        ("name", "InstallProductKey"),
        ("name", "DisablePublishing"),
        ("name", "SystemCreationClassName"),
        ("name", "SPPSVC-In-TCP"),
        ("name", "sppsvc"),
        ("code", "0xC004F038"),
        ("code", "0x80338029"),
        ("operation", "identify"),
        ("operation", "query"),
        ("operation", "invoke"),
        ("event", "12288"),
        ("record", "_vlmcs._tcp"),
    } <= USED


def test_every_property_of_the_ledger_is_in_the_class_reference() -> None:
    reference = yaml.safe_load((REFERENCE / "cim_classes.yaml").read_text("utf-8"))
    known = {(row["name"], item["name"]) for row in reference["classes"] for item in row.get("properties", ())}
    listed = {tuple(fact.name.split(".")) for fact in evidence.facts_of(LEDGER) if fact.kind == "property"}
    assert listed - known == set()


PROPERTY_LISTS = "WANTED_PROPERTIES_6_1 = ('Alpha',)\nWANTED_PROPERTIES = (*WANTED_PROPERTIES_6_1, 'Beta')\n"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("rows = session.query('SELECT Owner FROM Win32_Share')", {("class", "Win32_Share")}),
        ("rows = session.query('SELECT Owner FROM Win32_Share')", {("property", "Win32_Share.Owner")}),
        (
            "q = f\"SELECT Owner, Path FROM Win32_Share WHERE Name = '{name}' AND Type = 0\"",
            {("property", f"Win32_Share.{name}") for name in ("Owner", "Path", "Name", "Type")},
        ),
        (
            PROPERTY_LISTS + "q = f\"SELECT {', '.join(_rows.WANTED_PROPERTIES)} FROM Win32_Share\"",
            {("property", "Win32_Share.Alpha"), ("property", "Win32_Share.Beta")},
        ),
        (
            PROPERTY_LISTS + "r = self._select('Win32_Share', _rows.WANTED_PROPERTIES, _rows.WANTED_PROPERTIES_6_1)",
            {("property", "Win32_Share.Alpha"), ("property", "Win32_Share.Beta"), ("class", "Win32_Share")},
        ),
        (
            "r = self._select('Win32_Share', names, oldest, True, f\" WHERE Owner = '{x}' AND Path IS NOT NULL\")",
            {("property", "Win32_Share.Owner"), ("property", "Win32_Share.Path")},
        ),
        ("name = row.text('NeverListed')", {("property", "?.NeverListed")}),
        ("session.invoke('SoftwareLicensingService', 'ReArmWindows')", {("name", "ReArmWindows")}),
        ("change = Change('ReArmWindows', target, arguments={'Force': True})", {("name", "Force")}),
        ("OFFICE_SERVICE = 'osppsvc'", {("name", "osppsvc")}),
        ("RULES = frozenset({'SPPSVC-Out-TCP'})", {("name", "SPPSVC-Out-TCP")}),
        ("self._session.delete('Win32_Share', keys)", {("operation", "delete")}),
        ("STARTED = 12291", {("event", "12291")}),
        ("hint = 'look for event 12290'", {("event", "12290")}),
        ("hint = f'look for event 12291 on {machine}'", {("event", "12291")}),
    ],
)
def test_a_name_that_the_ledger_lacks_is_found(source: str, found: Used) -> None:
    used = evidence.names_of([source])
    assert found <= used
    faults = evidence.faults(USED | used, evidence.facts_of(LEDGER), LEDGER)
    for kind, name in found:
        assert f"{kind} {name}: used by the code, not in evidence.yaml" in faults


def test_a_code_that_the_ledger_lacks_is_found_anywhere() -> None:
    used = evidence.codes_of(["BROKEN = frozenset({0xC004F025, 5, 0xFFFFFFFF})", "service = '_ldap._tcp'"])
    assert used == {("code", "0xC004F025"), ("record", "_ldap._tcp")}


def test_prose_and_the_face_of_a_package_are_no_names() -> None:
    source = (
        '"""Activate12288."""\n__all__ = ["Licensing"]\nT = t.TypeVar("Thing")\nmessage = "Run again; see ReadMe."\n'
    )
    assert evidence.names_of([source]) == set()


@pytest.mark.parametrize(
    ("kind", "row", "fault"),
    [
        (
            "names",
            {"name": "Vanished", "source": ["slmgr"], "confirmed": ["documents"]},
            "name Vanished: in evidence.yaml, used by no code",
        ),
        ("codes", {"name": "0xC004F038", "source": ["hearsay"], "confirmed": ["documents"]}, "no source hearsay"),
        ("codes", {"name": "0xC004F038", "source": ["slmgr"], "confirmed": ["rumour"]}, "0xC004F038: rumour?"),
        (
            "codes",
            {"name": "0xC004F038", "source": "unverified", "confirmed": ["capture"]},
            "unverified means confirmed by nothing",
        ),
        ("codes", {"name": "0xC004F038", "source": ["slmgr"]}, "unverified means confirmed by nothing"),
    ],
)
def test_a_row_that_cannot_be_is_found(kind: str, row: dict[str, t.Any], fault: str) -> None:
    ledger = LEDGER | {kind: [*LEDGER[kind], row]}
    assert any(fault in found for found in evidence.faults(USED, evidence.facts_of(ledger), ledger))


def test_only_reports_of_genuine_machines_count_as_confirmed_by_windows() -> None:
    facts = evidence.facts_of(LEDGER)
    # No such report has come yet. Whoever adds one names it as a source, and takes this assertion out.
    assert [fact.name for fact in facts if "windows" in fact.confirmed] == []
    assert "**No genuine Windows machine\nhas confirmed anything in this project yet.**" in evidence.page(facts, LEDGER)
