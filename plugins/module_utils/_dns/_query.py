# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading SRV records from a server that is authoritative for their zone, never from a resolver's cache."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._errors import DnsError
from ._answers import NOERROR, NXDOMAIN, Conversation, refusal
from ._records import SrvRecord, SrvSet

try:
    import dns.flags
    import dns.message
    import dns.name
    import dns.rdataclass
    import dns.rdatatype
except ImportError:  # `require_dnspython` says so in time
    pass


@dataclass(frozen=True, slots=True)
class NameServer:
    """One of a zone's name servers, and its addresses as far as the asked server knows them."""

    name: dns.name.Name
    addresses: tuple[str, ...]


def read_name_servers(conversation: Conversation, zone: dns.name.Name) -> list[NameServer]:
    """The zone's name servers, by name. Raises `DnsError` unless the server is authoritative for exactly this zone.

    Most servers send the addresses along. Where one does not, it is asked for those of names in the zone.
    """
    reply = _read(conversation, zone, dns.rdatatype.NS, f"read the zone {zone}")
    found = reply.get_rrset(reply.answer, zone, dns.rdataclass.IN, dns.rdatatype.NS)
    if not found and _owner(reply.authority, dns.rdatatype.SOA) != zone:
        owner = _owner(reply.authority, dns.rdatatype.SOA)
        nearest = f"; the nearest one it has is {owner}" if owner else ""
        raise _error(conversation, zone, f"the DNS server {conversation.exchange.server} has no zone {zone}{nearest}")
    names = sorted(each.target for each in found or ())
    return [NameServer(name, _addresses(conversation, zone, name, reply)) for name in names]


def read_primary(conversation: Conversation, zone: dns.name.Name) -> dns.name.Name:
    """The name of the zone's primary. A domain controller names itself. Source: RFC 1035, "SOA RDATA format"."""
    reply = _read(conversation, zone, dns.rdatatype.SOA, f"read the primary of the zone {zone}")
    found = reply.get_rrset(reply.answer, zone, dns.rdataclass.IN, dns.rdatatype.SOA)
    if not found:
        raise _error(conversation, zone, f"the DNS server {conversation.exchange.server} has no zone {zone}")
    primary: dns.name.Name = found[0].mname
    return primary


def _addresses(
    conversation: Conversation, zone: dns.name.Name, name: dns.name.Name, reply: dns.message.Message
) -> tuple[str, ...]:
    """From the additional section, or asked for; empty where only a resolver would know."""
    kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
    sent = [reply.get_rrset(reply.additional, name, dns.rdataclass.IN, kind) for kind in kinds]
    if not any(sent) and name.is_subdomain(zone):
        for kind in kinds:
            try:
                asked = _read(conversation, name, kind, f"read the address of {name}")
            except DnsError:
                return ()
            sent.append(asked.get_rrset(asked.answer, name, dns.rdataclass.IN, kind))
            if any(sent):
                break
    return tuple(each.address for rrset in sent if rrset for each in rrset)


def read_records(conversation: Conversation, zone: dns.name.Name, name: dns.name.Name) -> SrvSet:
    """The SRV records of `name` as the server has them; none is an empty set.

    Raises `DnsError` when the answer isn't the zone's own: an alias, or a zone of its own below this one.
    """
    reply = _read(conversation, name, dns.rdatatype.SRV, f"read the SRV records of {name}")
    server = conversation.exchange.server
    if alias := reply.get_rrset(reply.answer, name, dns.rdataclass.IN, dns.rdatatype.CNAME):
        problem = f"on the DNS server {server} this name is an alias of {alias[0].target}, and can hold no records"
        raise _error(conversation, name, problem)
    found = reply.get_rrset(reply.answer, name, dns.rdataclass.IN, dns.rdatatype.SRV)
    if found:
        records = frozenset(SrvRecord(each.priority, each.weight, each.port, each.target) for each in found)
        return SrvSet(records, found.ttl)
    owner = _owner(reply.authority, dns.rdatatype.SOA)
    if owner is not None and owner != zone:
        raise _error(conversation, name, f"on the DNS server {server} this name belongs to the zone {owner}")
    return SrvSet()


def _read(
    conversation: Conversation, name: dns.name.Name, kind: dns.rdatatype.RdataType, what: str
) -> dns.message.Message:
    """An authoritative answer. The bit RD is off, so that a resolver does not go and ask somebody else."""
    question = dns.message.make_query(name, kind, flags=0)
    answer = conversation.ask(question)
    reply = answer.message
    if reply is None or answer.rcode not in (NOERROR, NXDOMAIN):
        raise refusal(answer, conversation, operation="read", what=what)
    if reply.flags & dns.flags.AA:
        return reply
    server = conversation.exchange.server
    cut = _owner(reply.authority, dns.rdatatype.NS)
    if cut is not None and name.is_subdomain(cut) and cut != dns.name.root:
        raise _error(conversation, name, f"the DNS server {server} refers to other servers for the zone {cut}")
    raise _error(conversation, name, f"the DNS server {server} is not authoritative for it")


def _owner(section: list[t.Any], kind: dns.rdatatype.RdataType) -> dns.name.Name | None:
    """The owner of the section's first record of this type."""
    return next((rrset.name for rrset in section if rrset.rdtype == kind), None)


def _error(conversation: Conversation, name: dns.name.Name, problem: str) -> DnsError:
    return DnsError(
        f"Could not read {name}: {problem.rstrip('.')}.",
        operation="read",
        target=conversation.exchange.server,
        hint="Give zone the name of the zone that holds the records, and server the name of a server that has it.",
    )
