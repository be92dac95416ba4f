# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible_connection=psrp: sessions of pypsrp with the settings of Ansible's plugin, without a runspace.

The one file that touches private names of that plugin and of pypsrp; REQUIRED_PRIVATE_NAMES lists them.
"""

from __future__ import annotations

import time
import typing as t
from urllib.parse import urlsplit

from ansible.errors import AnsibleError

from ansible_collections.volact.kms.plugins.module_utils._errors import MissingLibrary, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply

from ._connection_errors import (
    PSRP,
    Libraries,
    Peer,
    not_logged_in,
    offered_methods,
    refused,
    require_library,
    unusable_settings,
)
from ._connection_link import (
    Identity,
    Library,
    ReadResponse,
    Ticket,
    environment_has_proxy,
    is_loopback,
)
from ._connection_wire import read_limited

try:
    import requests
    from pypsrp.encryption import WinRMEncryption
    from pypsrp.wsman import WSMan

    HAS_PYPSRP = True
except ImportError:
    HAS_PYPSRP = False

_PLUGIN: t.Final = "ansible.plugins.connection.psrp"
_TRANSPORT: t.Final = "pypsrp.wsman"

# (module, name): methods and attributes that are not documented, and that a later release may rename.
REQUIRED_PRIVATE_NAMES: t.Final = (
    (_PLUGIN, "Connection.runspace"),
    (_PLUGIN, "Connection._build_kwargs"),
    (_PLUGIN, "Connection._psrp_auth"),
    (_PLUGIN, "Connection._psrp_conn_kwargs"),
    ("pypsrp.powershell", "RunspacePool.connection"),
    (_TRANSPORT, "WSMan.transport"),
    (_TRANSPORT, "_TransportHTTP._build_session"),
    (_TRANSPORT, "_TransportHTTP.connection_timeout"),
    (_TRANSPORT, "_TransportHTTP.encryption"),
    (_TRANSPORT, "_TransportHTTP.endpoint"),
    (_TRANSPORT, "_TransportHTTP.no_proxy"),
    (_TRANSPORT, "_TransportHTTP.proxy"),
    (_TRANSPORT, "_TransportHTTP.read_timeout"),
    (_TRANSPORT, "_TransportHTTP.session"),
    (_TRANSPORT, "_TransportHTTP.wrap_required"),
    ("pypsrp.negotiate", "HTTPNegotiateAuth.contexts"),
    ("pypsrp.encryption", "WinRMEncryption.CREDSSP"),
    ("pypsrp.encryption", "WinRMEncryption.KERBEROS"),
    ("pypsrp.encryption", "WinRMEncryption.SPNEGO"),
    ("pypsrp.encryption", "WinRMEncryption.protocol"),
    ("pypsrp.encryption", "WinRMEncryption.unwrap_message"),
    ("pypsrp.encryption", "WinRMEncryption.wrap_message"),
)

# As pypsrp's metadata has them.
LIBRARIES: t.Final[Libraries] = {
    "credssp": ("requests_credssp", "pypsrp[credssp]", "0.8.0"),
    "kerberos": ("gssapi", "pypsrp[kerberos]", "0.8.0"),
}

DEFAULT_CONFIGURATION: t.Final = "Microsoft.PowerShell"

_SOAP: t.Final = "application/soap+xml;charset=UTF-8"
_BOUNDARY: t.Final = "Encrypted Boundary"


class PsrpAdapter:
    """Ansible's psrp connection object; it is left unconnected."""

    def __init__(self, connection: t.Any) -> None:
        """Raises `MissingLibrary`, and `NotSupported` for a session configuration, or variables that make no sense."""
        if not HAS_PYPSRP:
            raise MissingLibrary("pypsrp", "0.8.0", "to reach Windows machines with ansible_connection=psrp")
        _refuse_configuration(connection.get_option("configuration_name"))
        try:
            connection._build_kwargs()
            # For the endpoint, and pypsrp's own judgement of the settings: nothing is sent.
            wsman = WSMan(**connection._psrp_conn_kwargs)
        except (AnsibleError, ValueError) as error:
            raise unusable_settings("PSRP", PSRP, error) from error
        self._connection = connection
        self.methods: tuple[str, ...] = (connection._psrp_auth,)
        self.peer = Peer(wsman.transport.endpoint, PSRP)
        # pypsrp keeps its Kerberos credentials to the connection.
        self.identity: Identity | None = None
        proxy, no_proxy = wsman.transport.proxy, wsman.transport.no_proxy
        self.proxied = not no_proxy and (proxy is not None or environment_has_proxy(self.peer.endpoint))

    def shared(self) -> Library | None:
        """The session of a runspace that Ansible has opened already."""
        runspace = self._connection.runspace
        if runspace is None or runspace.connection.transport.session is None:
            return None
        return _Pypsrp(runspace.connection.transport, self.peer, self.methods[0])

    def connect(self, method: str) -> Library:
        """A session that isn't logged in. Raises `MissingLibrary`."""
        require_library(LIBRARIES, method, PSRP)
        return _Pypsrp(WSMan(**self._connection._psrp_conn_kwargs).transport, self.peer, method)

    def take_ticket(self) -> Ticket:
        return Ticket()

    def share_ticket(self, ticket: Ticket) -> None:
        """Nothing to share."""


