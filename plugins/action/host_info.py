# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.host_info`: one observation of a KMS host as a result."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import HostSection, Licensing, inspect_host
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {
    "include": {
        "type": "list",
        "elements": "str",
        "choices": ["firewall", "events", "updates"],
        "default": [],
    },
    "event_days": {"type": "int", "default": 8},
}

_LONGEST_DAYS = 366


class ActionModule(KmsAction):
    """Read the state of a KMS host."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Five requests, with the firewall eight; nothing is changed."""
        days = parameters["event_days"]
        if not 1 <= days <= _LONGEST_DAYS:
            raise BadInput(
                f"event_days is {days}, and it is from 1 to {_LONGEST_DAYS}. Nothing was read.", target="event_days"
            )
        sections = {HostSection(name) for name in parameters["include"]}
        return {"changed": False, **inspect_host(Licensing(session), sections, days)}
