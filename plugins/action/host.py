# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.host`: options in, one call of the domain, result out."""

from __future__ import annotations

import pathlib
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    DesiredHost,
    HostState,
    LicenseFile,
    Licensing,
    Network,
    desired_host,
    host_result,
    run_host,
    run_result,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "product_keys": {"type": "list", "elements": "str", "no_log": True, "aliases": ["product_key"]},
    "license_files": {"type": "list", "elements": "path"},
    "activate": {"type": "str", "choices": ["if_needed", "never"]},
    "confirmation_id": {"type": "str", "no_log": True},
    "activation_id": {"type": "str"},
    "listening_port": {"type": "int"},
    "activation_interval": {"type": "int"},
    "renewal_interval": {"type": "int"},
    "dns_publishing": {"type": "bool"},
    "low_priority": {"type": "bool"},
    "publish_domains": {
        "type": "list",
        "elements": "dict",
        "options": {
            "domain": {"type": "str", "required": True},
            "priority": {"type": "int", "default": 0},
            "weight": {"type": "int", "default": 0},
        },
    },
    "firewall": {
        "type": "dict",
        "options": {
            "state": {"type": "str", "choices": ["enabled", "disabled"], "required": True},
            "profiles": {"type": "list", "elements": "str", "choices": ["domain", "private", "public"]},
            "remote_addresses": {"type": "list", "elements": "str"},
            "allow_public": {"type": "bool", "default": False},
        },
    },
    "serves": {"type": "list", "elements": "str"},
    "kms_host": {"type": "str"},
    "kms_port": {"type": "int"},
}


class ActionModule(KmsAction):
    """Manage a KMS host for Windows and Office."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Converge the host. What could not be looked at beforehand is a warning."""
        desired = desired_host(parameters, map(self._license_file, parameters["license_files"] or ()))
        run = run_host(Licensing(session), desired, check_mode=self.check_mode)
        result = {**run_result(run), **host_result(run.state, run)}
        result["host"]["service"]["reachable"] = reachable = self._reachable(desired, run.state)
        warnings = [*run.warnings, *([_out_of_reach(run.state)] if reachable is False else [])]
        for warning in warnings:
            self.warn(warning)
        if self.diff_mode:
            result["diff"] = run.plan.diff()
        if run.failure is not None:
            run.failure.progress = result
            raise run.failure
        return result

    def _license_file(self, path: str) -> LicenseFile:
        """A file of the controller: an absolute path, or one that is found as that of any task, also in files/."""
        try:
            found = pathlib.Path(self._find_needle("files", path))
            return LicenseFile.read(found.name, found.read_bytes())
        except (AnsibleError, OSError) as error:
            raise BadInput(
                f"license_files: {path} could not be read on the controller. Nothing was changed. Give paths of "
                f".xrm-ms files there, absolute or beside the playbook.",
                operation="read the licence files",
                target="license_files",
            ) from error

    def _reachable(self, desired: DesiredHost, state: HostState) -> bool | None:
        """Whether the port of an open host takes connections from here; None where that is not asked for."""
        if self.check_mode or desired.firewall is None or not desired.firewall.enabled or not state.host_products:
            return None
        return Network().connects(str(self._connection.get_option("remote_addr")), state.service.listening_port)


def _out_of_reach(state: HostState) -> str:
    return (
        f"TCP port {state.service.listening_port} of {state.system.computer_name} takes no connection from the "
        f"controller, though its firewall is open and its service runs. Look for a firewall in between, or another "
        f"process that has the port: netstat -abno on the machine. Where the controller is not among remote_addresses, "
        f"that is as it should be."
    )
