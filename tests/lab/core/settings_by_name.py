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

from .firewall import PROFILES, checked_addresses, profile_bits
from .firewall_policy import plant_merge
from .fresh_registry import REG_DWORD, REG_MULTI_SZ, REG_SZ
from .kms_answer import remember_clients, set_requests
from .licence import LicenceRow, LicenseStatus
from .machine import Machine
from .registry import Data, write_value
from .spec import DNS_UPDATES, SiteError
from .spec_machine import checked_updates
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
    pool, _, number = value.rpartition(":")
    remember_clients(machine, pool, _number(number), world.now())


def _set_registry(_world: World, machine: Machine, value: str) -> None:
    place, equals, data = value.partition("=")
    path, backslash, name = place.rpartition("\\")
    if not (equals and backslash and path and name):
        raise ValueError(value)
    kind: Data = (REG_DWORD, int(data)) if data.isdecimal() else (REG_SZ, data)
    if ";" in data and "|" not in data:
        kind = (REG_MULTI_SZ, tuple(text.strip() for text in data.split(";") if text.strip()))
    if write_value(machine, path.lower(), name, kind if data else None):
        raise ValueError(value)


def _set_firewall(_world: World, machine: Machine, value: str) -> None:
    machine.firewall.set_kms_rules(enabled=_one_of(value, "on", "off"))


def _set_firewall_addresses(_world: World, machine: Machine, value: str) -> None:
    machine.firewall.set_kms_rules(remote_addresses=checked_addresses(value.split(",")))


def _set_firewall_profiles(_world: World, machine: Machine, value: str) -> None:
    machine.firewall.set_kms_rules(profiles=profile_bits(value.split(",")))


def _set_local_rules(_world: World, machine: Machine, value: str) -> None:
    plant_merge(machine.registry, _one_of(value, "applied", "ignored"))


def _set_network_profile(_world: World, machine: Machine, value: str) -> None:
    if value not in PROFILES:
        raise ValueError(value)
    machine.firewall.profile = PROFILES[value]


def _set_updates(_world: World, machine: Machine, value: str) -> None:
    machine.updates = checked_updates(value.split(",") if value else ())


def _set_revision(_world: World, machine: Machine, value: str) -> None:
    machine.put_revision(_number(value))


def _set_requests(world: World, machine: Machine, value: str) -> None:
    """The figures of requests that a count of a KMS host has had, by LicenseStatus 0 to 6, and the failed ones."""
    pool, _, figures = value.rpartition(":")
    set_requests(machine, pool, [_number(figure) for figure in figures.split(",")], world.now())


