# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Authentication of one connection: a real NTLM client of pyspnego against the acceptor, without a socket."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
import spnego

from lab.shell.authentication import MUTUAL_TLS, ConnectionLogin, Refusal, Welcome, write_ntlm_users
from lab.shell.settings import Account

DOMAIN = "corp.example.test"
ACCOUNT = Account("labadmin", "correct horse", ("ntlm",))
BOTH = Account("labadmin", "correct horse", ("ntlm", "basic"))


@pytest.fixture(autouse=True)
def ntlm_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NTLM_USER_FILE", "")
    file = tmp_path / "users"
    write_ntlm_users(file, ACCOUNT, DOMAIN)
    return file


def header(token: bytes | None, scheme: str = "Negotiate") -> str:
    return f"{scheme} {base64.b64encode(token or b'').decode()}"


def client(user: str = "labadmin", password: str = "correct horse", protocol: str = "ntlm") -> spnego.ContextProxy:
    option = spnego.NegotiateOptions.use_ntlm if protocol == "ntlm" else spnego.NegotiateOptions.use_negotiate
    return spnego.client(user, password, hostname="127.1.2.3", service="http", protocol=protocol, options=option)


def log_in(login: ConnectionLogin, context: spnego.ContextProxy) -> Welcome | Refusal:
    verdict = login.authenticate(header(context.step()))
    assert isinstance(verdict, Refusal)
    while isinstance(verdict, Refusal) and verdict.headers[0].startswith("Negotiate "):
        token = context.step(base64.b64decode(verdict.headers[0].split()[1]))
        verdict = login.authenticate(header(token))
    return verdict


def test_a_request_without_authorization_is_told_the_schemes() -> None:
    assert ConnectionLogin(ACCOUNT).authenticate(None) == Refusal(("Negotiate",))
    assert ConnectionLogin(BOTH).authenticate(None) == Refusal(("Negotiate", 'Basic realm="WSMAN"'))


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
@pytest.mark.parametrize("user", ["labadmin", "LABADMIN", "CORP\\labadmin", "labadmin@corp.example.test"])
def test_the_account_logs_in_by_ntlm_raw_and_in_spnego(protocol: str, user: str) -> None:
    verdict = log_in(ConnectionLogin(ACCOUNT), client(user, protocol=protocol))
    assert isinstance(verdict, Welcome)
    assert "labadmin" in verdict.user.lower()


def test_the_connection_stays_logged_in() -> None:
    login = ConnectionLogin(ACCOUNT)
    log_in(login, client())
    assert login.authenticate(None) == Welcome("labadmin")


@pytest.mark.parametrize(
    ("user", "password"), [("labadmin", "wrong"), ("somebody", "correct horse"), ("OTHER\\labadmin", "correct horse")]
)
def test_a_wrong_password_or_account_is_refused(user: str, password: str) -> None:
    login = ConnectionLogin(ACCOUNT)
    assert log_in(login, client(user, password)) == Refusal(("Negotiate",))
    assert login.authenticate(None) == Refusal(("Negotiate",))


def test_a_refused_connection_can_try_again() -> None:
    login = ConnectionLogin(ACCOUNT)
    log_in(login, client(password="wrong"))
    assert isinstance(log_in(login, client()), Welcome)


def test_messages_are_sealed_by_the_connections_own_context() -> None:
    login, context = ConnectionLogin(ACCOUNT), client()
    log_in(login, context)
    request = context.wrap_winrm(b"request")
    assert login.unseal(request.header, request.data) == b"request"
    signature, sealed, padding = login.seal(b"answer")
    assert (context.unwrap_winrm(signature, sealed), padding) == (b"answer", 0)


def test_a_message_of_another_connection_is_not_opened() -> None:
    login, context = ConnectionLogin(ACCOUNT), client()
    log_in(login, context)
    log_in(ConnectionLogin(ACCOUNT), other := client())
    foreign = other.wrap_winrm(b"request")
    with pytest.raises(ValueError, match="not sealed by this connection"):
        login.unseal(foreign.header, foreign.data)


def test_nothing_is_opened_or_sealed_before_the_login() -> None:
    with pytest.raises(ValueError, match="no security context"):
        ConnectionLogin(ACCOUNT).unseal(bytes(16), b"")
    with pytest.raises(ValueError, match="no security context"):
        ConnectionLogin(ACCOUNT).seal(b"")


def test_basic_is_accepted_only_where_the_site_allows_it() -> None:
    good = header(b"labadmin:correct horse", "Basic")
    assert ConnectionLogin(BOTH).authenticate(good) == Welcome("labadmin")
    assert ConnectionLogin(ACCOUNT).authenticate(good) == Refusal(("Negotiate",))
    for bad in (b"labadmin:wrong", b"other:correct horse", b"labadmin", b"\xff:\xff"):
        assert isinstance(ConnectionLogin(BOTH).authenticate(header(bad, "Basic")), Refusal)


def test_negotiate_is_refused_where_the_site_allows_basic_only() -> None:
    login = ConnectionLogin(Account("labadmin", "correct horse", ("basic",)))
    assert login.authenticate(header(client().step())) == Refusal(('Basic realm="WSMAN"',))


@pytest.mark.parametrize(
    "value", ["", "Negotiate", "Negotiate ???", "Kerberos YQ==", "Digest username=x", "Bearer abc"]
)
def test_an_authorization_that_is_not_ours_is_refused(value: str) -> None:
    assert ConnectionLogin(ACCOUNT).authenticate(value) == Refusal(("Negotiate",))


def test_no_garbled_token_breaks_the_acceptor() -> None:
    generator = random.Random(1)
    good = client().step() or b""
    for _ in range(300):
        token = bytearray(good)
        for _ in range(generator.randint(1, 6)):
            token[generator.randrange(8, len(token))] = generator.randrange(256)
        login = ConnectionLogin(ACCOUNT)
        assert isinstance(login.authenticate(header(bytes(token[: generator.randint(8, len(token))]))), Refusal)
        assert isinstance(login.authenticate(header(generator.randbytes(60))), Refusal)


def test_the_file_of_accounts_is_its_owners_only(ntlm_users: Path) -> None:
    assert ntlm_users.stat().st_mode & 0o777 == 0o600


def test_a_mapped_client_certificate_is_a_login_where_the_site_says_so() -> None:
    account = Account("labadmin", "correct horse", ("certificate",), https=True)
    assert ConnectionLogin(account, "labadmin").authenticate(MUTUAL_TLS) == Welcome("labadmin")
    assert ConnectionLogin(account, None).authenticate(MUTUAL_TLS) == Refusal(())
    assert ConnectionLogin(ACCOUNT, "labadmin").authenticate(MUTUAL_TLS) == Refusal(("Negotiate",))
    assert ConnectionLogin(account, "labadmin").authenticate(None) == Refusal(())
