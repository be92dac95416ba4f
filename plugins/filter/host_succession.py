# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a KMS host can go, because others do what it does."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._host_succession import lacks

DOCUMENTATION = r"""
name: host_succession
short_description: Say what is missing before a KMS host can be retired
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Compares a KMS host with those that stay. For each class of clients that it activates (Windows clients, servers,
    each release of Office) one of them has to have been asked often enough to activate that class.
  - Answers with a list of phrases, which is empty when the host can go. The playbook C(volact.kms.retire_host) uses it
    before anything is withdrawn.
positional: _input
options:
  _input:
    description:
      - The hosts that stay, by name. Each is RV(volact.kms.host_info#module:host), or empty for one that could not be
        read or does not answer as a KMS host.
    type: dict
    required: true
  old:
    description: RV(volact.kms.host_info#module:host) of the host that is to go. Empty when it could not be read.
    type: dict
    default: {}
  classes:
    description:
      - What the others have to be ready for. When it is empty, what the old host is ready for; and when that could not
        be read, everything that the others serve.
    type: list
    elements: str
    choices: [windows_client, windows_server, office]
    default: []
  is_gone:
    description: Whether an old host that could not be read is gone for good.
    type: bool
    default: false
seealso:
  - module: volact.kms.host_info
"""

EXAMPLES = r"""
- name: Show what is missing
  ansible.builtin.debug:
    msg: "{{ {'kms02': {}} | volact.kms.host_succession(classes=['windows_server'], is_gone=true) }}"
"""

RETURN = r"""
_value:
  description: What is missing, in words.
  type: list
  elements: str
"""


def host_succession(
    successors: dict[str, dict[str, t.Any]],
    old: dict[str, t.Any] | None = None,
    classes: list[str] | None = None,
    is_gone: bool = False,
) -> list[str]:
    """The filter."""
    try:
        found = {name: host or None for name, host in successors.items()}
        return lacks(old or None, found, classes or (), is_gone=bool(is_gone))
    except KmsError as error:
        raise AnsibleFilterError(error.message) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Any]:
        """By name."""
        return {"host_succession": host_succession}
