# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A KMS host publishes its own SRV record, as far as DNS lets it."""

from __future__ import annotations

import typing as t

import pytest

from lab.core import SiteError, parse_site
from lab.core.example_company import CSVLK, machine_state
from lab.core.rehearsal import Rehearsal, rehearse
from lab.effects import ServiceRecord

DOMAIN = "corp.example.test"
SRV = f"_vlmcs._tcp.{DOMAIN}"
SPP = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"


def site(hosts: int = 1, **behaviour: t.Any) -> dict[str, t.Any]:
    system = "windows-server-2022-datacenter"
    return {
        "domain": DOMAIN,
        "machines": {f"kms{number}": {"os": system} for number in range(1, hosts + 1)},
        "microsoft": {"keys": [{"key": CSVLK, "kind": "kms_host", "for": [system]}]},
        "behaviour": {"products_without_key": 1, **behaviour},
    }


def activated(hosts: int = 1, **behaviour: t.Any) -> Rehearsal:
    """Hosts that were activated one after the other."""
    lab = rehearse(site(hosts, **behaviour))
    for name in lab.site.machines:
        lab.install_key(name, CSVLK)
        lab.activate(name)
        lab.run_due()
    return lab


def published(lab: Rehearsal, machine: str = "kms1") -> list[tuple[int, list[str]]]:
    """The events of publishing: number and strings."""
    events = machine_state(lab, machine)["events"]
    return [(event["id"], event["strings"]) for event in events if event["id"] in (12293, 12294)]


def restart(lab: Rehearsal, machine: str = "kms1") -> None:
    for method in ("StopService", "StartService"):
        lab.invoke(machine, "Win32_Service", method, None, {"Name": "sppsvc"})
    lab.run_due()


def record(name: str, domain: str = DOMAIN, port: int = 1688, priority: int = 0, weight: int = 0) -> ServiceRecord:
    return ServiceRecord(priority, weight, port, f"{name}.{domain}")


def test_a_zone_takes_no_updates_unless_the_site_file_says_so() -> None:
    lab = activated()
    assert published(lab) == [(12293, ["0x8007232D", DOMAIN])]
    assert lab.services == {}


def test_a_secure_zone_refuses_a_host_without_rights() -> None:
    lab = activated(dns_updates="secure")
    assert published(lab) == [(12293, ["0x80072338", DOMAIN])]
    assert lab.services == {}


def test_an_open_zone_takes_every_host() -> None:
    lab = activated(2, dns_updates="open")
    assert [published(lab, name) for name in ("kms1", "kms2")] == [[(12294, [DOMAIN])]] * 2
    assert lab.services[SRV] == (record("kms1"), record("kms2"))


def test_the_first_host_owns_the_name() -> None:
    lab = activated(2, dns_updates="owner")
    assert published(lab) == [(12294, [DOMAIN])]
    assert published(lab, "kms2") == [(12293, ["0x80072338", DOMAIN])]
    restart(lab)
    assert published(lab)[-1] == (12294, [DOMAIN]), "its own name it may write again"
    assert lab.services[SRV] == (record("kms1"),)


def test_a_name_that_somebody_else_made_is_not_a_hosts() -> None:
    lab = rehearse(site(dns_updates="owner"))
    lab.services[SRV] = (record("old"),)
    lab.install_key("kms1", CSVLK)
    lab.activate("kms1")
    lab.run_due()
    assert published(lab) == [(12293, ["0x80072338", DOMAIN])]


def test_rights_can_be_given_to_one_machine() -> None:
    lab = activated(dns_updates="secure")
    lab.site.set("kms1", "dns_updates", "open")
    restart(lab)
    assert [number for number, _ in published(lab)] == [12293, 12294]


def test_a_host_publishes_once_a_day_and_no_more_when_it_is_told_not_to() -> None:
    lab = activated(dns_updates="open")
    lab.site.advance(24 * 60)
    assert lab.run_due() == 1
    assert len(published(lab)) == 2
    lab.invoke_service("kms1", "DisableKeyManagementServiceDnsPublishing", {"DisablePublishing": "true"})
    lab.site.advance(24 * 60)
    lab.run_due()
    restart(lab)
    assert len(published(lab)) == 2


def test_a_host_publishes_the_port_it_listens_on() -> None:
    lab = activated(dns_updates="open")
    lab.invoke_service("kms1", "SetKeyManagementServiceListeningPort", {"PortNumber": 1689})
    restart(lab)
    assert lab.services[SRV] == (record("kms1"), record("kms1", port=1689)), "the old record is nobody's business"


def publish_list(lab: Rehearsal, *lines: str) -> None:
    key = {"hDefKey": 0x80000002, "sSubKeyName": SPP, "sValueName": "DnsDomainPublishList"}
    lab.invoke("kms1", "StdRegProv", "SetMultiStringValue", {**key, "sValue": list(lines)})


def test_more_domains_are_published_in_with_priority_and_weight() -> None:
    lab = activated(dns_updates="open")
    publish_list(lab, f"branch.{DOMAIN}, 10, 20", "other.example.test", "nonsense, 1", f"{DOMAIN}, 5, 5")
    restart(lab)
    assert published(lab)[1:] == [(12294, [name]) for name in (DOMAIN, f"branch.{DOMAIN}", "other.example.test")]
    assert lab.services[f"_vlmcs._tcp.branch.{DOMAIN}"] == (record("kms1", priority=10, weight=20),)


def test_the_list_may_replace_the_home_domain() -> None:
    lab = activated(dns_updates="open", dialects=["publish-list-replaces"])
    publish_list(lab, "other.example.test")
    restart(lab)
    assert published(lab)[1:] == [(12294, ["other.example.test"])]
    publish_list(lab)
    restart(lab)
    assert published(lab)[2:] == [(12294, [DOMAIN])], "an empty list replaces nothing"


def test_the_strings_of_a_failure_may_be_one_text() -> None:
    lab = activated(dialects=["event-12293-text"])
    where = "Logfile = 'Application' AND EventCode = 12293 AND RecordNumber > 0"
    (row,) = lab.query("kms1", f"SELECT InsertionStrings FROM Win32_NTLogEvent WHERE {where}")
    assert row == {"InsertionStrings": f"0x8007232D, {DOMAIN}"}


def test_a_wrong_word_is_refused() -> None:
    with pytest.raises(SiteError) as caught:
        parse_site(site(dns_updates="maybe"))
    assert str(caught.value) == "`behaviour.dns_updates` is 'maybe'; valid values are refused, secure, owner, open."
