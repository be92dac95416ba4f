# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Molecule, one scenario after the other, with nothing left behind whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.shell.state_folder import write_private

from . import fence, lifecycle
from .engine import Engine
from .errors import ContainersError
from .places import BUILD, ROOT, SCENARIOS, STATE, work_folder
from .site import inventory_of

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 20.0
"""What Molecule gets to end after a signal before it is killed."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run must leave as it was."""

    containers: tuple[str, ...]
    networks: tuple[str, ...]
    routes: tuple[str, ...]
    links: tuple[str, ...]

    @classmethod
    def now(cls, engine: Engine) -> Surroundings:
        """As it is."""
        return cls(
            tuple(sorted(engine.run("ps", "--all", "--format", "{{.Names}}").split())),
            tuple(sorted(engine.run("network", "ls", "--format", "{{.Name}}").split())),
            tuple(sorted(fence.ip("-4", "route", "show").splitlines())),
            tuple(fence.links()),
        )

    def differences(self, later: Surroundings) -> list[str]:
        """One sentence for everything that is new or gone."""
        found = []
        for kind in ("containers", "networks", "routes", "links"):
            before, after = set(getattr(self, kind)), set(getattr(later, kind))
            found += [f"left behind, of {kind}: {name}" for name in sorted(after - before)]
            found += [f"gone, of {kind}: {name}" for name in sorted(before - after)]
        return found


class Interrupted(Exception):
    """A signal came."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def test(engine: Engine, scenarios: Sequence[str], say: Callable[[str], None]) -> int:
    """Run scenarios and return the exit status: 0, 1 for a failed one, 128 + n after signal n."""
    for scenario in scenarios:
        work_folder(scenario)
    lifecycle.down(engine)
    before, failed, status = Surroundings.now(engine), [], 0
    try:
        with fence.watching() as watch:
            for scenario in scenarios:
                try:
                    if not _one(engine, scenario, say):
                        failed.append(scenario)
                except Interrupted as signalled:
                    say(f"interrupted by {signalled}; removing what is there")
                    status = 128 + signalled.number
                    break
                finally:
                    with _undisturbed():
                        lifecycle.down(engine)
            left = [f"left this machine: {packet}" for packet in watch.seen()]
    finally:
        with _undisturbed():
            lifecycle.down(engine)
    left += before.differences(Surroundings.now(engine))
    for sentence in left:
        say(sentence)
    if status:
        return status
    ran = len(scenarios) - len(failed)
    say(f"scenarios: {ran} passed, {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}")
    say("nothing left this machine, nothing was left behind" if not left else "FAILED: see above")
    return 1 if failed or left else 0


def _one(engine: Engine, scenario: str, say: Callable[[str], None]) -> bool:
    started = time.monotonic()
    log = work_folder(scenario) / "logs" / "molecule.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    for old in log.parent.iterdir():
        old.unlink()
    # What Molecule remembers to have created.
    shutil.rmtree(STATE / scenario, ignore_errors=True)
    status = molecule(scenario, ["test", "--destroy=never"], log)
    seconds = time.monotonic() - started
    if status == 0:
        say(f"{scenario:<18} passed {seconds:7.1f} s")
        return True
    with _undisturbed():
        lifecycle.keep_logs(engine, scenario)
    say(f"{scenario:<18} FAILED {seconds:7.1f} s  see {log.parent.relative_to(ROOT)}")
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-40:]:
        say(f"  {line}")
    return False


def molecule(scenario: str, arguments: Sequence[str], log: Path | None = None) -> int:
    """Run Molecule on a scenario and return its exit status. Raises Interrupted when a signal ended it."""
    command = [str(_program("molecule")), "--base-config", str(SCENARIOS / "config.yml"), *arguments]
    command += ["--scenario-name", scenario]
    if not inventory_of(scenario).exists():
        # Nothing is there yet; Ansible would warn of a missing file.
        write_private(inventory_of(scenario), "all: {}\n")
    environment = molecule_environment(scenario)
    stream = log.open("wb") if log else None
    try:
        with _passing_signals_on() as run:
            return run(command, _collection(), environment, stream)
    finally:
        if stream:
            stream.close()


def molecule_environment(scenario: str) -> dict[str, str]:
    """What Molecule and its playbooks need to know."""
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD / "collections"),
        "ANSIBLE_HOME": str(BUILD / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        "KRB5_CONFIG": str(work_folder(scenario) / "site" / "krb5.conf"),
        "LAB_INVENTORY": str(inventory_of(scenario)),
        "LAB_CONTAINERS": f"{sys.executable} -m containers",
        "LAB_SCENARIO": scenario,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(STATE / scenario),
        "MOLECULE_GLOB": "molecule/*/molecule.yml",
        "NO_COLOR": "1",
        "PYTHONPATH": str(ROOT / "tests"),
    }


def _program(name: str) -> Path:
    found = Path(sys.executable).parent / name
    if not found.exists():
        raise ContainersError(f"{name} is not in the environment of {sys.executable}: run this by `make molecule`.")
    return found


def _collection() -> Path:
    """The project's folder under the name that Ansible finds collections by."""
    link = BUILD / "collections" / "ansible_collections" / "volact" / "kms"
    if not link.is_symlink():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT)
    return link


@contextmanager
def _passing_signals_on() -> Iterator[Callable[[list[str], Path, Mapping[str, str], object], int]]:
    """Give a way to run a command in a process group of its own, which gets the signals that come meanwhile."""
    received: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _frame: object) -> None:
        received.append(number)
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGINT if len(received) == 1 else signal.SIGKILL)

    def run(command: list[str], folder: Path, environment: Mapping[str, str], stream: object) -> int:
        nonlocal process
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stream,  # type: ignore[call-overload]
            stderr=subprocess.STDOUT if stream else None, start_new_session=True,
        )  # fmt: skip
        _wait(process, received)
        if received:
            raise Interrupted(received[0])
        return int(process.returncode)

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        yield run
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(process: subprocess.Popen[bytes], received: list[int]) -> None:
    """Wait for a process; after a signal for as long as GRACE_SECONDS, then kill its group."""
    while True:
        try:
            process.wait(1.0 if not received else GRACE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            if received:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No signal stops what is done here: it removes what nothing else would."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
