# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KMS over TCP: the listeners of the machines that are KMS hosts, and the call a machine makes to one.

What travels inside the RPC request is the core's own authenticated payload (see rpc.py): it can activate nothing but a
simulated machine of the same lab.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial

from lab.effects import ExchangeWithKms, Failure, Payload

from . import rpc
from .connections import Connections

LOG = logging.getLogger(__name__)

NO_KMS_REACHED = 0xC004F074
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 5.0
IDLE_SECONDS = 30.0

KmsAnswer = Callable[[str, bytes, str], bytes]
"""Machine name, payload, peer address -> payload, or nothing to hang up. Raises ValueError for a foreign payload."""


class KmsListeners:
    """The open KMS ports of the site."""

    def __init__(self, addresses: Mapping[str, str], answer: KmsAnswer) -> None:
        self._addresses = addresses
        self._answer = answer
        self._servers: dict[str, tuple[int, asyncio.Server]] = {}
        self._connections = Connections()

    async def reconcile(self, names: Collection[str], wanted: Mapping[str, int]) -> None:
        """For the machines of these names, listen exactly where the core says: machine name -> port."""
        for name in self._servers.keys() & set(names):
            port, server = self._servers[name]
            if wanted.get(name) != port:
                server.close()
                del self._servers[name]
        for name, port in wanted.items():
            if name not in self._servers:
                await self._open(name, port)

    async def stop(self) -> None:
        """Close every listener and connection."""
        await self.reconcile(list(self._servers), {})
        await self._connections.stop()

    async def _open(self, name: str, port: int) -> None:
        talk = self._connections.serving(partial(self._serve, name, port))
        try:
            server = await asyncio.start_server(talk, self._addresses[name], port, reuse_address=True)
        except OSError as error:
            LOG.warning("%s cannot listen on KMS port %d: %s", name, port, error)
            return
        self._servers[name] = (port, server)

    async def _serve(self, name: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        conversation = Conversation(port, lambda payload: self._answer(name, payload, peer))
        while not conversation.ended:
            packet = await asyncio.wait_for(read_packet(reader), IDLE_SECONDS)
            writer.write(conversation.answer(packet))
            await writer.drain()


class Conversation:
    """The server's side of one RPC connection, without its socket: one PDU in, one PDU out.

    `ended` tells that the server hangs up after its answer.
    """

    def __init__(self, port: int, answer: Callable[[bytes], bytes]) -> None:
        self._port = port
        self._answer = answer
        self._contexts: set[int] = set()
        self.ended = False

    def answer(self, data: bytes) -> bytes:
        """Answer one PDU; nothing when the KMS host only hangs up. Raises PacketError for what is no client's PDU."""
        try:
            header, packet = rpc.decode(data)
        except rpc.VersionError:
            self.ended = True
            return rpc.encode(rpc.BindNak(rpc.BindRejection.PROTOCOL_VERSION_NOT_SUPPORTED), call_id=0)
        if isinstance(packet, rpc.Bind):
            return rpc.encode(self._bound(packet), header.call_id)
        if isinstance(packet, rpc.Request):
            reply = self._called(packet)
            self.ended = reply is None
            return rpc.encode(reply, header.call_id) if reply else b""
        raise rpc.PacketError("a client sends bind and request, nothing else")

    def _bound(self, bind: rpc.Bind) -> rpc.BindAck:
        verdicts = []
        for context in bind.contexts:
            verdict = rpc.judge(context)
            if verdict.result is rpc.ContextResult.ACCEPTANCE:
                self._contexts.add(context.identifier)
            verdicts.append(verdict)
        return rpc.BindAck(tuple(verdicts), str(self._port))

    def _called(self, request: rpc.Request) -> rpc.Reply | rpc.Fault | None:
        if request.context not in self._contexts:
            return rpc.Fault(request.context, rpc.FaultStatus.UNKNOWN_INTERFACE)
        if request.operation != rpc.KMS_OPERATION:
            return rpc.Fault(request.context, rpc.FaultStatus.OPERATION_OUT_OF_RANGE)
        try:
            answer = self._answer(request.stub)
            return rpc.Reply(request.context, answer) if answer else None
        except ValueError as error:
            LOG.warning("a KMS payload was refused: %s", error)
            return rpc.Fault(request.context, rpc.FaultStatus.BAD_STUB_DATA)


async def exchange(effect: ExchangeWithKms) -> Payload | Failure:
    """Bind to a KMS host from the machine's own address and exchange one payload."""
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(effect.address, effect.port, local_addr=(effect.source, 0)), CONNECT_SECONDS
        )
    except (OSError, asyncio.TimeoutError):
        return Failure(NO_KMS_REACHED)
    try:
        return await asyncio.wait_for(_call(reader, writer, effect.payload), ANSWER_SECONDS)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, rpc.PacketError):
        return Failure(NO_KMS_REACHED)
    finally:
        writer.close()


async def read_packet(reader: asyncio.StreamReader) -> bytes:
    """Read one PDU off a stream. Raises PacketError when its header is not one."""
    start = await reader.readexactly(rpc.HEADER_BYTES)
    try:
        header = rpc.decode_header(start)
    except rpc.VersionError:
        return start
    return start + await reader.readexactly(header.length - rpc.HEADER_BYTES)


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, payload: bytes) -> Payload | Failure:
    writer.write(rpc.encode(rpc.Bind((rpc.Context(0, rpc.KMS_INTERFACE, (rpc.NDR,)),)), call_id=1))
    _, acknowledged = rpc.decode(await read_packet(reader))
    if not isinstance(acknowledged, rpc.BindAck) or not acknowledged.verdicts:
        return Failure(NO_KMS_REACHED)
    if acknowledged.verdicts[0].result is not rpc.ContextResult.ACCEPTANCE:
        return Failure(NO_KMS_REACHED)
    writer.write(rpc.encode(rpc.Request(0, rpc.KMS_OPERATION, payload), call_id=2))
    _, reply = rpc.decode(await read_packet(reader))
    return Payload(reply.stub) if isinstance(reply, rpc.Reply) else Failure(NO_KMS_REACHED)
