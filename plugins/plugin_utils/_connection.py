# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any connection object of Ansible becomes a WS-Management transport, without opening a remote shell.

This is the one file that touches private names of Ansible and pywinrm; REQUIRED_PRIVATE_NAMES lists them.

Encryption of messages is bound to the TCP connection they are sent on. So one link (a pywinrm session) lives as long as
its TCP connection, and a lost one is replaced for the next request. A request is sent again in one case only: when an
HTTP 401 says that it was refused unread, because the server closed the kept-alive connection in between.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import ipaddress
import time
import typing as t
from urllib.parse import urlsplit, urlunsplit

from ansible.errors import AnsibleError

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadReply,
    KmsError,
    MissingLibrary,
    NotSupported,
)
from ansible_collections.volact.kms.plugins.plugin_utils._connection_errors import (
    CREDENTIALS_HINT,
    METHODS_HINT,
    named_errors,
    none_worked,
    offered_methods,
    refused,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply, Transport

try:
    import requests
    from winrm.exceptions import WinRMTransportError

    HAS_PYWINRM = True
except ImportError:
    HAS_PYWINRM = False

if t.TYPE_CHECKING:
    from ansible.plugins.connection import ConnectionBase

REPLY_LIMIT: t.Final = 16 * 2**20

_WINRM_PLUGIN: t.Final = "ansible.plugins.connection.winrm"

# (module, name): methods and attributes that are not documented, and that a later release may rename.
REQUIRED_PRIVATE_NAMES: t.Final = (
    (_WINRM_PLUGIN, "Connection.protocol"),
    (_WINRM_PLUGIN, "Connection.shell_id"),
    (_WINRM_PLUGIN, "Connection._build_winrm_kwargs"),
    (_WINRM_PLUGIN, "Connection._winrm_connect"),
    (_WINRM_PLUGIN, "Connection._winrm_host"),
    (_WINRM_PLUGIN, "Connection._winrm_path"),
    (_WINRM_PLUGIN, "Connection._winrm_port"),
    (_WINRM_PLUGIN, "Connection._winrm_scheme"),
    (_WINRM_PLUGIN, "Connection._winrm_transport"),
    (_WINRM_PLUGIN, "Connection._winrm_user"),
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
    ("requests.adapters", "HTTPAdapter.poolmanager"),
    ("requests.adapters", "HTTPAdapter.proxy_manager"),
    ("urllib3.poolmanager", "PoolManager.pools"),
)

# Ansible opens a remote shell only if it has no shell yet.
_NO_SHELL: t.Final = "(no shell)"
_FROM_ENVIRONMENT: t.Final = "legacy_requests"
_CHUNK: t.Final = 65536

# Authentication method -> (import name, package, minimum version), as pywinrm's metadata has them.
_METHOD_LIBRARIES: t.Final = {
    "credssp": ("requests_credssp", "requests-credssp", "1.0.0"),
    "kerberos": ("kerberos", "pykerberos", "1.2.1"),
    "ntlm": ("requests_ntlm", "requests_ntlm", "1.1.0"),
}

Warn = t.Callable[[str], None]


class ClosableTransport(Transport, t.Protocol):
    """A transport whose own TCP connections can be closed."""

    def close(self) -> None:
        """Close what this transport opened; the next `send` would connect again."""


def open_transport(connection: ConnectionBase, *, warn: Warn) -> ClosableTransport:
    """Return a transport with the settings of `connection`, which needs neither to be connected nor to be the task's.

    Nothing is sent yet: the first `send` connects and authenticates. `warn` takes sentences for the user.
    Raises `NotSupported` for any connection but winrm, and `MissingLibrary`.
    """
    opener = _OPENERS.get(connection.transport)
    if opener is None:
        raise NotSupported(
            f"volact.kms reaches machines over WinRM, and this task has the connection '{connection.transport}'. "
            "Set ansible_connection to winrm for the machine, and leave out delegate_to: localhost, "
            "because the work is done on the controller anyway.",
            operation="connect",
            hint="Set ansible_connection: winrm, and use no delegate_to that leads to a local or SSH connection.",
        )
    return opener(connection, warn)


def _open_winrm(connection: t.Any, warn: Warn) -> ClosableTransport:
    if not HAS_PYWINRM:
        raise MissingLibrary("pywinrm", "0.4.3", "to reach Windows machines with ansible_connection=winrm")
    try:
        connection._build_winrm_kwargs()
    except AnsibleError as error:
        raise NotSupported(
            f"The WinRM settings of the machine cannot be used: {str(error).rstrip('.')}. {METHODS_HINT}",
            operation="connect",
            hint=METHODS_HINT,
        ) from error
    return _WinrmTransport(connection, warn)


_OPENERS: t.Final[dict[str, t.Callable[[t.Any, Warn], ClosableTransport]]] = {"winrm": _open_winrm}


class _WinrmTransport:
    """Requests over links that Ansible's winrm plugin builds, with the first method that the server accepts."""

    def __init__(self, connection: t.Any, warn: Warn) -> None:
        self._connection = connection
        self._warn = warn
        self._methods: tuple[str, ...] = tuple(connection._winrm_transport)
        self._endpoint = _endpoint(connection)
        self._link: _Link | None = None
        if connection.protocol is not None and connection.protocol.transport.session is not None:
            self._link = _Link(connection.protocol.transport, owned=False)

    @property
    def endpoint(self) -> str:
        return self._endpoint

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        """Post one envelope (see `Transport.send`); `read_timeout` (seconds) also bounds reading the reply."""
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

    def _post(self, link: _Link, envelope: bytes, read_timeout: float) -> HttpReply:
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
                self._warn(f"ansible_winrm_transport: {', '.join(failed)} did not work, and {method} was used instead.")
            return reply
        raise none_worked(self._endpoint, failed)

    def _try(self, method: str, envelope: bytes, read_timeout: float) -> HttpReply:
        link = _Link(_connect_without_shell(self._connection, method, self._endpoint), owned=True)
        try:
            reply = link.authenticate() or link.post(envelope, read_timeout)
            if reply.status == 401:
                raise refused(self._endpoint, link.offered)
        except BaseException:
            link.close()
            raise
        if link.authenticated:
            self._link = link
            self._methods = (method,)
        else:
            link.close()
        return reply


class _Link:
    """One session of pywinrm: when messages are encrypted, one login on one TCP connection."""

    def __init__(self, transport: t.Any, *, owned: bool) -> None:
        self._transport = transport
        self._owned = owned
        self.authenticated = not owned
        self.offered: tuple[str, ...] = ()

    def authenticate(self) -> HttpReply | None:
        """Log in, where that is a request of its own; returns the reply of a server that fails in another way than 401.

        After such a reply the link must be closed: pywinrm keeps the session, and would go on without encryption.
        """
        _bypass_environment_proxy(self._transport)
        with named_errors(self._transport.endpoint, None):
            try:
                self._transport.build_session()
            except WinRMTransportError as error:
                return HttpReply(error.code, b"")
        self.authenticated = True
        return None

    def post(self, envelope: bytes, read_timeout: float) -> HttpReply:
        deadline = time.monotonic() + read_timeout
        with named_errors(self._transport.endpoint, read_timeout):
            response = self._exchange(envelope, read_timeout)
            with _closed_on_error(response):
                body = _read(response, self._transport.endpoint, deadline)
        self.offered = offered_methods(response)
        return HttpReply(response.status_code, self._decrypt(response, body))

    def close(self) -> None:
        if self._owned and self._transport.session is not None:
            _close_sockets(self._transport.session)
            self._transport.close_session()

    def _exchange(self, envelope: bytes, read_timeout: float) -> requests.Response:
        session, encryption, endpoint = self._transport.session, self._transport.encryption, self._transport.endpoint
        if encryption is None:
            prepared = session.prepare_request(requests.Request("POST", endpoint, data=envelope))
        else:
            prepared = encryption.prepare_encrypted_request(session, endpoint, envelope)
            # These would log in after a 401, and repeat a text that is encrypted for a connection that is gone.
            prepared.hooks["response"] = []
        prepared.headers["Accept-Encoding"] = "identity"
        timeout = (self._transport.read_timeout_sec, read_timeout)
        return session.send(prepared, timeout=timeout, stream=True, allow_redirects=False)

    def _decrypt(self, response: requests.Response, body: bytes) -> bytes:
        encryption = self._transport.encryption
        if encryption is None:
            return body
        content_type = response.headers.get("Content-Type", "")
        if f'protocol="{encryption.protocol_string.decode()}"' not in content_type:
            # Anyone on the way could have written it, so not even the text of an error is handed on.
            if response.ok and body:
                raise BadReply(
                    f"{self._transport.endpoint} answered in clear text, though encryption was agreed on.",
                    operation="decrypt the reply",
                )
            return b""
        try:
            return encryption.parse_encrypted_response(_ReadResponse(response.headers, body, response.request))
        except Exception as error:  # the authentication libraries have no common error
            raise BadReply(
                f"The reply of {self._transport.endpoint} could not be decrypted ({type(error).__name__}).",
                operation="decrypt the reply",
            ) from error


@dataclasses.dataclass(frozen=True, slots=True)
class _ReadResponse:
    """What pywinrm wants to see of a response whose body was read already, with a limit."""

    headers: t.Mapping[str, str]
    content: bytes = dataclasses.field(repr=False)
    request: t.Any


def _close_sockets(session: t.Any) -> None:
    """Close what closing a session leaves to the garbage collector since urllib3 2: an error may hold on to it."""
    for adapter in session.adapters.values():
        for manager in (adapter.poolmanager, *adapter.proxy_manager.values()):
            pools = manager.pools
            keys = pools.keys()  # a copy: the container itself refuses to be iterated
            for key in keys:
                pools[key].close()


def _connect_without_shell(connection: t.Any, method: str, endpoint: str) -> t.Any:
    """Let Ansible build a pywinrm session (with kinit, timeouts, and every ansible_winrm_* variable) for one method."""
    if method in _METHOD_LIBRARIES:
        module, package, minimum = _METHOD_LIBRARIES[method]
        if importlib.util.find_spec(module) is None:
            raise MissingLibrary(package, minimum, f"for ansible_winrm_transport={method}")
    methods, shell = connection._winrm_transport, connection.shell_id
    connection._winrm_transport, connection.shell_id = [method], _NO_SHELL
    try:
        transport = connection._winrm_connect().transport
    except AnsibleError as error:
        reason = str(error).removeprefix(f"{method}: ").rstrip(".")
        raise AuthenticationRefused(
            f"Could not log in to {endpoint} with {method}: {reason}. {CREDENTIALS_HINT}",
            operation="log in",
            target=endpoint,
            hint=CREDENTIALS_HINT,
        ) from error
    finally:
        connection._winrm_transport, connection.shell_id = methods, shell
    return transport


def _endpoint(connection: t.Any) -> str:
    host = connection._winrm_host
    with contextlib.suppress(ValueError):
        host = f"[{ipaddress.IPv6Address(host)}]"
    return urlunsplit((connection._winrm_scheme, f"{host}:{connection._winrm_port}", connection._winrm_path, "", ""))


def _bypass_environment_proxy(transport: t.Any) -> None:
    """No proxy of the environment leads to the controller itself; one that the inventory names is the user's choice."""
    if transport.proxy == _FROM_ENVIRONMENT and _is_loopback(urlsplit(transport.endpoint).hostname or ""):
        transport.proxy = None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(response: requests.Response, endpoint: str, deadline: float) -> bytes:
    """The body, at most REPLY_LIMIT bytes of it, and never decompressed."""
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise BadReply(f"{endpoint} sent a compressed reply, which nobody asked for.", operation="read the reply")
    declared = response.headers.get("Content-Length", "")
    length = int(declared) if declared.isdecimal() else 0
    # read1, new in urllib3 2, does not wait for a whole chunk: a reply that trickles in meets the deadline, too.
    read = getattr(response.raw, "read1", response.raw.read)
    body = bytearray()
    while length <= REPLY_LIMIT and (chunk := read(_CHUNK, decode_content=False)):
        body += chunk
        length = max(length, len(body))
        if time.monotonic() > deadline:
            raise TimeoutError
    if length > REPLY_LIMIT:
        raise BadReply(
            f"The reply of {endpoint} is larger than {REPLY_LIMIT // 2**20} MiB, and was not read.",
            operation="read the reply",
        )
    return bytes(body)


@contextlib.contextmanager
def _closed_on_error(response: requests.Response) -> t.Iterator[None]:
    try:
        yield
    except BaseException:
        response.close()
        raise
