# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role `kms_client` as a user runs it: Windows and Office to KMS, and a MAK that is spent within its limit only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("kms_client_site.yml")
HOST = "kms01.corp.example.test"
SERVERS = [f"srv0{number}" for number in range(1, 6)]
LAPTOPS = [f"lap0{number}" for number in range(1, 4)]
MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKNWC"
MAK_BUDGET = {"kms_client_channel": "mak", "kms_client_product_key": MAK}

_RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)\s+unreachable=\d+\s+failed=(\d+)", re.M
)

Play = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("kms_client")) as lab:
        lab("set", "kms01", "firewall=on")
        yield lab


@pytest.fixture
def play(lab: RunningLab, tmp_path: Path) -> Play:
    """A play with the role: its hosts, its variables, and words for the command line."""

    def run(hosts: str, *words: str, play: dict[str, Any] | None = None, **variables: Any) -> CompletedProcess[str]:
        role = {"role": "volact.kms.kms_client", **variables}
        document = {"name": "Clients", "hosts": hosts, "gather_facts": False, **(play or {}), "roles": [role]}
        playbook = tmp_path / "play.yml"
        playbook.write_text(yaml.safe_dump([document]), encoding="utf-8")
        return lab.playbook(str(playbook), *words)

    return run


def changed(run: CompletedProcess[str]) -> dict[str, int]:
    """How many tasks changed something, by host."""
    return {found["host"]: int(found["changed"]) for found in _RECAP.finditer(run.stdout)}


def licences(lab: RunningLab, machine: str) -> dict[str, Any]:
    """Channel and status of the licences of a machine, as its own state has them."""
    state = lab.machine(machine)
    return {product["license_family"]: product["license_status"] for product in state["products"]}


def without_time(state: dict[str, Any]) -> str:
    return re.sub(r'"(clock|grace_minutes|now)": [^,}]+', "", json.dumps(state, sort_keys=True))


def test_windows_and_office_are_activated_and_the_second_run_changes_nothing(lab: RunningLab, play: Play) -> None:
    to_kms = {"kms_client_product": "all", "kms_client_kms_host": HOST}
    before = without_time(lab("state")["machines"]["srv01"])
    check = play("servers", "--check", "--diff", **to_kms)
    assert check.returncode == 0, check.stdout
    assert all(changed(check)[server] for server in SERVERS)
    assert without_time(lab("state")["machines"]["srv01"]) == before

    first = play("servers", **to_kms)
    assert first.returncode == 0, first.stdout
    # Those that came before the fifth were asked again by the second task.
    assert sum(number == 2 for number in changed(first).values()) >= 1, first.stdout
    for server in SERVERS:
        info = lab.module(server, "client_info")
        licensed = {
            (product["application"], product["channel"])
            for product in info["products"]
            if product["license_status"] == 1
        }
        assert {("windows", "kms_client"), ("office", "kms_client")} <= licensed, server

    lab("stats", "--reset")
    again = play("servers", **to_kms)
    assert changed(again) == dict.fromkeys(SERVERS, 0), again.stdout
    asked = lab("stats")["machines"]["srv01"]
    assert not [name for name in asked if name.split()[0] not in {"Enumerate", "Pull", "Identify"}], asked
    assert questions(asked) <= 5, asked
    recheck = play("servers", "--check", **to_kms)
    assert changed(recheck) == dict.fromkeys(SERVERS, 0), recheck.stdout


def questions(asked: dict[str, dict[str, int]]) -> int:
    """Queries that were answered; one that a Windows did not know in these words is put once more in others."""
    counted = [count for name, count in asked.items() if name.startswith("Enumerate")]
    return sum(count["requests"] - count["faults"] for count in counted)


def test_a_renewal_that_came_too_early_is_asked_for_again(lab: RunningLab, play: Play) -> None:
    # A host that has counted nobody yet, as after a failover: its first four machines are told to wait.
    lab("set", "kms01", "clients=0")
    run = play("servers", kms_client_activate="renew", kms_client_kms_host=HOST)
    assert run.returncode == 0, run.stdout
    # A machine that calls this a success, and is licensed still, tells nobody that it came too early.
    for server in [] if "low-count-is-success" in lab.dialects else SERVERS:
        info = lab.module(server, "client_info", product="windows", include=["events"])
        ids = [product["activation_id"] for product in info["products"]]
        newest = next(request for request in info["events"]["kms_requests"] if request["activation_id"] in ids)
        assert newest["response"]["activated"] is True, server


def test_machines_that_stay_pending_fail_or_are_accepted(lab: RunningLab, play: Play) -> None:
    failed = play("laptops", kms_client_kms_host=HOST)
    assert failed.returncode != 0
    assert "Clients need a count of 25." in failed.stdout
    accepted = play("laptops", kms_client_kms_host=HOST, kms_client_below_threshold="accept")
    assert accepted.returncode == 0, accepted.stdout


