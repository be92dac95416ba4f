# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GSS-TSIG without Kerberos: which messages go round, what is believed, and what is said when there is no ticket.

The contexts of these tests sign with a keyed hash; real ones are the business of the integration tests.
"""

from __future__ import annotations

import hashlib
import hmac
import types
import typing as t
from pathlib import Path

import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.tsig
import pytest
from unit.module_utils.dns.dns_script import NAME, ZONE, falls_silent, wanted

from ansible_collections.volact.kms.plugins.module_utils._dns import _gss
from ansible_collections.volact.kms.plugins.module_utils._dns._answers import Conversation
from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import NoAnswer
from ansible_collections.volact.kms.plugins.module_utils._dns._gss import (
    Context,
    KerberosError,
    KerberosSession,
    Login,
    Signatures,
    open_context,
    require_gssapi,
)
from ansible_collections.volact.kms.plugins.module_utils._dns._records import SrvSet, plan
from ansible_collections.volact.kms.plugins.module_utils._dns._update import build_update, send_update
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, DnsError, MissingLibrary

ACCOUNT = "svc-kms@CORP.EXAMPLE.TEST"
PASSWORD = "canary-of-the-password"
SHARED = b"what the ticket holds"


class GssError(Exception):
    """As `gssapi.exceptions.GSSError`."""

    maj_code, min_code = 458752, 100001

    def __init__(self, text: str = "Preauthentication failed\0") -> None:
        super().__init__(text)
        self.text = text

    def get_all_statuses(self, _code: int, major: bool) -> list[str]:
        return ["No credentials were supplied"] if major else [self.text]


class FakeContext:
    """Complete after `rounds` tokens of the server."""

    def __init__(self, rounds: int = 1, error: Exception | None = None, secret: bytes = SHARED) -> None:
        self.rounds = rounds
        self.secret = secret
        self.error = error
        self.tokens: list[bytes | None] = []
        self.initiator_name = ACCOUNT

    @property
    def complete(self) -> bool:
        return len(self.tokens) > self.rounds

    def step(self, token: bytes | None = None) -> bytes | None:
        self.tokens.append(token)
        if self.error is not None:
            raise self.error
        return f"token {len(self.tokens)}".encode()

    def get_signature(self, message: bytes) -> bytes:
        return hmac.digest(self.secret, message, hashlib.sha256)

    def verify_signature(self, message: bytes, signature: bytes) -> object:
        if not hmac.compare_digest(self.get_signature(message), signature):
            raise GssError("A token had an invalid signature")
        return None


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A stand-in for gssapi; what is made of credentials is recorded in `made`."""
    made: dict[str, t.Any] = {}

    def record(what: str) -> t.Callable[..., t.Any]:
        def make(*args: t.Any, **given: t.Any) -> t.Any:
            made[what] = (*args, given) if args else given
            return made["context"] if what == "SecurityContext" else types.SimpleNamespace(creds="raw credentials")

        return make

    flags = types.SimpleNamespace(mutual_authentication=1, integrity=2, replay_detection=4)
    fake = types.SimpleNamespace(
        made=made,
        exceptions=types.SimpleNamespace(GSSError=GssError),
        OID=types.SimpleNamespace(from_int_seq=str),
        RequirementFlag=flags,
        NameType=types.SimpleNamespace(hostbased_service="service", kerberos_principal="principal"),
        Name=lambda text, kind: (text, kind),
        Credentials=record("Credentials"),
        SecurityContext=record("SecurityContext"),
        raw=types.SimpleNamespace(acquire_cred_with_password=record("password")),
    )
    made["context"] = FakeContext()
    monkeypatch.setattr(_gss, "gssapi", fake)
    return fake


Change = t.Callable[[dns.message.Message], None]


