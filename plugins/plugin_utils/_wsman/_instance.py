# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What CIM operations exchange: instances, references, and the values of their properties."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply

#: What a key or a scalar property takes when sent. Replies carry no types, so numbers and booleans arrive as `str`.
CimScalar: t.TypeAlias = str | int | bool | datetime | timedelta | None
#: What a key takes; a key of an association is a reference.
CimKey: t.TypeAlias = t.Union[CimScalar, "Reference"]
#: What a property or a method argument takes, and what `instance[name]` gives.
CimValue: t.TypeAlias = t.Union[CimScalar, "CimInstance", "Reference", Sequence["CimValue"]]

DEFAULT_NAMESPACE = "root/cimv2"

_INTEGER = re.compile(r"[+-]?[0-9]+")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# FILETIME zero is 1601-01-01 UTC, and a server east or west of Greenwich may shift it by hours.
_LAST_YEAR_WITHOUT_MEANING = 1601


@dataclass(frozen=True, slots=True)
class Reference:
    """A CIM reference: class, keys and namespace of one instance (an endpoint reference on the wire)."""

    class_name: str
    keys: Mapping[str, str | Reference] = field(repr=False)
    namespace: str = DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CimInstance(Mapping[str, CimValue]):
    """One CIM instance, query row or method output: a read-only mapping whose names ignore case.

    `instance[name]` is the value as it was read: `str`, None, `datetime` (UTC), `timedelta`, `Reference`,
    `CimInstance`, or a list of these where an element was repeated. An array of one looks like a scalar on the wire,
    so read arrays with `strings`. The typed readers give None for null and for a property that isn't there, and raise
    `BadReply`, without the value, for another type.
    """

    class_name: str
    properties: Mapping[str, CimValue] = field(default_factory=dict)
    _names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "properties", dict(self.properties))
        object.__setattr__(self, "_names", {name.lower(): name for name in self.properties})

    def __getitem__(self, name: str) -> CimValue:
        return self.properties[self._names[name.lower()]]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self.properties)

    def __len__(self) -> int:
        return len(self.properties)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CimInstance):
            return NotImplemented
        return self.class_name.lower() == other.class_name.lower() and self._by_lower_name() == other._by_lower_name()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<CimInstance {self.class_name}: {len(self)} properties>"

    def text(self, name: str) -> str | None:
        """The property as text; an empty string stays one."""
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        raise self._not(name, "text")

    def integer(self, name: str) -> int | None:
        """The property as an integer of any width (uint32 -1 arrives, and stays, 4294967295)."""
        value = self.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            return int(value)
        raise self._not(name, "an integer")

    def boolean(self, name: str) -> bool | None:
        """The property as a boolean: `true`, `false`, `1` and `0` in any case."""
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
            return _BOOLEANS[value.strip().lower()]
        raise self._not(name, "a boolean")

    def strings(self, name: str) -> list[str]:
        """The property as an array of text: null and a missing property are empty, a scalar is an array of one."""
        value = self.get(name)
        items = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        texts = [item for item in items if isinstance(item, str)]
        if len(texts) + sum(item is None for item in items) != len(items):
            raise self._not(name, "an array of text")
        return texts

    def moment(self, name: str) -> datetime | None:
        """The property as an aware `datetime` in UTC; None also for 1601, which Windows uses for "never"."""
        value = self.get(name)
        if value is None or (isinstance(value, datetime) and value.year <= _LAST_YEAR_WITHOUT_MEANING):
            return None
        if isinstance(value, datetime):
            return value
        raise self._not(name, "a date and time")

    def _by_lower_name(self) -> dict[str, CimValue]:
        return {name.lower(): value for name, value in self.properties.items()}

    def _not(self, name: str, expected: str) -> BadReply:
        # The value stays out of the sentence: it may be a secret.
        return BadReply(f"The property {name} of {self.class_name} is not {expected}.", target=self.class_name)
