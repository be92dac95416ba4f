# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GSS-TSIG: a Kerberos ticket becomes the key that signs updates, as Active Directory wants it (RFC 3645, 2930).

The Kerberos library does what is secret. Passwords and the tickets got with them stay in this process's memory.
"""

from __future__ import annotations

import socket
import time
import typing as t
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .._errors import BadInput, DnsError, MissingLibrary
from ._answers import NOERROR, refused_by
from ._exchange import Exchange

try:
    import gssapi
    import gssapi.raw
except ImportError:  # `require_gssapi` says so in time; OSError: the package is there, its C library is not
    gssapi = None
except OSError:
    gssapi = None

try:
    import dns.exception
    import dns.message
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.TKEY
    import dns.tsig
except ImportError:  # `require_dnspython` says so in time
    pass

_SPNEGO = "1.3.6.1.5.5.2"
_KERBEROS = "1.2.840.113554.1.2.2"
_GSS_MODE = 3
_LIFETIME = 3600
#: Longer than any negotiation: SPNEGO with Kerberos takes one round trip, or two.
_MOST_TOKENS = 8

#: Errors inside a TKEY record. Source: RFC 2930, "The Error Field"; RFC 8945, "TSIG Error Field".
_TKEY_ERRORS: t.Final[dict[int, tuple[str, str]]] = {
    16: ("BADSIG", "does not accept the signature of the exchange"),
    17: ("BADKEY", "does not accept the Kerberos ticket"),
    18: ("BADTIME", "does not accept the time of the exchange: its clock and the one here differ too much"),
    19: ("BADMODE", "does not do GSS-TSIG"),
    20: ("BADNAME", "does not accept the name of the key"),
    21: ("BADALG", "does not know the algorithm gss-tsig"),
}


class KerberosError(DnsError):
    """No ticket, or none that the DNS server accepts; nothing was sent that changes a record."""

    kind = "kerberos_error"


class Context(t.Protocol):
    """What is used of a `gssapi.SecurityContext`."""

    @property
    def complete(self) -> bool:
        """Whether both sides have proven who they are."""

    @property
    def initiator_name(self) -> object:
        """Our own principal."""

    def step(self, token: bytes | None = None) -> bytes | None:
        """The next token to send, from the peer's last one."""

    def get_signature(self, message: bytes) -> bytes: ...

    def verify_signature(self, message: bytes, signature: bytes) -> object: ...


@dataclass(frozen=True, slots=True)
class Login:
    """Whose ticket: a principal's by its password or from a keytab (a path), or what the ticket cache holds."""

    principal: str | None = None
    password: str | None = field(default=None, repr=False)
    keytab: str | None = None

    def __post_init__(self) -> None:
        if self.password is not None and self.keytab is not None:
            raise BadInput("The options gss_password and gss_keytab exclude each other.")
        if self.principal is None and self.password is not None:
            raise BadInput("The option gss_password needs gss_principal: the name of the account, such as svc@REALM.")
        if "" in (self.principal, self.password, self.keytab):
            raise BadInput("The options gss_principal, gss_password and gss_keytab may be left out, but not be empty.")

    @property
    def who(self) -> str:
        return self.principal or (f"the keytab {self.keytab}" if self.keytab else "the account of the ticket cache")

    @property
    def advice(self) -> str:
        """What to check when there is no ticket."""
        here = f"the Kerberos settings of {socket.gethostname()} (krb5.conf) find the realm, and the clocks agree"
        if self.password is not None:
            return f"Check that gss_principal and gss_password are right, {here}."
        if self.keytab is not None:
            return f"Check that gss_keytab can be read and has a key of the account, {here}."
        return "Run kinit for the user who runs the module, or give gss_principal with gss_password or gss_keytab."


def require_gssapi() -> None:
    """Raise `MissingLibrary` unless the other functions of this file can work."""
    if gssapi is None:
        raise MissingLibrary("gssapi", "1.8", "for GSS-TSIG, that is, secure updates of Active Directory's DNS")


