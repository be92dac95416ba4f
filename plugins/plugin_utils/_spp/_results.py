# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States as module results: builtins only, a number and a name for each code, minutes and a time for each span."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from ._catalogue import edition_name
from ._client import ClientState
from ._codes import ActivationType, Family, LicenseStatus, Outcome
from ._converge import Convergence
from ._dns_suffixes import DnsSuffixes
from ._events import KmsHistory, KmsRequest, KmsResponse
from ._hresult import explain
from ._registry_levels import RegistrySettings
from ._rows import LicensingService, OperatingSystem, Product
from ._selection import Skipped

Result = dict[str, t.Any]

_NO_CLOCK = "The machine did not tell its clock."
_NOT_TOLD = "The machine did not tell it."
_NOT_ON_6_1 = "The licensing service of Windows 7 and Server 2008 R2 does not tell it."
_NOT_OF_OFFICE = "The licensing classes of Office do not tell it."


def run_result(run: Convergence[t.Any]) -> Result:
    """What every changing module returns: `changed`, `operations`, and the outcome of the activation."""
    return {
        "changed": bool(run.operations),
        "operations": run.operations,
        "outcome": run.outcome.value if run.outcome else None,
        "outcome_reason": run.outcome_reason,
        "pending": run.outcome is Outcome.PENDING,
    }


def client_result(state: ClientState, run: Convergence[ClientState] | None = None) -> Result:
    """`products`, `addons`, `kms_client`, `office_kms_client` and `operating_system` of a client.

    With the `run` that left the state: what became of each product's activation, and `skipped_products`. What is null
    is absent, unless `unknown` beside it gives the reason why it could not be told.
    """
    office = state.office_service
    products = [
        (product, product_result(product, state.system) | outcome_result(product, run)) for product in state.products
    ]
    result: Result = {
        "products": [result for product, result in products if not product.is_addon],
        "addons": [result for product, result in products if product.is_addon],
        "kms_client": _kms_client(state.service, state.system),
        "office_kms_client": _kms_client(office, state.system) if office else None,
        "operating_system": system_result(state.system),
    }
    return result if run is None else {**result, "skipped_products": [_skipped(skipped) for skipped in run.skipped]}


def outcome_result(product: Product, run: Convergence[t.Any] | None) -> Result:
    """What became of one product's activation in `run`; nothing where there was no run."""
    if run is None:
        return {}
    found = run.outcomes.get(product.activation_id)
    return {"outcome": found.outcome.value if found else None, "outcome_reason": found.reason if found else None}


def _skipped(skipped: Skipped) -> Result:
    product = skipped.product
    return {
        "activation_id": product.activation_id,
        "name": product.name,
        "channel": product.channel.value,
        "reason": skipped.reason,
    }


def product_result(product: Product, system: OperatingSystem) -> Result:
    """One licence. Its remaining minutes count from the machine's own time."""
    reason = explain(product.license_status_reason)
    result: Result = {
        "activation_id": product.activation_id,
        "application_id": product.application_id,
        "application": product.application,
        "family": product.family.value,
        "name": product.name,
        "description": product.description,
        "license_family": product.license_family or None,
        "channel": product.channel.value,
        "partial_product_key": product.partial_product_key,
        "license_status": int(product.license_status),
        "license_status_name": product.license_status.label,
        "license_status_reason": product.license_status_reason,
        "license_status_reason_code": reason.hexadecimal,
        "license_status_reason_name": reason.name,
        "license_status_reason_meaning": reason.meaning,
        "grace_minutes": product.grace_minutes,
        "grace_ends": _ends(system.clock, product.grace_minutes),
        "activation_type": _number(product.activation_type),
        "activation_type_name": product.activation_type.label if product.activation_type is not None else None,
        "activation_type_enabled": _number(product.activation_type_enabled),
        "activation_type_enabled_name": (
            product.activation_type_enabled.label if product.activation_type_enabled is not None else None
        ),
        "kms_host": product.kms_machine,
        "kms_port": product.kms_port,
        "lookup_domain": product.lookup_domain,
        "discovered_kms_host": product.discovered_machine,
        "discovered_kms_port": product.discovered_port,
        "discovered_kms_address": product.discovered_address,
        "activation_interval_minutes": product.activation_interval,
        "renewal_interval_minutes": product.renewal_interval,
        "ad_activation_object_name": product.ad_activation_object_name,
        "ad_activation_object_dn": product.ad_activation_object_dn,
        "remaining_app_rearms": product.remaining_app_rearms,
        "remaining_sku_rearms": product.remaining_sku_rearms,
    }
    return {**result, "unknown": _unknown_of_product(product, system)}


def registry_result(settings: RegistrySettings | None, reason: str | None = None) -> Result:
    """`registry`: the keys that hold a KMS host or port. None: it could not be read, for `reason`."""
    return {
        "kms_hosts": [
            {"level": level.level, "key": f"HKLM\\{level.key}", "kms_host": level.kms_host, "kms_port": level.kms_port}
            for level in settings.levels
        ]
        if settings
        else None,
        "automatic_activation": settings.automatic_activation if settings else None,
        "user_operations": settings.user_operations if settings else None,
        "reason": reason,
    }


