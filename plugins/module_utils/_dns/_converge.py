# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply, observe: from what a user asked for to records that all servers have been seen to have.

SRV record sets in DNS: what they should be (pure), and how a server is asked and told (RFC 1035, 2136, 3645, 8945).
`_names` and `_records` decide, `_answers` judges what a server said, `_query` and `_update` build messages, `_gss`
makes keys of Kerberos tickets, `_exchange` is the only file with a socket, this one puts one zone in order, and
`_publish` several. Nothing here knows Ansible.
(`__init__.py` is empty because ansible-test of ansible-core 2.16 wants it so.)
"""

from __future__ import annotations

import random
import time
import typing as t
from collections.abc import Callable
from dataclasses import dataclass

from .._errors import DnsError, KmsError, NotConverged, OutcomeUnknown
from ._agreement import View
from ._answers import Conversation
from ._exchange import NoAnswer
from ._query import read_records
from ._records import Desired, SrvPlan, SrvSet, State, plan
from ._update import build_refresh, build_update, send_update

if t.TYPE_CHECKING:
    import dns.name

#: How often a lost race is run again. Each is lost to a writer who won: with 20 others at once nobody loses more often.
RETRIES = 20
#: Seconds: what a writer waits at most after its first lost race, and after any.
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.32


@dataclass(frozen=True, slots=True)
class Request:
    """One set of records in one zone of one server. With `refresh` it is sent again even where it is there already."""

    zone: dns.name.Name
    name: dns.name.Name
    desired: Desired
    conversation: Conversation
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what is there now. In check mode: what would be. `refreshed`: sent again without a change."""

    request: Request
    steps: SrvPlan
    now: SrvSet
    refreshed: bool = False
    servers: tuple[View, ...] = ()

    def as_result(self) -> dict[str, t.Any]:
        """One item of the result's `zones`: builtins only."""
        return {
            "zone": self.request.zone.to_text(),
            "name": self.request.name.to_text(),
            "changed": bool(self.steps),
            "refreshed": self.refreshed,
            "records": [
                {
                    "target": record.target.to_text(),
                    "port": record.port,
                    "priority": record.priority,
                    "weight": record.weight,
                    "ttl": self.now.ttl,
                }
                for record in self.now.ordered()
            ],
            "servers": [view.as_result() for view in self.servers],
        }

    @property
    def diff(self) -> tuple[str, str]:
        """The set before and after, as lines of a zone file."""
        return self.steps.before.lines(self.request.name), self.steps.after.lines(self.request.name)


def pause_before_retry(attempt: int) -> None:
    """Wait up to 20 ms, longer with each attempt: writers that collided once must not do so in step again."""
    time.sleep(random.uniform(0, min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE)))  # noqa: S311 - no secret depends on it


def observe(request: Request) -> SrvSet:
    """The records as the server has them. Raises `DnsError`."""
    return read_records(request.conversation, request.zone, request.name)


def converge(
    request: Request, observed: SrvSet, *, check_mode: bool, pause: Callable[[int], None] = pause_before_retry
) -> Outcome:
    """Make the server's records, which were `observed`, what is desired, and see that they are.

    No update is sent when there is nothing to change or to refresh, or in check mode; a session is opened even then,
    since its failure is worth knowing. Raises `DnsError` for refusals and for races lost too often, `NotConverged` when
    the server said yes and the records are not there, `OutcomeUnknown` when it fell silent over the update.
    """
    done: SrvPlan | None = None
    for attempt in range(RETRIES + 1):
        if attempt:
            pause(attempt - 1)
            observed = observe(request)
        steps = plan(observed, request.desired)
        refresh = request.refresh and request.desired.state is State.PRESENT
        # After a lost race the records may be there by our own update, whose answer got lost before it was sent again.
        if not steps and (done or not refresh):
            return Outcome(request, done or steps, observed)
        if check_mode:
            request.conversation.prepare()
            return Outcome(request, steps, steps.after)
        done = steps or None
        try:
            won = _send(request, observed, steps)
        except NoAnswer as silence:
            return _after_silence(request, steps, silence)
        if won:
            return _verified(request, steps) if steps else Outcome(request, steps, observed, refreshed=True)
    raise DnsError(
        f"Could not change the SRV records of {request.name}: on the DNS server {request.conversation.exchange.server} "
        f"they were changed by somebody else {RETRIES + 1} times in a row between our reading and our update.",
        operation="update",
        target=request.name.to_text(),
        hint="Run again. If it stays, find out who else writes these records, or whether a wildcard makes them.",
    )


def _send(request: Request, observed: SrvSet, steps: SrvPlan) -> bool:
    if steps:
        update = build_update(request.zone, request.name, steps)
    else:
        update = build_refresh(request.zone, request.name, observed, request.desired.records)
    return send_update(request.conversation, update, request.name)


def _verified(request: Request, steps: SrvPlan) -> Outcome:
    """The server said yes: see for ourselves."""
    try:
        now = observe(request)
    except KmsError as unread:
        unread.progress = {"changed": True}
        raise
    missing = plan(now, request.desired)
    if not missing:
        return Outcome(request, steps, now)
    error = NotConverged(
        f"The DNS server {request.conversation.exchange.server} accepted the change of {request.name}, and the records "
        f"there are still not the wanted ones: {now.shown}.",
        operation="verify",
        target=request.name.to_text(),
        hint="Look at the server's log, at its update policy, and for another writer of the same records.",
    )
    error.progress = {"changed": True}
    raise error


def _after_silence(request: Request, steps: SrvPlan, silence: NoAnswer) -> Outcome:
    """No answer to an update is not a failure yet: the records tell. Those that were only refreshed do not."""
    if not silence.sent or not steps:
        raise silence
    try:
        now = observe(request)
    except NoAnswer:
        raise OutcomeUnknown(
            f"The DNS server {request.conversation.exchange.server} did not answer the update of {request.name}, nor "
            "anything after it. Whether the records were changed is not known; the next run will find out.",
            operation="update",
            target=request.name.to_text(),
            hint=silence.hint,
        ) from silence
    if plan(now, request.desired):
        raise silence
    return Outcome(request, steps, now)
