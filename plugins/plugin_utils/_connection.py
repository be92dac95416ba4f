# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any winrm or psrp connection object of Ansible becomes a WS-Management transport, without opening a remote shell.

Private names of Ansible and of the libraries below stay in one file per kind of connection: _connection_winrm and
_connection_psrp.

Encryption of messages is bound to the TCP connection they are sent on. So one link (a session of pywinrm or pypsrp)
lives as long as its TCP connection, and a lost one is replaced for the next request. A request is sent again in one
case only: when an HTTP 401 says that it was refused unread, because the server closed the kept-alive connection in
between.
"""

from __future__ import annotations

import time
import typing as t
from urllib.parse import urlsplit

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    KmsError,
    MissingLibrary,
    NotSupported,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply, Transport

from . import _connection_hosts, _connection_link, _connection_psrp, _connection_winrm, _connection_wire
from ._connection_errors import Peer, none_worked, out_of_time, refused
from ._connection_link import Identity, Library, Link, Ticket
from ._connection_psrp import PsrpAdapter
from ._connection_winrm import WinrmAdapter

if t.TYPE_CHECKING:
    from ansible.plugins.connection import ConnectionBase

__all__ = ["REQUIRED_PRIVATE_NAMES", "Adapter", "ClosableTransport", "Identity", "Ticket", "Warn", "open_transport"]

# (module, name): methods and attributes that are not documented, and that a later release may rename.
REQUIRED_PRIVATE_NAMES: t.Final = (
    _connection_hosts.REQUIRED_PRIVATE_NAMES
    + _connection_link.REQUIRED_PRIVATE_NAMES
    + _connection_psrp.REQUIRED_PRIVATE_NAMES
    + _connection_winrm.REQUIRED_PRIVATE_NAMES
    + _connection_wire.REQUIRED_PRIVATE_NAMES
)

Warn = t.Callable[[str], None]


class ClosableTransport(Transport, t.Protocol):
    """A transport whose own TCP connections can be closed, and that can be one among many in a process."""

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to which the TCP connection goes; None where a proxy stands in between."""

    @property
    def identity(self) -> Identity | None:
        """As whom Ansible would log in to Kerberos for this machine; None: it would not, or not with a password.

        The credential cache of Kerberos is one for a process, and so is the identity.
        """

    def take_ticket(self) -> Ticket:
        """Log in to Kerberos once, for all transports of the same `identity`; a failure is kept in the ticket."""

    def share_ticket(self, ticket: Ticket) -> None:
        """Use `ticket`, whose `ccache` the environment of the process has to name, rather than log in to Kerberos."""

    def limit(self, seconds: float) -> None:
        """From now on everything together may take so long; then requests end as `TransportTimeout`."""

    def close(self) -> None:
        """Close what this transport opened; the next `send` would connect again."""


class Adapter(t.Protocol):
    """A connection object of Ansible, from which sessions are made."""

    peer: Peer
    methods: tuple[str, ...]
    proxied: bool
    identity: Identity | None

    def take_ticket(self) -> Ticket:
        """See `ClosableTransport`."""

    def share_ticket(self, ticket: Ticket) -> None:
        """See `ClosableTransport`."""

    def shared(self) -> Library | None:
        """The session of a connection that is open already."""

    def connect(self, method: str) -> Library:
        """A new session, not logged in. Raises `MissingLibrary` and `AuthenticationRefused`."""


_ADAPTERS: t.Final[dict[str, t.Callable[[t.Any], Adapter]]] = {"psrp": PsrpAdapter, "winrm": WinrmAdapter}


def open_transport(connection: ConnectionBase, *, warn: Warn) -> ClosableTransport:
    """Return a transport with the settings of `connection`, which needs neither to be connected nor to be the task's.

    Nothing is sent yet: the first `send` connects and authenticates. `warn` takes sentences for the user.
    Raises `NotSupported` for any connection but winrm and psrp, and `MissingLibrary`.
    """
    adapter = _ADAPTERS.get(connection.transport)
    if adapter is None:
        raise NotSupported(
            f"volact.kms reaches machines over WinRM, and this task has the connection '{connection.transport}'. "
            "Set ansible_connection to winrm or psrp for the machine, and leave out delegate_to: localhost, "
            "because the work is done on the controller anyway.",
            operation="connect",
            hint="Set ansible_connection: winrm, and use no delegate_to that leads to a local or SSH connection.",
        )
    return _Transport(adapter(connection), warn)


class _Transport:
    """Requests over links that an adapter makes, with the first method that the server accepts."""

    def __init__(self, adapter: Adapter, warn: Warn) -> None:
        self._adapter = adapter
        self._warn = warn
        self._peer = adapter.peer
        self._methods = adapter.methods
        self._answered = False
        self._deadline: float | None = None
        shared = adapter.shared()
        self._link = None if shared is None else Link(shared, self._peer, None, owned=False, proxied=adapter.proxied)

    @property
    def endpoint(self) -> str:
        return self._peer.endpoint

    @property
    def address(self) -> tuple[str, int] | None:
        parts = urlsplit(self._peer.endpoint)
        return None if self._adapter.proxied or not parts.hostname or not parts.port else (parts.hostname, parts.port)

    @property
    def identity(self) -> Identity | None:
        return self._adapter.identity

    def take_ticket(self) -> Ticket:
        return self._adapter.take_ticket()

    def share_ticket(self, ticket: Ticket) -> None:
        self._adapter.share_ticket(ticket)

    def limit(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        """Post one envelope (see `Transport.send`); `read_timeout` (seconds) also bounds reading the reply."""
        read_timeout = min(read_timeout, self._left(read_timeout))
        if self._link is not None:
            reply = self._post(self._link, envelope, read_timeout)
            if reply.status != 401:
                return reply
            self.close()
        return self._send_first(envelope, read_timeout)

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _left(self, unlimited: float) -> float:
        """Seconds until the deadline, if there is one. Raises `TransportTimeout` after it."""
        if self._deadline is None:
            return unlimited
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise out_of_time(self._peer)
        return left

    def _post(self, link: Link, envelope: bytes, read_timeout: float) -> HttpReply:
        try:
            return link.post(envelope, read_timeout)
        except BaseException:
            self.close()
            raise

    def _send_first(self, envelope: bytes, read_timeout: float) -> HttpReply:
        """Send on a new link: with the method that worked before, else with the first one that is accepted."""
        failed: dict[str, KmsError] = {}
        for method in self._methods:
            try:
                reply = self._try(method, envelope, read_timeout)
            except (AuthenticationRefused, MissingLibrary, NotSupported) as error:
                failed[method] = error
                continue
            if failed:
                tried = f"{self._peer.variables.methods}: {', '.join(failed)}"
                self._warn(f"{tried} did not work, and {method} was used instead.")
            return reply
        raise none_worked(self._peer, failed)

    def _try(self, method: str, envelope: bytes, read_timeout: float) -> HttpReply:
        library = self._adapter.connect(method)
        if self._deadline is not None:
            library.limit(self._left(read_timeout))
        link = Link(library, self._peer, method, owned=True, proxied=self._adapter.proxied)
        try:
            # Without a login of its own, the first request is what shows whether anybody is there.
            patience = read_timeout if self._answered else min(read_timeout, link.connect_timeout)
            reply = link.authenticate() or link.post(envelope, patience)
            self._answered = True
            if reply.status == 401:
                raise refused(self._peer, method, link.offered)
        except BaseException:
            link.close()
            raise
        if link.authenticated:
            self._link = link
            self._methods = (method,)
        else:
            link.close()
        return reply
