# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""podman or docker: the few commands that both understand in the same way."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .errors import ContainersError

LABEL = "volact.kms.lab"
"""On every container and network that this package makes; nothing else is removed, but what podman left half made."""

PREFIX = "volact-"
"""Of the name of each of our containers."""

AT_ONCE = 4
PROGRAMS = ("podman", "docker")
PROBE_SECONDS = 20
EXTERNAL_ATTEMPTS = 10

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that works. `program` is its path."""

    program: str

    @property
    def is_podman(self) -> bool:
        """Whether it is podman, of which a few things have to be asked differently."""
        return Path(self.program).name.startswith("podman")

    def run(self, *arguments: str) -> str:
        """Run one command of the engine; its output. Raises ContainersError with what the engine said."""
        process = subprocess.Popen(
            [self.program, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(os.environ),
        )  # fmt: skip
        try:
            output, errors = process.communicate()
        except BaseException:
            # A signal: `subprocess.run` would kill podman here, which leaves storage under the name of no container.
            process.communicate()
            raise
        if process.returncode != 0:
            # docker ends with an advice to read its help.
            said = [line for line in (errors or output).splitlines() if line.strip() and not line.startswith("Run '")]
            raise ContainersError(f"{Path(self.program).name} {arguments[0]} failed: {said[-1] if said else '?'}")
        return output

    def containers(self) -> list[str]:
        """The names of our containers, running or not, and of what a killed podman left half made."""
        names = self.run("ps", "--all", "--filter", f"label={LABEL}", "--format", "{{.Names}}").split()
        if self.is_podman:
            # Without a label yet: storage only, which is in the way of the next container of that name.
            names += [line.split()[0] for line in self._external() if line.startswith(PREFIX) and " Storage" in line]
        return sorted(set(names))

    def _external(self) -> list[str]:
        """Name and status of all containers of podman and of others. It fails while one is being made: asked again."""
        command = ("ps", "--all", "--external", "--format", "{{.Names}} {{.Status}}")
        for _attempt in range(EXTERNAL_ATTEMPTS - 1):
            with contextlib.suppress(ContainersError):
                return self.run(*command).splitlines()
            time.sleep(0.3)
        return self.run(*command).splitlines()

    def networks(self) -> list[str]:
        """The names of our networks."""
        return sorted(self.run("network", "ls", "--filter", f"label={LABEL}", "--format", "{{.Name}}").split())

    def inspect(self, *what: str) -> Any:
        """`inspect` as JSON."""
        return json.loads(self.run(*what))


def find_engine() -> Engine:
    """The engine of $CONTAINER_ENGINE, else the first that works. Raises ContainersError that says what to install."""
    tried = []
    for name in [os.environ["CONTAINER_ENGINE"]] if os.environ.get("CONTAINER_ENGINE") else PROGRAMS:
        program = shutil.which(name)
        if program is None:
            tried.append(f"{name}: not found")
            continue
        problem = _problem(program)
        if problem is None:
            return Engine(program)
        tried.append(f"{name}: {problem}")
    raise ContainersError(
        "No container engine works here, so nothing was started. Install podman (Debian and Ubuntu: "
        "`apt install podman`, Fedora and RHEL: `dnf install podman`), start docker, or name one in CONTAINER_ENGINE. "
        f"Tried {'; '.join(tried)}."
    )


def _problem(program: str) -> str | None:
    try:
        done = subprocess.run(
            [program, "info"], capture_output=True, text=True, check=False, timeout=PROBE_SECONDS,
            env=_environment(os.environ),
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = [line for line in done.stderr.strip().splitlines() if line.strip()]
    return said[-1].strip() if said else f"`info` ended with status {done.returncode}"


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without systemd podman cannot start timers for health checks, and would not start the container."""
    if Path("/run/systemd/system").exists():
        return dict(environment)
    return {**environment, "DISABLE_HC_SYSTEMD": "true"}


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` on every item, a few at a time; results in order. Raises what the first failing one raised."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(work, items))
    finally:
        pool.shutdown(cancel_futures=True)
