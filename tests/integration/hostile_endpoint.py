# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback that logs everybody in and then answers what no Windows machine would; the path tells how.

What it is asked, and how much of its answers was taken, is kept by path. It answers with Basic authentication only.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

USER, PASSWORD = "labadmin", "Loopback-only-1"
HUGE = 100 * 2**20
_BLOCK = b" " * 65536

_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
_WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"


def envelope(relates_to: str, body: str) -> str:
    """A reply that is as it should be, around `body`."""
    return (
        f'<s:Envelope xmlns:s="{_SOAP}" xmlns:a="{_ADDRESSING}" xmlns:n="{_ENUMERATION}" xmlns:w="{_WSMAN}">'
        f"<s:Header><a:RelatesTo>{relates_to}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )


def _page(relates_to: str, operation: str) -> str:
    """A page of 100 rows, and the promise of more."""
    rows = "<w:Item><w:XmlFragment><Version>10.0</Version></w:XmlFragment></w:Item>" * 100
    body = f"<n:EnumerationContext>uuid:1</n:EnumerationContext><n:Items>{rows}</n:Items>"
    return envelope(relates_to, f"<n:{operation}Response>{body}</n:{operation}Response>")


def _bomb(_relates_to: str, _operation: str) -> str:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE b [<!ENTITY e0 "boom">{entities}]><b>&e9;</b>'


def _deep(relates_to: str, _operation: str) -> str:
    return envelope(relates_to, "<d>" * 100_000 + "</d>" * 100_000)


#: Path -> the whole answer, from the MessageID and the operation asked for.
ANSWERS: dict[str, Callable[[str, str], bytes]] = {
    "/not-xml": lambda _id, _operation: b"<html><body><p>Please log in<br>here</body></html>",
    "/nothing": lambda _id, _operation: b"",
    "/other-xml": lambda _id, _operation: b"<rss version='2.0'><channel/></rss>",
    "/truncated": lambda message, _operation: envelope(message, "<x/>")[:-20].encode(),
    "/dtd": lambda message, _operation: b"<!DOCTYPE x SYSTEM 'file:///etc/hostname'>" + envelope(message, "").encode(),
    "/entity-bomb": lambda message, operation: _bomb(message, operation).encode(),
    "/deep": lambda message, operation: _deep(message, operation).encode(),
    "/charset": lambda message, _operation: (
        b"<?xml version='1.0' encoding='ISO-8859-1'?>" + envelope(message, "").encode()
    ),
    "/latin-1": lambda message, _operation: envelope(message, "caf\u00e9").encode("latin-1"),
    "/another-answer": lambda _id, operation: _page("uuid:00000000-0000-0000-0000-000000000000", operation).encode(),
    "/endless-pull": lambda message, operation: _page(message, operation).encode(),
}


@dataclass
class Visits:
    """What happened under one path."""

    operations: list[str] = field(default_factory=list)
    bytes_taken: int = 0


@dataclass
class HostileEndpoint:
    """A running server."""

    port: int
    visits: dict[str, Visits] = field(default_factory=dict)

    def variables(self, path: str) -> dict[str, object]:
        """The inventory variables that lead a machine's connection to `path`."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_connection": "winrm",
            "ansible_winrm_scheme": "http",
            "ansible_winrm_path": path,
            "ansible_winrm_transport": "basic",
            "ansible_winrm_message_encryption": "never",
            "ansible_user": USER,
            "ansible_password": PASSWORD,
        }

    def url(self, path: str) -> str:
        """How error messages name it."""
        return f"http://127.0.0.1:{self.port}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: HostileEndpoint

    def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 (the name in the base class)
        """Say nothing."""

    def do_POST(self) -> None:
        request = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {login}":
            self._answer(401, b"", [("WWW-Authenticate", "Basic")])
            return
        visits = self.endpoint.visits.setdefault(self.path, Visits())
        action = re.search(rb"Action[^>]*>[^<]*/(\w+)<", request)
        message = re.search(rb"MessageID[^>]*>([^<]*)<", request)
        assert action
        assert message
        operation = action[1].decode()
        visits.operations.append(operation)
        if self.path in ANSWERS:
            self._answer(200, ANSWERS[self.path](message[1].decode(), operation))
        else:
            self._flood(visits, declared=self.path == "/huge-declared")

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/soap+xml;charset=UTF-8")
        for name, value in headers or []:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _flood(self, visits: Visits, *, declared: bool) -> None:
        """100 MB, announced or not, as long as the other side takes them."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, len(_BLOCK))
        self.send_response(200)
        if declared:
            self.send_header("Content-Length", str(HUGE))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            while visits.bytes_taken < HUGE:
                visits.bytes_taken += self.connection.send(_BLOCK)


@contextlib.contextmanager
def hostile_endpoint() -> Iterator[HostileEndpoint]:
    """Serve until the end of the block."""

    class Handler(_Handler):
        """The endpoint's own: handlers are made by the server, one for each connection."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.endpoint = HostileEndpoint(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Handler.endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port of 127.0.0.1 that swallows what is sent to it: connections to it are neither made nor refused."""
    with contextlib.ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        # Linux takes one more than the backlog, then drops what asks to connect.
        for _each in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        yield port


@contextlib.contextmanager
def silent_listener() -> Iterator[int]:
    """A port of 127.0.0.1 that takes connections and requests, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
