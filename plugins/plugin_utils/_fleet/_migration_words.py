# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A migration plan as a module result: one sentence, and the data behind it. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ._migration_counts import Group, group_summary
from ._migration_hosts import KmsHost, host_summary
from ._migration_machines import Machine, MachineClass
from ._migration_plan import MigrationPlan, Verdict
from ._migration_seed import seedling_summary

_STAYS: t.Final = "Nothing was changed: every machine keeps the key that it has."
_CLASSES: t.Final = {
    MachineClass.CLIENT: "Windows clients need",
    MachineClass.SERVER: "servers need",
    MachineClass.OFFICE: "Office needs",
}


def plan_result(plan: MigrationPlan) -> dict[str, t.Any]:
    """The result of migration_plan, builtins only."""
    return {
        "verdict": plan.verdict.value,
        "sentence": sentence(plan),
        "missing": plan.missing,
        "host": _chosen(plan),
        "hosts": [dict(host_summary(host)) for host in plan.hosts],
        "pools": [group_summary(group) for group in (*plan.groups, *plan.held)],
        "thresholds": _thresholds(plan),
        "seed": _seed(plan),
        "moves": _moves(plan),
        "waves": _waves(plan),
        "unpin": sorted(plan.unpin),
        "already": plan.standings["already"],
        "blocked": [{"machine": m.name, "reason": m.obstacle} for m in plan.machines if m.obstacle],
        "unread": [{"machine": m.name, "reason": m.unread} for m in plan.machines if m.unread],
        "duplicate_cmids": [{"cmid": cmid, "machines": names} for cmid, names in plan.duplicates],
        "counts": _counts(plan),
        "rollback": _rollback(plan),
        "advice": list(advice(plan)),
    }


def sentence(plan: MigrationPlan) -> str:
    """The verdict in words, with its reason and what comes next."""
    if plan.verdict is Verdict.NOT_READY:
        return _not_ready(plan)
    if not plan.moving:
        rest = f" {_machines(len(plan.unpin))} of an earlier run will be unpinned." if plan.unpin else ""
        return f"There is nothing to move: {_are(plan.standings['already'])} activated by KMS already.{rest}"
    if plan.verdict is Verdict.AFTER_SEED:
        lacking = " and ".join(f"{d.machines} on {d.host.target}" for d in plan.demands)
        start = f"Ready after a seed of {lacking}: {_reason(plan.groups)}."
    else:
        start = f"Ready: {plan.host.target if plan.host else ''} counts enough ({_reason(plan.groups)})."
    left = len(plan.moving) - len(plan.seed)
    waves = f"{_machines(left)} then {'follows' if left == 1 else 'follow'} in waves of {plan.batch}" if left else ""
    first = f"{_machines(len(plan.seed))} {'goes' if len(plan.seed) == 1 else 'go'} first"
    held = f" {_held(plan.held)}" if plan.held else ""
    return f"{start} {first}{f', and {waves}' if waves else ''}.{held}"


def _not_ready(plan: MigrationPlan) -> str:
    if plan.obstacles:
        return f"Not ready: {'. '.join(plan.obstacles)}. {_STAYS}"
    shared = sum(len(names) - 1 for _cmid, names in plan.duplicates)
    cloned = f" {_machines(shared)} more would count if no CMIDs were shared: rearm the clones." if shared else ""
    missing = f"{_machines(plan.missing)} {'is' if plan.missing == 1 else 'are'} missing"
    return f"Not ready: {missing}. {_held(plan.held)}{cloned} {_STAYS}"


def _held(held: Iterable[Group]) -> str:
    """Why groups stay as they are."""
    return " ".join(
        f"{_machines(len(group.machines))} ({group.pool}) cannot be moved: {_CLASSES[group.machine_class]} a count of "
        f"{group.threshold}, and {group.host.target if group.host else 'no KMS host'} would get to {group.reach} "
        f"with all of them."
        for group in held
    )


def _reason(groups: Iterable[Group]) -> str:
    """What the counts are and have to be."""
    return ", ".join(
        f"{_CLASSES[group.machine_class]} {group.threshold} and it has {group.count}"
        + ("" if group.pool == "windows" else f" for {group.pool}")
        for group in groups
    )


def _machines(number: int) -> str:
    return f"{number} machine{'' if number == 1 else 's'}"


def _are(number: int) -> str:
    return f"{_machines(number)} {'is' if number == 1 else 'are'}"


def _chosen(plan: MigrationPlan) -> dict[str, t.Any] | None:
    host = plan.host
    return None if host is None else {"name": host.name, "target": host.target, "port": host.port}


def _thresholds(plan: MigrationPlan) -> dict[str, int]:
    """By pool: the count from which every machine that is moved is activated."""
    found: dict[str, int] = {}
    for group in plan.groups:
        found[group.pool] = max(group.threshold, found.get(group.pool, 0))
    return found


