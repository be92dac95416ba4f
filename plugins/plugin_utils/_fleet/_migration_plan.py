# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a migration from MAK to KMS: a verdict, and which machines go when. Pure.

Either a count is there, or a seed of machines that are pinned to one KMS host lifts it, or nothing is changed at all.
Source: F25 of the project's requirements; kms_rules.yaml, thresholds and dns.selection.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ._migration_counts import Group, best_host, judge_pool, pools_of, standing_counts
from ._migration_hosts import Directory, KmsHost, Stranger, read_hosts
from ._migration_journal import Journal
from ._migration_machines import Machine, Rules, clones, read_machine
from ._migration_rows import Row
from ._migration_seed import Demand, Seedling, choose_seed


class Verdict(str, enum.Enum):
    """Whether machines can be moved now."""

    READY = "ready"
    AFTER_SEED = "ready_after_seed"
    NOT_READY = "not_ready"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a user decides. `batch`: machines of a wave, as a number or in percent of those that are left.

    `host`: the KMS host to move to, by its name among the hosts. `keep_pinned`: machines never look in DNS.
    `mak_budget`: activations that the MAK has left for a rollback; None: nobody said.
    """

    rules: Rules = field(default_factory=Rules)
    canaries: frozenset[str] = frozenset()
    subnets: Mapping[str, str] = field(default_factory=dict)
    batch: str = "10%"
    host: str | None = None
    keep_pinned: bool = False
    rollback: bool = False
    mak_budget: int | None = None


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What is to be done. `machines`: all that were given; `moving`: those that this plan moves.

    `groups` can be moved, `held` cannot: their machines stay as they are. `stranding`: why machines must not look in
    DNS yet, so that they stay pinned. `obstacles`: what keeps everything from moving.
    """

    wishes: Wishes
    machines: tuple[Machine, ...]
    moving: tuple[Machine, ...]
    hosts: tuple[KmsHost, ...]
    host: KmsHost | None
    directory: Directory
    groups: tuple[Group, ...] = ()
    held: tuple[Group, ...] = ()
    seed: tuple[Seedling, ...] = ()
    demands: tuple[Demand, ...] = ()
    obstacles: tuple[str, ...] = ()
    stranding: tuple[str, ...] = ()
    unpin: tuple[str, ...] = ()
    journal: Journal = field(default_factory=Journal)

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.obstacles or (self.held and not self.groups):
            return Verdict.NOT_READY
        return Verdict.AFTER_SEED if self.demands else Verdict.READY

    @property
    def missing(self) -> int:
        """How many machines it takes before anything can be moved."""
        return max((group.missing for group in self.held), default=0) if self.verdict is Verdict.NOT_READY else 0

    @property
    def is_pinned(self) -> bool:
        """Whether machines stay pinned to the host."""
        return self.wishes.keep_pinned or bool(self.stranding)

    @property
    def batch(self) -> int:
        """How many machines a wave has."""
        return batch_size(self.wishes.batch, len(self.moving) - len(self.seed))

    @property
    def duplicates(self) -> list[tuple[str, list[str]]]:
        """CMIDs that several machines share."""
        return clones(self.machines)

    @property
    def standings(self) -> dict[str, int]:
        """Machines by where they are, of all that were given."""
        return standing_counts(self.machines)


