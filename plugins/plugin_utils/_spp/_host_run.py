# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""observe -> plan -> apply -> observe, for a KMS host."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError

from ._activate import ProductOutcome
from ._apply import Applier, worst_of
from ._codes import Activate, Channel, Outcome
from ._converge import Convergence, check_promise, failure_of
from ._firewall_netsh import netsh_command
from ._firewall_read import read_firewall
from ._host import plan_host, spends, will_be_activated
from ._host_keys import new_keys
from ._host_settings import (
    ACTIVATION_INTERVAL,
    KEYS_OF_32_BIT,
    MARKER,
    RENEWAL_INTERVAL,
    has_32_bit_view,
    waiting_intervals,
)
from ._host_state import LICENSING_SERVICE, DesiredHost, HostState
from ._licensing import Licensing
from ._machine import Machine
from ._plan import ACTIVATE, DEPOSIT, Plan
from ._preflight import check_clock, check_serves, read_updates
from ._publishing import read_domains
from ._registry import Registry
from ._registry_levels import SPP_KEY
from ._rows import LicensingService, Product


def observe_host(
    licensing: Licensing,
    *,
    firewall: bool = False,
    publish_domains: bool = False,
    marker: bool = False,
    intervals: bool = False,
) -> HostState:
    """A machine as a host: four queries, one for each host key that is not activated, and what is asked for besides."""
    before = licensing.clock.time()
    system = licensing.system()
    clock_read = (before, licensing.clock.time())
    # First: reading the licensing classes starts their service.
    windows_service = licensing.windows_service(LICENSING_SERVICE)
    service = licensing.host_service(system)
    registry = Registry(licensing.session)
    has_marker = registry.text(SPP_KEY, MARKER) is not None if marker else None
    state = HostState(
        system=system,
        service=_with_intervals(registry, service) if intervals else service,
        products=licensing.host_products(system),
        windows_service=windows_service,
        firewall=read_firewall(licensing.session, system) if firewall else None,
        publish_domains=read_domains(registry) if publish_domains else None,
        has_marker=has_marker,
        has_32_bit_view=has_32_bit_view(registry.keys(KEYS_OF_32_BIT)) if has_marker is False else None,
        clock_read=clock_read,
    )
    return dataclasses.replace(state, installation_ids=_installation_ids(licensing, state))


def _with_intervals(registry: Registry, service: LicensingService) -> LicensingService:
    """That the service shows the intervals of a host is unverified: the registry has them, too (dn502532)."""
    if service.activation_interval is None:
        minutes = registry.number(SPP_KEY, ACTIVATION_INTERVAL)
        service = dataclasses.replace(service, activation_interval=minutes)
    if service.renewal_interval is None:
        service = dataclasses.replace(service, renewal_interval=registry.number(SPP_KEY, RENEWAL_INTERVAL))
    return service


def _installation_ids(licensing: Licensing, state: HostState) -> Mapping[str, str]:
    waiting = [row for row in state.host_products if not row.is_licensed]
    found = {row.activation_id: licensing.installation_id(row.activation_id) for row in waiting}
    return {activation_id: digits for activation_id, digits in found.items() if digits}


def converge_host(licensing: Licensing, desired: DesiredHost, *, check_mode: bool) -> Convergence[HostState]:
    """Make a host what it should be. Raises KmsError; nothing was changed unless its `progress` says so."""
    run = run_host(licensing, desired, check_mode=check_mode)
    if run.failure is not None:
        raise run.failure
    return run


def run_host(licensing: Licensing, desired: DesiredHost, *, check_mode: bool) -> Convergence[HostState]:
    """The same, but what went wrong with single keys is in `failure`, beside the state that it left."""
    state = _observe(licensing, desired)
    if desired.license_files and not desired.absent and new_keys(state, desired):
        state = dataclasses.replace(state, licences=licensing.office_host_licences())
    plan = plan_host(state, desired)
    warnings = _look_before_spending(licensing, state, desired) if spends(plan, desired) else ()
    if check_mode or not plan:
        return _result(plan, state, desired, plan.operations, {}, warnings)
    machine = Machine(
        licensing, state.system, (state.service,), state.products, read=lambda: licensing.host_products(state.system)
    )
    applier = Applier(machine)
    with machine.progress_in_errors():
        try:
            applier.apply(plan)
        except KmsError as error:
            # A setting that fails ends the run, and must not hide what became of the keys before it.
            error.message = " ".join([error.message, *_told_of_keys(applier)])
            raise
        if not applier.failures:
            after = _observe(licensing, desired)
            check_promise(plan_host(after, desired), applier, state.system.computer_name)
    if not applier.failures:
        return _result(plan, after, desired, machine.operations, applier.outcomes, warnings)
    failure = failure_of(applier, plan, state.system.computer_name)
    failure.progress = {"changed": bool(machine.operations), "operations": list(machine.operations)}
    after = _state_after_failure(licensing, desired, state, machine)
    return _result(plan, after, desired, machine.operations, applier.outcomes, warnings, failure)


