# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role `kms_host` as a user runs it: keys for Windows and Office, the budget over all hosts, what goes wrong."""

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

SITE = Path(__file__).with_name("kms_host_site.yml")
WINDOWS_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
OFFICE_KEY = "PPPPP-QQQQQ-RRRRR-TTTTT-KNHFF"
USED_UP = "TTTTT-VVVVV-WWWWW-XXXXX-KNMXV"
MAK = "GGGGG-HHHHH-JJJJJ-KKKKK-MKNWT"

_RECAP = re.compile(r"^(?P<host>\S+)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)

Play = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("kms_host")) as lab:
        yield lab


@pytest.fixture
def play(lab: RunningLab, tmp_path: Path) -> Play:
    """A play with the role: its hosts, its variables, and words for the command line."""

    def run(hosts: str, *words: str, play: dict[str, Any] | None = None, **variables: Any) -> CompletedProcess[str]:
        role = {"role": "volact.kms.kms_host", **variables}
        document = {"name": "Hosts", "hosts": hosts, "gather_facts": False, **(play or {}), "roles": [role]}
        playbook = tmp_path / "play.yml"
        playbook.write_text(yaml.safe_dump([document], width=10000), encoding="utf-8")
        return lab.playbook(str(playbook), *words)

    return run


def changed(run: CompletedProcess[str]) -> dict[str, int]:
    """How many tasks changed something, by host."""
    return {found["host"]: int(found["changed"]) for found in _RECAP.finditer(run.stdout)}


def words(run: CompletedProcess[str]) -> str:
    """What was printed, in one line."""
    return " ".join((run.stdout + run.stderr).split())


def ledger(run: CompletedProcess[str]) -> Any:
    """The ledger that a run printed, or None."""
    found = re.search(r'"msg": (\[\n\s+"Activations of host keys were spent\..*?\n\s*\])', run.stdout, re.DOTALL)
    return yaml.safe_load("\n".join(json.loads(found[1])[1:]))["kms_host_activations_used"] if found else None


def spent(lab: RunningLab) -> dict[str, int]:
    """Activations that Microsoft has given, by the last five characters of the key."""
    return {key["last_five"]: key["activations_used"] for key in lab("state")["microsoft"]["keys"]}


def keys_of(lab: RunningLab, machine: str) -> dict[str, int]:
    """Status by the last five characters of each key of a machine, as its own state has them."""
    products = lab.machine(machine)["products"]
    return {product["partial_product_key"]: product["license_status"] for product in products}


def without_time(state: dict[str, Any]) -> str:
    return re.sub(r'"(clock|grace_minutes|now)": [^,}]+', "", json.dumps(state, sort_keys=True))


def test_a_host_for_windows_and_office_in_four_runs_prints_no_key_and_what_it_spent(
    lab: RunningLab, play: Play
) -> None:
    wanted: dict[str, Any] = {
        "kms_host_product_keys": [WINDOWS_KEY, OFFICE_KEY],
        "kms_host_serves": ["Windows Server 2022", "Office LTSC 2021"],
        "kms_host_renewal_interval": 1440,
        "kms_host_low_priority": True,
        "kms_host_publish_domains": [{"domain": "branch.example.test", "priority": 5}],
        "kms_host_activations_used": {"KNHFF": {"kms01": 1, "gone": 2}},
    }
    before = without_time(lab("state")["machines"]["kms01"])
    check = play("kms01", "--check", "--diff", **wanted)
    assert (check.returncode, changed(check)) == (0, {"kms01": 1}), words(check)
    assert without_time(lab("state")["machines"]["kms01"]) == before
    assert ledger(check) is None

    first = play("kms01", "-vvvv", **wanted)
    assert first.returncode == 0, words(first)
    assert WINDOWS_KEY not in first.stdout + first.stderr
    assert OFFICE_KEY not in first.stdout + first.stderr
    assert keys_of(lab, "kms01") == {"KMNHT": 1, "KNHFF": 1}
    assert (spent(lab)["KMNHT"], spent(lab)["KNHFF"]) == (1, 1)
    assert ledger(first) == {"KMNHT": {"kms01": 1}, "KNHFF": {"kms01": 2, "gone": 2}}
    host = lab.module("kms01", "host_info", include=["firewall"])["host"]
    assert host["service"]["low_priority"] is True
    assert host["service"]["dns_publishing"] is False
    assert host["service"]["renewal_interval_minutes"] == 1440
    assert host["firewall"]["open_in"] == ["domain", "private"]
    assert lab.machine("kms01")["kms_host"]["listening"]

    again = play("kms01", **wanted)
    assert (again.returncode, changed(again), ledger(again)) == (0, {"kms01": 0}, None), words(again)
    recheck = play("kms01", "--check", **wanted)
    assert (recheck.returncode, changed(recheck)) == (0, {"kms01": 0}), words(recheck)
    assert (spent(lab)["KMNHT"], spent(lab)["KNHFF"]) == (1, 1)


def test_low_priority_is_taken_back(lab: RunningLab) -> None:
    taken_back = lab.module("kms01", "host", low_priority=False)
    assert "EnableKeyManagementServiceLowPriority" in taken_back["operations"], taken_back
    assert lab.module("kms01", "host_info")["host"]["service"]["low_priority"] is False


