# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a lab lives: around one command (`run`), or until it is asked to stop (`serve`)."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from . import container
from .background import Report
from .errors import LabError, UsageError
from .interruption import CommandRunner
from .lab import Lab
from .signals import SIGNALS
from .site_file import read_site_file
from .state_folder import StateFolder

LOG = logging.getLogger(__name__)


def run(site_file: Path, state: str | None, command: Sequence[str]) -> int:
    """Start a lab, run a command in it, stop the lab; the command's exit status (128 + n for a signal n).

    Raises LabError when the lab or the command cannot be started.
    """
    site = read_site_file(site_file)
    folder = StateFolder.create(state)

    async def session() -> int:
        lab = Lab(site, folder)
        runner = CommandRunner()
        try:
            await lab.start()
            return await runner.run(command, _environment(folder))
        except asyncio.CancelledError:
            if runner.received is None:
                raise
            return 128 + runner.received
        finally:
            await lab.stop()

    try:
        _log_to(folder, also_stderr=True)
        return asyncio.run(session())
    finally:
        folder.remove_if_temporary()


def serve(site_file: Path, state: str, ready: int, *, temporary: bool) -> int:
    """Run a lab until it is asked to stop; report to the file descriptor `ready` that it is up, or why it is not."""
    folder = StateFolder(Path(state), temporary=temporary)
    waiting = [ready]

    def report(said: Report) -> None:
        while waiting:
            said.write(waiting.pop())

    async def session() -> None:
        lab = Lab(read_site_file(site_file), folder)
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, lab.stop_requested.set)
        try:
            await lab.start()
            report(Report())
            await lab.stop_requested.wait()
        finally:
            await lab.stop()

    try:
        _log_to(folder, also_stderr=False)
        asyncio.run(session())
    except LabError as error:
        report(Report(str(error), isinstance(error, UsageError)))
        return 1
    except Exception as error:  # the log has the traceback; who waits at the pipe shall read a sentence
        LOG.exception("the lab failed")
        report(Report(f"The lab failed inside ({type(error).__name__}: {error})."))
        return 1
    finally:
        folder.remove_if_temporary()
    return 0


def machine(name: str, site_file: Path, network_file: Path, certificates: Path | None, state: str) -> int:
    """Be one machine of a site whose machines have containers of their own, until a signal. Raises LabError."""
    site, network = container.only(read_site_file(site_file), name), container.Network.read(network_file)
    folder = StateFolder.create(state)
    surroundings = container.OneMachine(name, network, site.account.user, certificates)
    return _stay(lambda: Lab(site, folder, surroundings))


def microsoft(site_file: Path, network_file: Path, state: str) -> int:
    """Be the activation service of such a site, until a signal. Raises LabError."""
    site, network = read_site_file(site_file), container.Network.read(network_file)
    folder = StateFolder.create(state)
    return _stay(lambda: container.MicrosoftLab(site, folder, network))


def _stay(make: Callable[[], Lab | container.MicrosoftLab]) -> int:
    """Run in the foreground, with the log on standard error, where engines of containers collect it."""

    async def session() -> None:
        lab = make()
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, lab.stop_requested.set)
        try:
            await lab.start()
            LOG.info("ready")
            await lab.stop_requested.wait()
        finally:
            await lab.stop()

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(session())
    return 0


def _environment(folder: StateFolder) -> dict[str, str]:
    inventory = str(folder.inventory)
    return {**os.environ, "LAB_STATE": str(folder.path), "LAB_INVENTORY": inventory, "ANSIBLE_INVENTORY": inventory}


def _log_to(folder: StateFolder, *, also_stderr: bool) -> None:
    handlers: list[logging.Handler] = [logging.FileHandler(folder.log, encoding="utf-8")]
    handlers[0].setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    if also_stderr:
        stderr = logging.StreamHandler()
        stderr.setLevel(logging.WARNING)
        stderr.setFormatter(logging.Formatter("lab: %(message)s"))
        handlers.append(stderr)
    logging.basicConfig(level=logging.INFO, handlers=handlers)
