# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One authoritative zone as a value: what it answers, and what a dynamic update makes of it.

A `Zone` never changes. `Zone.answer` looks a question up; `apply_update` gives the zone after an UPDATE, or the RCODE
that refuses it as a whole.

Source: RFC 1034 4.3.2 (answers), RFC 2308 (negative answers), RFC 2136 3.1 to 3.4 (updates), RFC 1982 (serials).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.serial
import dns.update
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.SOA import SOA

from lab.effects import ServiceRecord

Key = tuple[dns.name.Name, RdataType]
Rdatas = frozenset[dns.rdata.Rdata]

DEFAULT_TTL = 300
MAX_CNAME_CHAIN = 8
PERMITTED_TYPES = frozenset({RdataType.SRV, RdataType.A, RdataType.AAAA, RdataType.TXT})
"""What the lab's key may change, with BIND and without: more than the product needs, and nothing of the zone itself."""

_META = frozenset({RdataType.ANY, RdataType.AXFR, RdataType.IXFR, RdataType.MAILA, RdataType.MAILB, RdataType.OPT})


class UpdateRefused(Exception):
    """An UPDATE that changes nothing; `rcode` is the answer."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(dns.rcode.to_text(rcode))
        self.rcode = rcode


@dataclass(frozen=True, slots=True)
class RecordSet:
    """The records of one name and type."""

    ttl: int
    rdatas: Rdatas


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question gets."""

    rcode: dns.rcode.Rcode
    answer: tuple[dns.rrset.RRset, ...] = ()
    authority: tuple[dns.rrset.RRset, ...] = ()


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of class IN. Names are absolute; there is always one SOA and one NS set at the origin."""

    origin: dns.name.Name
    records: Mapping[Key, RecordSet]

    @property
    def soa(self) -> SOA:
        """The start of authority."""
        (rdata,) = self.records[self.origin, RdataType.SOA].rdatas
        assert isinstance(rdata, SOA)
        return rdata

    def rdatas(self, name: dns.name.Name, rdtype: RdataType) -> Rdatas:
        """The records of that name and type; empty when there are none."""
        found = self.records.get((name, rdtype))
        return found.rdatas if found else frozenset()

    def types_at(self, name: dns.name.Name) -> frozenset[RdataType]:
        """The record types that exist at a name."""
        return frozenset(rdtype for owner, rdtype in self.records if owner == name)

    def answer(self, name: dns.name.Name, rdtype: RdataType) -> Answer:
        """Answer a question of class IN, following aliases inside the zone."""
        found: list[dns.rrset.RRset] = []
        for _ in range(MAX_CNAME_CHAIN):
            if not name.is_subdomain(self.origin):
                return Answer(dns.rcode.NOERROR if found else dns.rcode.REFUSED, tuple(found))
            types = self.types_at(name)
            wanted = sorted(types) if rdtype == RdataType.ANY else [rdtype] if rdtype in types else []
            if wanted:
                found += [self._rrset(name, each) for each in wanted]
                return Answer(dns.rcode.NOERROR, tuple(found))
            if RdataType.CNAME not in types:
                exists = any(owner.is_subdomain(name) for owner, _ in self.records)
                rcode = dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN
                return Answer(rcode, tuple(found), (self._rrset(self.origin, RdataType.SOA),))
            found.append(self._rrset(name, RdataType.CNAME))
            name = found[-1][0].target
        return Answer(dns.rcode.SERVFAIL)

    def _rrset(self, name: dns.name.Name, rdtype: RdataType) -> dns.rrset.RRset:
        records = self.records[name, rdtype]
        return dns.rrset.from_rdata_list(name, records.ttl, sorted(records.rdatas))


def new_zone(
    origin: dns.name.Name,
    server: str,
    addresses: Mapping[dns.name.Name, str],
    services: Collection[ServiceRecord] = (),
) -> Zone:
    """A fresh zone: SOA, NS with its address, an A record for each of `addresses`, and an SRV record of each host."""
    name_server = dns.name.from_text("ns", origin)
    contact = dns.name.from_text("hostmaster", origin)
    soa = f"{name_server} {contact} 1 900 300 86400 60"
    lines = [(origin, "SOA", soa), (origin, "NS", str(name_server)), (name_server, "A", server)]
    lines += [(name, "A", address) for name, address in addresses.items()]
    records: dict[Key, RecordSet] = {}
    for name, type_name, text in lines:
        rdtype = RdataType.make(type_name)
        rdata = dns.rdata.from_text(RdataClass.IN, rdtype, text)
        records[name, rdtype] = RecordSet(DEFAULT_TTL, frozenset({rdata}))
    if services:
        texts = [service_text(service) for service in services]
        found = frozenset(dns.rdata.from_text(RdataClass.IN, RdataType.SRV, text) for text in texts)
        records[dns.name.from_text("_vlmcs._tcp", origin), RdataType.SRV] = RecordSet(DEFAULT_TTL, found)
    return Zone(origin, records)


def service_text(service: ServiceRecord) -> str:
    """The data of an SRV record as a zone file has it."""
    return f"{service.priority} {service.weight} {service.port} {service.target.rstrip('.')}."


def apply_update(
    zone: Zone, update: dns.update.UpdateMessage, *, permitted: Collection[RdataType] = PERMITTED_TYPES
) -> Zone:
    """The zone after an UPDATE, with a new serial if anything changed; the very same zone if nothing did.

    Raises UpdateRefused: NOTAUTH for another zone, NXDOMAIN, YXDOMAIN, NXRRSET, YXRRSET for prerequisites, REFUSED for
    types that are not `permitted`, NOTZONE and FORMERR. A refused update changes nothing.
    """
    _check_zone(zone, update)
    _check_prerequisites(zone, update)
    for rrset in update.update:
        _check_form(zone, rrset)
        _check_permission(zone, rrset, permitted)
    records = dict(zone.records)
    for rrset in update.update:
        _apply(zone.origin, records, rrset)
    if records == zone.records:
        return zone
    changed = Zone(zone.origin, records)
    return changed if changed.soa.serial != zone.soa.serial else _with_next_serial(changed)


def _check_zone(zone: Zone, update: dns.update.UpdateMessage) -> None:
    if len(update.zone) != 1 or update.zone[0].rdtype != RdataType.SOA:
        raise UpdateRefused(dns.rcode.FORMERR)
    if update.zone[0].name != zone.origin or update.zone[0].rdclass != RdataClass.IN:
        raise UpdateRefused(dns.rcode.NOTAUTH)


def _check_prerequisites(zone: Zone, update: dns.update.UpdateMessage) -> None:
    """RFC 2136 3.2. dnspython has already refused records whose data should be empty and is not."""
    expected: dict[Key, set[dns.rdata.Rdata]] = {}
    for rrset in update.prerequisite:
        if rrset.ttl != 0:
            raise UpdateRefused(dns.rcode.FORMERR)
        if not rrset.name.is_subdomain(zone.origin):
            raise UpdateRefused(dns.rcode.NOTZONE)
        if rrset.deleting is None:
            expected.setdefault((rrset.name, rrset.rdtype), set()).update(rrset)
            continue
        by_name = rrset.rdtype == RdataType.ANY
        exists = bool(zone.types_at(rrset.name) if by_name else zone.rdatas(rrset.name, rrset.rdtype))
        if rrset.deleting == RdataClass.ANY and not exists:
            raise UpdateRefused(dns.rcode.NXDOMAIN if by_name else dns.rcode.NXRRSET)
        if rrset.deleting == RdataClass.NONE and exists:
            raise UpdateRefused(dns.rcode.YXDOMAIN if by_name else dns.rcode.YXRRSET)
    for (name, rdtype), rdatas in expected.items():
        if zone.rdatas(name, rdtype) != rdatas:
            raise UpdateRefused(dns.rcode.NXRRSET)


def _check_form(zone: Zone, rrset: dns.rrset.RRset) -> None:
    """RFC 2136 3.4.1."""
    if not rrset.name.is_subdomain(zone.origin):
        raise UpdateRefused(dns.rcode.NOTZONE)
    any_is_legal = rrset.deleting == RdataClass.ANY
    if rrset.rdtype in _META and not (any_is_legal and rrset.rdtype == RdataType.ANY):
        raise UpdateRefused(dns.rcode.FORMERR)
    if rrset.deleting is None and (rrset.rdclass != RdataClass.IN or not rrset):
        raise UpdateRefused(dns.rcode.FORMERR)
    if rrset.deleting is not None and rrset.ttl != 0:
        raise UpdateRefused(dns.rcode.FORMERR)


def _check_permission(zone: Zone, rrset: dns.rrset.RRset, permitted: Collection[RdataType]) -> None:
    concerned = zone.types_at(rrset.name) if rrset.rdtype == RdataType.ANY else {rrset.rdtype}
    if not concerned <= set(permitted):
        raise UpdateRefused(dns.rcode.REFUSED)


def _apply(origin: dns.name.Name, records: dict[Key, RecordSet], rrset: dns.rrset.RRset) -> None:
    """RFC 2136 3.4.2, one record."""
    if rrset.deleting is None:
        for rdata in rrset:
            _add(origin, records, (rrset.name, rrset.rdtype), rdata, rrset.ttl)
    elif rrset.deleting == RdataClass.ANY:
        for key in list(_keys(records, rrset)):
            if key not in ((origin, RdataType.SOA), (origin, RdataType.NS)):
                del records[key]
    else:
        for rdata in rrset:
            _remove(origin, records, (rrset.name, rrset.rdtype), rdata)


def _keys(records: Mapping[Key, RecordSet], rrset: dns.rrset.RRset) -> Iterator[Key]:
    return (key for key in records if key[0] == rrset.name and rrset.rdtype in (RdataType.ANY, key[1]))


def _add(origin: dns.name.Name, records: dict[Key, RecordSet], key: Key, rdata: dns.rdata.Rdata, ttl: int) -> None:
    name, rdtype = key
    others = {present for owner, present in records if owner == name} - {rdtype}
    if RdataType.CNAME in others or (rdtype == RdataType.CNAME and others):
        return
    before = records.get(key)
    if isinstance(rdata, SOA):
        current = before and next(iter(before.rdatas))
        if name != origin or not isinstance(current, SOA) or _not_newer(rdata.serial, current.serial):
            return
    if rdtype in (RdataType.SOA, RdataType.CNAME) or before is None:
        records[key] = RecordSet(ttl, frozenset({rdata}))
    else:
        records[key] = RecordSet(ttl, before.rdatas | {rdata})


def _remove(origin: dns.name.Name, records: dict[Key, RecordSet], key: Key, rdata: dns.rdata.Rdata) -> None:
    before = records.get(key)
    if before is None or rdata not in before.rdatas or key[1] == RdataType.SOA:
        return
    remaining = before.rdatas - {rdata}
    if remaining:
        records[key] = replace(before, rdatas=remaining)
    elif key != (origin, RdataType.NS):
        del records[key]


def _not_newer(serial: int, current: int) -> bool:
    return not dns.serial.Serial(serial) > dns.serial.Serial(current)


def _with_next_serial(zone: Zone) -> Zone:
    key = (zone.origin, RdataType.SOA)
    serial = (dns.serial.Serial(zone.soa.serial) + 1).value or 1
    soa = replace(zone.records[key], rdatas=frozenset({zone.soa.replace(serial=serial)}))
    return replace(zone, records={**zone.records, key: soa})
