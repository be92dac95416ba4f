# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A part of the fleet, read in a process of its own: TCP connects first, and threads for the machines that answer.

Connects cost nothing while they wait, so all machines that don't answer wait at the same time. A thread is only for a
machine that listens, and one that doesn't get done in time is left to itself: its place is given to the next machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import threading
import time
import typing as t
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, TransportLost, TransportTimeout
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport

from ._machine import Reading, read_machine, unexpected
from ._record import Record, failed_record, line

CONNECT_SECONDS: t.Final = 10.0
"""A TCP connect that takes longer (the third repetition of the SYN is sent after 7 s) will not come about."""

WARNING: t.Final = b"warning"

# More would use up the file descriptors that a process has by default (1024).
_CONNECTS_AT_ONCE: t.Final = 400
_RESOLVERS: t.Final = 32
# For a request to end by itself, with a better text, before its thread is given up.
_GRACE_SECONDS: t.Final = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine to read; `number` is its place among all."""

    number: int
    name: str
    transport: ClosableTransport


@dataclass(frozen=True, slots=True)
class Limits:
    """`timeout`: seconds for one machine. `concurrency`: machines that are read at the same time."""

    timeout: float
    concurrency: int


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is one for a process, and so for all machines that it reads.

    `ccache`: where Kerberos finds its ticket; None for where it is by default. `proxied`: whether they are behind
    proxies.
    """

    ccache: str | None = None
    proxied: bool = False

    def apply(self) -> None:
        """Make this process's environment so."""
        if self.ccache is not None:
            os.environ["KRB5CCNAME"] = self.ccache
        if not self.proxied:
            # For a machine without a proxy pywinrm lets requests set no_proxy to this for a moment. In threads, one of
            # them would take the variable away while another reads it (KeyError); so it is there all the time.
            os.environ["no_proxy"] = "*"


def fork_shard(
    machines: Sequence[Machine],
    reading: Reading,
    limits: Limits,
    *,
    surroundings: Surroundings,
    warnings: list[str],
    others: Sequence[int],
) -> tuple[int, int]:
    """Read `machines` in a child process; its process ID, and the file descriptor that its lines come from.

    A line has the number of a machine, the status of its record, and the record; or a number, WARNING, and a text in
    JSON. `warnings` is where the transports put theirs. `others` are descriptors of other children.
    """
    source, sink = os.pipe()
    child = os.fork()
    if child:
        os.close(sink)
        return child, source
    try:
        # What is there by now stays: looking through it again and again costs time, and memory that is shared so far.
        gc.freeze()
        # Whatever Ansible's worker does on signals is none of the child's business.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for descriptor in (source, *others):
            os.close(descriptor)
        surroundings.apply()
        with os.fdopen(sink, "wb") as stream:
            asyncio.run(read_shard(machines, reading, limits, writer(stream, warnings)))
    except BaseException:
        os._exit(1)  # the parent reports the machines that are missing; nothing above may run in this process
    os._exit(0)


async def read_shard(
    machines: Sequence[Machine],
    reading: Reading,
    limits: Limits,
    write: Callable[[bytes], object],
) -> None:
    """Read `machines` and hand the line of each to `write` as soon as it is there."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_RESOLVERS))
    connects = asyncio.Semaphore(_CONNECTS_AT_ONCE)
    threads = asyncio.Semaphore(limits.concurrency)

    async def one(machine: Machine) -> None:
        try:
            record = await _read_one(machine, reading, limits.timeout, connects, threads)
            text = line(record)
        except Exception as error:
            record = failed_record(machine.name, _now(), unexpected(machine.name, error))
            text = line(record)
        write(b"%d %s %s" % (machine.number, record["status"].encode(), text))

    await asyncio.gather(*map(one, machines))


async def _read_one(
    machine: Machine,
    reading: Reading,
    timeout: float,
    connects: asyncio.Semaphore,
    threads: asyncio.Semaphore,
) -> Record:
    """Waiting for a place counts for nothing: only what the machine itself takes."""
    async with connects:
        began = time.monotonic()
        try:
            await _connect(machine, min(timeout, CONNECT_SECONDS))
        except KmsError as error:
            return failed_record(machine.name, _now(), error)
        left = timeout - (time.monotonic() - began)
    async with threads:
        return await _in_thread(machine, reading, timeout, max(left, 0.1))


async def _connect(machine: Machine, seconds: float) -> None:
    """Whether anybody listens. Raises `TransportLost` and `TransportTimeout`."""
    address = machine.transport.address
    if address is None:
        return  # a proxy knows the way
    endpoint, (host, port) = machine.transport.endpoint, address
    hint = f"Check that the machine is on, that WinRM listens on port {port}, and firewalls between."
    try:
        await asyncio.wait_for(_listens(host, port), seconds)
    except (TimeoutError, asyncio.TimeoutError):
        raise TransportLost(
            f"Could not connect to {endpoint}: nothing answered within {seconds:g} s. {hint}",
            sent=False,
            operation="connect",
            target=endpoint,
            hint=hint,
        ) from None
    except OSError as error:
        raise TransportLost(
            f"Could not connect to {endpoint}: {_reason(error)}. {hint}",
            sent=False,
            operation="connect",
            target=endpoint,
            hint=hint,
        ) from None


async def _listens(host: str, port: int) -> None:
    """Connect to one of the addresses of `host`, and hang up."""
    loop = asyncio.get_running_loop()
    failed: OSError | None = None
    for family, kind, protocol, _name, address in await _addresses(host, port):
        with socket.socket(family, kind, protocol) as connection:
            connection.setblocking(False)
            try:
                return await loop.sock_connect(connection, address)
            except OSError as error:
                failed = failed or error
    raise failed or OSError(f"{host} has no address")


async def _addresses(host: str, port: int) -> list[t.Any]:
    """What getaddrinfo gives; a numeric address needs no thread for that."""
    with contextlib.suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


async def _in_thread(machine: Machine, reading: Reading, timeout: float, left: float) -> Record:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Record] = loop.create_future()

    def work() -> None:
        machine.transport.limit(left)
        record = read_machine(machine.name, machine.transport, reading)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(deliver, record)

    def deliver(record: Record) -> None:
        if not done.done():
            done.set_result(record)

    threading.Thread(target=work, daemon=True).start()
    try:
        return await asyncio.wait_for(done, left + _GRACE_SECONDS)
    except (TimeoutError, asyncio.TimeoutError):
        endpoint = machine.transport.endpoint
        error = TransportTimeout(
            f"{endpoint} did not get done within {timeout:g} s, the time limit for one machine.",
            operation="read the machine",
            target=endpoint,
            hint="Raise timeout, or look why the machine is slow.",
        )
        return failed_record(machine.name, _now(), error)


def writer(stream: t.BinaryIO, warnings: list[str]) -> Callable[[bytes], None]:
    """Writes lines at once, and before each the `warnings` that there are by then."""

    def write(text: bytes) -> None:
        while warnings:
            stream.write(b"0 %s %s\n" % (WARNING, json.dumps(warnings.pop(0)).encode("ascii")))
        stream.write(text)
        stream.flush()

    return write


def _now() -> datetime:
    return datetime.now(timezone.utc)
