# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""observe -> plan -> apply -> observe, for a client and for a host."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import NotConverged

from ._apply import Applier
from ._client import ClientState, DesiredClient, plan_client
from ._codes import Activate, Outcome
from ._host import FIREWALL_RULE, DesiredHost, HostState, plan_host
from ._licensing import Licensing
from ._plan import ACTIVATE, Plan

_NOTHING = Plan()

State = t.TypeVar("State", ClientState, HostState)


@dataclass(frozen=True, slots=True)
class Convergence(t.Generic[State]):
    """What a run found, planned and left. In check mode `state` is what was found, and `operations` what would be done.

    `outcome` is that of the activation; None where none was asked for.
    """

    plan: Plan
    state: State
    operations: list[str]
    outcome: Outcome | None
    outcome_reason: str | None = None


def observe_client(licensing: Licensing) -> ClientState:
    """A machine as client: three queries."""
    system = licensing.system()
    return ClientState(system, licensing.service(system), licensing.windows_products(system))


def observe_host(licensing: Licensing) -> HostState:
    """A machine as host: three queries, and one for the firewall rule where Windows has the class."""
    client = observe_client(licensing)
    rule = None if client.system.is_6_1 else licensing.firewall_rule(FIREWALL_RULE)
    return HostState(client.system, client.service, client.products, rule)


def converge_client(licensing: Licensing, desired: DesiredClient, *, check_mode: bool) -> Convergence[ClientState]:
    """Make a client what it should be. Raises KmsError; nothing was changed unless its `progress` says so."""
    state = observe_client(licensing)
    plan = plan_client(state, desired)
    if check_mode or not plan:
        return Convergence(plan, state, plan.operations, _unchanged_outcome(state, desired.activate, plan))
    applier = Applier(licensing, state.system, state.service, state.products)
    with applier.progress_in_errors():
        applier.apply(plan)
        after = ClientState(state.system, licensing.service(state.system), applier.products)
        # A renewal is never "done", so what must be left of the plan is looked for without it.
        rest = plan_client(after, dataclasses.replace(desired, activate=_once(desired.activate)))
        _check_promise(rest, applier, state.system.computer_name)
    return _done(plan, after, applier, desired.activate)


def converge_host(licensing: Licensing, desired: DesiredHost, *, check_mode: bool) -> Convergence[HostState]:
    """Make a host what it should be. Raises KmsError; nothing was changed unless its `progress` says so."""
    state = observe_host(licensing)
    plan = plan_host(state, desired)
    if check_mode or not plan:
        return Convergence(plan, state, plan.operations, _unchanged_outcome(state, desired.activate, plan))
    applier = Applier(licensing, state.system, state.service, state.products)
    with applier.progress_in_errors():
        applier.apply(plan)
        after = observe_host(licensing)
        _check_promise(plan_host(after, desired), applier, state.system.computer_name)
    return _done(plan, after, applier, desired.activate)


def _done(plan: Plan, after: State, applier: Applier, activate: Activate) -> Convergence[State]:
    outcome = applier.outcome or _unchanged_outcome(after, activate)
    return Convergence(plan, after, applier.operations, outcome, applier.outcome_reason)


def _once(activate: Activate) -> Activate:
    return Activate.IF_NEEDED if activate is Activate.RENEW else activate


def _unchanged_outcome(state: ClientState | HostState, activate: Activate, plan: Plan = _NOTHING) -> Outcome | None:
    """The outcome where nothing was sent: of an activation that isn't needed, or that check mode only predicts."""
    if activate is Activate.NEVER:
        return None
    if ACTIVATE in plan.operations or (state.windows and state.windows.is_licensed):
        return Outcome.LICENSED
    return None


def _check_promise(rest: Plan, applier: Applier, machine: str) -> None:
    """Fail when operations succeeded without effect. A pending activation is no broken promise."""
    missing = [
        change for change in rest.changes if not (change.operation == ACTIVATE and applier.outcome is Outcome.PENDING)
    ]
    if not missing:
        return
    settings = ", ".join(f"{change.setting} is {change.before!r} instead of {change.after!r}" for change in missing)
    raise NotConverged(
        f"All operations on {machine} reported success, and yet {settings}. A Group Policy may set it back, or the "
        f"licensing service may need a restart.",
        operation=missing[0].operation,
        target=machine,
        hint="Run `gpresult /h` on the machine, and look for settings of the KMS host.",
    )
