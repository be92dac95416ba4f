# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a plan, one change after the other, and never twice."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    ActivationFailed,
    BadInput,
    CimFault,
    KmsError,
    NotConverged,
    NotSupported,
    OperationTimedOut,
    OutcomeUnknown,
    TransportTimeout,
    Unreachable,
)

from . import _catalogue
from ._codes import Channel, LicenseStatus, Outcome
from ._hresult import BELOW_THRESHOLD, KEY_DOES_NOT_FIT, explain, name_fault
from ._keys import ProductKey
from ._licensing import Licensing
from ._plan import (
    ACTIVATE,
    INSTALL_KEY,
    RESTART,
    Change,
    FirewallTarget,
    Plan,
    ProductTarget,
    ServiceTarget,
    WindowsServiceTarget,
)
from ._rows import LicensingService, OperatingSystem, Product, windows_product

POLL_SECONDS = 90.0
"""How long a state is polled after an operation whose outcome is unknown, or a service that was restarted."""

SETTLE_MINUTES = 3
"""After that an activation that was under way has ended: longer than the server's longest time-out and our polling."""

_OF_ITSELF = "Leave product_key out: the right client setup key is chosen by edition."

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


class Applier:
    """Applies plans to one machine and remembers what was done: `operations`, by name, in order.

    InstallProductKey and Activate are sent once. After a time-out their outcome is unknown: then the state is polled,
    and only what it says is reported.
    """

    def __init__(
        self, licensing: Licensing, system: OperatingSystem, service: LicensingService, products: tuple[Product, ...]
    ) -> None:
        """Start from what was just observed: nothing is read again until something was changed."""
        self._licensing = licensing
        self._system = system
        self._machine = system.computer_name
        self._service = service
        self._products: tuple[Product, ...] | None = products
        self.operations: list[str] = []
        self.outcome: Outcome | None = None
        self.outcome_reason: str | None = None

    @property
    def products(self) -> tuple[Product, ...]:
        """The Windows licences as they are after the last operation."""
        if self._products is None:
            self._products = self._licensing.windows_products(self._system)
        return self._products

    def apply(self, plan: Plan) -> None:
        """Carry out `plan`."""
        for change in plan.changes:
            self._carry_out(change)

    @contextlib.contextmanager
    def progress_in_errors(self) -> t.Iterator[None]:
        """Let every error carry what was done so far in its `progress`, also of what is read after the last change."""
        try:
            yield
        except KmsError as error:
            error.progress = {"changed": bool(self.operations), "operations": list(self.operations)}
            raise

    @contextlib.contextmanager
    def _recorded(self, operation: str, *, finite: bool = False) -> t.Iterator[None]:
        """Record `operation` when it was done, and also when it may have been because its answer got lost."""
        try:
            yield
        except Unreachable as error:
            if error.sent:
                self.operations.append(operation)
                self._name_unknown(error, operation, finite)
            raise
        except OperationTimedOut:
            self.operations.append(operation)
            raise
        self.operations.append(operation)

    def _name_unknown(self, error: Unreachable, operation: str, finite: bool) -> None:
        """Say which operation has an unknown outcome, and how not to spend anything twice."""
        error.operation = operation
        advice = "Run again: the next run reads the state first, and does nothing twice."
        if finite:
            advice = (
                f"It may still be at it: run again when {SETTLE_MINUTES} minutes have passed, so that no activation of "
                f"the key is spent twice."
            )
        error.message = f"{error.message} Whether {self._machine} carried out {operation} is unknown. {advice}"

    def _carry_out(self, change: Change) -> None:
        if change.operation == INSTALL_KEY:
            self._install_key(change)
        elif change.operation == ACTIVATE and isinstance(change.target, ProductTarget):
            self._activate(change, change.target)
        elif isinstance(change.target, ServiceTarget):
            with self._recorded(change.operation):
                self._call_service(change.operation, _plain(change))
        elif isinstance(change.target, FirewallTarget):
            self._switch_rule(change.operation, change.target)
        elif isinstance(change.target, WindowsServiceTarget) and change.operation == RESTART:
            self._restart(change.target.name)
        else:
            raise AssertionError(f"no way to carry out {change.operation} on {change.target}")

    def _install_key(self, change: Change) -> None:
        key = t.cast(ProductKey, change.arguments["ProductKey"])
        former = windows_product(self.products)
        try:
            with self._recorded(INSTALL_KEY):
                self._call_service(INSTALL_KEY, {"ProductKey": key.reveal()})
        except (OperationTimedOut, TransportTimeout) as error:
            self._poll(
                lambda: self._look_again(key.last_five), f"the key ending in {key.last_five} is installed", error
            )
        except CimFault as fault:
            raise self._key_refused(fault, key, change.channel, former) from fault
        self._refresh()
        installed = self._find(key.last_five)
        if installed is None:
            raise NotConverged(
                f"InstallProductKey reported success on {self._machine}, and no Windows licence there has a "
                f"key ending in {key.last_five}. Nothing was activated.",
                operation=INSTALL_KEY,
                target=self._machine,
                hint="Restart the service sppsvc and run again.",
            )
        if change.channel is not None and installed.channel is not change.channel:
            raise self._take_back(change.channel, key, installed, former)

    def _take_back(self, wanted: Channel, key: ProductKey, installed: Product, former: Product | None) -> BadInput:
        """A key turned out to be of another kind: activate nothing, restore what can be restored, and say so (F28)."""
        published = _catalogue.published_by_last_five(former.partial_product_key or "") if former else None
        if published is not None:
            with self._recorded(INSTALL_KEY):
                self._call_service(INSTALL_KEY, {"ProductKey": published.key.reveal()})
            left = (
                f"The former client setup key (ending in {published.key.last_five}) was installed again, and has to be "
                f"activated again"
            )
        else:
            with self._recorded("UninstallProductKey"):
                self._call_product(installed, "UninstallProductKey")
            lost = f", and the former one (ending in {former.partial_product_key}) is gone" if former else ""
            left = f"The key was removed again, so Windows has no key now{lost}"
        self._refresh()
        advice = _OF_ITSELF if wanted is Channel.KMS_CLIENT else f"Run again with {wanted.key} as product_key."
        return BadInput(
            f"product_key (ending in {key.last_five}) is {installed.channel.key}, which only its installation on "
            f"{self._machine} could show, and {wanted.key} was asked for. Nothing was activated. {left}. {advice}",
            operation=INSTALL_KEY,
            target="product_key",
            hint=advice,
        )

    def _key_refused(
        self, fault: CimFault, key: ProductKey, wanted: Channel | None, former: Product | None
    ) -> KmsError:
        if fault.code not in KEY_DOES_NOT_FIT:
            return _with_facts(fault, f"Could not install the key ending in {key.last_five}", self._machine)
        known = explain(fault.code or 0)
        edition = f"{_catalogue.edition_name(self._system)} (build {self._system.build})"
        left = (
            f"The former key (ending in {former.partial_product_key}) is still in place"
            if former
            else "It still has none"
        )
        advice = _OF_ITSELF
        if wanted is not Channel.KMS_CLIENT:
            advice = f"Compare product_key with the agreement: it has to be {(wanted or Channel.UNKNOWN).key} for that."
        return BadInput(
            f"{self._machine} refused the product key ending in {key.last_five} ({known}): it is mistyped, or for "
            f"another edition than {edition}. {left}. {advice}",
            operation=INSTALL_KEY,
            target="product_key",
            code=fault.code,
            name=known.name,
            hint=advice,
        )

    def _activate(self, change: Change, target: ProductTarget) -> None:
        product = self._find(target.last_five)
        if product is None:
            raise NotConverged(
                f"No Windows licence on {self._machine} has a key ending in {target.last_five} any more, so "
                f"nothing was activated. Something else changes keys on this machine.",
                operation=ACTIVATE,
                target=self._machine,
            )
        renewal = change.before == LicenseStatus.LICENSED.label
        if product.is_licensed and not renewal:
            # The service activates by itself in the background after a key change: a better state is success.
            self.outcome = Outcome.LICENSED
            return
        finite = product.channel is not Channel.KMS_CLIENT
        failure: CimFault | None = None
        try:
            with self._recorded(ACTIVATE, finite=finite):
                self._call_product(product, ACTIVATE)
        except (OperationTimedOut, TransportTimeout) as error:
            self.outcome = self._await_activation(target, error, finite)
            return
        except CimFault as fault:
            self.operations.append(ACTIVATE)
            failure = fault
        else:
            self._refresh()
        self.outcome = self._judge(target, failure, renewal)

    def _await_activation(self, target: ProductTarget, cause: KmsError, finite: bool) -> Outcome:
        """No answer yet is not a failure: a later task asks again, while others have their turn.

        Unless asking again may spend a second activation of a MAK or host key: that is a user's decision.
        """
        try:
            self._poll(lambda: self._licensed(target.last_five), "Windows is activated", cause)
        except OutcomeUnknown:
            if finite:
                raise
            self.outcome_reason = "the licensing service has not answered yet"
            return Outcome.PENDING
        return Outcome.LICENSED

    def _judge(self, target: ProductTarget, failure: CimFault | None, renewal: bool) -> Outcome:
        """Only the state decides: a call may succeed without effect, and fail while the service got there by itself."""
        product = self._find(target.last_five)
        if product is not None and product.is_licensed and not (renewal and failure):
            return Outcome.LICENSED
        code = failure.code if failure else product.license_status_reason if product else None
        if code == BELOW_THRESHOLD:
            self.outcome_reason = f"the KMS host's count is below the threshold ({explain(code)})"
            return Outcome.PENDING
        if failure is not None:
            raise _with_facts(failure, f"Could not activate {_name(product)}", self._machine)
        raise NotConverged(
            f"Activate reported success on {self._machine}, and {_name(product)} is still not licensed"
            f"{f' ({explain(code)})' if code else ''}.",
            operation=ACTIVATE,
            target=self._machine,
            code=code or None,
            hint="Run again; if it stays so, look into the Application event log for events 12288 and 12289.",
        )

    def _switch_rule(self, method: str, target: FirewallTarget) -> None:
        rule = self._licensing.firewall_rule(target.rule)
        if rule is None:
            raise NotConverged(
                f"The firewall rule {target.rule} of {self._machine} disappeared while it was being changed.",
                operation=method,
                target=target.rule,
            )
        with self._recorded(method):
            self._licensing.switch_firewall_rule(rule, method)

    def _restart(self, name: str) -> None:
        """Stop and start a service. It stops itself when idle: one that is stopped already is as good as restarted."""
        licensing = self._licensing
        if licensing.windows_service_state(name) == "Stopped":
            with self._recorded(RESTART):
                self._control(name, "StartService", accepted=(0, 10))
        else:
            self._refuse_to_stop_for_good(name)
            with self._recorded(RESTART):
                self._control(name, "StopService", accepted=(0, 5, 6))
            self._poll(lambda: licensing.windows_service_state(name) == "Stopped", f"{name} is stopped")
            self._control(name, "StartService", accepted=(0, 10))
        self._poll(lambda: licensing.windows_service_state(name) == "Running", f"{name} is running")

    def _refuse_to_stop_for_good(self, name: str) -> None:
        """A service that runs and is disabled could be stopped, and not be started again (return code 14)."""
        if self._licensing.windows_service_start_mode(name) == "Disabled":
            raise NotSupported(
                f"{name} on {self._machine} was not restarted: its start type is Disabled, so it could be stopped but "
                f"not be started again. The new settings take effect when it is restarted.",
                operation=RESTART,
                target=name,
                hint=f"Run `sc config {name} start= delayed-auto` on the machine, and run again.",
            )

    def _control(self, name: str, method: str, accepted: tuple[int, ...]) -> None:
        code = self._licensing.control_windows_service(name, method)
        if code not in accepted:
            raise KmsError(
                f"Windows refused {method} for {name} on {self._machine} with return code {code} "
                f"(Win32_Service). The new settings take effect when the service is restarted.",
                operation=method,
                target=name,
                code=code,
                hint=f"Restart {name} on the machine.",
            )

    def _poll(self, done: t.Callable[[], object], what: str, cause: KmsError | None = None) -> None:
        """Ask until `done`, with growing pauses, for POLL_SECONDS. Then: OutcomeUnknown, never "failed"."""
        clock, pause = self._licensing.clock, _FIRST_PAUSE
        deadline = clock.monotonic() + POLL_SECONDS
        while not done():
            if clock.monotonic() + pause > deadline:
                raise OutcomeUnknown(
                    f"{self._machine} did not show within {POLL_SECONDS:.0f} seconds that {what}. It may "
                    f"still happen; nothing was sent twice.",
                    operation=cause.operation if cause else None,
                    target=self._machine,
                    hint="Run again: the next run reads the state first and goes on from there.",
                ) from cause
            clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _call_service(self, method: str, arguments: t.Mapping[str, t.Any]) -> None:
        self._products = None
        self._licensing.call_service(self._service, method, arguments)

    def _call_product(self, product: Product, method: str) -> None:
        self._products = None
        self._licensing.call_product(product.activation_id, method, {})

    def _refresh(self) -> None:
        """RefreshLicenseStatus, as slmgr does after every key change and activation that succeeded."""
        self._call_service("RefreshLicenseStatus", {})

    def _find(self, last_five: str) -> Product | None:
        return next((p for p in self.products if p.is_windows and p.partial_product_key == last_five), None)

    def _look_again(self, last_five: str) -> Product | None:
        self._products = None
        return self._find(last_five)

    def _licensed(self, last_five: str) -> bool:
        product = self._look_again(last_five)
        return product is not None and product.is_licensed


def _plain(change: Change) -> dict[str, str | int | bool]:
    return {
        name: value.reveal() if isinstance(value, ProductKey) else value for name, value in change.arguments.items()
    }


def _name(product: Product | None) -> str:
    return product.name if product else "Windows"


def _with_facts(fault: CimFault, what: str, machine: str) -> ActivationFailed:
    named = name_fault(fault, f"{what} on {machine}")
    return ActivationFailed(
        named.message, operation=fault.operation, target=machine, code=fault.code, name=named.name, hint=named.hint
    )
