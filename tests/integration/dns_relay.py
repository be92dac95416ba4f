# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay before a DNS server, for the mishaps of a network: answers that get lost, come late, or are forged."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import dns.opcode
from dns_servers import ServedZone, free_port


class Interceptor:
    """A relay before a server, for datagrams and streams, which can act on updates as they pass.

    `before` runs before an update is passed on, with the number of updates seen so far; when it returns False, the
    update is swallowed. `after` runs on the answer's way back; when it returns False, the answer is swallowed.
    `change` makes another answer of the answer to an update. `place`, an address and port, is where the relay listens.
    """

    def __init__(
        self,
        server: ServedZone,
        *,
        before: Callable[[int], bool] = lambda _count: True,
        after: Callable[[int], bool] = lambda _count: True,
        change: Callable[[bytes], bytes] = lambda answer: answer,
        place: tuple[str, int] | None = None,
    ) -> None:
        self.server = server
        self.before = before
        self.after = after
        self.change = change
        self.updates = 0
        self.queries = 0
        self.stopping = False
        address, port = place or ("127.0.0.1", free_port("127.0.0.1"))
        self.datagram = socket.socket(type=socket.SOCK_DGRAM)
        self.datagram.bind((address, port))
        self.stream = socket.create_server((address, port))
        #: Module options that put this relay in the server's place; only the server's own address leads past it.
        self.place = {"server": address, "server_port": port, "verify_servers": []}
        self.threads = [threading.Thread(target=self._datagrams), threading.Thread(target=self._streams)]

    def __enter__(self) -> Interceptor:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stopping = True
        with socket.socket(type=socket.SOCK_DGRAM) as stop:
            stop.sendto(b"", self.datagram.getsockname())
        socket.create_connection(self.stream.getsockname()).close()
        for thread in self.threads:
            thread.join()
        self.datagram.close()
        self.stream.close()

    def _relay(self, message: bytes, ask: Callable[[bytes], bytes]) -> bytes | None:
        update = (message[2] >> 3) & 0x0F == dns.opcode.UPDATE
        self.updates += update
        self.queries += not update
        if not update:
            return ask(message)
        if not self.before(self.updates):
            return None
        answer = ask(message)
        return self.change(answer) if self.after(self.updates) else None

    def _datagrams(self) -> None:
        while not self.stopping:
            message, sender = self.datagram.recvfrom(0xFFFF)
            # A server that is gone does not answer, and then neither does the relay.
            with contextlib.suppress(OSError):
                if message and (answer := self._relay(message, self._ask_datagram)) is not None:
                    self.datagram.sendto(answer, sender)

    def _streams(self) -> None:
        while not self.stopping:
            connection, _address = self.stream.accept()
            with connection, contextlib.suppress(OSError, EOFError):
                answer = self._relay(read_stream(connection), self._ask_stream)
                if answer is not None:
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _ask_datagram(self, message: bytes) -> bytes:
        with socket.socket(type=socket.SOCK_DGRAM) as upstream:
            upstream.settimeout(5)
            upstream.connect((self.server.address, self.server.port))
            upstream.send(message)
            return upstream.recv(0xFFFF)

    def _ask_stream(self, message: bytes) -> bytes:
        with socket.create_connection((self.server.address, self.server.port), 5) as upstream:
            upstream.sendall(len(message).to_bytes(2, "big") + message)
            return read_stream(upstream)


def read_stream(connection: socket.socket) -> bytes:
    """One DNS message of a stream. Raises `EOFError` where there is none."""
    with connection.makefile("rb") as stream:
        length = int.from_bytes(stream.read(2), "big")
        message = stream.read(length)
        if not message or len(message) < length:
            raise EOFError
        return message
