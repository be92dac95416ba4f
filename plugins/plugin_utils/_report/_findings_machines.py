# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about machines: how each is activated, where it asks, and what will end soon. Pure.

Sources: kms_rules.yaml (intervals: 180 days; clock: 4 hours; count_cache: each CMID once); F05, F10, F14.
"""

from __future__ import annotations

import collections
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp._catalogue import refuse_evaluation
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Channel
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import KeyReach, reach_of
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import OperatingSystem

from ._finding import Observation, observed
from ._kinds import Kind, State
from ._machines import Licence, Machine
from ._site import KmsHost, Site

SKEW_AT_MOST: t.Final = 4 * 3600
"""Seconds between a client and its KMS host, above which it is refused (0xC004F06C)."""

DRIFT_AT_MOST: t.Final = 3600
"""Seconds from which a clock is on its way there."""

_BY_STATE: t.Final = {
    State.PENDING: Kind.PENDING,
    State.NOTIFICATION: Kind.NOTIFICATION,
    State.GRACE: Kind.GRACE,
    State.NOT_ACTIVATED: Kind.NOT_ACTIVATED,
}


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a user wants. `channel` None: whatever is there. `expiry_days`: an activation shall last longer."""

    channel: Channel | None = None
    expiry_days: int = 30


def machine_observations(machines: Sequence[Machine], site: Site, expectations: Expectations) -> Iterator[Observation]:
    """All that is wrong with machines."""
    shared = _shared_cmids(machines)
    declared = [host for host in site.hosts if host.is_declared]
    reaches = [
        reach_of(key.description) for host in declared for key in host.keys if key.is_windows and key.is_licensed
    ]
    windows_was_read = any(machine.windows for machine in machines)
    for machine in machines:
        if not machine.is_read:
            yield _unread(machine)
            continue
        if windows_was_read and not machine.windows:
            yield observed(Kind.NO_KEY, machine.name, edition=machine.edition or "Windows")
        if machine.state is not State.NO_KEY:
            yield from _activation(machine, expectations)
            yield from _channel(machine, expectations)
            yield from _host_key(machine, site)
        yield from _evaluation(machine)
        yield from _addresses(machine, site)
        yield from _clock(machine)
        for cmid in machine.cmids:
            if len(shared.get(cmid, ())) > 1:
                yield observed(Kind.DUPLICATE_CMID, machine.name, cmid=cmid, machines=len(shared[cmid]))
        if not machine.is_kms_host:
            yield from _served(machine, reaches, declared)


def _unread(machine: Machine) -> Observation:
    kind = Kind.UNREACHABLE if machine.state is State.UNREACHABLE else Kind.UNREADABLE
    return observed(kind, machine.name, problem=machine.problem)


def _activation(machine: Machine, expectations: Expectations) -> Iterator[Observation]:
    for licence in machine.licences:
        if not licence.is_ours:
            continue
        kind = _BY_STATE.get(licence.state)
        if kind:
            why = licence.why
            yield observed(
                kind,
                machine.name,
                # Some machines tell no reason at all.
                why.hexadecimal if why.code else "",
                product=licence.name,
                channel=licence.channel.value,
                status=licence.status.label,
                code=str(why),
                meaning=why.meaning,
                advice=why.remedy,
            )
        elif _ends_soon(licence, expectations.expiry_days):
            yield observed(
                Kind.EXPIRING,
                machine.name,
                product=licence.name,
                days=licence.days or 0,
                ends=licence.ends,
                host=licence.found or licence.pinned,
            )


def _host_key(machine: Machine, site: Site) -> Iterator[Observation]:
    """A KMS host of the fleet that was read as a client only."""
    host = site.host_of(machine.name.lower())
    for licence in machine.licences:
        if licence.channel is Channel.KMS_HOST and licence.state is not State.ACTIVATED and not (host and host.keys):
            why = licence.why
            yield observed(
                Kind.HOST_NOT_LICENSED,
                machine.name,
                product=licence.name,
                status=licence.status.label,
                code=str(why),
                meaning=why.meaning,
            )


