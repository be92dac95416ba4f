# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many cases in one `ansible-playbook`, and what it prints for each: that is what a user reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from running_lab import RunningLab

_TASK = re.compile(r"^TASK \[(?P<name>[^\]]+)\] \*", re.MULTILINE)
_FAILED = re.compile(r"^fatal: \[[^\]]+\]: (?P<status>FAILED|UNREACHABLE)! => (?=\{)", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One task: a module with options on a host of the lab (or localhost), with variables of its own."""

    name: str
    host: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)

    def play(self) -> dict[str, Any]:
        """The case as a play that goes on after any failure."""
        task = {
            "name": self.name,
            f"volact.kms.{self.module}": dict(self.options),
            "vars": dict(self.variables),
            "ignore_errors": True,
            "ignore_unreachable": True,
        }
        return {"name": f"Case {self.name}", "hosts": self.host, "gather_facts": False, "tasks": [task]}


def run_cases(lab: RunningLab, cases: Sequence[Case], folder: Path) -> dict[str, dict[str, Any]]:
    """Run all cases; of each the printed result, with `status` FAILED, UNREACHABLE, or OK where nothing is printed."""
    assert len({case.name for case in cases}) == len(cases)
    playbook = folder / "cases.yml"
    playbook.write_text(json.dumps([case.play() for case in cases]), encoding="utf-8")
    run = lab.playbook(str(playbook))
    assert "Traceback" not in run.stdout + run.stderr, run.stdout + run.stderr
    starts = [*_TASK.finditer(run.stdout)]
    assert [start["name"] for start in starts] == [case.name for case in cases], run.stdout + run.stderr
    ends = [*(start.start() for start in starts[1:]), len(run.stdout)]
    return {start["name"]: _result(run.stdout[start.end() : end]) for start, end in zip(starts, ends, strict=True)}


def _result(printed: str) -> dict[str, Any]:
    failed = _FAILED.search(printed)
    if failed is None:
        return {"status": "OK", "printed": printed}
    result: dict[str, Any] = json.JSONDecoder().raw_decode(printed, failed.end())[0]
    return {"status": failed["status"], **result}


def host_variables(lab: RunningLab, name: str) -> dict[str, Any]:
    """The inventory variables of a machine of the lab; `all` has those of the site."""
    inventory = yaml.safe_load((lab.state_folder / "inventory.yml").read_text(encoding="utf-8"))["all"]
    found: dict[str, Any] = inventory["vars"] if name == "all" else inventory["hosts"][name]
    return found


def without_time(state: Mapping[str, Any]) -> str:
    """The state of a whole site without what time alone changes."""
    return re.sub(r'"(clock|grace_minutes)": [^,}]+', "", json.dumps(state, sort_keys=True))
