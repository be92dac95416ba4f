# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an HRESULT of activation means, in English and without a Windows that knows it (F27)."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed, CimFault

BELOW_THRESHOLD = 0xC004F038
"""SL_E_VL_NOT_ENOUGH_COUNT: the KMS host answered, its count is still too low."""

NO_ACTIVATIONS_LEFT = 0xC004C008
"""SL_E_CHPA_MAXIMUM_UNLOCK_EXCEEDED: Microsoft gave all activations of the key, or it is on too many machines."""

INVALID_QUERY = frozenset({0x80041017, 0x8033801A})
"""WBEM_E_INVALID_QUERY: also what a query gets that names a property which this Windows lacks. A fault without a code
of WMI says ERROR_WSMAN_ENUMERATE_CANNOT_PROCESS_FILTER. Which of the two a machine sends is unverified: accept both."""

NO_SUCH_CLASS = frozenset({0x80041010, 0x8004100E, 0x80338000})
"""WBEM_E_INVALID_CLASS, WBEM_E_INVALID_NAMESPACE, or ERROR_WSMAN_RESOURCE_NOT_FOUND where nothing says more."""

KEY_DOES_NOT_FIT = frozenset({0xC004F069, 0xC004E016, 0xC004F050, 0xC0000022})
"""Which of the three a key of another edition yields is documented nowhere: accept all of them. The fourth is one
user's report of a client setup key on an LTSC edition (STATUS_ACCESS_DENIED, unverified)."""


@dataclass(frozen=True, slots=True)
class HResult:
    """One documented code: its symbol and, where published, meaning, cause and remedy."""

    code: int
    name: str | None = None
    meaning: str | None = None
    cause: str | None = None
    remedy: str | None = None

    @property
    def hexadecimal(self) -> str:
        """Eight digits with a prefix, as Microsoft prints it: 0xC004F038."""
        return f"0x{self.code:08X}"

    def __str__(self) -> str:
        return f"{self.hexadecimal} {self.name}" if self.name else self.hexadecimal


@functools.cache
def _table() -> dict[str, dict[str, str | None]]:
    table: dict[str, dict[str, str | None]] = json.loads(
        (Path(__file__).parent / "data" / "hresults.json").read_text("utf-8")
    )
    return table


def explain(code: int) -> HResult:
    """The documented facts about `code`, given signed or unsigned; of an unknown code only the number is left."""
    unsigned = code & 0xFFFFFFFF
    return HResult(code=unsigned, **_table().get(f"0x{unsigned:08X}", {}))


def name_fault(fault: CimFault, what: str) -> CimFault:
    """Turn a fault into a sentence that begins with `what` failed, and goes on with meaning, cause and remedy.

    What Windows itself says is in its display language: it is kept only where nothing is published about the code.
    """
    known = explain(fault.code) if fault.code is not None else None
    if known is None or known.meaning is None:
        reason = f"{known}: {fault.message}" if known else fault.message
    else:
        reason = f"{known.meaning} ({known})"
    fault.name = fault.name or (known.name if known else None)
    cause = f" Usual cause: {known.cause}." if known and known.cause and not fault.hint else ""
    fault.hint = fault.hint or (known.remedy if known else None)
    fault.message = f"{what}: {reason.rstrip('.')}.{cause}{_advice(fault.hint)}"
    return fault


def activation_failed(fault: CimFault, what: str, machine: str) -> ActivationFailed:
    """A refusal of the licensing service of `machine`, as a sentence that begins with `what`."""
    named = name_fault(fault, f"{what} on {machine}")
    return ActivationFailed(
        named.message, operation=fault.operation, target=machine, code=fault.code, name=named.name, hint=named.hint
    )


def _advice(hint: str | None) -> str:
    """A hint as the end of a message: one of ours is a sentence, one of the table a few words."""
    if not hint:
        return ""
    return f" {hint}" if hint[0].isupper() else f" What to do: {hint}."


# Read once, before Ansible forks: each worker would read it again.
_table()
