# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether KMS host keys have activations left for what a play would spend."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._host_budget import (
    Limits,
    checked_ledger,
    host_keys,
    last_fives,
    refusal,
)

DOCUMENTATION = r"""
name: host_key_refusal
short_description: Say why KMS host keys must not be activated, if they must not
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Counts, over all KMS hosts of a site, on how many machines each key would be and how often it was activated there.
    Answers with one sentence for the first key that has not enough activations left, or with an empty text.
  - Where nothing would be spent nothing is refused. The role P(volact.kms.kms_host#role) uses it before the first key
    is installed.
positional: _input
options:
  _input:
    description:
      - Every declared host by its name. C(given) is what the task gives as keys, or their last five characters.
        C(plan) is the result of M(volact.kms.host) in check mode, or empty for a host that could not be read, which
        then counts as one that holds every key.
    type: dict
    required: true
  used:
    description: The ledger, which maps the last five characters of a key to machines and how often they activated it.
    type: dict
    default: {}
  max_hosts:
    description: On how many machines Microsoft activates a key.
    type: int
    default: 6
  max_activations:
    description: How often on the same machine.
    type: int
    default: 10
seealso:
  - module: volact.kms.host
  - plugin: volact.kms.host_key_ledger
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Stop before a key is on a seventh machine
  ansible.builtin.assert:
    that: refusal | length == 0
    fail_msg: "{{ refusal }}"
  vars:
    refusal: "{{ {'kms01': {'given': ['KMNHT'], 'plan': {}}} | volact.kms.host_key_refusal(max_hosts=6) }}"
"""

RETURN = r"""
_value:
  description: One sentence, or an empty text.
  type: str
"""


def host_key_refusal(
    hosts: dict[str, dict[str, t.Any]], used: t.Any = None, max_hosts: t.Any = 6, max_activations: t.Any = 10
) -> str:
    """The filter; numbers may come as text."""
    try:
        keys = {name: host_keys(last_fives(host.get("given")), host.get("plan")) for name, host in hosts.items()}
        return refusal(keys, checked_ledger(used or {}), Limits(int(max_hosts), int(max_activations)))
    except KmsError as error:
        raise AnsibleFilterError(error.message) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Any]:
        """By name."""
        return {"host_key_refusal": host_key_refusal}
