# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run programs as `subprocess.run` does, by a server that has their imports already."""

from __future__ import annotations

import atexit
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .server import PASSED

__all__ = ["PASSED", "WARM_MODULES", "RunningProgram", "WarmPrograms"]

SERVER = Path(__file__).with_name("server.py")
WARM_MODULES = Path(__file__).with_name("modules")
"""In PYTHONPATH it makes modules written in Python start sooner, with the variable WARM_BYTECODE."""


@dataclass(frozen=True)
class RunningProgram:
    """A program that was started. Closing it before its end kills it, and all that it started."""

    command: list[str]
    pid: int
    client: socket.socket

    def wait(self, seconds: float) -> int:
        """The exit status, or -N for signal N. After that time all is killed: raises subprocess.TimeoutExpired."""
        self.client.settimeout(seconds)
        try:
            returncode: int = _answer(self.client)["returncode"]
        except TimeoutError:
            self.client.shutdown(socket.SHUT_WR)
            self.client.settimeout(None)
            _answer(self.client)
            raise subprocess.TimeoutExpired(self.command, seconds) from None
        return returncode

    def close(self) -> None:
        """Hang up."""
        self.client.close()


class WarmPrograms:
    """Programs of one environment. Their server starts with the first of them, and ends with this process.

    `warmth` is a name in `warmth`. `environment` is the one in which modules are imported: a program may be given
    another, as long as nothing that is imported looks at the difference.
    """

    def __init__(self, warmth: str, environment: Mapping[str, str]) -> None:
        self._warmth = warmth
        self.environment = dict(environment)
        self._control: socket.socket | None = None
        self._starting = threading.Lock()

    def run(
        self, command: Sequence[str], environment: Mapping[str, str], *, given: str = "", timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a program: the path of a script, "-m" and a module, or "-c" and code; and its arguments.

        `given` is its standard input. Raises subprocess.TimeoutExpired, and then nothing of it is left.
        """
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)]
            streams[0].write(given)
            streams[0].seek(0)
            program = stack.enter_context(contextlib.closing(self.start(command, environment, *streams)))
            returncode = program.wait(timeout)
            for file in streams[1:]:
                file.seek(0)
            return subprocess.CompletedProcess(program.command, returncode, *(file.read() for file in streams[1:]))

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], *streams: IO[Any] | int, new_session: bool = False
    ) -> RunningProgram:
        """Start a program with standard input, output, errors, and perhaps a fourth descriptor for the word PASSED."""
        ours, theirs = socket.socketpair()
        words = [str(word) for word in command]
        order = {
            "command": words,
            "environment": dict(environment),
            "folder": str(Path.cwd()),
            "new_session": new_session,
        }
        with theirs:
            socket.send_fds(self._server(), [b"!"], [theirs.fileno()])
        message = json.dumps(order).encode() + b"\n"
        numbers = [stream if isinstance(stream, int) else stream.fileno() for stream in streams]
        sent = socket.send_fds(ours, [message], numbers)
        ours.sendall(message[sent:])
        return RunningProgram(words, _answer(ours)["pid"], ours)

    def _server(self) -> socket.socket:
        with self._starting:
            if self._control is None:
                self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    process = subprocess.Popen(
                        [sys.executable, str(SERVER), str(theirs.fileno()), self._warmth],
                        env=self.environment,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        pass_fds=[theirs.fileno()],
                    )
                atexit.register(_end, self._control, process)
            return self._control


def _end(control: socket.socket, process: subprocess.Popen[bytes]) -> None:
    control.close()
    process.wait(30)


def _answer(client: socket.socket) -> dict[str, int]:
    """One line, read byte by byte: the next one is the next call's."""
    line = b""
    while not line.endswith(b"\n"):
        byte = client.recv(1)
        if not byte:
            raise ConnectionError("The server of warm programs ended; what it printed is above.")
        line += byte
    answer: dict[str, int] = json.loads(line)
    return answer
