# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The zone as a value: answers, and RFC 2136 updates rule by rule."""

from __future__ import annotations

import dns.name
import dns.rcode
import dns.rdata
import dns.update
import pytest
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from lab.shell.dns_zone import UpdateRefused, Zone, apply_update, new_zone

ORIGIN = dns.name.from_text("corp.example.test")
WWW = dns.name.from_text("www", ORIGIN)
KMS = dns.name.from_text("_vlmcs._tcp", ORIGIN)
FIRST = "0 0 1688 kms01.corp.example.test."
SECOND = "10 5 1689 kms02.corp.example.test."
EVERY_TYPE = frozenset(RdataType)


@pytest.fixture
def zone() -> Zone:
    return new_zone(ORIGIN, "127.20.0.1", {dns.name.from_text("kms01", ORIGIN): "127.20.0.10"})


def update() -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage(ORIGIN)


def wire(message: dns.update.UpdateMessage) -> dns.update.UpdateMessage:
    """As a server sees it."""
    parsed = dns.message.from_wire(message.to_wire())
    assert isinstance(parsed, dns.update.UpdateMessage)
    return parsed


def after(zone: Zone, message: dns.update.UpdateMessage) -> Zone:
    return apply_update(zone, wire(message), permitted=EVERY_TYPE)


def refusal(zone: Zone, message: dns.update.UpdateMessage, **options: frozenset[RdataType]) -> dns.rcode.Rcode:
    with pytest.raises(UpdateRefused) as caught:
        apply_update(zone, wire(message), **options)
    return caught.value.rcode


def texts(zone: Zone, name: dns.name.Name, rdtype: RdataType) -> set[str]:
    return {rdata.to_text() for rdata in zone.rdatas(name, rdtype)}


def with_srv(zone: Zone, *records: str) -> Zone:
    message = update()
    message.add(KMS, 3600, "SRV", *records)
    return after(zone, message)


def test_a_new_zone_has_soa_ns_and_the_addresses(zone: Zone) -> None:
    assert zone.soa.serial == 1
    assert texts(zone, ORIGIN, RdataType.NS) == {"ns.corp.example.test."}
    assert texts(zone, dns.name.from_text("ns", ORIGIN), RdataType.A) == {"127.20.0.1"}
    assert texts(zone, dns.name.from_text("kms01", ORIGIN), RdataType.A) == {"127.20.0.10"}


def test_a_record_that_exists_is_answered(zone: Zone) -> None:
    answer = with_srv(zone, FIRST, SECOND).answer(KMS, RdataType.SRV)
    assert answer.rcode == dns.rcode.NOERROR
    assert {rdata.to_text() for rdata in answer.answer[0]} == {FIRST, SECOND}
    assert answer.answer[0].ttl == 3600


def test_names_match_in_any_letter_case(zone: Zone) -> None:
    assert zone.answer(dns.name.from_text("KMS01.Corp.Example.TEST"), RdataType.A).answer


def test_a_name_that_does_not_exist_is_nxdomain_with_the_soa(zone: Zone) -> None:
    answer = zone.answer(WWW, RdataType.A)
    assert answer.rcode == dns.rcode.NXDOMAIN
    assert answer.authority[0].rdtype == RdataType.SOA


@pytest.mark.parametrize("name", ["kms01", "_tcp"])
def test_another_type_and_an_empty_non_terminal_are_no_data(zone: Zone, name: str) -> None:
    answer = with_srv(zone, FIRST).answer(dns.name.from_text(name, ORIGIN), RdataType.TXT)
    assert (answer.rcode, answer.answer) == (dns.rcode.NOERROR, ())
    assert answer.authority[0].rdtype == RdataType.SOA


def test_a_name_outside_the_zone_is_refused(zone: Zone) -> None:
    assert zone.answer(dns.name.from_text("example.org"), RdataType.A).rcode == dns.rcode.REFUSED