def _word(*words: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in words:
            raise ValueError(value)
        return value

    return read


def _set_cmid(_world: World, machine: Machine, value: str) -> None:
    machine.client_machine_id = str(uuid.UUID(value)) if value else None


def _rows_of(world: World, machine: Machine, value: str) -> tuple[list[LicenceRow], str]:
    """The rows that a value is for, and what it is: those of Windows, or with LAST_FIVE: before it the one of a key."""
    last_five, _, rest = value.rpartition(":")
    now = world.now()
    if not last_five:
        return machine.windows_rows(now), rest
    rows = [row for row in machine.keyed_rows(now) if row.key is not None and row.key.last_five == last_five.upper()]
    if not rows:
        raise ValueError(value)
    return rows, rest


def _set_license_status(world: World, machine: Machine, value: str) -> None:
    rows, number = _rows_of(world, machine, value)
    status = LicenseStatus(int(number))
    for row in rows:
        licensed = status is LicenseStatus.LICENSED
        machine.put_row(
            replace(
                row, status=status, reason=0, activated_by=row.activated_by if licensed else None, expires=row.expires
            )
        )


def _set_grace_minutes(world: World, machine: Machine, value: str) -> None:
    rows, number = _rows_of(world, machine, value)
    minutes, now = _number(number), world.now()
    for row in rows:
        machine.put_row(replace(row, expires=now + timedelta(minutes=minutes) if minutes else None))


SETTERS: dict[str, Setter] = {
    "access": _circumstance("access_denied", lambda value: not _one_of(value, "allowed", "denied")),
    "activation": _circumstance("hollow_activation", lambda value: _one_of(value, "hollow", "real")),
    "clients": _set_clients,
    "clock_offset_minutes": _circumstance("clock_offset_minutes", int),
    "cmid": _set_cmid,
    "dead_host_seconds": _circumstance("dead_host_seconds", _seconds),
    "directory": _circumstance("directory_up", lambda value: _one_of(value, "up", "down")),
    "dns_updates": _circumstance("dns_updates", _word(*DNS_UPDATES)),
    "drop_after": _circumstance("drop_after", _number),
    "drop_before": _circumstance("drop_before", _number),
    "firewall": _set_firewall,
    "firewall_local_rules": _set_local_rules,
    "firewall_profiles": _set_firewall_profiles,
    "firewall_remote_addresses": _set_firewall_addresses,
    "grace_minutes": _set_grace_minutes,
    "internet": _circumstance("internet", lambda value: _one_of(value, "on", "off")),
    "kms_answers": _circumstance("kms_answers", lambda value: _number(value) if value else None),
    "kms_service": _circumstance("kms_service_up", lambda value: _one_of(value, "up", "down")),
    "license_status": _set_license_status,
    "negative_dns_seconds": _circumstance("negative_dns_seconds", _seconds),
    "network_profile": _set_network_profile,
    "quota_faults": _circumstance("quota_faults", _number),
    "registry": _set_registry,
    "requests": _set_requests,
    "revision": _set_revision,
    "service_start": _circumstance("service_disabled", lambda value: not _one_of(value, "enabled", "disabled")),
    "service_state": _set_service_state,
    "service_stop": _circumstance("service_stop", _word("works", "refused", "never")),
    "slow_activation_seconds": _circumstance("slow_activation_seconds", _seconds),
    "slow_events_seconds": _circumstance("slow_events_seconds", _seconds),
    "slow_key_seconds": _circumstance("slow_key_seconds", _seconds),
    "slow_license_seconds": _circumstance("slow_license_seconds", _seconds),
    "slow_query_seconds": _circumstance("slow_query_seconds", _seconds),
    "slow_service_seconds": _circumstance("slow_service_seconds", _seconds),
    "slow_stop_seconds": _circumstance("slow_stop_seconds", _seconds),
    "token": _circumstance("token_filtered", lambda value: not _one_of(value, "full", "filtered")),
    "updates": _set_updates,
}

#: What each name takes, as an error says it.
VALUES: dict[str, str] = {
    "access": "allowed or denied",
    "activation": "real or hollow (hollow: Activate and the deposit of a confirmation ID succeed without effect)",
    "clients": "a number of made-up clients, 0 to 50, that a KMS host remembers; office-2021:5 for another count",
    "clock_offset_minutes": "a whole number of minutes",
    "cmid": "a GUID, or nothing",
    "dead_host_seconds": "seconds that Activate takes when no KMS host answers",
    "directory": "up or down (whether a domain controller can be reached)",
    "dns_updates": "refused, secure, owner or open (what becomes of the SRV record that a KMS host publishes itself)",
    "drop_after": "n: the connection of the n-th request from now is lost after it took effect; 0 for none",
    "drop_before": "n: the connection of the n-th request from now is lost before it takes effect; 0 for none",
    "firewall": "on or off (the built-in rules of the KMS)",
    "firewall_local_rules": "applied or ignored (ignored: Group Policy makes the machine's own rules void)",
    "firewall_profiles": "domain, private, public or any, with commas, of the built-in rules of the KMS",
    "firewall_remote_addresses": "Any, LocalSubnet, or addresses with commas, of the built-in rules of the KMS",
    "grace_minutes": "a whole number of minutes, 0 for no end; 6F7TH:60 for the product with that key",
    "internet": "on or off",
    "kms_answers": "n: after so many answers its KMS is down; nothing takes that back",
    "kms_service": "up or down (down: it answers nothing)",
    "license_status": "0 to 6; 6F7TH:3 for the product with that key",
    "negative_dns_seconds": "seconds for which the resolver remembers that a name has no answer",
    "network_profile": "domain, private or public",
    "quota_faults": "how many of the next requests meet the quota of operations",
    "registry": "PATH\\NAME=DATA below HKEY_LOCAL_MACHINE, a text or a number, a;b for a list, nothing to delete it",
    "requests": "the requests that a KMS host has had, by LicenseStatus 0 to 6 and then failed ones: 0,3,0,0,0,2,0,1",
    "revision": "the last part of the version of a cumulative update",
    "service_start": "enabled or disabled (whether sppsvc can be started)",
    "service_state": "running or stopped",
    "service_stop": "works, refused (StopService returns 3) or never (it stays in Stop Pending)",
    "slow_activation_seconds": "seconds",
    "slow_events_seconds": "seconds that a query of events takes, however it is bounded",
    "slow_key_seconds": "seconds",
    "slow_license_seconds": "seconds that InstallLicense takes",
    "slow_query_seconds": "seconds that a query of products takes",
    "slow_service_seconds": "seconds that sppsvc takes to start",
    "slow_stop_seconds": "seconds that sppsvc takes to stop",
    "token": "full or filtered (a local administrator without LocalAccountTokenFilterPolicy)",
    "updates": "names of installed updates with commas, such as KB5034765, or nothing",
}
