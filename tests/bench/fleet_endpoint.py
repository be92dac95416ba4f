# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thousand Windows machines that cost next to nothing: `python -m bench.fleet_endpoint PORT SECONDS`.

On a machine with few processors the lab itself would decide how long a fleet takes. So its answers for one machine are
taken once, from the rules of the lab and without a socket, and given to whoever asks for the same, SECONDS later. It
knows the three queries for Windows alone. It says `ready`, and listens until its input ends.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socket
import sys
from datetime import datetime, timezone

from lab.core import Site, parse_site

COUNT = 1000
ADDRESSES = [f"127.97.{number // 250}.{number % 250 + 1}" for number in range(COUNT)]
HOLE = "127.97.200.1"
USER, PASSWORD = "bench", "bench"

QUERIED = (b"Win32_OperatingSystem", b"SoftwareLicensingService", b"SoftwareLicensingProduct")
_LOGIN = b"basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).lower()
_LENGTH = re.compile(rb"content-length: *(\d+)")
_MESSAGE = re.compile(rb"MessageID\b[^>]*>([^<]*)<")
_RELATES_TO = re.compile(rb"(RelatesTo\b[^>]*>)[^<]*<")
_REFUSED = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="WSMAN"\r\nContent-Length: 0\r\n\r\n'
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nContent-Length: %d\r\n\r\n"


class Answers:
    """The lab's answers for one machine, by the class that is asked for."""

    def __init__(self) -> None:
        document = {"domain": "corp.example.test", "machines": {"win01": {"os": "windows-11-enterprise"}}}
        spec = parse_site(document)
        addresses = {"win01": "127.0.0.1"}
        self._site = Site(spec, addresses=addresses, kms_secret=b"", now=lambda: datetime.now(timezone.utc))
        self._known: dict[bytes, list[bytes]] = {}

    def to(self, envelope: bytes) -> bytes:
        """The body of the reply."""
        (queried,) = (name for name in QUERIED if b"FROM " + name in envelope)
        if queried not in self._known:
            handler = self._site.handle("win01", envelope, user=USER)
            try:
                handler.send(None)
            except StopIteration as end:
                before, mark, after = _RELATES_TO.split(end.value.body, maxsplit=1)
                self._known[queried] = [before + mark, b"<" + after]
        message = _MESSAGE.search(envelope)
        assert message is not None
        return message[1].join(self._known[queried])


class Machine(asyncio.Protocol):
    """One connection: requests one after the other, with as little HTTP as pywinrm needs."""

    def __init__(self, answers: Answers, seconds: float) -> None:
        self._answers = answers
        self._seconds = seconds
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head.lower())
        if not end or length is None or len(body) < int(length[1]):
            return
        self._received = b""
        if b"authorization: " + _LOGIN not in head.lower():
            self._transport.write(_REFUSED)
            return
        reply = self._answers.to(body)
        asyncio.get_running_loop().call_later(self._seconds, self._reply, _HEAD % len(reply) + reply)

    def _reply(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


def black_hole(port: int) -> list[socket.socket]:
    """A port at HOLE that answers no SYN while these sockets are open: its queue is full, and nobody accepts."""
    server = socket.create_server((HOLE, port), backlog=0)
    sockets = [server]
    while True:
        client = socket.socket()
        sockets.append(client)
        client.settimeout(0.2)
        try:
            client.connect((HOLE, port))
        except TimeoutError:
            return sockets


async def _listen(port: int, seconds: float) -> None:
    loop, answers = asyncio.get_running_loop(), Answers()
    for address in ADDRESSES:
        await loop.create_server(lambda: Machine(answers, seconds), address, port, backlog=128)
    sockets = black_hole(port)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    for one in sockets:
        one.close()


if __name__ == "__main__":
    asyncio.run(_listen(int(sys.argv[1]), float(sys.argv[2])))
