# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A WinRM endpoint on loopback for tests of the transport: NTLM with message encryption, Basic, and misbehaviour."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import re
import struct
import threading
import typing as t

import spnego
from aiohttp import web

USER = "tester"
PASSWORD = "Loopback-only-1"
BOUNDARY = b"--Encrypted Boundary"
SEALED_TYPE = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'

Responder = t.Callable[[bytes], tuple[int, bytes]]


def echo(message: bytes) -> tuple[int, bytes]:
    return 200, b"<echo>" + message + b"</echo>"


@dataclasses.dataclass
class Login:
    """What one TCP connection has shown so far."""

    context: spnego.ContextProxy | None = None
    user: str | None = None


@dataclasses.dataclass
class Endpoint:
    """Settings that a test may change at any time, and a record of what arrived."""

    port: int = 0
    methods: tuple[str, ...] = ("Negotiate",)
    respond: Responder = echo
    stall: bool = False
    stall_login: bool = False
    trickle: bool = False
    login_status: int = 200
    seal_replies: bool = True
    corrupt_replies: bool = False
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    close_before_reply: bool = False
    sealed: int = 0
    logins: int = 0
    attempts: list[str] = dataclasses.field(default_factory=list)
    messages: list[bytes] = dataclasses.field(default_factory=list)
    logged_in: dict[asyncio.BaseTransport, Login] = dataclasses.field(default_factory=dict)
    loop: asyncio.AbstractEventLoop = dataclasses.field(default_factory=asyncio.new_event_loop)
    released: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def drop_connections(self) -> None:
        """Close every TCP connection, as a server does with idle ones."""

        async def drop() -> None:
            for transport in list(self.logged_in):
                transport.close()
            self.logged_in.clear()

        asyncio.run_coroutine_threadsafe(drop(), self.loop).result(5)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        login = self.logged_in.setdefault(request.transport, Login())
        body = await request.read()
        authorization = request.headers.get("Authorization", "")
        if authorization:
            self.attempts.append(authorization.split()[0])
        if authorization and self.stall_login:
            await self.released.wait()
        refusal = self.authenticate(login, authorization)
        if refusal is not None:
            return refusal
        if not body:
            return web.Response(status=self.login_status)
        message = self.unseal(login, body) if "multipart/encrypted" in request.headers.get("Content-Type", "") else body
        self.messages.append(message)
        if self.stall:
            await self.released.wait()
        if self.close_before_reply:
            request.transport.close()
            return web.Response()
        status, reply = self.respond(message)
        if self.trickle:
            return await self.trickled(request)
        return self.answer(login, status, reply)

    async def trickled(self, request: web.Request) -> web.StreamResponse:
        """A reply that takes 4 s, and never pauses for long."""
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _step in range(200):
                await response.write(b"x")
                await asyncio.sleep(0.02)
        return response

    def all_closed(self) -> bool:
        """Whether the peers have closed all their TCP connections; waits a little for it."""

        async def closed() -> bool:
            for _attempt in range(200):
                if all(transport.is_closing() for transport in self.logged_in):
                    return True
                await asyncio.sleep(0.01)
            return False

        return asyncio.run_coroutine_threadsafe(closed(), self.loop).result(5)

    def authenticate(self, login: Login, authorization: str) -> web.Response | None:
        """None when the request may go on."""
        scheme, _, value = authorization.partition(" ")
        if not self.methods:
            return None
        if scheme == "Basic" and "Basic" in self.methods:
            if base64.b64decode(value).decode() == f"{USER}:{PASSWORD}":
                login.user = USER
                return None
        elif scheme == "Negotiate" and "Negotiate" in self.methods:
            return self.negotiate(login, base64.b64decode(value))
        elif not scheme and login.user is not None:
            return None
        return self.unauthorized(*self.methods)

    def negotiate(self, login: Login, token: bytes) -> web.Response | None:
        if login.context is None or login.context.complete:
            login.context = spnego.server(protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
        try:
            answer = login.context.step(token)
        except spnego.exceptions.SpnegoError:
            login.context = None
            return self.unauthorized(*self.methods)
        if not login.context.complete:
            return self.unauthorized(f"Negotiate {base64.b64encode(answer or b'').decode()}")
        login.user = login.context.client_principal
        self.logins += 1
        return None

    def unauthorized(self, *offers: str) -> web.Response:
        response = web.Response(status=401)
        for offer in offers:
            response.headers.add("WWW-Authenticate", offer)
        return response

    def unseal(self, login: Login, body: bytes) -> bytes:
        assert login.context is not None
        self.sealed += 1
        _head, sealed = body.split(b"application/octet-stream\r\n", 1)
        sealed = sealed.removesuffix(BOUNDARY + b"--\r\n")
        (size,) = struct.unpack_from("<I", sealed)
        return login.context.unwrap_winrm(sealed[4 : 4 + size], sealed[4 + size :])

    def answer(self, login: Login, status: int, reply: bytes) -> web.Response:
        headers = {"Content-Type": "application/soap+xml;charset=UTF-8"} | self.headers
        if login.context is not None and self.seal_replies and reply:
            sealed = login.context.wrap_winrm(reply)
            data = bytes(reversed(sealed.data)) if self.corrupt_replies else sealed.data
            reply = b"".join(
                (
                    BOUNDARY + b"\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n",
                    b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % len(reply),
                    BOUNDARY + b"\r\n\tContent-Type: application/octet-stream\r\n",
                    struct.pack("<I", len(sealed.header)) + sealed.header + data + BOUNDARY + b"--\r\n",
                )
            )
            headers["Content-Type"] = SEALED_TYPE
        return web.Response(status=status, headers=headers, body=reply)


@contextlib.contextmanager
def running_endpoint() -> t.Iterator[Endpoint]:
    """Serve on a free port of 127.0.0.1 until the context ends. The caller sets NTLM_USER_FILE."""
    endpoint = Endpoint()
    started = threading.Event()

    async def start() -> web.AppRunner:
        application = web.Application(client_max_size=8 * 2**20)
        application.router.add_post("/wsman", endpoint.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        endpoint.port = int(re.findall(r"\d+", str(runner.addresses[0]))[-1])
        return runner

    def serve() -> None:
        runner = endpoint.loop.run_until_complete(start())
        started.set()
        endpoint.loop.run_forever()
        endpoint.loop.run_until_complete(runner.cleanup())
        endpoint.loop.close()

    thread = threading.Thread(target=serve, name="winrm endpoint")
    thread.start()
    try:
        assert started.wait(5), "the endpoint did not start"
        yield endpoint
    finally:
        endpoint.loop.call_soon_threadsafe(endpoint.released.set)
        endpoint.loop.call_soon_threadsafe(endpoint.loop.stop)
        thread.join(5)
