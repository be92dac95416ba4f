# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running lab, and Ansible's command line against it: what a user would type, and what the site says then."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.core import DIALECTS
from lab.core.dialects import combinable

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent

_RESULT = re.compile(r"^\S+ \| (?P<status>[A-Z]+)!? => (?=\{)", re.MULTILINE)


@dataclass(frozen=True)
class RunningLab:
    """One lab by its state folder."""

    state_folder: Path

    def __call__(self, *words: str) -> Any:
        """A command of the lab; what it printed, as JSON where it printed something."""
        run = subprocess.run(
            [sys.executable, "-m", "lab", *words], env=self.environment(), capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout) if run.stdout.strip() else None

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

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A program of Ansible's, with the lab's inventory."""
        return subprocess.run(
            [PROGRAMS / program, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def environment(self) -> dict[str, str]:
        """Nothing of the user's own set-up, but what measures coverage."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH", "LAB_"))
        }
        return kept | {
            "PYTHONPATH": str(ROOT / "tests"),
            "LAB_STATE": str(self.state_folder),
            "ANSIBLE_INVENTORY": str(self.state_folder / "inventory.yml"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "ansible"),
            "ANSIBLE_CONFIG": str(ROOT / "tests" / "demo" / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.state_folder.parent / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        }


def two_manners_of_speaking() -> dict[str, list[str]]:
    """By name: nothing special, and as many dialects at once as go together, which are most of them."""
    return dict(itertools.islice(manners_of_speaking().items(), 2))


def manners_of_speaking() -> dict[str, list[str]]:
    """By name: nothing special, and then dialects, as many at once as go together, until each was spoken."""
    manners: dict[str, list[str]] = {"standard": []}
    unspoken = list(DIALECTS)
    while unspoken:
        spoken = combinable([*unspoken, *DIALECTS])
        manners[f"dialects-{len(manners)}"] = spoken
        unspoken = [name for name in unspoken if name not in spoken]
    return manners


@contextmanager
def running_lab(site: Path, folder: Path, dialects: Sequence[str] = ()) -> Iterator[RunningLab]:
    """Start a lab with its state below `folder`, all its machines speaking `dialects`; stop it at the end."""
    lab = RunningLab(folder / "lab")
    if dialects:
        document = yaml.safe_load(site.read_text("utf-8"))
        for machine in document["machines"].values():
            machine["dialects"] = list(dialects)
        site = folder / "site.yml"
        site.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    command = [sys.executable, "-m", "lab", "up", "--site", str(site), "--state", str(lab.state_folder)]
    up = subprocess.run(command, env=lab.environment(), capture_output=True, text=True, check=False)
    assert up.returncode == 0, up.stderr
    try:
        yield lab
    finally:
        down = subprocess.run(
            [sys.executable, "-m", "lab", "down"], env=lab.environment(), capture_output=True, text=True, check=False
        )
        assert down.returncode == 0, down.stderr
