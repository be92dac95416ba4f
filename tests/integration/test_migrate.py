# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The migration as a user runs it: nothing at all, a seed, waves; hosts that die, machines that are off, and again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from migration_runs import (
    CLIENT,
    CLIENT_MAK,
    KMS_HOST,
    OFFICE_HOST,
    OFFICE_SERVER,
    SERVER,
    SERVER_MAK,
    SPENT_MAK,
    Migration,
    left_for_others,
    migrated_site,
    recap,
    table,
    windows_of,
    without_time,
)

Site = Callable[..., AbstractContextManager[Migration]]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    def start(records: list[str], /, **machines: dict[str, Any]) -> AbstractContextManager[Migration]:
        return migrated_site(tmp_path, records, machines)

    return start


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
        # The seed would have lifted the count: nothing would stop.
        assert "Would stop: " not in check.stdout
        assert without_time(migration.lab("state")["machines"]) == before
        assert not migration.journal.exists()

        run = migration.run()
        assert run.returncode == 0, run.stdout
        assert table(run) == {"seed": [25, 0, 0, 0, 0, 0], "wave 1": [1, 0, 0, 0, 0, 0]}
        assert len(migration.by_kms("win")) == 26
        assert [name for name, each in migration.machines("win").items() if each["service"]["kms_machine"]] == []
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
        wishes: dict[str, Any] = {
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
        }, run.stdout
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


def test_a_gate_that_breaks_ends_the_waves_and_the_report_says_where(site: Site) -> None:
    counted = {**KMS_HOST, "clients": 20}
    with site(["kms01"], kms01=counted, srv7=SERVER) as migration:
        # What earlier waves have left is no list of waves.
        run = migration.run(mak_to_kms_batch="3", __mak_to_kms_waves=[5])
        assert run.returncode != 0
        assert "Stopped: The task 'Count the wave, and judge the KMS host' failed: " in run.stdout
        assert "All waves could begin" in run.stdout
        # A canary alone was moved.
        assert migration.by_kms("srv") == ["srv1"]
        rest = migration.run(mak_to_kms_batch="3")
        assert rest.returncode == 0, rest.stdout
        assert len(migration.by_kms("srv")) == 7


def test_a_rollback_that_cannot_be_noted_spends_nothing_and_the_report_is_made(site: Site) -> None:
    counted = {**KMS_HOST, "clients": 20}
    with site(["kms01"], kms01=counted, srv4=SERVER) as migration:
        # A canary is answered, and nobody after it.
        migration.lab("set", "kms01", "kms_answers=1")
        good, bad = str(migration.journal), f"{migration.journal}/journal.jsonl"
        run = migration.run(
            mak_to_kms_batch="3",
            mak_to_kms_rollback=True,
            mak_to_kms_rollback_key=SERVER_MAK,
            mak_to_kms_mak_budget=9,
            # As if the disk had filled while the first wave ran.
            __mak_to_kms_journal=f"{{{{ '{good}' if __mak_to_kms_waves | length < 2 else '{bad}' }}}}",
        )
        assert run.returncode != 0
        assert (
            "Stopped: No KMS host answered 3 machines of the wave 1 (0xC004F074). "
            "The task 'Note who gets the MAK back' failed: "
        ) in run.stdout
        assert table(run) == {"seed": [1, 0, 0, 0, 0, 0], "wave 1": [0, 0, 0, 0, 3, 0]}, run.stdout
        assert migration.used("MKNWT") == 4


