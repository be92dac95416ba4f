# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarting a Windows service, so that it is never left stopped."""

from __future__ import annotations

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, NotSupported

from ._machine import Machine
from ._plan import RESTART


def restart(machine: Machine, name: str) -> None:
    """Stop and start a service. It stops itself when idle: one that is stopped already is as good as restarted."""
    licensing = machine.licensing
    if licensing.windows_service_state(name) == "Stopped":
        with machine.recorded(RESTART):
            _control(machine, name, "StartService", accepted=(0, 10))
    else:
        _refuse_to_stop_for_good(machine, name)
        with machine.recorded(RESTART):
            _control(machine, name, "StopService", accepted=(0, 5, 6))
        machine.poll(lambda: licensing.windows_service_state(name) == "Stopped", f"{name} is stopped")
        _control(machine, name, "StartService", accepted=(0, 10))
    machine.poll(lambda: licensing.windows_service_state(name) == "Running", f"{name} is running")


def _refuse_to_stop_for_good(machine: Machine, name: str) -> None:
    """A service that runs and is disabled could be stopped, and not be started again (return code 14)."""
    if machine.licensing.windows_service_start_mode(name) == "Disabled":
        raise NotSupported(
            f"{name} on {machine.name} was not restarted: its start type is Disabled, so it could be stopped but "
            f"not be started again. The new settings take effect when it is restarted.",
            operation=RESTART,
            target=name,
            hint=f"Run `sc config {name} start= delayed-auto` on the machine, and run again.",
        )


def _control(machine: Machine, name: str, method: str, accepted: tuple[int, ...]) -> None:
    code = machine.licensing.control_windows_service(name, method)
    if code not in accepted:
        raise KmsError(
            f"Windows refused {method} for {name} on {machine.name} with return code {code} "
            f"(Win32_Service). The new settings take effect when the service is restarted.",
            operation=method,
            target=name,
            code=code,
            hint=f"Restart {name} on the machine.",
        )
