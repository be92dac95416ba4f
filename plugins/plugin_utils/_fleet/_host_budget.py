# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activations of KMS host keys, of which there are 6 machines and 10 times for each key: counted over a site. Pure.

Keys are known by their last five characters. Windows doesn't tell how many activations a key has left, so what was
spent is kept in a ledger: `{last five: {machine: activations}}`. Machines that are gone stay in it, as at Microsoft.
Source: kms-activation-planning, "Activation threshold"; troubleshoot-activation-error-codes, 0xC004C008
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import ACTIVATIONS_PER_HOST, HOSTS_PER_KEY

Ledger = dict[str, dict[str, int]]

LAST_FIVE = 5

ACTIVATING = frozenset({"Activate", "DepositOfflineConfirmationId"})
SPENDING = ACTIVATING | {"InstallProductKey"}
"""What can cost an activation: Windows may activate a key by itself as soon as it is there."""

_LICENSED = 1
_MAY_BE_SPENT = frozenset({"outcome_unknown", "not_converged"})


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The keys that one machine holds, and those that it may activate if it is let."""

    holds: frozenset[str] = frozenset()
    spends: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """What Microsoft grants, also after a telephone call."""

    machines: int = HOSTS_PER_KEY
    activations: int = ACTIVATIONS_PER_HOST


def last_fives(keys: t.Any) -> frozenset[str]:
    """The last five characters of each key of a list, or of one text with commas between."""
    given = keys.split(",") if isinstance(keys, str) else keys or ()
    return frozenset(str(key).strip().upper()[-LAST_FIVE:] for key in given)


def host_keys(given: frozenset[str], plan: Mapping[str, t.Any] | None) -> HostKeys | None:
    """From the result of the module `host` in check mode. None for a machine that was not read: it may hold any."""
    if not plan or not plan.get("host"):
        return None
    status = _status_by_key(plan)
    spends: frozenset[str] = frozenset()
    if SPENDING.intersection(plan.get("operations") or ()):
        spends = (given or frozenset(status)) - _licensed(status)
    return HostKeys(frozenset(status), spends)


def spent_keys(spends: frozenset[str], run: Mapping[str, t.Any] | None) -> frozenset[str]:
    """Which of those keys a run activated, from its result. One that nobody refused, and that doesn't show, counts."""
    operations = frozenset((run or {}).get("operations") or ())
    if not run or not SPENDING & operations:
        return frozenset()
    is_unknown = not run.get("host") or (run.get("error") or {}).get("kind") in _MAY_BE_SPENT
    if is_unknown and ACTIVATING & operations:
        return spends
    return spends & _licensed(_status_by_key(run))


def refusal(hosts: Mapping[str, HostKeys | None], ledger: Ledger, limits: Limits) -> str:
    """One sentence for the first key that has not enough activations for what `hosts` would spend, or nothing.

    `hosts` are all that are declared. Where nothing would be spent nothing is refused, whatever the numbers are.
    """
    read = {name: keys for name, keys in hosts.items() if keys is not None}
    unread = sorted(name for name, keys in hosts.items() if keys is None)
    for key in sorted(frozenset().union(*(keys.spends for keys in read.values()))):
        used = ledger.get(key, {})
        holders = {name for name, keys in read.items() if key in keys.holds | keys.spends}
        machines = sorted({*used, *unread, *holders})
        if len(machines) > limits.machines:
            maybe = f"Not read, and counted because they may hold it: {', '.join(unread)}. " if unread else ""
            return (
                f"The host key ending in {key} would be on {len(machines)} machines ({', '.join(machines)}), and "
                f"kms_host_max_hosts is {limits.machines}: Microsoft activates a host key on 6 machines. {maybe}"
                f"Nothing was changed. Take machines out of the play, or ask the Microsoft Licensing Activation Center "
                f"for more and raise kms_host_max_hosts."
            )
        for name in sorted(name for name, keys in read.items() if key in keys.spends):
            if used.get(name, 0) >= limits.activations:
                return (
                    f"The host key ending in {key} was activated {used[name]} times on {name} by "
                    f"kms_host_activations_used, and kms_host_max_activations is {limits.activations}: Microsoft "
                    f"activates a host key 10 times on each machine. Nothing was changed. Ask the Microsoft Licensing "
                    f"Activation Center for more and raise kms_host_max_activations."
                )
    return ""


def ledger_after(ledger: Ledger, spent: Mapping[str, frozenset[str]]) -> Ledger:
    """The ledger with one more activation for each key that a machine spent; `spent` is by machine."""
    after = {key: dict(machines) for key, machines in ledger.items()}
    for machine, keys in spent.items():
        for key in sorted(keys):
            machines = after.setdefault(key, {})
            machines[machine] = machines.get(machine, 0) + 1
    return after


def checked_ledger(given: t.Any, option: str = "kms_host_activations_used") -> Ledger:
    """What a user wrote in `option`. Raises BadInput without quoting it, for there may be a whole key in it."""
    if _is_ledger(given):
        return {str(key).upper(): {str(name): int(count) for name, count in given[key].items()} for key in given}
    raise BadInput(
        f"{option} has to map the last five characters of each host key to the machines that activated it and how "
        "often, such as {KMNHT: {kms01: 2}}. Nothing was changed.",
        operation="validate",
        target=option,
    )


def _is_ledger(given: t.Any) -> bool:
    return isinstance(given, Mapping) and all(
        len(str(key)) == LAST_FIVE
        and isinstance(machines, Mapping)
        and all(isinstance(count, int) and count >= 0 for count in machines.values())
        for key, machines in given.items()
    )


def _status_by_key(result: Mapping[str, t.Any]) -> dict[str, int]:
    products: Sequence[Mapping[str, t.Any]] = (result.get("host") or {}).get("products") or ()
    return {str(product["partial_product_key"]): int(product["license_status"]) for product in products}


def _licensed(status: Mapping[str, int]) -> frozenset[str]:
    return frozenset(key for key, number in status.items() if number == _LICENSED)
