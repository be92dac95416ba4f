# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`host_info`: what it tells of a host, of one that nobody has asked, and of a machine that is none."""

from __future__ import annotations

import json
import typing as t

import pytest
from spp_lab import HOST_KEY, InProcessLab, Plant, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import OperationTimedOut
from ansible_collections.volact.kms.plugins.plugin_utils._spp import HostSection, inspect_host

OFFICE_KEY = "QQQQQ-RRRRR-TTTTT-VVVVV-KHFXY"
OLD_OFFICE_KEY = "RRRRR-TTTTT-VVVVV-WWWWW-KHFWT"

DOCUMENT: dict[str, object] = {
    "domain": "corp.example.test",
    "machines": {
        "kms01": {
            "os": "windows-server-2022-datacenter",
            "products": [
                {"key": HOST_KEY, "activated": True},
                {"office_host": "2021", "key": OFFICE_KEY, "activated": True},
                {"office_host": "2019", "key": OLD_OFFICE_KEY},
            ],
        },
        "win01": {"os": "windows-11-enterprise"},
        "old01": {"os": "windows-7-enterprise"},
        "azure01": {"os": "windows-server-2022-datacenter-azure-edition"},
    },
    "microsoft": {
        "keys": [
            {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            {"key": OFFICE_KEY, "kind": "kms_host", "for": ["office-2021"]},
            {"key": OLD_OFFICE_KEY, "kind": "kms_host", "for": ["office-2019"]},
        ]
    },
    "behaviour": {"products_without_key": 3},
}


@pytest.fixture
def lab() -> InProcessLab:
    """A host of Windows and two releases of Office, of which one is not activated."""
    return new_lab(DOCUMENT)


def host(lab: InProcessLab, *sections: HostSection, machine: str = "kms01") -> dict[str, t.Any]:
    """The `host` of the result."""
    found: dict[str, t.Any] = inspect_host(lab.licensing(machine), sections)["host"]
    json.dumps(found)
    return found


def test_every_host_key_is_shown_with_its_own_count(lab: InProcessLab) -> None:
    lab.site.set("kms01", "clients", "windows:30")
    lab.site.set("kms01", "clients", "office-2021:4")
    found = host(lab)
    assert found["is_kms_host"]
    assert [
        (each["application"], each["partial_product_key"], each["license_status_name"], each["current_count"])
        for each in found["products"]
    ] == [
        ("windows", "KHWHT", "Licensed", 30),
        ("office", "KHFXY", "Licensed", 4),
        ("office", "KHFWT", "OOBGrace", 0),
    ]


def test_readiness_is_per_class_against_the_count_that_serves_it(lab: InProcessLab) -> None:
    lab.site.set("kms01", "clients", "windows:24")
    found = host(lab)
    assert found["readiness"]["windows_client"] == {"threshold": 25, "current_count": 24, "missing": 1, "ready": False}
    assert found["readiness"]["windows_server"] == {"threshold": 5, "current_count": 24, "missing": 0, "ready": True}
    assert found["readiness"]["office"] == {"threshold": 5, "current_count": 0, "missing": 5, "ready": False}
    assert list(found["products"][0]["readiness"]) == ["windows_client", "windows_server"]
    assert list(found["products"][1]["readiness"]) == ["office"]


def test_a_host_key_that_is_not_activated_makes_nobody_ready(lab: InProcessLab) -> None:
    lab.site.set("kms01", "clients", "office-2019:9")
    lab.site.set("kms01", "clients", "office-2021:9")
    of_2021, of_2019 = (each["readiness"]["office"] for each in host(lab)["products"][1:])
    assert (of_2021["ready"], of_2019["ready"]) == (True, False)
    assert host(lab)["readiness"]["office"]["ready"] is False


def test_a_host_key_that_waits_shows_what_the_telephone_service_asks_for(lab: InProcessLab) -> None:
    identifiers = [each["installation_id"] for each in host(lab)["products"]]
    assert identifiers[:2] == [None, None]
    assert identifiers[2].isdecimal()


@pytest.mark.parametrize("dialects", [[], ["fresh-host-count-minus-1"]])
def test_a_host_that_nobody_has_asked_counts_none_and_says_so(dialects: list[str]) -> None:
    lab = new_lab(DOCUMENT, dialects=dialects)
    windows = host(lab)["products"][0]
    assert (windows["current_count"], windows["nobody_has_asked"]) == (0, True)
    lab.site.set("kms01", "clients", "3")
    assert not host(lab)["products"][0]["nobody_has_asked"]


def test_requests_are_counted_by_the_status_of_the_client(lab: InProcessLab) -> None:
    lab.site.set("kms01", "requests", "1,2,3,4,5,6,7,8")
    counters = host(lab)["products"][0]["counters"]
    assert counters == {
        "total": counters["total"],
        "unlicensed": 1,
        "licensed": 2,
        "initial_grace": 3,
        "additional_grace": 4,
        "non_genuine_grace": 5,
        "notification": 6,
        "failed": 8,
    }


def test_the_service_shows_its_settings_and_its_state(lab: InProcessLab) -> None:
    service = host(lab)["service"]
    assert (service["state"], service["listening_port"], service["publish_domains"]) == ("Running", 1688, [])
    lab.site.set("kms01", "service_state", "stopped")
    assert host(lab)["service"]["state"] == "Stopped"


def test_a_machine_that_is_no_host_says_so_and_nothing_else(lab: InProcessLab) -> None:
    found = host(lab, machine="win01")
    assert (found["is_kms_host"], found["products"], found["firewall"]) == (False, [], None)
    assert found["readiness"] == {"windows_client": None, "windows_server": None, "office": None}


def test_windows_7_has_no_classes_for_its_firewall(lab: InProcessLab) -> None:
    firewall = host(lab, HostSection.FIREWALL, machine="old01")["firewall"]
    assert (firewall["supported"], firewall["open_in"], firewall["rules"]) == (False, None, [])


def test_the_clock_is_compared_with_that_of_the_controller(lab: InProcessLab) -> None:
    lab.site.set("kms01", "clock_offset_minutes", "-7")
    assert host(lab)["clock_skew_seconds"] == -420


@pytest.mark.parametrize("dialects", [[], ["event-12293-text"]])
def test_a_record_that_was_not_published_is_explained(dialects: list[str]) -> None:
    lab = new_lab(DOCUMENT, dialects=dialects)
    lab.site.set("kms01", "dns_updates", "secure")
    restart(lab)
    found = host(lab, HostSection.EVENTS)
    last = found["last_publishing"]
    assert (last["event"], last["domain"], last["code"]) == (12293, "corp.example.test", "0x80072338")
    assert last["code_name"] == "DNS_ERROR_RCODE_BADSIG"
    assert "Full Control" in last["code_remedy"]
    assert found["publishing_reason"] is None


def test_a_record_that_was_published_needs_no_explanation(lab: InProcessLab) -> None:
    lab.site.set("kms01", "dns_updates", "open")
    restart(lab)
    last = host(lab, HostSection.EVENTS)["last_publishing"]
    assert (last["event"], last["succeeded"], last["code"], last["code_meaning"]) == (12294, True, "0x00000000", None)


def restart(lab: InProcessLab) -> None:
    """Let the service start again, which publishes."""
    lab.site.set("kms01", "service_state", "stopped")
    lab.licensing("kms01").control_windows_service("sppsvc", "StartService")
    lab.clock.sleep(30)


def test_a_log_that_takes_too_long_is_unknown_with_a_reason(lab: InProcessLab) -> None:
    lab.plants.append(Plant(b"Win32_NTLogEvent", OperationTimedOut("The server gave up."), after=False))
    found = host(lab, HostSection.EVENTS)
    assert (found["last_publishing"], found["publishing"]) == (None, None)
    assert "did not answer in time" in found["publishing_reason"]


def test_updates_say_what_the_machine_can_be_host_for(lab: InProcessLab) -> None:
    lab.site.set("kms01", "revision", "2322")
    updates = host(lab, HostSection.UPDATES)["updates"]
    possible = {each["name"]: each["possible"] for each in updates["can_host"]}
    assert (updates["revision"], possible["Windows Server 2025"], possible["Office LTSC 2024"]) == (2322, True, True)
    lab.site.set("kms01", "revision", "2000")
    updates = host(lab, HostSection.UPDATES)["updates"]
    [newest] = [each for each in updates["can_host"] if each["name"] == "Windows Server 2025"]
    assert newest == {
        "name": "Windows Server 2025",
        "possible": False,
        "required_update": "KB5034770 or a later cumulative update",
        "reason": "the update is missing",
    }


def test_an_azure_edition_can_host_nothing(lab: InProcessLab) -> None:
    can_host = host(lab, HostSection.UPDATES, machine="azure01")["updates"]["can_host"]
    assert {each["possible"] for each in can_host} == {False}
    assert can_host[0]["reason"] == "Datacenter: Azure Edition can never be a KMS host"


def test_a_host_for_windows_takes_at_most_eight_requests() -> None:
    machines = DOCUMENT["machines"]
    assert isinstance(machines, dict)
    alone = {**machines["kms01"], "products": [{"key": HOST_KEY, "activated": True}]}
    lab = new_lab({**DOCUMENT, "machines": {"kms01": alone}})
    for sections, requests in (((), 5), ((HostSection.FIREWALL,), 8)):
        licensing = lab.licensing("kms01")
        inspect_host(licensing, sections)
        assert licensing.session.requests == requests
