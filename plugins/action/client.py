# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.client`: options in, one call of the domain, result out."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Licensing,
    Outcome,
    client_result,
    desired_client,
    run_client,
    run_result,
    still_pending,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "product": {"type": "str", "choices": ["windows", "office", "all"], "default": "windows"},
    "product_name": {"type": "str"},
    "activation_id": {"type": "str"},
    "channel": {"type": "str", "choices": ["kms", "mak", "ad", "token", "unmanaged"]},
    "from_channels": {
        "type": "list",
        "elements": "str",
        "choices": ["kms", "mak", "retail", "oem", "avma", "evaluation", "subscription", "kms_host", "unknown"],
    },
    "activation_type": {"type": "str", "choices": ["any", "ad", "kms", "token"]},
    "product_key": {"type": "str", "no_log": True},
    "old_keys": {"type": "str", "choices": ["keep", "remove"], "default": "keep"},
    "clear_key_from_registry": {"type": "bool", "default": False, "no_log": False},
    "remove_windows_key": {"type": "bool", "default": False, "no_log": False},
    "automatic_activation": {"type": "bool"},
    "kms_host": {"type": "str"},
    "kms_port": {"type": "int"},
    "discovery": {"type": "bool"},
    "lookup_domain": {"type": "str"},
    "clear_lookup_domain": {"type": "bool", "default": False},
    "address_level": {"type": "str", "choices": ["service", "product"], "default": "service"},
    "host_caching": {"type": "bool"},
    "force": {"type": "bool", "default": False},
    "activate": {"type": "str", "choices": ["if_needed", "renew", "never"]},
    "below_threshold": {"type": "str", "choices": ["fail", "accept"], "default": "fail"},
    "convert_host": {"type": "bool", "default": False},
    "diagnose": {"type": "bool", "default": True},
}


class ActionModule(KmsAction):
    """Manage how Windows and Office are activated."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    MUTUALLY_EXCLUSIVE = (("product_name", "activation_id"), ("lookup_domain", "clear_lookup_domain"))
    REQUIRED_IF = (("state", "absent", ("activation_id",)),)
    REQUIRED_BY: t.ClassVar[dict[str, t.Any]] = {"product_key": ["channel"]}

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Converge the client; a pending activation is an error only for those who don't accept it."""
        run = run_client(Licensing(session), desired_client(parameters), check_mode=self.check_mode)
        result = {**run_result(run), **client_result(run.state, run)}
        if self.diff_mode:
            result["diff"] = run.plan.diff()
        error = run.failure
        if error is None and run.outcome is Outcome.PENDING and parameters["below_threshold"] == "fail":
            error = still_pending(run.state, run.outcome_reason, run.pending_products)
        if error is not None:
            error.progress = result
            raise error
        return result
