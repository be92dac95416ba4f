# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One migration in the lab: killed when the site has answered so many requests, and run again.

Ansible and the lab start warm (see tests/integration/warm), which is the same program in a fifth of the time.
"""

from __future__ import annotations

import json
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from running_lab import PROGRAMS, RunningLab, running_lab
from warm.programs import RunningProgram, WarmPrograms

from kill.sites import DOMAIN, KMS_HOST, Scenario
from kill.verdict import Ending, spent_twice, unfinished
from lab.shell import control
from lab.shell.state_folder import StateFolder

PATIENCE = 300
#: Seconds between two looks at what the site has answered.
GLANCE = 0.005
MOST_RERUNS = 3


class KillTestError(Exception):
    """Nothing can be said: one sentence."""


@dataclass(frozen=True, slots=True)
class Point:
    """When to kill: after so many requests that the site has answered, and so many seconds."""

    scenario: Scenario
    requests: int
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.scenario.name}, {self.requests} requests and {self.seconds:.2f} s"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one point. `answered`: requests when it was dead; `reruns` until all was moved, None for never."""

    point: Point
    answered: int
    reruns: int | None
    faults: tuple[str, ...]
    activations: int
    rollbacks: int
    printed: str


def requests_of_a_whole_run(scenario: Scenario, programs: WarmPrograms) -> int:
    """How many requests a migration takes that nobody kills. Raises KillTestError when it ends as it should not."""
    with _prepared(scenario, programs) as migration:
        ended, printed = migration.run()
        if (ended == 0) != scenario.ends_well:
            raise KillTestError(f"{scenario.name}: a run that nobody killed ended with {ended}.\n{printed}")
        return migration.answered()


def outcome_of(point: Point, programs: WarmPrograms) -> Outcome:
    """Kill at a point, mend what the scenario had broken, and run again until all is moved."""
    scenario = point.scenario
    with _prepared(scenario, programs) as migration:
        before = migration.ask("state")
        ended, printed = migration.run(point)
        answered = migration.answered()
        faults = [] if ended is None else [f"the run had ended with {ended} before it was killed"]
        migration.set(scenario.mended)
        reruns, left = 0, ["nothing was run again"]
        while left and reruns < MOST_RERUNS:
            ended, again = migration.run()
            printed += again
            reruns += 1
            ending = Ending(before, migration.ask("state"), migration.ask("stats", reset=False), migration.journal())
            left = unfinished(scenario, ending) + ([f"the run ended with {ended}"] if ended else [])
            if left and reruns == 1:
                faults += [f"after one more run: {fault}" for fault in left]
        faults += spent_twice(scenario, ending)
        return Outcome(
            point,
            answered,
            None if left else reruns,
            tuple(faults),
            ending.after["microsoft"]["requests"] - before["microsoft"]["requests"],
            sum(ending.rollbacks().values()),
            printed,
        )


class _Migration:
    """A site whose machines are to be moved, and the playbook against it."""

    def __init__(self, lab: RunningLab, folder: Path, scenario: Scenario, programs: WarmPrograms) -> None:
        self._lab = lab
        self._folder = folder
        self._programs = programs
        self._variables = {
            "mak_to_kms_domains": [DOMAIN],
            "mak_to_kms_dns_server": "{{ lab_dns_server }}",
            "mak_to_kms_dns_port": "{{ lab_dns_port }}",
            "mak_to_kms_fleet_path": str(folder / "fleet.jsonl"),
            "mak_to_kms_journal_path": str(folder / "journal.jsonl"),
            **scenario.variables,
        }

    def run(self, point: Point | None = None) -> tuple[int | None, str]:
        """Its exit status, None when it was killed, and what was printed."""
        variables = self._folder / "variables.json"
        variables.write_text(json.dumps(self._variables), "utf-8")
        command = [str(PROGRAMS / "ansible-playbook"), "volact.kms.migrate", "-e", f"@{variables}"]
        with tempfile.TemporaryFile("w+", encoding="utf-8") as printed, Path("/dev/null").open("rb") as nothing:
            program = self._programs.start(command, self._lab.environment(), nothing, printed, printed)
            with closing(program):
                status = self._kill(program, point) if point else program.wait(PATIENCE)
            printed.seek(0)
            return status, printed.read()

    def _kill(self, program: RunningProgram, point: Point) -> int | None:
        """Kill it and its workers, which have sessions of their own and would go on without it."""
        deadline = time.monotonic() + PATIENCE
        while self.answered() < point.requests and not _has_ended(program):
            if time.monotonic() > deadline:
                raise KillTestError(f"{point} were not reached in {PATIENCE} s.")
            time.sleep(GLANCE)
        time.sleep(point.seconds)
        if _has_ended(program):
            return program.wait(PATIENCE)
        try:
            return program.wait(GLANCE)
        except subprocess.TimeoutExpired:
            return None

    def answered(self) -> int:
        """How many requests the site has answered."""
        found: int = self.ask("stats", reset=False)["total"]["requests"]
        return found

    def ask(self, command: str, **parameters: Any) -> Any:
        """A command of the lab."""
        return control.request(StateFolder(self._lab.state_folder), command, **parameters)

    def set(self, settings: Any) -> None:
        """Change how the KMS host is."""
        for name, value in settings.items():
            self.ask("set", machine=KMS_HOST, name=name, value=value)

    def journal(self) -> str:
        """As it is on the disk."""
        path = Path(self._variables["mak_to_kms_journal_path"])
        return path.read_text("utf-8") if path.exists() else ""


def _has_ended(program: RunningProgram) -> bool:
    """Whether its exit status can be read."""
    return bool(select.select([program.client], [], [], 0)[0])


@contextmanager
def _prepared(scenario: Scenario, programs: WarmPrograms) -> Iterator[_Migration]:
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        folder = Path(name)
        site = folder / "site.yml"
        site.write_text(yaml.safe_dump(scenario.site(), sort_keys=False), "utf-8")
        with running_lab(site, folder, ()) as lab:
            migration = _Migration(lab, folder, scenario, programs)
            migration.set({"firewall": "on", **scenario.troubles})
            yield migration
