# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading one machine of a fleet into its record. Whatever goes wrong there is in the record, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault, KmsError
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Channel,
    Licensing,
    Scope,
    Section,
    host_result,
    inspect_client,
    name_fault,
    observe_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import LicensingService, OperatingSystem, Product
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

from ._record import Record, failed_record, read_record


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of each machine. `host`: also the state of KMS hosts as hosts."""

    scope: Scope = Scope.ALL
    sections: frozenset[Section] = frozenset()
    days: int = 8
    host: bool = False


class _NotingLicensing(Licensing):
    """Notes what the result of a client does not have.

    `skew_seconds`: by how much the machine's clock is ahead of the controller's, half the way there and back allowed
    for. `is_kms_host`: as `ClientState` has it.
    """

    skew_seconds: float | None = None
    is_kms_host: bool = False

    def system(self) -> OperatingSystem:
        asked = _now()
        system = super().system()
        if system.clock is not None:
            # Plus nothing, so that it is never -0.0.
            self.skew_seconds = round((system.clock - asked - (_now() - asked) / 2).total_seconds(), 1) + 0.0
        return system

    def service(self, system: OperatingSystem) -> LicensingService:
        service = super().service(system)
        self.is_kms_host |= service.is_kms_host
        return service

    def products(
        self, system: OperatingSystem, scope: Scope = Scope.WINDOWS, *, own_classes: bool = True
    ) -> tuple[Product, ...]:
        products = super().products(system, scope, own_classes=own_classes)
        self.is_kms_host |= any(product.channel is Channel.KMS_HOST and product.is_windows for product in products)
        return products


def read_machine(machine: str, transport: ClosableTransport, reading: Reading) -> Record:
    """The record of one machine; closes `transport`. Raises nothing that a machine could be the reason of."""
    try:
        return _read(machine, _NotingLicensing(CimSession(transport)), reading)
    except CimFault as fault:
        named = name_fault(fault, f"{fault.operation} of {fault.target} failed on {machine}")
        return failed_record(machine, _now(), named)
    except KmsError as error:
        return failed_record(machine, _now(), error)
    except Exception as error:  # a reply that nobody thought of must not spoil the other machines
        return failed_record(machine, _now(), unexpected(machine, error))
    finally:
        transport.close()


def unexpected(machine: str, error: BaseException) -> KmsError:
    """An error of ours, not of the machine: its kind and no more, since its text may hold anything."""
    return KmsError(
        f"{machine} could not be read because of an error in volact.kms itself ({type(error).__name__}). Nothing was "
        "changed. Please report it, with what client_info says about the machine.",
        operation="read the machine",
        target=machine,
        hint="Run volact.kms.client_info on the machine with -vvv.",
    )


def _read(machine: str, licensing: _NotingLicensing, reading: Reading) -> Record:
    result = inspect_client(licensing, reading.scope, reading.sections, reading.days)
    if reading.host and licensing.is_kms_host:
        result["host"] = host_result(observe_host(licensing))["host"]
    return read_record(machine, _now(), result, is_kms_host=licensing.is_kms_host, skew_seconds=licensing.skew_seconds)


def _now() -> datetime:
    return datetime.now(timezone.utc)
