# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the leak check works: folders, a vault, and Ansible with everything switched on that writes something."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from running_lab import PROGRAMS, RunningLab

from gates.tree import ROOT

FOLDER = ROOT / "build" / "leaks"
# What a play leaks on purpose.
PLANTED = FOLDER / "planted"
LIMIT_SECONDS = 300

# -vvvv says at least this of a task on a machine; without it nobody would have looked at anything.
SIGNS_OF_VERBOSITY = ("ansible-playbook [core ", "task path: ")


class CheckFailed(Exception):
    """The check could not do its work: one sentence."""


@dataclass(slots=True)
class Workshop:
    """A fresh build/leaks; `secrets` grows: a name that may be printed -> the secret."""

    secrets: dict[str, str] = field(default_factory=dict)
    plays: int = 0

    def __post_init__(self) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        for folder in (self.temporary, self.output, PLANTED):
            folder.mkdir(parents=True)

    @property
    def temporary(self) -> Path:
        """The folder of temporary files, of nobody else."""
        return FOLDER / "tmp"

    @property
    def output(self) -> Path:
        """What was printed and logged."""
        return FOLDER / "output"

    def printed(self, name: str) -> str:
        """What the play of this name printed."""
        return (self.output / f"{name}.txt").read_text("utf-8", "replace")

    def learn(self, inventory: Path) -> None:
        """Passwords and TSIG secrets of a running lab; it takes its inventory away at its end."""
        document = yaml.safe_load(inventory.read_text("utf-8"))["all"]
        variables = [document["vars"], *document["hosts"].values()]
        for number, entry in enumerate(variables):
            for name in ("lab_tsig_secret", "ansible_password"):
                if name in entry and entry[name] not in self.secrets.values():
                    self.secrets[f"{name} {len(self.secrets)} (entry {number})"] = entry[name]

    def vault(self, name: str, variables: Mapping[str, Any]) -> list[str]:
        """Arguments that hand encrypted variables to a playbook; they were never written down in clear text."""
        password = FOLDER / "vault-password"
        password.write_text("the password of a test\n", "utf-8")
        file = FOLDER / f"{name}.vault.yml"
        command = [str(PROGRAMS / "ansible-vault"), "encrypt", "--vault-password-file", str(password)]
        command += ["--output", str(file), "-"]
        text = yaml.safe_dump(dict(variables))
        subprocess.run(command, input=text, text=True, env=self.environment({}), check=True, capture_output=True)
        return ["--vault-password-file", str(password), "--extra-vars", f"@{file}"]

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base`, and everything that makes Ansible write more."""
        return {
            **(base or {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}),
            "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1",
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "ANSIBLE_HOME": str(FOLDER / "ansible"),
            "ANSIBLE_LOCAL_TEMP": str(self.temporary / "ansible-local"),
            "ANSIBLE_LOG_VERBOSITY": "4",
            "ANSIBLE_REMOTE_TEMP": str(self.temporary / "ansible-remote"),
            "PYTHONFAULTHANDLER": "1",
            "TMPDIR": str(self.temporary),
        }

    def play(
        self,
        lab: RunningLab,
        name: str,
        *arguments: str,
        collections: Path | None = None,
        kill_after: str | None = None,
        output: Path | None = None,
    ) -> int:
        """Run ansible-playbook at -vvvv, output into a file. With `kill_after` everything is killed after that text."""
        environment = self.environment(lab.environment())
        if collections:
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
        folder = output or self.output
        environment["ANSIBLE_LOG_PATH"] = str(folder / "ansible.log")
        path = folder / f"{name}.txt"
        with path.open("wb") as file:
            process = subprocess.Popen(
                [str(PROGRAMS / "ansible-playbook"), "-vvvv", "--diff", *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            status = _wait(process, path, kill_after)
        printed = path.read_text("utf-8", "replace")
        if missing := [sign for sign in SIGNS_OF_VERBOSITY if sign not in printed]:
            raise CheckFailed(f"{path} is not the output of -vvvv: {missing} is not in it.")
        self.plays += 1
        return status


def _wait(process: subprocess.Popen[bytes], path: Path, kill_after: str | None) -> int:
    """Wait for the end, or for the text that is the end."""
    if kill_after is None:
        return process.wait(LIMIT_SECONDS)
    deadline = time.monotonic() + LIMIT_SECONDS
    while kill_after.encode() not in path.read_bytes():
        if process.poll() is not None or time.monotonic() > deadline:
            raise CheckFailed(f"{path} never said {kill_after!r}, so nothing was interrupted.")
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait(LIMIT_SECONDS)


def written_by_the_project() -> list[Path]:
    """Every file below build/ that a run of the project writes, but what tools make of the tests' own source."""
    made_of_source = {"bench", "context", "coverage", "fuzz", "home", "matrix", "mypy-cache", "pytest-cache", "venv"}
    return [
        path
        for path in (ROOT / "build").rglob("*")
        if path.is_file() and not made_of_source & set(path.relative_to(ROOT / "build").parts[:-1])
    ]


def printed_by_plays(files: Iterable[Path]) -> list[Path]:
    """Those of `files` that hold what playbooks printed, and no test's own text."""
    folders = {FOLDER, ROOT / "build" / "demo"}
    return [path for path in files if folders & set(path.parents)]
