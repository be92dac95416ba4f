# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The confirmation ID of an activation by telephone: its form, and that nothing prints it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

DIGITS = 48
"""Source: kms_rules.yaml, mak.confirmation_id; cim_classes.yaml, DepositOfflineConfirmationId."""

_SEPARATORS = re.compile(r"[\s-]")


class ConfirmationId:
    """A confirmation ID of the right length. Only `reveal` gives its digits: they are as good as an activation."""

    __slots__ = ("_digits",)

    def __init__(self, text: str) -> None:
        """Take `text` with blanks and hyphens anywhere. Raises BadInput, which never repeats what was given."""
        digits = _SEPARATORS.sub("", text)
        if not (digits.isascii() and digits.isdigit()):
            raise _bad("has a character that is no digit")
        if len(digits) != DIGITS:
            raise _bad(f"has {len(digits)} digits")
        self._digits = digits

    def reveal(self) -> str:
        """The digits alone, as the licensing service takes them."""
        return self._digits

    def __repr__(self) -> str:
        return "ConfirmationId(...)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfirmationId) and other._digits == self._digits

    def __hash__(self) -> int:
        return hash(self._digits)

    def __reduce__(self) -> t.NoReturn:
        raise TypeError("A confirmation ID is never pickled.")


def _bad(problem: str) -> BadInput:
    return BadInput(
        f"confirmation_id {problem}: a confirmation ID has {DIGITS} digits, usually told as eight groups of six. "
        f"Nothing was changed. Ask for the missing groups again: the installation ID stays the same.",
        operation="validate",
        target="confirmation_id",
        hint="Write the groups with blanks or hyphens between them, and quote the whole.",
    )
