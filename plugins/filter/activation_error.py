# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter volact.kms.activation_error: what an error code of activation means, without a Windows that knows it."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.volact.kms.plugins.plugin_utils._spp import explain

DOCUMENTATION = r"""
name: activation_error
short_description: Explain an error code of Windows or Office activation
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Tells symbol, meaning, usual cause and remedy of a code, from tables that Microsoft published. No Windows is needed.
  - Codes of the licensing service, of WMI, of RPC and of DNS are known, as far as activation brings them up.
positional: _input
options:
  _input:
    description:
      - The code, in any form that tools print - V(0xC004F074), V(C004F074), signed as V(-1073418124), or unsigned as
        V(3221549172).
      - A text with a code that begins with C(0x) works too. The first one in it is explained.
      - Eight digits of which the first is 8 or C, or that have a letter, are hexadecimal.
    type: raw
    required: true
seealso:
  - module: volact.kms.client_info
  - plugin: volact.kms.mask_product_key
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Explain a code
  ansible.builtin.debug:
    msg: "{{ '0xC004F074' | volact.kms.activation_error }}"

- name: Say what to do about a number of an event log
  ansible.builtin.debug:
    msg: "{{ (-1073418124 | volact.kms.activation_error).remedy }}"

- name: Explain what a script printed
  ansible.builtin.debug:
    msg: "{{ 'Error: 0xC004F038 The count is insufficient.' | volact.kms.activation_error }}"
"""

RETURN = r"""
_value:
  description: What is known about the code. A text is null where nothing is published.
  type: dict
  sample:
    code: "0xC004F038"
    signed: -1073418184
    unsigned: 3221549112
    known: true
    name: SL_E_VL_NOT_ENOUGH_COUNT
    meaning: KMS count too low
    cause: "KMS count too low: servers need 5, clients 25 unique machines"
    remedy: add unique clients until the threshold is reached
  contains:
    code:
      description: The code as Microsoft prints it.
      type: str
      sample: "0xC004F038"
    signed:
      description: The code as a signed number of 32 bits, as some scripts and languages print it.
      type: int
      sample: -1073418184
    unsigned:
      description: The code as an unsigned number.
      type: int
      sample: 3221549112
    known:
      description: Whether anything is published about the code.
      type: bool
      sample: true
    name:
      description: The symbol.
      type: str
      sample: SL_E_VL_NOT_ENOUGH_COUNT
    meaning:
      description: What it means.
      type: str
      sample: KMS count too low
    cause:
      description: What it usually comes from.
      type: str
      sample: "KMS count too low: servers need 5, clients 25 unique machines"
    remedy:
      description: What to do about it.
      type: str
      sample: add unique clients until the threshold is reached
"""

_IN_A_TEXT: t.Final = re.compile(r"\b0[xX]([0-9A-Fa-f]{1,8})\b")
_BARE: t.Final = re.compile(r"(?=.*[A-Fa-f]|[8Cc])[0-9A-Fa-f]{8}")
_NUMBER: t.Final = re.compile(r"[+-]?\d{1,10}")
_SIGN: t.Final = 1 << 31
_SIZE: t.Final = 1 << 32


def activation_error(value: t.Any) -> dict[str, t.Any]:
    """The documented facts about a code in any form. Raises AnsibleFilterError for what is none."""
    code = _code(value)
    if code is None or not -_SIGN <= code < _SIZE:
        raise AnsibleFilterError(
            f"activation_error: {value!r} is no error code. Give it as 0xC004F074, C004F074, -1073418124 or 3221549172."
        )
    known = explain(code)
    return {
        "code": known.hexadecimal,
        "signed": known.code - _SIZE if known.code >= _SIGN else known.code,
        "unsigned": known.code,
        "known": known.name is not None or known.meaning is not None,
        "name": known.name,
        "meaning": known.meaning,
        "cause": known.cause,
        "remedy": known.remedy,
    }


def _code(value: t.Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = str(value).strip()
    if _BARE.fullmatch(text):
        return int(text, 16)
    if _NUMBER.fullmatch(text):
        return int(text)
    found = _IN_A_TEXT.search(text)
    return int(found[1], 16) if found else None


class FilterModule:
    """For Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        """Name to function."""
        return {"activation_error": activation_error}
