# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible's real winrm plugin and pywinrm, as a transport, against an endpoint on loopback."""

from __future__ import annotations

import contextlib
import socket
import typing as t

import pytest
from winrm_endpoint import Endpoint

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadReply,
    MissingLibrary,
    NotSupported,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils import _connection_winrm, _connection_wire
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport, open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply

Connect = t.Callable[..., t.Any]
MESSAGE = b"<question>\xc3\xa4</question>"
FAULT = b"<fault>1234</fault>"


@contextlib.contextmanager
def transport_of(connection: t.Any) -> t.Iterator[tuple[ClosableTransport, list[str]]]:
    """The transport of a connection, and the warnings it gives."""
    warnings: list[str] = []
    transport = open_transport(connection, warn=warnings.append)
    try:
        yield transport, warnings
    finally:
        transport.close()


def send(connection: t.Any, *, read_timeout: float = 10.0) -> HttpReply:
    with transport_of(connection) as (transport, _warnings):
        return transport.send(MESSAGE, read_timeout=read_timeout)


def test_ntlm_messages_make_the_round_trip_encrypted(endpoint: Endpoint, connect: Connect) -> None:
    with transport_of(connect(endpoint.port)) as (transport, warnings):
        first = transport.send(MESSAGE, read_timeout=10)
        second = transport.send(b"<more/>", read_timeout=10)
    assert first == HttpReply(200, b"<echo>" + MESSAGE + b"</echo>")
    assert second == HttpReply(200, b"<echo><more/></echo>")
    assert endpoint.messages == [MESSAGE, b"<more/>"]
    assert endpoint.logins == 1, "both messages belong to one login"
    assert warnings == []


def test_no_message_but_ours_arrives_and_the_connection_object_stays_unconnected(
    endpoint: Endpoint, connect: Connect
) -> None:
    connection = connect(endpoint.port, ansible_winrm_transport=["ntlm", "basic"])
    assert send(connection).status == 200
    assert endpoint.messages == [MESSAGE], "Ansible would have sent a Create for a shell first"
    assert connection.protocol is None
    assert connection.shell_id is None
    assert connection._connected is False
    assert connection._winrm_transport == ["ntlm", "basic"]


def test_the_endpoint_is_known_before_anything_is_sent(endpoint: Endpoint, connect: Connect) -> None:
    with transport_of(connect(endpoint.port)) as (transport, _warnings):
        assert transport.endpoint == f"http://127.0.0.1:{endpoint.port}/wsman"
    with transport_of(connect(5985, ansible_host="2001:db8::5")) as (transport, _warnings):
        assert transport.endpoint == "http://[2001:db8::5]:5985/wsman"
    assert endpoint.attempts == []


@pytest.mark.parametrize("status", [400, 404, 500, 503])
@pytest.mark.parametrize("methods", [("Negotiate", "ntlm"), ("Basic", "basic")])
def test_an_http_error_is_a_reply_with_its_decrypted_body(
    endpoint: Endpoint, connect: Connect, methods: tuple[str, str], status: int
) -> None:
    offered, method = methods
    endpoint.methods = (offered,)
    endpoint.respond = lambda _message: (status, FAULT)
    connection = connect(endpoint.port, ansible_winrm_transport=[method])
    with transport_of(connection) as (transport, _warnings):
        assert transport.send(MESSAGE, read_timeout=10) == HttpReply(status, FAULT)
        assert transport.send(MESSAGE, read_timeout=10) == HttpReply(status, FAULT)


