# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet read by several processes: who forks them, gives each its part, and gathers what they read.

The credential cache of Kerberos belongs to a process. So machines with different identities are never in one shard, and
one login serves all shards of an identity. More processes than processors are no loss: while one reads, the next part
is being prepared.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport, Identity, Ticket

from ._machine import Reading, unexpected
from ._record import Status, Summary, failed_record, line
from ._shard import WARNING, Limits, Machine, Surroundings, fork_shard

_CHUNK: t.Final = 1 << 20
# So many at the same time, however many identities there are.
_MOST_SHARDS: t.Final = 16

Prepare = Callable[[str, Callable[[str], None]], ClosableTransport]
"""Makes the transport of a machine, which may warn. Raises KmsError."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Who reads, and how.

    `workers`: processes among which the machines are divided. `concurrency`: machines at the same time, in all of them
    together. `timeout`: seconds for one machine. `progress_seconds`: how often `tell` gets a line; 0 for never.
    """

    workers: int
    concurrency: int
    timeout: float
    progress_seconds: float
    tell: Callable[[str], None]
    warn: Callable[[str], None]


@dataclass(slots=True)
class _Shard:
    """A child process, what came from it that is no whole line yet, and the machines that it still owes."""

    process: int
    owed: dict[int, str]
    rest: bytes = b""


@dataclass(slots=True)
class _Gathering:
    """Records by the number of their machine, while shards are at work."""

    names: list[str]
    crew: Crew
    summary: Summary
    lines: list[bytes]
    shards: dict[int, _Shard] = field(default_factory=dict)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    told: float = field(default_factory=time.monotonic)
    warned: set[str] = field(default_factory=set)

    def keep(self, number: int, text: bytes, status: Status) -> None:
        self.lines[number] = text
        self.summary.count(status)

    def fail(self, number: int, error: KmsError) -> None:
        record = failed_record(self.names[number], datetime.now(timezone.utc), error)
        self.keep(number, line(record), Status(record["status"]))

    def warn(self, texts: list[str]) -> None:
        while texts:
            if (text := texts.pop(0)) not in self.warned:
                self.warned.add(text)
                self.crew.warn(text)

    def pump(self, seconds: float) -> None:
        """Take what the shards have written; wait at most so long for it."""
        if self.crew.progress_seconds:
            due = self.told + self.crew.progress_seconds - time.monotonic()
            seconds = min(seconds, max(due, 0.0))
            if due <= 0:
                self.told = time.monotonic()
                self.crew.tell(self.summary.progress())
        if not self.shards:
            return
        for key, _events in self.selector.select(seconds):
            data = os.read(key.fd, _CHUNK)
            if data:
                self._take(self.shards[key.fd], data)
            else:
                self._bury(key.fd)

    def _take(self, shard: _Shard, data: bytes) -> None:
        *whole, shard.rest = (shard.rest + data).split(b"\n")
        for text in whole:
            number, word, body = text.split(b" ", 2)
            if word == WARNING:
                self.warn([json.loads(body)])
                continue
            del shard.owed[int(number)]
            self.keep(int(number), body + b"\n", Status(word.decode()))

    def _bury(self, source: int) -> None:
        shard = self.shards.pop(source)
        self.selector.unregister(source)
        os.close(source)
        _process, status = os.waitpid(shard.process, 0)
        for number, name in shard.owed.items():
            self.fail(number, _ended(name, os.waitstatus_to_exitcode(status)))

    def kill(self) -> None:
        """End what is still at work."""
        for source, shard in self.shards.items():
            os.kill(shard.process, signal.SIGKILL)
            os.waitpid(shard.process, 0)
            os.close(source)
        self.shards.clear()
        self.selector.close()


def read_fleet(names: list[str], prepare: Prepare, reading: Reading, crew: Crew) -> tuple[list[bytes], Summary]:
    """The record of each machine as a line, in the order of `names`, and what became of them all.

    `prepare` is called in this process and thread, for one machine after the other, while others are read already.
    """
    gathering = _Gathering(names, crew, Summary(len(names)), [b""] * len(names))
    size = -(-len(names) // crew.workers)
    limits = Limits(crew.timeout, max(1, -(-crew.concurrency // crew.workers)))
    waiting: dict[Surroundings, list[Machine]] = {}
    tickets: dict[Identity, Ticket] = {}
    warnings: list[str] = []

    def launch(surroundings: Surroundings) -> None:
        while len(gathering.shards) >= max(_MOST_SHARDS, crew.workers):
            gathering.pump(crew.timeout)
        part = waiting.pop(surroundings)
        process, source = fork_shard(
            part, reading, limits, surroundings=surroundings, warnings=warnings, others=list(gathering.shards)
        )
        gathering.shards[source] = _Shard(process, {machine.number: machine.name for machine in part})
        gathering.selector.register(source, selectors.EVENT_READ)

    try:
        for number, name in enumerate(names):
            try:
                transport = prepare(name, warnings.append)
            except KmsError as error:
                gathering.fail(number, error)
                continue
            except Exception as error:
                gathering.fail(number, unexpected(name, error))
                continue
            gathering.warn(warnings)
            surroundings = Surroundings(_ccache(transport, tickets), proxied=transport.address is None)
            part = waiting.setdefault(surroundings, [])
            part.append(Machine(number, name, transport))
            if len(part) == size:
                launch(surroundings)
            gathering.pump(0)
        for surroundings in list(waiting):
            launch(surroundings)
        while gathering.shards:
            gathering.pump(crew.timeout)
    finally:
        gathering.kill()
    return gathering.lines, gathering.summary


def _ccache(transport: ClosableTransport, tickets: dict[Identity, Ticket]) -> str | None:
    """Give the transport the ticket of its identity; a first one is taken here, and kept in `tickets`."""
    identity = transport.identity
    if identity is None:
        return None
    if identity not in tickets:
        tickets[identity] = transport.take_ticket()
    transport.share_ticket(tickets[identity])
    return tickets[identity].ccache


def _ended(name: str, status: int) -> KmsError:
    return KmsError(
        f"{name} was not read, because the process that reads it ended (status {status}). Nothing was changed. The "
        "controller may be short of memory: use fewer workers, or less concurrency.",
        operation="read the machine",
        target=name,
        hint="Look into the log of the controller's kernel for a process that was killed.",
    )
