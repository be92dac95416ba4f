# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleet records, states of KMS hosts and answers of DNS for tests of reports: healthy, unless a fault is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.volact.kms.plugins.plugin_utils._report import (
    Declared,
    Document,
    Expectations,
    Frame,
    Severity,
    Site,
    make_document,
    newest_of_each,
    read_machines,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Channel, explain

Row = dict[str, Any]

COLLECTED = "2026-11-22T10:00:00Z"
DOMAIN = "corp.example.test"
KMS01, KMS02 = f"kms01.{DOMAIN}", f"kms02.{DOMAIN}"
CLIENT = {"version": "10.0.26100", "build": 26100, "sku": 4, "edition": "Enterprise", "product_type": 1}
SERVER = {"version": "10.0.20348", "build": 20348, "sku": 7, "edition": "Standard", "product_type": 3}
EVALUATION = {**SERVER, "sku": 79, "edition": "Standard Evaluation"}
DAY = 24 * 60
STATUS = ["Unlicensed", "Licensed", "OOBGrace", "OOTGrace", "NonGenuineGrace", "Notification", "ExtendedGrace"]


def licence(application: str = "windows", channel: str = "kms_client", **differences: Any) -> Row:
    """A licence that is activated; a KMS client has renewed it a day ago."""
    status = differences.pop("status", 1)
    reason = explain(differences.pop("reason", 0x4004F040 if status == 1 else 0xC004F056))
    days = differences.pop("days", 179 if channel == "kms_client" and status == 1 else 0)
    name = "Windows(R), Enterprise edition" if application == "windows" else "Office 21, Office21ProPlus2021VL edition"
    return {
        "activation_id": f"{application}-{channel}",
        "application": application,
        "application_id": "55c92734-d682-4d71-983e-d6ec3f16059f" if application == "windows" else "0ff1ce15",
        "name": name,
        "description": f"{name}, VOLUME_{channel.upper().replace('_', '')} channel",
        "channel": channel,
        "partial_product_key": "2YT43",
        "license_status": status,
        "license_status_name": STATUS[status],
        "license_status_reason": reason.code,
        "license_status_reason_code": reason.hexadecimal,
        "grace_minutes": days * DAY,
        "grace_ends": "2027-05-20T10:00:00Z" if days else None,
        "activation_type": 2 if channel == "kms_client" and status == 1 else 0,
        "kms_host": None,
        "discovered_kms_host": KMS01 if channel == "kms_client" else None,
        **differences,
    }


def record(name: str, *licences: Row, system: Row | None = None, **differences: Any) -> Row:
    """A machine whose Windows 11 is activated by KMS. Each has a CMID of its own."""
    client = {"cmid": differences.pop("cmid", f"cmid-{name}"), "kms_host": differences.pop("pin", None)}
    return {
        "schema": 1,
        "machine": name,
        "collected": COLLECTED,
        "status": "ok",
        "msg": None,
        "error": None,
        "clock_skew_seconds": 0.2,
        "is_kms_host": False,
        "operating_system": {"computer_name": name.upper(), "language": 1033, **(system or CLIENT)},
        "products": list(licences) or [licence()],
        "addons": [],
        "kms_client": {**client, "discovered_kms_host": None},
        "office_kms_client": None,
        **differences,
    }


def unread(name: str, status: str = "unreachable", msg: str = "Nothing answered within 10 s.") -> Row:
    """A machine that could not be read."""
    error = {"kind": "connection_lost", "code": None, "name": None, "operation": "connect", "hint": None}
    head = {"schema": 1, "machine": name, "collected": COLLECTED, "clock_skew_seconds": None, "is_kms_host": None}
    return {**head, "status": status, "msg": msg, "error": error}


def host_key(count: int = 40, **differences: Any) -> Row:
    """A host key of Windows Server 2025, which is activated."""
    ready = {
        name: {"threshold": threshold, "current_count": count, "missing": max(0, threshold - count), "ready": True}
        for name, threshold in (("windows_client", 25), ("windows_server", 5))
    }
    return {
        **licence("windows", "kms_host"),
        "description": "Windows(R) Operating System, VOLUME_KMS_WS25 channel",
        "partial_product_key": "KHWHT",
        "current_count": count,
        "required_client_count": 5,
        "readiness": ready,
        "counters": {"total": 100, "failed": 0},
        **differences,
    }


