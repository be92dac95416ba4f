# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All rows of a query: the first page, the pages after it, and the end or the release of the enumeration."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, Unreachable

from ._channel import Answer, Channel
from ._envelope import Request, enumerate_body, pull_body, release_body
from ._instance import CimInstance
from ._namespaces import ENUMERATION, WSMAN, Name
from ._values import read_instance
from ._xml import Node, child, child_text

#: Rows to ask for at a time; Windows sends fewer where MaxEnvelopeSize leaves no room.
MAX_ELEMENTS = 100
#: No query that makes sense exceeds these; the last is a multiple of the reply limit.
MAX_ROWS = 20_000
MAX_PAGES = 1_000
MAX_FULL_REPLIES = 4

_RESPONSES = (Name(ENUMERATION, "EnumerateResponse"), Name(ENUMERATION, "PullResponse"))
# An optimised first response has them in one namespace, a PullResponse in the other.
_ITEMS = (Name(WSMAN, "Items"), Name(ENUMERATION, "Items"))
_END = (Name(WSMAN, "EndOfSequence"), Name(ENUMERATION, "EndOfSequence"))
_CONTEXT = Name(ENUMERATION, "EnumerationContext")


@dataclass(frozen=True, slots=True)
class Page:
    """One response of an enumeration: its rows, and the context to go on with (None: that was the end)."""

    rows: list[CimInstance]
    context: str | None


def read_page(answer: Answer, *, class_name: str, context: str | None = None) -> Page:
    """The page in `answer`, reached with `context`; `class_name` is for rows that don't name theirs.

    A response that is neither the end nor names a context goes on with the one before; an empty one is the end.
    Source: WS-Enumeration (September 2004), "3.2 Pull"
    """
    response = answer.element(*_RESPONSES)
    items = child(response, *_ITEMS)
    rows = [] if items is None else [read_instance(item, class_name=class_name) for item in items]
    if child(response, *_END) is not None:
        return Page(rows, None)
    if child(response, _CONTEXT) is None:
        return Page(rows, context)
    return Page(rows, child_text(response, _CONTEXT))


def read_rows(
    channel: Channel, request: Callable[[str, Node], Request], *, wql: str, class_name: str
) -> list[CimInstance]:
    """All rows of `wql`; `request` makes an operation of WS-Enumeration with its body.

    An enumeration that fails is released, unless the machine is out of reach. `BadReply` for one that has no end.
    """
    most_bytes = channel.received + MAX_FULL_REPLIES * channel.reply_limit
    answer = channel.call(request("Enumerate", enumerate_body(wql, MAX_ELEMENTS)))
    page = read_page(answer, class_name=class_name)
    rows, pages = list(page.rows), 1
    while page.context is not None:
        with _released_on_error(channel, request, page.context):
            if len(rows) > MAX_ROWS or pages > MAX_PAGES or channel.received > most_bytes:
                raise answer.exchange.bad_reply(f"a result without end: {len(rows)} rows on {pages} pages so far")
            answer = channel.call(request("Pull", pull_body(page.context, MAX_ELEMENTS)))
            page = read_page(answer, class_name=class_name, context=page.context)
        rows += page.rows
        pages += 1
    return rows


@contextlib.contextmanager
def _released_on_error(channel: Channel, request: Callable[[str, Node], Request], context: str) -> Iterator[None]:
    try:
        yield
    except Unreachable:
        raise
    except KmsError:
        # The first error is the one to report; the server drops the enumeration after a while by itself.
        with contextlib.suppress(KmsError):
            channel.call(request("Release", release_body(context)))
        raise
