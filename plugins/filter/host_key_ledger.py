# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ledger of KMS host keys after a run."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._host_budget import (
    checked_ledger,
    host_keys,
    last_fives,
    ledger_after,
    spent_keys,
)

DOCUMENTATION = r"""
name: host_key_ledger
short_description: Write what was spent into the ledger of KMS host keys
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Adds one activation for each key that a host activated in this run. An activation whose answer was lost counts, for
    Microsoft may have counted it.
  - Keys appear by their last five characters only.
positional: _input
options:
  _input:
    description:
      - The ledger before, which maps the last five characters of a key to machines and how often they activated it.
    type: dict
    required: true
  hosts:
    description:
      - The hosts of the play by name. C(given) and C(plan) are as in P(volact.kms.host_key_refusal#filter), C(run) is
        the result of M(volact.kms.host), or empty for a host that did not get so far.
    type: dict
    required: true
seealso:
  - module: volact.kms.host
  - plugin: volact.kms.host_key_refusal
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what the ledger is after a run
  ansible.builtin.debug:
    msg: "{{ {'KMNHT': {'kms00': 3}} | volact.kms.host_key_ledger(hosts={}) }}"
"""

RETURN = r"""
_value:
  description: The ledger after.
  type: dict
"""


def host_key_ledger(used: t.Any, hosts: dict[str, dict[str, t.Any]]) -> dict[str, dict[str, int]]:
    """The filter."""
    try:
        spent = {}
        for name, host in hosts.items():
            if keys := host_keys(last_fives(host.get("given")), host.get("plan")):
                spent[name] = spent_keys(keys.spends, host.get("run"))
        return ledger_after(checked_ledger(used or {}), spent)
    except KmsError as error:
        raise AnsibleFilterError(error.message) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Any]:
        """By name."""
        return {"host_key_ledger": host_key_ledger}
