# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.client_info`: one observation of a client as a result."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Licensing, Scope, Section, inspect_client
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {
    "product": {"type": "str", "choices": ["windows", "office", "all"], "default": "all"},
    "include": {"type": "list", "elements": "str", "choices": ["registry", "events", "dns"], "default": []},
    "event_days": {"type": "int", "default": 8},
}

_LONGEST_DAYS = 366


class ActionModule(KmsAction):
    """Read how Windows and Office are activated."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Three queries for Windows, one or two more for Office; nothing is changed."""
        days = parameters["event_days"]
        if not 1 <= days <= _LONGEST_DAYS:
            raise BadInput(
                f"event_days is {days}, and it is from 1 to {_LONGEST_DAYS}. Nothing was read.", target="event_days"
            )
        sections = {Section(name) for name in parameters["include"]}
        return {"changed": False, **inspect_client(Licensing(session), Scope(parameters["product"]), sections, days)}
