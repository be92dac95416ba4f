# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transports that replay: every request is compared by meaning, every reply names the request it answers."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, tostring

import pytest
from defusedxml.ElementTree import fromstring, parse

from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
ENDPOINT = "http://win01.example.test:5985/wsman"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
ADDRESSING = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
MESSAGE_ID = re.compile(rb"MessageID>([^<]+)<")

Meaning = tuple[str, tuple[tuple[str, str], ...], str, tuple["Meaning", ...]]


def meaning(element: Element) -> Meaning:
    """What an envelope says, whatever its prefixes, attribute order, message identifier and order of headers."""
    inner = tuple(meaning(item) for item in element)
    if element.tag == f"{SOAP}Header":
        inner = tuple(sorted(inner))
    text = "" if inner or element.tag == f"{ADDRESSING}MessageID" else (element.text or "")
    # The prefix of a qualified name in xsi:type is the writer's choice.
    attributes = sorted((name, value.rpartition(":")[2]) for name, value in element.attrib.items())
    return element.tag, tuple(attributes), text, inner


@dataclass
class Replay:
    """A transport that expects these exchanges in this order: request (None: any), reply or the error to raise."""

    exchanges: list[tuple[Element | None, HttpReply | Exception]]
    endpoint: str = ENDPOINT
    sent: list[bytes] = field(default_factory=list)
    read_timeouts: list[float] = field(default_factory=list)

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        self.sent.append(envelope)
        self.read_timeouts.append(read_timeout)
        assert self.exchanges, f"a request more than expected: {self.actions[-1]}"
        expected, reply = self.exchanges.pop(0)
        if expected is not None:
            assert meaning(fromstring(envelope)) == meaning(expected)
        if isinstance(reply, Exception):
            raise reply
        message_id = MESSAGE_ID.search(envelope)
        return HttpReply(reply.status, reply.body.replace(b"MESSAGE-ID", message_id[1] if message_id else b""))

    @property
    def actions(self) -> list[str]:
        """The last word of the action of each request that was sent."""
        found = (re.search(rb"Action[^>]*>[^<]*/([^</]+)<", envelope) for envelope in self.sent)
        return [action[1].decode() if action else "Identify" for action in found]


@pytest.fixture
def envelope() -> Callable[..., bytes]:
    """A SOAP envelope around a body, as an answer to the request just sent."""

    def build(body: str, relates_to: str = "MESSAGE-ID") -> bytes:
        return (
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
            ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
            ' xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"'
            ' xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"'
            ' xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
            ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            f"<s:Header><a:RelatesTo>{relates_to}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        ).encode()

    return build


@pytest.fixture
def scripted() -> Iterator[Callable[..., Replay]]:
    """A transport that gives these replies to any requests: bytes (HTTP 200), (status, bytes), or an error to raise."""
    transports: list[Replay] = []

    def build(*replies: bytes | tuple[int, bytes] | Exception) -> Replay:
        made = [
            reply if isinstance(reply, Exception) else HttpReply(*(reply if isinstance(reply, tuple) else (200, reply)))
            for reply in replies
        ]
        transports.append(Replay([(None, reply) for reply in made]))
        return transports[-1]

    yield build
    for transport in transports:
        assert not transport.exchanges, "not every expected request was sent"


@pytest.fixture
def replayed() -> Iterator[Callable[[str], Replay]]:
    """A transport for the exchanges in a fixture file, which must all take place."""
    transports: list[Replay] = []

    def build(name: str) -> Replay:
        exchanges: list[tuple[Element | None, HttpReply | Exception]] = []
        for exchange in parse(FIXTURES / f"{name}.xml").iter("exchange"):
            request, reply = exchange
            body = tostring(reply[0], encoding="utf-8")
            exchanges.append((request[0], HttpReply(int(exchange.get("status", "200")), body)))
        transports.append(Replay(exchanges))
        return transports[-1]

    yield build
    for transport in transports:
        assert not transport.exchanges, "not every exchange of the fixture took place"


@pytest.fixture(name="meaning")
def meaning_of_text() -> Callable[[str], Meaning]:
    """What a document says, as the replay compares it."""
    return lambda text: meaning(fromstring(text))
