# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The open connections of a stream server, so that stopping the server can end them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Connections:
    """Wraps what a server does with a connection: it is closed afterwards, and lost connections are no errors."""

    def __init__(self) -> None:
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def serving(self, talk: Talk) -> Talk:
        """The callback for `asyncio.start_server`; `talk` may raise what an ended or unusable connection raises."""

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._writers[task] = writer
            try:
                await talk(reader, writer)
            except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError, ValueError):
                return
            finally:
                writer.close()
                del self._writers[task]

        return connected

    async def stop(self) -> None:
        """End every connection and wait until it is over.

        Not by cancelling: up to Python 3.11 a cancelled connection is reported as an error of the event loop.
        """
        for writer in self._writers.values():
            writer.transport.abort()
        await asyncio.gather(*self._writers, return_exceptions=True)
