# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One machine while a plan is carried out: what was done, what is known of its licences, and how it is asked again."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    CimFault,
    KmsError,
    NotSupported,
    OperationTimedOut,
    OutcomeUnknown,
    Unreachable,
)

from ._codes import Family, Scope
from ._licensing import Licensing
from ._plan import ACTIVATE, DEPOSIT, INSTALL_KEY, REFRESH, UNINSTALL_KEY, ProductTarget
from ._registry import Registry
from ._rows import LicensingService, OperatingSystem, Product

POLL_SECONDS = 90.0
"""How long a state is polled after an operation whose outcome is unknown, or a service that was restarted."""

SETTLE_MINUTES = 3
"""After that an activation that was under way has ended: longer than the server's longest time-out and our polling."""

_CHANGES_LICENCES = (INSTALL_KEY, UNINSTALL_KEY, ACTIVATE, DEPOSIT, REFRESH)

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0


class Machine:
    """Remembers what was done (`operations`, by name, in order), and reads licences again only after a change.

    InstallProductKey and Activate are sent once. After a time-out their outcome is unknown: then the state is polled,
    and only what it says is reported.
    """

    def __init__(
        self,
        licensing: Licensing,
        system: OperatingSystem,
        services: t.Iterable[LicensingService | None],
        products: tuple[Product, ...],
        scope: Scope = Scope.WINDOWS,
        *,
        read: t.Callable[[], tuple[Product, ...]] | None = None,
    ) -> None:
        """Start from what was just observed: nothing is read again until something was changed.

        `read` reads the licences, by default those in `scope`.
        """
        self.licensing = licensing
        self.system = system
        self.name = system.computer_name
        self.registry = Registry(licensing.session)
        self.operations: list[str] = []
        self._services = {service.family: service for service in services if service is not None}
        self._scope = scope
        self._read_products = read or self._products_in_scope
        self._products = products
        self._has_own_classes = any(product.family is Family.OSPP for product in products)
        self._is_settled = self._is_known = True

    @property
    def products(self) -> tuple[Product, ...]:
        """The licences as they are after the last operation, with all their settings."""
        if not self._is_settled:
            self._read()
        return self._products

    def _read(self) -> None:
        self._products = self._read_products()
        self._is_settled = self._is_known = True

    def _products_in_scope(self) -> tuple[Product, ...]:
        return self.licensing.products(self.system, self._scope, own_classes=self._has_own_classes)

    @property
    def last_products(self) -> tuple[Product, ...]:
        """The licences as they were when they were last read: settings change, keys don't by themselves."""
        return self._products

    def find(self, target: ProductTarget) -> Product | None:
        """The licence that a target means, as it is now: read again only if keys or activations may have changed."""
        return next(self._all(target), None)

    def has_licensed(self, target: ProductTarget) -> bool:
        """Whether any licence that a target means is activated, as far as is known now."""
        return any(product.is_licensed for product in self._all(target))

    def _all(self, target: ProductTarget) -> t.Iterator[Product]:
        if not self._is_known:
            self._read()
        return (product for product in self._products if target.matches(product))

    def look_again(self, target: ProductTarget) -> Product | None:
        """The same, always asked."""
        self._read()
        return self.find(target)

    def is_licensed(self, target: ProductTarget) -> bool:
        """Whether a licence is activated; always asked."""
        product = self.look_again(target)
        return product is not None and product.is_licensed

    def call_service(self, family: Family, method: str, arguments: t.Mapping[str, t.Any]) -> None:
        """A method of the licensing service of a family."""
        service = self._service(family)
        self._has_own_classes = self._has_own_classes or family is Family.OSPP
        self._note(method)
        self.licensing.call_service(service, method, arguments)

    def call_product(self, product: Product, method: str, arguments: t.Mapping[str, t.Any] | None = None) -> None:
        """A method of one licence."""
        self._note(method)
        self.licensing.call_product(product.activation_id, method, arguments or {}, product.family)

    def _note(self, method: str) -> None:
        self._is_settled = False
        self._is_known = self._is_known and method not in _CHANGES_LICENCES

    def refresh(self, family: Family) -> None:
        """RefreshLicenseStatus, as slmgr does after every key change and activation that succeeded.

        That the service of Office itself has the method is unverified, and nothing depends on it.
        """
        with contextlib.suppress(*(() if family is Family.SPP else (CimFault,))):
            self.call_service(family, REFRESH, {})

    def _service(self, family: Family) -> LicensingService:
        if family not in self._services and (found := self.licensing.office_service()):
            self._services[family] = found
        if family not in self._services:
            raise NotSupported(
                f"{self.name} has no licensing service of Office's own, so no Office that needs it is installed there. "
                f"Install Office first, or leave it out for this machine.",
                operation="call",
                target=self.name,
                hint="Office 2010, and on Windows 7 and 2008 R2 every Office, brings that service.",
            )
        return self._services[family]

    @contextlib.contextmanager
    def progress_in_errors(self) -> t.Iterator[None]:
        """Let every error carry what was done so far in its `progress`, also of what is read after the last change."""
        try:
            yield
        except KmsError as error:
            error.progress = {"changed": bool(self.operations), "operations": list(self.operations)}
            raise

    @contextlib.contextmanager
    def recorded(self, operation: str, *, finite: bool = False) -> t.Iterator[None]:
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
        error.message = f"{error.message} Whether {self.name} carried out {operation} is unknown. {advice}"

    def poll(self, done: t.Callable[[], object], what: str, cause: KmsError | None = None) -> None:
        """Ask until `done`, with growing pauses, for POLL_SECONDS. Then: OutcomeUnknown, never "failed"."""
        clock, pause = self.licensing.clock, _FIRST_PAUSE
        deadline = clock.monotonic() + POLL_SECONDS
        while not done():
            if clock.monotonic() + pause > deadline:
                raise OutcomeUnknown(
                    f"{self.name} did not show within {POLL_SECONDS:.0f} seconds that {what}. It may "
                    f"still happen; nothing was sent twice.",
                    operation=cause.operation if cause else None,
                    target=self.name,
                    hint="Run again: the next run reads the state first and goes on from there.",
                ) from cause
            clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
