# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The WinRM endpoint of all machines: one application over HTTP and HTTPS, which tells them apart by local address.

Source: [MS-WSMV] 2.2.9.1 (encryption), reference "wsman_identify" (Identify without authentication).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from weakref import WeakKeyDictionary
from xml.etree import ElementTree

import defusedxml.ElementTree
from aiohttp import web

from lab.effects import Response

from .authentication import ConnectionLogin, Gate, Refusal, Welcome
from .black_hole import BlackHole
from .circumstances import Circumstances
from .errors import LabError
from .https import PORT as HTTPS_PORT
from .https import Certificates
from .message_encryption import open_sealed, seal_body, sealed_content_type, sealed_protocol

LOG = logging.getLogger(__name__)

PORT = 5985
SOAP = "application/soap+xml;charset=UTF-8"
IDLE_SECONDS = 120
"""Windows closes an idle connection after about that time."""

MAX_BODY_BYTES = 516 * 1024
"""MaxEnvelopeSizekb of Windows 8 and later is 500; the rest is for the wrapping of an encrypted message."""

MAX_IDENTIFY_BYTES = 4096
_SOAP_BODY = "{http://www.w3.org/2003/05/soap-envelope}Body"
_IDENTIFY = "{http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd}Identify"

Answer = Callable[[str, bytes, str], Awaitable[Response]]
"""Answers a SOAP envelope: machine name, envelope, user ("" for nobody)."""


class ConnectionDropped(Exception):
    """Raised by an `Answer`: the connection is to be lost without a reply."""


