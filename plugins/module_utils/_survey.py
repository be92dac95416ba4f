# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A look at the KMS records of several domains: what clients find, what each server has, and who answers there."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ._dns._answers import Conversation
from ._dns._discovery import (
    Expected,
    ServerView,
    addresses_of,
    compare,
    find_name_servers,
    find_zone,
    in_order_of_use,
    look_up,
    most_common,
    share,
    side_by_side,
    system_resolver,
    view,
)
from ._dns._exchange import SocketExchange
from ._dns._names import parse_service, parse_target, parse_zone
from ._dns._records import SrvRecord, SrvSet
from ._errors import BadInput
from ._rpc._bind import Status
from ._rpc._endpoints import Endpoint, Finding, Sighting, is_public
from ._rpc._probe import probe_all

if t.TYPE_CHECKING:
    import dns.name

#: Connections that a check has open at a time.
_AT_ONCE = 64

#: A target and its port.
Named = tuple["dns.name.Name", int]
Probes = Mapping[Named, Finding]


@dataclass(frozen=True, slots=True)
class Domain:
    """A suffix, the name of its records, and which records should be there (None: nobody said)."""

    suffix: dns.name.Name
    name: dns.name.Name
    expected: tuple[Expected, ...] | None


@dataclass(frozen=True, slots=True)
class Survey:
    """The checked form of the module's options. `servers` None: those that each zone names."""

    domains: tuple[Domain, ...]
    exchange: SocketExchange
    servers: tuple[str, ...] | None
    port: int
    timeout: float
    check_timeout: float | None

    @classmethod
    def from_options(cls, options: Mapping[str, t.Any]) -> Survey:
        """Raises `BadInput`, and `NoAnswer` when the server's name has no address."""
        suffixes = list(dict.fromkeys(parse_zone(each) for each in options["domains"]))
        if not suffixes:
            raise BadInput("The list of domains is empty. Name at least one.", operation="check the options")
        servers = options["verify_servers"]
        if servers is not None and not all(each.strip("[]") for each in servers):
            raise BadInput("An item of verify_servers is empty. Give names or addresses of DNS servers.")
        port, timeout = options["server_port"], options["timeout"]
        exchange = (
            system_resolver(timeout) if options["server"] is None else SocketExchange(options["server"], port, timeout)
        )
        return cls(
            tuple(
                Domain(each, parse_service(options["service"], each), _expected(options["expected"], each))
                for each in suffixes
            ),
            exchange,
            None if servers is None else tuple(dict.fromkeys(servers)),
            port,
            timeout,
            options["check_timeout"] if options["check"] else None,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in one domain."""

    domain: Domain
    zone: dns.name.Name | None
    records: SrvSet
    servers: tuple[ServerView, ...]
    addresses: Mapping[dns.name.Name, tuple[str, ...] | None]

    @property
    def disagreement(self) -> bool:
        return any(each.records != most_common(self.servers) for each in self.servers)

    def as_result(self, probes: Probes) -> dict[str, t.Any]:
        """One item of the result's `domains`: builtins only."""
        common = most_common(self.servers)
        ordered = in_order_of_use(self.records.records)
        silent = sorted(self.records.records - set(ordered))
        missing, unexpected = compare(self.records.records, self.domain.expected or ())
        unasked = self.domain.expected is None
        return {
            "domain": self.domain.suffix.to_text(),
            "name": self.domain.name.to_text(),
            "zone": None if self.zone is None else self.zone.to_text(),
            "records": [self._record(each, probes) for each in [*ordered, *silent]],
            "servers": [_server(each, common) for each in self.servers],
            "servers_agree": not self.disagreement if self.servers else None,
            "missing": None if unasked else [_plain(each) for each in missing],
            "unexpected": None if unasked else [_plain(each) for each in unexpected],
            "stale": None if unasked or not probes else [_plain(each) for each in unexpected if _is_gone(each, probes)],
        }

    def _record(self, record: SrvRecord, probes: Probes) -> dict[str, t.Any]:
        finding = probes.get(record.endpoint)
        addresses = self.addresses.get(record.target) or ()
        known = [{**_UNCHECKED, "address": each, "public": is_public(each)} for each in addresses]
        return {
            **_plain(record),
            "ttl": self.records.ttl,
            "first_choice_percent": round(100 * share(record, self.records.records), 1),
            "status": None if finding is None else finding.best.status.value,
            "reason": None if finding is None else finding.best.reason,
            "addresses": known if finding is None else [each.as_result() for each in finding.sightings],
        }


_UNCHECKED: t.Final[dict[str, t.Any]] = {
    "status": None,
    "reason": None,
    "connect_milliseconds": None,
    "answer_milliseconds": None,
}


def survey(task: Survey) -> tuple[dict[str, t.Any], list[Finding]]:
    """The module's result, and a finding for each endpoint that the records name, checked or not.

    Raises `DnsError` when a domain cannot be looked up; a domain without records is no error. An authoritative server
    that cannot be read is part of the result.
    """
    seen = [_look(task, domain) for domain in task.domains]
    named = {
        record.endpoint: each.addresses[record.target]
        for each in seen
        for record in in_order_of_use(each.records.records)
    }
    checked = task.check_timeout is not None
    findings = _check(named, task.check_timeout) if task.check_timeout is not None else {}
    order = next((ordered for each in seen if (ordered := in_order_of_use(each.records.records))), [])
    expecting = [each for each in seen if each.domain.expected is not None]
    as_expected = not any(any(compare(each.records.records, each.domain.expected or ())) for each in expecting)
    result = {
        "changed": False,
        "domain": next((each.domain.suffix.to_text() for each in seen if in_order_of_use(each.records.records)), None),
        "order": list(dict.fromkeys(str(_endpoint(each.endpoint)) for each in order)),
        "domains": [each.as_result(findings) for each in seen],
        "servers_agree": not any(each.disagreement for each in seen) if any(each.servers for each in seen) else None,
        "as_expected": as_expected if expecting else None,
        "all_kms": _all_kms(findings.values()) if checked else None,
    }
    return result, list(findings.values()) if checked else [_unchecked(*each) for each in named.items()]


def _all_kms(findings: Iterable[Finding]) -> bool:
    return {each.best.status for each in findings} == {Status.KMS}


def _look(task: Survey, domain: Domain) -> Seen:
    resolver = Conversation(task.exchange)
    records = look_up(resolver, domain.name)
    zone, servers = _authorities(task, resolver, domain)
    targets = sorted({record.target for record in in_order_of_use(records.records)})
    return Seen(domain, zone, records, servers, addresses_of(resolver, targets))


def _authorities(
    task: Survey, resolver: Conversation, domain: Domain
) -> tuple[dns.name.Name | None, tuple[ServerView, ...]]:
    """The zone that holds the records, and what each of its servers has."""
    zone = find_zone(resolver, domain.name)
    if zone is None:
        return None, ()
    if task.servers is None:
        known = [(each.name.to_text(omit_final_dot=True), each.addresses) for each in find_name_servers(resolver, zone)]
    else:
        known = [(each, ()) for each in task.servers]

    def look(server: tuple[str, tuple[str, ...]]) -> ServerView:
        called, addresses = server
        connect = functools.partial(SocketExchange, called, task.port, task.timeout, addresses=addresses)
        return view(connect, called, zone, domain.name)

    return zone, tuple(side_by_side(look, known))


def _is_gone(record: SrvRecord, probes: Probes) -> bool:
    """Whether nothing that activates anybody answers where the record points to."""
    finding = probes.get(record.endpoint)
    return finding is None or finding.best.status is not Status.KMS


def _check(named: Mapping[Named, tuple[str, ...] | None], timeout: float) -> dict[Named, Finding]:
    """Ask each endpoint once, however many records name it. One that DNS knows to have no address is not asked.

    Of a name that the DNS server cannot tell us about, this machine is asked for the addresses.
    """
    asked = [key for key, addresses in named.items() if addresses != ()]
    endpoints = [_endpoint(key, named[key] or ()) for key in asked]
    found = dict(zip(asked, probe_all(endpoints, timeout=timeout, concurrency=_AT_ONCE), strict=True))
    return {key: found.get(key) or _without_address(key) for key in named}


def _endpoint(named: Named, addresses: tuple[str, ...] = ()) -> Endpoint:
    target, port = named
    return Endpoint(target.to_text(omit_final_dot=True), port, addresses)


def _without_address(named: Named) -> Finding:
    return Finding(_endpoint(named), problem=Sighting("", Status.NAME_NOT_FOUND, "has no address in DNS"))


def _unchecked(named: Named, addresses: tuple[str, ...] | None) -> Finding:
    """So that public addresses are warned about without a check, too."""
    sightings = tuple(Sighting(address, Status.UNREACHABLE, "was not asked") for address in addresses or ())
    return Finding(_endpoint(named), sightings) if sightings else _without_address(named)


def _expected(items: Iterable[Mapping[str, t.Any]] | None, suffix: dns.name.Name) -> tuple[Expected, ...] | None:
    if items is None:
        return None
    return tuple(
        Expected(parse_target(item["target"], suffix), item["port"], item["priority"], item["weight"]) for item in items
    )


def _server(seen: ServerView, common: SrvSet | None) -> dict[str, t.Any]:
    """One item of a domain's `servers`, compared with what most servers have."""
    own = seen.records
    there = common.records if common else frozenset[SrvRecord]()
    return {
        "server": seen.server,
        "agrees": own is not None and own == common,
        "problem": seen.problem or None,
        "ttl": own.ttl if own else None,
        "records": None if own is None else [_plain(each) for each in own.ordered()],
        "lacks": [] if own is None else [_plain(each) for each in sorted(there - own.records)],
        "has_alone": [] if own is None else [_plain(each) for each in sorted(own.records - there)],
    }


def _plain(record: SrvRecord | Expected) -> dict[str, t.Any]:
    return {
        "target": record.target.to_text(),
        "port": record.port,
        "priority": record.priority,
        "weight": record.weight,
    }


def disagreements(result: Mapping[str, t.Any]) -> list[str]:
    """A sentence for each domain whose servers differ, or cannot all be read."""
    return [
        f"The DNS servers of {domain['zone']} do not agree on {domain['name']}: "
        + " ".join(_told(server) for server in domain["servers"] if not server["agrees"])
        for domain in result["domains"]
        if domain["servers_agree"] is False
    ]


def _told(server: Mapping[str, t.Any]) -> str:
    if server["problem"]:
        return str(server["problem"])
    parts = [
        f"{verb} {', '.join(_line(each) for each in server[key])}"
        for key, verb in (("lacks", "lacks"), ("has_alone", "has alone"))
        if server[key]
    ]
    return f"{server['server']} {' and '.join(parts) or 'has another TTL, ' + str(server['ttl'])}."


def _line(record: Mapping[str, t.Any]) -> str:
    return f"{record['priority']} {record['weight']} {record['port']} {record['target']}"
