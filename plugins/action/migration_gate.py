# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.migration_gate`: knocks at the KMS host, counts the last wave, and decides."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Endpoint, Finding
from ansible_collections.volact.kms.plugins.module_utils._rpc._probe import probe_all
from ansible_collections.volact.kms.plugins.plugin_utils._action import ControllerAction
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_gate import (
    check_plan,
    choose_for_rollback,
    count_wave,
    last_results,
    name_of_wave,
    proven_subnets,
    reason_to_stop,
    without_windows,
)
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_hosts import (
    KmsHost,
    host_summary,
    read_hosts,
)
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_rows import Row

ARGUMENT_SPEC: dict[str, t.Any] = {
    "plan": {"type": "dict", "required": True},
    "host": {"type": "dict", "default": {}},
    "address": {"type": "str"},
    "timeout": {"type": "float", "default": 5},
    "results": {"type": "dict", "default": {}},
    "second_results": {"type": "dict", "default": {}},
    "seed": {"type": "bool", "default": False},
    "waves": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "switched": {"type": "int", "required": True},
            "already": {"type": "int", "required": True},
            "pending": {"type": "list", "elements": "str", "required": True},
            "rolled_back": {"type": "list", "elements": "str", "required": True},
            "no_mak_back": {"type": "dict", "required": True},
            "failed": {"type": "dict", "required": True},
            "unserved": {"type": "int", "required": True},
            "unreachable": {"type": "list", "elements": "str", "required": True},
        },
    },
    "max_failures": {"type": "int", "default": 5},
    "rollback": {"type": "bool", "default": False},
    "given_back": {"type": "int", "default": 0},
}

# One lost packet, or a controller that was busy for a moment, is no reason to stop.
_PAUSE_SECONDS: t.Final = 2


class ActionModule(ControllerAction):
    """Decide whether the next wave of a migration may begin."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """One connection to the KMS host, or two; nothing is changed."""
        plan = check_plan(parameters["plan"])
        results = last_results(parameters["results"], parameters["second_results"])
        knocked = _knock(plan["host"], parameters["address"], parameters["timeout"])
        host = _host(plan["host"], parameters["host"], knocked)
        waves: list[dict[str, t.Any]] = list(parameters["waves"])
        give_back: list[str] = []
        subnets: list[str] = []
        if results:
            wave = count_wave(name_of_wave(waves, is_seed=parameters["seed"]), results)
            subnets = proven_subnets(plan, wave)
            # Jobs that hold only waves would each have the whole budget.
            wants = parameters["rollback"] and "moves" in plan and not self.check_mode
            lost = without_windows(wave, results, plan["moves"]) if wants else []
            give_back, no_mak_back = choose_for_rollback(lost, plan, parameters["given_back"])
            waves.append(wave.as_result(no_mak_back))
        stop = reason_to_stop(
            host,
            silence="" if knocked.best.status is Status.KMS else f"{knocked.endpoint} {knocked.best.reason}",
            was_read="host" in parameters["host"],
            thresholds=plan.get("thresholds") or {},
            waves=waves,
            max_failures=parameters["max_failures"],
            is_pretended=self.check_mode,
        )
        return {
            "changed": False,
            "stop": stop,
            "waves": waves,
            "subnets": subnets,
            "give_back": give_back,
            "host": host_summary(host),
        }


def _knock(planned: Row, address: str | None, timeout: float) -> Finding:
    """What is found where the KMS host should answer; a second time, if nothing does at first."""
    endpoint = Endpoint.parse(address or planned["target"], int(planned["port"]))
    (found,) = probe_all([endpoint], timeout=timeout, concurrency=1)
    if found.best.status is not Status.KMS:
        time.sleep(_PAUSE_SECONDS)
        (found,) = probe_all([endpoint], timeout=timeout, concurrency=1)
    return found


def _host(planned: Row, info: Row, knocked: Finding) -> KmsHost:
    """The KMS host of the plan, as it is now."""
    given = {**planned, "info": info, "address": knocked.endpoint.host}
    (host,), _directory = read_hosts([given], None, {"endpoints": [knocked.as_result()]})
    return host
