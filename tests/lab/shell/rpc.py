# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DCE/RPC connection-oriented PDUs, encoded and decoded: just what one call over one connection needs.

By construction this is useless to a genuine client: it frames bytes and knows the interface's identifier, and nothing
of what Microsoft's licensing service puts inside. The only stub data it ever carries is the lab's own payload, behind
an operation number of the lab's own. Little-endian, one fragment per PDU, no authentication.

Source: The Open Group C706 "DCE 1.1: Remote Procedure Call", chapter 12 "RPC PDU Encodings" and appendix E.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum, IntFlag

HEADER_BYTES = 16
MAX_FRAGMENT_BYTES = 5840
KMS_OPERATION = 0x4C41
"""The lab's own operation number; the genuine service has nothing there."""


class PacketType(IntEnum):
    """PTYPE of the common header."""

    REQUEST = 0
    RESPONSE = 2
    FAULT = 3
    BIND = 11
    BIND_ACK = 12
    BIND_NAK = 13


class PacketFlag(IntFlag):
    """pfc_flags of the common header."""

    FIRST_FRAGMENT = 0x01
    LAST_FRAGMENT = 0x02
    OBJECT_UUID = 0x80


class ContextResult(IntEnum):
    """p_cont_def_result_t."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    PROVIDER_REJECTION = 2


class RejectionReason(IntEnum):
    """p_provider_reason_t, of one presentation context."""

    NOT_SPECIFIED = 0
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 1
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 2


class BindRejection(IntEnum):
    """p_reject_reason_t, of a whole bind."""

    NOT_SPECIFIED = 0
    PROTOCOL_VERSION_NOT_SUPPORTED = 4


class FaultStatus(IntEnum):
    """Status codes of a fault PDU."""

    OPERATION_OUT_OF_RANGE = 0x1C010002
    UNKNOWN_INTERFACE = 0x1C010003
    PROTOCOL_ERROR = 0x1C01000B
    BAD_STUB_DATA = 0x000006F7


@dataclass(frozen=True, slots=True)
class Syntax:
    """An abstract or transfer syntax: identifier and version."""

    identifier: uuid.UUID
    version: int

    def encode(self) -> bytes:
        """20 bytes, little-endian; the minor version is the upper half of the version."""
        return self.identifier.bytes_le + struct.pack("<I", self.version)


KMS_INTERFACE = Syntax(uuid.UUID("51c82175-844e-4750-b0d8-ec255555bc06"), 1)
NDR = Syntax(uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2)
NO_SYNTAX = Syntax(uuid.UUID(int=0), 0)


@dataclass(frozen=True, slots=True)
class Header:
    """What every PDU begins with. `length` is that of the whole PDU in bytes."""

    packet_type: int
    flags: PacketFlag
    length: int
    call_id: int


@dataclass(frozen=True, slots=True)
class Context:
    """One presentation context a client offers."""

    identifier: int
    interface: Syntax
    transfer_syntaxes: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class ContextVerdict:
    """The server's answer to one offered presentation context."""

    result: ContextResult
    reason: RejectionReason
    transfer_syntax: Syntax


@dataclass(frozen=True, slots=True)
class Bind:
    """bind"""

    contexts: tuple[Context, ...]
    max_transmit: int = MAX_FRAGMENT_BYTES
    max_receive: int = MAX_FRAGMENT_BYTES
    association: int = 0


@dataclass(frozen=True, slots=True)
class BindAck:
    """bind_ack"""

    verdicts: tuple[ContextVerdict, ...]
    secondary_address: str
    max_transmit: int = MAX_FRAGMENT_BYTES
    max_receive: int = MAX_FRAGMENT_BYTES
    association: int = 1


@dataclass(frozen=True, slots=True)
class BindNak:
    """bind_nak"""

    reason: int


@dataclass(frozen=True, slots=True)
class Request:
    """request"""

    context: int
    operation: int
    stub: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """response"""

    context: int
    stub: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """fault"""

    context: int
    status: int


Packet = Bind | BindAck | BindNak | Request | Reply | Fault


class PacketError(ValueError):
    """Bytes that are no PDU of the kinds this file knows."""


class VersionError(PacketError):
    """A PDU of another protocol version than 5.0 or 5.1."""


def decode_header(data: bytes) -> Header:
    """Decode the first 16 bytes of a PDU. Raises PacketError, or VersionError for another protocol version."""
    if len(data) < HEADER_BYTES:
        raise PacketError("a PDU is at least 16 bytes long")
    major, minor, packet_type, flags, representation, length, authentication, call_id = struct.unpack_from(
        "<BBBB4sHHI", data
    )
    if major != 5 or minor > 1:
        raise VersionError(f"protocol version {major}.{minor}")
    if representation[:2] != b"\x10\x00":
        raise PacketError("only little-endian ASCII data is spoken here")
    if authentication:
        raise PacketError("RPC authentication is not spoken here")
    if not HEADER_BYTES <= length <= MAX_FRAGMENT_BYTES:
        raise PacketError(f"a fragment of {length} bytes")
    return Header(packet_type, PacketFlag(flags), length, call_id)


def decode(data: bytes) -> tuple[Header, Packet]:
    """Decode one whole PDU. Raises PacketError when it is malformed, fragmented, or of another kind."""
    header = decode_header(data)
    whole = PacketFlag.FIRST_FRAGMENT | PacketFlag.LAST_FRAGMENT
    if header.flags & whole != whole:
        raise PacketError("fragmented calls are not spoken here")
    decoder = _DECODERS.get(header.packet_type)
    if decoder is None:
        raise PacketError(f"a PDU of type {header.packet_type}")
    try:
        return header, decoder(header, data[HEADER_BYTES : header.length])
    except (struct.error, IndexError) as error:
        raise PacketError("the PDU is cut short") from error


