# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KMS over real sockets: listeners that come and go, and calls from a machine's own address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager

import pytest

from lab.effects import ExchangeWithKms, Failure, Payload
from lab.shell import rpc
from lab.shell.address_block import AddressBlock, claim
from lab.shell.kms import NO_KMS_REACHED, KmsListeners, exchange

FAILED = Failure(NO_KMS_REACHED)
NAMES = ("kms01", "win001")


@pytest.fixture
def addresses() -> Iterator[dict[str, str]]:
    block: AddressBlock = claim(len(NAMES))
    yield block.plan(NAMES).machines
    block.release()


def answer(machine: str, payload: bytes, peer: str) -> bytes:
    if payload == b"hang up":
        return b""
    if not payload.startswith(b"lab"):
        raise ValueError("not the lab's")
    return f"{machine} heard {payload.decode()} from {peer}".encode()


@asynccontextmanager
async def listening(addresses: dict[str, str]) -> AsyncIterator[KmsListeners]:
    listeners = KmsListeners(addresses, answer)
    await listeners.reconcile(["kms01"], {"kms01": 1688})
    try:
        yield listeners
    finally:
        await listeners.stop()


def call(addresses: dict[str, str], payload: bytes, port: int = 1688) -> ExchangeWithKms:
    return ExchangeWithKms(addresses["win001"], addresses["kms01"], port, payload)


def perform(addresses: dict[str, str], work: Callable[[KmsListeners], Awaitable[None]]) -> None:
    async def main() -> None:
        async with listening(addresses) as listeners:
            await work(listeners)

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_payload_travels_from_the_machines_own_address(addresses: dict[str, str]) -> None:
    async def work(_listeners: KmsListeners) -> None:
        assert await exchange(call(addresses, b"lab")) == Payload(
            f"kms01 heard lab from {addresses['win001']}".encode()
        )

    perform(addresses, work)


def test_a_foreign_payload_and_a_silent_host_are_no_answer(addresses: dict[str, str]) -> None:
    async def work(_listeners: KmsListeners) -> None:
        assert await exchange(call(addresses, b"something else")) == FAILED
        assert await exchange(call(addresses, b"hang up")) == FAILED
        assert await exchange(call(addresses, b"lab" * 5000)) == FAILED

    perform(addresses, work)


def test_listeners_follow_the_site(addresses: dict[str, str]) -> None:
    async def work(listeners: KmsListeners) -> None:
        await listeners.reconcile(["kms01"], {"kms01": 1689})
        assert await exchange(call(addresses, b"lab")) == FAILED
        assert isinstance(await exchange(call(addresses, b"lab", 1689)), Payload)
        await listeners.reconcile(["kms01"], {})
        assert await exchange(call(addresses, b"lab", 1689)) == FAILED
        await listeners.reconcile(["kms01", "win001"], {"kms01": 1688, "win001": 1688})
        await listeners.reconcile(["win001"], {})
        assert isinstance(await exchange(call(addresses, b"lab")), Payload), "only the one that was named is closed"

    perform(addresses, work)


@pytest.mark.parametrize(
    "noise", [b"GET / HTTP/1.1\r\n\r\n", bytes(64), b"\x05\x00\x0b\x03\x10\0\0\0\xff\xff\0\0\1\0\0\0"]
)
def test_noise_on_the_port_ends_the_connection_only(addresses: dict[str, str], noise: bytes) -> None:
    async def work(_listeners: KmsListeners) -> None:
        reader, writer = await asyncio.open_connection(addresses["kms01"], 1688)
        writer.write(noise)
        said = await reader.read()
        assert not said or rpc.decode(said)[1] == rpc.BindNak(rpc.BindRejection.PROTOCOL_VERSION_NOT_SUPPORTED)
        writer.close()
        assert isinstance(await exchange(call(addresses, b"lab")), Payload)

    perform(addresses, work)


def test_stopping_ends_connections_that_are_open(addresses: dict[str, str]) -> None:
    async def work(listeners: KmsListeners) -> None:
        reader, writer = await asyncio.open_connection(addresses["kms01"], 1688)
        writer.write(rpc.encode(rpc.Bind((rpc.Context(0, rpc.KMS_INTERFACE, (rpc.NDR,)),)), 1))
        assert await reader.readexactly(16)
        await listeners.stop()
        await asyncio.wait_for(reader.read(), 5)
        assert reader.at_eof()
        writer.close()

    perform(addresses, work)


def test_nothing_but_the_own_address_block_is_claimed_twice() -> None:
    blocks = [claim(600) for _ in range(20)]
    try:
        networks = [block.network for block in blocks]
        assert all(network.prefixlen == 22 for network in networks)
        assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
        assert all(int(network.network_address) >> 16 >= 127 * 256 + 16 for network in networks)
    finally:
        for block in blocks:
            block.release()
