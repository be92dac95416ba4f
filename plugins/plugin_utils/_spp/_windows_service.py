# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting and restarting a Windows service, so that it is never left stopped."""

from __future__ import annotations

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, NotSupported, OutcomeUnknown

from ._machine import Machine
from ._plan import RESTART, START

_DISABLED = 14


def restart(machine: Machine, name: str) -> None:
    """Stop and start a service. It stops itself when idle: one that is stopped already is as good as restarted."""
    if machine.licensing.windows_service(name).state == "Stopped":
        with machine.recorded(RESTART):
            _start(machine, name)
    else:
        with machine.recorded(RESTART):
            _control(machine, name, "StopService", accepted=(0, 5, 6))
        _await(machine, name, ("Stopped",))
        _start(machine, name)
    _await_running(machine, name)


def start(machine: Machine, name: str) -> None:
    """Start a service that is stopped, or that is just stopping."""
    _await(machine, name, ("Stopped", "Start Pending", "Running"))
    with machine.recorded(START):
        _start(machine, name)
    _await_running(machine, name)


def _start(machine: Machine, name: str) -> None:
    code = machine.licensing.control_windows_service(name, "StartService")
    if code == _DISABLED:
        raise NotSupported(
            f"{name} on {machine.name} is stopped, and its start type is Disabled, so it cannot be started: no client "
            f"can be activated. Enable it on the machine, and run again: sc config {name} start= delayed-auto",
            operation=START,
            target=name,
            code=code,
            hint=f"sc config {name} start= delayed-auto",
        )
    _judge(machine, name, "StartService", code, accepted=(0, 10))


def _await_running(machine: Machine, name: str) -> None:
    machine.poll(lambda: machine.licensing.windows_service(name).state == "Running", f"{name} is running")


def _await(machine: Machine, name: str, states: tuple[str, ...]) -> None:
    """Wait until a service that was asked to stop is in one of `states`. Before that it can't be started."""
    try:
        machine.poll(lambda: machine.licensing.windows_service(name).state in states, f"{name} stopped")
    except OutcomeUnknown as error:
        error.message = (
            f"{name} on {machine.name} does not stop: it was asked once, and is still stopping. The new settings take "
            f"effect when it has been restarted, and until then no client may be activated. Restart the machine, and "
            f"run again."
        )
        error.operation, error.hint = "StopService", "Restart the machine, and run again."
        raise


def _control(machine: Machine, name: str, method: str, accepted: tuple[int, ...]) -> None:
    _judge(machine, name, method, machine.licensing.control_windows_service(name, method), accepted)


def _judge(machine: Machine, name: str, method: str, code: int, accepted: tuple[int, ...]) -> None:
    if code not in accepted:
        raise KmsError(
            f"Windows refused {method} for {name} on {machine.name} with return code {code} "
            f"(Win32_Service). The new settings take effect when the service is restarted.",
            operation=method,
            target=name,
            code=code,
            hint=f"Restart {name} on the machine.",
        )
