# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's real psrp plugin and pypsrp, as a transport, against an endpoint on loopback."""

from __future__ import annotations

import contextlib
import logging
import types
import typing as t

import pytest
from pypsrp.wsman import WSMan
from winrm_endpoint import PASSWORD, Endpoint

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadReply,
    KmsError,
    MissingLibrary,
    NotSupported,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils import _connection_psrp, _connection_wire
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport, open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply

Connect = t.Callable[..., t.Any]
MESSAGE = b"<question>\xc3\xa4</question>"
FAULT = b"<fault>1234</fault>"
BASIC = {"ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never"}


@contextlib.contextmanager
def transport_of(connection: t.Any) -> t.Iterator[ClosableTransport]:
    transport = open_transport(connection, warn=lambda _message: None)
    try:
        yield transport
    finally:
        transport.close()


def send(connection: t.Any, *, read_timeout: float = 10.0) -> HttpReply:
    with transport_of(connection) as transport:
        return transport.send(MESSAGE, read_timeout=read_timeout)


def test_messages_make_the_round_trip_encrypted_in_one_login(endpoint: Endpoint, connect_psrp: Connect) -> None:
    with transport_of(connect_psrp(endpoint.port)) as transport:
        first = transport.send(MESSAGE, read_timeout=10)
        second = transport.send(b"<more/>", read_timeout=10)
    assert first == HttpReply(200, b"<echo>" + MESSAGE + b"</echo>")
    assert second == HttpReply(200, b"<echo><more/></echo>")
    assert endpoint.messages == [MESSAGE, b"<more/>"], "no message but ours, and no runspace"
    assert endpoint.sealed == 2
    assert endpoint.logins == 1


def test_the_connection_object_stays_unconnected(endpoint: Endpoint, connect_psrp: Connect) -> None:
    connection = connect_psrp(endpoint.port)
    assert send(connection).status == 200
    assert connection.runspace is None
    assert connection._connected is False


def test_the_endpoint_is_known_before_anything_is_sent(endpoint: Endpoint, connect_psrp: Connect) -> None:
    with transport_of(connect_psrp(endpoint.port)) as transport:
        assert transport.endpoint == f"http://127.0.0.1:{endpoint.port}/wsman"
    with transport_of(connect_psrp(5986, ansible_host="2001:db8::5", ansible_psrp_protocol="https")) as transport:
        assert transport.endpoint == "https://[2001:db8::5]:5986/wsman"
    assert endpoint.attempts == []


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@pytest.mark.parametrize("method", ["ntlm", "basic"])
def test_an_http_error_is_a_reply_with_its_decrypted_body(
    endpoint: Endpoint, connect_psrp: Connect, method: str, status: int
) -> None:
    endpoint.methods = ("Basic",) if method == "basic" else ("Negotiate",)
    endpoint.respond = lambda _message: (status, FAULT)
    connection = connect_psrp(endpoint.port, **(BASIC if method == "basic" else {}))
    assert send(connection) == HttpReply(status, FAULT)
    assert endpoint.messages == [MESSAGE], "a status is no reason to ask again"


@pytest.mark.parametrize("variables", [{}, BASIC])
def test_a_wrong_password_is_refused_with_the_variables_of_psrp(
    endpoint: Endpoint, connect_psrp: Connect, variables: dict[str, str]
) -> None:
    endpoint.methods = ("Negotiate", "Basic")
    with pytest.raises(AuthenticationRefused) as caught:
        send(connect_psrp(endpoint.port, ansible_password="Not-this-one", **variables))
    assert "HTTP 401; the server offers Negotiate, Basic" in caught.value.message
    assert "Check ansible_user, ansible_password and ansible_psrp_auth." in caught.value.message
    assert "Not-this-one" not in str(caught.value)
    assert endpoint.all_closed()


