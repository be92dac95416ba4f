# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DCE/RPC PDUs and the server's side of a KMS connection, byte for byte and without a socket."""

from __future__ import annotations

import struct
import uuid

import pytest

from lab.shell import rpc
from lab.shell.kms import Conversation

OTHER_INTERFACE = rpc.Syntax(uuid.UUID("12345678-1234-abcd-ef00-0123456789ab"), 1)
OTHER_TRANSFER = rpc.Syntax(uuid.UUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1)


def kms_context(identifier: int = 0) -> rpc.Context:
    return rpc.Context(identifier, rpc.KMS_INTERFACE, (rpc.NDR,))


def echo(payload: bytes) -> bytes:
    return b"answer to " + payload


def say(conversation: Conversation, packet: rpc.Packet, call_id: int = 1) -> rpc.Packet:
    header, answer = rpc.decode(conversation.answer(rpc.encode(packet, call_id)))
    assert header.call_id == call_id
    return answer


@pytest.mark.parametrize(
    "packet",
    [
        rpc.Bind((kms_context(), rpc.Context(1, OTHER_INTERFACE, (OTHER_TRANSFER, rpc.NDR)))),
        rpc.BindAck((rpc.judge(kms_context()), rpc.judge(rpc.Context(1, OTHER_INTERFACE, (rpc.NDR,)))), "1688"),
        rpc.BindAck((rpc.judge(kms_context()),), "65535"),
        rpc.BindNak(rpc.BindRejection.PROTOCOL_VERSION_NOT_SUPPORTED),
        rpc.Request(3, rpc.KMS_OPERATION, b"payload"),
        rpc.Reply(3, b""),
        rpc.Fault(3, rpc.FaultStatus.UNKNOWN_INTERFACE),
    ],
    ids=lambda packet: type(packet).__name__,
)
def test_a_packet_survives_encoding_and_decoding(packet: rpc.Packet) -> None:
    header, decoded = rpc.decode(rpc.encode(packet, 77))
    assert decoded == packet
    assert header.call_id == 77


def test_a_bind_has_the_layout_of_the_specification() -> None:
    data = rpc.encode(rpc.Bind((kms_context(5),), association=9), 2)
    assert data[:4] == bytes((5, 0, 11, 3))
    assert data[4:8] == b"\x10\0\0\0"
    assert struct.unpack_from("<HHI", data, 8) == (72, 0, 2)
    assert struct.unpack_from("<HHIBBH", data, 16) == (5840, 5840, 9, 1, 0, 0)
    assert struct.unpack_from("<HBB", data, 28) == (5, 1, 0)
    assert data[32:48] == uuid.UUID("51c82175-844e-4750-b0d8-ec255555bc06").bytes_le
    assert data[48:52] == b"\x01\0\0\0"
    assert data[52:68] == uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860").bytes_le
    assert data[68:72] == b"\x02\0\0\0"


def test_the_result_list_of_a_bind_ack_is_aligned_to_four_bytes() -> None:
    for port in ("1", "16", "168", "1688", "16880"):
        data = rpc.encode(rpc.BindAck((rpc.judge(kms_context()),), port), 1)
        start = 16 + 10 + len(port) + 1
        start += -(start - 16) % 4
        assert data[start] == 1
        assert data[start + 4 : start + 8] == bytes(4)


def test_a_request_with_an_object_identifier_is_read_behind_it() -> None:
    plain = rpc.encode(rpc.Request(0, 1, b"stub"), 1)
    with_object = bytearray(plain[:24] + uuid.uuid4().bytes + plain[24:])
    with_object[3] |= rpc.PacketFlag.OBJECT_UUID
    struct.pack_into("<H", with_object, 8, len(with_object))
    assert rpc.decode(bytes(with_object))[1] == rpc.Request(0, 1, b"stub")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:15], "at least 16 bytes"),
        (lambda data: b"\x04" + data[1:], "protocol version 4.0"),
        (lambda data: data[:2] + b"\x0e" + data[3:], "type 14"),
        (lambda data: data[:3] + b"\x01" + data[4:], "fragmented"),
        (lambda data: data[:4] + b"\0" + data[5:], "little-endian"),
        (lambda data: data[:10] + b"\x10\0" + data[12:], "authentication"),
        (lambda data: data[:8] + b"\x08\0" + data[10:], "fragment of 8 bytes"),
        (lambda data: data[:8] + b"\xff\xff" + data[10:], "fragment of 65535 bytes"),
        (lambda data: data[:30], "cut short"),
    ],
)
def test_a_malformed_packet_is_refused_with_its_reason(change: object, reason: str) -> None:
    assert callable(change)
    data = rpc.encode(rpc.Bind((kms_context(),)), 1)
    with pytest.raises(rpc.PacketError, match=reason):
        rpc.decode(change(data))


