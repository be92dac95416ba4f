# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many endpoints asked at once: the only file of this package with a socket.

Each address gets one connection, one bind, and is left. Nothing is ever sent after the bind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
import typing as t
from collections.abc import Callable, Coroutine, Sequence

from .._errors import BadInput
from ._bind import Status, bind_request, judge, missing
from ._endpoints import Endpoint, Finding, Sighting

LONGEST_TIMEOUT = 600
#: Each connection is an open file, of which a process has 1024 on most systems.
MOST_AT_ONCE = 512

#: Family and socket address of one place to connect to.
Place = tuple[int, tuple[t.Any, ...]]
#: Host and port to the places behind them. Raises OSError (`socket.gaierror`) or UnicodeError. May take long.
Resolver = Callable[[str, int], list[Place]]

T = t.TypeVar("T")


def resolve(host: str, port: int) -> list[Place]:
    """The addresses of a name as the system has them, each once, in its order of preference."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, sockaddr) for family, _type, _protocol, _canonical, sockaddr in found))


def probe_all(
    endpoints: Sequence[Endpoint], *, timeout: float, concurrency: int, resolver: Resolver = resolve
) -> list[Finding]:
    """What is found at each endpoint, in their order.

    `timeout`: seconds for an endpoint, from resolving its name to the answer of each of its addresses, which are asked
    side by side. `concurrency`: how many names are resolved, and how many connections are open, at a time; waiting for
    a turn does not count. Raises `BadInput` for limits that cannot be.
    """
    if not 0 < timeout <= LONGEST_TIMEOUT:
        raise BadInput(f"The timeout {timeout:g} is not between 1 and {LONGEST_TIMEOUT} seconds.")
    if not 1 <= concurrency <= MOST_AT_ONCE:
        raise BadInput(f"The concurrency {concurrency} is not between 1 and {MOST_AT_ONCE}.")
    return asyncio.run(_Prober(timeout, concurrency, resolver).probe_all(endpoints))


class _Prober:
    def __init__(self, timeout: float, concurrency: int, resolver: Resolver) -> None:
        self._timeout = timeout
        self._resolver = resolver
        self._turns = asyncio.Semaphore(concurrency)

    async def probe_all(self, endpoints: Sequence[Endpoint]) -> list[Finding]:
        return list(await asyncio.gather(*[self._probe(endpoint) for endpoint in endpoints]))

    async def _probe(self, endpoint: Endpoint) -> Finding:
        places = _numeric(endpoint)
        spent, resolved = 0.0, None
        if not places:
            async with self._turns:
                started = time.monotonic()
                try:
                    name = _in_a_thread(lambda: self._resolver(endpoint.host, endpoint.port))
                    places = await asyncio.wait_for(name, self._timeout)
                except (OSError, UnicodeError, asyncio.TimeoutError) as error:
                    return Finding(endpoint, (), _milliseconds(started), _unresolved(error, self._timeout))
                spent, resolved = time.monotonic() - started, _milliseconds(started)
        if not places:
            return Finding(endpoint, (), resolved, _unresolved(OSError(), self._timeout))
        sightings = await asyncio.gather(*[self._look(place, self._timeout - spent) for place in places])
        return Finding(endpoint, tuple(sightings), resolved)

    async def _look(self, place: Place, seconds: float) -> Sighting:
        family, sockaddr = place
        address = str(sockaddr[0])
        async with self._turns:
            started = time.monotonic()
            deadline = started + max(seconds, 0)
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                try:
                    await _until(deadline, asyncio.get_running_loop().sock_connect(connection, sockaddr))
                except (OSError, asyncio.TimeoutError) as error:
                    return _not_connected(address, error, self._timeout)
                connected = _milliseconds(started)
                return await self._ask(connection, Sighting(address, Status.TIMEOUT, "", connected), deadline)

    async def _ask(self, connection: socket.socket, sighting: Sighting, deadline: float) -> Sighting:
        asked = time.monotonic()
        try:
            received = await _until(deadline, _converse(connection))
        except asyncio.TimeoutError:
            silence = f"takes connections, and did not answer within {self._timeout:g} s"
            return _seen(sighting, Status.TIMEOUT, silence, None)
        verdict = judge(received)
        return _seen(sighting, verdict.status, verdict.reason, _milliseconds(asked) if received else None)


def _numeric(endpoint: Endpoint) -> list[Place]:
    """The places of an endpoint whose addresses are known; no name server is asked for those."""
    places: list[Place] = []
    with contextlib.suppress(OSError, UnicodeError):
        for address in endpoint.addresses or (endpoint.host,):
            found = socket.getaddrinfo(
                address, endpoint.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
            )
            places.append((found[0][0], found[0][4]))
    return places


async def _converse(connection: socket.socket) -> bytes:
    """Send the bind, and read until it can be judged. What breaks off is returned as far as it came."""
    loop = asyncio.get_running_loop()
    received = b""
    with contextlib.suppress(OSError):
        await loop.sock_sendall(connection, bind_request())
        while wanted := missing(received):
            part = await loop.sock_recv(connection, wanted)
            if not part:
                break
            received += part
    return received


async def _until(deadline: float, step: Coroutine[t.Any, t.Any, T]) -> T:
    return await asyncio.wait_for(step, max(deadline - time.monotonic(), 0.001))


async def _in_a_thread(work: Callable[[], T]) -> T:
    """A blocking call in a thread that nobody waits for at the end: a name server may be silent for minutes."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settled: Callable[[], None]) -> None:
        # The loop may be closed, or the wait given up, by the time a slow answer comes.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if future.done() else settled())

    def run() -> None:
        try:
            result = work()
        except Exception as error:  # it is raised again where it is waited for
            failure = error
            settle(lambda: future.set_exception(failure))
        else:
            settle(lambda: future.set_result(result))

    threading.Thread(target=run, daemon=True).start()
    return await future


def _unresolved(error: Exception, timeout: float) -> Sighting:
    # Up to Python 3.10 the two are different classes, and the second is an OSError.
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        return Sighting("", Status.TIMEOUT, f"has a name that was not resolved within {timeout:g} s")
    why = "it is not a name" if isinstance(error, UnicodeError) else getattr(error, "strerror", None)
    because = f": {_clause(why)}" if why else ""
    return Sighting("", Status.NAME_NOT_FOUND, f"has no address on {socket.gethostname()}{because}")


def _not_connected(address: str, error: Exception, timeout: float) -> Sighting:
    if isinstance(error, ConnectionRefusedError):
        return Sighting(address, Status.REFUSED, "refuses connections: nothing listens there, or a firewall says so")
    if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
        silence = f"did not take a connection within {timeout:g} s: it is off, or a firewall drops what is sent to it"
        return Sighting(address, Status.TIMEOUT, silence)
    # asyncio puts a sentence of its own around the system's.
    number = error.errno if isinstance(error, OSError) else None
    why = os.strerror(number) if number else str(error)
    return Sighting(address, Status.UNREACHABLE, f"cannot be reached from {socket.gethostname()}: {_clause(why)}")


def _seen(sighting: Sighting, status: Status, reason: str, milliseconds: float | None) -> Sighting:
    return Sighting(sighting.address, status, reason, sighting.connect_milliseconds, milliseconds)


def _milliseconds(since: float) -> float:
    return round(1000 * (time.monotonic() - since), 1)


def _clause(sentence: str) -> str:
    """A message of the system, to be put behind a colon."""
    said = sentence.rstrip(".")
    return said[:1].lower() + said[1:]