def test_any_asks_for_every_type(zone: Zone) -> None:
    answer = zone.answer(ORIGIN, RdataType.ANY)
    assert {rrset.rdtype for rrset in answer.answer} == {RdataType.SOA, RdataType.NS}


def test_an_alias_is_followed_inside_the_zone(zone: Zone) -> None:
    message = update()
    message.add(WWW, 300, "CNAME", "kms01.corp.example.test.")
    answer = after(zone, message).answer(WWW, RdataType.A)
    assert [rrset.rdtype for rrset in answer.answer] == [RdataType.CNAME, RdataType.A]


def test_an_alias_out_of_the_zone_is_answered_alone(zone: Zone) -> None:
    message = update()
    message.add(WWW, 300, "CNAME", "www.example.org.")
    answer = after(zone, message).answer(WWW, RdataType.A)
    assert (answer.rcode, len(answer.answer)) == (dns.rcode.NOERROR, 1)


def test_a_circle_of_aliases_is_a_server_failure(zone: Zone) -> None:
    message = update()
    message.add(WWW, 300, "CNAME", str(WWW))
    assert after(zone, message).answer(WWW, RdataType.A).rcode == dns.rcode.SERVFAIL


def test_an_update_for_another_zone_is_notauth(zone: Zone) -> None:
    message = dns.update.UpdateMessage("example.org")
    message.add("www.example.org.", 300, "A", "192.0.2.1")
    assert refusal(zone, message) == dns.rcode.NOTAUTH


def test_an_update_for_a_zone_below_is_notauth(zone: Zone) -> None:
    message = dns.update.UpdateMessage("sub.corp.example.test")
    assert refusal(zone, message) == dns.rcode.NOTAUTH


def test_adding_a_record_keeps_the_others_and_counts_the_serial(zone: Zone) -> None:
    changed = with_srv(with_srv(zone, FIRST), SECOND)
    assert texts(changed, KMS, RdataType.SRV) == {FIRST, SECOND}
    assert changed.soa.serial == 3


def test_an_identical_record_changes_nothing_not_even_the_serial(zone: Zone) -> None:
    once = with_srv(zone, FIRST)
    assert with_srv(once, FIRST) is once


def test_another_ttl_is_a_change_of_the_whole_set(zone: Zone) -> None:
    message = update()
    message.add(KMS, 60, "SRV", FIRST)
    changed = after(with_srv(zone, FIRST, SECOND), message)
    assert changed.records[KMS, RdataType.SRV].ttl == 60
    assert texts(changed, KMS, RdataType.SRV) == {FIRST, SECOND}
    assert changed.soa.serial == 3


def test_one_record_of_a_set_is_removed(zone: Zone) -> None:
    message = update()
    message.delete(KMS, "SRV", FIRST)
    assert texts(after(with_srv(zone, FIRST, SECOND), message), KMS, RdataType.SRV) == {SECOND}


def test_the_last_record_takes_its_set_with_it(zone: Zone) -> None:
    message = update()
    message.delete(KMS, "SRV", FIRST)
    assert (KMS, RdataType.SRV) not in after(with_srv(zone, FIRST), message).records


def test_removing_what_is_not_there_changes_nothing(zone: Zone) -> None:
    message = update()
    message.delete(KMS, "SRV", FIRST)
    message.delete(WWW)
    message.delete(WWW, "A")
    assert after(zone, message) is zone


def test_a_set_and_a_whole_name_are_removed(zone: Zone) -> None:
    prepare = update()
    prepare.add(WWW, 300, "A", "192.0.2.1")
    prepare.add(WWW, 300, "TXT", "text")
    both = after(zone, prepare)
    one = update()
    one.delete(WWW, "A")
    assert both.types_at(WWW) == {RdataType.A, RdataType.TXT}
    assert after(both, one).types_at(WWW) == {RdataType.TXT}
    everything = update()
    everything.delete(WWW)
    assert after(both, everything).types_at(WWW) == frozenset()


