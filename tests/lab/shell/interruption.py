# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command of `lab run`, and what signals do meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from .errors import CommandError
from .signals import SIGNALS

GRACE_SECONDS = 10.0
"""What a command gets to end after SIGTERM or SIGHUP before it is killed."""

NOT_EXECUTABLE = 126
NOT_FOUND = 127


class CommandRunner:
    """Runs one command. A signal before it begins cancels the lab's task; a later one is passed on to the command."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._lab = asyncio.current_task()
        self._process: asyncio.subprocess.Process | None = None
        self._killer: asyncio.TimerHandle | None = None
        for number in SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number)

    async def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run the command and wait for it: its exit status, 128 + n when signal n ended it. Raises CommandError."""
        try:
            self._process = await asyncio.create_subprocess_exec(*command, env=environment)
        except FileNotFoundError as error:
            raise CommandError(f"The command {command[0]} was not found.", NOT_FOUND) from error
        except OSError as error:
            raise CommandError(f"The command {command[0]} cannot be run: {error.strerror}.", NOT_EXECUTABLE) from error
        status = await self._process.wait()
        if self._killer is not None:
            self._killer.cancel()
        return status if status >= 0 else 128 - status

    def _on_signal(self, number: signal.Signals) -> None:
        first, self.received = self.received is None, number
        if self._process is None:
            if first and self._lab is not None:
                self._lab.cancel()
            return
        if number != signal.SIGINT or not _signalled_by_terminal():
            self._send(number)
        if self._killer is None and number != signal.SIGINT:
            self._killer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._send, signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None:
                self._process.send_signal(number)


def _signalled_by_terminal() -> bool:
    """Whether a terminal has us in the foreground: its Ctrl-C reaches the command too, and twice is once too often."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
