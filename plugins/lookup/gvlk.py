# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup volact.kms.gvlk: published client setup keys by the name of the product."""

from __future__ import annotations

DOCUMENTATION = r"""
name: gvlk
short_description: Client setup keys (GVLK) that Microsoft publishes
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Tells the client setup key of a product of Windows or Office. It makes a machine a KMS client, or one that Active
    Directory activates, and holds no licence itself. Microsoft publishes these keys, so they are no secrets.
  - M(volact.kms.client) finds the right key itself. This lookup is for images, answer files and other tools.
options:
  _terms:
    description:
      - Names of products, for example V(Windows Server 2025 Datacenter) or V(Office LTSC Professional Plus 2024). Case
        does not matter.
      - Without any name all products are returned, as dictionaries with C(name) and C(key).
    type: list
    elements: str
seealso:
  - module: volact.kms.client
"""

EXAMPLES = r"""
- name: Show the client setup key of an edition
  ansible.builtin.debug:
    msg: "{{ lookup('volact.kms.gvlk', 'Windows Server 2025 Datacenter') }}"

- name: List all products that have one
  ansible.builtin.debug:
    msg: "{{ query('volact.kms.gvlk') | map(attribute='name') }}"
"""

RETURN = r"""
_raw:
  description: A key for each name, or the names and keys of all products.
  type: list
  elements: raw
"""

import difflib
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.volact.kms.plugins.plugin_utils._spp._catalogue import Gvlk, gvlks


class LookupModule(LookupBase):
    """For Ansible."""

    def run(self, terms: list[t.Any], variables: t.Any = None, **_options: t.Any) -> list[t.Any]:
        """A key for each name; raises AnsibleLookupError for one that is not in the catalogue."""
        if not terms:
            return [{"name": gvlk.name, "key": gvlk.key.reveal()} for gvlk in gvlks()]
        return [_named(str(term)).key.reveal() for term in terms]


def _named(name: str) -> Gvlk:
    wanted = _plain(name)
    by_name = {_plain(gvlk.name): gvlk for gvlk in reversed(gvlks())}
    if wanted in by_name:
        return by_name[wanted]
    close = [by_name[each].name for each in difflib.get_close_matches(wanted, by_name, n=3, cutoff=0.5)]
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    raise AnsibleLookupError(
        f"gvlk: Microsoft publishes no client setup key for {name!r}, or the catalogue does not know it.{meant} "
        "query('volact.kms.gvlk') lists all."
    )


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