def test_a_redirect_is_not_followed(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.respond = lambda _message: (307, b"")
    endpoint.headers = {"Location": f"http://127.0.0.1:{endpoint.port}/wsman"}
    assert send(connect(endpoint.port)).status == 307
    assert len(endpoint.messages) == 1


def test_basic_authentication_works(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.methods = ("Basic",)
    assert send(connect(endpoint.port, ansible_winrm_transport=["basic"])).body == b"<echo>" + MESSAGE + b"</echo>"


@pytest.mark.parametrize("method", ["ntlm", "basic"])
def test_a_wrong_password_is_refused_with_the_variables_to_check(
    endpoint: Endpoint, connect: Connect, method: str
) -> None:
    endpoint.methods = ("Negotiate", "Basic")
    with pytest.raises(AuthenticationRefused) as caught:
        send(connect(endpoint.port, ansible_winrm_transport=[method], ansible_password="Not-this-one"))
    text = caught.value.message
    assert f"http://127.0.0.1:{endpoint.port}/wsman refused the credentials" in text
    assert "HTTP 401; the server offers Negotiate" in text
    assert "ansible_user, ansible_password and ansible_winrm_transport" in text
    assert "Not-this-one" not in text
    assert endpoint.messages == []


def test_the_next_method_is_used_when_the_first_is_refused_and_is_remembered(
    endpoint: Endpoint, connect: Connect
) -> None:
    endpoint.methods = ("Basic",)
    with transport_of(connect(endpoint.port, ansible_winrm_transport=["ntlm", "basic"])) as (transport, warnings):
        assert transport.send(MESSAGE, read_timeout=10).status == 200
        transport.close()
        assert transport.send(MESSAGE, read_timeout=10).status == 200
    assert warnings == ["ansible_winrm_transport: ntlm did not work, and basic was used instead."]
    assert endpoint.attempts == ["Basic", "Basic"], "ntlm is not tried again"


def test_the_next_method_is_used_when_the_library_of_the_first_is_missing(
    endpoint: Endpoint, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_winrm, "LIBRARIES", {"kerberos": ("no_such_module", "pykerberos", "1.2.1")})
    connection = connect(endpoint.port, ansible_winrm_transport=["kerberos", "ntlm"])
    with transport_of(connection) as (transport, warnings):
        assert transport.send(MESSAGE, read_timeout=10).status == 200
    assert warnings == ["ansible_winrm_transport: kerberos did not work, and ntlm was used instead."]


def test_a_missing_library_of_the_only_method_is_named_with_its_fix(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_winrm, "LIBRARIES", {"kerberos": ("no_such_module", "pykerberos", "1.2.1")})
    with pytest.raises(MissingLibrary, match=r"pip install 'pykerberos>=1\.2\.1'"):
        send(connect(5985, ansible_winrm_transport=["kerberos"]))


def test_when_no_method_works_each_reason_is_told(endpoint: Endpoint, connect: Connect) -> None:
    variables = {"ansible_winrm_transport": ["ntlm", "basic"], "ansible_password": "Not-this-one"}
    with pytest.raises(AuthenticationRefused, match=r"No method .* worked .* ntlm: .* basic: ") as caught:
        send(connect(endpoint.port, **variables))
    assert "Not-this-one" not in caught.value.message


def test_encryption_that_the_method_cannot_do_is_never_given_up_silently(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.methods = ("Basic",)
    variables = {"ansible_winrm_transport": ["basic"], "ansible_winrm_message_encryption": "always"}
    with pytest.raises(NotSupported, match="message encryption is set to 'always'"):
        send(connect(endpoint.port, **variables))
    assert endpoint.messages == []


def test_a_login_that_fails_otherwise_is_a_reply_and_nothing_is_sent_in_clear_text(
    endpoint: Endpoint, connect: Connect
) -> None:
    endpoint.login_status = 503
    with transport_of(connect(endpoint.port)) as (transport, _warnings):
        assert transport.send(MESSAGE, read_timeout=10) == HttpReply(503, b"")
        assert transport.send(MESSAGE, read_timeout=10) == HttpReply(503, b"")
        assert endpoint.messages == []
        endpoint.login_status = 200
        assert transport.send(MESSAGE, read_timeout=10).status == 200


def test_a_kept_connection_that_the_server_closed_is_replaced_and_the_message_arrives_once(
    endpoint: Endpoint, connect: Connect
) -> None:
    with transport_of(connect(endpoint.port)) as (transport, _warnings):
        transport.send(MESSAGE, read_timeout=10)
        endpoint.drop_connections()
        assert transport.send(b"<invoke/>", read_timeout=10) == HttpReply(200, b"<echo><invoke/></echo>")
    assert endpoint.messages == [MESSAGE, b"<invoke/>"]
    assert endpoint.logins == 2


def test_a_connection_lost_after_sending_is_reported_and_the_message_is_not_sent_again(
    endpoint: Endpoint, connect: Connect
) -> None:
    endpoint.close_before_reply = True
    with transport_of(connect(endpoint.port)) as (transport, _warnings):
        with pytest.raises(TransportLost, match="Lost the connection before a whole reply came from"):
            transport.send(MESSAGE, read_timeout=10)
        assert endpoint.messages == [MESSAGE]
        endpoint.close_before_reply = False
        assert transport.send(b"<next/>", read_timeout=10).status == 200
    assert endpoint.messages == [MESSAGE, b"<next/>"]


def test_a_dead_port_is_lost_with_what_to_check(connect: Connect) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(TransportLost) as caught:
            send(connect(port))
    assert caught.value.message == (
        f"Could not connect to http://127.0.0.1:{port}/wsman: Connection refused. "
        f"Check that the machine is on, that WinRM listens on port {port}, and firewalls between."
    )


def test_plain_http_where_tls_is_wanted_names_the_certificate_variables(endpoint: Endpoint, connect: Connect) -> None:
    with pytest.raises(TransportLost, match=r"Could not agree on TLS with https.*ansible_winrm_scheme to http"):
        send(connect(endpoint.port, ansible_winrm_scheme="https"))


def test_a_reply_that_does_not_come_leaves_the_outcome_unknown(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.stall = True
    with pytest.raises(TransportTimeout, match=r"did not answer within 0\.3 s\. .* outcome is unknown"):
        send(connect(endpoint.port), read_timeout=0.3)
    assert endpoint.messages == [MESSAGE]


def test_a_reply_that_trickles_in_meets_the_same_deadline(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.trickle = True
    with pytest.raises(TransportTimeout, match=r"did not answer within 0\.5 s"):
        send(connect(endpoint.port), read_timeout=0.5)


def test_every_connection_is_closed_whatever_happened_on_it(endpoint: Endpoint, connect: Connect) -> None:
    assert send(connect(endpoint.port)).status == 200
    assert endpoint.all_closed(), "after a success"
    connection = connect(endpoint.port, ansible_password="Not-this-one")
    with transport_of(connection) as (transport, _warnings):
        with pytest.raises(AuthenticationRefused):
            transport.send(MESSAGE, read_timeout=10)
        assert endpoint.all_closed(), "after a refusal, before the transport is closed"
    assert endpoint.logged_in, "there were connections"


def test_a_login_that_stalls_is_a_lost_connection_because_nothing_was_asked_yet(
    endpoint: Endpoint, connect: Connect
) -> None:
    endpoint.stall_login = True
    variables = {"ansible_winrm_read_timeout_sec": 2, "ansible_winrm_operation_timeout_sec": 1}
    with pytest.raises(TransportLost):
        send(connect(endpoint.port, **variables))
    assert endpoint.messages == []


@pytest.mark.parametrize("declared", [True, False])
def test_a_reply_over_the_limit_is_not_read_to_its_end(
    endpoint: Endpoint, connect: Connect, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    monkeypatch.setattr(_connection_wire, "REPLY_LIMIT", 2**20)
    endpoint.respond = lambda _message: (200, b"x" * (2**20 + 1))
    if not declared:
        endpoint.headers = {"Transfer-Encoding": "chunked"}
    with pytest.raises(BadReply, match="larger than 1 MiB"):
        send(connect(endpoint.port))


def test_a_compressed_reply_is_refused(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(BadReply, match="compressed reply"):
        send(connect(endpoint.port))


def test_a_clear_text_answer_to_an_encrypted_message_is_not_believed(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.seal_replies = False
    with transport_of(connect(endpoint.port)) as (transport, _warnings):
        with pytest.raises(BadReply, match="clear text, though encryption was agreed on"):
            transport.send(MESSAGE, read_timeout=10)
        endpoint.respond = lambda _message: (500, FAULT)
        assert transport.send(MESSAGE, read_timeout=10) == HttpReply(500, b"")


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_reply_that_cannot_be_decrypted_is_a_bad_reply_and_ends_the_link(
    endpoint: Endpoint, connect: Connect, earlier: int
) -> None:
    with transport_of(connect(endpoint.port)) as (transport, _warnings):
        for _number in range(earlier):
            transport.send(MESSAGE, read_timeout=10)
        endpoint.corrupt_replies = True
        with pytest.raises(BadReply, match="could not be decrypted"):
            transport.send(MESSAGE, read_timeout=10)
        endpoint.corrupt_replies = False
        assert transport.send(MESSAGE, read_timeout=10).status == 200
    assert endpoint.logins == 2


def test_a_proxy_of_the_environment_is_not_used_for_loopback(
    endpoint: Endpoint, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert send(connect(endpoint.port)).status == 200


def test_a_connection_that_ansible_opened_already_is_shared_and_left_open(endpoint: Endpoint, connect: Connect) -> None:
    connection = connect(endpoint.port)
    connection._build_winrm_kwargs()
    connection.shell_id = "a shell"
    connection.protocol = connection._winrm_connect()
    connection.protocol.transport.send_message(b"<ansible/>")
    assert send(connection).status == 200
    connection.protocol.transport.send_message(b"<ansible/>")
    assert endpoint.messages == [b"<ansible/>", MESSAGE, b"<ansible/>"]
    assert endpoint.logins == 1
    assert connection.shell_id == "a shell"