class WinrmEndpoint:
    """Port 5985 of every machine, with `certificates` also port 5986: a listener for each, one application for all.

    `gates` are by machine; `circumstances` say what answers, how slowly, and which reply never comes.
    """

    def __init__(
        self,
        machines: Mapping[str, str],
        gates: Mapping[str, Gate],
        answer: Answer,
        *,
        certificates: Certificates | None,
        circumstances: Circumstances,
    ) -> None:
        self._addresses = dict(machines)
        self._names = {address: name for name, address in machines.items()}
        self._gates = gates
        self._answer = answer
        self._certificates = certificates
        self._circumstances = circumstances
        self._stopping = asyncio.Event()
        self._logins: WeakKeyDictionary[asyncio.BaseTransport, ConnectionLogin] = WeakKeyDictionary()
        self._runner: web.AppRunner | None = None
        self._listeners: dict[str, list[asyncio.Server | BlackHole]] = {}
        self._networks: dict[str, str] = {}

    async def start(self) -> None:
        """Listen on every machine's address. Raises LabError when a port is taken."""
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        for path in ("/wsman", "/wsman-anon", "/wsman-anon/identify"):
            application.router.add_post(path, self._handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=IDLE_SECONDS,
            shutdown_timeout=1.0,
            handle_signals=False,
        )
        await self._runner.setup()
        await self.reconcile()

    async def reconcile(self) -> None:
        """Let what answers at each address be what its circumstances say. Raises LabError when a port is taken."""
        for name, network in self._circumstances.networks.items():
            if self._networks.get(name) == network or name not in self._addresses:
                continue
            self._close(name)
            self._leave(name)
            self._networks[name] = network
            if network != "refused":
                for port, tls in self._ports(name):
                    await self._listen(name, port, tls, network)

    def _ports(self, name: str) -> list[tuple[int, ssl.SSLContext | None]]:
        secure = [] if self._certificates is None else [(HTTPS_PORT, self._certificates.contexts[name])]
        return [(PORT, None), *secure]

    async def _listen(self, name: str, port: int, tls: ssl.SSLContext | None, network: str) -> None:
        assert self._runner is not None
        assert self._runner.server is not None
        listener: asyncio.Server | BlackHole
        try:
            if network == "black_hole":
                listener = BlackHole(self._addresses[name], port)
            else:
                listener = await asyncio.get_running_loop().create_server(
                    self._runner.server, self._addresses[name], port, backlog=128, reuse_address=True, ssl=tls
                )
        except OSError as error:
            await self.stop()
            raise LabError(
                f"Port {port} is taken on the lab's addresses: stop what listens on 0.0.0.0:{port}."
            ) from error
        self._listeners.setdefault(name, []).append(listener)

    def _leave(self, name: str) -> None:
        """Lose the connections to a machine."""
        for transport in [each for each in self._logins if self._name_of(each) == name]:
            if isinstance(transport, asyncio.Transport):
                transport.abort()

    def _close(self, name: str) -> None:
        """Listen no more for a machine."""
        for listener in self._listeners.pop(name, []):
            listener.close()

    def _name_of(self, transport: asyncio.BaseTransport) -> str | None:
        local = transport.get_extra_info("sockname")
        return self._names.get(local[0]) if local else None

    async def stop(self) -> None:
        """Close every listener and connection."""
        self._stopping.set()
        for name in list(self._listeners):
            self._close(name)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.Response:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        machine = self._names[transport.get_extra_info("sockname")[0]]
        body = await request.read()
        seconds = self._circumstances.request_seconds[machine]
        if seconds:
            await asyncio.sleep(seconds)
        authorization = request.headers.get("Authorization")
        if authorization is None and _asks_identify(request.headers, body):
            return _plain(await self._answer(machine, body, ""))
        login = self._logins.get(transport)
        if login is None:
            certificate_user = self._certificates.user_of(transport) if self._certificates else None
            login = self._logins.setdefault(transport, self._gates[machine].login(certificate_user))
        verdict = login.authenticate(authorization)
        if isinstance(verdict, Refusal):
            return _unauthorized(verdict)
        answer = await self._authenticated(request, machine, body, login, verdict)
        if verdict.header:
            answer.headers["WWW-Authenticate"] = verdict.header
        return answer

    async def _authenticated(
        self, request: web.Request, machine: str, body: bytes, login: ConnectionLogin, welcome: Welcome
    ) -> web.Response:
        if not body:
            # The empty POST by which pywinrm and pypsrp authenticate a connection before they seal a message.
            return web.Response(status=200)
        protocol = sealed_protocol(request.headers.get("Content-Type", ""))
        if protocol is None and (request.secure or self._gates[machine].account.unencrypted):
            return _plain(await self._operate(request, machine, body, welcome.user))
        if protocol is None:
            # What Windows answers when AllowUnencrypted is false.
            return web.Response(status=500)
        try:
            envelope = open_sealed(body, login.unseal)
        except ValueError as error:
            LOG.warning("%s: an encrypted message was refused: %s", machine, error)
            return web.Response(status=400)
        response = await self._operate(request, machine, envelope, welcome.user)
        return web.Response(
            status=response.status,
            body=seal_body(response.body, protocol, login.seal) if response.body else b"",
            headers={"Content-Type": sealed_content_type(protocol)},
        )

    async def _operate(self, request: web.Request, machine: str, envelope: bytes, user: str) -> Response:
        """Let the machine answer; the connection may be lost on the way, or the reply never come."""
        stalled = self._circumstances.stalls(machine)
        try:
            response = await self._answer(machine, envelope, user)
        except ConnectionDropped:
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the connection was lost, to order") from None
        if stalled:
            await self._stopping.wait()
        return response


def _plain(response: Response) -> web.Response:
    return web.Response(status=response.status, body=response.body, headers={"Content-Type": SOAP})


def _unauthorized(refusal: Refusal) -> web.Response:
    response = web.Response(status=401)
    for header in refusal.headers:
        response.headers.add("WWW-Authenticate", header)
    return response


def _asks_identify(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether this is the one request that needs no authentication."""
    if headers.get("WSMANIDENTIFY", "").lower() != "unauthenticated" or len(body) > MAX_IDENTIFY_BYTES:
        return False
    try:
        soap_body = defusedxml.ElementTree.fromstring(body).find(_SOAP_BODY)
    except (ElementTree.ParseError, defusedxml.DefusedXmlException, ValueError):
        return False
    return soap_body is not None and [child.tag for child in soap_body] == [_IDENTIFY]
