# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleet records, host states and answers of DNS for tests of the migration's plan: what differs is said, no more."""

from __future__ import annotations

from typing import Any

WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"
CLIENT = {"version": "10.0.22631", "build": 22631, "sku": 4, "product_type": 1}
SERVER = {"version": "10.0.20348", "build": 20348, "sku": 7, "product_type": 3}
HOME = {**CLIENT, "sku": 101}
EVALUATION = {**SERVER, "sku": 79}
DOMAIN = "corp.example.test"

Record = dict[str, Any]

_WINDOWS_TEXT = {
    "mak": "VOLUME_MAK",
    "kms_client": "VOLUME_KMSCLIENT",
    "retail": "RETAIL",
    "kms_host": "VOLUME_KMS_WS22",
}


def windows(channel: str = "mak", *, status: int = 1, **differences: Any) -> Record:
    """The licence of Windows."""
    return {
        "activation_id": f"windows-{channel}",
        "application_id": WINDOWS,
        "family": "spp",
        "name": "Windows(R), Enterprise edition",
        "license_family": "Enterprise",
        "description": f"Windows(R) Operating System, {_WINDOWS_TEXT[channel]} channel",
        "channel": channel,
        "partial_product_key": "MKWNH",
        "license_status": status,
        "grace_minutes": 259200 if channel == "kms_client" and status == 1 else 0,
        "activation_type": 2 if channel == "kms_client" and status == 1 else 0,
        "activation_type_enabled": 0,
        **differences,
    }


def office(channel: str = "mak", *, status: int = 1, year: int = 2021, **differences: Any) -> Record:
    """A licence of Office Professional Plus."""
    number = year % 100
    form = {"mak": "MAK_AE1", "kms_client": "KMS_Client_AE", "kms_host": "KMS_Host"}[channel]
    family = f"Office{number}{'KMSHost' if channel == 'kms_host' else 'ProPlus'}{year}VL_{form}"
    text = {"mak": "RETAIL(MAK)", "kms_client": "VOLUME_KMSCLIENT", "kms_host": "VOLUME_KMS"}[channel]
    return {
        "activation_id": f"office-{year}-{channel}",
        "application_id": OFFICE,
        "family": "spp",
        "name": f"Office {number}, {family} edition",
        "license_family": family,
        "description": f"Office {number}, {text} channel",
        "channel": channel,
        "partial_product_key": "MKNFF",
        "license_status": status,
        "grace_minutes": 259200 if channel == "kms_client" and status == 1 else 0,
        "activation_type": 2 if channel == "kms_client" and status == 1 else 0,
        **differences,
    }


def record(name: str, *products: Record, system: Record | None = None, cmid: str | None = "", **more: Any) -> Record:
    """A machine with Windows 11 and a MAK, unless told otherwise. Each has a CMID of its own."""
    return {
        "schema": 1,
        "machine": name,
        "status": "ok",
        "msg": None,
        "is_kms_host": False,
        "clock_skew_seconds": 0.2,
        "operating_system": {"computer_name": name.upper(), "language": 1033, **(system or CLIENT)},
        "products": list(products) or [windows()],
        "kms_client": {"cmid": f"cmid-{name}" if cmid == "" else cmid, "kms_host": more.pop("pin", None)},
        "office_kms_client": None,
        **more,
    }


def clients(number: int, *products: Record, start: int = 1, **differences: Any) -> list[Record]:
    """As many Windows 11 clients with a MAK."""
    return [record(f"win{each:03}", *products, **differences) for each in range(start, start + number)]


def servers(number: int, *products: Record, **differences: Any) -> list[Record]:
    """As many Windows Server 2022 with a MAK."""
    return [record(f"srv{each:03}", *products, system=SERVER, **differences) for each in range(1, number + 1)]


def host(name: str = "kms01", count: int = 0, *keys: Record, **office_counts: int) -> Record:
    """An item of `hosts`: a host with a key of Server 2022 that counts so many, and keys of Office, or of `keys`."""
    products = list(keys) or [windows("kms_host", current_count=count)]
    products += [office("kms_host", year=int(year[1:]), current_count=n) for year, n in office_counts.items()]
    state = {"is_kms_host": True, "products": products, "service": {"listening_port": 1688}}
    return {"name": name, "info": {"host": state, "operating_system": {"computer_name": name.upper()}}}


def office_host(name: str, **counts: int) -> Record:
    """A host that has keys of Office alone, such as y2021=3."""
    found = host(name, 0, **counts)
    del found["info"]["host"]["products"][0]
    return found


def unreachable(name: str) -> Record:
    """A host that host_info could not read."""
    return {"name": name, "info": {"unreachable": True, "msg": f"{name} does not answer."}}


def srv(*targets: str | tuple[str, int] | tuple[str, int, str]) -> Record:
    """What srv_info returns: names, with their priority and the status that a check found."""
    records = []
    for target in targets:
        name, priority, *status = (target, 0) if isinstance(target, str) else target
        records.append(
            {
                "target": f"{name}.{DOMAIN}.",
                "port": 1688,
                "priority": priority,
                "weight": 0,
                "status": status[0] if status else None,
            }
        )
    return {"domain": f"{DOMAIN}." if records else None, "domains": [{"domain": f"{DOMAIN}.", "records": records}]}


def endpoints(**statuses: str) -> Record:
    """What endpoint_info returns, by host: kms01="kms"."""
    return {
        "endpoints": [
            {
                "endpoint": f"{name}.{DOMAIN}:1688",
                "host": f"{name}.{DOMAIN}",
                "port": 1688,
                "status": status,
                "reason": "accepts the KMS interface" if status == "kms" else "does not answer",
            }
            for name, status in statuses.items()
        ]
    }
