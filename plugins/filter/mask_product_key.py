# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter volact.kms.mask_product_key: of product keys in a value only the last five characters are left."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping

DOCUMENTATION = r"""
name: mask_product_key
short_description: Hide product keys but for their last five characters
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Replaces every product key in a text, or in the texts of a list or dictionary, so that it can be shown or logged.
  - The last five characters stay. Windows shows them too, and they are enough to find a key in a contract.
  - A value that is a key without hyphens is masked as well. Everything else stays as it is.
positional: _input
options:
  _input:
    description: The value.
    type: raw
    required: true
seealso:
  - plugin: volact.kms.activation_error
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show which key is going to be installed
  ansible.builtin.debug:
    msg: "{{ site_mak | volact.kms.mask_product_key }}"
  vars:
    site_mak: BBBBB-CCCCC-DDDDD-FFFFF-23456

- name: Log what a script printed
  ansible.builtin.debug:
    msg: "{{ 'Installed BBBBB-CCCCC-DDDDD-FFFFF-23456.' | volact.kms.mask_product_key }}"
"""

RETURN = r"""
_value:
  description: The value without product keys.
  type: raw
  sample: "*****-*****-*****-*****-23456"
"""

# More than keys can be: a mistyped key is a secret, too.
_KEY: t.Final = re.compile(r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{5}-){4}([A-Za-z0-9]{5})(?![A-Za-z0-9])")
_WITHOUT_HYPHENS: t.Final = re.compile(r"\s*[A-Za-z0-9]{20}([A-Za-z0-9]{5})\s*")
_MASKED: t.Final = r"*****-*****-*****-*****-\1"


def mask_product_key(value: t.Any) -> t.Any:
    """`value` with every product key masked, those in lists and dictionaries (keys included) too."""
    if isinstance(value, str):
        return _KEY.sub(_MASKED, _WITHOUT_HYPHENS.sub(_MASKED, value) if _WITHOUT_HYPHENS.fullmatch(value) else value)
    if isinstance(value, Mapping):
        return {mask_product_key(name): mask_product_key(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_product_key(item) for item in value]
    return value


class FilterModule:
    """For Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Name to function."""
        return {"mask_product_key": mask_product_key}