def host(name: str = "kms01", *keys: Row, state: str = "Running", **differences: Any) -> Row:
    """An item of `hosts`: what host_info says of a healthy host."""
    service = {"state": state, "start_mode": "Auto", "listening_port": 1688, "dns_publishing": False}
    info = {"is_kms_host": True, "products": list(keys) or [host_key()], "service": service, "firewall": None}
    return {
        "name": name,
        "info": {"host": {**info, **differences}, "operating_system": {"computer_name": name.upper(), **SERVER}},
    }


def srv(*targets: str, status: str | None = "kms", **differences: Any) -> Row:
    """What srv_info says when all name servers agree."""
    records = [
        {"target": f"{target}.", "port": 1688, "priority": 0, "weight": 0, "status": status, "reason": status}
        for target in targets
    ]
    domain = {"domain": f"{DOMAIN}.", "records": records, "servers": [], "servers_agree": True, "missing": None}
    return {"domain": f"{DOMAIN}.", "domains": [{**domain, **differences}]}


def endpoints(**statuses: str) -> Row:
    """What endpoint_info says of hosts of the domain."""
    return {
        "endpoints": [
            {
                "endpoint": f"{name}.{DOMAIN}:1688",
                "host": f"{name}.{DOMAIN}",
                "port": 1688,
                "status": status,
                "reason": "accepts the KMS interface" if status == "kms" else "did not answer",
            }
            for name, status in statuses.items()
        ]
    }


def fleet(number: int = 30) -> list[Row]:
    """Machines without any fault: two of three are clients."""
    return [record(f"win{each:04}", system=None if each % 3 else SERVER) for each in range(1, number + 1)]


def answered(activation_id: str, code: int) -> Row:
    """`events` with one request to a KMS host that came to this."""
    return {
        "kms_requests": [{"activation_id": activation_id, "code": f"0x{code:08X}", "response": None}],
        "reason": None,
    }


def page(
    records: list[Row],
    *,
    hosts: list[Row] | None = None,
    srv: Row | None = None,
    endpoints: Row | None = None,
    kms_hosts: tuple[str, ...] = (KMS01, KMS02),
    retired: tuple[str, ...] = (f"old-kms.{DOMAIN}",),
    activations: Mapping[str, Mapping[str, int]] | None = None,
    channel: Channel | None = Channel.KMS_CLIENT,
    previous: Row | None = None,
    fail_on: Severity | None = Severity.ERROR,
    title: str = "Example site",
) -> Document:
    """The report of a site."""
    machines = newest_of_each(read_machines([json.dumps(each).encode() for each in records], "the records"))
    site = Site(Declared(kms_hosts, retired, activations or {}), hosts or (), srv, endpoints, machines)
    return make_document(machines, site, Expectations(channel), Frame(title, fail_on), previous)


FAULTS: dict[str, list[Row]] = {
    "notification:0xC004F074": [record("bad01", licence(status=5, reason=0xC004F074))],
    "not_activated:0xC004F056": [record("bad02", licence(status=0))],
    "pending:0xC004F038": [
        record("bad03", licence(status=2, reason=0x4004F00C), events=answered("windows-kms_client", 0xC004F038))
    ],
    "grace:0x4004F00D": [record("bad04", licence(status=3, reason=0x4004F00D, days=12))],
    "expiring": [record("bad05", licence(days=9))],
    "wrong_channel": [record("bad06", licence(channel="mak"))],
    "office_on_mak": [record("bad07", licence(), licence("office", "mak"))],
    "evaluation": [record("bad08", licence(channel="evaluation", days=20), system=EVALUATION)],
    f"pinned_to_retired_host:old-kms.{DOMAIN}": [record("bad09", pin=f"old-kms.{DOMAIN}")],
    f"pinned_to_dead_host:{KMS02}": [record("bad10", pin=KMS02)],
    "undeclared_host_in_use:rogue.example.test": [record("bad11", licence(discovered_kms_host="rogue.example.test"))],
    "duplicate_cmid": [record("bad12", cmid="cmid-image"), record("bad13", cmid="cmid-image")],
    "clock_skew": [record("bad14", clock_skew_seconds=-5 * 3600.0)],
    "clock_drift": [record("bad15", clock_skew_seconds=2 * 3600.0)],
    "unreachable": [unread("bad16")],
    "unreadable": [unread("bad17", "failed", "Access was denied.")],
    "no_key": [record("bad18", products=[])],
}
"""Finding -> the machines that have this fault and no other; kms02 is declared and silent, old-kms is retired."""


def faulty_fleet(healthy: int = 30) -> list[Row]:
    """Healthy machines, and one with each fault."""
    return [*fleet(healthy), *(machine for machines in FAULTS.values() for machine in machines)]
