# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Probing over sockets: every kind of finding, limits, and what was sent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status, bind_request
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Endpoint, Finding
from ansible_collections.volact.kms.plugins.module_utils._rpc._probe import Place, Resolver, probe_all, resolve
from lab.shell import kms, rpc


def probe(
    *endpoints: Endpoint, timeout: float = 5, concurrency: int = 64, resolver: Resolver = resolve
) -> list[Finding]:
    return probe_all(endpoints, timeout=timeout, concurrency=concurrency, resolver=resolver)


class Listener:
    """Answers connections of any number, on addresses of loopback, and keeps what it was sent.

    `greeting` None: the lab's KMS host answers. `silent`: it takes the connection and says nothing.
    """

    def __init__(self, *addresses: str, greeting: bytes | None = None, silent: bool = False) -> None:
        self.addresses = addresses or ("127.0.0.1",)
        self.greeting = greeting
        self.silent = silent
        self.sent: list[bytes] = []
        self.open = 0
        self.most_open = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Listener:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        for address in self.addresses:
            server = await asyncio.start_server(self._serve, address, self.port)
            self.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            if self.greeting is not None:
                writer.write(self.greeting)
            elif not self.silent:
                question = await reader.readexactly(len(bind_request()))
                self.sent.append(question)
                # Others get their turn, so that connections of one time are counted as such.
                await asyncio.sleep(0.005)
                writer.write(kms.Conversation(self.port, lambda _payload: b"").answer(question))
            if self.greeting is None:
                self.sent.append(await reader.read())
        self.open -= 1
        writer.close()


@pytest.fixture(scope="module")
def kms_host() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_a_kms_host_is_found_and_gets_the_bind_and_nothing_else() -> None:
    with Listener() as listener:
        (found,) = probe(Endpoint("127.0.0.1", listener.port))
        deadline = time.monotonic() + 5
        while len(listener.sent) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert found.best.status is Status.KMS
    assert found.resolve_milliseconds is None, "an address is not resolved"
    (sighting,) = found.sightings
    assert sighting.connect_milliseconds is not None
    assert sighting.answer_milliseconds is not None
    assert sighting.answer_milliseconds >= 5
    assert listener.sent == [bind_request(), b""]


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"\x05\x00\x0c\x03"])
def test_another_service_is_found_out_without_waiting(greeting: bytes) -> None:
    with Listener(greeting=greeting) as listener:
        started = time.monotonic()
        (found,) = probe(Endpoint("127.0.0.1", listener.port), timeout=30)
    assert found.best.status is Status.OTHER_SERVICE
    assert time.monotonic() - started < 5


def test_another_rpc_server_is_found_out_over_a_socket() -> None:
    rejection = rpc.ContextVerdict(
        rpc.ContextResult.PROVIDER_REJECTION, rpc.RejectionReason.ABSTRACT_SYNTAX_NOT_SUPPORTED, rpc.NO_SYNTAX
    )
    with Listener(greeting=rpc.encode(rpc.BindAck((rejection,), "135"), 1)) as listener:
        (found,) = probe(Endpoint("127.0.0.1", listener.port))
    assert found.best.status is Status.OTHER_RPC


def test_a_port_without_a_listener_is_refused() -> None:
    (found,) = probe(Endpoint("127.0.0.1", closed_port()))
    assert (found.best.status, found.best.connect_milliseconds) == (Status.REFUSED, None)
    assert found.best.reason == "refuses connections: nothing listens there, or a firewall says so"


def test_a_silent_listener_is_a_timeout_that_was_connected() -> None:
    with Listener(silent=True) as listener:
        started = time.monotonic()
        (found,) = probe(Endpoint("127.0.0.1", listener.port), timeout=0.3)
    assert 0.3 <= time.monotonic() - started < 3
    assert found.best.status is Status.TIMEOUT
    assert found.best.reason == "takes connections, and did not answer within 0.3 s"
    assert found.best.connect_milliseconds is not None
    assert found.best.answer_milliseconds is None


def test_a_connection_that_nobody_takes_is_a_timeout() -> None:
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Linux takes one more than the backlog, then drops what asks to connect.
        for _each in range(4):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        (found,) = probe(Endpoint(*listener.getsockname()), timeout=0.3)
    assert found.best.status is Status.TIMEOUT
    assert found.best.reason.startswith("did not take a connection within 0.3 s")


