# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`lab set MACHINE name=value`: the names, what they take, and what they do."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from .kms import CACHE_MAXIMUM, CountPool
from .licence import LicenseStatus
from .machine import Machine
from .spec import SiteError
from .world import World

Setter = Callable[[World, Machine, str], None]


def set_by_name(world: World, machines: Mapping[str, Machine], machine_name: str, name: str, value: str) -> None:
    """Change one circumstance of one machine. Raises SiteError with the valid names or values."""
    machine = machines.get(machine_name)
    if machine is None:
        raise SiteError(f"There is no machine {machine_name!r}; there are {', '.join(sorted(machines))}.")
    setter = SETTERS.get(name)
    if setter is None:
        valid = "; ".join(f"{known}={VALUES[known]}" for known in sorted(SETTERS))
        raise SiteError(f"{name!r} is nothing that can be set; valid names are {valid}.")
    try:
        setter(world, machine, value)
    except ValueError:
        raise SiteError(f"{name}={value!r} of {machine_name} is not {VALUES[name]}.") from None


def _one_of(value: str, yes: str, no: str) -> bool:
    if value not in (yes, no):
        raise ValueError(value)
    return value == yes


def _circumstance(field: str, read: Callable[[str], object]) -> Setter:
    def setter(_world: World, machine: Machine, value: str) -> None:
        machine.circumstances = replace(machine.circumstances, **{field: read(value)})  # type: ignore[arg-type]

    return setter


def _seconds(value: str) -> float:
    seconds = float(value)
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(value)
    return seconds


def _number(value: str) -> int:
    if int(value) < 0:
        raise ValueError(value)
    return int(value)


def _set_service_state(world: World, machine: Machine, value: str) -> None:
    if _one_of(value, "running", "stopped"):
        machine.start_service(world.now())
    else:
        machine.stop_service()


def _set_clients(world: World, machine: Machine, value: str) -> None:
    count = _number(value)
    if machine.kms is None or count > CACHE_MAXIMUM:
        raise ValueError(value)
    cmids = (str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{number}.{machine.fqdn}")) for number in range(count))
    machine.kms = replace(machine.kms, pool=CountPool(tuple((cmid, world.now()) for cmid in cmids)))


def _set_firewall(_world: World, machine: Machine, value: str) -> None:
    machine.firewall_on = _one_of(value, "on", "off")


def _set_cmid(_world: World, machine: Machine, value: str) -> None:
    machine.client_machine_id = str(uuid.UUID(value)) if value else None


def _set_license_status(world: World, machine: Machine, value: str) -> None:
    status = LicenseStatus(int(value))
    for row in machine.windows_rows(world.now()):
        licensed = status is LicenseStatus.LICENSED
        machine.put_row(
            replace(
                row, status=status, reason=0, activated_by=row.activated_by if licensed else None, expires=row.expires
            )
        )


def _set_grace_minutes(world: World, machine: Machine, value: str) -> None:
    minutes = int(value)
    if minutes < 0:
        raise ValueError(value)
    now = world.now()
    for row in machine.windows_rows(now):
        machine.put_row(replace(row, expires=now + timedelta(minutes=minutes) if minutes else None))


SETTERS: dict[str, Setter] = {
    "access": _circumstance("access_denied", lambda value: not _one_of(value, "allowed", "denied")),
    "clients": _set_clients,
    "clock_offset_minutes": _circumstance("clock_offset_minutes", int),
    "cmid": _set_cmid,
    "dead_host_seconds": _circumstance("dead_host_seconds", _seconds),
    "drop_after": _circumstance("drop_after", _number),
    "drop_before": _circumstance("drop_before", _number),
    "firewall": _set_firewall,
    "grace_minutes": _set_grace_minutes,
    "internet": _circumstance("internet", lambda value: _one_of(value, "on", "off")),
    "kms_service": _circumstance("kms_service_up", lambda value: _one_of(value, "up", "down")),
    "license_status": _set_license_status,
    "negative_dns_seconds": _circumstance("negative_dns_seconds", _seconds),
    "quota_faults": _circumstance("quota_faults", _number),
    "service_start": _circumstance("service_disabled", lambda value: not _one_of(value, "enabled", "disabled")),
    "service_state": _set_service_state,
    "slow_activation_seconds": _circumstance("slow_activation_seconds", _seconds),
    "slow_key_seconds": _circumstance("slow_key_seconds", _seconds),
    "slow_query_seconds": _circumstance("slow_query_seconds", _seconds),
    "slow_service_seconds": _circumstance("slow_service_seconds", _seconds),
    "token": _circumstance("token_filtered", lambda value: not _one_of(value, "full", "filtered")),
}

#: What each name takes, as an error says it.
VALUES: dict[str, str] = {
    "access": "allowed or denied",
    "clients": "a number of made-up clients, 0 to 50, that a KMS host remembers",
    "clock_offset_minutes": "a whole number of minutes",
    "cmid": "a GUID, or nothing",
    "dead_host_seconds": "seconds that Activate takes when no KMS host answers",
    "drop_after": "n: the connection of the n-th request from now is lost after it took effect; 0 for none",
    "drop_before": "n: the connection of the n-th request from now is lost before it takes effect; 0 for none",
    "firewall": "on or off",
    "grace_minutes": "a whole number of minutes, 0 for no end",
    "internet": "on or off",
    "kms_service": "up or down (down: it answers nothing)",
    "license_status": "0 to 6",
    "negative_dns_seconds": "seconds for which the resolver remembers that a name has no answer",
    "quota_faults": "how many of the next requests meet the quota of operations",
    "service_start": "enabled or disabled (whether sppsvc can be started)",
    "service_state": "running or stopped",
    "slow_activation_seconds": "seconds",
    "slow_key_seconds": "seconds",
    "slow_query_seconds": "seconds that a query of products takes",
    "slow_service_seconds": "seconds that sppsvc takes to start",
    "token": "full or filtered (a local administrator without LocalAccountTokenFilterPolicy)",
}
