# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is the same for every request of a link is worked out once."""

from __future__ import annotations

import pathlib
import types
import typing as t

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth

from ansible_collections.volact.kms.plugins.plugin_utils import _connection_link, _connection_winrm, _connection_wire
from ansible_collections.volact.kms.plugins.plugin_utils._connection_errors import WINRM, Peer

ENDPOINT = "http://192.0.2.1:5985/wsman"
PEER = Peer(ENDPOINT, WINRM)


class EveryTime(AuthBase):
    """An authentication with a state: it has to see each request."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self.seen += 1
        request.headers["Authorization"] = f"Negotiate {self.seen}"
        return request


def pywinrm(auth: t.Any, endpoint: str = ENDPOINT) -> t.Any:
    session = requests.Session()
    session.auth = auth
    session.headers["Content-Type"] = "application/soap+xml;charset=UTF-8"
    transport = types.SimpleNamespace(session=session, encryption=None, endpoint=endpoint, read_timeout_sec=30)
    return _connection_winrm._Pywinrm(transport)


@pytest.mark.parametrize("envelope", [b"<first/>", b"<a longer one/>"])
def test_a_request_with_basic_is_what_requests_would_make_of_it(envelope: bytes) -> None:
    library = pywinrm(HTTPBasicAuth("user", "password"))
    library.prepare(b"<another before it/>")
    prepared = library.prepare(envelope)
    expected = library.session.prepare_request(requests.Request("POST", ENDPOINT, data=envelope))
    assert (prepared.method, prepared.url, prepared.body) == (expected.method, expected.url, expected.body)
    assert prepared.headers == expected.headers


def test_a_request_with_basic_has_no_cookies() -> None:
    library = pywinrm(HTTPBasicAuth("user", "password"))
    library.session.cookies.set("name", "value", domain="192.0.2.1")
    assert "Cookie" in library.session.prepare_request(requests.Request("POST", ENDPOINT)).headers
    assert "Cookie" not in library.prepare(b"<x/>").headers


def test_an_authentication_with_a_state_sees_each_request() -> None:
    auth = EveryTime()
    library = pywinrm(auth)
    assert [library.prepare(b"<x/>").headers["Authorization"] for _ in range(2)] == ["Negotiate 1", "Negotiate 2"]


def test_the_environment_is_searched_for_proxies_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    sent: list[dict[str, t.Any]] = []

    def resolve(request: requests.PreparedRequest, _proxies: t.Any, _trust: bool) -> dict[str, str]:
        looked.append(str(request.url))
        return {"http": "http://proxy.example.test"}

    def send(_adapter: HTTPAdapter, prepared: requests.PreparedRequest, **options: t.Any) -> requests.Response:
        sent.append(options)
        return answer(prepared)

    monkeypatch.setattr(_connection_link, "resolve_proxies", resolve)
    monkeypatch.setattr(HTTPAdapter, "send", send)
    link = _connection_link.Link(pywinrm(HTTPBasicAuth("user", "password")), PEER, "basic", owned=True)
    for _ in range(3):
        link.post(b"<x/>", 60.0)
    assert looked == [ENDPOINT]
    assert [options["proxies"] for options in sent] == [{"http": "http://proxy.example.test"}] * 3


def test_a_connection_of_a_session_is_used_without_it_and_checks_what_the_session_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    authority, certificate = tmp_path / "ca.pem", tmp_path / "client.pem"
    authority.touch()
    certificate.touch()
    wires: list[tuple[urllib3.HTTPSConnectionPool, list[tuple[t.Any, ...]]]] = []

    class Wire:
        def __init__(self, pool: urllib3.HTTPSConnectionPool, reached: str) -> None:
            assert reached == endpoint
            self.exchanged: list[tuple[t.Any, ...]] = []
            wires.append((pool, self.exchanged))

        def exchange(self, prepared: requests.PreparedRequest, *times: float) -> _connection_wire.Received:
            self.exchanged.append((prepared.url, prepared.body, *times))
            return _connection_wire.Received(200, {}, b"")

    monkeypatch.setattr(_connection_link, "Wire", Wire)
    endpoint = "https://192.0.2.1:5986/wsman"
    library = pywinrm(HTTPBasicAuth("user", "password"), endpoint)
    library.session.verify, library.session.cert = str(authority), str(certificate)
    link = _connection_link.Link(library, Peer(endpoint, WINRM), "basic", owned=True)
    for _ in range(2):
        link.post(b"<x/>", 60.0)
    ((pool, exchanged),) = wires
    assert exchanged == [(endpoint, b"<x/>", 30.0, 60.0)] * 2
    assert (pool.cert_reqs, pool.ca_certs, pool.cert_file) == ("CERT_REQUIRED", str(authority), str(certificate))


def test_a_reply_goes_to_the_hooks_of_an_authentication_that_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[str] = []

    class Hooked(AuthBase):
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.register_hook("response", lambda response, **_options: answered.append(response.url))
            return request

    monkeypatch.setattr(HTTPAdapter, "send", lambda _adapter, prepared, **_options: answer(prepared))
    _connection_link.Link(pywinrm(Hooked()), PEER, "ntlm", owned=True, proxied=False).post(b"<x/>", 60.0)
    assert answered == [ENDPOINT]


def test_requests_that_keeps_its_connections_to_itself_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def send(_adapter: HTTPAdapter, prepared: requests.PreparedRequest, **_options: t.Any) -> requests.Response:
        sent.append(str(prepared.url))
        return answer(prepared)

    monkeypatch.delattr(HTTPAdapter, "get_connection_with_tls_context")
    monkeypatch.setattr(HTTPAdapter, "send", send)
    library = pywinrm(HTTPBasicAuth("user", "password"))
    _connection_link.Link(library, PEER, "basic", owned=True, proxied=False).post(b"<x/>", 60.0)
    assert sent == [ENDPOINT]


def answer(prepared: requests.PreparedRequest) -> requests.Response:
    """An empty reply."""
    response = requests.Response()
    response.url, response.status_code = str(prepared.url), 200
    response.raw = urllib3.HTTPResponse(b"", preload_content=False)
    return response