def test_an_address_that_cannot_be_connected_to_is_unreachable() -> None:
    # Linux makes no TCP connection to a broadcast address, and sends nothing there.
    (found,) = probe(Endpoint("255.255.255.255", 1688))
    assert found.best.status is Status.UNREACHABLE
    assert found.best.reason.startswith(f"cannot be reached from {socket.gethostname()}: ")


def nobody(_host: str, _port: int) -> list[Place]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def empty(_host: str, _port: int) -> list[Place]:
    return []


@pytest.mark.parametrize(
    ("resolver", "reason"),
    [(nobody, ": name or service not known"), (empty, "")],
)
def test_a_name_without_an_address_is_not_found(resolver: Resolver, reason: str) -> None:
    (found,) = probe(Endpoint("nobody.example.test", 1688), resolver=resolver)
    assert found.best.status is Status.NAME_NOT_FOUND
    assert found.best.reason == f"has no address on {socket.gethostname()}{reason}"
    assert found.as_result()["addresses"] == []
    assert found.resolve_milliseconds is not None


def test_a_name_that_cannot_be_one_is_not_found() -> None:
    (found,) = probe(Endpoint("b\u00fc" * 60 + ".example.test", 1688))
    assert found.best.status is Status.NAME_NOT_FOUND
    assert found.best.reason.endswith(": it is not a name")


def test_a_name_server_that_is_silent_holds_nobody_up() -> None:
    released = threading.Event()

    def stuck(_host: str, _port: int) -> list[Place]:
        released.wait(30)
        return []

    started = time.monotonic()
    (found,) = probe(Endpoint("slow.example.test", 1688), timeout=0.2, resolver=stuck)
    assert time.monotonic() - started < 5
    released.set()
    assert (found.best.status, found.best.reason) == (Status.TIMEOUT, "has a name that was not resolved within 0.2 s")


def test_every_address_of_a_name_is_asked_and_the_best_counts() -> None:
    with Listener("127.0.0.2") as listener:

        def both(_host: str, port: int) -> list[Place]:
            return [(socket.AF_INET, (address, port)) for address in ("127.0.0.3", "127.0.0.2")]

        (found,) = probe(Endpoint("kms.example.test", listener.port), resolver=both)
    assert [(each.address, each.status) for each in found.sightings] == [
        ("127.0.0.3", Status.REFUSED),
        ("127.0.0.2", Status.KMS),
    ]
    assert found.best.status is Status.KMS


def test_known_addresses_are_asked_without_a_name_server(kms_host: Listener) -> None:
    endpoint = Endpoint("kms01.corp.example.test", kms_host.port, ("127.0.0.1",))
    (found,) = probe(endpoint, resolver=nobody)
    assert found.best.status is Status.KMS
    assert found.endpoint is endpoint


def test_findings_come_in_the_order_of_the_endpoints(kms_host: Listener) -> None:
    endpoints = [Endpoint("127.0.0.1", port) for port in (kms_host.port, closed_port(), kms_host.port)]
    assert [each.endpoint for each in probe(*endpoints)] == endpoints


def test_no_more_connections_are_open_at_a_time_than_allowed() -> None:
    addresses = [f"127.0.7.{number}" for number in range(1, 41)]
    with Listener(*addresses) as listener:
        found = probe(*[Endpoint(address, listener.port) for address in addresses], concurrency=4)
        most = listener.most_open
    assert {each.best.status for each in found} == {Status.KMS}
    # The listener notices the end of a connection a little later than the probe makes it.
    assert 2 <= most <= 8


@pytest.mark.parametrize(
    ("timeout", "concurrency", "message"),
    [
        (0, 64, "The timeout 0 is not between 1 and 600 seconds."),
        (601, 64, "The timeout 601 is not between 1 and 600 seconds."),
        (5, 0, "The concurrency 0 is not between 1 and 512."),
        (5, 513, "The concurrency 513 is not between 1 and 512."),
    ],
)
def test_limits_that_cannot_be_are_refused(timeout: float, concurrency: int, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        probe(Endpoint("127.0.0.1", 9), timeout=timeout, concurrency=concurrency)
    assert refused.value.message == message
