# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between two waves of a migration: what became of the machines, who gets a MAK back, and why to stop. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import WINDOWS_APPLICATION, LicenseStatus

from ._migration_hosts import KmsHost
from ._migration_plan import Verdict
from ._migration_rows import Row

Results = Mapping[str, Row]
"""Machine -> what the module client returned for it."""

SEED: t.Final = "seed"
NO_HOST_ANSWERED: t.Final = "0xC004F074"
_NO_REASON: t.Final = "It failed."


@dataclass(frozen=True, slots=True)
class Wave:
    """What became of the machines of one wave: each is in one of the groups. `failed`: machine -> why.

    `unserved`: how many of those that failed found no KMS host.
    """

    name: str
    switched: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    unreachable: tuple[str, ...] = ()
    unserved: int = 0

    def as_result(self, no_mak_back: Mapping[str, str]) -> dict[str, t.Any]:
        """An item of `waves` of the result. Nobody has got a MAK back yet."""
        return {
            "name": self.name,
            "switched": len(self.switched),
            "already": len(self.already),
            "pending": list(self.pending),
            "rolled_back": [],
            "no_mak_back": dict(no_mak_back),
            "failed": dict(self.failed),
            "unserved": self.unserved,
            "unreachable": list(self.unreachable),
        }


def check_plan(plan: Row) -> Row:
    """A plan by which machines may be moved. Raises BadInput for every other, and for none."""
    if "verdict" not in plan:
        raise _refusal(
            "There is no plan, so nothing was changed. Run volact.kms.migrate_plan before, in the same run, or give "
            "what it left with set_stats as mak_to_kms_planned."
        )
    if plan["verdict"] == Verdict.NOT_READY.value:
        raise _refusal(str(plan.get("sentence")))
    if not plan.get("host"):
        raise _refusal("The plan has no KMS host, because there was nothing to move. Plan again.")
    if not (isinstance(plan["host"], Mapping) and {"name", "target", "port"} <= set(plan["host"])):
        raise _refusal("The KMS host of the plan lacks its name, target or port. Give the result of migration_plan.")
    held = any(pool.get("verdict") == Verdict.NOT_READY.value for pool in plan.get("pools") or ())
    if held and "moves" not in plan:
        # A job of its own has no list of the machines that have to stay as they are.
        raise _refusal(
            "Some machines of the plan cannot be moved yet, and this job does not know which, so nothing was changed. "
            "Take the machines that the plan has named out of the group, and plan again, or run volact.kms.migrate as "
            "one job."
        )
    return plan


def _refusal(message: str) -> BadInput:
    return BadInput(message, operation="read the plan", target="plan")


def last_results(first: Results, again: Results) -> dict[str, Row]:
    """What became of each machine that was worked on, where some of them were asked a second time.

    A machine that was not for this wave has a result that was skipped. What was done the first time stays done. Raises
    BadInput for what is no result.
    """
    for name, result in (*first.items(), *again.items()):
        if not isinstance(result, Mapping):
            raise BadInput(
                f"What is given for {name} is no result of a module. Give what volact.kms.client returned for it.",
                operation="read the results",
                target=str(name),
            )
    worked_on = {name: result for name, result in first.items() if _tells(result)}
    return {name: _together(result, again.get(name) or {}) for name, result in worked_on.items()}


def _tells(result: Row) -> bool:
    return "changed" in result and "skipped" not in result


def _together(first: Row, second: Row) -> Row:
    if not _tells(second) or "unreachable" in second:
        return first
    return {
        **first,
        **second,
        "changed": bool(first["changed"] or second["changed"]),
        "operations": [*(first.get("operations") or ()), *(second.get("operations") or ())],
    }


def count_wave(name: str, results: Results) -> Wave:
    """The machines of a wave by what became of them."""
    unreachable = [machine for machine, result in results.items() if "unreachable" in result]
    reached = {machine: result for machine, result in results.items() if "unreachable" not in result}
    failed = {machine: result for machine, result in reached.items() if result.get("failed")}
    answered = {machine: result for machine, result in reached.items() if machine not in failed}
    licensed = {machine: result for machine, result in answered.items() if not result.get("pending")}
    return Wave(
        name=name,
        switched=tuple(machine for machine, result in licensed.items() if result["changed"]),
        already=tuple(machine for machine, result in licensed.items() if not result["changed"]),
        pending=tuple(machine for machine in answered if machine not in licensed),
        failed={machine: str(result.get("msg") or _NO_REASON) for machine, result in failed.items()},
        unreachable=tuple(unreachable),
        unserved=sum((result.get("error") or {}).get("code") == NO_HOST_ANSWERED for result in failed.values()),
    )


