# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS messages over UDP and TCP: the only file of this package with a socket.

dnspython's own `dns.query` reads and verifies an answer in one step and drops its bytes when the signature is wrong.
Then a refusal that a server did not sign cannot be told from a forgery of success, so bytes are moved here and judged
in `_answers`.
"""

from __future__ import annotations

import socket
import struct
import time
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from .._errors import BadInput, DnsError

#: What fits into a datagram without EDNS. Source: RFC 1035, "Size limits".
DATAGRAM_LIMIT = 512
_RETRANSMIT_AFTER = 1.0
_HEADER_LENGTH = 12


class NoAnswer(DnsError):
    """A server could not be asked, or did not answer in time. When `sent`, it may have got the question."""

    kind = "dns_no_answer"

    def __init__(self, message: str, *, sent: bool, **data: t.Any) -> None:
        super().__init__(message, **data)
        self.sent = sent


class Exchange(t.Protocol):
    """Something that carries one DNS message to a server and brings back the answer to it."""

    @property
    def server(self) -> str:
        """The server for sentences: "ns1.example.test (192.0.2.53) port 53"."""

    def ask(self, message: bytes) -> bytes:
        """The bytes of an answer that has the question's ID. Raises `NoAnswer`."""


@dataclass(frozen=True, slots=True)
class _Address:
    family: socket.AddressFamily
    sockaddr: tuple[t.Any, ...]


class SocketExchange:
    """Exchange with one server: UDP first when the question fits, TCP when it does not or the answer was cut off.

    A name with several addresses is tried in their order; the first that answers is kept, so that a change is read
    back from the machine that made it. `timeout` is in seconds for each answer, over all addresses and both protocols.
    `addresses`, when they are known, save resolving the name. With `stream` everything goes over TCP: a datagram may
    be sent twice, which GSS-TSIG takes for an attack.
    """

    def __init__(
        self, server: str, port: int, timeout: float, *, addresses: Sequence[str] = (), stream: bool = False
    ) -> None:
        if not server.strip("[]"):
            raise BadInput("The server is empty. Give the name or address of a DNS server.")
        if not 1 <= port <= 0xFFFF:
            raise BadInput(f"The server_port {port} is not between 1 and 65535.")
        if not 0 < timeout <= 600:
            raise BadInput(f"The timeout {timeout} is not between 1 and 600 seconds.")
        self._name = server.strip("[]")
        self._port = port
        self._timeout = timeout
        self._stream = stream
        self._addresses = [found for each in addresses or [self._name] for found in _resolve(each, port)]

    @property
    def server(self) -> str:
        address = self._addresses[0].sockaddr[0]
        where = self._name if self._name == address or len(self._addresses) > 1 else f"{self._name} ({address})"
        return f"{where} port {self._port}"

    @property
    def addresses(self) -> list[str]:
        """The addresses in use: of a server that has answered, the one that did."""
        return [str(each.sockaddr[0]) for each in self._addresses]

    def ask(self, message: bytes) -> bytes:
        """See `Exchange`. Source: RFC 1035, "Transport"; RFC 2136, "Transport"."""
        deadline = time.monotonic() + self._timeout
        sent = False
        reason = ""
        for tried, address in enumerate(self._addresses):
            now = time.monotonic()
            share = (deadline - now) / (len(self._addresses) - tried)
            try:
                ask = _ask_stream if self._stream else _ask_address
                answer = ask(address, message, now + share)
            except TimeoutError:
                sent, reason = True, reason or f"it did not answer within {self._timeout:g} s"
            except OSError as error:
                # A refused datagram was not read by anybody; a broken stream may have been.
                sent = sent or not isinstance(error, ConnectionRefusedError)
                reason = f"{error.strerror or error}"
            else:
                self._addresses = [address]
                return answer
        raise NoAnswer(
            f"The DNS server {self.server} cannot be asked: {reason}.",
            sent=sent,
            operation="ask",
            target=self.server,
            hint="Check the server's name and port, that it runs, and that UDP and TCP to it are open from here.",
        )


def _resolve(name: str, port: int) -> list[_Address]:
    """The addresses of a server, in the order of the system's preference."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not a name"
        raise NoAnswer(
            f"The name of the DNS server, '{name}', has no address here: {why}.",
            sent=False,
            operation="resolve",
            target=name,
            hint=f"Give the server's address, or check that {socket.gethostname()} can resolve its name.",
        ) from error
    return [_Address(family, sockaddr) for family, _type, _protocol, _canonical, sockaddr in found]


def _ask_address(address: _Address, message: bytes, deadline: float) -> bytes:
    if len(message) <= DATAGRAM_LIMIT:
        answer = _ask_datagram(address, message, deadline)
        truncated = bool(answer[2] & 0x02)
        if not truncated:
            return answer
    return _ask_stream(address, message, deadline)


def _ask_datagram(address: _Address, message: bytes, deadline: float) -> bytes:
    """Send until an answer comes. Sending an update twice is harmless: its prerequisites hold only once."""
    with socket.socket(address.family, socket.SOCK_DGRAM) as connection:
        connection.connect(address.sockaddr)
        pause = _RETRANSMIT_AFTER
        while True:
            connection.send(message)
            until = min(deadline, time.monotonic() + pause)
            pause *= 2
            while (left := until - time.monotonic()) > 0:
                connection.settimeout(left)
                try:
                    answer = connection.recv(0xFFFF)
                except TimeoutError:
                    break
                if _answers(answer, message):
                    return answer
            if time.monotonic() >= deadline:
                raise TimeoutError


def _ask_stream(address: _Address, message: bytes, deadline: float) -> bytes:
    with socket.socket(address.family, socket.SOCK_STREAM) as connection:
        connection.settimeout(_left(deadline))
        connection.connect(address.sockaddr)
        connection.settimeout(_left(deadline))
        connection.sendall(struct.pack("!H", len(message)) + message)
        (length,) = struct.unpack("!H", _read(connection, 2, deadline))
        answer = _read(connection, length, deadline)
    if not _answers(answer, message):
        raise ConnectionError("it answered another question")
    return answer


def _read(connection: socket.socket, length: int, deadline: float) -> bytes:
    data = b""
    while len(data) < length:
        connection.settimeout(_left(deadline))
        part = connection.recv(length - len(data))
        if not part:
            raise ConnectionError("it closed the connection before its answer was complete")
        data += part
    return data


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _answers(answer: bytes, message: bytes) -> bool:
    """Whether this is an answer (bit QR) with the question's ID. Anything else on the socket is not ours."""
    return len(answer) >= _HEADER_LENGTH and answer[:2] == message[:2] and bool(answer[2] & 0x80)