def batch_size(batch: str, machines: int) -> int:
    """A number as it is, or a share of the machines; at least 1."""
    number = int(batch.rstrip("%"))
    return max(1, machines * number // 100) if batch.endswith("%") else max(1, number)


def plan_migration(
    records: Iterable[Row],
    hosts: Iterable[Row],
    srv: Row | None,
    endpoints: Row | None,
    wishes: Wishes,
    journal: Journal | None = None,
) -> MigrationPlan:
    """The plan, from fleet records, results of host_info, srv_info and endpoint_info, and what was done before."""
    journal = journal or Journal()
    known, directory = read_hosts(hosts, srv, endpoints)
    read = [
        read_machine(record, wishes.rules, wishes.subnets.get(str(record.get("machine")), ""), journal)
        for record in records
    ]
    candidates = [host for host in known if wishes.host is None or host.name == wishes.host]
    host = best_host(read, candidates)
    machines = [_placed(machine, host, known, wishes) for machine in read]
    machines, groups, held = _judge(machines, read, host)
    plan = MigrationPlan(
        wishes=wishes,
        machines=tuple(machines),
        moving=tuple(machine for machine in machines if machine.open_licences),
        hosts=tuple(known),
        host=host,
        directory=directory,
        groups=tuple(groups),
        held=tuple(held),
        obstacles=tuple(_obstacles(read, known, host, directory, wishes)),
        journal=journal,
    )
    return _with_seed(plan, read)


def _placed(machine: Machine, host: KmsHost | None, hosts: Sequence[KmsHost], wishes: Wishes) -> Machine:
    """The machine without what the chosen host does not serve, and without what its own pin keeps elsewhere."""
    if host is None:
        return machine
    ours = machine.is_pinned_by_us(hosts)
    if machine.pin and not wishes.rules.unpin and not host.is_called(machine.pin) and not ours:
        reason = f"it is pinned to {machine.pin}, and is not to be unpinned"
        return machine.without(machine.open_licences, reason)
    unserved = [licence for licence in machine.open_licences if not host.serves(machine, licence.pool)]
    if not unserved:
        return machine
    # Office is moved as a whole: client has no way to name some of its products.
    if any(not licence.is_windows for licence in unserved):
        unserved += [each for each in machine.open_licences if not each.is_windows and each not in unserved]
    first = unserved[0]
    elsewhere = [each.name for each in hosts if each.serves(machine, first.pool)]
    also = f"; {', '.join(elsewhere)} does, so move it by a plan of its own" if elsewhere else ""
    return machine.without(unserved, f"no key of {host.name} serves its {_called(first.pool)}{also}")


def _called(pool: str) -> str:
    return "Windows" if pool == "windows" else f"Office {pool.removeprefix('office-')}"


def _judge(
    machines: list[Machine], fleet: Sequence[Machine], host: KmsHost | None
) -> tuple[list[Machine], list[Group], list[Group]]:
    """Which groups can be moved, and the machines without what cannot: then that does not count for others either."""
    held: list[Group] = []
    while True:
        groups = [group for pool in pools_of(machines) for group in judge_pool(pool, machines, fleet, host)]
        failing = [group for group in groups if group.missing]
        if not failing:
            return machines, groups, held
        held += failing
        machines = [_held(machine, failing) for machine in machines]


def _held(machine: Machine, failing: Iterable[Group]) -> Machine:
    for group in failing:
        if machine.name in group.machines and (licence := machine.licence_in(group.pool)):
            left = [licence]
            if not licence.is_windows:
                left = [each for each in machine.open_licences if not each.is_windows]
            machine = machine.without(left, f"the count for its {_called(group.pool)} would be {_short(group)}")
    return machine


def _short(group: Group) -> str:
    return f"{group.reach} of {group.threshold}"


def _obstacles(
    machines: Iterable[Machine],
    hosts: Sequence[KmsHost],
    host: KmsHost | None,
    directory: Directory,
    wishes: Wishes,
) -> Iterable[str]:
    """What keeps all machines from being moved: no host, or machines that would not find it."""
    if not any(machine.open_licences for machine in machines):
        return
    if host is None:
        if wishes.host and not any(each.name == wishes.host for each in hosts):
            given = ", ".join(each.name for each in hosts) or "none"
            yield f"{wishes.host} is not among the KMS hosts of this plan ({given})"
        else:
            yield "; ".join(each.problem for each in hosts if each.problem) or "no KMS host was given"
        return
    if wishes.keep_pinned or not directory.asked:
        return
    if directory.problem:
        yield f"{directory.problem}, and machines are not to stay pinned"
    elif host.priority is None:
        yield f"DNS does not name {host.target} in {directory.domain}, so machines would not find it once unpinned"


def _with_seed(plan: MigrationPlan, fleet: Sequence[Machine]) -> MigrationPlan:
    """The plan with its seed, and with what follows from the hosts that DNS names beside the chosen one."""
    host = plan.host
    if host is None or plan.verdict is Verdict.NOT_READY:
        return plan
    demands = [Demand(group.pool, host, group.seed) for group in plan.groups if group.seed]
    stranding = list(_strangers(plan)) if not plan.wishes.keep_pinned else []
    others = _other_demands(plan, host) if not (plan.wishes.keep_pinned or stranding) else []
    seed, unmet = choose_seed(plan.moving, fleet, host, demands, others, plan.wishes.canaries)
    stranding += [
        f"{each.host.target}, which DNS names as well, lacks {each.machines} machines for {_called(each.pool)}"
        for each in unmet
    ]
    met = [demand for demand in others if demand not in unmet]
    planned = replace(plan, seed=tuple(seed), demands=(*demands, *met), stranding=tuple(stranding))
    return planned if planned.is_pinned else replace(planned, unpin=tuple(_to_unpin(planned, seed)))


def _to_unpin(plan: MigrationPlan, seed: Iterable[Seedling]) -> Iterable[str]:
    """Machines outside the seed that an earlier run has left pinned."""
    seeded = {seedling.machine.name for seedling in seed}
    for machine in plan.machines:
        if machine.name not in seeded and machine.is_pinned_by_us(plan.hosts):
            yield machine.name


def _first_in_dns(plan: MigrationPlan) -> Iterable[KmsHost]:
    """The other hosts of the plan that a machine may find first, unless nothing answers there."""
    for host in plan.hosts:
        is_first = host.priority is not None and host.priority == plan.directory.first_priority
        if host != plan.host and is_first and host.answers is not False:
            yield host


def _strangers(plan: MigrationPlan) -> Iterable[str]:
    """Why a machine that looks in DNS may meet a host that nobody knows the count of, or that does not serve it."""
    stranger: Stranger
    for stranger in plan.directory.strangers:
        if stranger.alive is not False and stranger.priority == plan.directory.first_priority:
            yield f"DNS also names {stranger.target}, which is not among the KMS hosts of this plan"
    for host in _first_in_dns(plan):
        if host.problem:
            yield f"DNS also names {host.target}, and {host.problem}"
            continue
        pool = next((p for p in pools_of(plan.moving) if not _serves_all(host, plan.moving, p)), None)
        if pool:
            yield f"DNS also names {host.target}, which does not serve {_called(pool)} of all these machines"


def _serves_all(host: KmsHost, machines: Iterable[Machine], pool: str) -> bool:
    return all(host.serves(machine, pool) for machine in machines if machine.licence_in(pool))


def _other_demands(plan: MigrationPlan, host: KmsHost) -> list[Demand]:
    """What the counts of the other hosts lack that machines may find first."""
    demands = []
    for other in _first_in_dns(plan):
        for pool in pools_of(plan.moving):
            needed = max(group.threshold for group in plan.groups if group.pool == pool)
            key = other.key(pool)
            if other != host and key is not None and key.count < needed:
                demands.append(Demand(pool, other, needed - key.count))
    return demands