class _Pypsrp:
    """A `Library`."""

    def __init__(self, transport: t.Any, peer: Peer, method: str) -> None:
        self._transport = transport
        self._peer = peer
        self._method = method

    @property
    def session(self) -> requests.Session | None:
        return t.cast("requests.Session | None", self._transport.session)

    @property
    def connect_timeout(self) -> float:
        return float(self._transport.connection_timeout)

    @property
    def protocol(self) -> str | None:
        encryption = self._transport.encryption
        return None if encryption is None else encryption.protocol

    def log_in(self) -> HttpReply | None:
        transport = self._transport
        bypass_environment_proxy(transport)
        try:
            transport.session = transport._build_session()
        except ValueError as error:
            raise not_logged_in(self._peer, self._method, str(error)) from error
        return self._agree_on_encryption() if transport.wrap_required else None

    def _agree_on_encryption(self) -> HttpReply | None:
        """Log in with an empty message, and keep what the login agreed on for encrypting the others."""
        transport = self._transport
        prepared = transport.session.prepare_request(requests.Request("POST", transport.endpoint))
        timeout = (transport.connection_timeout, transport.read_timeout)
        deadline = time.monotonic() + transport.read_timeout
        response = transport.session.send(prepared, timeout=timeout, stream=True, allow_redirects=False)
        read_limited(response.raw, transport.endpoint, deadline)
        if response.status_code == 401:
            raise refused(self._peer, self._method, offered_methods(response.headers))
        if not response.ok:
            return HttpReply(response.status_code, b"")
        context = transport.session.auth.contexts.get(urlsplit(transport.endpoint).hostname)
        if context is None:
            reason = "the server let in a message without a login, so there is nothing to encrypt with"
            raise refused(self._peer, self._method, (), reason)
        transport.encryption = WinRMEncryption(context, _encryption_protocol(self._method, context))
        return None

    def prepare(self, envelope: bytes) -> requests.PreparedRequest:
        transport, encryption = self._transport, self._transport.encryption
        content_type = _SOAP
        if encryption is not None:
            kind, envelope = encryption.wrap_message(envelope)
            content_type = f'{kind};protocol="{encryption.protocol}";boundary="{_BOUNDARY}"'
        request = requests.Request("POST", transport.endpoint, data=envelope, headers={"Content-Type": content_type})
        prepared: requests.PreparedRequest = transport.session.prepare_request(request)
        return prepared

    def decrypt(self, response: ReadResponse) -> bytes:
        encryption = self._transport.encryption
        plain: bytes = encryption.unwrap_message(response.content, _BOUNDARY)
        return plain

    def limit(self, seconds: float) -> None:
        transport = self._transport
        transport.connection_timeout = min(transport.connection_timeout, seconds)
        transport.read_timeout = min(transport.read_timeout, seconds)

    def forget(self) -> None:
        self._transport.session.close()
        self._transport.session = self._transport.encryption = None


def _refuse_configuration(name: str) -> None:
    if name.lower() != DEFAULT_CONFIGURATION.lower():
        raise NotSupported(
            f"The machine's psrp connection has the PowerShell configuration '{name}', which may restrict what its "
            "users can do, and volact.kms would bypass it, because it asks the CIM service and not PowerShell. "
            f"Leave out ansible_psrp_configuration_name for these tasks, or set it to {DEFAULT_CONFIGURATION}, "
            "with an account that is an administrator of the machine.",
            operation="connect",
            hint=f"Use ansible_psrp_configuration_name={DEFAULT_CONFIGURATION}, the default.",
        )


def _encryption_protocol(method: str, context: t.Any) -> str:
    """What pypsrp names the encryption, by what was negotiated."""
    if method == "credssp":
        return str(WinRMEncryption.CREDSSP)
    if getattr(context, "response_auth_header", "") == "kerberos":
        return str(WinRMEncryption.KERBEROS)
    return str(WinRMEncryption.SPNEGO)


def bypass_environment_proxy(transport: t.Any) -> None:
    """No proxy of the environment leads to the controller itself; one that the inventory names is the user's choice."""
    if transport.proxy is None and is_loopback(urlsplit(transport.endpoint).hostname or ""):
        transport.no_proxy = True
