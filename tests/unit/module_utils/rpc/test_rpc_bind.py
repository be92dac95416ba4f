# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bind that a probe sends, and what each kind of answer to it means."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import (
    MOST_BYTES,
    Status,
    bind_request,
    judge,
    missing,
)
from lab.shell import kms, rpc

#: A bind of the KMS interface as C706 describes it, written down byte by byte.
REQUEST = bytes.fromhex(
    "05000b03 10000000 48000000 01000000"  # version, bind, whole, little-endian; 72 bytes, no authentication, call 1
    "d016d016 00000000 01000000"  # fragments of 5840 bytes, no association yet, one context
    "00000100 7521c851 4e845047 b0d8ec25 5555bc06 01000000"  # context 0, the KMS interface 1.0
    "045d888a eb1cc911 9fe80800 2b104860 02000000"  # in NDR 2.0
)
#: The acceptance of a big-endian server, for the same reason.
BIG_ENDIAN = bytes.fromhex(
    "05000c03 00000000 003c0000 00000001"
    "16d016d0 0000abcd 0005 3136383800 00 01000000"
    "0000 0000 8a885d04 1ceb11c9 9fe80800 2b104860 00000002"
)


def acknowledgement(result: int = 0, reason: int = 0, *, address: str = "1688", call: int = 1) -> bytes:
    verdict = rpc.ContextVerdict(
        rpc.ContextResult(result), rpc.RejectionReason(reason), rpc.NO_SYNTAX if result else rpc.NDR
    )
    return rpc.encode(rpc.BindAck((verdict,), address), call)


def test_the_bind_is_72_bytes_that_name_the_kms_interface_and_nothing_of_its_own() -> None:
    assert bind_request() == REQUEST


def test_the_lab_understands_the_bind_and_is_found_to_be_a_kms_host() -> None:
    _header, packet = rpc.decode(bind_request())
    assert packet == rpc.Bind((rpc.Context(0, rpc.KMS_INTERFACE, (rpc.NDR,)),))
    answer = kms.Conversation(1688, lambda _payload: b"").answer(bind_request())
    assert judge(answer).status is Status.KMS


@pytest.mark.parametrize("address", ["", "1", "16", "168", "1688", "49664"])
def test_an_acceptance_is_a_kms_host_whatever_the_length_of_its_address(address: str) -> None:
    answer = acknowledgement(address=address)
    assert judge(answer).status is Status.KMS
    assert missing(answer) == 0


def test_a_big_endian_server_is_understood() -> None:
    assert judge(BIG_ENDIAN).status is Status.KMS


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (acknowledgement(2, 1), "is an RPC server that rejects the KMS interface: it does not have it"),
        (
            acknowledgement(2, 2),
            "is an RPC server that rejects the KMS interface: it does not know our transfer syntax",
        ),
        (acknowledgement(1, 0), "is an RPC server that rejects the KMS interface: it gives no reason"),
        (rpc.encode(rpc.BindNak(1), 1), "is an RPC server that rejects the bind: it is congested at the moment"),
        (
            rpc.encode(rpc.BindNak(4), 1),
            "is an RPC server that rejects the bind: it speaks another version of the protocol",
        ),
        (rpc.encode(rpc.BindNak(77), 1), "is an RPC server that rejects the bind: it gives the reason 77"),
        (rpc.encode(rpc.Fault(0, 5), 1), "is an RPC server that answers with the fault 0x00000005"),
        (rpc.encode(rpc.Reply(0, b""), 1), "answered with an RPC message of type 2, which answers no bind"),
        (acknowledgement(call=2), "answered another RPC call than ours"),
        (acknowledgement()[:-1], "closed the connection in the middle of an RPC answer"),
    ],
)
def test_another_rpc_server_is_told_from_a_kms_host(answer: bytes, reason: str) -> None:
    verdict = judge(answer)
    assert (verdict.status, verdict.reason) == (Status.OTHER_RPC, reason)


def changed(offset: int, value: int, size: int = 1) -> bytes:
    answer = bytearray(acknowledgement())
    answer[offset : offset + size] = value.to_bytes(size, "little")
    return bytes(answer)


@pytest.mark.parametrize(
    "answer",
    [
        changed(3, 0x01),  # not the last fragment
        changed(24, 0xFFFF, 2),  # an address longer than the message
        changed(32, 0),  # no result
        changed(32, 2),  # two results for one interface
        changed(36, 3, 2),  # negotiate_ack
        changed(40, 0),  # another transfer syntax
        changed(56, 1),  # another version of it
    ],
)
def test_an_acceptance_of_something_else_is_no_kms_host(answer: bytes) -> None:
    assert judge(answer).status is Status.OTHER_RPC


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "answered with something that is not RPC"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "answered with something that is not RPC"),
        (REQUEST[:15], "answered with something that is not RPC"),
        (changed(0, 4), "answered with something that is not RPC"),
        (changed(1, 2), "answered with something that is not RPC"),
        (changed(2, 20), "answered with something that is not RPC"),
        (changed(4, 0x20), "answered with something that is not RPC"),
        (changed(8, 15, 2), "answered with something that is not RPC"),
        (changed(8, MOST_BYTES + 1, 2), "answered with something that is not RPC"),
    ],
)
def test_another_service_is_told_from_rpc(answer: bytes, reason: str) -> None:
    verdict = judge(answer)
    assert (verdict.status, verdict.reason) == (Status.OTHER_SERVICE, reason)


def test_no_beginning_of_an_acceptance_is_taken_for_one() -> None:
    whole = acknowledgement()
    assert {judge(whole[:length]).status for length in range(len(whole))} == {Status.OTHER_RPC, Status.OTHER_SERVICE}


def test_exactly_the_bytes_of_the_answer_are_asked_for() -> None:
    whole = acknowledgement()
    received = b""
    steps = []
    while wanted := missing(received):
        steps.append(wanted)
        received = whole[: len(received) + wanted]
    assert received == whole
    assert steps == [16, len(whole) - 16]


@pytest.mark.parametrize("greeting", [b"220 mail", b"\x05" + b"\xff" * 15])
def test_what_cannot_be_an_answer_is_not_waited_for(greeting: bytes) -> None:
    assert missing(greeting) == 0


def test_a_bytes_order_of_a_length_is_the_senders() -> None:
    assert missing(BIG_ENDIAN[:16]) == len(BIG_ENDIAN) - 16 == struct.unpack(">H", BIG_ENDIAN[8:10])[0] - 16
