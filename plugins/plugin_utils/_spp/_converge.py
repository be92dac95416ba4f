# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""observe -> plan -> apply -> observe, for a client; and what it has in common with a host."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed, KmsError, NotConverged

from ._activate import ProductOutcome
from ._apply import Applier, worst_of
from ._client import ClientState, DesiredClient, plan_client, plan_selected
from ._client_address import ADDRESS_METHODS, questions
from ._codes import DEFAULT_KMS_PORT, Activate, Family, Outcome, Scope
from ._diagnose import Network, Surroundings, diagnose
from ._dns_suffixes import read_suffixes
from ._host_state import HostState
from ._licensing import Licensing
from ._machine import Machine
from ._plan import ACTIVATE, Change, Plan
from ._registry import Registry
from ._registry_levels import ACTIVATION_KEY, MANUAL_VALUE, OSPP_KEY, read_level
from ._rows import Product
from ._selection import Selection, Skipped, select

State = t.TypeVar("State", ClientState, HostState)


@dataclass(frozen=True, slots=True)
class Convergence(t.Generic[State]):
    """What a run found, planned and left. In check mode `state` is what was found, and `operations` what would be done.

    `outcome` is that of the activation, of several the worst; None where none was asked for. `outcomes` has it by
    activation ID. `failure` is what went wrong, with one product or several. `skipped` was left alone.
    `warnings` are sentences for the user.
    """

    plan: Plan
    state: State
    operations: list[str]
    outcome: Outcome | None
    outcome_reason: str | None = None
    outcomes: Mapping[str, ProductOutcome] = field(default_factory=dict)
    skipped: tuple[Skipped, ...] = ()
    failure: KmsError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def pending_products(self) -> tuple[Product, ...]:
        """The licences whose activation is pending."""
        pending = {key for key, found in self.outcomes.items() if found.outcome is Outcome.PENDING}
        return tuple(product for product in self.state.products if product.activation_id in pending)


def observe_client(licensing: Licensing, scope: Scope = Scope.WINDOWS) -> ClientState:
    """A machine as client: three queries, with Office one more, and another where Office has classes of its own."""
    state = _observe(licensing, scope)
    return _with_office_service(licensing, state) if _has_own_classes(state) else state


def _observe(licensing: Licensing, scope: Scope) -> ClientState:
    system = licensing.system()
    return ClientState(system, licensing.service(system), licensing.products(system, scope))


def _has_own_classes(state: ClientState) -> bool:
    return any(product.family is Family.OSPP for product in state.products)


def _with_office_service(licensing: Licensing, state: ClientState) -> ClientState:
    """The same state, with the service of Office's own. One that doesn't tell its KMS host has it in the registry."""
    service = licensing.office_service()
    if service is not None and not service.tells_address:
        level = read_level(Registry(licensing.session), "service", OSPP_KEY)
        host, port = (level.kms_host, level.kms_port) if level else (None, None)
        service = dataclasses.replace(service, kms_machine=host, kms_port=port or DEFAULT_KMS_PORT)
    return dataclasses.replace(state, office_service=service)


def converge_client(licensing: Licensing, desired: DesiredClient, *, check_mode: bool) -> Convergence[ClientState]:
    """Make a client what it should be. Raises KmsError; nothing was changed unless its `progress` says so."""
    run = run_client(licensing, desired, check_mode=check_mode)
    if run.failure is not None:
        raise run.failure
    return run


def run_client(
    licensing: Licensing, desired: DesiredClient, *, check_mode: bool, surroundings: Surroundings | None = None
) -> Convergence[ClientState]:
    """The same, but what went wrong with single products is in `failure`, beside the state that it left.

    `surroundings` is what the controller may look at after a failure, by default the network.
    """
    surroundings = surroundings or Network()
    state = _observe(licensing, desired.read_scope)
    skew = state.system.clock - surroundings.now() if state.system.clock else None
    selection = select(state, desired)
    if desired.is_about_service and any(slot.family is Family.OSPP for slot in selection.slots):
        state = _with_office_service(licensing, state)
    plan = plan_selected(state, desired, selection)
    if (asked := _ask_registry(licensing, state, desired, selection, plan)) is not state:
        state, plan = asked, plan_selected(asked, desired, selection)
    if check_mode or not plan:
        return _client_run(plan, state, desired, plan.operations, {}, None)
    machine = Machine(
        licensing, state.system, (state.service, state.office_service), state.products, desired.read_scope
    )
    applier = Applier(machine)
    with machine.progress_in_errors():
        applier.apply(plan)
        if not applier.failures:
            after = _observe_again(licensing, machine, state)
            # A renewal is never "done", so what must be left of the plan is looked for without it.
            once = dataclasses.replace(desired, activate=_once(desired.activate), force=True)
            if fresh := _shown_only_now(plan_client(after, once), plan):
                applier.apply(fresh)
                after = _observe_again(licensing, machine, state)
            check_promise(plan_client(after, once), applier, state.system.computer_name)
    if not applier.failures:
        return _client_run(plan, after, desired, machine.operations, applier.outcomes, None)
    after = _state_after_failure(licensing, machine, state)
    for name, error in applier.failures.items():
        product = _product_of(after, desired, name)
        suffixes = functools.partial(_suffixes, licensing, after, product)
        diagnose(error, after, product, surroundings if desired.diagnose else None, skew, suffixes)
    failure = failure_of(applier, plan, state.system.computer_name)
    failure.progress = {"changed": bool(machine.operations), "operations": list(machine.operations)}
    return _client_run(plan, after, desired, machine.operations, applier.outcomes, failure)


