# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests as bytes: one compact SOAP envelope per operation."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from ._namespaces import (
    ADDRESSING,
    ANONYMOUS,
    ENUMERATION,
    IDENTITY,
    SOAP,
    WQL_DIALECT,
    WSMAN,
    WSMAN_MICROSOFT,
    XML,
    Name,
)
from ._xml import Node, serialize

#: Fault reasons come in this language where the machine has it.
LOCALE = "en-US"

_UNDERSTAND = {Name(SOAP, "mustUnderstand"): "true"}
# Source: [MS-WSMV], "3.1.4.1.8 Locale": "true" is answered with UnsupportedFeature.
_LANGUAGE = {Name(XML, "lang"): LOCALE, Name(SOAP, "mustUnderstand"): "false"}
_LANGUAGES = (
    Node(Name(WSMAN, "Locale"), attributes=_LANGUAGE),
    Node(Name(WSMAN_MICROSOFT, "DataLocale"), attributes=_LANGUAGE),
)
_REPLY_TO = Node(Name(ADDRESSING, "ReplyTo"), (Node(Name(ADDRESSING, "Address"), ANONYMOUS, _UNDERSTAND),))


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask: WS-Addressing action, resource URI, selector set (no node: none), body, seconds to answer in.

    `operation` and `target` say it in words.
    """

    operation: str
    target: str
    action: str
    resource_uri: str
    selectors: tuple[Node, ...]
    body: Node | None
    operation_timeout: float

    def envelope(self, *, to: str, message_id: uuid.UUID, max_envelope_size: int) -> bytes:
        """The request as `to` wants it; the reply shall not be larger than `max_envelope_size` bytes."""
        header = (
            Node(Name(ADDRESSING, "To"), to),
            Node(Name(WSMAN, "ResourceURI"), self.resource_uri, _UNDERSTAND),
            _REPLY_TO,
            Node(Name(ADDRESSING, "Action"), self.action, _UNDERSTAND),
            Node(Name(WSMAN, "MaxEnvelopeSize"), str(max_envelope_size), _UNDERSTAND),
            Node(Name(ADDRESSING, "MessageID"), f"uuid:{str(message_id).upper()}"),
            *_LANGUAGES,
            *self.selectors,
            Node(Name(WSMAN, "OperationTimeout"), f"PT{self.operation_timeout:.3f}S"),
        )
        return _envelope(header, self.body)


def identify_envelope() -> bytes:
    """The question who is there: it has an empty header. Source: DSP0226, "11 Metadata and discovery"."""
    return _envelope((), Node(Name(IDENTITY, "Identify")))


def enumerate_body(wql: str, max_elements: int) -> Node:
    """The first page of a query: rows at once, `max_elements` at most."""
    return Node(
        Name(ENUMERATION, "Enumerate"),
        (
            Node(Name(WSMAN, "OptimizeEnumeration")),
            Node(Name(WSMAN, "MaxElements"), str(max_elements)),
            Node(Name(WSMAN, "Filter"), wql, {Name("", "Dialect"): WQL_DIALECT}),
        ),
    )


def pull_body(context: str, max_elements: int) -> Node:
    """The next page of the enumeration `context`."""
    return Node(
        Name(ENUMERATION, "Pull"),
        (_context(context), Node(Name(ENUMERATION, "MaxElements"), str(max_elements))),
    )


def release_body(context: str) -> Node:
    """The end of the enumeration `context` before its last page."""
    return Node(Name(ENUMERATION, "Release"), (_context(context),))


def _context(context: str) -> Node:
    return Node(Name(ENUMERATION, "EnumerationContext"), context)


def _envelope(header: tuple[Node, ...], body: Node | None) -> bytes:
    return serialize(
        Node(
            Name(SOAP, "Envelope"),
            (Node(Name(SOAP, "Header"), header), Node(Name(SOAP, "Body"), () if body is None else (body,))),
        )
    )