def test_a_payload_that_does_not_fit_one_fragment_is_not_encoded() -> None:
    with pytest.raises(rpc.PacketError, match="6024 bytes"):
        rpc.encode(rpc.Request(0, 1, bytes(6000)), 1)


def test_a_bind_to_the_kms_interface_is_acknowledged_with_the_port() -> None:
    answer = say(Conversation(1689, echo), rpc.Bind((kms_context(),)))
    assert answer == rpc.BindAck(
        (rpc.ContextVerdict(rpc.ContextResult.ACCEPTANCE, rpc.RejectionReason.NOT_SPECIFIED, rpc.NDR),), "1689"
    )


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (rpc.Context(0, OTHER_INTERFACE, (rpc.NDR,)), rpc.RejectionReason.ABSTRACT_SYNTAX_NOT_SUPPORTED),
        (
            rpc.Context(0, rpc.Syntax(rpc.KMS_INTERFACE.identifier, 2), (rpc.NDR,)),
            rpc.RejectionReason.ABSTRACT_SYNTAX_NOT_SUPPORTED,
        ),
        (
            rpc.Context(0, rpc.KMS_INTERFACE, (OTHER_TRANSFER,)),
            rpc.RejectionReason.TRANSFER_SYNTAXES_NOT_SUPPORTED,
        ),
    ],
)
def test_a_bind_to_anything_else_is_rejected_by_the_provider(context: rpc.Context, reason: rpc.RejectionReason) -> None:
    answer = say(Conversation(1688, echo), rpc.Bind((context,)))
    assert isinstance(answer, rpc.BindAck)
    assert answer.verdicts == (rpc.ContextVerdict(rpc.ContextResult.PROVIDER_REJECTION, reason, rpc.NO_SYNTAX),)


def test_a_bind_in_another_protocol_version_gets_bind_nak() -> None:
    data = bytearray(rpc.encode(rpc.Bind((kms_context(),)), 1))
    data[0] = 4
    conversation = Conversation(1688, echo)
    answer = conversation.answer(bytes(data))
    assert conversation.ended
    assert rpc.decode(answer)[1] == rpc.BindNak(rpc.BindRejection.PROTOCOL_VERSION_NOT_SUPPORTED)


def test_the_labs_own_payload_is_answered() -> None:
    conversation = Conversation(1688, echo)
    say(conversation, rpc.Bind((kms_context(4),)))
    answer = say(conversation, rpc.Request(4, rpc.KMS_OPERATION, b"hello"), call_id=2)
    assert answer == rpc.Reply(4, b"answer to hello")


def test_a_request_without_a_bind_is_an_unknown_interface() -> None:
    answer = say(Conversation(1688, echo), rpc.Request(0, rpc.KMS_OPERATION, b"hello"))
    assert answer == rpc.Fault(0, rpc.FaultStatus.UNKNOWN_INTERFACE)


def test_every_operation_but_the_labs_own_is_out_of_range() -> None:
    conversation = Conversation(1688, echo)
    say(conversation, rpc.Bind((kms_context(),)))
    for operation in (0, 1, 2, rpc.KMS_OPERATION + 1, 0xFFFF):
        answer = say(conversation, rpc.Request(0, operation, b"hello"))
        assert answer == rpc.Fault(0, rpc.FaultStatus.OPERATION_OUT_OF_RANGE)


def test_a_foreign_payload_gets_a_fault_and_no_data() -> None:
    def refuse(payload: bytes) -> bytes:
        raise ValueError("not ours")

    conversation = Conversation(1688, refuse)
    say(conversation, rpc.Bind((kms_context(),)))
    answer = say(conversation, rpc.Request(0, rpc.KMS_OPERATION, bytes(260)))
    assert answer == rpc.Fault(0, rpc.FaultStatus.BAD_STUB_DATA)


def test_a_kms_host_that_has_no_answer_hangs_up() -> None:
    conversation = Conversation(1688, lambda payload: b"")
    say(conversation, rpc.Bind((kms_context(),)))
    assert not conversation.ended
    assert conversation.answer(rpc.encode(rpc.Request(0, rpc.KMS_OPERATION, b"hello"), 2)) == b""
    assert conversation.ended


def test_a_server_to_client_packet_ends_the_conversation() -> None:
    with pytest.raises(rpc.PacketError, match="bind and request"):
        Conversation(1688, echo).answer(rpc.encode(rpc.Reply(0, b""), 1))