def dns_result(found: DnsSuffixes | None, reason: str | None = None) -> Result:
    """`dns`: where the machine looks for KMS hosts. None: it could not be read, for `reason`."""
    return {
        "suffixes": list(found.suffixes) if found else None,
        "source": found.source if found else None,
        "reason": reason,
    }


def history_result(history: KmsHistory) -> Result:
    """`events`: the newest request to a KMS host of each licence, with its answer."""
    requests = None if history.requests is None else [_kms_request(request) for request in history.requests]
    return {"kms_requests": requests, "reason": history.reason}


def _kms_request(request: KmsRequest) -> Result:
    status = None if request.license_status is None else LicenseStatus(request.license_status)
    return {
        "activation_id": request.activation_id,
        "recorded": iso(request.recorded),
        **_result_code(request),
        "kms_host": request.kms_host,
        "kms_port": request.kms_port,
        "cmid": request.cmid,
        "client_time": iso(request.client_time),
        "virtual_machine": request.virtual_machine,
        "license_status": None if status is None else int(status),
        "license_status_name": None if status is None else status.label,
        "minutes_to_expiration": request.minutes_to_expiration,
        "required_client_count": request.required_count,
        "response": _kms_response(request.response) if request.response else None,
    }


def _kms_response(response: KmsResponse) -> Result:
    return {
        "recorded": iso(response.recorded),
        **_result_code(response),
        "activated": response.activated,
        "current_count": response.current_count,
        "activation_interval_minutes": response.activation_interval,
        "renewal_interval_minutes": response.renewal_interval,
        "client_time": iso(response.client_time),
    }


def _result_code(event: KmsRequest | KmsResponse) -> Result:
    known = explain(event.code)
    return {
        "succeeded": event.code == 0,
        "code": known.hexadecimal,
        "code_name": known.name,
        "code_meaning": known.meaning,
        "code_remedy": known.remedy,
        "status_flags": list(event.status_flags),
    }


def _unknown_of_product(product: Product, system: OperatingSystem) -> dict[str, str]:
    """Which of the null values are unknown rather than absent, and why."""
    reason = _why_not_told(product.family, system)
    unknown = {}
    if product.grace_minutes and system.clock is None:
        unknown["grace_ends"] = _NO_CLOCK
    if product.discovered_machine and product.discovered_address is None:
        unknown["discovered_kms_address"] = reason
    if product.activation_type is None:
        unknown |= dict.fromkeys(("activation_type", "activation_type_enabled"), reason)
    if product.activation_type in (None, ActivationType.ACTIVE_DIRECTORY):
        objects = ("ad_activation_object_name", "ad_activation_object_dn")
        unknown |= dict.fromkeys((name for name in objects if getattr(product, name) is None), reason)
    rearms = ("remaining_app_rearms", "remaining_sku_rearms")
    return unknown | dict.fromkeys((name for name in rearms if getattr(product, name) is None), reason)


def _why_not_told(family: Family, system: OperatingSystem) -> str:
    if family is Family.OSPP:
        return _NOT_OF_OFFICE
    return _NOT_ON_6_1 if system.is_6_1 else _NOT_TOLD


def _kms_client(service: LicensingService, system: OperatingSystem) -> Result:
    unknown = {}
    reason = _why_not_told(service.family, system)
    if service.discovered_machine and service.discovered_address is None:
        unknown["discovered_kms_address"] = reason
    if service.remaining_windows_rearms is None:
        unknown["remaining_windows_rearms"] = reason
    if service.host_caching is None:
        unknown["host_caching"] = reason
    return {
        "cmid": service.cmid,
        "kms_host": service.kms_machine,
        "kms_port": service.kms_port,
        "lookup_domain": service.lookup_domain,
        "host_caching": service.host_caching,
        "discovered_kms_host": service.discovered_machine,
        "discovered_kms_port": service.discovered_port,
        "discovered_kms_address": service.discovered_address,
        "remaining_windows_rearms": service.remaining_windows_rearms,
        "unknown": unknown,
    }


def system_result(system: OperatingSystem) -> Result:
    """`operating_system`: the Windows that was read."""
    return {
        "computer_name": system.computer_name,
        "version": system.version,
        "build": system.build,
        "sku": system.sku,
        "edition": edition_name(system),
        "product_type": system.product_type,
        "language": system.language,
        "clock": iso(system.clock),
    }


def _number(value: ActivationType | None) -> int | None:
    return None if value is None else int(value)


def _ends(clock: datetime | None, minutes: int | None) -> str | None:
    """When the remaining minutes end; null where none remain (a permanent licence) or the clock is unknown."""
    return iso(clock + timedelta(minutes=minutes)) if clock and minutes else None


def iso(moment: datetime | None) -> str | None:
    """A moment in UTC, to the second."""
    return moment.astimezone(timezone.utc).replace(microsecond=0).isoformat().replace("+00:00", "Z") if moment else None
