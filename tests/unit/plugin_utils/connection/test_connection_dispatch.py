# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that cannot be used, settings that make no sense, and errors of the libraries below: no network."""

from __future__ import annotations

import ssl
import types
import typing as t

import pytest
import requests
import urllib3
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from winrm.exceptions import InvalidCredentialsError, WinRMError

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadInput,
    KmsError,
    MissingLibrary,
    NotSupported,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils import _connection_winrm
from ansible_collections.volact.kms.plugins.plugin_utils._connection import open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._connection_errors import WINRM, Peer, named_errors

ENDPOINT = "http://192.0.2.5:5985/wsman"
PEER = Peer(ENDPOINT, WINRM)
Connect = t.Callable[..., t.Any]


def ignore(_message: str) -> None:
    """Take a warning that the test is not about."""


@pytest.mark.parametrize("kind", ["local", "ssh", "community.aws.aws_ssm"])
def test_any_other_connection_is_refused_with_ansible_connection_and_delegate_to(kind: str) -> None:
    connection: t.Any = types.SimpleNamespace(transport=kind)
    with pytest.raises(NotSupported) as caught:
        open_transport(connection, warn=ignore)
    assert f"has the connection '{kind}'" in caught.value.message
    assert "Set ansible_connection to winrm or psrp" in caught.value.message
    assert "delegate_to: localhost" in caught.value.message


def test_without_pywinrm_the_package_the_interpreter_and_the_command_are_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_connection_winrm, "HAS_PYWINRM", False)
    with pytest.raises(MissingLibrary, match=r"pywinrm \(0\.4\.3 or later\).* -m pip install"):
        open_transport(connect(5985), warn=ignore)


def test_a_method_that_pywinrm_does_not_know_is_refused_before_anything_is_sent(connect: Connect) -> None:
    with pytest.raises(NotSupported, match=r"telepathy.*Check ansible_winrm_transport"):
        open_transport(connect(5985, ansible_winrm_transport=["telepathy"]), warn=ignore)


def test_missing_credentials_are_named_as_ansible_says_it(connect: Connect) -> None:
    transport = open_transport(connect(5985, ansible_password=None), warn=ignore)
    with pytest.raises(AuthenticationRefused, match=r"with ntlm: auth method ntlm requires a password\. Check"):
        transport.send(b"", read_timeout=1)


@pytest.mark.parametrize("error", [AnsibleConnectionFailure("kinit failed"), AnsibleError("kinit failed")])
def test_the_connection_object_is_restored_when_ansible_cannot_connect(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    connection = connect(5985, ansible_winrm_transport=["ntlm", "basic"])

    def fail() -> None:
        assert len(connection._winrm_transport) == 1, "one method at a time"
        assert connection.shell_id, "or a shell would be opened"
        raise error

    monkeypatch.setattr(connection, "_winrm_connect", fail)
    with pytest.raises(AuthenticationRefused, match=r"No method .* worked .* kinit failed"):
        open_transport(connection, warn=ignore).send(b"", read_timeout=1)
    assert connection.shell_id is None
    assert connection._winrm_transport == ["ntlm", "basic"]


def tls_error(cause: ssl.SSLError | None = None) -> requests.exceptions.SSLError:
    error = requests.exceptions.SSLError("as requests wraps it")
    error.__context__ = cause
    return error


def untrusted() -> requests.exceptions.SSLError:
    cause = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1)")
    cause.verify_message = "expired."
    return tls_error(cause)


def alert() -> requests.exceptions.SSLError:
    cause = ssl.SSLError(1, "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca (_ssl.c:1)")
    cause.reason = "TLSV1_ALERT_UNKNOWN_CA"
    return tls_error(cause)


def ended() -> requests.exceptions.SSLError:
    return tls_error(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))


@pytest.mark.parametrize(
    ("raised", "expected", "text"),
    [
        (InvalidCredentialsError("no"), AuthenticationRefused, "refused the credentials (HTTP 401)"),
        (WinRMError("requested auth method is unknown"), NotSupported, "requested auth method is unknown"),
        (requests.exceptions.ReadTimeout("slow"), TransportTimeout, "did not answer within 75 s"),
        (requests.exceptions.ConnectTimeout("slow"), TransportLost, "Check that the machine is on"),
        (requests.exceptions.ConnectionError("gone"), TransportLost, "Lost the connection"),
        (tls_error(), TransportLost, "Set ansible_winrm_scheme to http if the port has no TLS"),
        (
            untrusted(),
            TransportLost,
            "Did not trust the certificate of http://192.0.2.5:5985/wsman: expired. The machine",
        ),
        (untrusted(), TransportLost, "ansible_winrm_ca_trust_path the certificate of the authority"),
        (alert(), TransportLost, "check ansible_winrm_cert_pem if it is set"),
        (ended(), TransportLost, "Lost the connection before a whole reply came"),
        (requests.exceptions.ProxyError("no"), TransportLost, "ansible_winrm_proxy"),
        (requests.exceptions.InvalidURL("no host"), BadInput, "Check ansible_host"),
        (urllib3.exceptions.ProtocolError("broken", ConnectionResetError(104, "Reset")), TransportLost, "Lost the"),
        (PermissionError("no challenge"), AuthenticationRefused, "the login broke off: no challenge"),
        (requests.exceptions.RequestException("mutual"), AuthenticationRefused, "the login broke off: mutual"),
        (OSError("no CA bundle at /nowhere"), BadInput, "no CA bundle at /nowhere"),
    ],
)
def test_each_error_of_the_libraries_becomes_one_sentence(
    raised: Exception, expected: type[KmsError], text: str
) -> None:
    with pytest.raises(expected) as caught, named_errors(PEER, 75.0):
        raise raised
    assert type(caught.value) is expected
    assert text in caught.value.message
    assert ENDPOINT in caught.value.message
    assert "\n" not in caught.value.message


def test_while_only_logging_in_a_timeout_is_a_lost_connection() -> None:
    with pytest.raises(TransportLost), named_errors(PEER, None):
        raise requests.exceptions.ReadTimeout("slow")


def test_our_own_errors_pass_unchanged() -> None:
    error = BadInput("ours")
    with pytest.raises(BadInput) as caught, named_errors(PEER, None):
        raise error
    assert caught.value is error


def test_the_reason_is_the_operating_systems_and_not_the_wrapping() -> None:
    cause = ConnectionRefusedError(111, "Connection refused")
    wrapped = requests.exceptions.ConnectionError("HTTPConnectionPool(...): Max retries exceeded")
    wrapped.__context__ = cause
    with pytest.raises(TransportLost) as caught, named_errors(PEER, 1.0):
        raise wrapped
    assert ": Connection refused. " in caught.value.message
    assert "Max retries" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "proxy", "expected"),
    [
        ("127.8.9.1", "legacy_requests", None),
        ("[::1]", "legacy_requests", None),
        ("localhost", "legacy_requests", None),
        ("192.0.2.5", "legacy_requests", "legacy_requests"),
        ("win01.example.test", "legacy_requests", "legacy_requests"),
        ("127.0.0.1", "http://proxy.example.test:3128", "http://proxy.example.test:3128"),
    ],
)
def test_only_a_proxy_of_the_environment_is_left_out_and_only_for_loopback(
    host: str, proxy: str, expected: str | None
) -> None:
    transport = types.SimpleNamespace(endpoint=f"http://{host}:5985/wsman", proxy=proxy)
    _connection_winrm.bypass_environment_proxy(transport)
    assert transport.proxy == expected
