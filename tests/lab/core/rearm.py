# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rearming: how often the timers of Windows, an application, or one licence may start anew.

Source: kms_rules.yaml, rearm; sample_instances.yaml for the counts that captures show. What a rearm does waits for a
restart, which the lab has not: here it is done at once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .catalogue import OperatingSystem
from .licence import REASON_OOB_GRACE, LicenceRow, LicenseStatus
from .machine import Machine
from .world import SppFailure

WINDOWS_7_REARMS, REARMS = 3, 1001
OFFICE_REARMS = 5


def rearms_at_first(system: OperatingSystem, row: LicenceRow) -> int:
    """How many rearms a licence, or the application it belongs to, has on a fresh machine."""
    if row.office_release:
        return OFFICE_REARMS
    return WINDOWS_7_REARMS if system.is_windows_7 else REARMS


def app_rearms(machine: Machine, row: LicenceRow) -> int:
    """RemainingAppReArmCount. Windows has one count, however it is asked for."""
    if row.is_windows:
        return machine.windows_rearms_left
    return machine.app_rearms_left.get(row.application_id, rearms_at_first(machine.os, row))


def sku_rearms(machine: Machine, row: LicenceRow) -> int:
    """RemainingSkuReArmCount."""
    return rearms_at_first(machine.os, row) if row.rearms_left is None else row.rearms_left


def rearm_windows(machine: Machine, now: datetime) -> None:
    """ReArmWindows: a new ClientMachineID, and initial grace for a client of a KMS host. Raises SppFailure."""
    machine.windows_rearms_left = _one_less(machine, machine.windows_rearms_left)
    machine.client_machine_id = None
    for row in machine.windows_rows(now):
        _restart(machine, row, now)


def rearm_application(machine: Machine, application_id: str, now: datetime) -> None:
    """ReArmApp. Raises SppFailure for an application that has no licence here, and when no rearm is left."""
    rows = [row for row in machine.keyed_rows(now) if row.application_id == application_id.lower().strip("{}")]
    if not rows:
        raise SppFailure(machine.dialect.invalid_argument)
    if rows[0].is_windows:
        rearm_windows(machine, now)
        return
    machine.app_rearms_left[rows[0].application_id] = _one_less(machine, app_rearms(machine, rows[0]))
    for row in rows:
        _restart(machine, row, now)


def rearm_sku(machine: Machine, row: LicenceRow, now: datetime) -> None:
    """ReArmSku. Raises SppFailure when no rearm is left."""
    left = _one_less(machine, sku_rearms(machine, row))
    _restart(machine, replace(row, rearms_left=left), now)


def _one_less(machine: Machine, left: int) -> int:
    if left < 1:
        raise SppFailure(machine.dialect.no_rearms_left)
    return left - 1


def _restart(machine: Machine, row: LicenceRow, now: datetime) -> None:
    if row.key is not None and row.is_kms_client:
        end = now + timedelta(minutes=machine.dialect.initial_grace_minutes)
        row = replace(
            row,
            status=LicenseStatus.OOB_GRACE,
            reason=REASON_OOB_GRACE,
            expires=end,
            next_attempt=None,
            activated_by=None,
            activation_object=None,
        )
    machine.put_row(row)
