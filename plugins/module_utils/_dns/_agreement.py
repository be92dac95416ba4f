# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether all servers of a zone have the records: clients may ask any of them, and only one was told."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .._errors import DnsError
from ._answers import Conversation
from ._exchange import Exchange
from ._query import read_records
from ._records import Desired, plan

if t.TYPE_CHECKING:
    import dns.name

#: Seconds between two rounds: the first, and what it grows to.
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
#: A server that does not answer must not use up the time of the others.
_LONGEST_ANSWER = 5.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic seconds, and a way to let some pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Peer:
    """An authoritative server that was not told of the change: how it is called, and how it is asked.

    `connect` gets the seconds to wait for each answer. It raises `NoAnswer` when the server's name has no address.
    """

    name: str
    connect: Callable[[float], Exchange]


@dataclass(frozen=True, slots=True)
class View:
    """What a server was last seen to have. `problem` is a sentence that names it; empty: it has what is wanted."""

    server: str
    problem: str = ""

    def as_result(self) -> dict[str, t.Any]:
        """One item of the result's `servers`: builtins only."""
        return {"server": self.server, "agrees": not self.problem, "problem": self.problem or None}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records every server of `zone` should have."""

    zone: dns.name.Name
    name: dns.name.Name
    desired: Desired


def await_agreement(
    peers: Sequence[Peer], wanted: Wanted, *, timeout: float, wait: float, clock: Clock | None = None
) -> list[View]:
    """Ask until all agree or `wait` seconds are over, each at least once; a view for every peer, in their order.

    Servers that agree are not asked again. `timeout` is in seconds for each answer.
    """
    clock = clock or Clock()
    deadline = clock.now() + wait
    views: dict[str, View] = {}
    pause = _FIRST_PAUSE
    while True:
        lagging = [peer for peer in peers if peer.name not in views or views[peer.name].problem]
        for peer in lagging:
            # Asked at least once, and in the last round with a short patience.
            patience = min(timeout, _LONGEST_ANSWER, max(deadline - clock.now(), 1.0))
            views[peer.name] = _look(peer, wanted, patience)
        left = deadline - clock.now()
        if left <= 0 or not any(view.problem for view in views.values()):
            return [views[peer.name] for peer in peers]
        clock.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def _look(peer: Peer, wanted: Wanted, timeout: float) -> View:
    """One question, unsigned: a secondary need not know the key of the primary's updates."""
    view = View(peer.name)
    try:
        exchange = peer.connect(timeout)
        view = replace(view, server=exchange.server)
        found = read_records(Conversation(exchange), wanted.zone, wanted.name)
    except DnsError as unread:
        # Its hint is for somebody who asked for this server alone.
        return replace(view, problem=unread.message.removesuffix(unread.hint or "").rstrip())
    if plan(found, wanted.desired):
        return replace(view, problem=f"The DNS server {view.server} has other records: {found.shown}.")
    return view
