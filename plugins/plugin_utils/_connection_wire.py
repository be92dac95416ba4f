# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP on one TCP connection of a session: urllib3 opens it, http.client reads what comes.

What urllib3 and requests do besides for each message (retries, redirects, cookies, decoding) is not used here, and
takes longer than the message.
"""

from __future__ import annotations

import contextlib
import http.client
import time
import typing as t
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import WHO_ANSWERS

with contextlib.suppress(ImportError):  # there is no session of any library then
    from requests.structures import CaseInsensitiveDict
    from urllib3.exceptions import ConnectTimeoutError, ProtocolError
    from urllib3.util import is_connection_dropped

if t.TYPE_CHECKING:
    import requests
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

REPLY_LIMIT: t.Final = 16 * 2**20

# (module, name): how a connection is taken out of a pool for longer than a request.
REQUIRED_PRIVATE_NAMES: t.Final = (
    ("urllib3.connectionpool", "HTTPConnectionPool._get_conn"),
    ("urllib3.connectionpool", "HTTPConnectionPool._put_conn"),
)

_CHUNK: t.Final = 65536
_DIGITS: t.Final = 20


class Received(t.NamedTuple):
    """A whole reply; several headers of one name are one, with commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A connection that is out of its pool until `give_back`; a lost one is opened again for the next request."""

    def __init__(self, pool: HTTPConnectionPool, endpoint: str) -> None:
        """Take a connection out of `pool`, which leads to `endpoint`."""
        self._pool = pool
        self._endpoint = endpoint
        self._connection: t.Any = pool._get_conn()
        self._host = _host(self._connection)

    def exchange(self, prepared: requests.PreparedRequest, connect_timeout: float, read_timeout: float) -> Received:
        """Send `prepared` once and read the whole reply; times in seconds.

        Raises `BadReply`, `TimeoutError` when the request was sent, and for everything else what urllib3 would.
        """
        deadline = time.monotonic() + read_timeout
        try:
            if is_connection_dropped(self._connection):
                self._connect(connect_timeout)
            return self._post(prepared, read_timeout, deadline)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, (OSError, http.client.HTTPException)) and not isinstance(error, TimeoutError):
                raise ProtocolError("Connection aborted.", error) from error
            raise

    def give_back(self) -> None:
        """Leave the connection to the session."""
        self._pool._put_conn(self._connection)

    def _connect(self, seconds: float) -> None:
        connection = self._connection
        connection.close()
        connection.timeout = seconds
        try:
            connection.connect()
        except TimeoutError as error:  # of TLS; urllib3 names the others
            raise ConnectTimeoutError(str(error)) from error

    def _post(self, prepared: requests.PreparedRequest, read_timeout: float, deadline: float) -> Received:
        connection = self._connection
        connection.sock.settimeout(read_timeout)
        # A server that does not read to the end may have said why: that a request is too large.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sock.sendall(self._message(prepared))
        response = _Response(connection.sock, method="POST")
        response.begin()
        body = read_limited(response, self._endpoint, deadline)
        if response.will_close:
            connection.close()
        return Received(response.status, _joined(response.headers), body)

    def _message(self, prepared: requests.PreparedRequest) -> bytes:
        headers = "".join(f"{name}: {value}\r\n" for name, value in prepared.headers.items())
        head = f"POST {prepared.path_url} HTTP/1.1\r\nHost: {self._host}\r\n{headers}\r\n"
        return head.encode("latin-1") + t.cast(bytes, prepared.body)


class _Response(http.client.HTTPResponse):
    """A reply that may not end before its announced length."""

    def read1(self, n: int = -1, /) -> bytes:
        data = super().read1(n)
        if not data and self.length:
            raise http.client.IncompleteRead(data, self.length)
        return data


def read_limited(response: http.client.HTTPResponse | BaseHTTPResponse, endpoint: str, deadline: float) -> bytes:
    """The body, at most REPLY_LIMIT bytes of it, and never decompressed; the response is closed when that fails."""
    try:
        return _read(response, endpoint, deadline)
    except BaseException:
        response.close()
        raise


def _read(response: http.client.HTTPResponse | BaseHTTPResponse, endpoint: str, deadline: float) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadReply(f"{endpoint} sent a compressed reply, which nobody asked for.", operation="read the reply")
    declared = response.headers.get("Content-Length", "")
    # Python refuses to read numbers of thousands of digits; http.client takes them for none.
    length = int(declared) if declared.isdecimal() and len(declared) < _DIGITS else 0
    # read1, in urllib3 since 2, does not wait for a whole chunk: a reply that trickles in meets the deadline, too.
    read = getattr(response, "read1", response.read)
    body = bytearray()
    while length <= REPLY_LIMIT and (chunk := read(_CHUNK)):
        body += chunk
        length = max(length, len(body))
        if time.monotonic() > deadline:
            raise TimeoutError
    if length > REPLY_LIMIT:
        raise BadReply(
            f"The reply of {endpoint} is larger than {REPLY_LIMIT // 2**20} MiB, and was not read to its end. "
            f"{WHO_ANSWERS}",
            operation="read the reply",
            target=endpoint,
            hint=WHO_ANSWERS,
        )
    return bytes(body)


def _host(connection: t.Any) -> str:
    """As http.client names it: without the scope of an address, and without a port that goes without saying."""
    host = connection.host.partition("%")[0]
    spelt = f"[{host}]" if ":" in host else host
    return spelt if connection.port == connection.default_port else f"{spelt}:{connection.port}"


def _joined(headers: http.client.HTTPMessage) -> Mapping[str, str]:
    joined: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for name, value in headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
