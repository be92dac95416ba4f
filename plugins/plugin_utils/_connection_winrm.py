# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible_connection=winrm: sessions of pywinrm that Ansible's plugin builds, without a remote shell.

The one file that touches private names of that plugin and of pywinrm; REQUIRED_PRIVATE_NAMES lists them.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import typing as t
from urllib.parse import urlsplit, urlunsplit

from ansible.errors import AnsibleError

from ansible_collections.volact.kms.plugins.module_utils._errors import MissingLibrary
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply

from ._connection_errors import WINRM, Libraries, Peer, not_logged_in, require_library, unusable_settings
from ._connection_link import Identity, Library, ReadResponse, Ticket, environment_has_proxy, is_loopback

try:
    import requests
    from winrm.exceptions import WinRMTransportError

    HAS_PYWINRM = True
except ImportError:
    HAS_PYWINRM = False

_PLUGIN: t.Final = "ansible.plugins.connection.winrm"

# (module, name): methods and attributes that are not documented, and that a later release may rename.
REQUIRED_PRIVATE_NAMES: t.Final = (
    (_PLUGIN, "Connection.protocol"),
    (_PLUGIN, "Connection.shell_id"),
    (_PLUGIN, "Connection._build_winrm_kwargs"),
    (_PLUGIN, "Connection._kerb_auth"),
    (_PLUGIN, "Connection._kerb_managed"),
    (_PLUGIN, "Connection._winrm_connect"),
    (_PLUGIN, "Connection._winrm_host"),
    (_PLUGIN, "Connection._winrm_kwargs"),
    (_PLUGIN, "Connection._winrm_pass"),
    (_PLUGIN, "Connection._winrm_path"),
    (_PLUGIN, "Connection._winrm_port"),
    (_PLUGIN, "Connection._winrm_scheme"),
    (_PLUGIN, "Connection._winrm_transport"),
    (_PLUGIN, "Connection._winrm_user"),
    ("winrm.protocol", "Protocol.transport"),
    ("winrm.transport", "Transport.build_session"),
    ("winrm.transport", "Transport.close_session"),
    ("winrm.transport", "Transport.encryption"),
    ("winrm.transport", "Transport.endpoint"),
    ("winrm.transport", "Transport.proxy"),
    ("winrm.transport", "Transport.read_timeout_sec"),
    ("winrm.transport", "Transport.session"),
    ("winrm.encryption", "Encryption.parse_encrypted_response"),
    ("winrm.encryption", "Encryption.prepare_encrypted_request"),
    ("winrm.encryption", "Encryption.protocol_string"),
)

# As pywinrm's metadata has them.
LIBRARIES: t.Final[Libraries] = {
    "credssp": ("requests_credssp", "requests-credssp", "1.0.0"),
    "kerberos": ("kerberos", "pykerberos", "1.2.1"),
    "ntlm": ("requests_ntlm", "requests_ntlm", "1.1.0"),
}

# Ansible opens a remote shell only if it has no shell yet.
_NO_SHELL: t.Final = "(no shell)"
_FROM_ENVIRONMENT: t.Final = "legacy_requests"
_KERBEROS: t.Final = "kerberos"
_CCACHE: t.Final = "KRB5CCNAME"


class WinrmAdapter:
    """Ansible's winrm connection object; it is left as it was, and unconnected."""

    def __init__(self, connection: t.Any) -> None:
        """Raises `MissingLibrary`, and `NotSupported` for variables that make no sense."""
        if not HAS_PYWINRM:
            raise MissingLibrary("pywinrm", "0.4.3", "to reach Windows machines with ansible_connection=winrm")
        try:
            connection._build_winrm_kwargs()
        except AnsibleError as error:
            raise unusable_settings("WinRM", WINRM, error) from error
        self._connection = connection
        self.methods: tuple[str, ...] = tuple(connection._winrm_transport)
        self.peer = Peer(_endpoint(connection), WINRM)
        proxy = connection._winrm_kwargs.get("proxy", _FROM_ENVIRONMENT)
        self.proxied = bool(proxy) and (proxy != _FROM_ENVIRONMENT or environment_has_proxy(self.peer.endpoint))
        self.identity: Identity | None = _identity(connection) if _logs_in_to_kerberos(connection) else None
        self._ticket: Ticket | None = None

    def shared(self) -> Library | None:
        """The session of a connection that Ansible has opened already."""
        protocol = self._connection.protocol
        if protocol is None or protocol.transport.session is None:
            return None
        return _Pywinrm(protocol.transport)

    def connect(self, method: str) -> Library:
        """A session that isn't logged in. Raises `MissingLibrary` and `AuthenticationRefused`."""
        require_library(LIBRARIES, method, WINRM)
        ticket = self._ticket if method == _KERBEROS else None
        if ticket is None:
            return _Pywinrm(self._transport_without_shell(method))
        if ticket.failure is not None:
            raise not_logged_in(self.peer, method, ticket.failure)
        connection = self._connection
        managed, connection._kerb_managed = connection._kerb_managed, False
        try:
            return _Pywinrm(self._transport_without_shell(method))
        finally:
            connection._kerb_managed = managed

    def take_ticket(self) -> Ticket:
        """Let Ansible call kinit, for which it changes KRB5CCNAME of this process; that is undone here."""
        connection, before = self._connection, os.environ.get(_CCACHE)
        try:
            connection._kerb_auth(connection._winrm_user, connection._winrm_pass)
            # The file of the cache goes with the connection object.
            return Ticket(os.environ[_CCACHE], owner=connection)
        except AnsibleError as error:
            return Ticket(failure=str(error))
        finally:
            os.environ.pop(_CCACHE, None)
            if before is not None:
                os.environ[_CCACHE] = before

    def share_ticket(self, ticket: Ticket) -> None:
        self._ticket = ticket

    def _transport_without_shell(self, method: str) -> t.Any:
        """Let Ansible build a pywinrm session: with kinit, timeouts, and every ansible_winrm_* variable."""
        connection = self._connection
        methods, shell = connection._winrm_transport, connection.shell_id
        connection._winrm_transport, connection.shell_id = [method], _NO_SHELL
        try:
            return connection._winrm_connect().transport
        except AnsibleError as error:
            raise not_logged_in(self.peer, method, str(error).removeprefix(f"{method}: ")) from error
        finally:
            connection._winrm_transport, connection.shell_id = methods, shell


