# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs as processes of their own. `lab` starts and asks one as a user does, `running_lab` without a start of Python."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from warm.programs import PASSED, WarmPrograms

from lab.shell import background, command_line, control
from lab.shell.state_folder import StateFolder

TESTS = Path(__file__).resolve().parents[1]
SMALL_SITE = TESTS / "lab" / "sites" / "small.yml"
SECONDS = 60


def environment(**changed: str) -> dict[str, str]:
    """The environment of a lab command: this one without what an outer lab has set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAB_", "ANSIBLE_"))}
    return {**kept, "PYTHONPATH": str(TESTS), **changed}


def command(*words: str) -> list[str]:
    """The arguments of a lab command."""
    return [sys.executable, "-m", "lab", *words]


def lab(*words: str, **changed: str) -> subprocess.CompletedProcess[str]:
    """Perform a lab command to its end."""
    return subprocess.run(
        command(*words), env=environment(**changed), capture_output=True, text=True, timeout=SECONDS, check=False
    )


def write_site(folder: Path, **changed: Any) -> Path:
    """A small site with some top-level entries replaced."""
    document = {**yaml.safe_load(SMALL_SITE.read_text(encoding="utf-8")), **changed}
    file = folder / "site.yml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def perform(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A lab command for the lab with this state folder, performed in this process: it only talks to that one."""
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        try:
            status = command_line.main([words[0], "--state", str(state), *words[1:]])
        except SystemExit as ended:  # argparse's
            status = int(ended.code or 0)
    return subprocess.CompletedProcess(list(words), status, printed.getvalue(), errors.getvalue())


@functools.cache
def _labs() -> WarmPrograms:
    return WarmPrograms("lab", environment())


@contextlib.contextmanager
def lab_in_background(site: Path, state: Path) -> Iterator[None]:
    """From `lab up` to `lab down`; only that the process of the lab starts warm."""
    folder = StateFolder.create(str(state))
    reading, writing = os.pipe()
    command = ["-m", "lab", "serve", "--site", str(site), "--state", str(folder.path), "--ready", PASSED]
    with os.fdopen(reading) as report, folder.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
        process = _labs().start(command, environment(), nothing, log, log, writing, new_session=True)
        os.close(writing)
        said = background.Report(**json.loads(report.read() or '{"error": "The lab ended before it was ready."}'))
    with contextlib.closing(process):
        assert said.error is None, said.error
        yield
        control.request(folder, "stop")
        assert process.wait(background.STOP_SECONDS) == 0


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab in the background."""

    state: Path
    inventory: Mapping[str, Any]

    def host(self, name: str) -> Mapping[str, Any]:
        """A machine's inventory variables."""
        found: Mapping[str, Any] = self.inventory["all"]["hosts"][name]
        return found

    @property
    def variables(self) -> Mapping[str, Any]:
        """The inventory variables of all machines."""
        found: Mapping[str, Any] = self.inventory["all"]["vars"]
        return found

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Perform a lab command for this lab."""
        return perform(self.state, *words)


@contextlib.contextmanager
def running_lab(folder: Path, site: Path = SMALL_SITE) -> Iterator[RunningLab]:
    """A lab from `lab up` to `lab down`."""
    state = folder / "state"
    with lab_in_background(site, state):
        yield RunningLab(state, yaml.safe_load((state / "inventory.yml").read_text(encoding="utf-8")))
