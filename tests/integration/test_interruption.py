# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible, killed while a machine is at it: the same command afterwards gets there, and spends nothing twice.

Each single request is disturbed in tests/unit/plugin_utils/spp/test_spp_interruption.py; here it is the real process.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_lab import PROGRAMS, RunningLab, running_lab

from lab.shell import control
from lab.shell.state_folder import StateFolder

SITE = Path(__file__).with_name("windows_site.yml")
SLOW = 5
STILL = 1.0
PATIENCE = 60
INSTALL_KEY = "Invoke SoftwareLicensingService.InstallProductKey"
ACTIVATE = "Invoke SoftwareLicensingProduct.Activate"
READ_PRODUCTS = "Enumerate SoftwareLicensingProduct"

HOST = {"kms_host_product_keys": "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT", "kms_host_listening_port": 1700}
CLIENT = {
    "kms_client_kms_host": "kms01.corp.example.test",
    "kms_client_kms_port": 1700,
    "kms_client_below_threshold": "accept",
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("interruption")) as lab:
        yield lab


def playbook(folder: Path, hosts: str, role: str, variables: dict[str, Any]) -> str:
    """A playbook with one role."""
    path = folder / f"{role}.yml"
    play = {"hosts": hosts, "gather_facts": False, "vars": variables, "roles": [f"volact.kms.{role}"]}
    path.write_text(json.dumps([play]), encoding="utf-8")
    return str(path)


def kill_while(lab: RunningLab, machine: str, operation: str, play: str) -> None:
    """Kill `ansible-playbook` while `machine` is at `operation`: its licences were read, and then nothing was answered.

    A request is counted when it has been answered. So what is not counted when Ansible is dead, and is later, was
    under way.
    """
    lab("stats", "--reset")
    process = subprocess.Popen(
        [PROGRAMS / "ansible-playbook", play, "--limit", machine],
        env=lab.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until(lambda: READ_PRODUCTS in requests(lab, machine) and stands_still(lab, machine), operation)
    finally:
        kill_with_workers(process.pid)
        printed, _nothing = process.communicate()
    assert process.returncode == -signal.SIGKILL, printed.decode()
    assert operation not in requests(lab, machine)
    wait_until(lambda: operation in requests(lab, machine), f"the end of {operation}")


def kill_with_workers(ansible: int) -> None:
    """Kill a process and its descendants. Ansible's workers have sessions of their own, and would go on without it."""
    processes = [ansible]
    for process in processes:
        processes += children(process)
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def children(parent: int) -> list[int]:
    """The processes that `parent` started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold blanks; the parent is the second field after it.
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def requests(lab: RunningLab, machine: str) -> dict[str, int]:
    """How often the machine has answered each operation."""
    machines = control.request(StateFolder(lab.state_folder), "stats", reset=False)["machines"]
    return {operation: figures["requests"] for operation, figures in machines.get(machine, {}).items()}


def stands_still(lab: RunningLab, machine: str) -> bool:
    """Whether the machine answers nothing for a while, because it is at something slow."""
    seen, end = requests(lab, machine), time.monotonic() + STILL
    while time.monotonic() < end:
        if requests(lab, machine) != seen:
            return False
        time.sleep(0.02)
    return True


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.02)


def slow(lab: RunningLab, machine: str, seconds: int) -> None:
    lab("set", machine, f"slow_key_seconds={seconds}", f"slow_activation_seconds={seconds}")


def spent(lab: RunningLab) -> dict[str, int]:
    """Activations that Microsoft has given, by the last five characters of the key."""
    return {key["last_five"]: key["activations_used"] for key in lab("state")["microsoft"]["keys"]}


def killed_twice_and_run_again(lab: RunningLab, machine: str, play: str) -> subprocess.CompletedProcess[str]:
    """Killed while the key is installed, then while it is activated; then left in peace."""
    slow(lab, machine, SLOW)
    kill_while(lab, machine, INSTALL_KEY, play)
    kill_while(lab, machine, ACTIVATE, play)
    slow(lab, machine, 0)
    return lab.playbook(play, "--limit", machine)


def test_a_host_installation_and_a_switch_survive_the_death_of_ansible(lab: RunningLab, tmp_path: Path) -> None:
    before = spent(lab)

    host = playbook(tmp_path, "kms01", "kms_host", HOST)
    run = killed_twice_and_run_again(lab, "kms01", host)
    assert run.returncode == 0, run.stdout
    state = lab.machine("kms01")["kms_host"]
    assert (state["listening"], state["activated"], state["port"]) == (True, True, 1700)
    assert spent(lab) == before | {"KMNHT": 1}

    client = playbook(tmp_path, "kms_clients", "kms_client", CLIENT)
    others = lab.playbook(client, "--limit", "kms_clients:!srv05")
    assert others.returncode == 0, others.stdout
    run = killed_twice_and_run_again(lab, "srv05", client)
    assert run.returncode == 0, run.stdout
    (product,) = lab.machine("srv05")["products"]
    assert (product["license_status"], product["activated_by"], product["kms_host_used"]) == (1, "kms", "kms01")
    assert lab.machine("kms01")["kms_host"]["pools"]["windows"]["count"] == 5
    assert spent(lab) == before | {"KMNHT": 1}

    for play in (host, client):
        again = lab.playbook(play, "--limit", "kms01:srv05")
        assert "changed=0" in again.stdout
        assert again.returncode == 0, again.stdout
