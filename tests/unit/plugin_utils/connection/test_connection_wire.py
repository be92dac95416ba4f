# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP on a session's own connection, byte by byte, against a server that does one thing after the other."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import typing as t

import pytest
import requests
import urllib3
from urllib3.util import is_connection_dropped

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply, TransportLost
from ansible_collections.volact.kms.plugins.plugin_utils._connection_errors import WINRM, Peer, named_errors
from ansible_collections.volact.kms.plugins.plugin_utils._connection_wire import Received, Wire

ENDPOINT = "http://WIN01.example.test:5985/wsman"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nOK"
Serve = t.Callable[[socket.socket], None]


def read_request(connection: socket.socket) -> bytes:
    """One request with its body."""
    received = b""
    while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < len(b"<x/>"):
        received += connection.recv(65536)
    return received


def answering(*replies: bytes) -> Serve:
    """A request and a reply each, and the end of the connection."""

    def serve(connection: socket.socket) -> None:
        for reply in replies:
            read_request(connection)
            connection.sendall(reply)

    return serve


@contextlib.contextmanager
def serving(*connections: Serve) -> t.Iterator[Wire]:
    """A wire to a server that does the first with the first connection, and so on."""
    pool = urllib3.HTTPConnectionPool("127.0.0.1", 1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pool.port = listener.getsockname()[1]

        def serve() -> None:
            for one in connections:
                with listener.accept()[0] as accepted:
                    one(accepted)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        wire = Wire(pool, ENDPOINT)
        try:
            yield wire
        finally:
            wire.give_back()
            pool.close()
            thread.join(5)
            assert not thread.is_alive(), "not every connection was made"


def send(wire: Wire, body: bytes = b"<x/>") -> Received:
    request = requests.Request("POST", ENDPOINT, data=body, headers={"X-Name": "value"})
    return wire.exchange(request.prepare(), 5.0, 5.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5985/wsman",
        "http://HOST.example.test:80/a%20path",
        "https://host.example.test.:443/wsman",
        "http://[2001:db8::5]:5985/wsman?a=b",
        "http://b\u00fccher.example.test:5985/ws man",
    ],
)
def test_a_request_is_what_urllib3_would_send(url: str) -> None:
    # Without the last two, urllib3 would add its own.
    headers = {"X-Name": "v\u00e4lue", "User-Agent": "tests", "Accept-Encoding": "identity"}
    prepared = requests.Request("POST", url, data=b"<x/>", headers=headers).prepare()
    pool = urllib3.connection_from_url(str(prepared.url))
    connection: t.Any = pool._new_conn()
    connection.sock = Sent()
    connection.request("POST", prepared.path_url, body=prepared.body, headers=dict(prepared.headers))
    theirs, ours = (data.splitlines() for data in (connection.sock.data, Wire(pool, url)._message(prepared)))
    assert ours[0] == theirs[0]
    assert sorted(ours) == sorted(theirs)


def test_the_scope_of_an_address_stays_at_home() -> None:
    """It means something on this machine only; older releases of Python would send it."""
    prepared = requests.Request("POST", "http://[fe80::1%25eth0]:5985/wsman", data=b"<x/>").prepare()
    wire = Wire(urllib3.connection_from_url(str(prepared.url)), ENDPOINT)
    assert b"\r\nHost: [fe80::1]:5985\r\n" in wire._message(prepared)


class Sent:
    """A socket that keeps what was sent."""

    def __init__(self) -> None:
        self.data = b""

    def sendall(self, data: bytes) -> None:
        self.data += data

    def settimeout(self, _seconds: float) -> None:
        """Nothing to wait for."""


def test_a_connection_serves_one_request_after_the_other() -> None:
    with serving(answering(OK, OK.replace(b"200 OK", b"500 No"))) as wire:
        assert send(wire) == Received(200, {"Content-Type": "text/plain", "Content-Length": "2"}, b"OK")
        assert send(wire).status == 500


@pytest.mark.parametrize(
    "last",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nOK",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nOK",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nOK",
    ],
)
def test_a_server_that_closes_after_its_reply_is_connected_to_again(last: bytes) -> None:
    with serving(answering(last), answering(OK)) as wire:
        assert [send(wire).body for _ in range(2)] == [b"OK", b"OK"]


def test_a_connection_that_was_closed_while_nobody_looked_is_opened_again() -> None:
    with serving(answering(OK), answering(OK)) as wire:
        send(wire)
        assert select.select([wire._connection.sock], [], [], 5)[0], "the server did not close it"
        assert send(wire).body == b"OK"


def test_a_chunked_reply_and_one_after_a_100_are_read_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nO\r\n1\r\nK\r\n0\r\n\r\n"
    with serving(answering(chunked, b"HTTP/1.1 100 Continue\r\n\r\n" + OK)) as wire:
        assert [send(wire).body for _ in range(2)] == [b"OK", b"OK"]


def test_several_headers_of_one_name_are_one() -> None:
    reply = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nwww-authenticate: Kerberos\r\nContent-Length: 0\r\n\r\n"
    with serving(answering(reply)) as wire:
        assert send(wire).headers["WWW-Authenticate"] == "Negotiate, Kerberos"


def test_a_server_that_refuses_a_request_before_its_end_is_heard() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        # Closing with something unread would reset the connection, and what was said might be lost.
        with contextlib.suppress(ConnectionError):
            while connection.recv(2**20):
                pass

    with serving(serve) as wire:
        assert send(wire, b"x" * 2**20).status == 413


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (b"", "closed connection without response"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nOK", "IncompleteRead"),
        (b"220 mail.example.test ESMTP\r\n", "220 mail.example.test"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 101 + b"\r\n", "got more than 100 headers"),
        (b"HTTP/1.1 200 " + b"x" * 65537, "got more than 65536 bytes"),
    ],
)
def test_a_reply_that_breaks_off_or_is_none_is_an_aborted_connection(reply: bytes, why: str) -> None:
    with serving(answering(reply), answering(OK)) as wire:
        with pytest.raises(urllib3.exceptions.ProtocolError, match=why):
            send(wire)
        assert send(wire).body == b"OK", "the next request has a connection of its own"


def test_a_reply_that_pauses_for_too_long_is_a_timeout() -> None:
    released = threading.Event()

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK[:-1])
        released.wait(5)

    with serving(serve) as wire:
        prepared = requests.Request("POST", ENDPOINT, data=b"<x/>").prepare()
        with pytest.raises(TimeoutError):
            wire.exchange(prepared, 5.0, 0.05)
        released.set()


def test_a_compressed_reply_is_refused_and_its_connection_closed() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nOK"
    with serving(answering(reply)) as wire:
        with pytest.raises(BadReply, match=f"^{ENDPOINT} sent a compressed reply"):
            send(wire)
        assert is_connection_dropped(wire._connection)


def test_tls_that_nobody_speaks_is_a_connection_that_was_not_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        endpoint = f"https://127.0.0.1:{port}/wsman"
        prepared = requests.Request("POST", endpoint, data=b"<x/>").prepare()
        wire = Wire(urllib3.HTTPSConnectionPool("127.0.0.1", port), endpoint)
        with pytest.raises(TransportLost) as caught, named_errors(Peer(endpoint, WINRM), 5.0):
            wire.exchange(prepared, 0.05, 5.0)
    assert caught.value.message == (
        f"Could not connect to {endpoint}: The handshake operation timed out. "
        f"Check that the machine is on, that WinRM listens on port {port}, and firewalls between."
    )
    assert caught.value.sent is False, "nothing was asked"
