# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about KMS hosts, and about what DNS says of them. Pure.

Sources: kms_rules.yaml (thresholds, count_cache, host_key_limits, dns); F05, F14, F16, F17.
"""

from __future__ import annotations

import collections
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Channel
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import (
    ACTIVATIONS_PER_HOST,
    HOSTS_PER_KEY,
    same_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._hresult import NO_ACTIVATIONS_LEFT, explain

from ._finding import Observation, observed
from ._kinds import Kind
from ._machines import Machine, Row
from ._site import HostKey, KmsHost, Site, clean

MOST_COUNTED: t.Final = 50
"""So many CMIDs the count of Windows holds. Source: kms_rules.yaml, count_cache, maximum."""

_COUNTED_DAYS: t.Final = 30
_VALID_DAYS: t.Final = 180

Counts = Mapping[str, int]
"""Of an earlier report: host and last five of its key, joined by a blank -> count."""


def host_observations(site: Site, machines: Sequence[Machine], earlier: Counts) -> Iterator[Observation]:
    """All that is wrong with KMS hosts."""
    renewed = _renewed(machines, site)
    for host in site.hosts:
        if not host.is_declared and site.has_declared_hosts:
            yield observed(Kind.UNMANAGED_HOST, host.name, host=host.name, way="machine")
            continue
        yield from _condition(host)
        for key in host.keys:
            yield from _count(host, key, renewed.get(host.name, set()), earlier)
    yield from _keys(site.hosts)
    yield from _spent(site)


def _condition(host: KmsHost) -> Iterator[Observation]:
    name = host.name
    if host.problem is not None:
        yield observed(Kind.HOST_UNREADABLE, name, problem=host.problem)
    if host.is_down:
        yield observed(Kind.HOST_SERVICE_DOWN, name, state=host.service)
    if host.silence and not host.is_down:
        yield observed(Kind.HOST_NOT_ANSWERING, name, port=host.port, reason=host.silence)
    if host.exposed:
        yield observed(Kind.HOST_EXPOSED, name)
    if host.not_published:
        yield observed(Kind.SRV_NOT_PUBLISHED, name, code=host.not_published, meaning=_meaning(host.not_published))
    if host.service is not None and not host.keys:
        yield observed(Kind.HOST_NOT_LICENSED, name, product="KMS", status="-", code="-", meaning=None)
    for key in host.keys:
        if not key.is_licensed:
            why = explain(key.reason)
            yield observed(
                Kind.HOST_NOT_LICENSED,
                name,
                product=key.name,
                status=key.status.label,
                code=str(why),
                meaning=why.meaning,
            )


def _meaning(code: str) -> str | None:
    try:
        return explain(int(code, 16)).meaning
    except ValueError:
        return None


def _count(host: KmsHost, key: HostKey, renewed: set[str], earlier: Counts) -> Iterator[Observation]:
    """A class that isn't activated yet; and a count that is lower than the machines which it has activated."""
    missing = {name: each for name, each in key.missing.items() if each[0] > 0}
    before = earlier.get(count_key(host.name, key))
    for name, (lacking, threshold) in missing.items() if key.is_licensed else ():
        yield observed(
            Kind.COUNT_LOW,
            host.name,
            name,
            product=key.name,
            requester=name,
            count=key.count,
            threshold=threshold,
            missing=lacking,
        )
    due = min(MOST_COUNTED, len(renewed))
    is_lower = key.is_windows and key.is_licensed and key.count < due
    has_stopped = bool(missing) and before is not None and 0 < key.count <= before
    if is_lower or has_stopped:
        yield observed(
            Kind.COUNT_STUCK,
            host.name,
            product=key.name,
            count=key.count,
            due=due if is_lower else None,
            before=before if has_stopped else None,
        )


def count_key(host: str, key: HostKey) -> str:
    """How a count is found again in a later report."""
    return f"{host} {key.last_five}"


