# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States as module results: builtins only, a number and a name for each code, minutes and a time for each span."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from ._catalogue import edition_name
from ._client import ClientState
from ._codes import ActivationType, Outcome
from ._converge import Convergence
from ._host import HostState
from ._hresult import explain
from ._rows import FirewallRule, LicensingService, OperatingSystem, Product

Result = dict[str, t.Any]


def run_result(run: Convergence[t.Any]) -> Result:
    """What every changing module returns: `changed`, `operations`, and the outcome of the activation."""
    return {
        "changed": bool(run.operations),
        "operations": run.operations,
        "outcome": run.outcome.value if run.outcome else None,
        "outcome_reason": run.outcome_reason,
        "pending": run.outcome is Outcome.PENDING,
    }


def client_result(state: ClientState) -> Result:
    """`products`, `kms_client` and `operating_system` of a client."""
    return {
        "products": [product_result(product, state.system.clock) for product in state.products if product.is_windows],
        "kms_client": _kms_client(state.service),
        "operating_system": _operating_system(state.system),
    }


def host_result(state: HostState) -> Result:
    """`host` and `operating_system` of a KMS host."""
    product = state.host_product
    return {
        "host": {
            "is_kms_host": state.service.is_kms_host or product is not None,
            "product": product_result(product, state.system.clock) if product else None,
            # 0 and -1 both mean that no client has asked yet (F17).
            "current_count": (product.current_count or 0) if product else None,
            "required_client_count": product.required_count if product else None,
            "total_requests": product.total_requests if product else None,
            "failed_requests": product.failed_requests if product else None,
            "listening_port": state.service.listening_port,
            "dns_publishing": state.service.dns_publishing,
            "firewall_rule": _firewall_rule(state.rule) if state.rule else None,
        },
        "operating_system": _operating_system(state.system),
    }


def product_result(product: Product, clock: datetime | None) -> Result:
    """One licence. `clock` is the machine's own time, from which its remaining minutes count."""
    reason = explain(product.license_status_reason)
    return {
        "activation_id": product.activation_id,
        "application_id": product.application_id,
        "name": product.name,
        "description": product.description,
        "channel": product.channel.value,
        "partial_product_key": product.partial_product_key,
        "license_status": int(product.license_status),
        "license_status_name": product.license_status.label,
        "license_status_reason": product.license_status_reason,
        "license_status_reason_code": reason.hexadecimal,
        "license_status_reason_name": reason.name,
        "license_status_reason_meaning": reason.meaning,
        "grace_minutes": product.grace_minutes,
        "grace_ends": _ends(clock, product.grace_minutes),
        "activation_type": _number(product.activation_type),
        "activation_type_name": product.activation_type.label if product.activation_type is not None else None,
        "kms_host": product.kms_machine,
        "kms_port": product.kms_port,
        "discovered_kms_host": product.discovered_machine,
        "discovered_kms_port": product.discovered_port,
        "discovered_kms_address": product.discovered_address,
        "activation_interval_minutes": product.activation_interval,
        "renewal_interval_minutes": product.renewal_interval,
    }


def _kms_client(service: LicensingService) -> Result:
    return {
        "cmid": service.cmid,
        "kms_host": service.kms_machine,
        "kms_port": service.kms_port,
        "lookup_domain": service.lookup_domain,
        "host_caching": service.host_caching,
        "discovered_kms_host": service.discovered_machine,
        "discovered_kms_port": service.discovered_port,
        "discovered_kms_address": service.discovered_address,
    }


def _operating_system(system: OperatingSystem) -> Result:
    return {
        "computer_name": system.computer_name,
        "version": system.version,
        "build": system.build,
        "sku": system.sku,
        "edition": edition_name(system),
        "product_type": system.product_type,
        "language": system.language,
        "clock": _iso(system.clock),
    }


def _firewall_rule(rule: FirewallRule) -> Result:
    return {"name": rule.name, "enabled": rule.enabled, "profiles": rule.profiles}


def _number(value: ActivationType | None) -> int | None:
    return None if value is None else int(value)


def _ends(clock: datetime | None, minutes: int | None) -> str | None:
    """When the remaining minutes end; null where none remain (a permanent licence) or the clock is unknown."""
    return _iso(clock + timedelta(minutes=minutes)) if clock and minutes else None


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(timezone.utc).replace(microsecond=0).isoformat().replace("+00:00", "Z") if moment else None
