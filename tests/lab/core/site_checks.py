# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the values in a site file: each mistake is a `SiteError` with one sentence."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

Value = t.TypeVar("Value")


class SiteError(Exception):
    """The site file or a `lab set` is wrong: one sentence for its author."""


def choice_of(name: str, table: Mapping[str, Value], what: str, where: str) -> Value:
    """The entry of a table that a name stands for."""
    if name not in table:
        raise SiteError(f"{name!r} in {where} is no {what} of the lab; valid names are {', '.join(sorted(table))}.")
    return table[name]


def check_names(fields: Mapping[str, t.Any], valid: Iterable[str], where: str) -> None:
    """Refuse names that mean nothing."""
    names = tuple(valid)
    for name in fields:
        if name not in names:
            raise SiteError(f"{name!r} is not a name in {where}; valid names are {', '.join(names)}.")


def mapping_of(value: t.Any, where: str) -> Mapping[str, t.Any]:
    """A mapping, as it is."""
    if not isinstance(value, Mapping):
        raise SiteError(
            f"{where[0].upper()}{where[1:]} is not a mapping of names to values but a {type(value).__name__}."
        )
    return value


def list_of(value: t.Any, where: str) -> list[t.Any]:
    """A list, as it is."""
    if not isinstance(value, list):
        raise SiteError(f"{where[0].upper()}{where[1:]} is not a list but a {type(value).__name__}.")
    return value


def text_of(fields: Mapping[str, t.Any], name: str, where: str) -> str:
    """A text that is not empty."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise SiteError(f"`{name}` is missing in {where}, or is not a text: {value!r}.")
    return value


def count_of(fields: Mapping[str, t.Any], name: str, default: int, where: str) -> int:
    """A whole number of 0 or more."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SiteError(f"`{name}` in {where} is not a whole number of 0 or more: {value!r}.")
    return value


def boolean_of(fields: Mapping[str, t.Any], name: str, default: bool, where: str) -> bool:
    """True or false."""
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise SiteError(f"`{name}` of {where} is neither true nor false: {value!r}.")
    return value