def open_context(login: Login, host: str) -> Context:
    """A context that has sent nothing yet, for the principal `DNS/host`. Raises `KerberosError`."""
    mechanism = gssapi.OID.from_int_seq(_SPNEGO)
    flags = (
        gssapi.RequirementFlag.mutual_authentication
        | gssapi.RequirementFlag.integrity
        | gssapi.RequirementFlag.replay_detection
    )
    _require_readable(login)
    try:
        target = gssapi.Name(f"DNS@{host}", gssapi.NameType.hostbased_service)
        context: Context = gssapi.SecurityContext(
            name=target, creds=_credentials(login), mech=mechanism, flags=flags, usage="initiate"
        )
    except gssapi.exceptions.GSSError as error:
        raise _no_ticket(login, _reason(error)) from None
    return context


def _require_readable(login: Login) -> None:
    """The Kerberos library takes a keytab that it cannot read for one without keys, and says something else."""
    if login.keytab is not None:
        try:
            Path(login.keytab).open("rb").close()
        except OSError as error:
            raise _no_ticket(login, error.strerror or str(error)) from None


def _credentials(login: Login) -> t.Any:
    """Those of the ticket cache, or new ones in a cache in memory, which ends with this process."""
    mechanisms = [gssapi.OID.from_int_seq(each) for each in (_KERBEROS, _SPNEGO)]
    name = gssapi.Name(login.principal, gssapi.NameType.kerberos_principal) if login.principal else None
    if login.password is not None:
        got = gssapi.raw.acquire_cred_with_password(name, login.password.encode(), mechs=mechanisms, usage="initiate")
        return gssapi.Credentials(got.creds)
    if login.keytab is None:
        return gssapi.Credentials(name=name, usage="initiate", mechs=mechanisms)
    store = {"ccache": f"MEMORY:{uuid.uuid4()}", "client_keytab": login.keytab}
    return gssapi.Credentials(name=name, usage="initiate", mechs=mechanisms, store=store)


