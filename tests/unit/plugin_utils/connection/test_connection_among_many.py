# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a transport needs to be one among many: a time limit, a proxy known beforehand, and one login to Kerberos."""

from __future__ import annotations

import os
import pathlib
import stat
import time
import typing as t

import pytest
import winrm_endpoint

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    KmsError,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils import _connection_winrm
from ansible_collections.volact.kms.plugins.plugin_utils._connection import Identity, Ticket, open_transport

Connect = t.Callable[..., t.Any]

PASSWORD = "Canary-of-Kerberos"

#: Writes down how it was called, and what of the environment it saw; refuses one user.
KINIT = """#!/bin/sh
read -r password
echo "$* $password $KRB5CCNAME" >> "$(dirname "$0")/calls"
case "$*" in *nobody*) echo "kinit: Client not found, $password" >&2; exit 1;; esac
"""


@pytest.fixture
def kinit(tmp_path: pathlib.Path) -> pathlib.Path:
    program = tmp_path / "kinit"
    program.write_text(KINIT, "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


@pytest.fixture
def by_kerberos(connect: Connect, kinit: pathlib.Path) -> Connect:
    def make(user: str = "admin@EXAMPLE.TEST", password: str = PASSWORD, **variables: t.Any) -> t.Any:
        settings = {
            "ansible_user": user,
            "ansible_password": password,
            "ansible_winrm_transport": ["kerberos"],
            "ansible_winrm_kinit_cmd": str(kinit),
        }
        return open_transport(connect(5985, **{**settings, **variables}), warn=pytest.fail)

    return make


def calls(kinit: pathlib.Path) -> list[str]:
    file = kinit.with_name("calls")
    return file.read_text("utf-8").splitlines() if file.exists() else []


@pytest.mark.parametrize("kind", ["winrm", "psrp"])
@pytest.mark.parametrize("what", ["stall", "stall_login", "trickle"])
def test_all_requests_together_end_within_the_limit(
    endpoint: winrm_endpoint.Endpoint, connect: Connect, connect_psrp: Connect, kind: str, what: str
) -> None:
    connection = (connect if kind == "winrm" else connect_psrp)(endpoint.port)
    transport = open_transport(connection, warn=pytest.fail)
    setattr(endpoint, what, True)
    began = time.monotonic()
    transport.limit(0.5)
    with pytest.raises((TransportTimeout, TransportLost)):
        transport.send(b"<x/>", read_timeout=60)
    assert time.monotonic() - began < 3
    transport.close()


def test_after_the_limit_nothing_more_is_sent(endpoint: winrm_endpoint.Endpoint, connect: Connect) -> None:
    transport = open_transport(connect(endpoint.port), warn=pytest.fail)
    transport.limit(30)
    transport.send(b"<first/>", read_timeout=60)
    transport.limit(0)
    with pytest.raises(TransportTimeout) as caught:
        transport.send(b"<second/>", read_timeout=60)
    assert "longer than the time limit" in caught.value.message
    assert endpoint.messages == [b"<first/>"]
    transport.close()


@pytest.mark.parametrize(
    ("variables", "environment", "address"),
    [
        ({}, {}, ("192.0.2.1", 5985)),
        ({"ansible_host": "2001:db8::1"}, {}, ("2001:db8::1", 5985)),
        ({"ansible_winrm_proxy": "http://192.0.2.9:3128"}, {}, None),
        ({}, {"http_proxy": "http://192.0.2.9:3128"}, None),
        ({}, {"http_proxy": "http://192.0.2.9:3128", "no_proxy": "192.0.2.1"}, ("192.0.2.1", 5985)),
        ({"ansible_host": "127.0.0.1"}, {"http_proxy": "http://192.0.2.9:3128"}, ("127.0.0.1", 5985)),
    ],
)
def test_a_machine_behind_a_proxy_has_no_address_to_connect_to(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    environment: dict[str, str],
    address: tuple[str, int] | None,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    connection = connect(5985, **{"ansible_host": "192.0.2.1", **variables})
    assert open_transport(connection, warn=pytest.fail).address == address


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, ("192.0.2.1", 5985)),
        ({"ansible_psrp_proxy": "http://192.0.2.9:3128"}, None),
        ({"ansible_psrp_proxy": "http://192.0.2.9:3128", "ansible_psrp_ignore_proxy": True}, ("192.0.2.1", 5985)),
    ],
)
def test_a_machine_behind_a_proxy_of_psrp_has_no_address(
    connect_psrp: Connect, variables: dict[str, t.Any], address: tuple[str, int] | None
) -> None:
    connection = connect_psrp(5985, **{"ansible_host": "192.0.2.1", **variables})
    transport = open_transport(connection, warn=pytest.fail)
    assert transport.address == address
    assert transport.identity is None, "pypsrp keeps its credentials to the connection"