def _moves(plan: MigrationPlan) -> dict[str, dict[str, t.Any]]:
    """By machine: all that is decided about it. Empty where nothing is moved at all."""
    if plan.verdict is Verdict.NOT_READY:
        return {}
    seed = {seedling["machine"]: seedling for seedling in _seed(plan)}
    host = plan.host if plan.is_pinned else None
    pin = {"kms_host": host.target if host else None, "kms_port": host.port if host else None}
    moves: dict[str, dict[str, t.Any]] = {}
    for machine in plan.moving:
        first = seed.get(machine.name)
        own = {name: first[name] for name in pin} if first else pin
        moves[machine.name] = {"product": _product(machine), "subnet": machine.subnet, "is_first": bool(first), **own}
    return moves


def _seed(plan: MigrationPlan) -> list[dict[str, t.Any]]:
    return [seedling_summary(each, pinned=bool(plan.demands) or plan.is_pinned) for each in plan.seed]


def _product(machine: Machine) -> str:
    windows = any(licence.is_windows for licence in machine.open_licences)
    office = any(not licence.is_windows for licence in machine.open_licences)
    return "all" if windows and office else "windows" if windows else "office"


def _waves(plan: MigrationPlan) -> dict[str, t.Any]:
    left = 0 if plan.verdict is Verdict.NOT_READY else len(plan.moving) - len(plan.seed)
    batch = plan.batch
    sizes = [batch] * (left // batch) + ([left % batch] if left % batch else [])
    return {"machines": left, "batch": batch, "sizes": sizes, "pinned": plan.is_pinned}


def _counts(plan: MigrationPlan) -> dict[str, int]:
    standings = plan.standings
    return {
        "machines": len(plan.machines),
        "moving": 0 if plan.verdict is Verdict.NOT_READY else len(plan.moving),
        "waiting": standings["waiting"],
        "already": standings["already"],
        "blocked": sum(bool(machine.obstacle) for machine in plan.machines),
        "unread": sum(bool(machine.unread) for machine in plan.machines),
    }


def _rollback(plan: MigrationPlan) -> dict[str, t.Any]:
    budget, spent = plan.wishes.mak_budget, plan.journal.spent
    return {
        "wanted": plan.wishes.rollback,
        "budget": budget,
        "spent": spent,
        "left": None if budget is None else max(0, budget - spent),
    }


def advice(plan: MigrationPlan) -> Iterable[str]:
    """What a user should know before going on."""
    for cmid, names in plan.duplicates:
        yield (
            f"{', '.join(names)} share the CMID {cmid}, so a KMS host counts them as one machine. They are clones of "
            f"an image that was not generalized: rearm them and restart them."
        )
    if plan.stranding:
        yield (
            f"Machines stay pinned to {plan.host.target if plan.host else 'the KMS host'} instead of looking in DNS: "
            f"{'. '.join(plan.stranding)}. Give such a record a lower priority or remove it, or add the host to the "
            f"plan, and run again."
        )
    yield from _dns_advice(plan)
    budget = plan.wishes.mak_budget
    if plan.wishes.rollback and budget is not None and budget - plan.journal.spent <= 0:
        yield f"No MAK activation is left for a rollback: the budget is {budget}, and {plan.journal.spent} are used."


def _dns_advice(plan: MigrationPlan) -> Iterable[str]:
    if not plan.directory.asked and not plan.wishes.keep_pinned:
        yield "DNS was not read, so nobody knows whether machines find the KMS host once they are unpinned."
    dead = [host.target for host in plan.hosts if host.priority is not None and host.answers is False]
    dead += [stranger.target for stranger in plan.directory.strangers if stranger.alive is False]
    for target in dead:
        yield (
            f"DNS names {target}, and no KMS host answers there: machines lose time on it. Remove the record, for "
            f"example with the role kms_dns and kms_dns_prune."
        )
    yield from (_backup_advice(host, plan) for host in _weak_backups(plan))


def _weak_backups(plan: MigrationPlan) -> Iterable[KmsHost]:
    """Hosts that machines find only after the first ones, and that could not take over."""
    first = plan.directory.first_priority
    for host in plan.hosts:
        later = host.priority is not None and first is not None and host.priority > first
        if later and any(_lacks(host, group) for group in plan.groups):
            yield host


def _lacks(host: KmsHost, group: Group) -> bool:
    key = host.key(group.pool)
    return key is None or key.count < group.threshold


def _backup_advice(host: KmsHost, plan: MigrationPlan) -> str:
    return (
        f"{host.target} (priority {host.priority} in DNS) cannot take over from "
        f"{plan.host.target if plan.host else 'the others'} yet: its counts are too low."
    )
