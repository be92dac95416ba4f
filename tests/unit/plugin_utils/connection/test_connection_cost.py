# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is the same for every request of a link is worked out once."""

from __future__ import annotations

import types
import typing as t

import pytest
import requests
from requests.auth import AuthBase, HTTPBasicAuth

from ansible_collections.volact.kms.plugins.plugin_utils import _connection_link, _connection_winrm

ENDPOINT = "http://192.0.2.1:5985/wsman"


class EveryTime(AuthBase):
    """An authentication with a state: it has to see each request."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self.seen += 1
        request.headers["Authorization"] = f"Negotiate {self.seen}"
        return request


def pywinrm(auth: t.Any) -> t.Any:
    session = requests.Session()
    session.auth = auth
    session.headers["Content-Type"] = "application/soap+xml;charset=UTF-8"
    transport = types.SimpleNamespace(session=session, encryption=None, endpoint=ENDPOINT, read_timeout_sec=30)
    return _connection_winrm._Pywinrm(transport)


@pytest.mark.parametrize("envelope", [b"<first/>", b"<a longer one/>"])
def test_a_request_with_basic_is_what_requests_would_make_of_it(envelope: bytes) -> None:
    library = pywinrm(HTTPBasicAuth("user", "password"))
    library.prepare(b"<another before it/>")
    prepared = library.prepare(envelope)
    expected = library.session.prepare_request(requests.Request("POST", ENDPOINT, data=envelope))
    assert (prepared.method, prepared.url, prepared.body) == (expected.method, expected.url, expected.body)
    assert prepared.headers == expected.headers


def test_changes_to_one_request_are_not_in_the_next() -> None:
    library = pywinrm(HTTPBasicAuth("user", "password"))
    library.prepare(b"<first/>").headers["Accept-Encoding"] = "identity"
    assert library.prepare(b"<second/>").headers["Accept-Encoding"] != "identity"


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

    monkeypatch.setattr(_connection_link, "resolve_proxies", resolve)
    library = pywinrm(HTTPBasicAuth("user", "password"))
    monkeypatch.setattr(library.session, "send", lambda _prepared, **options: sent.append(options))
    link = _connection_link.Link(library, t.cast("t.Any", None), "basic", owned=True)
    for _ in range(3):
        link._exchange(b"<x/>", 60.0)
    assert looked == [ENDPOINT]
    assert [options["proxies"] for options in sent] == [{"http": "http://proxy.example.test"}] * 3
