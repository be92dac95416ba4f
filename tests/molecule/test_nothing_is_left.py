# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run of a scenario that is ended in the middle leaves nothing behind. `make molecule` runs this; it needs an engine.

What is there is asked of the engine and of the kernel, not of the program under test.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from containers.places import BUILD, ROOT

SCENARIO = "kms_host"
PYTHON = BUILD / "venv" / "bin" / "python"
ENGINE = os.environ.get("CONTAINER_ENGINE") or shutil.which("podman") or shutil.which("docker") or "podman"
HALF_MADE = ["--external"] if Path(ENGINE).name.startswith("podman") else []
START_SECONDS, END_SECONDS = 180.0, 90.0


def containers(*flags: str) -> list[str]:
    """The names of all containers, whoever made them."""
    command = [ENGINE, "ps", "--all", *flags, "--format", "{{.Names}}"]
    return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def there() -> dict[str, list[str]]:
    """All networks, routes and interfaces of this machine, and all containers, also those that are half made.

    podman cannot list the latter while a container is being made: for moments when none is.
    """
    commands = {
        "networks": [ENGINE, "network", "ls", "--format", "{{.Name}}"],
        "routes": ["ip", "-4", "route", "show", "table", "all"],
        "interfaces": ["ip", "-brief", "link"],
    }
    found = {
        kind: sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())
        for kind, command in commands.items()
    }
    return {**found, "containers": containers(*HALF_MADE)}


def secrets_there() -> list[Path]:
    work = BUILD / SCENARIO
    return [path for path in (work / "site", work / "inventory.yml") if path.exists()]


@pytest.fixture
def run() -> Iterator[subprocess.Popen[str]]:
    """A run of a scenario that has begun, in a process group of its own."""
    process = subprocess.Popen(
        [str(PYTHON), "-m", "containers", "test", SCENARIO],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    yield process
    process.kill()
    process.wait()
    subprocess.run(
        [str(PYTHON), "-m", "containers", "down"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, check=True,
    )  # fmt: skip


def wait_for(what: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + START_SECONDS
    while not what():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.05)


def is_making_containers() -> bool:
    return any(name.startswith("volact-") for name in containers())


def is_converging() -> bool:
    log = BUILD / SCENARIO / "logs" / "molecule.log"
    return is_making_containers() and log.exists() and "> converge] Executing" in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(("number", "moment"), [(signal.SIGINT, is_making_containers), (signal.SIGTERM, is_converging)])
def test_a_signal_ends_the_run_and_nothing_is_left(
    before: dict[str, list[str]], run: subprocess.Popen[str], moment: Callable[[], bool], number: signal.Signals
) -> None:
    wait_for(moment, run)
    assert containers() != before["containers"]
    run.send_signal(number)
    said = run.communicate(timeout=END_SECONDS)[0]
    assert run.returncode == 128 + number, said
    assert f"interrupted by {number.name}" in said
    assert there() == before, said
    assert secrets_there() == []


def test_what_a_killed_run_leaves_is_removed_by_down(before: dict[str, list[str]], run: subprocess.Popen[str]) -> None:
    wait_for(is_converging, run)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert containers() != before["containers"]
    subprocess.run(
        [str(PYTHON), "-m", "containers", "down"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, check=True,
    )  # fmt: skip
    assert there() == before
    assert secrets_there() == []


@pytest.fixture
def before() -> dict[str, list[str]]:
    """What was there before the test."""
    assert sys.platform == "linux"
    return there()
