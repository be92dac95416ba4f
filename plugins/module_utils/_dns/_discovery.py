# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a client finds: SRV records through a resolver, in the order of use, and what each authoritative server has.

`_query` asks servers for what is theirs. A client asks a resolver, which may have an older answer.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .._errors import BadInput, DnsError
from ._answers import NOERROR, NXDOMAIN, Conversation, refusal
from ._exchange import SocketExchange
from ._query import NameServer, read_records
from ._records import SrvRecord, SrvSet

try:
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.rdatatype
    import dns.resolver
except ImportError:  # `require_dnspython` says so in time
    pass

#: How many questions are asked at a time.
_AT_ONCE = 16

T = t.TypeVar("T")
R = t.TypeVar("R")


@dataclass(frozen=True, slots=True)
class Expected:
    """A record that should be there. Priority and weight None: any."""

    target: dns.name.Name
    port: int
    priority: int | None = None
    weight: int | None = None

    def is_met_by(self, record: SrvRecord) -> bool:
        return (
            (self.target, self.port) == record.endpoint
            and self.priority in (None, record.priority)
            and self.weight in (None, record.weight)
        )


@dataclass(frozen=True, slots=True)
class ServerView:
    """What one authoritative server has. `problem` is a sentence when it could not be read; `records` is then None."""

    server: str
    records: SrvSet | None = None
    problem: str = ""


def system_resolver(timeout: float) -> SocketExchange:
    """The name servers that this machine is set to use. Raises `BadInput` when there are none."""
    resolver = dns.resolver.Resolver(configure=False)
    with contextlib.suppress(dns.resolver.NoResolverConfiguration):
        resolver = dns.resolver.Resolver(configure=True)
    addresses = [str(each) for each in resolver.nameservers]
    if not addresses:
        raise BadInput("This machine has no name server configured. Give the option server a DNS server to ask.")
    return SocketExchange(addresses[0], resolver.port, timeout, addresses=addresses)


def look_up(conversation: Conversation, name: dns.name.Name) -> SrvSet:
    """The SRV records of `name`, as a client gets them: through a resolver's cache, behind aliases. None: an empty set.

    Raises `DnsError` when the server does not answer, refuses, or knows only whom else to ask.
    """
    rrset = _resolved(conversation, name, dns.rdatatype.SRV, f"look up the SRV records of {name}")
    if not rrset:
        return SrvSet()
    records = frozenset(SrvRecord(each.priority, each.weight, each.port, each.target) for each in rrset)
    return SrvSet(records, rrset.ttl)


def find_addresses(conversation: Conversation, name: dns.name.Name) -> tuple[str, ...] | None:
    """The addresses of a machine, IPv4 first; none when it has none. None: the server cannot tell.

    Servers that look up nothing for others cannot tell the addresses of machines in other zones.
    """
    both = [_addresses(conversation, name, kind) for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)]
    found = tuple(address for each in both for address in each or ())
    return None if None in both and not found else found


def _addresses(
    conversation: Conversation, name: dns.name.Name, kind: dns.rdatatype.RdataType
) -> tuple[str, ...] | None:
    try:
        rrset = _resolved(conversation, name, kind, f"look up the addresses of {name}")
    except DnsError:
        return None
    return tuple(each.address for each in rrset or ())


def find_zone(conversation: Conversation, name: dns.name.Name) -> dns.name.Name | None:
    """The zone that `name` is in: the owner of the SOA record that comes with every answer about it.

    None when the server sends none. Source: RFC 2308, "Negative Answers from Authoritative Servers".
    """
    reply = _reply(conversation, name, dns.rdatatype.SOA, f"find the zone of {name}")
    owners = [rrset.name for rrset in [*reply.answer, *reply.authority] if rrset.rdtype == dns.rdatatype.SOA]
    return next((owner for owner in owners if name.is_subdomain(owner)), None)


def find_name_servers(conversation: Conversation, zone: dns.name.Name) -> list[NameServer]:
    """The servers that are authoritative for `zone`, sorted by name, with their addresses as far as they are known."""
    rrset = _resolved(conversation, zone, dns.rdatatype.NS, f"find the name servers of the zone {zone}")
    names = sorted(each.target for each in rrset or ())
    found = addresses_of(conversation, names)
    return [NameServer(name, found[name] or ()) for name in names]


