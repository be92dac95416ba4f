# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.fleet_info`: every machine of the play, read by one task on the controller."""

from __future__ import annotations

import json
import os
import time
import typing as t
from collections.abc import Callable
from pathlib import Path

from ansible import constants as C

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import ControllerAction
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport, open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._connection_hosts import (
    HostConnections,
    command_line_password,
)
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._machine import Reading
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._owner_file import check_folder, write_for_the_owner
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._record import failed_machines
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._shards import Crew, read_fleet
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Scope, Section

ARGUMENT_SPEC: dict[str, t.Any] = {
    "machines": {"type": "list", "elements": "str"},
    "dest": {"type": "path"},
    "product": {"type": "str", "choices": ["windows", "office", "all"], "default": "all"},
    "include": {"type": "list", "elements": "str", "choices": ["registry", "events", "dns", "host"], "default": []},
    "event_days": {"type": "int", "default": 8},
    "timeout": {"type": "int", "default": 60},
    "workers": {"type": "int"},
    "concurrency": {"type": "int", "default": 300},
    "records": {"type": "bool", "default": False},
    "progress_seconds": {"type": "int", "default": 5},
}

_RANGES: t.Final = {
    "event_days": (1, 366),
    "timeout": (1, 3600),
    "workers": (1, 64),
    "concurrency": (1, 2000),
    "progress_seconds": (0, 3600),
}
_MOST_WORKERS_UNASKED: t.Final = 8
_HOST: t.Final = "host"


class ActionModule(ControllerAction):
    """Read the fleet."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        self._variables = task_vars or {}
        return super().run(tmp, task_vars)

    def execute(self, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read all machines at once; what goes wrong with one is in its record."""
        started = time.monotonic()
        _refuse_out_of_range(parameters)
        self._refuse_another_place()
        dest = Path(parameters["dest"]) if parameters["dest"] else None
        if dest:
            check_folder(dest, "The records")
        machines = parameters["machines"]
        named = self._variables["ansible_play_hosts_all"] if machines is None else machines
        names = list(dict.fromkeys(str(name) for name in named))
        connections = HostConnections(self._task, self._templar, self._variables, command_line_password())

        def prepare(name: str, warn: Callable[[str], None]) -> ClosableTransport:
            return open_transport(connections.of(name), warn=warn)

        lines, summary = read_fleet(names, prepare, _reading(parameters), self._crew(parameters))
        if dest:
            write_for_the_owner(dest, lines, "The records")
        result: dict[str, t.Any] = {
            "changed": False,
            "counts": summary.counts,
            "failed_machines": failed_machines(lines),
            "dest": str(dest) if dest else None,
            "duration_seconds": round(time.monotonic() - started, 1),
        }
        return result | ({"records": [json.loads(text) for text in lines]} if parameters["records"] else {})

    def _refuse_another_place(self) -> None:
        """Elsewhere the task would have the connection, and the password, of one machine among those it reads."""
        if self.host_name not in C.LOCALHOST:
            raise _misplaced(f"runs for {self.host_name}", "run_once: true and delegate_to: localhost")
        if not self._task.run_once and len(self._variables["ansible_play_hosts_all"]) > 1:
            raise _misplaced("runs once for each machine of the play", "run_once: true")

    def _crew(self, parameters: dict[str, t.Any]) -> Crew:
        return Crew(
            parameters["workers"] or min(os.cpu_count() or 1, _MOST_WORKERS_UNASKED),
            parameters["concurrency"],
            parameters["timeout"],
            parameters["progress_seconds"],
            lambda text: self._display.display(f"{self._task.action}: {text}"),
            self.warn,
        )


def _reading(parameters: dict[str, t.Any]) -> Reading:
    wanted = set(parameters["include"])
    sections = frozenset(Section(name) for name in wanted - {_HOST})
    return Reading(Scope(parameters["product"]), sections, parameters["event_days"], _HOST in wanted)


def _refuse_out_of_range(parameters: dict[str, t.Any]) -> None:
    for name, (least, most) in _RANGES.items():
        value = parameters[name]
        if value is not None and not least <= value <= most:
            raise BadInput(f"{name} is {value}, and it is from {least} to {most}. Nothing was read.", target=name)


def _misplaced(what: str, needed: str) -> BadInput:
    return BadInput(
        "volact.kms.fleet_info reads all machines of the play by one task on the controller, and this task "
        f"{what}. Set {needed}. Nothing was read.",
        operation="read the options",
        hint=f"Set {needed} for the task.",
    )
