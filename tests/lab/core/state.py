# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`lab state`: everything that is so, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from .firewall import FIREWALL_RULE, NO_SCOPE_RULE, FirewallRule, profile_names
from .kms import Tally
from .licence import LicenceRow
from .machine import Machine, ServiceSettings
from .world import World


def site_state(world: World, domain: str, machines: Mapping[str, Machine]) -> dict[str, object]:
    """The whole site. `dns` is the shell's to add."""
    now = world.now()
    return {
        "clock": now.isoformat(),
        "domain": domain,
        "microsoft": world.microsoft.state(),
        "machines": {name: machine_state(machine, now) for name, machine in machines.items()},
    }


def machine_state(machine: Machine, now: datetime) -> dict[str, object]:
    """One machine: keyed rows only, no part of a key but its last five characters."""
    return {
        "address": machine.address,
        "os": machine.os.name,
        "language": machine.language,
        "os_version": machine.os.version,
        "sku": machine.os.sku,
        "cmid": machine.client_machine_id,
        "service": _service_state(machine, now),
        "office_service": _settings(machine.ospp_settings) if machine.has_ospp else None,
        "office_cmid": machine.ospp_client_machine_id,
        "key_in_registry": machine.key_in_registry,
        "registry": {
            path: {name: data for name, _type, data in values.values()} for path, values in machine.registry.items()
        },
        "products": [_product_state(row, now) for row in machine.keyed_rows(now)],
        "kms_host": _kms_host_state(machine, now),
        "firewall": {
            name: rule.enabled
            for name, rule in machine.firewall.rules.items()
            if name in (FIREWALL_RULE, NO_SCOPE_RULE)
        },
        "firewall_rules": [_rule_state(rule) for rule in machine.firewall.rules.values()],
        "licences": list(machine.licences),
        "events": [
            {"time": event.time.isoformat(), "id": event.id, "log": event.log, "strings": list(event.strings)}
            for event in machine.events
        ],
    }


def _service_state(machine: Machine, now: datetime) -> dict[str, object]:
    return {"service_state": machine.service_state(now).lower(), **_settings(machine.settings)}


def _settings(settings: ServiceSettings) -> dict[str, object]:
    return {
        "kms_machine": settings.kms_machine,
        "kms_port": settings.kms_port,
        "lookup_domain": settings.lookup_domain,
        "host_caching": settings.host_caching,
        "activation_type_enabled": settings.activation_type_enabled,
        "listening_port": settings.listening_port,
        "dns_publishing": settings.dns_publishing,
        "low_priority": settings.low_priority,
    }


def _product_state(row: LicenceRow, now: datetime) -> dict[str, object]:
    return {
        "activation_id": row.activation_id,
        "application_id": row.application_id,
        "name": row.name,
        "description": row.description,
        "license_family": row.family,
        "class_family": "ospp" if row.is_ospp else "spp",
        "license_status": int(row.status),
        "license_status_reason": f"0x{row.reason:08X}",
        "grace_minutes": row.grace_minutes(now),
        "partial_product_key": row.key.last_five if row.key else None,
        "activated_by": row.activated_by,
        "kms_host_used": row.kms_host_used,
        "kms_machine": row.kms_machine,
        "kms_port": row.kms_port or None,
        "lookup_domain": row.lookup_domain,
        "activation_type_enabled": row.activation_type_enabled,
        "activation_object": row.activation_object.name if row.activation_object else None,
        "discovered_name": row.discovered_name,
        "discovered_address": row.discovered_address,
    }


def _kms_host_state(machine: Machine, now: datetime) -> dict[str, object] | None:
    if machine.kms is None:
        return None
    rows = machine.host_rows(now)
    tallies = {pool: machine.kms.tally(pool, now) for pool in dict.fromkeys(row.pool(machine.dialect) for row in rows)}
    requests = [tally.counters for tally in tallies.values()]
    return {
        "listening": machine.is_reachable(now),
        "activated": any(machine.active_kms_host(row) for row in rows),
        "port": machine.kms.port,
        "pools": {pool: _tally_state(tally) for pool, tally in tallies.items()},
        "requests": {
            "total": sum(counters.total for counters in requests),
            "failed": sum(counters.failed for counters in requests),
            "by_license_status": [
                sum(counts) for counts in zip(*(counters.by_status for counters in requests), strict=True)
            ],
        },
        "activation_interval": machine.kms.activation_interval,
        "renewal_interval": machine.kms.renewal_interval,
    }


def _rule_state(rule: FirewallRule) -> dict[str, object]:
    return {
        "name": rule.name,
        "enabled": rule.enabled,
        "profiles": profile_names(rule.profiles),
        "protocol": rule.protocol,
        "local_ports": list(rule.local_ports),
        "remote_addresses": list(rule.remote_addresses),
    }


def _tally_state(tally: Tally) -> dict[str, object]:
    clients = [cmid for cmid, _seen in tally.pool.clients]
    return {"count": len(clients), "maximum": tally.pool.maximum, "cmids": clients}
