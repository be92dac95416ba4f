# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transports and readers for tests of a fleet, without any machine."""

from __future__ import annotations

import dataclasses
import socket
import threading
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.volact.kms.plugins.plugin_utils._connection import Identity, Ticket
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply


@dataclasses.dataclass
class FakeTransport:
    """A `ClosableTransport`; `answer` is asked for each request."""

    address: tuple[str, int] | None = None
    identity: Identity | None = None
    answer: t.Callable[[bytes], HttpReply] | None = None
    endpoint: str = "http://machine.example.test:5985/wsman"
    closed: bool = False
    limited: float | None = None
    ticket: Ticket | None = None
    taken: list[Identity] = dataclasses.field(default_factory=list)

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        assert self.answer is not None
        return self.answer(envelope)

    def take_ticket(self) -> Ticket:
        assert self.identity is not None
        self.taken.append(self.identity)
        return Ticket(f"FILE:/ticket-of-{self.identity.user}")

    def share_ticket(self, ticket: Ticket) -> None:
        self.ticket = ticket

    def limit(self, seconds: float) -> None:
        self.limited = seconds

    def close(self) -> None:
        self.closed = True


@contextmanager
def listener(*, accepting: bool = True) -> Iterator[tuple[str, int]]:
    """Something that listens on loopback; if it isn't `accepting`, nobody ever answers a SYN."""
    with socket.socket() as server, sockets_to_close() as clients:
        server.bind(("127.0.0.1", 0))
        server.listen(100 if accepting else 0)
        address = server.getsockname()
        while not accepting:
            client = socket.socket()
            clients.append(client)
            client.settimeout(0.2)
            try:
                client.connect(address)
            except TimeoutError:
                break
        yield address


@contextmanager
def sockets_to_close() -> Iterator[list[socket.socket]]:
    """Sockets that are closed in the end."""
    sockets: list[socket.socket] = []
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


@contextmanager
def unused_port() -> Iterator[tuple[str, int]]:
    """An address that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()


class Gate:
    """Counts who is inside at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.inside = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self.inside -= 1
