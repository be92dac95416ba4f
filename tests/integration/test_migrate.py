# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The migration as a user runs it: nothing at all, a seed, waves; hosts that die, machines that are off, and again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from running_lab import RunningLab, running_lab

CLIENT_MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKNWC"
SERVER_MAK = "GGGGG-HHHHH-JJJJJ-KKKKK-MKNWT"
OFFICE_MAK = "CCCCC-DDDDD-FFFFF-GGGGG-MKNFF"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
OFFICE_HOST_KEY = "PPPPP-QQQQQ-RRRRR-TTTTT-KNHFF"
LANGUAGES = ["en-US", "de-DE", "ja-JP"]

KMS_HOST: dict[str, Any] = {
    "os": "windows-server-2022-datacenter",
    "groups": ["kms_hosts"],
    "products": [{"key": HOST_KEY, "activated": True}],
}
OFFICE_HOST: dict[str, Any] = {
    **KMS_HOST,
    "products": [*KMS_HOST["products"], {"office_host": "2021", "key": OFFICE_HOST_KEY, "activated": True}],
}
CLIENT: dict[str, Any] = {
    "os": "windows-11-enterprise",
    "groups": ["kms_clients"],
    "language": LANGUAGES,
    "products": [{"key": CLIENT_MAK, "activated": True}],
}
SERVER: dict[str, Any] = {
    "os": "windows-server-2022-standard",
    "groups": ["kms_clients"],
    "language": LANGUAGES,
    "products": [{"key": SERVER_MAK, "activated": True}],
}
OFFICE_SERVER: dict[str, Any] = {
    **SERVER,
    "products": [*SERVER["products"], {"office": "ProPlus2021", "key": OFFICE_MAK, "activated": True}],
}
KEYS = [
    {"key": CLIENT_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 100},
    {"key": SERVER_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 100},
    {"key": OFFICE_MAK, "kind": "mak", "for": ["ProPlus2021"], "activations": 100},
    {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
    {"key": OFFICE_HOST_KEY, "kind": "kms_host", "for": ["office-2021"]},
]

Site = Callable[..., AbstractContextManager["Migration"]]


class Migration:
    """A site whose machines are to be moved, and the playbook against it."""

    def __init__(self, lab: RunningLab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.journal = folder / "journal.jsonl"

    def run(self, *words: str, **variables: Any) -> CompletedProcess[str]:
        given = {
            "mak_to_kms_domains": ["corp.example.test"],
            "mak_to_kms_dns_server": "{{ lab_dns_server }}",
            "mak_to_kms_dns_port": "{{ lab_dns_port }}",
            "mak_to_kms_fleet_path": str(self.folder / "fleet.jsonl"),
            "mak_to_kms_journal_path": str(self.journal),
            **variables,
        }
        path = self.folder / "variables.json"
        path.write_text(json.dumps(given), "utf-8")
        return self.lab.playbook("volact.kms.migrate", "-e", f"@{path}", *words)

    def machines(self, prefix: str) -> dict[str, Any]:
        return {name: each for name, each in self.lab("state")["machines"].items() if name.startswith(prefix)}

    def by_kms(self, prefix: str) -> list[str]:
        """The machines of which every product that can be is activated by KMS."""
        return [name for name, each in self.machines(prefix).items() if "kms" in windows_of(each)]

    def used(self, last_five: str) -> int:
        keys = {key["last_five"]: key for key in self.lab("state")["microsoft"]["keys"]}
        return int(keys[last_five]["activations_used"])

    def counts(self, host: str) -> list[int]:
        """Of Windows and of Office, whatever the host calls them."""
        return [int(pool["count"]) for pool in self.lab.machine(host)["kms_host"]["pools"].values()]


def windows_of(machine: dict[str, Any]) -> list[str | None]:
    """By whom the products with a key are activated, where they are: Windows first."""
    return [product["activated_by"] if product["license_status"] == 1 else None for product in machine["products"]]


def table(run: CompletedProcess[str]) -> dict[str, list[int]]:
    """The report: switched, already, pending, rolled back, failed, unreachable, by wave."""
    rows = re.findall(r'^\s+"(seed|wave \d+)\s+([\d ]+)",?$', run.stdout, re.MULTILINE)
    return {name: [int(number) for number in numbers.split()] for name, numbers in rows}


def recap(run: CompletedProcess[str], column: str) -> dict[str, int]:
    return {name: int(n) for name, n in re.findall(rf"^(\S+)\s+: ok=.*{column}=(\d+)", run.stdout, re.MULTILINE)}


def without_time(state: dict[str, Any]) -> str:
    return re.sub(r'"(clock|grace_minutes|now|requests)": [^,}]+', "", json.dumps(state, sort_keys=True))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    @contextmanager
    def start(records: list[str], /, **machines: dict[str, Any]) -> Iterator[Migration]:
        document = {
            "domain": "corp.example.test",
            "machines": {range_of(name): each for name, each in machines.items()},
            "dns": {"software": "builtin", "records": [{"target": name} for name in records]},
            "microsoft": {"keys": KEYS},
            "behaviour": {"products_without_key": 10},
        }
        path = tmp_path / "site.yml"
        path.write_text(yaml.safe_dump(document), "utf-8")
        with running_lab(path, tmp_path) as lab:
            for name in machines:
                if name.startswith("kms"):
                    lab("set", name, "firewall=on")
            yield Migration(lab, tmp_path)

    return start


def range_of(name: str) -> str:
    """win026 -> win[001:026]; a name without a number of two or three digits, or of a KMS host, is itself."""
    stem, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    return name if stem == "kms" else f"{stem}[{'1'.zfill(len(number))}:{number}]"


def test_clients_are_moved_all_together_or_not_at_all(site: Site) -> None:
    with site(["kms01"], kms01=KMS_HOST, win026=CLIENT) as migration:
        before = without_time(migration.lab("state")["machines"])
        few = migration.run("--limit", "win001,win002,win003,localhost")
        assert few.returncode != 0
        assert "Not ready: 22 machines are missing." in few.stdout
        assert "Nothing was changed" in few.stdout
        alone = migration.run("--limit", "win001,win002,win003")
        assert alone.returncode != 0
        assert "localhost is not part of this run, so nothing was changed." in alone.stdout
        check = migration.run("--check")
        assert check.returncode == 0, check.stdout
        assert "Ready after a seed of 25 on kms01.corp.example.test" in check.stdout
        assert without_time(migration.lab("state")["machines"]) == before
        assert not migration.journal.exists()

        run = migration.run()
        assert run.returncode == 0, run.stdout
        assert table(run) == {"seed": [25, 0, 0, 0, 0, 0], "wave 1": [1, 0, 0, 0, 0, 0]}
        assert len(migration.by_kms("win")) == 26
        assert [each["kms_machine"] for each in migration.machines("win").values() if each.get("kms_machine")] == []
        assert migration.used("MKNWC") == 26
        assert len(migration.journal.read_text("utf-8").splitlines()) == 26
        assert CLIENT_MAK not in run.stdout + migration.journal.read_text("utf-8")

        again = migration.run()
        assert again.returncode == 0, again.stdout
        assert "There is nothing to move: 26 machines are activated by KMS already." in again.stdout
        assert set(recap(again, "changed").values()) == {0}


def test_servers_with_office_and_two_hosts_of_which_none_strands_them(site: Site) -> None:
    hosts = {"kms01": OFFICE_HOST, "kms02": OFFICE_HOST}
    with site(["kms01", "kms02", "gone"], **hosts, srv12=OFFICE_SERVER) as migration:
        run = migration.run()
        assert run.returncode == 0, run.stdout
        assert table(run)["seed"][0] == 10
        assert "DNS names gone.corp.example.test, and no KMS host answers there" in run.stdout
        for name, machine in migration.machines("srv").items():
            assert windows_of(machine).count("kms") == 2, name
        assert [count for host in hosts for count in migration.counts(host) if count < 5] == []


def test_a_host_that_dies_in_a_wave_stops_the_others_and_some_get_their_mak_back(site: Site) -> None:
    counted = {**KMS_HOST, "clients": 20}
    with site(["kms01"], kms01=counted, srv10=SERVER) as migration:
        # One canary, three of the first wave, and one of the second.
        migration.lab("set", "kms01", "kms_answers=5")
        wishes = {
            "mak_to_kms_batch": "3",
            "mak_to_kms_rollback": True,
            "mak_to_kms_rollback_key": SERVER_MAK,
            "mak_to_kms_mak_budget": 1,
        }
        run = migration.run(**wishes)
        assert run.returncode != 0
        assert table(run) == {
            "seed": [1, 0, 0, 0, 0, 0],
            "wave 1": [3, 0, 0, 0, 0, 0],
            # Two that failed, of which the budget lets one have its MAK back.
            "wave 2": [1, 0, 0, 1, 2, 0],
        }
        assert "Stopped: No KMS host answered 2 machines of the wave 2 (0xC004F074)." in run.stdout
        assert sorted(recap(run, "failed").values())[-3:] == [0, 1, 1]
        assert len(migration.by_kms("srv")) == 5
        # The activation of the MAK came back with the key, or one more was spent on it.
        used = migration.used("MKNWT")
        assert used in (10, 11)
        without_licence = [name for name, each in migration.machines("srv").items() if windows_of(each) == [None]]
        assert len(without_licence) == 1

        # The budget of both runs together is spent: whatever fails now gets nothing back.
        dead = migration.run(**wishes)
        assert dead.returncode != 0
        assert "No MAK activation is left for a rollback" in dead.stdout
        assert migration.used("MKNWT") == used
        migration.lab("set", "kms01", "kms_service=up")
        rest = migration.run(**wishes)
        assert rest.returncode == 0, rest.stdout
        assert "No MAK activation is left for a rollback" in rest.stdout
        assert len(migration.by_kms("srv")) == 10
        assert migration.used("MKNWT") == used


def test_machines_that_are_off_stop_no_wave_and_a_subnet_waits_for_its_canary(site: Site) -> None:
    counted = {**KMS_HOST, "clients": 20}
    with site(["kms01"], kms01=counted, srv09=SERVER) as migration:
        # They are there while the plan reads them. srv02 to srv04 are a whole wave, srv06 the first of its subnet.
        off = {
            "srv06": "{{ 5999 if hostvars['localhost'].__mak_to_kms_decided is defined else 5985 }}",
            **dict.fromkeys(
                ("srv02", "srv03", "srv04"),
                "{{ 5999 if hostvars['localhost'].__mak_to_kms_subnets_open is defined else 5985 }}",
            ),
        }
        inventory = yaml.safe_load((migration.lab.state_folder / "inventory.yml").read_text("utf-8"))
        for name, port in off.items():
            inventory["all"]["hosts"][name]["ansible_port"] = port
        for number in range(1, 10):
            subnet = "branch" if number >= 6 else "main"
            inventory["all"]["hosts"][f"srv0{number}"]["mak_to_kms_subnet"] = subnet
        path = migration.folder / "inventory.yml"
        path.write_text(yaml.safe_dump(inventory), "utf-8")
        run = migration.run("-i", str(path), mak_to_kms_batch="3")
        assert run.returncode != 0
        assert table(run) == {
            "seed": [1, 0, 0, 0, 0, 1],
            "wave 1": [0, 0, 0, 0, 0, 3],
            "wave 2": [1, 0, 0, 0, 0, 0],
        }
        assert migration.by_kms("srv") == ["srv01", "srv05"]
        assert {name for name, failed in recap(run, "failed").items() if failed} == {"srv02", "srv03", "srv04", "srv06"}
        again = migration.run(mak_to_kms_batch="3")
        assert again.returncode == 0, again.stdout
        assert len(migration.by_kms("srv")) == 9


def test_clones_are_named_and_nothing_is_moved(site: Site) -> None:
    clone = {**SERVER, "cmid": "11111111-2222-3333-4444-555555555555"}
    with site(["kms01"], kms01=KMS_HOST, old03=clone, srv03=SERVER) as migration:
        before = without_time(migration.lab("state")["machines"])
        run = migration.run()
        assert run.returncode != 0
        assert "Not ready: 1 machine is missing." in run.stdout
        assert "old01, old02, old03 share the CMID 11111111-2222-3333-4444-555555555555" in run.stdout
        assert without_time(migration.lab("state")["machines"]) == before


def test_a_group_that_is_misspelt_is_an_error_that_names_the_groups(site: Site) -> None:
    with site(["kms01"], kms01=KMS_HOST, srv05=SERVER) as migration:
        run = migration.run("-e", "migrate_clients=clients")
        assert run.returncode != 0
        assert "The group clients (migrate_clients) has no machines in this inventory" in run.stdout
        hosts = migration.run(mak_to_kms_kms_hosts="hosts")
        assert hosts.returncode != 0
        assert "The group hosts (mak_to_kms_kms_hosts) has no machines in this inventory." in hosts.stdout
        assert len(migration.by_kms("srv")) == 0
