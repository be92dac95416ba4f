# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply, observe: from what a user asked for to records that a server has been seen to have.

SRV record sets in DNS: what they should be (pure), and how a server is asked and told (RFC 1035, 2136, 8945).
`_names` and `_records` decide, `_answers` judges what a server said, `_query` and `_update` build messages,
`_exchange` is the only file with a socket, and this one puts them in order. Nothing here knows Ansible.
(`__init__.py` is empty because ansible-test of ansible-core 2.16 wants it so.)
"""

from __future__ import annotations

import random
import time
import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .._errors import DnsError, KmsError, NotConverged, OutcomeUnknown
from ._answers import Conversation
from ._exchange import NoAnswer, SocketExchange
from ._names import parse_service, parse_target, parse_zone
from ._query import read_records, require_zone
from ._records import Desired, SrvPlan, SrvRecord, SrvSet, State, plan
from ._update import make_key, send_update

if t.TYPE_CHECKING:
    import dns.name

#: How often a lost race is run again.
RETRIES = 5


@dataclass(frozen=True, slots=True)
class Request:
    """One set of records in one zone of one server."""

    zone: dns.name.Name
    name: dns.name.Name
    desired: Desired
    conversation: Conversation

    @classmethod
    def from_options(cls, options: Mapping[str, t.Any]) -> Request:
        """The checked form of the module's options. Raises `BadInput`, and `NoAnswer` for an unknown server name."""
        zone = parse_zone(options["zone"])
        name = parse_service(options["service"], zone)
        records = [
            SrvRecord(item["priority"], item["weight"], item["port"], parse_target(item["target"], zone))
            for item in options["records"]
        ]
        desired = Desired.of(records, options["ttl"], State(options["state"]))
        key = None
        if options["tsig_name"] is not None:
            key = make_key(options["tsig_name"], options["tsig_secret"], options["tsig_algorithm"])
        exchange = SocketExchange(options["server"], options["server_port"], options["timeout"])
        return cls(zone, name, desired, Conversation(exchange, key))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and what is there now. In check mode: what would be."""

    name: dns.name.Name
    steps: SrvPlan
    now: SrvSet

    def as_result(self) -> dict[str, t.Any]:
        """The module's result: builtins only."""
        return {
            "changed": bool(self.steps),
            "name": self.name.to_text(),
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
            "diff": {"before": self.steps.before.lines(self.name), "after": self.steps.after.lines(self.name)},
        }


def pause_before_retry(attempt: int) -> None:
    """Wait up to 20 ms, doubled with each attempt: writers that collided once must not do so in step again."""
    time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - no secret depends on it


def converge(request: Request, *, check_mode: bool, pause: Callable[[int], None] = pause_before_retry) -> Outcome:
    """Make the server's records what is desired, and see that they are.

    Nothing is sent when there is nothing to change, or in check mode. Raises `DnsError` for refusals and for races
    lost too often, `NotConverged` when the server said yes and the records are not there, `OutcomeUnknown` when it
    fell silent over the update.
    """
    require_zone(request.conversation, request.zone)
    done: SrvPlan | None = None
    for attempt in range(RETRIES + 1):
        observed = _observe(request)
        steps = plan(observed, request.desired)
        if not steps:
            # After a lost race this may be our own update, whose answer got lost before it was sent again.
            return Outcome(request.name, done or steps, observed)
        if check_mode:
            return Outcome(request.name, steps, steps.after)
        done = steps
        try:
            won = send_update(request.conversation, request.zone, request.name, steps)
        except NoAnswer as silence:
            return _after_silence(request, steps, silence)
        if won:
            return _verified(request, steps)
        pause(attempt)
    raise DnsError(
        f"Could not change the SRV records of {request.name}: on the DNS server {request.conversation.exchange.server} "
        f"they were changed by somebody else {RETRIES + 1} times in a row between our reading and our update.",
        operation="update",
        target=request.name.to_text(),
        hint="Run again. If it stays, find out who else writes these records, or whether a wildcard makes them.",
    )


def _observe(request: Request) -> SrvSet:
    return read_records(request.conversation, request.zone, request.name)


def _verified(request: Request, steps: SrvPlan) -> Outcome:
    """The server said yes: see for ourselves."""
    try:
        now = _observe(request)
    except KmsError as unread:
        unread.progress = {"changed": True}
        raise
    missing = plan(now, request.desired)
    if not missing:
        return Outcome(request.name, steps, now)
    error = NotConverged(
        f"The DNS server {request.conversation.exchange.server} accepted the change of {request.name}, and the records "
        f"there are still not the wanted ones: {_shown(now)}.",
        operation="verify",
        target=request.name.to_text(),
        hint="Look at the server's log, at its update policy, and for another writer of the same records.",
    )
    error.progress = {"changed": True}
    raise error


def _after_silence(request: Request, steps: SrvPlan, silence: NoAnswer) -> Outcome:
    """No answer to an update is not a failure yet: the records tell."""
    if not silence.sent:
        raise silence
    try:
        now = _observe(request)
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
    return Outcome(request.name, steps, now)


def _shown(records: SrvSet) -> str:
    listed = ", ".join(record.rdata for record in records.ordered())
    return f"{listed} with a TTL of {records.ttl}" if listed else "there are none"
