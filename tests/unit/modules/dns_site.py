# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two DNS servers of one zone and KMS hosts on loopback, in this process: for modules that ask both."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import dns.name
import dns.rdata
import dns.tsig
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from lab.shell import kms
from lab.shell.dns_server import Authority, BuiltinDns
from lab.shell.dns_zone import RecordSet, Zone, new_zone

ORIGIN = dns.name.from_text("corp.example.test")
SERVICE = dns.name.from_text("_vlmcs._tcp", ORIGIN)
KEY = dns.tsig.Key("lab-update.", b"0123456789abcdef0123456789abcdef", dns.tsig.HMAC_SHA256)
SERVERS = ("127.0.9.1", "127.0.9.2")
KMS_HOSTS = {"kms01": "127.0.9.10", "kms02": "127.0.9.11"}
BIND_BYTES = 72


def records(kind: RdataType, texts: Iterable[str], ttl: int = 300) -> RecordSet:
    return RecordSet(ttl, frozenset(dns.rdata.from_text(RdataClass.IN, kind, text) for text in texts))


@dataclass
class DnsSite:
    """A primary (ns) and a secondary (ns2) on one port, which hold what they are told, and KMS hosts on another port.

    Only kms01 answers as one; nothing listens at kms02's address.
    """

    port: int = 0
    kms_port: int = 0
    _authorities: list[Authority] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _running: list[BuiltinDns] = field(default_factory=list)
    _kms: asyncio.Server | None = None

    def __enter__(self) -> DnsSite:
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hold(self, *texts: str, secondary: Iterable[str] | None = None, ttl: int = 300, old_ttl: int = 300) -> None:
        """Both servers hold these SRV records ("priority weight port target"), or the second one others."""
        for authority, held, seconds in zip(
            self._authorities, (texts, texts if secondary is None else secondary), (ttl, old_ttl), strict=True
        ):
            without = {key: value for key, value in authority.zone.records.items() if key[0] != SERVICE}
            added = {(SERVICE, RdataType.SRV): records(RdataType.SRV, held, seconds)} if held else {}
            authority.zone = Zone(ORIGIN, {**without, **added})

    async def _start(self) -> None:
        self.port = _free_port()
        for address in SERVERS:
            zone = new_zone(ORIGIN, SERVERS[0], {dns.name.from_text(n, ORIGIN): a for n, a in KMS_HOSTS.items()})
            both = {
                (ORIGIN, RdataType.NS): records(RdataType.NS, [f"ns.{ORIGIN}", f"ns2.{ORIGIN}"]),
                (dns.name.from_text("ns2", ORIGIN), RdataType.A): records(RdataType.A, [SERVERS[1]]),
            }
            authority = Authority(Zone(ORIGIN, {**zone.records, **both}), KEY)
            server = BuiltinDns(authority)
            await server.start(address, self.port)
            self._authorities.append(authority)
            self._running.append(server)
        self._kms = await asyncio.start_server(self._serve, KMS_HOSTS["kms01"], 0)
        self.kms_port = self._kms.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._kms is not None:
            self._kms.close()
        for server in self._running:
            await server.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            question = await reader.readexactly(BIND_BYTES)
            writer.write(kms.Conversation(self.kms_port, lambda _payload: b"").answer(question))
            await reader.read()
        writer.close()


def _free_port() -> int:
    """A port that is free on the addresses of both servers, for UDP and for TCP."""
    while True:
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError):
            port = 0
            for address in SERVERS:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    each = taken.enter_context(socket.socket(type=kind))
                    each.bind((address, port))
                    port = each.getsockname()[1]
            return port