class _Pywinrm:
    """A `Library`."""

    def __init__(self, transport: t.Any) -> None:
        self._transport = transport
        self._prepared: requests.PreparedRequest | None = None

    @property
    def session(self) -> requests.Session | None:
        return t.cast("requests.Session | None", self._transport.session)

    @property
    def connect_timeout(self) -> float:
        return float(self._transport.read_timeout_sec)

    @property
    def protocol(self) -> str | None:
        encryption = self._transport.encryption
        return None if encryption is None else encryption.protocol_string.decode()

    def log_in(self) -> HttpReply | None:
        bypass_environment_proxy(self._transport)
        try:
            self._transport.build_session()
        except WinRMTransportError as error:
            return HttpReply(error.code, b"")
        return None

    def prepare(self, envelope: bytes) -> requests.PreparedRequest:
        session, encryption, endpoint = self._transport.session, self._transport.encryption, self._transport.endpoint
        prepared: requests.PreparedRequest
        if encryption is None:
            prepared = self._prepare_unencrypted(session, endpoint, envelope)
        else:
            prepared = encryption.prepare_encrypted_request(session, endpoint, envelope)
        return prepared

    def _prepare_unencrypted(
        self, session: requests.Session, endpoint: str, envelope: bytes
    ) -> requests.PreparedRequest:
        """Basic sends the same headers each time, and they take requests longer than the rest of a request.

        Other authentications keep a state, and want to see each request.
        """
        if not isinstance(session.auth, requests.auth.HTTPBasicAuth):
            return session.prepare_request(requests.Request("POST", endpoint, data=envelope))
        if self._prepared is None:
            # Not by the session, which takes longer: it would merge cookies, and none are used here.
            self._prepared = requests.PreparedRequest()
            self._prepared.prepare("POST", endpoint, headers=session.headers, data=envelope, auth=session.auth)
        else:
            self._prepared.prepare_body(envelope, None)
        return self._prepared

    def decrypt(self, response: ReadResponse) -> bytes:
        encryption = self._transport.encryption
        plain: bytes = encryption.parse_encrypted_response(response)
        return plain

    def limit(self, seconds: float) -> None:
        self._transport.read_timeout_sec = min(self._transport.read_timeout_sec, seconds)

    def forget(self) -> None:
        self._prepared = None
        self._transport.close_session()


def _logs_in_to_kerberos(connection: t.Any) -> bool:
    return _KERBEROS in connection._winrm_transport and connection._kerb_managed and bool(connection._winrm_user)


def _identity(connection: t.Any) -> Identity:
    """All that Ansible's call of kinit depends on."""
    options = [connection.get_option(name) for name in ("kerberos_command", "kinit_args", "kinit_env_vars")]
    delegation = connection._winrm_kwargs.get("kerberos_delegation", False)
    return Identity(connection._winrm_user, connection._winrm_pass, repr((*options, delegation)))


def _endpoint(connection: t.Any) -> str:
    host = connection._winrm_host
    with contextlib.suppress(ValueError):
        host = f"[{ipaddress.IPv6Address(host)}]"
    return urlunsplit((connection._winrm_scheme, f"{host}:{connection._winrm_port}", connection._winrm_path, "", ""))


def bypass_environment_proxy(transport: t.Any) -> None:
    """No proxy of the environment leads to the controller itself; one that the inventory names is the user's choice."""
    if transport.proxy == _FROM_ENVIRONMENT and is_loopback(urlsplit(transport.endpoint).hostname or ""):
        transport.proxy = None