def _renewed(machines: Iterable[Machine], site: Site) -> dict[str, set[str]]:
    """Host -> the different CMIDs of machines whose Windows it has activated within the days that it counts them."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for machine in machines:
        for licence in machine.windows:
            if licence.channel is not Channel.KMS_CLIENT or licence.by_directory or not machine.cmids:
                continue
            name = machine.hosts[0] if machine.hosts else machine.pins[0] if machine.pins else ""
            host = site.host_of(name) if name else None
            if host and licence.days is not None and licence.days > _VALID_DAYS - _COUNTED_DAYS:
                found[host.name].add(machine.cmids[0])
    return found


def _keys(hosts: Iterable[KmsHost]) -> Iterator[Observation]:
    """Keys that Microsoft gives no more activations for."""
    for host in hosts:
        for key in host.keys:
            if key.reason == NO_ACTIVATIONS_LEFT:
                yield observed(Kind.HOST_KEY_LIMIT, host.name, key.last_five or "", refused=key.last_five)


def _spent(site: Site) -> Iterator[Observation]:
    """Keys that will not do for the next host, or for one more activation of the same host.

    Machines of the ledger count for ever, also those that are gone.
    """
    having: dict[str, set[str]] = collections.defaultdict(set)
    for last_five, machines in site.activations.items():
        for machine, times in machines.items():
            host = site.host_of(clean(machine))
            name = host.name if host else clean(machine)
            having[last_five].add(name)
            if times >= ACTIVATIONS_PER_HOST - 1:
                yield observed(Kind.HOST_KEY_LIMIT, name, last_five, key=last_five, times=times)
    for each in site.hosts:
        for key in each.keys:
            if key.last_five and key.is_licensed:
                having[key.last_five].add(each.name)
    for last_five, names in having.items():
        if len(names) >= HOSTS_PER_KEY - 1:
            for name in names:
                yield observed(Kind.HOST_KEY_LIMIT, name, last_five, last_five=last_five, hosts=len(names))


def dns_observations(site: Site) -> Iterator[Observation]:
    """All that is wrong with the records by which machines find their KMS host."""
    srv = site.srv
    if srv is None:
        return
    if srv.get("failed") or srv.get("unreachable"):
        yield observed(Kind.DNS_UNREADABLE, "DNS", problem=str(srv.get("msg") or "srv_info failed"))
        return
    for domain in srv.get("domains") or ():
        name = clean(domain.get("domain") or "")
        if not site.records and not site.has_declared_hosts:
            yield observed(Kind.SRV_MISSING, name, name, domain=name, target=None)
        yield from _records(domain, name, site)
        yield from _servers(domain, name)


def _records(domain: Row, name: str, site: Site) -> Iterator[Observation]:
    records = [row for row in domain.get("records") or () if clean(row["target"])]
    targets = [clean(row["target"]) for row in records]
    if not records and site.has_declared_hosts:
        yield observed(Kind.SRV_MISSING, name, name, domain=name, target=None)
    missing = {clean(row["target"]) for row in domain.get("missing") or ()}
    if records and site.has_declared_hosts and domain.get("missing") is None:
        missing |= {each for each in site.declared_names if not any(same_host(each, target) for target in targets)}
    for target in sorted(missing) if records else ():
        yield observed(Kind.SRV_MISSING, target, name, domain=name, target=target)
    for row, target in zip(records, targets, strict=True):
        gone = site.is_retired(target)
        silent = row.get("status") not in (None, "kms")
        if gone or (silent and not site.is_declared(target)):
            reason = str(row.get("reason") or row.get("status") or "retired")
            yield observed(Kind.SRV_STALE, target, name, domain=name, target=target, reason=reason)
        elif site.has_declared_hosts and not site.is_declared(target) and site.host_of(target) is None:
            yield observed(Kind.UNMANAGED_HOST, target, host=target, way="dns", domain=name)


def _servers(domain: Row, name: str) -> Iterator[Observation]:
    for server in domain.get("servers") or ():
        if server.get("problem"):
            problem = str(server["problem"])
            yield observed(Kind.SRV_DIFFERS, str(server["server"]), name, domain=name, problem=problem)
        elif server.get("agrees") is False:
            lacks = ", ".join(sorted(clean(row["target"]) for row in server.get("lacks") or ())) or "-"
            alone = ", ".join(sorted(clean(row["target"]) for row in server.get("has_alone") or ())) or "-"
            yield observed(Kind.SRV_DIFFERS, str(server["server"]), name, domain=name, lacks=lacks, has_alone=alone)
