# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a server's answer can be believed, and what it says when it is a refusal."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._errors import DnsError
from ._exchange import Exchange

try:
    import dns.exception
    import dns.message
    import dns.tsig
except ImportError:  # `require_dnspython` says so in time
    pass

NOERROR = 0
SERVFAIL = 2
NXDOMAIN = 3
REFUSED = 5
YXRRSET = 7
NXRRSET = 8
NOTAUTH = 9

#: Response codes: symbol, and what the server did. Source: IANA, "DNS RCODEs"; RFC 2136, "Server behavior".
_RCODES: t.Final[dict[int, tuple[str, str]]] = {
    1: ("FORMERR", "could not read the request"),
    2: ("SERVFAIL", "failed inside; often the zone is not loaded or has expired, or its files cannot be written"),
    3: ("NXDOMAIN", "says that the name does not exist"),
    4: ("NOTIMP", "does not know this kind of request; it may not support dynamic updates"),
    5: ("REFUSED", "refused it"),
    6: ("YXDOMAIN", "has a name there that should not exist"),
    7: ("YXRRSET", "has records there that should not exist"),
    8: ("NXRRSET", "does not have the records that should exist"),
    9: ("NOTAUTH", "is not authoritative for the zone, or does not accept the request's sender"),
    10: ("NOTZONE", "says that the name lies outside the zone"),
    11: ("DSOTYPENI", "does not know this kind of stateful request"),
    16: ("BADVERS", "does not know this version of EDNS"),
    23: ("BADCOOKIE", "does not accept the request's cookie"),
}

#: Errors inside a TSIG record. Source: RFC 8945, "TSIG Error Field".
_TSIG_ERRORS: t.Final[dict[str, tuple[int, str, str]]] = {
    "PeerBadSignature": (16, "BADSIG", "does not accept the signature: the secret is not the one it has for this key"),
    "PeerBadKey": (17, "BADKEY", "does not know a key of this name and algorithm"),
    "PeerBadTime": (18, "BADTIME", "does not accept the signature's time: its clock and the one here differ too much"),
    "PeerBadTruncation": (22, "BADTRUNC", "does not accept a signature that is cut this short"),
}

_TSIG_HINTS: t.Final = {
    "BADSIG": "Compare tsig_secret with the key on the server.",
    "BADKEY": "Compare tsig_name and tsig_algorithm with the key on the server.",
    "BADTIME": "Set both clocks; a signature is good for 300 seconds before and after its time.",
    "BADTRUNC": "Use the algorithm without truncation, for example hmac-sha256.",
}

_SESSION_HINT = "Run again. If it stays, set both clocks, and look at the server's log."

