# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.host`: options in, one call of the domain, result out."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    DesiredHost,
    Licensing,
    ProductKey,
    converge_host,
    host_result,
    run_result,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {
    "product_key": {"type": "str", "no_log": True},
    "activate": {"type": "str", "choices": ["if_needed", "never"]},
    "listening_port": {"type": "int"},
    "dns_publishing": {"type": "bool"},
    "firewall_rule": {"type": "bool"},
}


class ActionModule(KmsAction):
    """Manage a KMS host for Windows."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Converge the host."""
        run = converge_host(Licensing(session), desired_host(parameters), check_mode=self.check_mode)
        result = {**run_result(run), **host_result(run.state)}
        if self.diff_mode:
            result["diff"] = run.plan.diff()
        return result


def desired_host(parameters: dict[str, t.Any]) -> DesiredHost:
    """Options as a desired state. An empty text is an option left out: Ansible 2.20 turns null into it."""
    port = parameters["listening_port"]
    if port is not None and not 0 < port < 65536:
        raise BadInput(
            f"listening_port is {port}, and a TCP port is from 1 to 65535. Nothing was changed.",
            target="listening_port",
        )
    key = parameters["product_key"]
    return DesiredHost(
        product_key=ProductKey(key) if key else None,
        activate=Activate(parameters["activate"] or "never"),
        listening_port=port,
        dns_publishing=parameters["dns_publishing"],
        firewall_rule=parameters["firewall_rule"],
    )
