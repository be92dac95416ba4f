# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.client`: options in, one call of the domain, result out."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    Licensing,
    Outcome,
    ProductKey,
    client_result,
    converge_client,
    run_result,
    still_pending,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {
    "channel": {"type": "str", "choices": ["kms", "mak"]},
    "product_key": {"type": "str", "no_log": True},
    "kms_host": {"type": "str"},
    "kms_port": {"type": "int"},
    "discovery": {"type": "bool"},
    "activate": {"type": "str", "choices": ["if_needed", "renew", "never"]},
    "below_threshold": {"type": "str", "choices": ["fail", "accept"], "default": "fail"},
    "convert_host": {"type": "bool", "default": False},
}

_CHANNELS = {"kms": Channel.KMS_CLIENT, "mak": Channel.MAK}


class ActionModule(KmsAction):
    """Manage how Windows is activated."""

    ARGUMENT_SPEC = ARGUMENT_SPEC
    REQUIRED_BY: t.ClassVar[dict[str, t.Any]] = {"product_key": ["channel"]}

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Converge the client; a pending activation is an error only for those who don't accept it."""
        run = converge_client(Licensing(session), desired_client(parameters), check_mode=self.check_mode)
        result = {**run_result(run), **client_result(run.state)}
        if self.diff_mode:
            result["diff"] = run.plan.diff()
        if run.outcome is Outcome.PENDING and parameters["below_threshold"] == "fail":
            error = still_pending(run.state, run.outcome_reason)
            error.progress = result
            raise error
        return result


def desired_client(parameters: dict[str, t.Any]) -> DesiredClient:
    """Options as a desired state. An empty text is an option left out: Ansible 2.20 turns null into it."""
    port = parameters["kms_port"]
    if parameters["discovery"] and (parameters["kms_host"] or port):
        raise BadInput(
            "discovery is true, and kms_host or kms_port is given too: a machine either looks its KMS host up in DNS, "
            "or is pinned to one. Nothing was changed. Leave one of them out.",
            operation="validate",
            target="discovery",
        )
    if port is not None and not 0 < port < 65536:
        raise BadInput(
            f"kms_port is {port}, and a TCP port is from 1 to 65535. Nothing was changed.", target="kms_port"
        )
    key = parameters["product_key"]
    return DesiredClient(
        channel=_CHANNELS.get(parameters["channel"]),
        product_key=ProductKey(key) if key else None,
        kms_host=parameters["kms_host"] or None,
        kms_port=port,
        discovery=bool(parameters["discovery"]),
        activate=Activate(parameters["activate"] or "never"),
        convert_host=parameters["convert_host"],
    )