_UNSIGNED = "it is not signed, although the question was"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that belongs to the question. Only when `verified` may its contents be used.

    `verified` means as good as was asked for: signed with the question's key, or nothing was to be signed.
    """

    message: dns.message.Message | None
    rcode: int
    verified: bool
    doubt: str = ""
    tsig_error: str = ""


class Session(t.Protocol):
    """Where the key comes from that signs updates only: agreed on with the server when first needed (GSS-TSIG)."""

    @property
    def account(self) -> str:
        """Who signs, for sentences: a Kerberos principal."""

    def key(self) -> dns.tsig.Key:
        """The key. Raises `KmsError` when it cannot be agreed on."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Who is asked, and what signs: `key` questions and updates, a `session` updates only; without both, nothing.

    What is signed needs a signed answer. In a session questions are not signed, as with Microsoft's own clients: the
    servers of Active Directory sign answers to updates. An update repeats what was read as its prerequisite, so what
    was read wrongly changes nothing.
    """

    exchange: Exchange
    key: dns.tsig.Key | None = None
    session: Session | None = None

    def ask(self, question: dns.message.Message) -> Answer:
        """Sign, send, and read the answer. Raises `NoAnswer`."""
        return self._converse(question, self.key)

    def tell(self, update: dns.message.Message) -> Answer:
        """The same for an update. Raises what `Session.key` raises, too."""
        return self._converse(update, self.session.key() if self.session else self.key)

    def prepare(self) -> None:
        """Make sure that an update could be signed. Raises what `Session.key` raises."""
        if self.session is not None:
            self.session.key()

    def signer(self, operation: str) -> str:
        """What signs this operation, to be put behind "signed": "as ...", "with the key ..."; empty: nothing does."""
        if self.session is not None:
            return f"as {self.session.account} (GSS-TSIG)" if operation == "update" else ""
        return "" if self.key is None else f"with the key {_shown(self.key)}"

    def _converse(self, message: dns.message.Message, key: dns.tsig.Key | None) -> Answer:
        if key is not None:
            message.use_tsig(key)
        return read_answer(message, self.exchange.ask(message.to_wire()), key)


def read_answer(question: dns.message.Message, wire: bytes, key: dns.tsig.Key | None) -> Answer:
    """Parse and verify. What cannot be verified keeps nothing but its response code, which is good for a refusal only.

    Some servers do not sign refusals, or echo the question's signature in them. Source: RFC 8945, "TSIG Processing".
    """
    rcode = wire[3] & 0x0F
    try:
        message = dns.message.from_wire(wire, keyring=key, request_mac=question.mac if key else b"")
    except (dns.exception.DNSException, ValueError) as error:
        tsig_error = type(error).__name__ if isinstance(error, dns.tsig.PeerError) else ""
        return Answer(None, rcode, False, _doubt(error, wire), tsig_error)
    if not question.is_response(message):
        return Answer(None, rcode, False, "it belongs to another question")
    if key is not None and not message.had_tsig:
        return Answer(None, rcode, False, _UNSIGNED)
    return Answer(message, message.rcode(), True)


def _doubt(error: Exception, wire: bytes) -> str:
    """Why an answer cannot be believed, to be put behind "cannot be believed, because"."""
    if isinstance(error, (dns.tsig.BadSignature, dns.tsig.BadKey, dns.tsig.BadAlgorithm)):
        return "its signature was not made with our key"
    if isinstance(error, dns.tsig.BadTime):
        return "its signature is too old or from the future, so the clocks differ too much or it is a copy"
    if isinstance(error, dns.message.UnknownTSIGKey):
        return "it is signed, although the question was not"
    if isinstance(error, dns.tsig.PeerError):
        return "its signature says that ours is wrong"
    # dnspython before 2.9 reads an unsigned answer to a signed question, later versions call it malformed.
    try:
        dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return "it is not a DNS message"
    return _UNSIGNED


def refusal(answer: Answer, conversation: Conversation, *, operation: str, what: str) -> DnsError:
    """The error for an answer that is not a success. `what` completes "could not", as in "read the zone a.test.".

    An unverified answer with code 0 is an error, too: somebody else may have made it.
    """
    server = conversation.exchange.server
    code: int | None
    hint: str | None
    if answer.tsig_error in _TSIG_ERRORS:
        code, name, did = _TSIG_ERRORS[answer.tsig_error]
        hint = _TSIG_HINTS[name] if conversation.session is None else _SESSION_HINT
    elif answer.rcode not in (NOERROR, NXDOMAIN) or (answer.verified and answer.rcode == NXDOMAIN):
        code = answer.rcode
        name, did = refused_by(code)
        if code == SERVFAIL and operation == "update" and conversation.session is not None:
            did = "failed inside, which is also how Samba answers an account that may not write a record"
        hint = _hint(code, conversation, operation)
    else:
        return DnsError(
            f"Could not {what}: the answer of the DNS server {server} cannot be believed, because {answer.doubt}.",
            operation=operation,
            target=server,
            hint="Check the key on both sides, and who else may answer in that server's place.",
        )
    signer = conversation.signer(operation)
    signed = f" The request was signed {signer}." if signer else ""
    return DnsError(
        f"Could not {what}: the DNS server {server} {did} ({name}).{signed}",
        operation=operation,
        target=server,
        code=code,
        name=name,
        hint=hint,
    )


def refused_by(rcode: int) -> tuple[str, str]:
    """The symbol of a response code that is not a success, and what the server did, to be put behind its name."""
    return _RCODES.get(rcode, (f"RCODE{rcode}", "answered with a code that nobody has defined"))


def _shown(key: dns.tsig.Key) -> str:
    return f"{key.name.to_text(omit_final_dot=True)} ({key.algorithm.to_text(omit_final_dot=True)})"


def _hint(code: int, conversation: Conversation, operation: str) -> str:
    if operation == "update" and conversation.session is not None:
        if code not in (SERVFAIL, REFUSED):
            return "Look at the server's log."
        return (
            f"In a zone of Active Directory records belong to the account that made them. Publish all KMS hosts with "
            f"one account, or give {conversation.session.account} the right to write this record."
        )
    if operation == "update" and code in (REFUSED, NOTAUTH):
        if conversation.key is None:
            return (
                "The request was not signed. Set tsig_name and tsig_secret if the zone takes signed updates, or "
                "gss_tsig if it is one of Active Directory."
            )
        name = conversation.key.name.to_text(omit_final_dot=True)
        return f"Let the key {name} change SRV records of the zone, ask its primary, and look at the server's log."
    if code in (REFUSED, NOTAUTH):
        return "Check that this server has the zone, and that it answers queries from here."
    return "Look at the server's log."
