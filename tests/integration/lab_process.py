# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs as processes of their own, started and asked as a user does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

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
        return lab(*words, LAB_STATE=str(self.state))


@contextlib.contextmanager
def running_lab(folder: Path, site: Path = SMALL_SITE) -> Iterator[RunningLab]:
    """A lab from `lab up` to `lab down`."""
    state = folder / "state"
    started = lab("up", "--site", str(site), "--state", str(state))
    assert started.returncode == 0, started.stderr
    try:
        yield RunningLab(state, yaml.safe_load((state / "inventory.yml").read_text(encoding="utf-8")))
    finally:
        stopped = lab("down", "--state", str(state))
        assert stopped.returncode == 0, stopped.stderr
