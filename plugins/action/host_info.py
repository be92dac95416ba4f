# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.host_info`: one observation of a KMS host as a result."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Licensing, host_result, observe_host
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {}


class ActionModule(KmsAction):
    """Read the state of a KMS host."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Four queries; nothing is changed."""
        return {"changed": False, **host_result(observe_host(Licensing(session)))}