class KerberosSession:
    """A `Session`: agrees on a key with the server behind `exchange` when it is first asked for one, and keeps it.

    `host` gives the name in the server's own principal, `DNS/host`, without a trailing dot. It is not called before the
    key is needed. `exchange` must not send anything twice (see `SocketExchange`).
    """

    def __init__(
        self,
        exchange: Exchange,
        login: Login,
        host: Callable[[], str],
        *,
        open_context: Callable[[Login, str], Context] = open_context,
    ) -> None:
        self._exchange = exchange
        self._login = login
        self._host = host
        self._open = open_context
        self._key: dns.tsig.Key | None = None
        self._account = login.who

    @property
    def account(self) -> str:
        """See `Session`. Before the first key: as much as the options tell."""
        return self._account

    def key(self) -> dns.tsig.Key:
        """See `Session`. Raises `KerberosError`, and `NoAnswer`."""
        if self._key is None:
            host = self._host()
            context = self._open(self._login, host)
            # Without an ending in common with a zone, so that it is never compressed: Samba 4.17 cannot verify that.
            name = dns.name.from_text(f"{uuid.uuid4().hex}.volact-kms.")
            self._negotiate(context, name, host)
            self._account = str(context.initiator_name)
            self._key = dns.tsig.Key(name, t.cast("bytes", Signatures(context)), dns.tsig.GSS_TSIG)
        return self._key

    def _negotiate(self, context: Context, name: dns.name.Name, host: str) -> None:
        """Exchange tokens until both sides have proven who they are.

        The signature under the last answer is not looked at: without the server's own proof, which needs the secret
        that it shares with the realm, the context does not become complete.
        """
        token = self._step(context, None, host)
        for _round in range(_MOST_TOKENS):
            answer = self._offer(name, token or b"")
            if not context.complete:
                token = self._step(context, answer, host)
            if context.complete:
                return
        raise self._failed("it goes on asking for tokens", None, None)

    def _step(self, context: Context, token: bytes | None, host: str) -> bytes | None:
        try:
            return context.step(token)
        except gssapi.exceptions.GSSError as error:
            if token is None:
                raise self._no_service_ticket(error, host) from None
            raise self._failed(f"its answer is not acceptable: {_reason(error)}", None, None) from None

    def _offer(self, name: dns.name.Name, token: bytes) -> bytes:
        """Send a token, and return the server's. Source: RFC 3645, "Send TKEY Query to Server"."""
        now = int(time.time())
        question = dns.message.make_query(name, dns.rdatatype.TKEY, dns.rdataclass.ANY, flags=0)
        record = dns.rdtypes.ANY.TKEY.TKEY(
            dns.rdataclass.ANY, dns.rdatatype.TKEY, dns.tsig.GSS_TSIG, now, now + _LIFETIME, _GSS_MODE, NOERROR, token
        )
        holder = question.find_rrset(question.additional, name, dns.rdataclass.ANY, dns.rdatatype.TKEY, create=True)
        holder.add(record)
        wire = self._exchange.ask(question.to_wire())
        try:
            reply = dns.message.from_wire(wire, keyring=t.cast("t.Any", False))
        except (dns.exception.DNSException, ValueError):
            raise self._failed("its answer is not a DNS message", None, None) from None
        if reply.rcode() != NOERROR:
            symbol, did = refused_by(int(reply.rcode()))
            raise self._failed(f"it {did}", symbol, int(reply.rcode()))
        found = reply.get_rrset(reply.answer, name, dns.rdataclass.ANY, dns.rdatatype.TKEY)
        if not found:
            raise self._failed("its answer holds no key", None, None)
        if found[0].error != NOERROR:
            code = int(found[0].error)
            symbol, did = _TKEY_ERRORS.get(code, (f"TKEY error {code}", "refused for a reason that nobody has defined"))
            raise self._failed(f"it {did}", symbol, code)
        answer: bytes = found[0].key
        return answer

    def _failed(self, problem: str, symbol: str | None, code: int | None) -> KerberosError:
        server = self._exchange.server
        named = f" ({symbol})" if symbol else ""
        return KerberosError(
            f"Could not agree on a key for {self._login.who} with the DNS server {server}: {problem}{named}.",
            operation="negotiate",
            target=server,
            code=code,
            name=symbol,
            hint="Check that the server takes secure updates by GSS-TSIG, that gss_server_name is its own full host "
            "name, and that the clocks agree.",
        )

    def _no_service_ticket(self, error: Exception, host: str) -> KerberosError:
        if self._login.principal is None and self._login.keytab is None:
            hint = f"{self._login.advice} If there is a ticket, check that gss_server_name is the server's host name."
        else:
            hint = "Check that gss_server_name is the DNS server's own full host name, as its realm knows it."
        return KerberosError(
            f"Could not get a Kerberos ticket for the DNS server's principal DNS/{host}: {_reason(error)}.",
            operation="negotiate",
            target=f"DNS/{host}",
            hint=hint,
        )


class Signatures:
    """A context as dnspython uses it, which also verifies what servers of another habit have signed."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get_signature(self, message: bytes) -> bytes:
        return self._context.get_signature(message)

    def verify_signature(self, message: bytes, signature: bytes) -> object:
        """`message` begins with the length (two octets) and the bytes of the request's signature.

        Samba (seen with 4.17) leaves the length out, as Microsoft's own algorithm does; what is signed is no less bound
        to our request.
        """
        try:
            return self._context.verify_signature(message, signature)
        except gssapi.exceptions.GSSError:
            return self._context.verify_signature(message[2:], signature)


def _no_ticket(login: Login, reason: str) -> KerberosError:
    return KerberosError(
        f"Could not get a Kerberos ticket for {login.who}: {reason}.",
        operation="negotiate",
        target=login.who,
        hint=login.advice,
    )


def _reason(error: t.Any) -> str:
    """What the Kerberos library says, in the language it says it: never to be compared."""
    specific = error.get_all_statuses(error.min_code, False) if error.min_code else []
    said = [str(each).strip("\0. ") for each in specific or error.get_all_statuses(error.maj_code, True)]
    return ", ".join(said) or "the library gives no reason"
