# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control socket: JSON lines, one request and one answer per line.

Request: `{"command": NAME, ...}`. Answer: `{"ok": true, "result": ...}` or `{"ok": false, "error": "one sentence"}`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from .connections import Connections
from .errors import LabError
from .state_folder import StateFolder

LOG = logging.getLogger(__name__)

MAX_LINE_BYTES = 64 * 1024 * 1024
"""The state of a thousand machines is a few megabytes."""

ANSWER_SECONDS = 120.0

Command = Callable[[dict[str, Any]], Awaitable[Any]]
"""Performs one request; raises LabError with the sentence for the user."""


class ControlServer:
    """The lab's end of the control socket."""

    def __init__(self, folder: StateFolder, perform: Command) -> None:
        self._folder = folder
        self._perform = perform
        self._connections = Connections()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. The socket is the owner's only."""
        listener = self._folder.open_control()
        self._server = await asyncio.start_unix_server(
            self._connections.serving(self._talk), sock=listener, limit=MAX_LINE_BYTES
        )

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._connections.stop()
        self._folder.control.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = await self._answer(line)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError:
            return {"ok": False, "error": "A control request is one line of JSON."}
        if not isinstance(request, dict):
            return {"ok": False, "error": "A control request is a JSON object."}
        try:
            return {"ok": True, "result": await self._perform(request)}
        except LabError as error:
            return {"ok": False, "error": str(error)}
        except Exception as error:  # the command line shall read a sentence, the log has the traceback
            LOG.exception("the control request %s failed", request.get("command"))
            return {"ok": False, "error": f"The lab failed inside ({type(error).__name__}: {error}); see its log."}


def request(folder: StateFolder, command: str, **parameters: Any) -> Any:
    """Ask the lab that runs with this state folder. Raises LabError: no lab, or the lab's own sentence."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            with folder.control_address() as address:
                connection.connect(address)
        except OSError as error:
            raise LabError(f"No lab is running with the state folder {folder.path}.") from error
        try:
            connection.sendall(json.dumps({"command": command, **parameters}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline(MAX_LINE_BYTES)
        except OSError as error:
            raise LabError(f"The lab of {folder.path} did not answer: {error}.") from error
    if not line:
        raise LabError(f"The lab of {folder.path} ended before it answered.")
    answer = json.loads(line)
    if not answer["ok"]:
        raise LabError(answer["error"])
    return answer["result"]