def test_waves_are_jobs_in_slices_and_another_host_keeps_the_journal(site: Site) -> None:
    with site(["kms01"], kms01=KMS_HOST, srv9=SERVER) as migration:
        store, journal = migration.store()
        before = without_time(migration.lab("state")["machines"])
        plan = ("-i", str(migration.lab.state_folder / "inventory.yml"), "-i", str(migration.folder / "store.yml"))
        first = migration.job("first.yml")
        asked = migration.run(*plan, "--check", playbook=first, tells=True, mak_to_kms_batch="3", **store)
        assert asked.returncode == 0, asked.stdout
        planned = left_for_others(asked)["mak_to_kms_planned"]
        assert (planned["verdict"], len(planned["seed"])) == ("ready_after_seed", 5)
        assert list(journal.parent.iterdir()) == []

        # Sorted: kms01, srv1, ... : the first slice has the KMS host in its inventory, the second only knocks at it.
        waves = migration.job("waves.yml")
        one = ("-i", migration.sliced(1, 2))
        not_ready = {**planned, "verdict": "not_ready", "sentence": "Not ready: DNS names no KMS host."}
        refused = migration.run(*one, playbook=waves, mak_to_kms_planned=not_ready)
        assert refused.returncode != 0
        assert "Not ready: DNS names no KMS host." in refused.stdout
        early = migration.run(*one, playbook=waves, mak_to_kms_planned=planned)
        assert early.returncode != 0
        assert "Stopped: kms01.corp.example.test counts 0 for windows, and 5 are needed." in early.stdout
        assert without_time(migration.lab("state")["machines"]) == before

        seed = migration.run(*plan, playbook=first, mak_to_kms_batch="3", **store)
        assert seed.returncode == 0, seed.stdout
        assert table(seed) == {"seed": [5, 0, 0, 0, 0, 0]}
        assert [json.loads(line)["machine"] for line in journal.read_text("utf-8").splitlines()] == [
            f"srv{number}" for number in range(1, 10)
        ]
        assert not migration.journal.exists()
        migration.lab("set", "srv6", "clock_offset_minutes=600")
        stopped = migration.run(*one, playbook=waves, tells=True, mak_to_kms_planned=planned, mak_to_kms_max_failures=0)
        assert stopped.returncode != 0
        assert table(stopped) == {"wave 1": [0, 2, 0, 0, 1, 0]}, stopped.stdout
        assert "srv6 failed: " in stopped.stdout
        assert "Stopped: 1 machine has failed, and mak_to_kms_max_failures is 0." in stopped.stdout
        assert {name for name, failed in recap(stopped, "failed").items() if failed} == {"srv6"}
        # Before ansible-core 2.19 a number of a template is text.
        assert int(left_for_others(stopped)["mak_to_kms_failed"]) == 1
        # It is a slice that stopped: srv8 stays as it is, and the other slice goes on.
        other = migration.run("-i", migration.sliced(2, 2), playbook=waves, mak_to_kms_planned=planned)
        assert other.returncode == 0, other.stdout
        assert table(other) == {"wave 1": [0, 3, 0, 0, 0, 0], "wave 2": [2, 0, 0, 0, 0, 0]}
        assert migration.by_kms("srv") == ["srv1", "srv2", "srv3", "srv4", "srv5", "srv7", "srv9"]
        # Nobody would unpin the seed again.
        assert [name for name, each in migration.machines("srv").items() if each["service"]["kms_machine"]] == []


def test_too_many_failures_end_the_waves_and_who_gets_no_mak_back_is_told_why(site: Site) -> None:
    counted = {**KMS_HOST, "clients": 20}
    server = {**SERVER, "products": [{"key": SPENT_MAK, "activated": True}]}
    with site(["kms01"], kms01=counted, srv7=server) as migration:
        # Two machines whose network does not let them through to the KMS host.
        inventory = yaml.safe_load((migration.lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]["hosts"]
        let_in = ["127.0.0.1", *(inventory[f"srv{number}"]["ansible_host"] for number in (1, 2, 5, 6, 7))]
        migration.lab("set", "kms01", f"firewall_remote_addresses={','.join(let_in)}")
        store, journal = migration.store()
        run = migration.run(
            *("-i", str(migration.lab.state_folder / "inventory.yml"), "-i", str(migration.folder / "store.yml")),
            mak_to_kms_batch="4",
            mak_to_kms_max_failures=1,
            mak_to_kms_rollback=True,
            mak_to_kms_rollback_key=SPENT_MAK,
            mak_to_kms_mak_budget=1,
            **store,
        )
        assert run.returncode != 0
        assert table(run) == {"seed": [1, 0, 0, 0, 0, 0], "wave 1": [2, 0, 0, 0, 2, 0]}, run.stdout
        assert "Stopped: 2 machines have failed, and mak_to_kms_max_failures is 1." in run.stdout
        # Microsoft refuses the one, and the budget does not reach for the other.
        assert re.search(r"srv3 did not get its MAK back: .*0xC004C020", run.stdout)
        assert "srv4 did not get its MAK back: The budget (mak_to_kms_mak_budget: 1) is used up." in run.stdout
        assert [json.loads(line)["machine"] for line in journal.read_text("utf-8").splitlines()][-1] == "srv3"
        assert {name for name, failed in recap(run, "failed").items() if failed} == {"srv3", "srv4"}
        assert migration.by_kms("srv") == ["srv1", "srv2", "srv5"]
        assert {name: windows_of(each) for name, each in migration.machines("srv").items()}["srv6"] == ["microsoft"]
        assert migration.used("MKNXT") == 7
