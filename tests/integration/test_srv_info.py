# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_info` as a user runs it, against the DNS and the KMS hosts of a lab, and against BIND."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dns_servers import DnsServer, Key, Zone, bind
from running_lab import RunningLab, running_lab

ZONE = "corp.example.test"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
KMS_HOST = {"os": "windows-server-2022-datacenter", "products": [{"key": HOST_KEY, "activated": True}]}
SITE = {
    "domain": ZONE,
    "dns": {"software": "builtin"},
    "machines": {"kms01": KMS_HOST, "kms02": KMS_HOST, "win01": {"os": "windows-11-enterprise"}},
    "microsoft": {"keys": [{"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]}]},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Two KMS hosts, of which the second is behind its firewall."""
    folder = tmp_path_factory.mktemp("network")
    site = folder / "site.yml"
    site.write_text(yaml.safe_dump(SITE, sort_keys=False), "utf-8")
    with running_lab(site, folder) as lab:
        lab("set", "kms01", "firewall=on")
        yield lab


@pytest.fixture(scope="module")
def server(lab: RunningLab) -> DnsServer:
    given = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]["vars"]
    key = Key(given["lab_tsig_name"], given["lab_tsig_algorithm"], given["lab_tsig_secret"])
    return DnsServer(given["lab_dns_server"], given["lab_dns_port"], given["lab_dns_zone"], key)


def counts(lab: RunningLab) -> dict[str, Any]:
    """What the KMS host has counted of anybody who asked."""
    found: dict[str, Any] = lab.machine("kms01")["kms_host"]
    return found


def test_the_records_lead_to_the_hosts_in_the_order_of_use(lab: RunningLab, server: DnsServer) -> None:
    server.set_records(600, f"10 0 1688 kms02.{ZONE}.", f"0 0 1688 kms01.{ZONE}.")
    before = counts(lab)
    result = lab.module(
        "localhost",
        "srv_info",
        domains=[ZONE],
        server=server.address,
        server_port=server.port,
        check=True,
        check_timeout=2,
        expected=[{"target": "kms01"}, {"target": "kms02", "priority": 20}],
    )
    assert (result["status"], result["changed"]) == ("SUCCESS", False)
    assert result["order"] == [f"kms01.{ZONE}:1688", f"kms02.{ZONE}:1688"]
    assert (result["all_kms"], result["as_expected"], result["servers_agree"]) == (False, False, True)
    (domain,) = result["domains"]
    assert [(each["target"], each["status"]) for each in domain["records"]] == [
        (f"kms01.{ZONE}.", "kms"),
        (f"kms02.{ZONE}.", "refused"),
    ]
    assert [each["priority"] for each in domain["missing"]] == [20]
    assert [each["priority"] for each in domain["unexpected"]] == [10]
    assert counts(lab) == before, "a probe is no client"


def test_a_client_s_own_suffixes_are_used_as_client_info_reads_them(
    lab: RunningLab, server: DnsServer, tmp_path: Path
) -> None:
    server.set_records(600, f"0 0 1688 kms01.{ZONE}.")
    play = [
        {
            "hosts": "win01",
            "gather_facts": False,
            "tasks": [
                {"name": "Read", "volact.kms.client_info": {"include": ["dns"]}, "register": "client"},
                {
                    "name": "Discover",
                    "volact.kms.srv_info": {
                        "domains": "{{ client.dns.suffixes }}",
                        "server": "{{ lab_dns_server }}",
                        "server_port": "{{ lab_dns_port }}",
                        "check": True,
                    },
                    "delegate_to": "localhost",
                    "vars": {"ansible_connection": "local"},
                    "register": "found",
                },
                {"name": "Say", "ansible.builtin.debug": {"msg": "{{ found.order | join(' ') }} {{ found.all_kms }}"}},
            ],
        }
    ]
    path = tmp_path / "play.yml"
    path.write_text(yaml.safe_dump(play, sort_keys=False), "utf-8")
    run = lab.playbook(str(path))
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"kms01.{ZONE}:1688 True" in run.stdout


@pytest.mark.bind
def test_a_zone_of_bind_is_read_past_all_caches(lab: RunningLab, tmp_path: Path) -> None:
    key = Key("kms-update")
    zone = Zone(ZONE, f'update-policy {{ grant "{key.name}" zonesub SRV; }};', "kms01 IN A 127.0.0.1\n")
    with bind(tmp_path, [zone], [key]) as (address, port):
        server = DnsServer(address, port, ZONE, key)
        server.set_records(600, f"0 0 1688 kms01.{ZONE}.", "5 0 1688 kms.elsewhere.test.")
        result = lab.module("localhost", "srv_info", domains=[ZONE], server=address, server_port=port)
        refused = lab.module("localhost", "srv_info", domains=["elsewhere.test"], server=address, server_port=port)
    assert result["order"] == [f"kms01.{ZONE}:1688", "kms.elsewhere.test:1688"]
    (domain,) = result["domains"]
    assert [[each["address"] for each in record["addresses"]] for record in domain["records"]] == [["127.0.0.1"], []]
    assert [(each["agrees"], each["ttl"]) for each in domain["servers"]] == [(True, 600)]
    assert (refused["status"], refused["error"]["name"]) == ("FAILED", "REFUSED")
