# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Product keys: their form, and that no more than five characters of them are ever shown."""

from __future__ import annotations

import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

ALPHABET = frozenset("BCDFGHJKMNPQRTVWXY2346789")


class ProductKey:
    """A product key of the right form. Only `reveal` gives its text, everything else the last five characters."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Take `text` in any case, with blanks around it. Raises BadInput, which never repeats what was given.

        Keys of Windows 8 / Office 2013 and later hold exactly one N, older ones none.
        """
        normal = text.strip().upper()
        _check_form(normal)
        self._text = normal

    @property
    def last_five(self) -> str:
        """What `PartialProductKey` shows once the key is installed."""
        return self._text[-5:]

    def reveal(self) -> str:
        """The whole key: for the request that installs it, and for nothing else."""
        return self._text

    def __repr__(self) -> str:
        return f"ProductKey(*****-*****-*****-*****-{self.last_five})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProductKey) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> t.NoReturn:
        raise TypeError("A product key is never pickled.")


def _check_form(text: str) -> None:
    groups = text.split("-")
    lengths = [len(group) for group in groups]
    if lengths != [5] * 5:
        shape = "-".join(map(str, lengths)) if len(lengths) <= 8 else f"{len(lengths)} groups"
        problem = f"its groups have the lengths {shape}"
    elif bad := [number for number, group in enumerate(groups, 1) if not set(group) <= ALPHABET]:
        problem = f"group {bad[0]} has a character that product keys never use"
    elif text.count("N") > 1:
        problem = "it has more than one letter N, which no key has"
    else:
        return
    raise BadInput(
        f"product_key does not have the form of a product key: {problem}. A key is five groups of five characters "
        f"from {''.join(sorted(ALPHABET))}, joined by hyphens. Nothing was changed.",
        operation="validate",
        target="product_key",
        hint="Look for a typing error, or for dashes that a text editor replaced.",
    )