def addresses_of(
    conversation: Conversation, names: Sequence[dns.name.Name]
) -> dict[dns.name.Name, tuple[str, ...] | None]:
    """By name what `find_addresses` finds, asked for side by side."""
    found = side_by_side(lambda name: find_addresses(conversation, name), names)
    return dict(zip(names, found, strict=True))


def view(connect: Callable[[], SocketExchange], called: str, zone: dns.name.Name, name: dns.name.Name) -> ServerView:
    """What one authoritative server says. A server that cannot be read is a finding, too."""
    try:
        exchange = connect()
        return ServerView(exchange.server, read_records(Conversation(exchange), zone, name))
    except DnsError as unread:
        # Its hint is for somebody who asked for this server alone.
        return ServerView(called, None, unread.message.removesuffix(unread.hint or "").rstrip())


def most_common(views: Iterable[ServerView]) -> SrvSet | None:
    """What most of the servers have, of equals the first; None when no server could be read."""
    counted = Counter(each.records for each in views if each.records is not None)
    return counted.most_common(1)[0][0] if counted else None


def in_order_of_use(records: Iterable[SrvRecord]) -> list[SrvRecord]:
    """As a client most likely asks: by priority, and of equals those with the greater weight first.

    Among records of one priority a client chooses by lot, so this is the likeliest order and not the only one. A root
    target says that there is no such service. Source: RFC 2782, "Usage rules".
    """
    offered = [record for record in records if record.target != dns.name.root]
    return sorted(offered, key=lambda each: (each.priority, -each.weight, each.target, each.port))


def share(record: SrvRecord, records: Iterable[SrvRecord]) -> float:
    """The part of the clients, from 0 to 1, that ask this record first among those of its priority.

    Source: RFC 2782, "The format of the SRV RR": by weight; where all weights are 0 the lot decides.
    """
    equals = [each.weight for each in in_order_of_use(records) if each.priority == record.priority]
    if record.target == dns.name.root or not equals:
        return 0.0
    return record.weight / sum(equals) if sum(equals) else 1 / len(equals)


def compare(found: Iterable[SrvRecord], expected: Iterable[Expected]) -> tuple[list[Expected], list[SrvRecord]]:
    """What is expected and missing, and what is there and not expected, both in their order."""
    wanted, there = list(expected), sorted(found)
    missing = [each for each in wanted if not any(each.is_met_by(record) for record in there)]
    surplus = [record for record in there if not any(each.is_met_by(record) for each in wanted)]
    return missing, surplus


def side_by_side(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The results in the order of the items."""
    if not items:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))


def _resolved(conversation: Conversation, name: dns.name.Name, kind: dns.rdatatype.RdataType, what: str) -> t.Any:
    """The records behind all aliases; None or empty when there are none."""
    reply = _reply(conversation, name, kind, what)
    try:
        return reply.resolve_chaining().answer
    except dns.exception.DNSException as error:
        raise _unusable(conversation, what, "its answer contradicts itself, or its aliases lead nowhere") from error


def _reply(
    conversation: Conversation, name: dns.name.Name, kind: dns.rdatatype.RdataType, what: str
) -> dns.message.QueryMessage:
    question = dns.message.make_query(name, kind)
    answer = conversation.ask(question)
    reply = answer.message
    if not isinstance(reply, dns.message.QueryMessage) or answer.rcode not in (NOERROR, NXDOMAIN):
        raise refusal(answer, conversation, operation="read", what=what)
    if not reply.answer and not reply.flags & (dns.flags.AA | dns.flags.RA):
        raise _unusable(conversation, what, "it looks up nothing for others, and is not authoritative for the name")
    return reply


def _unusable(conversation: Conversation, what: str, why: str) -> DnsError:
    server = conversation.exchange.server
    return DnsError(
        f"Could not {what} with the DNS server {server}: {why}.",
        operation="read",
        target=server,
        hint="Give the option server a resolver as your clients use it.",
    )