class GssServer:
    """Answers TKEY questions with `tokens`, and updates with a success that is signed in one of the two habits."""

    server = "dc1.corp.example.test (192.0.2.1) port 53"

    def __init__(
        self, *tokens: bytes, change: Change | None = None, with_length: bool = True, secret: bytes = SHARED
    ) -> None:
        self.secret = secret
        self.tokens = list(tokens)
        self.change = change
        self.with_length = with_length
        self.offered: list[bytes] = []
        self.names: set[dns.name.Name] = set()

    def ask(self, wire: bytes) -> bytes:
        question = dns.message.from_wire(wire, keyring=t.cast("t.Any", False))
        signature, question.tsig = question.tsig, None
        answer = dns.message.make_response(question)
        if signature is None:
            self._agree(question, answer)
        else:
            self._sign(signature, answer)
        return answer.to_wire()

    def _agree(self, question: dns.message.Message, answer: dns.message.Message) -> None:
        name = question.question[0].name
        offered = question.find_rrset(question.additional, name, dns.rdataclass.ANY, dns.rdatatype.TKEY)[0]
        assert (offered.algorithm, offered.mode) == (dns.tsig.GSS_TSIG, 3)
        self.offered.append(offered.key)
        self.names.add(name)
        holder = answer.find_rrset(answer.answer, name, dns.rdataclass.ANY, dns.rdatatype.TKEY, create=True)
        holder.add(offered.replace(key=self.tokens.pop(0)))
        if self.change is not None:
            self.change(answer)

    def _sign(self, request: dns.rrset.RRset, answer: dns.message.Message) -> None:
        server = FakeContext(secret=self.secret)
        signatures = types.SimpleNamespace(
            get_signature=lambda data: server.get_signature(data if self.with_length else data[2:])
        )
        answer.use_tsig(dns.tsig.Key(request.name, t.cast("bytes", signatures), dns.tsig.GSS_TSIG))
        answer.request_mac = request[0].mac


def session(server: t.Any, context: Context | None = None, login: Login | None = None) -> KerberosSession:
    return KerberosSession(
        server,
        login or Login(ACCOUNT, PASSWORD),
        lambda: "dc1.corp.example.test",
        open_context=lambda _login, _host: context or FakeContext(),
    )


def update_through(server: GssServer) -> bool:
    conversation = Conversation(server, session=session(server))
    return send_update(conversation, build_update(ZONE, NAME, plan(SrvSet(), wanted())), NAME)


@pytest.mark.parametrize("with_length", [True, False])
def test_an_update_is_signed_and_its_answer_verified_in_both_habits(with_length: bool) -> None:
    assert update_through(GssServer(b"yes", with_length=with_length)) is True


def test_a_success_signed_by_somebody_else_is_none() -> None:
    server = GssServer(b"yes", secret=b"what another ticket holds")
    with pytest.raises(DnsError, match="its signature was not made with our key"):
        update_through(server)


def test_tokens_go_round_until_both_sides_are_done_and_only_once() -> None:
    server, context = GssServer(b"first", b"second"), FakeContext(rounds=2)
    made = session(server, context)
    key = made.key()
    assert made.key() is key
    assert context.tokens == [None, b"first", b"second"]
    assert server.offered == [b"token 1", b"token 2"]
    assert made.account == ACCOUNT
    assert key.name in server.names
    # Samba cannot verify a key's name that is compressed.
    assert not key.name.is_subdomain(dns.name.from_text("test"))


def test_tokens_do_not_go_round_for_ever() -> None:
    server = GssServer(*[b"more"] * 20)
    with pytest.raises(KerberosError, match="it goes on asking for tokens"):
        session(server, FakeContext(rounds=99)).key()
    assert len(server.offered) == 8


def set_error(code: int) -> Change:
    def change(answer: dns.message.Message) -> None:
        rrset = answer.answer[0]
        record = rrset[0].replace(error=code)
        rrset.clear()
        rrset.add(record)

    return change


def set_rcode(rcode: dns.rcode.Rcode) -> Change:
    return lambda answer: answer.set_rcode(rcode)


