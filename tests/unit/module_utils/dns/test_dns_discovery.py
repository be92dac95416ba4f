# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a client finds through a resolver, and how records are ordered, shared out and compared."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from ansible_collections.volact.kms.plugins.module_utils._dns._answers import Conversation
from ansible_collections.volact.kms.plugins.module_utils._dns._discovery import (
    Expected,
    ServerView,
    compare,
    find_addresses,
    find_name_servers,
    find_zone,
    in_order_of_use,
    look_up,
    most_common,
    share,
    side_by_side,
    system_resolver,
)
from ansible_collections.volact.kms.plugins.module_utils._dns._query import NameServer
from ansible_collections.volact.kms.plugins.module_utils._dns._records import SrvRecord, SrvSet
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, DnsError

ZONE = dns.name.from_text("corp.example.test")
NAME = dns.name.from_text("_vlmcs._tcp", ZONE)
SOA = "corp.example.test. 60 IN SOA ns1.corp.example.test. hostmaster.corp.example.test. 1 900 300 86400 60"
#: What the resolver knows, line by line.
KNOWN = f"""
{NAME} 300 IN SRV 0 0 1688 kms01.corp.example.test.
{NAME} 300 IN SRV 10 0 1688 kms02.corp.example.test.
_vlmcs._tcp.branch.example.test. 300 IN CNAME {NAME}
_vlmcs._tcp.loop.example.test. 300 IN CNAME _vlmcs._tcp.loop.example.test.
{SOA}
corp.example.test. 60 IN NS ns2.corp.example.test.
corp.example.test. 60 IN NS ns1.corp.example.test.
ns1.corp.example.test. 60 IN A 192.0.2.53
kms01.corp.example.test. 60 IN A 192.0.2.10
kms01.corp.example.test. 60 IN AAAA 2001:db8::10
"""


class Resolver:
    """An exchange that looks names up for others, in KNOWN, and follows aliases as resolvers do."""

    server = "192.0.2.1 port 53"

    def __init__(self, *, flags: int = dns.flags.RA, rcode: str = "", refuses: str = "nothing.test.") -> None:
        self.flags = flags
        self.rcode = rcode
        self.refuses = dns.name.from_text(refuses)
        self.recursive: list[bool] = []

    def ask(self, message: bytes) -> bytes:
        question = dns.message.from_wire(message)
        self.recursive.append(bool(question.flags & dns.flags.RD))
        reply = dns.message.make_response(question)
        reply.flags |= self.flags
        name, kind = question.question[0].name, question.question[0].rdtype
        if self.rcode or name.is_subdomain(self.refuses):
            reply.set_rcode(dns.rcode.from_text(self.rcode or "REFUSED"))
            return reply.to_wire()
        lines = [line.split(maxsplit=4) for line in KNOWN.strip().splitlines()]
        for _alias in range(3):
            for owner, ttl, _class, held, data in lines:
                if dns.name.from_text(owner) == name and held in (dns.rdatatype.to_text(kind), "CNAME"):
                    rdata = dns.rrset.from_text(owner, int(ttl), "IN", held, data)
                    existing = reply.get_rrset(reply.answer, name, rdata.rdclass, rdata.rdtype)
                    if existing is None:
                        reply.answer.append(rdata)
                    else:
                        existing.update(rdata)
            last = reply.answer[-1] if reply.answer else None
            if last is None or last.rdtype != dns.rdatatype.CNAME:
                break
            name = last[0].target
        if not reply.answer:
            reply.authority.append(dns.rrset.from_text(ZONE, 60, "IN", "SOA", SOA.split(maxsplit=4)[4]))
        return reply.to_wire()


def record(target: str = "kms01", priority: int = 0, weight: int = 0, port: int = 1688) -> SrvRecord:
    return SrvRecord(priority, weight, port, dns.name.from_text(target, ZONE))


def test_records_come_through_a_resolver_that_is_asked_to_look_them_up() -> None:
    resolver = Resolver()
    assert look_up(Conversation(resolver), NAME) == SrvSet(frozenset({record(), record("kms02", 10)}), 300)
    assert resolver.recursive == [True]


def test_records_behind_an_alias_are_found_as_by_a_client() -> None:
    found = look_up(Conversation(Resolver()), dns.name.from_text("_vlmcs._tcp.branch.example.test"))
    assert found.records == {record(), record("kms02", 10)}


def test_a_name_without_records_is_an_empty_set() -> None:
    assert look_up(Conversation(Resolver()), dns.name.from_text("_vlmcs._tcp.nothing.example.test")) == SrvSet()
    assert look_up(Conversation(Resolver(rcode="NXDOMAIN")), NAME) == SrvSet()


