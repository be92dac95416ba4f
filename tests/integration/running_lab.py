# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running lab, and Ansible's command line against it: what a user would type, and what the site says then.

Lab and Ansible start warm (see the package `warm`), which is the same program in a fifth of the time; where the start
itself matters, `started_cold` gives a lab whose programs start as for a user.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from lab_process import lab_in_background, perform
from warm.programs import WARM_MODULES, WarmPrograms

from gates.manners import STANDARD, manners_of_speaking

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
MANNER = "LAB_MANNER"
"""The environment variable with the manner of speaking (`manners_of_speaking`) of all labs; pytest's `--manner`."""

_FOREIGN = ("ANSIBLE_", "LAB_", "PYTEST_", "PYTHONPATH")
#: What differs between labs, and is read when it is needed.
_OF_ONE_LAB = ("ANSIBLE_INVENTORY", "LAB_STATE")
_RESULT = re.compile(r"^\S+ \| (?P<status>[A-Z]+)!? => (?=\{)", re.MULTILINE)


@dataclass(frozen=True)
class RunningLab:
    """One lab by its state folder."""

    state_folder: Path
    is_warm: bool = True
    dialects: tuple[str, ...] = ()
    """What its machines speak, as far as this run decides."""

    def started_cold(self) -> RunningLab:
        """The same lab; each program is a process that starts from nothing."""
        return dataclasses.replace(self, is_warm=False)

    def __call__(self, *words: str) -> Any:
        """A command of the lab; what it printed, as JSON where it printed something."""
        done = perform(self.state_folder, *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def machine(self, name: str) -> dict[str, Any]:
        """The state of one machine."""
        found: dict[str, Any] = self("state")["machines"][name]
        return found

    def module(
        self, host: str, module: str, *flags: str, variables: dict[str, Any] | None = None, **options: Any
    ) -> dict[str, Any]:
        """Run one module on one host, as `ansible` does; its result and the `status` that Ansible prints for it."""
        command = [host, "-m", f"volact.kms.{module}", "-a", json.dumps(options) if options else "", *flags]
        run = self.run("ansible", *command, "-e", json.dumps(variables or {}))
        match = _RESULT.search(run.stdout)
        assert match, run.stdout + run.stderr
        result: dict[str, Any] = json.JSONDecoder().raw_decode(run.stdout, match.end())[0]
        return {**result, "status": match["status"]}

    def playbook(self, playbook: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook by its path, or by its name in the collection."""
        return self.run("ansible-playbook", playbook, *arguments)

    def run(self, program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A program of Ansible's, with the lab's inventory, and more environment variables."""
        environment = self.environment() | variables
        command = [str(PROGRAMS / program), *arguments]
        # Ansible reads its settings while it is imported: in another environment it has to start by itself.
        if self.is_warm and _without(environment, _OF_ONE_LAB) == _ordinary_environment():
            return _ansible().run(command, environment | _warm_modules())
        return subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def environment(self) -> dict[str, str]:
        """Nothing of the user's own set-up, but what measures coverage."""
        return _ordinary_environment() | {
            "LAB_STATE": str(self.state_folder),
            "ANSIBLE_INVENTORY": str(self.state_folder / "inventory.yml"),
        }


def _ordinary_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {
        "PYTHONPATH": str(ROOT / "tests"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "ansible"),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "demo" / "ansible.cfg"),
        "ANSIBLE_HOME": str(_ansible_home()),
        "ANSIBLE_NOCOLOR": "1",
    }


def _without(environment: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


@functools.cache
def _ansible_home() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="ansible-home-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _ansible() -> WarmPrograms:
    return WarmPrograms("ansible", _ordinary_environment() | _warm_modules())


def _warm_modules() -> dict[str, str]:
    """What makes a module written in Python start warm: in no environment of a program that starts cold."""
    return {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(WARM_MODULES)]),
        "WARM_BYTECODE": str(_ansible_home()),
    }


@contextmanager
def running_lab(site: Path, folder: Path, dialects: Sequence[str] | None = None) -> Iterator[RunningLab]:
    """Start a lab with its state below `folder`; stop it at the end.

    Its machines speak `dialects`, unless the site says otherwise of one; without, what pytest's `--manner` says.
    """
    if dialects is None:
        dialects = manners_of_speaking()[os.environ.get(MANNER, STANDARD)]
    lab = RunningLab(folder / "lab", dialects=tuple(dialects))
    if dialects:
        document = yaml.safe_load(site.read_text("utf-8"))
        for machine in document["machines"].values():
            machine.setdefault("dialects", list(dialects))
        site = folder / "site.yml"
        site.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    with lab_in_background(site, lab.state_folder):
        yield lab
