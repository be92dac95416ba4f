# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one gate: its commands one after the other, their output in one log, and a verdict."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import IO

from gates.catalogue import DATA, LOGS, Gate
from gates.fence import NO_FENCE, fence
from gates.tree import ROOT, copy_collection

# A gate that hangs has failed; the longest takes ten minutes on two idle cores.
LIMIT_SECONDS = 2400

# pytest -ra: "SKIPPED [2] tests/integration/test_bind.py:30: named not found (Debian package bind9)"
SKIPPED_TEST = re.compile(r"^SKIPPED \[(?P<count>\d+)\] (?P<where>\S+?): (?P<reason>.+)$", re.MULTILINE)
# pytest --quiet: "812 passed, 3 skipped in 21.40s"
PYTEST_SUMMARY = re.compile(r"^=*\s*(?P<counts>\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s", re.MULTILINE)


class Verdict(Enum):
    """The word that the summary shows."""

    PASSED = "ok"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True)
class Result:
    """How a gate ended. `skipped` holds a line for each thing that it could not check on this machine."""

    gate: Gate
    verdict: Verdict
    seconds: float
    counts: str
    skipped: tuple[str, ...]
    log: Path


def environment_of(gate: Gate, temporary: Path) -> dict[str, str]:
    """The environment of a gate's commands: the interpreter's programs first, nothing of the user's Ansible."""
    foreign = ("ANSIBLE_", "COVERAGE_", "PYTEST_", "MYPYPATH", "PYTHONDONTWRITEBYTECODE")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    data = ROOT / DATA / gate.name if gate.measured else ROOT / DATA
    environment |= {
        "ANSIBLE_COLLECTIONS_PATH": str(temporary if gate.in_collection else ROOT / ".venv" / "ansible"),
        "ANSIBLE_HOME": str(ROOT / LOGS / "ansible-home"),
        "COVERAGE_FILE": str(data / "data"),
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "PATH": os.pathsep.join([str(Path(gate.python).parent), environment.get("PATH", os.defpath)]),
        "PYTHONPATH": str(ROOT / "tests"),
        "TMPDIR": str(temporary),
    }
    # A copy of the collection holds what its archive does. Elsewhere: compiling the lab takes longer than starting it.
    return environment | ({"PYTHONDONTWRITEBYTECODE": "1"} if gate.in_collection else {})


def run_command(command: tuple[str, ...], folder: Path, environment: dict[str, str], log: IO[bytes]) -> bool:
    """Run one command with a session of its own, so that nothing it started outlives it. True: exit status 0."""
    log.write(f"$ {' '.join(command)}\n".encode())
    log.flush()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        return process.wait(LIMIT_SECONDS) == 0
    except subprocess.TimeoutExpired:
        log.write(f"stopped: not finished after {LIMIT_SECONDS} s\n".encode())
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def judge(passed: bool, output: str) -> tuple[Verdict, str, tuple[str, ...]]:
    """Verdict, counts and skipped things of a gate whose commands all ended well (`passed`) or not."""
    summaries = PYTEST_SUMMARY.findall(output)
    skipped = tuple(f"{found['count']} x {found['reason']}" for found in SKIPPED_TEST.finditer(output))
    if not passed:
        verdict = Verdict.FAILED
    elif skipped:
        verdict = Verdict.SKIPPED
    else:
        verdict = Verdict.PASSED
    return verdict, _sum(summaries), skipped


def _sum(summaries: list[str]) -> str:
    """ "3 passed" and "4 passed, 1 skipped" of several commands are 7 passed, 1 skipped."""
    sums: Counter[str] = Counter()
    for number, what in (count.split() for summary in summaries for count in summary.split(", ")):
        sums[what] += int(number)
    return ", ".join(f"{number} {what}" for what, number in sums.items())


def run_gate(gate: Gate) -> Result:
    """Run `gate`; everything that its commands write goes to build/test/NAME.log and to a temporary folder."""
    log_path = ROOT / LOGS / f"{gate.name}.log"
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="volact-") as name:
        temporary = Path(name)
        folder = copy_collection(temporary) if gate.in_collection else ROOT
        environment = environment_of(gate, temporary)
        words = (fence() or ()) if gate.fenced else ()
        with log_path.open("wb") as log:
            if gate.fenced and not words:
                log.write(f"SKIPPED [1] {gate.name}: {NO_FENCE}\n".encode())
            passed = all(run_command((*words, *command), folder, environment, log) for command in gate.commands)
    output = log_path.read_text(encoding="utf-8", errors="replace")
    verdict, counts, skipped = judge(passed, output)
    return Result(gate, verdict, time.monotonic() - started, counts, skipped, log_path)