def test_products_of_other_channels_are_left_alone(lab: RunningLab, play: Play) -> None:
    before = licences(lab, "desk01")
    run = play(
        "desks",
        kms_client_kms_host=HOST,
        kms_client_from_channels=["mak"],
        kms_client_below_threshold="accept",
    )
    assert run.returncode == 0, run.stdout
    assert licences(lab, "desk01") == before
    channels = {product["channel"] for product in lab.module("desk01", "client_info", product="windows")["products"]}
    assert channels == {"retail"}


def keys_of(lab: RunningLab) -> list[str]:
    """The last five characters of the Windows key of each laptop."""
    return [
        lab.module(name, "client_info", product="windows")["products"][0]["partial_product_key"] for name in LAPTOPS
    ]


def spent(lab: RunningLab) -> int:
    """Activations of the laptops' MAK."""
    keys = {key["last_five"]: key for key in lab("state")["microsoft"]["keys"]}
    return int(keys["MKNWC"]["activations_used"])


def test_a_mak_is_installed_nowhere_when_its_limit_is_too_low(lab: RunningLab, play: Play) -> None:
    before = keys_of(lab)
    run = play("laptops", kms_client_mak_limit=2, **MAK_BUDGET)
    assert run.returncode != 0
    assert "3 machines of this play hold the MAK, would get it, or could not be read" in run.stdout
    assert "Nothing was changed." in run.stdout
    assert (keys_of(lab), spent(lab)) == (before, 0)
    check = play("laptops", "--check", kms_client_mak_limit=2, **MAK_BUDGET)
    assert check.returncode != 0


def test_a_machine_that_cannot_be_read_counts_as_one_that_holds_the_key(lab: RunningLab, play: Play) -> None:
    before = keys_of(lab)
    dead = {"ansible_port": "{{ 5999 if inventory_hostname == 'lap02' else 5985 }}"}
    run = play("laptops", play={"vars": dead}, kms_client_mak_limit=2, **MAK_BUDGET)
    assert run.returncode != 0
    assert "3 machines of this play hold the MAK" in run.stdout
    assert (keys_of(lab), spent(lab)) == (before, 0)


def test_machines_of_later_batches_count_as_those_that_hold_the_key(lab: RunningLab, play: Play) -> None:
    run = play("laptops", play={"serial": 1}, kms_client_mak_limit=2, **MAK_BUDGET)
    assert run.returncode != 0
    assert spent(lab) == 0


def test_machines_that_the_limit_is_not_for_do_not_count(lab: RunningLab, play: Play) -> None:
    mixed = {
        name: f"{{{{ '{value}' if inventory_hostname in groups['laptops'] else '{other}' }}}}"
        for name, value, other in (
            ("kms_client_channel", "mak", "unmanaged"),
            ("kms_client_product_key", MAK, ""),
            ("kms_client_activate", "never", "never"),
        )
    }
    # The first machine of the play is none of those: a decision made by it alone would be none.
    run = play("desks:laptops", "--check", kms_client_mak_limit=2, **mixed)
    assert run.returncode != 0
    assert "3 machines of this play hold the MAK" in run.stdout
    run = play("desks:laptops", "--check", kms_client_mak_limit=3, **mixed)
    assert run.returncode == 0, run.stdout
    assert spent(lab) == 0


def test_a_mak_is_installed_where_the_budget_allows(lab: RunningLab, play: Play) -> None:
    run = play("laptops", kms_client_mak_limit=3, kms_client_throttle=1, **MAK_BUDGET)
    assert run.returncode == 0, run.stdout
    assert keys_of(lab) == ["MKNWC"] * 3
    assert spent(lab) == 3
    lab("stats", "--reset")
    again = play("laptops", kms_client_mak_limit=3, **MAK_BUDGET)
    assert changed(again) == dict.fromkeys(LAPTOPS, 0), again.stdout
    assert spent(lab) == 3
    # What needs nothing is read once, not once for the limit and once more for itself.
    asked = lab("stats")["machines"]["lap01"]
    assert questions(asked) <= 3, asked


def test_machines_that_hold_the_key_count_although_they_need_nothing(lab: RunningLab, play: Play) -> None:
    run = play("laptops", kms_client_mak_limit=2, **MAK_BUDGET)
    assert run.returncode != 0
    assert "3 machines of this play hold the MAK" in run.stdout


def test_no_run_prints_the_key(lab: RunningLab, play: Play) -> None:
    for limit in (2, 3):
        run = play("laptops", "-vvvv", kms_client_mak_limit=limit, **MAK_BUDGET)
        assert MAK not in run.stdout + run.stderr
