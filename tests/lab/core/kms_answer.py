# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a KMS host does with a request: whom it serves, whom it counts, what it logs.

Source: kms_rules.yaml, count_cache, host_os_matrix and clock; events.yaml, 12290.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from . import event_log
from .catalogue import OPERATING_SYSTEMS, channel_generation
from .kms import CountPool, RequestCounters, Tally, serves
from .kms_payload import KmsAnswer, KmsRequest, open_request, seal
from .licence import WINDOWS_POOL, LicenceRow, LicenseStatus
from .machine import Machine
from .office import OFFICE_THRESHOLD
from .world import World


def answer_client(world: World, machine: Machine, payload: bytes, peer: str | None = None) -> bytes:
    """What a KMS host answers; empty when it is made to answer nothing. Raises ValueError for a foreign payload.

    `peer` is the address of the client: whom the firewall keeps out gets no answer.
    """
    now = world.now()
    if machine.kms is None or not machine.circumstances.kms_service_up or not machine.is_reachable(now, peer):
        return b""
    try:
        request = open_request(payload, world.kms_secret)
    except ValueError:
        tally = machine.kms.tally(WINDOWS_POOL, now)
        machine.kms = machine.kms.with_tally(WINDOWS_POOL, replace(tally, counters=tally.counters.with_failure()))
        raise
    row = machine.host_row_of(request.office_release, now)
    pool = row.pool(machine.dialect) if row else WINDOWS_POOL
    code = _refusal(machine, row, request, now)
    tally = _counted(machine.kms.tally(pool, now), request, code, now)
    machine.kms = machine.kms.with_tally(pool, tally)
    _log_client(machine, request, code, now)
    _count_down(machine)
    answer = KmsAnswer(
        nonce=request.nonce,
        code=code,
        host=machine.name,
        product_key_id=kms_product_key_id(machine),
        count=tally.pool.count,
        activation_interval=machine.kms.activation_interval,
        renewal_interval=machine.kms.renewal_interval,
    )
    return seal(answer, world.kms_secret)


def remember_clients(machine: Machine, pool: str, count: int, now: datetime) -> None:
    """Let a KMS host remember made-up clients; `pool` "" is the first of its counts. Raises ValueError."""
    pools = [row.pool(machine.dialect) for row in machine.host_rows(now)]
    wanted = pool or next(iter(pools), "")
    if machine.kms is None or wanted not in pools:
        raise ValueError(pool)
    tally = machine.kms.tally(wanted, now)
    if count > tally.pool.maximum:
        raise ValueError(count)
    cmids = (str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{number}.{machine.fqdn}")) for number in range(count))
    clients = CountPool(tuple((cmid, now) for cmid in cmids), tally.pool.maximum)
    machine.kms = machine.kms.with_tally(wanted, Tally(clients, tally.counters))


def set_requests(machine: Machine, pool: str, figures: Sequence[int], now: datetime) -> None:
    """Let a count have had so many requests by LicenseStatus 0 to 6, and failed ones. Raises ValueError."""
    pools = [row.pool(machine.dialect) for row in machine.host_rows(now)]
    wanted = pool or next(iter(pools), "")
    if machine.kms is None or wanted not in pools or len(figures) != len(LicenseStatus) + 1:
        raise ValueError(pool)
    counters = RequestCounters(tuple(figures[:-1]), figures[-1])
    machine.kms = machine.kms.with_tally(wanted, replace(machine.kms.tally(wanted, now), counters=counters))


def _count_down(machine: Machine) -> None:
    """After as many answers as were left (`lab set MACHINE kms_answers=N`) the service goes down."""
    left = machine.circumstances.kms_answers
    if left is not None:
        machine.circumstances = replace(
            machine.circumstances, kms_answers=left - 1 if left > 1 else None, kms_service_up=left > 1
        )


def _counted(tally: Tally, request: KmsRequest, code: int, now: datetime) -> Tally:
    if code:
        return replace(tally, counters=tally.counters.with_failure())
    status = LicenseStatus(request.license_status)
    return Tally(tally.pool.with_request(request.cmid, now), tally.counters.with_request(status))


def _refusal(machine: Machine, row: LicenceRow | None, request: KmsRequest, now: datetime) -> int:
    dialect = machine.dialect
    if row is None:
        return dialect.host_cannot_activate_product if machine.host_rows(now) else dialect.host_not_activated
    if row.status is not LicenseStatus.LICENSED:
        return dialect.host_not_activated
    skew = abs(datetime.fromisoformat(request.time) - machine.local_time(now))
    if skew > timedelta(hours=dialect.clock_skew_hours):
        return dialect.clock_skew_event
    if request.office_release:
        return 0
    asking = OPERATING_SYSTEMS[request.system]
    generation = channel_generation(row.channel, machine.os.generation)
    if not serves(generation, not machine.os.is_server, asking.generation, asking.is_server):
        return dialect.host_cannot_activate_product
    return 0


def _log_client(machine: Machine, request: KmsRequest, code: int, now: datetime) -> None:
    asked = datetime.fromisoformat(request.time)
    clock = f"{asked.year}/{asked.month}/{asked.day} {asked.hour}:{asked.minute:02d}"
    threshold = OFFICE_THRESHOLD if request.office_release else OPERATING_SYSTEMS[request.system].threshold
    machine.log(
        now,
        event_log.HOST_REQUEST,
        event_log.KMS_LOG,
        f"0x{code:X}",
        str(threshold),
        request.machine,
        request.cmid,
        clock,
        "0",
        str(request.license_status),
        str(request.minutes),
        request.activation_id,
    )


def kms_product_key_id(machine: Machine) -> str:
    """The extended PID by which a KMS host is known to its clients."""
    group, serial = machine.digits("group", 3), machine.digits("serial", 6)
    return f"03612-00206-{group}-{serial}-03-1033-{machine.os.build}.0000-0012026"