def test_records_of_one_update_are_applied_in_order(zone: Zone) -> None:
    message = update()
    message.delete(KMS, "SRV")
    message.add(KMS, 300, "SRV", SECOND)
    changed = after(with_srv(zone, FIRST), message)
    assert texts(changed, KMS, RdataType.SRV) == {SECOND}
    assert changed.soa.serial == 3


def test_the_update_is_atomic(zone: Zone) -> None:
    message = update()
    message.add(WWW, 300, "A", "192.0.2.1")
    message.add("www.example.org.", 300, "A", "192.0.2.1")
    assert refusal(zone, message, permitted=EVERY_TYPE) == dns.rcode.NOTZONE
    assert not zone.types_at(WWW)


def test_soa_and_ns_of_the_origin_survive_deletion(zone: Zone) -> None:
    for arguments in ((), ("SOA",), ("NS",), ("NS", "ns.corp.example.test."), ("SOA", zone.soa.to_text())):
        message = update()
        message.delete(ORIGIN, *arguments)
        assert after(zone, message) is zone, arguments


def test_one_of_two_name_servers_can_be_removed(zone: Zone) -> None:
    prepare = update()
    prepare.add(ORIGIN, 300, "NS", "ns2.corp.example.test.")
    two = after(zone, prepare)
    message = update()
    message.delete(ORIGIN, "NS", "ns.corp.example.test.")
    assert texts(after(two, message), ORIGIN, RdataType.NS) == {"ns2.corp.example.test."}


def test_an_alias_and_other_records_exclude_each_other(zone: Zone) -> None:
    alias = update()
    alias.add(dns.name.from_text("kms01", ORIGIN), 300, "CNAME", "www.corp.example.test.")
    assert after(zone, alias) is zone
    prepare = update()
    prepare.add(WWW, 300, "CNAME", "kms01.corp.example.test.")
    aliased = after(zone, prepare)
    address = update()
    address.add(WWW, 300, "A", "192.0.2.1")
    assert after(aliased, address) is aliased
    another = update()
    another.add(WWW, 300, "CNAME", "ns.corp.example.test.")
    assert texts(after(aliased, another), WWW, RdataType.CNAME) == {"ns.corp.example.test."}


@pytest.mark.parametrize(("serial", "expected"), [(5, 5), (1, 1), (0, 1), (2**31, 2**31), (2**31 + 2, 1)])
def test_an_soa_replaces_only_an_older_one(zone: Zone, serial: int, expected: int) -> None:
    message = update()
    message.add(ORIGIN, 300, dns.rdata.from_text("IN", "SOA", zone.soa.replace(serial=serial).to_text()))
    assert after(zone, message).soa.serial == expected


def test_an_soa_elsewhere_than_at_the_origin_is_ignored(zone: Zone) -> None:
    message = update()
    message.add(WWW, 300, dns.rdata.from_text("IN", "SOA", zone.soa.replace(serial=9).to_text()))
    assert after(zone, message) is zone


def test_the_serial_wraps_around_zero(zone: Zone) -> None:
    for serial in (2**31, 2**32 - 1):
        message = update()
        message.add(ORIGIN, 300, dns.rdata.from_text("IN", "SOA", zone.soa.replace(serial=serial).to_text()))
        zone = after(zone, message)
    assert with_srv(zone, FIRST).soa.serial == 1


def test_types_that_are_not_permitted_are_refused(zone: Zone) -> None:
    for rdtype, text in (
        ("NS", "ns2.corp.example.test."),
        ("CNAME", "x.corp.example.test."),
        ("SOA", zone.soa.to_text()),
    ):
        message = update()
        message.add(WWW, 300, rdtype, text)
        assert refusal(zone, message) == dns.rcode.REFUSED
    whole_name = update()
    whole_name.delete(ORIGIN)
    assert refusal(zone, whole_name) == dns.rcode.REFUSED


