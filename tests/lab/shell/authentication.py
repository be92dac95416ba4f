# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is on the other end of a connection: Negotiate (NTLM, raw or in SPNEGO, and Kerberos), Basic, certificates.

WinRM authenticates a TCP connection, not a request: the security context that authenticated it also seals its
messages. So one `ConnectionLogin` lives as long as its connection.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import spnego
from spnego.exceptions import SpnegoError

from .kerberos import KerberosContext
from .offers import Offer, ntlm_user
from .settings import Account
from .state_folder import write_private

LOG = logging.getLogger(__name__)

MUTUAL_TLS = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
"""What Authorization says when the client certificate is the login. Source: DSP0226, security profiles."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """The request may go on as `user`; `header` is a last token for WWW-Authenticate."""

    user: str
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request gets HTTP 401 with these WWW-Authenticate headers."""

    headers: tuple[str, ...]


def write_ntlm_users(path: Path, account: Account, domain: str) -> None:
    """Write a file that the NTLM acceptor reads for the machines that have an account.

    NTLM clients spell one account in several ways: plain, DOMAIN\\user, dns.domain\\user and user@dns.domain.
    """
    short = domain.split(".")[0].upper()
    spellings = [("", account.user), (short, account.user), (domain, account.user), ("", f"{account.user}@{domain}")]
    text = "".join(f"{prefix}:{user}:{account.password}\n" for prefix, user in spellings)
    write_private(path, text)
    admit_users_of(path)


def admit_users_of(path: Path) -> None:
    """Point the NTLM acceptor of this process to a file; it reads the file whenever a client logs in."""
    os.environ["NTLM_USER_FILE"] = str(path)


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may come in at a machine, where the NTLM acceptor finds that, and who is told of every offer."""

    account: Account
    ntlm_users: Path | None = None
    record: Callable[[Offer], None] = lambda _offer: None

    def login(self, certificate_user: str | None) -> ConnectionLogin:
        """For a new connection."""
        return ConnectionLogin(self.account, certificate_user, ntlm_users=self.ntlm_users, record=self.record)


class ConnectionLogin:
    """Authentication state of one TCP connection; `certificate_user` is whose client certificate it showed."""

    def __init__(
        self,
        account: Account,
        certificate_user: str | None = None,
        *,
        ntlm_users: Path | None = None,
        record: Callable[[Offer], None] = lambda _offer: None,
    ) -> None:
        self._account = account
        self._ntlm_users = ntlm_users
        self._tell = record
        self._certificate_user = certificate_user
        self._context: spnego.ContextProxy | KerberosContext | None = None
        self._user: str | None = None

    def authenticate(self, authorization: str | None) -> Welcome | Refusal:
        """Judge one request by its Authorization header, and by what the connection has shown before."""
        if authorization is None:
            return Welcome(self._user) if self._user else self._refusal()
        if authorization == MUTUAL_TLS:
            mapped = self._certificate_user if "certificate" in self._account.transports else None
            return Welcome(mapped) if mapped else self._refusal()
        scheme, _, value = authorization.partition(" ")
        try:
            token = base64.b64decode(value.strip(), validate=True)
        except (binascii.Error, ValueError):
            return self._refusal()
        if not token:
            return self._refusal()
        if scheme.lower() == "basic":
            return self._basic(token)
        ways = {"negotiate": {"ntlm", "kerberos"}, "kerberos": {"kerberos"}}.get(scheme.lower(), set())
        if ways.intersection(self._account.transports):
            return self._negotiate(token)
        return self._refusal()

    def unseal(self, signature: bytes, sealed: bytes) -> bytes:
        """Decrypt a message of this connection. Raises ValueError when it was not sealed by its security context."""
        if self._context is None or not self._context.complete:
            raise ValueError("the connection has no security context")
        try:
            plain: bytes = self._context.unwrap_winrm(signature, sealed)
        except SpnegoError as error:
            raise ValueError("the message was not sealed by this connection's security context") from error
        return plain

    def seal(self, plain: bytes) -> tuple[bytes, bytes, int]:
        """Encrypt a message of this connection: signature, sealed bytes, padding length."""
        if self._context is None:
            raise ValueError("the connection has no security context")
        sealed = self._context.wrap_winrm(plain)
        return sealed.header, sealed.data, sealed.padding_length

    def _basic(self, token: bytes) -> Welcome | Refusal:
        user, _, password = token.decode("utf-8", errors="replace").partition(":")
        same_password = hmac.compare_digest(password.encode(), self._account.password.encode())
        same_user = user.lower() == self._account.user.lower()
        is_good = same_password and same_user and "basic" in self._account.transports
        self._tell(Offer("basic", user, password, is_good))
        return Welcome(user) if is_good else self._refusal()

    def _negotiate(self, token: bytes) -> Welcome | Refusal:
        if self._ntlm_users is not None:
            admit_users_of(self._ntlm_users)
        if self._context is None or self._context.complete:
            self._context = self._new_context(token)
            self._user = None
        offered = ntlm_user(token)
        try:
            answer = self._context.step(token)
        except Exception as error:  # on bytes that are no token the parser raises whatever it stumbles over
            LOG.info("a token was refused: %s", error)
            self._context = None
            self._record(offered, accepted=False)
            return self._refusal()
        if not self._context.complete:
            return Refusal((_negotiate_header(answer or b""),))
        user = self._context.client_principal or self._account.user
        if isinstance(self._context, KerberosContext) and user.partition("@")[0].lower() != self._account.user.lower():
            LOG.warning("%s has a good ticket, and may not manage this machine", user)
            self._context = None
            self._record(user, accepted=False)
            return self._refusal()
        self._record(offered or user, accepted=True)
        self._user = user
        return Welcome(self._user, header=_negotiate_header(answer) if answer else None)

    def _record(self, user: str | None, *, accepted: bool) -> None:
        if user:
            self._tell(Offer("negotiate", user, None, accepted))

    def _new_context(self, token: bytes) -> spnego.ContextProxy | KerberosContext:
        if "kerberos" in self._account.transports and not token.startswith(b"NTLMSSP\0"):
            return KerberosContext()
        # A raw NTLM token needs the plain NTLM acceptor: SPNEGO's would answer with a SPNEGO token.
        protocol = "ntlm" if token.startswith(b"NTLMSSP\0") else "negotiate"
        option = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
        return spnego.server(protocol=protocol, options=option)

    def _refusal(self) -> Refusal:
        schemes = {"ntlm": "Negotiate", "kerberos": "Negotiate", "basic": 'Basic realm="WSMAN"'}
        return Refusal(tuple(schemes[name] for name in self._account.transports if name in schemes))


def _negotiate_header(token: bytes) -> str:
    return f"Negotiate {base64.b64encode(token).decode()}"
