# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's own small authoritative DNS server, for machines without BIND.

`Authority` is messages in, messages out; `BuiltinDns` gives it UDP and TCP sockets.

Source: RFC 1035 4.2 (transports), RFC 2136 (updates), RFC 8945 5.2 and 5.3 (TSIG at the server).
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import dns.update
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.TSIG import TSIG

from .connections import Connections
from .dns_zone import UpdateRefused, Zone, apply_update

UDP_BYTES = 512
TCP_BYTES = 65535
TCP_IDLE_SECONDS = 10.0
FUDGE_SECONDS = 300


class Authority:
    """Answers messages for one zone; only messages signed with its key may update it."""

    def __init__(self, zone: Zone, key: dns.tsig.Key) -> None:
        self.zone = zone
        self._key = key

    def respond(self, wire: bytes, *, udp: bool) -> bytes | None:
        """The answer to one message in wire format; None for what deserves none (a response, or less than a header)."""
        if len(wire) < 12 or wire[2] & 0x80:
            return None
        try:
            message = dns.message.from_wire(wire, keyring=_any_key)
        except (dns.exception.DNSException, NotImplementedError, ValueError):
            return _form_error(wire)
        if not message.had_tsig:
            return self._finish(self._response(message, signed=False), message, udp=udp)
        return self._respond_signed(wire, message, udp=udp)

    def _respond_signed(self, wire: bytes, unproven: dns.message.Message, *, udp: bool) -> bytes:
        if unproven.keyname != self._key.name or unproven.keyalgorithm != self._key.algorithm:
            return self._refuse_signature(unproven, dns.rcode.BADKEY)
        try:
            message = dns.message.from_wire(wire, keyring=self._key)
        except dns.tsig.BadTime:
            return self._refuse_time(unproven)
        except dns.tsig.BadSignature:
            return self._refuse_signature(unproven, dns.rcode.BADSIG)
        except dns.exception.DNSException:
            return _form_error(wire)
        return self._finish(self._response(message, signed=True), message, udp=udp)

    def _response(self, message: dns.message.Message, *, signed: bool) -> dns.message.Message:
        response = dns.message.make_response(message)
        if isinstance(message, dns.update.UpdateMessage):
            response.set_rcode(self._update(message) if signed else dns.rcode.REFUSED)
        elif message.opcode() != dns.opcode.QUERY:
            response.set_rcode(dns.rcode.NOTIMP)
        elif len(message.question) != 1:
            response.set_rcode(dns.rcode.FORMERR)
        else:
            self._look_up(message.question[0], response)
        return response

    def _update(self, message: dns.update.UpdateMessage) -> dns.rcode.Rcode:
        try:
            self.zone = apply_update(self.zone, message)
        except UpdateRefused as refusal:
            return refusal.rcode
        return dns.rcode.NOERROR

    def _look_up(self, question: dns.rrset.RRset, response: dns.message.Message) -> None:
        if question.rdclass not in (RdataClass.IN, RdataClass.ANY):
            response.set_rcode(dns.rcode.REFUSED)
            return
        if question.rdtype in (RdataType.AXFR, RdataType.IXFR):
            response.set_rcode(dns.rcode.REFUSED)
            return
        answer = self.zone.answer(question.name, question.rdtype)
        response.set_rcode(answer.rcode)
        response.answer = list(answer.answer)
        response.authority = list(answer.authority)
        if answer.rcode != dns.rcode.REFUSED:
            response.flags |= dns.flags.AA

    @staticmethod
    def _finish(response: dns.message.Message, message: dns.message.Message, *, udp: bool) -> bytes:
        limit = max(UDP_BYTES, message.payload) if udp else TCP_BYTES
        wire: bytes = response.to_wire(max_size=limit, prefer_truncation=True)
        return wire

    @staticmethod
    def _refuse_signature(message: dns.message.Message, error: dns.rcode.Rcode) -> bytes:
        """NOTAUTH with an empty MAC: who cannot sign gets no signature (RFC 8945 5.2.1, 5.2.2)."""
        response = _unsigned(message)
        response.set_rcode(dns.rcode.NOTAUTH)
        assert message.keyname is not None
        now = int(time.time())
        response.tsig = dns.rrset.from_rdata(
            message.keyname,
            0,
            TSIG(RdataClass.ANY, RdataType.TSIG, message.keyalgorithm, now, FUDGE_SECONDS, b"", message.id, error, b""),
        )
        wire: bytes = response.to_wire(max_size=TCP_BYTES)
        return wire

    def _refuse_time(self, message: dns.message.Message) -> bytes:
        """NOTAUTH, signed, with the server's time for the client to compare (RFC 8945 5.2.3)."""
        response = _unsigned(message)
        response.set_rcode(dns.rcode.NOTAUTH)
        now = int(time.time()).to_bytes(6, "big")
        response.use_tsig(self._key, tsig_error=dns.rcode.BADTIME, other_data=now)
        response.request_mac = message.mac or b""
        wire: bytes = response.to_wire(max_size=TCP_BYTES)
        return wire


class BuiltinDns:
    """UDP and TCP on one address and port, answered by an `Authority`."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections = Connections()

    async def start(self, address: str, port: int) -> None:
        """Listen. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._connections.serving(self._talk), address, port, reuse_address=True)
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self.authority.respond), local_addr=(address, port)
        )

    async def stop(self) -> None:
        """Close both sockets and every connection."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        await self._connections.stop()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (size,) = struct.unpack("!H", await asyncio.wait_for(reader.readexactly(2), TCP_IDLE_SECONDS))
            wire = await asyncio.wait_for(reader.readexactly(size), TCP_IDLE_SECONDS)
            answer = self.authority.respond(wire, udp=False)
            if answer is None:
                return
            writer.write(struct.pack("!H", len(answer)) + answer)
            await writer.drain()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, respond: Callable[..., bytes | None]) -> None:
        self._respond = respond
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Up to Python 3.11 the transport is no instance of the class that it implements.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._respond(data, udp=True)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _any_key(_message: dns.message.Message, _name: dns.name.Name) -> bool:
    """Tells dnspython to read a signed message without judging its signature yet."""
    return False


def _unsigned(message: dns.message.Message) -> dns.message.Message:
    message.keyring = None
    return dns.message.make_response(message)


def _form_error(wire: bytes) -> bytes:
    opcode = wire[2] & 0x78
    return wire[:2] + bytes((0x80 | opcode, dns.rcode.FORMERR)) + bytes(8)