@pytest.mark.parametrize(
    ("resolver", "name", "message"),
    [
        (Resolver(rcode="SERVFAIL"), NAME, "192.0.2.1 port 53 failed inside"),
        (Resolver(rcode="REFUSED"), NAME, "192.0.2.1 port 53 refused it (REFUSED)"),
        (
            Resolver(flags=0),
            dns.name.from_text("elsewhere.test"),
            "192.0.2.1 port 53: it looks up nothing for others, and is not authoritative for the name",
        ),
        (
            Resolver(),
            dns.name.from_text("_vlmcs._tcp.loop.example.test"),
            "192.0.2.1 port 53: its answer contradicts itself, or its aliases lead nowhere",
        ),
    ],
)
def test_what_is_no_answer_is_an_error_and_never_an_empty_set(
    resolver: Resolver, name: dns.name.Name, message: str
) -> None:
    with pytest.raises(DnsError) as failed:
        look_up(Conversation(resolver), name)
    assert message in failed.value.message
    assert f"look up the SRV records of {name}" in failed.value.message


def test_addresses_of_both_kinds_are_found() -> None:
    talk = Conversation(Resolver())
    assert find_addresses(talk, dns.name.from_text("kms01", ZONE)) == ("192.0.2.10", "2001:db8::10")


def test_a_machine_without_addresses_is_told_from_one_that_the_server_cannot_tell_about() -> None:
    assert find_addresses(Conversation(Resolver()), dns.name.from_text("kms02", ZONE)) == ()
    talk = Conversation(Resolver(refuses="elsewhere.test."))
    assert find_addresses(talk, dns.name.from_text("kms01.elsewhere.test")) is None


def test_the_zone_is_found_by_the_answer_for_a_name_in_it() -> None:
    assert find_zone(Conversation(Resolver()), NAME) == ZONE
    assert find_zone(Conversation(Resolver()), dns.name.from_text("elsewhere.test")) is None, "not the name's own zone"


def test_the_name_servers_of_a_zone_come_with_their_addresses() -> None:
    assert find_name_servers(Conversation(Resolver()), ZONE) == [
        NameServer(dns.name.from_text("ns1", ZONE), ("192.0.2.53",)),
        NameServer(dns.name.from_text("ns2", ZONE), ()),
    ]


def test_the_resolver_of_this_machine_is_read_from_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    class Configured:
        port = 5353

        def __init__(self, *, configure: bool) -> None:
            self.nameservers = ["127.0.0.1", "127.0.0.2"] if configure else []

    monkeypatch.setattr(dns.resolver, "Resolver", Configured)
    assert system_resolver(5).addresses == ["127.0.0.1", "127.0.0.2"]
    monkeypatch.setattr(Configured, "__init__", lambda self, **_how: setattr(self, "nameservers", []))
    with pytest.raises(BadInput, match="no name server configured"):
        system_resolver(5)


def test_records_are_used_by_priority_and_the_heavier_of_equals_first() -> None:
    records = [record("kms04", 10), record("kms03", 0, 1), record("kms02", 0, 3), record("kms01", 0, 3)]
    assert [str(each.target.labels[0], "ascii") for each in in_order_of_use(records)] == [
        "kms01",
        "kms02",
        "kms03",
        "kms04",
    ]


def test_a_root_target_is_no_kms_host() -> None:
    nothing = SrvRecord(0, 0, 1688, dns.name.root)
    assert in_order_of_use([nothing]) == []
    assert share(nothing, [nothing]) == 0


@pytest.mark.parametrize(
    ("weights", "shares"),
    [((3, 1), (0.75, 0.25)), ((0, 0), (0.5, 0.5)), ((0, 5), (0.0, 1.0)), ((7,), (1.0,))],
)
def test_clients_are_shared_out_by_weight(weights: tuple[int, ...], shares: tuple[float, ...]) -> None:
    records = [record(f"kms{number:02}", 0, weight) for number, weight in enumerate(weights)]
    others = [record("other", 10, 100)]
    assert tuple(share(each, [*records, *others]) for each in records) == shares
    assert share(others[0], [*records, *others]) == 1.0


@pytest.mark.parametrize(
    ("expected", "missing", "surplus"),
    [
        (Expected(dns.name.from_text("KMS01", ZONE), 1688), 0, 0),
        (Expected(dns.name.from_text("kms01", ZONE), 1688, 5, 7), 0, 0),
        (Expected(dns.name.from_text("kms01", ZONE), 1688, 0), 1, 1),
        (Expected(dns.name.from_text("kms01", ZONE), 1688, None, 0), 1, 1),
        (Expected(dns.name.from_text("kms01", ZONE), 1690), 1, 1),
    ],
)
def test_records_are_compared_in_what_is_given(expected: Expected, missing: int, surplus: int) -> None:
    found = [record("kms01", 5, 7)]
    absent, unexpected = compare(found, [expected])
    assert (absent, unexpected) == ([expected][:missing], found[:surplus])


def test_what_most_servers_have_is_the_common_set_and_ttls_count() -> None:
    one, other = SrvSet(frozenset({record()}), 300), SrvSet(frozenset({record()}), 60)
    views = [ServerView("a", other), ServerView("b", one), ServerView("c", one), ServerView("d", None, "silent")]
    assert most_common(views) == one
    assert most_common(views[:2]) == other, "the first of equals"
    assert most_common(views[3:]) is None


def test_work_side_by_side_keeps_its_order() -> None:
    assert side_by_side(lambda number: number * 2, list(range(50))) == list(range(0, 100, 2))
    assert side_by_side(lambda number: number, []) == []
