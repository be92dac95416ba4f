# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each machine was offered, accounts of single machines, and addresses at which nothing answers."""

from __future__ import annotations

import base64
import socket
from pathlib import Path

import pytest
import spnego
import yaml

from lab.shell.authentication import ConnectionLogin, Gate, Refusal, Welcome, write_ntlm_users
from lab.shell.black_hole import BlackHole
from lab.shell.errors import UsageError
from lab.shell.offers import Offer, Offers, ntlm_user
from lab.shell.settings import Account, own_account
from lab.shell.site_file import read_site_file

DOMAIN = "corp.example.test"
SITE_ACCOUNT = Account("labadmin", "correct horse", ("ntlm", "basic"))


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def log_in_by_ntlm(login: ConnectionLogin, user: str, password: str, protocol: str = "ntlm") -> Welcome | Refusal:
    context = spnego.client(user, password, hostname="win01", service="http", protocol=protocol)
    token = context.step()
    for _ in range(3):
        verdict = login.authenticate(f"Negotiate {base64.b64encode(token or b'').decode()}")
        if isinstance(verdict, Welcome):
            return verdict
        challenge = verdict.headers[0].partition(" ")[2]
        if not challenge:
            return verdict
        token = context.step(base64.b64decode(challenge))
    raise AssertionError("the login does not end")


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Offers, dict[str, Gate]]:
    """Two machines, each with an account of the same name and a password of its own."""
    monkeypatch.setenv("NTLM_USER_FILE", "")
    offers, found = Offers(), {}
    for machine in ("win01", "win02"):
        account = own_account(SITE_ACCOUNT, {"password": f"of {machine}"}, machine)
        write_ntlm_users(tmp_path / machine, account, DOMAIN)
        found[machine] = Gate(
            account,
            tmp_path / machine,
            lambda offer, machine=machine: offers.record(machine, offer),  # type: ignore[misc]
        )
    return offers, found


@pytest.mark.parametrize("protocol", ["ntlm", "negotiate"])
def test_a_machine_takes_its_own_password_and_no_other(gates: tuple[Offers, dict[str, Gate]], protocol: str) -> None:
    _offers, by_name = gates
    first, second = by_name["win01"].login(None), by_name["win02"].login(None)
    assert isinstance(log_in_by_ntlm(first, "labadmin", "of win01", protocol), Welcome)
    assert isinstance(log_in_by_ntlm(second, "labadmin", "of win01", protocol), Refusal)
    assert isinstance(log_in_by_ntlm(second, "labadmin", "of win02", protocol), Welcome)
    assert first.authenticate(basic("labadmin", "of win01")) == Welcome("labadmin")
    assert isinstance(first.authenticate(basic("labadmin", "correct horse")), Refusal)


def test_every_offer_is_on_record_once(gates: tuple[Offers, dict[str, Gate]]) -> None:
    offers, by_name = gates
    for password in ("wrong", "of win01", "wrong"):
        by_name["win01"].login(None).authenticate(basic("labadmin", password))
    log_in_by_ntlm(by_name["win02"].login(None), "labadmin", "wrong")
    log_in_by_ntlm(by_name["win02"].login(None), "labadmin", "of win02")
    found = offers.read(reset=True)
    assert found["win01"] == [
        {"scheme": "basic", "user": "labadmin", "password": "wrong", "accepted": False},
        {"scheme": "basic", "user": "labadmin", "password": "of win01", "accepted": True},
    ]
    assert found["win02"] == [
        {"scheme": "negotiate", "user": "labadmin", "password": None, "accepted": False},
        {"scheme": "negotiate", "user": "labadmin", "password": None, "accepted": True},
    ]
    assert offers.read(reset=False) == {}


def test_basic_is_on_record_where_it_is_not_taken() -> None:
    told: list[Offer] = []
    account = Account("labadmin", "correct horse", ("ntlm",))
    verdict = ConnectionLogin(account, record=told.append).authenticate(basic("labadmin", "correct horse"))
    assert verdict == Refusal(("Negotiate",))
    assert told == [Offer("basic", "labadmin", "correct horse", False)]


@pytest.mark.parametrize("token", [b"", b"NTLMSSP\0\1\0\0\0", b"NTLMSSP\0\3\0\0\0short"])
def test_no_user_is_read_from_another_token(token: bytes) -> None:
    assert ntlm_user(token) is None


def site_file(folder: Path, **machine: object) -> Path:
    document = {"domain": DOMAIN, "machines": {"win[01:02]": {"os": "windows-11-enterprise"}, "own": machine}}
    file = folder / "site.yml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file


def test_a_site_file_gives_a_machine_an_account_of_its_own(tmp_path: Path) -> None:
    own = {"os": "windows-11-enterprise", "account": {"user": "other", "password": "own"}}
    site = read_site_file(site_file(tmp_path, **own))
    assert (site.account_of("own").user, site.account_of("own").password) == ("other", "own")
    assert site.account_of("win01") == site.account


def test_a_wrong_account_of_a_machine_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'name' is not a name in `account` of `own`; valid names are user, password"):
        read_site_file(site_file(tmp_path, os="windows-11-enterprise", account={"name": "x"}))


def test_nothing_answers_in_a_black_hole_until_it_is_closed() -> None:
    address = "127.99.99.99"
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    hole = BlackHole(address, port)
    try:
        with socket.socket() as client:
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.connect((address, port))
    finally:
        hole.close()
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((address, port))


def test_a_black_hole_on_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.99.99.98", 0))
        taken.listen()
        with pytest.raises(OSError):
            BlackHole(*taken.getsockname())
