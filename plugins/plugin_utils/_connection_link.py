# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One login, and the HTTP exchanges that it covers: what pywinrm and pypsrp sessions have in common.

Their own senders are not used: they parse replies with the standard library, read them without a limit, and pypsrp's
logs them at debug.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import time
import typing as t
from urllib.parse import urlsplit

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply

from ._connection_errors import Peer, named_errors, offered_methods
from ._connection_wire import Received, Wire, read_limited

with contextlib.suppress(ImportError):  # there is no session of any library then
    from requests.utils import get_environ_proxies, resolve_proxies, select_proxy

if t.TYPE_CHECKING:
    import requests

# (module, name): what closing a link touches below the libraries.
REQUIRED_PRIVATE_NAMES: t.Final = (
    ("requests.adapters", "HTTPAdapter.poolmanager"),
    ("requests.adapters", "HTTPAdapter.proxy_manager"),
    ("urllib3.poolmanager", "PoolManager.pools"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class ReadResponse:
    """A response whose body was read already, with a limit; shaped as the libraries want to decrypt it."""

    headers: t.Mapping[str, str]
    content: bytes = dataclasses.field(repr=False)
    request: t.Any


@dataclasses.dataclass(frozen=True, slots=True)
class Identity:
    """As whom Ansible logs in to Kerberos by itself; `command` is how."""

    user: str
    password: str | None = dataclasses.field(repr=False)
    command: str


@dataclasses.dataclass(frozen=True, slots=True)
class Ticket:
    """One login to Kerberos: the credential cache as KRB5CCNAME names it, or why there is none.

    The cache is gone when `owner` is.
    """

    ccache: str | None = None
    failure: str | None = None
    owner: t.Any = dataclasses.field(default=None, repr=False, compare=False)


class Library(t.Protocol):
    """One session of pywinrm or pypsrp."""

    @property
    def session(self) -> requests.Session | None:
        """The HTTP session; None before the login and after `forget`."""

    @property
    def connect_timeout(self) -> float:
        """Seconds."""

    @property
    def protocol(self) -> str | None:
        """What encrypts the messages, as Content-Type says it; None: nothing above TLS does."""

    def log_in(self) -> HttpReply | None:
        """Build the session, and log in where that is a request of its own.

        Returns the reply of a server that fails in another way than 401; the session is of no use then.
        """

    def prepare(self, envelope: bytes) -> requests.PreparedRequest:
        """The request, encrypted where messages are; it may be the same object each time."""

    def decrypt(self, response: ReadResponse) -> bytes:
        """The text of an encrypted reply; raises whatever the library does."""

    def limit(self, seconds: float) -> None:
        """Let no step of connecting and logging in take longer."""

    def forget(self) -> None:
        """Drop the session."""


class Link:
    """One session of a library: when messages are encrypted, one login on one TCP connection."""

    def __init__(self, library: Library, peer: Peer, method: str | None, *, owned: bool, proxied: bool = True) -> None:
        self._library = library
        self._peer = peer
        self._method = method
        self._owned = owned
        self.authenticated = not owned
        self.offered: tuple[str, ...] = ()
        # To find out takes longer than the rest of a request: requests reads the whole environment for it.
        self._proxies: dict[str, str] | None = None if proxied else {}
        self._wire: Wire | None = None

    @property
    def connect_timeout(self) -> float:
        """Seconds that the user gives a connection to come about."""
        return self._library.connect_timeout

    def authenticate(self) -> HttpReply | None:
        """Log in, where that is a request of its own; returns the reply of a server that fails in another way than 401.

        After such a reply the link must be closed: the libraries keep the session, and would go on without encryption.
        """
        with named_errors(self._peer, None, self._method):
            reply = self._library.log_in()
        self.authenticated = reply is None
        return reply

    def post(self, envelope: bytes, read_timeout: float) -> HttpReply:
        """Send one envelope once; `read_timeout` (seconds) bounds reading the whole reply."""
        with named_errors(self._peer, read_timeout, self._method):
            prepared = self._library.prepare(envelope)
            received = self._exchange(prepared, read_timeout)
        self.offered = offered_methods(received.headers)
        return HttpReply(received.status, self._decrypt(prepared, received))

    def close(self) -> None:
        """Close the session's TCP connections, if the session is our own."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.give_back()
        if self._owned and self._library.session is not None:
            _close_sockets(self._library.session)
            self._library.forget()

    def _exchange(self, prepared: requests.PreparedRequest, read_timeout: float) -> Received:
        session = t.cast("requests.Session", self._library.session)
        if self._library.protocol is not None:
            # These would log in after a 401, and repeat a text that is encrypted for a connection that is gone.
            prepared.hooks["response"] = []
        prepared.headers["Accept-Encoding"] = "identity"
        connect_timeout = self._library.connect_timeout
        if self._proxies is None:
            # Once for a link: requests would go through the whole environment again for each request.
            self._proxies = resolve_proxies(prepared, dict(session.proxies), session.trust_env)
        wire = None if self._proxies or prepared.hooks["response"] else self._own_wire(session, prepared)
        if wire is not None:
            return wire.exchange(prepared, connect_timeout, read_timeout)
        deadline, timeout = time.monotonic() + read_timeout, (connect_timeout, read_timeout)
        sent = session.send(prepared, timeout=timeout, stream=True, allow_redirects=False, proxies=self._proxies)
        return Received(sent.status_code, sent.headers, read_limited(sent.raw, self._peer.endpoint, deadline))

    def _own_wire(self, session: requests.Session, prepared: requests.PreparedRequest) -> Wire | None:
        """The connection on which the session logged in, or would.

        With authentications that look at replies, and with proxies, the session itself is used. requests before 2.32
        keeps its connections to itself.
        """
        if self._wire is None:
            adapter = t.cast("t.Any", session.get_adapter(self._peer.endpoint))
            if hasattr(adapter, "get_connection_with_tls_context"):
                pool = adapter.get_connection_with_tls_context(prepared, session.verify, cert=session.cert)
                adapter.cert_verify(pool, self._peer.endpoint, session.verify, session.cert)
                self._wire = Wire(pool, self._peer.endpoint)
        return self._wire

    def _decrypt(self, prepared: requests.PreparedRequest, received: Received) -> bytes:
        protocol, endpoint = self._library.protocol, self._peer.endpoint
        if protocol is None:
            return received.body
        if f'protocol="{protocol}"' not in received.headers.get("Content-Type", ""):
            # Anyone on the way could have written it, so not even the text of an error is handed on.
            if received.status < 400 and received.body:
                raise BadReply(
                    f"{endpoint} answered in clear text, though encryption was agreed on.",
                    operation="decrypt the reply",
                )
            return b""
        try:
            return self._library.decrypt(ReadResponse(received.headers, received.body, prepared))
        except Exception as error:  # the authentication libraries have no common error
            raise BadReply(
                f"The reply of {endpoint} could not be decrypted ({type(error).__name__}).",
                operation="decrypt the reply",
            ) from error


def _close_sockets(session: t.Any) -> None:
    """Close what closing a session leaves to the garbage collector since urllib3 2: an error may hold on to it."""
    for adapter in session.adapters.values():
        for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
            pools = manager.pools
            keys = pools.keys()  # a copy: the container itself refuses to be iterated
            for key in keys:
                pools[key].close()


def environment_has_proxy(url: str) -> bool:
    """Whether requests to `url` go through a proxy that the environment names."""
    host = urlsplit(url).hostname or ""
    return not is_loopback(host) and select_proxy(url, get_environ_proxies(url)) is not None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself, to which no proxy of the environment leads."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
