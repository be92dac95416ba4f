# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection that breaks in the middle of a task: reads are done once more, changes never."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import TransportLost, TransportTimeout, Unreachable
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

WQL = "SELECT Id FROM Lab_Widget"
WIDGET = '<p:Lab_Widget xmlns:p="uri"><p:Id>1</p:Id></p:Lab_Widget>'
IDENTITY = '<i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"/>'


def lost(*, sent: bool = True) -> TransportLost:
    return TransportLost("The connection broke.", sent=sent)


def enumerated(row: str, context: str) -> str:
    return (
        f"<n:EnumerateResponse><n:EnumerationContext>{context}</n:EnumerationContext>"
        f"<w:Items><w:XmlFragment><Id>{row}</Id></w:XmlFragment></w:Items></n:EnumerateResponse>"
    )


def pulled(row: str, context: str = "") -> str:
    more = f"<n:EnumerationContext>{context}</n:EnumerationContext>" if context else "<n:EndOfSequence/>"
    return f"<n:PullResponse>{more}<n:Items><w:XmlFragment><Id>{row}</Id></w:XmlFragment></n:Items></n:PullResponse>"


@pytest.fixture
def session(scripted: t.Any, envelope: t.Any) -> Callable[..., tuple[CimSession, t.Any]]:
    """A session over a connection that has carried one answer already, and its transport with these replies to come."""

    def build(*replies: bytes | Exception) -> tuple[CimSession, t.Any]:
        transport = scripted(envelope(WIDGET), *replies)
        made = CimSession(transport)
        made.get("Lab_Widget")
        transport.sent.clear()
        return made, transport

    return build


def test_a_get_is_sent_once_more(session: t.Any, envelope: t.Any) -> None:
    made, transport = session(lost(), envelope(WIDGET))
    assert made.get("Lab_Widget").integer("Id") == 1
    assert transport.actions == ["Get", "Get"]
    assert len({sent.partition(b"MessageID>")[2][:50] for sent in transport.sent}) == 2, "each is a message of its own"
    assert made.requests == 3


def test_identify_is_sent_once_more(session: t.Any, envelope: t.Any) -> None:
    made, transport = session(lost(), envelope(IDENTITY))
    assert made.identify().vendor is None
    assert transport.actions == ["Identify", "Identify"]


def test_a_query_begins_anew_because_a_lost_page_cannot_be_pulled_again(session: t.Any, envelope: t.Any) -> None:
    replies = [envelope(enumerated("a", "uuid:1")), lost()]
    replies += [envelope(enumerated("a", "uuid:2")), envelope(pulled("b", "uuid:2")), envelope(pulled("c"))]
    made, transport = session(*replies)
    assert [row.text("Id") for row in made.query(WQL)] == ["a", "b", "c"]
    assert transport.actions == ["Enumerate", "Pull", "Enumerate", "Pull", "Pull"]
    assert b"EnumerationContext>uuid:1<" not in b"".join(transport.sent[2:])


@pytest.mark.parametrize("operation", ["query", "get", "identify"])
def test_a_second_loss_is_reported(session: t.Any, operation: str) -> None:
    made, transport = session(lost(), lost())
    arguments = {"query": (WQL,), "get": ("Lab_Widget",), "identify": ()}[operation]
    with pytest.raises(TransportLost):
        getattr(made, operation)(*arguments)
    assert len(transport.sent) == 2


@pytest.mark.parametrize("error", [lost(sent=False), TransportTimeout("No reply.")])
def test_a_machine_that_is_gone_or_slow_is_not_asked_again(session: t.Any, error: Unreachable) -> None:
    made, transport = session(error)
    with pytest.raises(type(error)):
        made.get("Lab_Widget")
    assert len(transport.sent) == 1


def test_a_first_request_is_not_sent_again(scripted: t.Any) -> None:
    transport = scripted(lost())
    with pytest.raises(TransportLost):
        CimSession(transport).query(WQL)
    assert transport.actions == ["Enumerate"]


CHANGES: dict[str, Callable[[CimSession], object]] = {
    "Put": lambda made: made.put("Lab_Widget", {"Id": 1}, {"Name": "new"}),
    "Create": lambda made: made.create("Lab_Widget", {"Name": "new"}),
    "Delete": lambda made: made.delete("Lab_Widget", {"Id": 1}),
    "Refresh": lambda made: made.invoke("Lab_Service", "Refresh"),
}


@pytest.mark.parametrize("action", CHANGES)
def test_a_change_is_never_sent_again(session: t.Any, action: str) -> None:
    made, transport = session(lost())
    with pytest.raises(TransportLost) as caught:
        CHANGES[action](made)
    assert transport.actions == [action]
    assert caught.value.operation == action
