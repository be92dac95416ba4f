# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role `kms_dns` by the playbook `publish_dns`: publishing, pruning, and who writes the records."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dns_servers import DnsServer, Key
from running_lab import RunningLab, running_lab

ZONE = "corp.example.test"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
KMS_HOST = {"os": "windows-server-2022-datacenter", "products": [{"key": HOST_KEY, "activated": True}]}
SITE = {
    "domain": ZONE,
    "dns": {"software": "builtin"},
    "machines": {
        "kms01": KMS_HOST,
        "kms02": KMS_HOST,
        "win01": {"os": "windows-11-enterprise"},
    },
    "microsoft": {"keys": [{"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]}]},
}
KMS01, KMS02, GONE = (f"3600 0 0 1688 {name}.{ZONE}." for name in ("kms01", "kms02", "win01"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("kms-dns")
    site = folder / "site.yml"
    site.write_text(yaml.safe_dump(SITE, sort_keys=False), "utf-8")
    with running_lab(site, folder) as lab:
        yield lab


@pytest.fixture
def server(lab: RunningLab) -> DnsServer:
    """The lab's DNS server without records, and both KMS hosts up, silent in DNS."""
    given = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]["vars"]
    key = Key(given["lab_tsig_name"], given["lab_tsig_algorithm"], given["lab_tsig_secret"])
    found = DnsServer(given["lab_dns_server"], given["lab_dns_port"], given["lab_dns_zone"], key)
    found.set_records(3600)
    for name in ("kms01", "kms02"):
        lab("set", name, "firewall=on")
    return found


def publishing(lab: RunningLab, *, on: bool) -> None:
    """Turn the hosts' own publishing on or off."""
    for name in ("kms01", "kms02"):
        assert lab.module(name, "host", dns_publishing=on)["status"] in {"CHANGED", "SUCCESS"}


def play(
    lab: RunningLab, folder: Path, *arguments: str, hosts: list[Any] | None = None, **variables: Any
) -> subprocess.CompletedProcess[str]:
    given = {
        "kms_dns_server": "{{ lab_dns_server }}",
        "kms_dns_server_port": "{{ lab_dns_port }}",
        "kms_dns_zone": "{{ lab_dns_zone }}",
        "kms_dns_tsig_name": "{{ lab_tsig_name }}",
        "kms_dns_tsig_secret": "{{ lab_tsig_secret }}",
        "kms_dns_hosts": ["kms01"] if hosts is None else hosts,
        "kms_dns_check_timeout": 2,
        **variables,
    }
    path = folder / "variables.json"
    path.write_text(json.dumps(given), "utf-8")
    return lab.playbook("volact.kms.publish_dns", "-e", f"@{path}", *arguments)


def recap(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The counters of the play recap."""
    line = run.stdout[run.stdout.rindex("PLAY RECAP") :]
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line)}


def words(run: subprocess.CompletedProcess[str]) -> str:
    """What was printed, in one line."""
    return " ".join((run.stdout + run.stderr).split())


def test_four_runs_are_changed_changed_ok_ok(lab: RunningLab, server: DnsServer, tmp_path: Path) -> None:
    hosts = ["kms01", {"target": f"kms02.{ZONE}", "priority": 10}]
    serial = server.serial()
    runs = [play(lab, tmp_path, "--check", "--diff", hosts=hosts)]
    assert server.serial() == serial
    runs += [play(lab, tmp_path, *extra, hosts=hosts) for extra in ((), (), ("--check",))]
    assert [run.returncode for run in runs] == [0, 0, 0, 0], words(runs[0])
    assert [recap(run)["changed"] for run in runs] == [1, 1, 0, 0]
    assert server.records() == [KMS01, f"3600 10 0 1688 kms02.{ZONE}."]


def test_a_play_without_a_zone_says_so(lab: RunningLab, server: DnsServer, tmp_path: Path) -> None:
    run = play(lab, tmp_path, kms_dns_zone="")
    assert run.returncode != 0
    assert "Neither kms_dns_zone nor kms_dns_zones names a zone, so nothing was changed." in words(run)


def test_records_that_are_not_listed_are_reported_and_stay(lab: RunningLab, server: DnsServer, tmp_path: Path) -> None:
    server.set_records(3600, "0 0 1688 kms02", "0 0 1688 win01")
    run = play(lab, tmp_path)
    assert run.returncode == 0, words(run)
    assert (
        f"_vlmcs._tcp.{ZONE}. has records that kms_dns_hosts does not list. These answer as KMS hosts: kms02.{ZONE}.. "
        f"These do not: win01.{ZONE}.." in words(run)
    )
    assert server.records() == [KMS01, KMS02, GONE]


def test_pruning_removes_what_is_not_listed_and_does_not_answer(
    lab: RunningLab, server: DnsServer, tmp_path: Path
) -> None:
    server.set_records(3600, "0 0 1688 kms02", "0 0 1688 win01", "5 0 1688 win01", "0 0 1688 nobody")
    predicted = play(lab, tmp_path, "--check", "--diff", kms_dns_prune="remove")
    assert (predicted.returncode, recap(predicted)["changed"]) == (0, 2), words(predicted)
    assert f"IN SRV 0 0 1688 win01.{ZONE}." in predicted.stdout
    assert len(server.records()) == 4
    applied = play(lab, tmp_path, kms_dns_prune="remove")
    assert (applied.returncode, recap(applied)["changed"]) == (0, 2), words(applied)
    assert server.records() == [KMS01, KMS02]
    again = play(lab, tmp_path, kms_dns_prune="remove")
    assert (again.returncode, recap(again)["changed"]) == (0, 0)


def test_pruning_by_force_removes_what_answers_too(lab: RunningLab, server: DnsServer, tmp_path: Path) -> None:
    server.set_records(3600, "0 0 1688 kms02")
    run = play(lab, tmp_path, kms_dns_prune="remove", kms_dns_prune_force=True)
    assert run.returncode == 0, words(run)
    assert server.records() == [KMS01]


def test_a_listed_host_that_is_down_stays(lab: RunningLab, server: DnsServer, tmp_path: Path) -> None:
    lab("set", "kms01", "firewall=off")
    run = play(lab, tmp_path, hosts=["kms01", "kms02"], kms_dns_prune="remove")
    assert run.returncode == 0, words(run)
    assert server.records() == [KMS01, KMS02]


def test_nothing_is_pruned_by_a_machine_that_reaches_no_kms_host_at_all(
    lab: RunningLab, server: DnsServer, tmp_path: Path
) -> None:
    server.set_records(3600, "0 0 1688 kms02", "0 0 1688 win01")
    for name in ("kms01", "kms02"):
        lab("set", name, "firewall=off")
    run = play(lab, tmp_path, kms_dns_prune="remove")
    assert run.returncode != 0
    assert f"No record was removed: not a single KMS host of {ZONE} answers this machine" in words(run)
    assert server.records() == [KMS01, KMS02, GONE]


def test_a_host_that_publishes_itself_beside_managed_records_is_a_fight(
    lab: RunningLab, server: DnsServer, tmp_path: Path
) -> None:
    publishing(lab, on=True)
    run = play(lab, tmp_path, kms_dns_publishers=["kms01", "kms02"])
    assert run.returncode != 0
    assert (
        "kms01, kms02 publish themselves in DNS, and kms_dns_publishing is managed: both would write the same records. "
        "Nothing was changed. Run the role kms_host with kms_host_dns_publishing: false" in words(run)
    )
    assert server.records() == []
    publishing(lab, on=False)
    assert play(lab, tmp_path, kms_dns_publishers=["kms01", "kms02"]).returncode == 0
    assert server.records() == [KMS01]


def test_hosts_that_publish_themselves_are_only_looked_after(
    lab: RunningLab, server: DnsServer, tmp_path: Path
) -> None:
    own: dict[str, Any] = {"kms_dns_publishing": "self", "kms_dns_publishers": ["kms01"]}
    silent = play(lab, tmp_path, **own)
    assert "kms01 do not publish themselves in DNS, and kms_dns_publishing is self" in words(silent)
    publishing(lab, on=True)
    missing = play(lab, tmp_path, **own)
    assert missing.returncode != 0
    assert f"There are no records of kms01.{ZONE}. in {ZONE}." in words(missing)
    assert "12293" in words(missing)
    server.set_records(600, "7 0 1688 kms01")
    there = play(lab, tmp_path, **own)
    assert (there.returncode, recap(there)["changed"]) == (0, 0), words(there)
    assert server.records() == [f"600 7 0 1688 kms01.{ZONE}."]
    publishing(lab, on=False)


def test_a_kms_host_that_is_down_does_not_keep_the_others_from_being_published(
    lab: RunningLab, server: DnsServer, tmp_path: Path
) -> None:
    off = tmp_path / "off.yml"
    settings = {
        "ansible_host": server.address,
        "ansible_port": 9,
        "ansible_connection": "winrm",
        "ansible_winrm_scheme": "http",
        "ansible_winrm_transport": "ntlm",
        "ansible_user": "nobody",
        "ansible_password": "none",
    }
    off.write_text(yaml.safe_dump({"all": {"hosts": {"kms03": settings}}}), "utf-8")
    publishing(lab, on=False)
    inventories = ("-i", str(lab.state_folder / "inventory.yml"), "-i", str(off))
    run = play(lab, tmp_path, *inventories, kms_dns_publishers=["kms01", "kms03"])
    assert run.returncode == 0, words(run)
    assert server.records() == [KMS01]