@pytest.mark.parametrize(
    ("change", "name", "says"),
    [
        (set_error(17), "BADKEY", "it does not accept the Kerberos ticket (BADKEY)."),
        (set_error(18), "BADTIME", "its clock and the one here differ too much (BADTIME)."),
        (set_error(19), "BADMODE", "it does not do GSS-TSIG (BADMODE)."),
        (set_error(99), "TKEY error 99", "it refused for a reason that nobody has defined (TKEY error 99)."),
        (set_rcode(dns.rcode.REFUSED), "REFUSED", "it refused it (REFUSED)."),
        (set_rcode(dns.rcode.NOTIMP), "NOTIMP", "it does not know this kind of request"),
        (lambda answer: answer.answer.clear(), None, "its answer holds no key."),
    ],
)
def test_every_refusal_of_the_key_has_its_sentence(change: Change, name: str | None, says: str) -> None:
    with pytest.raises(KerberosError) as caught:
        session(GssServer(b"no", change=change)).key()
    error = caught.value
    assert error.message.startswith(f"Could not agree on a key for {ACCOUNT} with the DNS server dc1.corp.example.test")
    assert says in error.message
    assert "gss_server_name" in error.message
    assert error.name == name
    assert error.progress == {}


def test_noise_instead_of_a_key_is_said() -> None:
    noise = types.SimpleNamespace(server="dc1 port 53", ask=lambda _wire: b"\0" * 13)
    with pytest.raises(KerberosError, match="its answer is not a DNS message"):
        session(noise).key()


def test_a_server_that_falls_silent_is_no_kerberos_error() -> None:
    silent = types.SimpleNamespace(server="dc1 port 53", ask=falls_silent())
    with pytest.raises(NoAnswer):
        session(silent).key()


def test_a_server_without_a_principal_is_said_with_the_name_that_was_looked_for() -> None:
    context = FakeContext(error=GssError("Server not found in Kerberos database"))
    with pytest.raises(KerberosError) as caught:
        session(GssServer(), context).key()
    assert caught.value.message == (
        "Could not get a Kerberos ticket for the DNS server's principal DNS/dc1.corp.example.test: Server not found in "
        "Kerberos database. Check that gss_server_name is the DNS server's own full host name, as its realm knows it."
    )


def test_a_token_that_is_not_the_servers_own_is_not_accepted() -> None:
    class Suspicious(FakeContext):
        def step(self, token: bytes | None = None) -> bytes | None:
            if token is not None:
                raise GssError("Message stream modified")
            return super().step(token)

    with pytest.raises(KerberosError, match="its answer is not acceptable: Message stream modified"):
        session(GssServer(b"forged"), Suspicious()).key()


def test_a_password_and_its_ticket_stay_in_memory(library: types.SimpleNamespace) -> None:
    assert open_context(Login(ACCOUNT, PASSWORD), "dc1.corp.example.test") is library.made["context"]
    name, password, how = library.made["password"]
    assert (name, password, how["usage"]) == ((ACCOUNT, "principal"), PASSWORD.encode(), "initiate")
    assert library.made["SecurityContext"]["name"] == ("DNS@dc1.corp.example.test", "service")
    assert library.made["SecurityContext"]["flags"] == 7


def test_a_keytab_is_used_with_a_cache_in_memory(library: types.SimpleNamespace, tmp_path: Path) -> None:
    keytab = tmp_path / "svc.keytab"
    keytab.touch()
    for principal, name in ((ACCOUNT, (ACCOUNT, "principal")), (None, None)):
        open_context(Login(principal, keytab=str(keytab)), "dc1")
        made = library.made["Credentials"]
        assert made["name"] == name
        assert made["store"]["client_keytab"] == str(keytab)
        assert made["store"]["ccache"].startswith("MEMORY:")


@pytest.mark.parametrize("principal", [None, ACCOUNT])
def test_the_ticket_cache_is_used_where_nothing_else_is_given(
    library: types.SimpleNamespace, principal: str | None
) -> None:
    open_context(Login(principal), "dc1")
    assert "store" not in library.made["Credentials"]
    assert library.made["Credentials"]["name"] == (principal and (principal, "principal"))