def test_a_seventh_machine_is_refused_before_anything_is_spent(lab: RunningLab, play: Play) -> None:
    before = (keys_of(lab, "kms02"), spent(lab))
    used = {"KMNHT": {f"gone-{number}": 1 for number in range(5)}}
    run = play("kms01:kms02", kms_host_product_keys=WINDOWS_KEY, kms_host_activations_used=used)
    assert run.returncode != 0
    assert (
        "ending in KMNHT would be on 7 machines (gone-0, gone-1, gone-2, gone-3, gone-4, kms01, kms02), and "
        "kms_host_max_hosts is 6" in words(run)
    )
    assert (keys_of(lab, "kms02"), spent(lab)) == before
    # The one that has the key needs nothing, so nothing is refused, whatever is in the ledger.
    alone = play("kms01", kms_host_product_keys=[WINDOWS_KEY], kms_host_max_hosts=1, kms_host_activations_used=used)
    assert (alone.returncode, changed(alone)) == (0, {"kms01": 0}), words(alone)


def test_a_declared_host_that_is_silent_or_not_in_the_play_counts_as_one_that_holds_the_key(
    lab: RunningLab, play: Play
) -> None:
    before = (keys_of(lab, "kms03"), spent(lab))
    dead = {"ansible_port": "{{ 5999 if inventory_hostname == 'kms02' else 5985 }}"}
    run = play(
        "kms02:kms03",
        play={"vars": dead},
        kms_host_product_keys=[WINDOWS_KEY],
        kms_host_max_hosts=2,
        kms_host_declared_hosts=["kms01"],
    )
    assert run.returncode != 0
    assert "would be on 3 machines (kms01, kms02, kms03)" in words(run)
    assert "Not read, and counted because they may hold it: kms01, kms02. Nothing was changed." in words(run)
    batches = play("kms02:kms03", play={"serial": 1}, kms_host_product_keys=[WINDOWS_KEY], kms_host_max_hosts=1)
    assert "would be on 2 machines (kms02, kms03)" in words(batches)
    assert (keys_of(lab, "kms03"), spent(lab)) == before


def test_one_run_with_four_faults_and_the_next_finishes_without_spending_more(lab: RunningLab, play: Play) -> None:
    """Nothing that one host lacks keeps the others from their keys; and what was lost is found again."""
    by_host = {"kms02": WINDOWS_KEY, "kms03": WINDOWS_KEY, "kms04": MAK, "rogue01": USED_UP}
    of_each = {"kms_host_product_keys": "{{ " + repr(by_host) + "[inventory_hostname] }}"}
    before = spent(lab)
    lab("set", "kms02", "activation=hollow")
    lab("stats", "--reset")
    assert play("kms03", "--check", **of_each).returncode == 0
    reads = sum(each["requests"] for name, each in lab("stats")["machines"]["kms03"].items() if name != "Identify")
    lab("set", "kms03", f"drop_after={reads + 1}")
    # The ledger doesn't know that Microsoft has given all activations of the last key.
    run = play("kms02:kms03:kms04:rogue01", play={"any_errors_fatal": True}, **of_each)
    assert run.returncode != 0
    text = words(run)
    assert "Activate reported success on KMS02, and Windows(R), ServerDatacenter edition is still not licensed" in text
    assert list(keys_of(lab, "kms02")) == ["KMNHT"]
    assert keys_of(lab, "kms02")["KMNHT"] != 1
    assert "Whether KMS03 carried out InstallProductKey is unknown. Run again" in text
    assert "product_key (ending in MKNWT) is a MAK" in text
    assert "MKNWT" not in keys_of(lab, "kms04")
    assert "A KMS host key can be activated on 6 machines, and 10 times on each of them." in text
    assert spent(lab) == before
    # What was refused costs nothing; what Windows calls a success may have.
    assert ledger(run) == {"KMNHT": {"kms02": 1}}
    assert [secret for secret in (*by_host.values(), "Traceback") if secret in run.stdout + run.stderr] == []

    lab("set", "kms02", "activation=real")
    again = play("kms02:kms03", kms_host_product_keys=[WINDOWS_KEY], kms_host_activations_used=ledger(run))
    assert again.returncode == 0, words(again)
    assert ledger(again) == {"KMNHT": {"kms02": 2, "kms03": 1}}
    assert spent(lab)["KMNHT"] == before["KMNHT"] + 2
    assert (keys_of(lab, "kms02"), keys_of(lab, "kms03")) == ({"KMNHT": 1}, {"KMNHT": 1})


def test_hosts_that_nobody_declared_are_reported_and_left_alone(lab: RunningLab) -> None:
    before = without_time(lab("state")["machines"])
    lab("stats", "--reset")
    run = lab.playbook("volact.kms.find_hosts", "-e", "find_hosts_in=fleet:kms01")
    assert run.returncode == 0, words(run)
    assert "KMS hosts that nobody declared: rogue01. Nothing was changed. Declare them" in words(run)
    assert without_time(lab("state")["machines"]) == before
    dead = lab.playbook("volact.kms.find_hosts", "-e", "find_hosts_in=srv01:kms01", "-e", "ansible_port=5999")
    assert "2 of 2 machines could not be read." in words(dead)
    client = lab.module("rogue01", "client", channel="kms")
    assert client["status"] == "FAILED"
    assert "rogue01 is a KMS host" in client["msg"].lower().replace("is a kms host", "is a KMS host")