def test_one_login_for_all_who_log_in_alike(by_kerberos: Connect) -> None:
    first = by_kerberos().identity
    assert first is not None
    assert by_kerberos(ansible_host="127.0.0.2").identity == first
    others = [
        by_kerberos(user="other@EXAMPLE.TEST"),
        by_kerberos(password="Canary-of-another"),
        by_kerberos(ansible_winrm_kerberos_delegation=True),
        by_kerberos(ansible_winrm_kinit_args="-f -p"),
    ]
    assert len({first, *(other.identity for other in others)}) == 5
    assert PASSWORD not in repr(first)


@pytest.mark.parametrize(
    "variables",
    [{"ansible_winrm_transport": ["ntlm"]}, {"ansible_winrm_kinit_mode": "manual"}, {"ansible_password": None}],
)
def test_who_needs_no_login_has_no_identity(by_kerberos: Connect, variables: dict[str, t.Any]) -> None:
    assert by_kerberos(**variables).identity is None


def test_a_ticket_is_taken_once_and_leaves_the_environment_alone(
    by_kerberos: Connect, kinit: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for before in ("FILE:/before", None):
        if before is None:
            monkeypatch.delenv("KRB5CCNAME")
        else:
            monkeypatch.setenv("KRB5CCNAME", before)
        ticket = by_kerberos().take_ticket()
        assert ticket.failure is None
        assert ticket.ccache is not None
        assert os.environ.get("KRB5CCNAME") == before
        assert calls(kinit)[-1] == f"admin@EXAMPLE.TEST {PASSWORD} {ticket.ccache}"
        assert pathlib.Path(ticket.ccache.removeprefix("FILE:")).exists(), "as long as the ticket"


def test_whoever_shares_a_ticket_does_not_log_in_again(
    by_kerberos: Connect, kinit: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_winrm, "LIBRARIES", {})
    monkeypatch.setattr("ansible.plugins.connection.winrm.HAVE_KERBEROS", True)
    for _attempt in range(2):
        transport = by_kerberos()
        transport.share_ticket(Ticket("FILE:/shared"))
        with pytest.raises(KmsError):  # pykerberos may be missing, and nobody listens there
            transport.send(b"<x/>", read_timeout=1)
    assert calls(kinit) == []


def test_a_refused_login_is_every_machines_own_error_and_not_tried_again(
    by_kerberos: Connect, kinit: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_winrm, "LIBRARIES", {})
    ticket = by_kerberos(user="nobody@EXAMPLE.TEST").take_ticket()
    assert ticket.ccache is None
    for host in ("127.0.0.1", "127.0.0.2"):
        transport = by_kerberos(user="nobody@EXAMPLE.TEST", ansible_host=host)
        transport.share_ticket(ticket)
        with pytest.raises(AuthenticationRefused) as caught:
            transport.send(b"<x/>", read_timeout=1)
        assert f"http://{host}:5985/wsman with kerberos: " in caught.value.message
        assert "Client not found" in caught.value.message
        assert PASSWORD not in caught.value.message
    assert len(calls(kinit)) == 1


def test_after_a_refused_login_the_next_method_is_tried(
    endpoint: winrm_endpoint.Endpoint, connect: Connect, kinit: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_winrm, "LIBRARIES", {})
    warnings: list[str] = []
    connection = connect(
        endpoint.port, ansible_winrm_transport=["kerberos", "ntlm"], ansible_winrm_kinit_cmd=str(kinit)
    )
    transport = open_transport(connection, warn=warnings.append)
    transport.share_ticket(Ticket(failure="there is no such principal"))
    assert transport.send(b"<x/>", read_timeout=5).status == 200
    transport.close()
    assert len(warnings) == 1
    assert "kerberos did not work, and ntlm was used instead" in warnings[0]


def test_identities_hide_their_password() -> None:
    assert "secret" not in repr(Identity("user", "secret", "kinit"))
