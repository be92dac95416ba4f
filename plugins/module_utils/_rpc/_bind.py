# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The question "do you speak the KMS interface?", and what the answer to it means. Bytes only, no socket.

A bind is how every RPC client begins: it names an interface, and the server accepts or rejects it. Nothing of the
interface itself is spoken, so no KMS host counts a client for it.

Sources: The Open Group, C706 "DCE 1.1: Remote Procedure Call", "Connection-oriented RPC PDUs"; MS-RPCE, "bind_nak".
"""

from __future__ import annotations

import struct
import typing as t
import uuid
from dataclasses import dataclass
from enum import Enum

#: Source: public tables of RPC interfaces.
KMS_INTERFACE: t.Final = uuid.UUID("51c82175-844e-4750-b0d8-ec255555bc06")
KMS_VERSION: t.Final = 1
#: The transfer syntax that every RPC server knows. Source: C706, "NDR Transfer Syntax Identifier".
NDR: t.Final = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
NDR_VERSION: t.Final = 2

HEADER_BYTES: t.Final = 16
#: The longest answer that we ask for, and the longest that is read. Windows offers the same.
MOST_BYTES: t.Final = 5840

_CALL: t.Final = 1
_WHOLE: t.Final = 0x03
_BIND, _BIND_ACK, _BIND_NAK, _FAULT = 11, 12, 13, 3
#: The highest PDU type of connection-oriented RPC.
_LAST_TYPE: t.Final = 19
_LITTLE, _BIG = 0x10, 0x00

#: Why a server rejects a bind as a whole. Source: C706, "bind_nak"; MS-RPCE, "bind_nak" for 8 and 9.
_NAK_REASONS: t.Final[dict[int, str]] = {
    0: "gives no reason",
    1: "is congested at the moment",
    2: "has reached a limit of its own",
    3: "does not know the address it was asked at",
    4: "speaks another version of the protocol",
    8: "does not know the kind of authentication",
    9: "found a wrong checksum",
}
#: Why a server rejects one interface. Source: C706, "p_provider_reason_t".
_REJECTION_REASONS: t.Final[dict[int, str]] = {
    0: "gives no reason",
    1: "does not have it",
    2: "does not know our transfer syntax",
    3: "has reached a limit of its own",
}


class Status(Enum):
    """What was found at an address, best first."""

    KMS = "kms"
    OTHER_RPC = "other_rpc"
    OTHER_SERVICE = "other_service"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NAME_NOT_FOUND = "name_not_found"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who answered: `KMS`, `OTHER_RPC` or `OTHER_SERVICE`. `reason` is a clause whose subject is the answering side."""

    status: Status
    reason: str


@dataclass(frozen=True, slots=True)
class _Header:
    kind: int
    flags: int
    order: str
    length: int
    call: int


class _Malformed(Exception):
    """The body is not what its header announces."""


def bind_request() -> bytes:
    """The one message that a probe sends: a bind of the KMS interface, version 1.0, in NDR. 72 bytes."""
    context = struct.pack("<HBx", 0, 1) + _syntax(KMS_INTERFACE, KMS_VERSION) + _syntax(NDR, NDR_VERSION)
    body = struct.pack("<HHIBxxx", MOST_BYTES, MOST_BYTES, 0, 1) + context
    header = struct.pack(
        "<BBBB4sHHI", 5, 0, _BIND, _WHOLE, bytes((_LITTLE, 0, 0, 0)), HEADER_BYTES + len(body), 0, _CALL
    )
    return header + body


def missing(received: bytes) -> int:
    """How many bytes more it takes to judge, 0 when these are enough: at most `MOST_BYTES` are ever asked for."""
    if received and received[0] != 5:
        return 0
    if len(received) < HEADER_BYTES:
        return HEADER_BYTES - len(received)
    header = _header(received)
    return 0 if header is None else max(header.length - len(received), 0)


def judge(received: bytes) -> Verdict:
    """Who it is that answered this, and nothing more, to `bind_request`. Takes any bytes; raises nothing.

    `KMS` takes a whole bind_ack to our call that accepts the one interface we asked for in the syntax we offered.
    """
    header = _header(received)
    if header is None:
        if not received:
            return Verdict(Status.OTHER_SERVICE, "closed the connection without an answer")
        return Verdict(Status.OTHER_SERVICE, "answered with something that is not RPC")
    if len(received) < header.length:
        return Verdict(Status.OTHER_RPC, "closed the connection in the middle of an RPC answer")
    if header.call != _CALL or header.flags & _WHOLE != _WHOLE:
        return Verdict(Status.OTHER_RPC, "answered another RPC call than ours")
    reader = {_BIND_ACK: _read_acceptance, _BIND_NAK: _read_rejection, _FAULT: _read_fault}.get(header.kind)
    if reader is None:
        return Verdict(Status.OTHER_RPC, f"answered with an RPC message of type {header.kind}, which answers no bind")
    try:
        return reader(header, received[HEADER_BYTES : header.length])
    except (struct.error, IndexError, _Malformed):
        return Verdict(Status.OTHER_RPC, "answered with an RPC message that is broken")


def _syntax(identifier: uuid.UUID, version: int) -> bytes:
    return identifier.bytes_le + struct.pack("<I", version)


def _header(received: bytes) -> _Header | None:
    """The common header; None when this is none. The numbers behind the fifth byte are in the sender's byte order."""
    if len(received) < HEADER_BYTES:
        return None
    major, minor, kind, flags, order = received[:5]
    if major != 5 or minor > 1 or kind > _LAST_TYPE or order & 0xF0 not in (_LITTLE, _BIG):
        return None
    prefix = "<" if order & 0xF0 == _LITTLE else ">"
    length, _authentication, call = struct.unpack_from(f"{prefix}HHI", received, 8)
    if not HEADER_BYTES <= length <= MOST_BYTES:
        return None
    return _Header(kind, flags, prefix, length, call)


def _read_acceptance(header: _Header, body: bytes) -> Verdict:
    """A bind_ack has one result for each interface that was asked for, and we ask for one."""
    (size,) = struct.unpack_from(f"{header.order}H", body, 8)
    # The results are aligned to four bytes, behind the text of an address.
    start = 10 + size
    start += -start % 4
    if body[start] != 1:
        raise _Malformed
    result, reason = struct.unpack_from(f"{header.order}HH", body, start + 4)
    if result != 0:
        why = _REJECTION_REASONS.get(reason, f"gives the reason {reason}")
        return Verdict(Status.OTHER_RPC, f"is an RPC server that rejects the KMS interface: it {why}")
    identifier, version = struct.unpack_from(f"{header.order}16sI", body, start + 8)
    chosen = uuid.UUID(bytes_le=identifier) if header.order == "<" else uuid.UUID(bytes=identifier)
    if (chosen, version) != (NDR, NDR_VERSION):
        raise _Malformed
    return Verdict(Status.KMS, "accepts the KMS interface")


def _read_rejection(header: _Header, body: bytes) -> Verdict:
    (reason,) = struct.unpack_from(f"{header.order}H", body)
    why = _NAK_REASONS.get(reason, f"gives the reason {reason}")
    return Verdict(Status.OTHER_RPC, f"is an RPC server that rejects the bind: it {why}")


def _read_fault(header: _Header, body: bytes) -> Verdict:
    (status,) = struct.unpack_from(f"{header.order}I", body, 8)
    return Verdict(Status.OTHER_RPC, f"is an RPC server that answers with the fault 0x{status:08X}")