def test_a_method_that_the_server_does_not_offer_is_refused(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.methods = ("Basic",)
    with pytest.raises(AuthenticationRefused, match="ansible_psrp_auth"):
        send(connect_psrp(endpoint.port))
    assert endpoint.messages == []


def test_missing_credentials_are_named(endpoint: Endpoint, connect_psrp: Connect) -> None:
    with pytest.raises(AuthenticationRefused, match=r"with basic: For basic auth, the password must be specified\. C"):
        send(connect_psrp(endpoint.port, ansible_password=None, **BASIC))


def test_a_login_that_the_server_fails_is_its_reply(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.login_status = 503
    with transport_of(connect_psrp(endpoint.port)) as transport:
        assert transport.send(MESSAGE, read_timeout=10) == HttpReply(503, b"")
        assert endpoint.messages == []
        endpoint.login_status = 200
        assert transport.send(MESSAGE, read_timeout=10).status == 200


def test_a_server_that_wants_no_login_is_not_sent_anything_in_clear(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.methods = ()
    with pytest.raises(AuthenticationRefused, match="nothing to encrypt with"):
        send(connect_psrp(endpoint.port))
    assert endpoint.messages == []


def test_a_kept_connection_that_the_server_closed_is_replaced_and_the_message_arrives_once(
    endpoint: Endpoint, connect_psrp: Connect
) -> None:
    with transport_of(connect_psrp(endpoint.port)) as transport:
        transport.send(MESSAGE, read_timeout=10)
        endpoint.drop_connections()
        assert transport.send(b"<invoke/>", read_timeout=10) == HttpReply(200, b"<echo><invoke/></echo>")
    assert endpoint.messages == [MESSAGE, b"<invoke/>"]
    assert endpoint.logins == 2


@pytest.mark.parametrize("retries", [0, 2])
def test_a_connection_lost_after_sending_is_reported_and_the_message_is_not_sent_again(
    endpoint: Endpoint, connect_psrp: Connect, retries: int
) -> None:
    endpoint.close_before_reply = True
    variables = {"ansible_psrp_reconnection_retries": retries, "ansible_psrp_reconnection_backoff": 0}
    with pytest.raises(TransportLost, match="Lost the connection before a whole reply came from") as caught:
        send(connect_psrp(endpoint.port, **variables))
    assert caught.value.sent is True
    assert endpoint.messages == [MESSAGE]


def test_a_reply_that_does_not_come_leaves_the_outcome_unknown(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.stall = True
    with pytest.raises(TransportTimeout, match=r"did not answer within 0\.3 s"):
        send(connect_psrp(endpoint.port), read_timeout=0.3)


def test_a_login_that_stalls_is_a_lost_connection(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.stall_login = True
    with pytest.raises(TransportLost) as caught:
        send(connect_psrp(endpoint.port, ansible_psrp_read_timeout=1))
    assert caught.value.sent is False


def test_a_reply_over_the_limit_is_not_read_to_its_end(
    endpoint: Endpoint, connect_psrp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_wire, "REPLY_LIMIT", 2**20)
    endpoint.respond = lambda _message: (200, b"x" * (2**20 + 1))
    with pytest.raises(BadReply, match="larger than 1 MiB"):
        send(connect_psrp(endpoint.port))


def test_a_clear_text_answer_to_an_encrypted_message_is_not_believed(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.seal_replies = False
    with pytest.raises(BadReply, match="clear text, though encryption was agreed on"):
        send(connect_psrp(endpoint.port))


def test_a_reply_that_cannot_be_decrypted_is_a_bad_reply(endpoint: Endpoint, connect_psrp: Connect) -> None:
    endpoint.corrupt_replies = True
    with pytest.raises(BadReply, match="could not be decrypted"):
        send(connect_psrp(endpoint.port))


def test_a_session_that_ansible_opened_already_is_shared_and_left_open(
    endpoint: Endpoint, connect_psrp: Connect
) -> None:
    connection = connect_psrp(endpoint.port)
    connection._build_kwargs()
    wsman = WSMan(**connection._psrp_conn_kwargs)
    wsman.transport.send(b"<ansible/>")
    connection.runspace = types.SimpleNamespace(connection=wsman)
    assert send(connection).status == 200
    wsman.transport.send(b"<ansible/>")
    connection.runspace = None
    assert endpoint.messages == [b"<ansible/>", MESSAGE, b"<ansible/>"]
    assert endpoint.logins == 1


def test_nothing_of_a_message_is_logged_at_debug(
    endpoint: Endpoint, connect_psrp: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect_psrp(endpoint.port)
    caplog.set_level(logging.DEBUG)
    logging.getLogger("pypsrp").setLevel(logging.DEBUG)
    assert send(connection).status == 200
    assert "question" not in caplog.text
    assert PASSWORD not in caplog.text
    assert "pypsrp" in {record.name.partition(".")[0] for record in caplog.records}, "pypsrp logged nothing at all"


def test_a_proxy_of_the_environment_is_not_used_for_loopback(
    endpoint: Endpoint, connect_psrp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert send(connect_psrp(endpoint.port)).status == 200


@pytest.mark.parametrize(
    ("host", "proxy", "expected"),
    [("127.8.9.1", None, True), ("192.0.2.5", None, False), ("127.0.0.1", "http://proxy.example.test:3128", False)],
)
def test_only_a_proxy_of_the_environment_is_left_out_and_only_for_loopback(
    host: str, proxy: str | None, expected: bool
) -> None:
    transport = types.SimpleNamespace(endpoint=f"http://{host}:5985/wsman", proxy=proxy, no_proxy=False)
    _connection_psrp.bypass_environment_proxy(transport)
    assert transport.no_proxy is expected


def test_a_session_configuration_of_its_own_is_refused_because_it_would_be_bypassed(connect_psrp: Connect) -> None:
    with pytest.raises(NotSupported) as caught:
        send(connect_psrp(5985, ansible_psrp_configuration_name="JEA.Helpdesk"))
    assert "configuration 'JEA.Helpdesk'" in caught.value.message
    assert "volact.kms would bypass it" in caught.value.message
    assert "ansible_psrp_configuration_name" in caught.value.message


def test_the_default_configuration_may_be_written_in_any_case(endpoint: Endpoint, connect_psrp: Connect) -> None:
    connection = connect_psrp(endpoint.port, ansible_psrp_configuration_name="microsoft.powershell")
    assert send(connection).status == 200


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"ansible_psrp_auth": "basic"}, "PSRP settings of the machine cannot be used: Cannot use message encryption"),
        ({"ansible_psrp_auth": "certificate"}, "Cannot use message encryption with auth 'certificate'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_anything_is_sent(
    connect_psrp: Connect, variables: dict[str, str], sentence: str
) -> None:
    with pytest.raises(NotSupported, match=sentence) as caught:
        send(connect_psrp(5985, **variables))
    assert "Check ansible_psrp_auth: basic, certificate, credssp" in caught.value.message


def test_without_pypsrp_the_package_and_the_command_are_named(
    connect_psrp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_psrp, "HAS_PYPSRP", False)
    with pytest.raises(MissingLibrary, match=r"pypsrp \(0\.8\.0 or later\).* -m pip install"):
        send(connect_psrp(5985))


def test_a_missing_library_of_the_method_is_named_with_its_fix(
    connect_psrp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"kerberos": ("no_such_module", "pypsrp[kerberos]", "0.8.0")}
    monkeypatch.setattr(_connection_psrp, "LIBRARIES", missing)
    with pytest.raises(KmsError, match=r"pypsrp\[kerberos\] .*for ansible_psrp_auth=kerberos") as caught:
        send(connect_psrp(5985, ansible_psrp_auth="kerberos"))
    assert isinstance(caught.value, MissingLibrary)


def test_tls_hints_name_the_variables_of_psrp(endpoint: Endpoint, connect_psrp: Connect) -> None:
    with pytest.raises(TransportLost, match="Set ansible_psrp_protocol to http if the port has no TLS"):
        send(connect_psrp(endpoint.port, ansible_psrp_protocol="https"))
