# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a machine may have read a request decides what the next run has to expect: `Unreachable.sent`."""

from __future__ import annotations

import socket
import typing as t

import pytest
from winrm_endpoint import Endpoint

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    TransportLost,
    TransportTimeout,
    Unreachable,
)
from ansible_collections.volact.kms.plugins.plugin_utils._connection import open_transport

Connect = t.Callable[..., t.Any]


def sent(connection: t.Any, kind: type[Unreachable]) -> bool:
    """Whether the error of a request says that it may have been read."""
    transport = open_transport(connection, warn=lambda _text: None)
    try:
        with pytest.raises(kind) as caught:
            transport.send(b"<question/>", read_timeout=0.3)
    finally:
        transport.close()
    return caught.value.sent


def test_a_connection_that_was_not_made_carried_nothing(connect: Connect) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        for method in ("basic", "ntlm"):
            connection = connect(unused.getsockname()[1], ansible_winrm_transport=[method])
            assert sent(connection, TransportLost) is False


def test_a_refused_login_carried_nothing(endpoint: Endpoint, connect: Connect) -> None:
    assert sent(connect(endpoint.port, ansible_password="wrong"), AuthenticationRefused) is False


def test_a_connection_that_broke_after_the_question_may_have_carried_it(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.close_before_reply = True
    assert sent(connect(endpoint.port), TransportLost) is True


def test_a_question_without_an_answer_may_have_been_read(endpoint: Endpoint, connect: Connect) -> None:
    endpoint.stall = True
    assert sent(connect(endpoint.port), TransportTimeout) is True