def name_of_wave(waves: Iterable[Row], *, is_seed: bool) -> str:
    """What the wave after these is called."""
    return SEED if is_seed else f"wave {sum(wave['name'] != SEED for wave in waves) + 1}"


def proven_subnets(plan: Row, wave: Wave) -> list[str]:
    """The subnets whose first machine was activated: the others of them may follow."""
    licensed = {*wave.switched, *wave.already}
    seed = plan.get("seed") or ()
    return list(dict.fromkeys(each["subnet"] for each in seed if each["machine"] in licensed))


def without_windows(wave: Wave, results: Results, moves: Mapping[str, Row]) -> list[str]:
    """Of the failed and pending machines those that were changed, and have lost the licence of Windows by it.

    Where Office alone was moved, its MAK is still there beside the client setup key.
    """
    candidates = (*wave.failed, *wave.pending)
    return [name for name in candidates if moves[name]["product"] != "office" and _has_lost_windows(results[name])]


def _has_lost_windows(result: Row) -> bool:
    has_windows = any(
        row.get("application_id") == WINDOWS_APPLICATION and row.get("license_status") == LicenseStatus.LICENSED
        for row in result.get("products") or ()
    )
    return bool(result.get("operations")) and not has_windows


def choose_for_rollback(candidates: Sequence[str], plan: Row, given_back: int) -> tuple[list[str], dict[str, str]]:
    """Who gets a MAK back, as far as the budget reaches; and for everybody else why not.

    `given_back`: how many have got one since the plan was made.
    """
    rollback = plan.get("rollback") or {}
    left = max(0, (rollback.get("left") or 0) - given_back)
    reason = f"The budget (mak_to_kms_mak_budget: {rollback.get('budget')}) is used up."
    return list(candidates[:left]), dict.fromkeys(candidates[left:], reason)


def reason_to_stop(
    host: KmsHost,
    *,
    silence: str,
    was_read: bool,
    thresholds: Mapping[str, int],
    waves: Sequence[Row],
    max_failures: int,
    is_pretended: bool = False,
) -> str:
    """Why no further wave may begin; "" if one may.

    `silence`: what was found where the host should answer; "" where it does. `was_read`: host_info has read the host,
    so that its keys and counts are known. `waves`: all so far, the last one too. `is_pretended`: they are those of
    check mode, which have lifted no count.
    """
    if silence:
        return f"{host.target} does not answer as a KMS host ({silence})."
    if host.problem and was_read:
        return f"{host.problem}."
    low = "" if is_pretended and waves else _low_counts(host, thresholds)
    return low or _unserved(waves) or _too_many_failures(waves, max_failures)


def _low_counts(host: KmsHost, thresholds: Mapping[str, int]) -> str:
    return " ".join(
        f"{host.target} counts {key.count} for {key.pool}, and {thresholds[key.pool]} are needed."
        for key in host.keys
        if key.count < thresholds.get(key.pool, 0)
    )


def _unserved(waves: Sequence[Row]) -> str:
    """Whether its port is open or not. A few machines that find no host may have a network of their own to blame."""
    last = waves[-1] if waves else {"unserved": 0, "switched": 0, "already": 0}
    unserved = last["unserved"]
    if unserved <= last["switched"] + last["already"]:
        return ""
    machines = "machine" if unserved == 1 else "machines"
    return f"No KMS host answered {unserved} {machines} of the {last['name']} ({NO_HOST_ANSWERED})."


def _too_many_failures(waves: Iterable[Row], max_failures: int) -> str:
    failures = sum(len(wave["failed"]) for wave in waves)
    if failures <= max_failures:
        return ""
    machines = "machine has" if failures == 1 else "machines have"
    return f"{failures} {machines} failed, and mak_to_kms_max_failures is {max_failures}."