@pytest.mark.parametrize(
    ("login", "message", "hint"),
    [
        (Login(ACCOUNT, PASSWORD), f"for {ACCOUNT}: Preauthentication failed. Check", "gss_principal and gss_password"),
        (Login(), "for the account of the ticket cache: Preauthentication failed. Run", "Run kinit"),
        (
            Login(keytab="/nonexistent.keytab"),
            "for the keytab /nonexistent.keytab: No such file or directory. Check",
            "gss_keytab can be read",
        ),
    ],
)
def test_no_ticket_is_one_sentence_with_what_the_library_says(
    library: types.SimpleNamespace, login: Login, message: str, hint: str
) -> None:
    def refuse(*_args: object, **_given: object) -> None:
        raise GssError

    library.Credentials = refuse
    library.raw.acquire_cred_with_password = refuse
    with pytest.raises(KerberosError) as caught:
        open_context(login, "dc1")
    assert f"Could not get a Kerberos ticket {message}" in caught.value.message
    assert hint in (caught.value.hint or "")
    assert PASSWORD not in repr(caught.value) + caught.value.message


def test_a_library_without_a_reason_is_quoted_by_its_class_of_error(library: types.SimpleNamespace) -> None:
    class Vague(GssError):
        min_code = 0

    def refuse(*_args: object, **_given: object) -> None:
        raise Vague

    library.Credentials = refuse
    with pytest.raises(KerberosError, match="ticket cache: No credentials were supplied"):
        open_context(Login(), "dc1")


@pytest.mark.parametrize(
    ("login", "message"),
    [
        ({"principal": ACCOUNT, "password": PASSWORD, "keytab": "/k"}, "gss_password and gss_keytab exclude each"),
        ({"password": PASSWORD}, "The option gss_password needs gss_principal"),
        ({"principal": ""}, "may be left out, but not be empty"),
    ],
)
def test_a_login_that_cannot_be_is_refused(login: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        Login(**login)
    assert PASSWORD not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    assert PASSWORD not in repr(Login(ACCOUNT, PASSWORD))


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_gssapi()
    monkeypatch.setattr(_gss, "gssapi", None)
    with pytest.raises(MissingLibrary, match=r"gssapi \(1\.8 or later\) is needed for GSS-TSIG"):
        require_gssapi()


def test_what_is_signed_without_the_length_is_still_bound_to_the_request() -> None:
    signatures = Signatures(FakeContext())
    request, answer = b"\x00\x05mac-1", b"the answer"
    without_length = FakeContext().get_signature(request[2:] + answer)
    signatures.verify_signature(request + answer, without_length)
    with pytest.raises(GssError):
        signatures.verify_signature(b"\x00\x05mac-2" + answer, without_length)


@pytest.mark.parametrize(
    ("rcode", "says", "hint"),
    [
        (dns.rcode.SERVFAIL, "which is also how Samba answers an account that may not write a record (SERVFAIL)", True),
        (dns.rcode.REFUSED, "refused it (REFUSED)", True),
        (dns.rcode.NOTAUTH, "is not authoritative for the zone", False),
    ],
)
def test_a_denied_update_names_the_account_and_who_owns_records(rcode: dns.rcode.Rcode, says: str, hint: bool) -> None:
    class Denying(GssServer):
        def _sign(self, request: dns.rrset.RRset, answer: dns.message.Message) -> None:
            answer.set_rcode(rcode)

    with pytest.raises(DnsError) as caught:
        update_through(Denying(b"yes"))
    assert says in caught.value.message
    assert f"The request was signed as {ACCOUNT} (GSS-TSIG)." in caught.value.message
    assert (f"give {ACCOUNT} the right to write this record" in caught.value.message) is hint


def test_a_signature_that_the_server_does_not_accept_is_no_matter_of_tsig_options() -> None:
    class Doubting(GssServer):
        def _sign(self, request: dns.rrset.RRset, answer: dns.message.Message) -> None:
            super()._sign(request, answer)
            key = answer.keyring
            answer.use_tsig(key, tsig_error=16)

    with pytest.raises(DnsError, match=r"does not accept the signature.*\(BADSIG\)") as caught:
        update_through(Doubting(b"yes"))
    assert caught.value.hint == "Run again. If it stays, set both clocks, and look at the server's log."
