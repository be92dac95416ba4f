# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a playbook costs: CPU time of ansible-playbook and of all workers that it forked."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
PLAYS = Path(__file__).parent / "plays"


class BenchError(Exception):
    """Nothing could be measured: one sentence, with the end of what was printed."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of a playbook, in seconds."""

    cpu: float
    wall: float


def environment(inventory: Path, *collections: Path) -> dict[str, str]:
    """Nothing of the user's own Ansible, and the collection as it is here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "LAB_", "PYTHON"))}
    return kept | {
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, (ROOT / ".venv" / "ansible", *collections))),
        "ANSIBLE_CONFIG": str(Path(__file__).with_name("ansible.cfg")),
        "ANSIBLE_HOME": str(BUILD / "ansible"),
        "ANSIBLE_INVENTORY": str(inventory),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_REMOTE_TEMP": str(BUILD / "ansible" / "tmp"),
    }


def play(name: str, hosts: str, variables: dict[str, str]) -> Cost:
    """Run plays/NAME.yml on a group in the environment `variables`. Raises BenchError when the playbook fails."""
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), str(PLAYS / f"{name}.yml"), "--extra-vars", f"bench_hosts={hosts}"]
    log = BUILD / f"{name}-{hosts}.log"
    before = os.times().elapsed
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        # Not process.wait(): the usage of this child and of its descendants, and of no other child.
        _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        end = "\n".join(log.read_text("utf-8", "replace").splitlines()[-20:])
        raise BenchError(f"{name} on {hosts} ended with status {process.returncode}; see {log}:\n{end}")
    return Cost(usage.ru_utime + usage.ru_stime, os.times().elapsed - before)