def encode(packet: Packet, call_id: int) -> bytes:
    """Encode one PDU as a single fragment. Raises PacketError when it would not fit."""
    packet_type, body = _encode_body(packet)
    length = HEADER_BYTES + len(body)
    if length > MAX_FRAGMENT_BYTES:
        raise PacketError(f"a fragment of {length} bytes")
    flags = PacketFlag.FIRST_FRAGMENT | PacketFlag.LAST_FRAGMENT
    return struct.pack("<BBBB4sHHI", 5, 0, packet_type, flags, b"\x10\0\0\0", length, 0, call_id) + body


def judge(context: Context) -> ContextVerdict:
    """What the KMS interface's server says to an offered presentation context."""
    if context.interface != KMS_INTERFACE:
        reason = RejectionReason.ABSTRACT_SYNTAX_NOT_SUPPORTED
        return ContextVerdict(ContextResult.PROVIDER_REJECTION, reason, NO_SYNTAX)
    if NDR not in context.transfer_syntaxes:
        reason = RejectionReason.TRANSFER_SYNTAXES_NOT_SUPPORTED
        return ContextVerdict(ContextResult.PROVIDER_REJECTION, reason, NO_SYNTAX)
    return ContextVerdict(ContextResult.ACCEPTANCE, RejectionReason.NOT_SPECIFIED, NDR)


def _encode_body(packet: Packet) -> tuple[PacketType, bytes]:
    if isinstance(packet, Bind):
        body = struct.pack("<HHI", packet.max_transmit, packet.max_receive, packet.association)
        body += struct.pack("<BBH", len(packet.contexts), 0, 0)
        for context in packet.contexts:
            body += struct.pack("<HBB", context.identifier, len(context.transfer_syntaxes), 0)
            body += context.interface.encode() + b"".join(syntax.encode() for syntax in context.transfer_syntaxes)
        return PacketType.BIND, body
    if isinstance(packet, BindAck):
        address = packet.secondary_address.encode("ascii") + b"\0"
        body = struct.pack("<HHIH", packet.max_transmit, packet.max_receive, packet.association, len(address)) + address
        body += bytes(-len(body) % 4) + struct.pack("<BBH", len(packet.verdicts), 0, 0)
        for verdict in packet.verdicts:
            body += struct.pack("<HH", verdict.result, verdict.reason) + verdict.transfer_syntax.encode()
        return PacketType.BIND_ACK, body
    if isinstance(packet, BindNak):
        return PacketType.BIND_NAK, struct.pack("<HBBB", packet.reason, 1, 5, 0)
    if isinstance(packet, Request):
        fixed = struct.pack("<IHH", len(packet.stub), packet.context, packet.operation)
        return PacketType.REQUEST, fixed + packet.stub
    if isinstance(packet, Reply):
        return PacketType.RESPONSE, struct.pack("<IHBB", len(packet.stub), packet.context, 0, 0) + packet.stub
    return PacketType.FAULT, struct.pack("<IHBBII", 0, packet.context, 0, 0, packet.status, 0)


def _syntax(body: bytes, offset: int) -> Syntax:
    identifier, version = struct.unpack_from("<16sI", body, offset)
    return Syntax(uuid.UUID(bytes_le=identifier), version)


def _decode_bind(_header: Header, body: bytes) -> Bind:
    transmit, receive, association, count = struct.unpack_from("<HHIB", body)
    contexts, offset = [], 12
    for _ in range(count):
        identifier, syntaxes = struct.unpack_from("<HB", body, offset)
        interface = _syntax(body, offset + 4)
        offset += 24
        offered = tuple(_syntax(body, offset + 20 * index) for index in range(syntaxes))
        offset += 20 * syntaxes
        contexts.append(Context(identifier, interface, offered))
    return Bind(tuple(contexts), transmit, receive, association)


def _decode_bind_ack(_header: Header, body: bytes) -> BindAck:
    transmit, receive, association, size = struct.unpack_from("<HHIH", body)
    address = body[10 : 10 + size].rstrip(b"\0").decode("ascii", errors="replace")
    offset = 10 + size + (-(10 + size) % 4)
    count = body[offset]
    verdicts = []
    for index in range(count):
        start = offset + 4 + 24 * index
        result, reason = struct.unpack_from("<HH", body, start)
        try:
            verdict = ContextVerdict(ContextResult(result), RejectionReason(reason), _syntax(body, start + 4))
        except ValueError as error:
            raise PacketError(f"presentation context result {result}, reason {reason}") from error
        verdicts.append(verdict)
    return BindAck(tuple(verdicts), address, transmit, receive, association)


def _decode_bind_nak(_header: Header, body: bytes) -> BindNak:
    return BindNak(*struct.unpack_from("<H", body))


def _decode_request(header: Header, body: bytes) -> Request:
    _hint, context, operation = struct.unpack_from("<IHH", body)
    return Request(context, operation, body[24 if header.flags & PacketFlag.OBJECT_UUID else 8 :])


def _decode_reply(_header: Header, body: bytes) -> Reply:
    _hint, context = struct.unpack_from("<IHBB", body)[:2]
    return Reply(context, body[8:])


def _decode_fault(_header: Header, body: bytes) -> Fault:
    _hint, context, _cancels, _reserved, status = struct.unpack_from("<IHBBI", body)
    return Fault(context, status)


_DECODERS: Mapping[int, Callable[[Header, bytes], Packet]] = {
    PacketType.BIND: _decode_bind,
    PacketType.BIND_ACK: _decode_bind_ack,
    PacketType.BIND_NAK: _decode_bind_nak,
    PacketType.REQUEST: _decode_request,
    PacketType.RESPONSE: _decode_reply,
    PacketType.FAULT: _decode_fault,
}