def _ends_soon(licence: Licence, days: int) -> bool:
    """A client renews its 180 days every week: what ends soon was not renewed for months."""
    return licence.channel is Channel.KMS_CLIENT and 0 < (licence.minutes or 0) <= days * 24 * 60


def _channel(machine: Machine, expectations: Expectations) -> Iterator[Observation]:
    wanted = expectations.channel
    windows_by_kms = any(licence.channel is Channel.KMS_CLIENT for licence in machine.windows)
    for licence in machine.licences:
        if not licence.is_ours or wanted is licence.channel:
            continue
        is_mak = licence.channel is Channel.MAK
        if not licence.is_windows and is_mak and (wanted or windows_by_kms):
            yield observed(Kind.OFFICE_ON_MAK, machine.name, product=licence.name, last_five=licence.last_five)
        elif wanted and (licence.is_windows or not is_mak):
            yield observed(
                Kind.WRONG_CHANNEL,
                machine.name,
                product=licence.name,
                channel=licence.channel.value,
                wanted=wanted.value,
            )


def _evaluation(machine: Machine) -> Iterator[Observation]:
    licence = next((each for each in machine.windows if each.channel is Channel.EVALUATION), None)
    if licence or _is_evaluation(machine.system):
        days = licence.days if licence else None
        yield observed(Kind.EVALUATION, machine.name, edition=machine.edition or "Windows", days=days)


def _is_evaluation(system: OperatingSystem | None) -> bool:
    try:
        if system is not None:
            refuse_evaluation(system)
    except NotSupported:
        return True
    return False


def _addresses(machine: Machine, site: Site) -> Iterator[Observation]:
    """Where it asks for its activation, or would. One thing is said of each name."""
    for name in machine.pins:
        silence = site.silence_of(name)
        if site.is_retired(name):
            yield observed(Kind.PINNED_TO_RETIRED_HOST, machine.name, name, host=name)
        elif silence:
            yield observed(Kind.PINNED_TO_DEAD_HOST, machine.name, name, host=name, reason=silence)
        elif site.has_declared_hosts and not site.is_declared(name):
            yield observed(Kind.UNDECLARED_HOST_IN_USE, machine.name, name, host=name, way="pinned")
    if not site.has_declared_hosts:
        return
    for name in machine.hosts:
        if name not in machine.pins and not site.is_declared(name) and not site.is_retired(name):
            yield observed(Kind.UNDECLARED_HOST_IN_USE, machine.name, name, host=name, way="dns")


def _clock(machine: Machine) -> Iterator[Observation]:
    skew = machine.skew_seconds
    if skew is None or abs(skew) <= DRIFT_AT_MOST:
        return
    kind = Kind.CLOCK_SKEW if abs(skew) > SKEW_AT_MOST else Kind.CLOCK_DRIFT
    yield observed(kind, machine.name, minutes=round(skew / 60))


def _shared_cmids(machines: Iterable[Machine]) -> dict[str, set[str]]:
    """CMID -> machines that have it. The service of Office has CMIDs of its own, which are told apart by themselves."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for machine in machines:
        for cmid in machine.cmids:
            found[cmid].add(machine.name)
    return found


def _served(machine: Machine, reaches: Sequence[KeyReach | None], hosts: Iterable[KmsHost]) -> Iterator[Observation]:
    """A Windows that asks KMS hosts, and no key of a declared host is for it. A key that tells nothing may be."""
    system = machine.system
    if system is None or not any(licence.channel is Channel.KMS_CLIENT for licence in machine.windows):
        return
    if reaches and not any(reach is None or reach.serves(system) for reach in reaches):
        yield observed(
            Kind.UNSERVABLE_WINDOWS,
            machine.name,
            edition=machine.edition or "Windows",
            build=system.build,
            hosts=", ".join(host.name for host in hosts),
        )