@pytest.mark.parametrize(
    ("rdtype", "text"),
    [("SRV", FIRST), ("A", "192.0.2.1"), ("AAAA", "2001:db8::1"), ("TXT", '"text"')],
)
def test_the_permitted_types_can_be_added(zone: Zone, rdtype: str, text: str) -> None:
    message = update()
    message.add(WWW, 300, rdtype, text)
    assert texts(apply_update(zone, wire(message)), WWW, RdataType.make(rdtype)) == {text}


def test_name_in_use(zone: Zone) -> None:
    message = update()
    message.present(WWW)
    assert refusal(zone, message) == dns.rcode.NXDOMAIN
    message = update()
    message.present(ORIGIN)
    assert after(zone, message) is zone


def test_name_not_in_use(zone: Zone) -> None:
    message = update()
    message.absent(ORIGIN)
    assert refusal(zone, message) == dns.rcode.YXDOMAIN
    message = update()
    message.absent(WWW)
    assert after(zone, message) is zone


def test_record_set_exists(zone: Zone) -> None:
    message = update()
    message.present(KMS, "SRV")
    assert refusal(zone, message) == dns.rcode.NXRRSET
    assert after(published := with_srv(zone, FIRST), message) is published


def test_record_set_does_not_exist(zone: Zone) -> None:
    message = update()
    message.absent(KMS, "SRV")
    assert after(zone, message) is zone
    assert refusal(with_srv(zone, FIRST), message) == dns.rcode.YXRRSET


def test_record_set_has_exactly_these_records(zone: Zone) -> None:
    message = update()
    message.present(KMS, "SRV", FIRST)
    message.present(KMS, "SRV", SECOND)
    both = with_srv(zone, SECOND, FIRST)
    assert after(both, message) is both
    assert refusal(with_srv(zone, FIRST), message) == dns.rcode.NXRRSET
    assert refusal(zone, message) == dns.rcode.NXRRSET
    one = update()
    one.present(KMS, "SRV", FIRST)
    assert refusal(both, one) == dns.rcode.NXRRSET


def test_a_prerequisite_outside_the_zone_is_notzone(zone: Zone) -> None:
    message = update()
    message.present("www.example.org.")
    assert refusal(zone, message) == dns.rcode.NOTZONE


def test_a_failed_prerequisite_comes_before_permission(zone: Zone) -> None:
    message = update()
    message.present(WWW)
    message.add(ORIGIN, 300, "NS", "ns2.corp.example.test.")
    assert refusal(zone, message) == dns.rcode.NXDOMAIN


def test_a_prerequisite_with_a_ttl_is_malformed(zone: Zone) -> None:
    message = wire(update())
    srv = dns.rdata.from_text("IN", "SRV", FIRST)
    message.prerequisite.append(dns.rrset.from_rdata(KMS, 60, srv))
    with pytest.raises(UpdateRefused) as caught:
        apply_update(with_srv(zone, FIRST), message)
    assert caught.value.rcode == dns.rcode.FORMERR


def test_a_meta_type_is_malformed(zone: Zone) -> None:
    message = update()
    message.delete(WWW, "AXFR")
    assert refusal(zone, message) == dns.rcode.FORMERR


def test_a_record_of_another_class_is_malformed(zone: Zone) -> None:
    message = wire(update())
    message.update.append(dns.rrset.from_text(WWW, 300, RdataClass.CH, "TXT", "text"))
    with pytest.raises(UpdateRefused) as caught:
        apply_update(zone, message)
    assert caught.value.rcode == dns.rcode.FORMERR


def test_a_deletion_with_a_ttl_is_malformed(zone: Zone) -> None:
    message = update()
    message.delete(KMS, "SRV", FIRST)
    parsed = wire(message)
    parsed.update[0].ttl = 60
    with pytest.raises(UpdateRefused) as caught:
        apply_update(zone, parsed)
    assert caught.value.rcode == dns.rcode.FORMERR
