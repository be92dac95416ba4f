# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the counts of KMS hosts reach what the machines of a fleet need. Pure.

A request is counted before it is judged: the machine that reaches the threshold is activated itself. A CMID is counted
once, whoever has it. Sources: kms_rules.yaml, thresholds and count_cache (F05, F14).
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ._migration_hosts import KmsHost
from ._migration_machines import Machine, MachineClass, Standing


@dataclass(frozen=True, slots=True)
class Group:
    """The machines of one class that want to be counted in one pool, on the host that is best for them.

    `count` is what the host shows now, `reach` what it shows when every machine of the pool that may move has asked.
    `missing`: how many more machines it takes; 0 for those that can be moved.
    """

    pool: str
    machine_class: MachineClass
    host: KmsHost | None
    machines: tuple[str, ...]
    count: int
    reach: int
    missing: int

    @property
    def threshold(self) -> int:
        """The count from which its machines are activated."""
        return self.machine_class.threshold

    @property
    def seed(self) -> int:
        """How many new machines have to ask the host before the count is high enough."""
        return 0 if self.missing else max(0, self.threshold - self.count)


def pools_of(machines: Iterable[Machine]) -> list[str]:
    """The counts that open licences are about: Windows first."""
    return sorted({licence.pool for machine in machines for licence in machine.open_licences}, reverse=True)


def best_host(machines: Sequence[Machine], hosts: Sequence[KmsHost]) -> KmsHost | None:
    """The host of a plan: that serves most of what is to be moved, then that DNS names first, then that counts most."""

    def rank(host: KmsHost) -> tuple[int, bool, int, int]:
        served = sum(host.serves(machine, each.pool) for machine in machines for each in machine.open_licences)
        return served, host.priority is not None, -(host.priority or 0), sum(key.count for key in host.keys)

    usable = [host for host in hosts if host.problem is None]
    return max(usable, key=rank) if usable else None


def new_identities(pool: str, machines: Iterable[Machine], fleet: Iterable[Machine], host: KmsHost) -> dict[str, str]:
    """CMID -> machine of those that would add one to the host's count when they ask: each CMID once, counted ones not.

    `fleet` has the machines that are activated already, too: a clone of one of them adds nothing.
    """
    counted = {
        machine.identity(pool)
        for machine in fleet
        for licence in machine.licences
        if licence.pool == pool and licence.counted_at is not None and _is_at(licence.counted_at, host)
    }
    new: dict[str, str] = {}
    for machine in machines:
        if machine.licence_in(pool) is not None and machine.identity(pool) not in counted:
            new.setdefault(machine.identity(pool), machine.name)
    return new


def _is_at(counted_at: str, host: KmsHost) -> bool:
    """A machine that was counted nobody knows where is not promised to any host."""
    return not counted_at or host.is_called(counted_at)


def judge_pool(pool: str, machines: Sequence[Machine], fleet: Sequence[Machine], host: KmsHost | None) -> list[Group]:
    """The groups of one pool. Those that need the most are given up first: then their machines don't count either."""
    wanting = [machine for machine in machines if machine.licence_in(pool)]
    found = {licence.machine_class for machine in wanting if (licence := machine.licence_in(pool))}
    classes = sorted(found, key=lambda each: (-each.threshold, each))
    if host is None:
        return [_group(pool, each, None, wanting, 0, 0, each.threshold) for each in classes]
    key = host.key(pool)
    count = key.count if key else 0
    groups = []
    for position, machine_class in enumerate(classes):
        left = [machine for machine in wanting if _class_in(machine, pool) in classes[position:]]
        added = len(new_identities(pool, left, fleet, host))
        reach = min(count + added, key.maximum if key else 0) if added else count
        missing = max(0, machine_class.threshold - reach)
        groups.append(_group(pool, machine_class, host, wanting, count, reach, missing))
        if not missing:
            # All others need less, and this class goes with them.
            groups += [_group(pool, each, host, wanting, count, reach, 0) for each in classes[position + 1 :]]
            break
    return groups


def _group(
    pool: str,
    machine_class: MachineClass,
    host: KmsHost | None,
    wanting: Sequence[Machine],
    count: int,
    reach: int,
    missing: int,
) -> Group:
    names = tuple(machine.name for machine in wanting if _class_in(machine, pool) is machine_class)
    return Group(pool, machine_class, host, names, count, reach, missing)


def _class_in(machine: Machine, pool: str) -> MachineClass | None:
    licence = machine.licence_in(pool)
    return licence.machine_class if licence else None


def standing_counts(machines: Iterable[Machine]) -> dict[str, int]:
    """Machines by where they are: the worst-off licence decides."""
    counts: dict[str, int] = {standing.value: 0 for standing in Standing}
    for machine in machines:
        standings = {licence.standing for licence in machine.licences}
        found = next((standing for standing in Standing if standing in standings), None)
        if found is not None:
            counts[found.value] += 1
    return counts


def group_summary(group: Group) -> dict[str, t.Any]:
    """One item of `pools` of the result."""
    return {
        "pool": group.pool,
        "class": group.machine_class.value,
        "host": group.host.name if group.host else None,
        "threshold": group.threshold,
        "count": group.count,
        "reach": group.reach,
        "missing": group.missing,
        "seed": group.seed,
        "machines": len(group.machines),
        "verdict": "not_ready" if group.missing else "ready_after_seed" if group.seed else "ready",
    }