def _told_of_keys(applier: Applier) -> list[str]:
    return [f"Before that, one key failed: {error.message}" for error in applier.failures.values()]


def _observe(licensing: Licensing, desired: DesiredHost) -> HostState:
    """What is managed, and no more. The marker is looked at wherever a restart may be due."""
    return observe_host(
        licensing,
        firewall=desired.absent or desired.firewall is not None,
        publish_domains=desired.absent or desired.publish_domains is not None,
        marker=desired.absent or desired.is_about_service or bool(desired.product_keys),
        intervals=desired.activation_interval is not None or desired.renewal_interval is not None,
    )


def _look_before_spending(licensing: Licensing, state: HostState, desired: DesiredHost) -> tuple[str, ...]:
    """Raise for what would waste an activation, or make the host useless; what can't be told is a warning."""
    if state.clock_read is not None:
        check_clock(state.system, *state.clock_read)
    if not desired.serves:
        return ()
    return check_serves(state.system, desired.serves, read_updates(licensing, state.system, desired.serves))


def _state_after_failure(licensing: Licensing, desired: DesiredHost, state: HostState, machine: Machine) -> HostState:
    """What a failure left, for the result; if that can't be read any more, what it was."""
    try:
        return _observe(licensing, desired)
    except KmsError:
        return dataclasses.replace(state, products=machine.last_products)


def _result(
    plan: Plan,
    state: HostState,
    desired: DesiredHost,
    operations: list[str],
    reached: Mapping[str, ProductOutcome],
    warnings: tuple[str, ...],
    failure: KmsError | None = None,
) -> Convergence[HostState]:
    """Outcomes by licence, and the worst of them; of what needed no activation, and what check mode only predicts."""
    outcomes = {row.activation_id: found for row in state.products if (found := _outcome(row, plan, desired, reached))}
    worst = worst_of([*reached.values(), *outcomes.values()])
    if worst is None and not reached and any(operation in (ACTIVATE, DEPOSIT) for operation in plan.operations):
        worst = ProductOutcome(Outcome.LICENSED)
    return Convergence(
        plan,
        state,
        operations,
        worst.outcome if worst else None,
        worst.reason if worst else None,
        outcomes,
        failure=failure,
        warnings=(*warnings, *_left_undone(state, desired, plan)),
    )


def _outcome(
    row: Product, plan: Plan, desired: DesiredHost, reached: Mapping[str, ProductOutcome]
) -> ProductOutcome | None:
    name = "windows" if desired.absent else row.partial_product_key or ""
    wanted = Channel.KMS_CLIENT if desired.absent else Channel.KMS_HOST
    if row.channel is not wanted or row.is_addon or (desired.absent and not row.is_windows):
        return None
    if name in reached:
        return reached[name]
    if desired.activate is Activate.NEVER and desired.confirmation_id is None:
        return None
    is_planned = any(change.product == name and change.operation in (ACTIVATE, DEPOSIT) for change in plan.changes)
    return ProductOutcome(Outcome.LICENSED) if row.is_licensed or (is_planned and not reached) else None


def _left_undone(state: HostState, desired: DesiredHost, plan: Plan) -> tuple[str, ...]:
    """What was asked for and can't be done now, or not at all: said, because it doesn't fail."""
    name, told = state.system.computer_name, []
    if not desired.absent and waiting_intervals(state, desired, will_be_activated=will_be_activated(plan, desired)):
        told.append(
            f"activation_interval and renewal_interval of {name} were left as they are: Windows takes them only once a "
            f"KMS host key is activated. Run again when it is."
        )
    if desired.absent and state.firewall is not None and state.firewall.rules is None and plan:
        told.append(
            f"The firewall of {name} (Windows {state.system.version}) can't be changed over CIM. Close it there with: "
            f"{netsh_command(False, state.service.listening_port)}"
        )
    return tuple(told)
