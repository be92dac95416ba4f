# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The seed of a migration: the machines that go first, as few as lift the counts, and one of each subnet. Pure."""

from __future__ import annotations

import enum
import itertools
import typing as t
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ._migration_counts import new_identities
from ._migration_hosts import KmsHost
from ._migration_machines import Machine, MachineClass


class Why(str, enum.Enum):
    """Why a machine goes first."""

    CANARY = "canary"
    SUBNET = "first of its subnet"
    WAITING = "has its new key already"
    COUNT = "counts for the KMS host"


@dataclass(frozen=True, slots=True)
class Demand:
    """A count that the seed has to lift: `machines` new CMIDs in `pool` on `host`."""

    pool: str
    host: KmsHost
    machines: int


@dataclass(frozen=True, slots=True)
class Seedling:
    """One machine of the seed, and the host that it asks."""

    machine: Machine
    host: KmsHost
    why: Why


@dataclass(slots=True)
class Seed:
    """The seed while it grows. `fleet`: every machine that was read, also those that are done."""

    fleet: Sequence[Machine]
    seedlings: dict[str, Seedling] = field(default_factory=dict)

    def take(self, machine: Machine, host: KmsHost, why: Why) -> None:
        """Put a machine into it, once."""
        self.seedlings.setdefault(machine.name, Seedling(machine, host, why))

    def asking(self, host: KmsHost) -> list[Machine]:
        """The machines that will ask a host."""
        return [seedling.machine for seedling in self.seedlings.values() if seedling.host == host]

    def identities(self, pool: str, host: KmsHost, further: Iterable[Machine] = ()) -> dict[str, str]:
        """What they add to its count."""
        return new_identities(pool, [*self.asking(host), *further], self.fleet, host)


def choose_seed(
    machines: Sequence[Machine],
    fleet: Sequence[Machine],
    host: KmsHost,
    demands: Sequence[Demand],
    others: Sequence[Demand],
    canaries: Collection[str],
) -> tuple[list[Seedling], list[Demand]]:
    """Which of `machines` go first: canaries, one of each subnet, and what the counts still lack.

    `demands` are of `host`, and can be met. `others` are of hosts that machines may find in DNS as well; those that
    cannot be met are returned, and none of their machines are in the seed.
    """
    seed = Seed(fleet)
    ordered = sorted(machines, key=lambda machine: _rank(machine, canaries))
    for machine in ordered:
        if machine.name in canaries:
            seed.take(machine, host, Why.CANARY)
    _one_of_each_subnet(seed, ordered, host)
    for demand in demands:
        for machine in ordered:
            if machine.has_changed and machine.licence_in(demand.pool):
                seed.take(machine, host, Why.WAITING)
        _meet(seed, ordered, demand)
    unmet = [demand for demand in others if not _meet(seed, ordered, demand)]
    return list(seed.seedlings.values()), unmet


def _rank(machine: Machine, canaries: Collection[str]) -> tuple[bool, bool, bool]:
    """Canaries, then those that have nothing to lose any more, then servers, which are activated from 5 on."""
    is_server = any(licence.machine_class is MachineClass.SERVER for licence in machine.open_licences)
    return machine.name not in canaries, not machine.has_changed, not is_server


def _one_of_each_subnet(seed: Seed, ordered: Iterable[Machine], host: KmsHost) -> None:
    covered = {seedling.machine.subnet for seedling in seed.seedlings.values()}
    # A machine that was tried before may never come through: the others of its subnet would wait for it in vain.
    for machine in sorted(ordered, key=lambda machine: machine.has_changed):
        if machine.subnet not in covered:
            covered.add(machine.subnet)
            seed.take(machine, host, Why.SUBNET)


def _meet(seed: Seed, ordered: Iterable[Machine], demand: Demand) -> bool:
    """Take machines until a count is reached; none at all where there are too few."""
    lacking = demand.machines - len(seed.identities(demand.pool, demand.host))
    if lacking <= 0:
        return True
    chosen = list(itertools.islice(_adding(seed, ordered, demand), lacking))
    if len(chosen) < lacking:
        return False
    for machine in chosen:
        seed.take(machine, demand.host, Why.COUNT)
    return True


def _adding(seed: Seed, ordered: Iterable[Machine], demand: Demand) -> Iterator[Machine]:
    """The machines, not of the seed yet, of which each adds one more."""
    present = set(seed.identities(demand.pool, demand.host))
    for machine in ordered:
        if machine.name in seed.seedlings or machine.licence_in(demand.pool) is None:
            continue
        added = set(new_identities(demand.pool, [machine], seed.fleet, demand.host)) - present
        if added:
            present |= added
            yield machine


def seedling_summary(seedling: Seedling, *, pinned: bool) -> dict[str, t.Any]:
    """One item of `seed` of the result."""
    return {
        "machine": seedling.machine.name,
        "subnet": seedling.machine.subnet,
        "why": seedling.why.value,
        "kms_host": seedling.host.target if pinned else None,
        "kms_port": seedling.host.port if pinned else None,
    }