def _suffixes(licensing: Licensing, state: ClientState, product: Product | None) -> tuple[str, ...]:
    """The DNS domains in which a product's KMS host is looked for; none where the machine doesn't tell any more."""
    service = state.service_of(product.family) if product else None
    domain = (product.lookup_domain if product else None) or (service.lookup_domain if service else None)
    with contextlib.suppress(KmsError):
        return read_suffixes(Registry(licensing.session), domain).suffixes
    return ()


def _product_of(state: ClientState, desired: DesiredClient, name: str) -> Product | None:
    """The licence of a product by its name in the plan, as far as the product is still there."""
    with contextlib.suppress(KmsError):
        return next((slot.current for slot in select(state, desired).slots if slot.name == name), None)
    return None


def _observe_again(licensing: Licensing, machine: Machine, state: ClientState) -> ClientState:
    after = dataclasses.replace(state, service=licensing.service(state.system), products=machine.products)
    if state.office_service:
        after = _with_office_service(licensing, after)
    return _read_registry(licensing, after, [(each.level, each.key) for each in state.levels or ()], state)


def _state_after_failure(licensing: Licensing, machine: Machine, state: ClientState) -> ClientState:
    """What a failure left, for the result; if that can't be read any more, what it was."""
    try:
        return _observe_again(licensing, machine, state)
    except KmsError:
        return dataclasses.replace(state, products=machine.last_products)


def _ask_registry(
    licensing: Licensing, state: ClientState, desired: DesiredClient, selection: Selection, plan: Plan
) -> ClientState:
    """The same state, or one with what the registry says where that may change the plan."""
    keys = questions(state, desired, selection.slots, plan) if selection.slots and not desired.absent else []
    manual = desired.automatic_activation is not None and bool(selection.slots)
    if not keys and not manual:
        return state
    asked = dataclasses.replace(state, automatic_activation=True if manual else None)
    return _read_registry(licensing, asked, keys, asked)


def _read_registry(
    licensing: Licensing, state: ClientState, keys: list[tuple[str, str]], before: ClientState
) -> ClientState:
    registry = Registry(licensing.session)
    if before.automatic_activation is not None:
        automatic = registry.number(ACTIVATION_KEY, MANUAL_VALUE) != 1
        state = dataclasses.replace(state, automatic_activation=automatic)
    if not keys:
        return state
    found = (read_level(registry, level, key) for level, key in keys)
    return dataclasses.replace(state, levels=tuple(level for level in found if level))


def _client_run(
    plan: Plan,
    state: ClientState,
    desired: DesiredClient,
    operations: list[str],
    reached: Mapping[str, ProductOutcome],
    failure: KmsError | None,
) -> Convergence[ClientState]:
    """The result of a client: outcomes by licence, and the worst of them."""
    try:
        selection = select(state, desired)
    except KmsError:
        selection = Selection(())  # what was named is gone now, which is what was asked for
    planned = {change.product for change in plan.changes if change.operation == ACTIVATE}
    outcomes: dict[str, ProductOutcome] = {}
    for slot in selection.slots:
        outcome = reached.get(slot.name)
        if outcome is None and desired.activate is not Activate.NEVER and slot.current is not None:
            is_expected = slot.current.is_licensed or (slot.name in planned and not reached)
            outcome = ProductOutcome(Outcome.LICENSED) if is_expected else None
        if outcome is not None and slot.current is not None:
            outcomes[slot.current.activation_id] = outcome
    worst = worst_of([*reached.values(), *outcomes.values()])
    if worst is None and planned and not reached:
        worst = ProductOutcome(Outcome.LICENSED)
    return Convergence(
        plan,
        state,
        operations,
        worst.outcome if worst else None,
        worst.reason if worst else None,
        outcomes,
        selection.skipped,
        failure,
    )


def _once(activate: Activate) -> Activate:
    return Activate.IF_NEEDED if activate is Activate.RENEW else activate


def failure_of(applier: Applier, plan: Plan, machine: str) -> KmsError:
    """What went wrong: the error itself where one product failed, else one sentence that names each."""
    failures = list(applier.failures.values())
    first = failures[0]
    if len(failures) == 1:
        return first
    products = {change.product for change in plan.changes if change.product}
    told = " ".join(f"({number}) {error.message}" for number, error in enumerate(failures, 1))
    error = ActivationFailed(
        f"{len(failures)} of {len(products)} products on {machine} failed: {told}",
        operation=first.operation,
        target=machine,
        code=first.code,
        name=first.name,
        hint=first.hint,
    )
    error.details = first.details
    return error


def _key_of(change: Change) -> tuple[str, object, str]:
    return (change.operation, change.target, change.setting)


def _shown_only_now(rest: Plan, plan: Plan) -> Plan:
    """Settings of a licence that showed only once it had a key: it may have a KMS host of its own, of earlier."""
    known = {_key_of(change) for change in plan.changes}
    fresh = [change for change in rest.changes if change.product and change.operation in ADDRESS_METHODS]
    return Plan(tuple(change for change in fresh if _key_of(change) not in known))


def check_promise(rest: Plan, applier: Applier, machine: str) -> None:
    """Fail when operations succeeded without effect. A pending activation is no broken promise."""
    pending = {product for product, each in applier.outcomes.items() if each.outcome is Outcome.PENDING}
    missing = [
        change
        for change in rest.changes
        if not ((change.product or "") in pending and (change.operation == ACTIVATE or change.once_licensed))
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
