# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of WQL that the lab answers: SELECT * or properties FROM one class, with WHERE.

Everything else (ASSOCIATORS OF, ORDER BY, GROUP, events ...) is an invalid query, as a lab that guessed would hide a
mistake. Conditions have three values: a comparison with a null property is neither true nor false.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from .values import CimValue

Literal = str | int | float | bool | None
Truth = bool | None


class WqlError(Exception):
    """The query is not one; the message says where."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`property op literal`; the property is in lower case."""

    name: str
    operator: str
    literal: Literal


@dataclass(frozen=True, slots=True)
class Negation:
    """NOT condition."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Junction:
    """All (`AND`) or any (`OR`) of the conditions."""

    operator: str
    conditions: tuple[Condition, ...]


Condition = Comparison | Negation | Junction


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. `properties` is empty for `*`; names are as the client wrote them."""

    class_name: str
    properties: tuple[str, ...]
    condition: Condition | None


_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<number>[+-]?\d+(?:\.\d+)?)(?![A-Za-z_])
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign><>|!=|<=|>=|[=<>*,()])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"=", "<>", "!=", "<", "<=", ">", ">="}
_SWAPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def parse(text: str) -> Query:
    """Parse a query. Raises WqlError."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise WqlError(f"no WQL at character {position + 1}: {text[position : position + 20]!r}")
        kind = str(match.lastgroup)
        found.append((kind, match.group(kind)))
        position = match.end()
    return found


class _Parser:
    """Recursive descent over the tokens: OR, AND, NOT, comparison."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def query(self) -> Query:
        self._keyword("SELECT")
        properties: list[str] = []
        if not self._sign("*"):
            properties.append(self._name())
            while self._sign(","):
                properties.append(self._name())
        self._keyword("FROM")
        class_name = self._name()
        condition = self._either() if self._is_keyword("WHERE") else None
        if self._at < len(self._tokens):
            raise WqlError(f"unexpected {self._tokens[self._at][1]!r}")
        return Query(class_name, tuple(properties), condition)

    def _either(self) -> Condition:
        return self._junction("OR", self._both)

    def _both(self) -> Condition:
        return self._junction("AND", self._inverse)

    def _junction(self, word: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._is_keyword(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _inverse(self) -> Condition:
        if self._is_keyword("NOT"):
            return Negation(self._inverse())
        if self._sign("("):
            inner = self._either()
            if not self._sign(")"):
                raise WqlError("a bracket is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        kind, text = self._next()
        if kind == "name" and text.upper() not in ("NULL", "TRUE", "FALSE"):
            return self._property_first(text)
        literal = self._literal(kind, text)
        sign = self._comparison_sign()
        return Comparison(self._name().lower(), _SWAPPED.get(sign, sign), literal)

    def _property_first(self, name: str) -> Condition:
        if self._is_keyword("IS"):
            negated = self._is_keyword("NOT")
            self._keyword("NULL")
            return Comparison(name.lower(), "<>" if negated else "=", None)
        negated = self._is_keyword("NOT")
        if self._is_keyword("LIKE"):
            pattern = self._literal(*self._next())
            if not isinstance(pattern, str):
                raise WqlError("LIKE needs a text")
            like = Comparison(name.lower(), "LIKE", pattern)
            return Negation(like) if negated else like
        if negated:
            raise WqlError("NOT stands before a condition")
        sign = self._comparison_sign()
        literal = self._literal(*self._next())
        if literal is None and sign not in ("=", "<>"):
            raise WqlError("NULL is only equal or unequal")
        return Comparison(name.lower(), sign, literal)

    def _comparison_sign(self) -> str:
        kind, sign = self._next()
        if kind != "sign" or sign not in _COMPARISONS:
            raise WqlError(f"{sign!r} is no comparison")
        return "<>" if sign == "!=" else sign

    def _literal(self, kind: str, text: str) -> Literal:
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return float(text) if "." in text else int(text)
        constants: dict[str, Literal] = {"NULL": None, "TRUE": True, "FALSE": False}
        if kind == "name" and text.upper() in constants:
            return constants[text.upper()]
        raise WqlError(f"{text!r} is no constant")

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise WqlError("the query ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _name(self) -> str:
        kind, text = self._next()
        if kind != "name":
            raise WqlError(f"{text!r} is no name")
        return text

    def _keyword(self, word: str) -> None:
        if not self._is_keyword(word):
            raise WqlError(f"{word} is missing")

    def _is_keyword(self, word: str) -> bool:
        return self._take("name", word)

    def _sign(self, sign: str) -> bool:
        return self._take("sign", sign)

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens):
            found, value = self._tokens[self._at]
            if found == kind and value.upper() == text:
                self._at += 1
                return True
        return False


def names_in(condition: Condition | None) -> frozenset[str]:
    """Every property that a condition reads, in lower case."""
    if condition is None:
        return frozenset()
    if isinstance(condition, Comparison):
        return frozenset({condition.name})
    parts = (condition.condition,) if isinstance(condition, Negation) else condition.conditions
    return frozenset().union(*(names_in(part) for part in parts))


def holds(condition: Condition | None, values: Mapping[str, CimValue]) -> bool:
    """Whether an instance (lower-case names) is selected. Raises WqlError for a comparison of unlike types."""
    return condition is None or _truth(condition, values) is True


def _truth(condition: Condition, values: Mapping[str, CimValue]) -> Truth:
    if isinstance(condition, Comparison):
        return _compare(values.get(condition.name), condition.operator, condition.literal)
    if isinstance(condition, Negation):
        inner = _truth(condition.condition, values)
        return None if inner is None else not inner
    results = [_truth(part, values) for part in condition.conditions]
    decisive = condition.operator == "OR"
    if decisive in results:
        return decisive
    return None if None in results else not decisive


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compare(value: CimValue, sign: str, literal: Literal) -> Truth:
    if literal is None:
        return (value is None) == (sign == "=")
    if value is None:
        return None
    if sign == "LIKE":
        return like_pattern(str(literal)).fullmatch(str(value)) is not None
    left, right = _alike(value, literal)
    return bool(_OPERATORS[sign](left, right))


def _alike(value: CimValue, literal: Literal) -> tuple[object, object]:
    """Both sides in one type; WMI compares texts without regard to case and coerces constants to the property."""
    if isinstance(value, bool):
        if isinstance(literal, str):
            if literal.lower() not in ("true", "false"):
                raise WqlError(f"{literal!r} is no boolean")
            return value, literal.lower() == "true"
        return value, bool(literal)
    if isinstance(value, int):
        try:
            return value, literal if isinstance(literal, (int, float)) else int(str(literal))
        except ValueError:
            raise WqlError(f"{literal!r} is no number") from None
    if isinstance(value, datetime):
        return value, cim_datetime(str(literal))
    if isinstance(value, str):
        return value.lower(), str(literal).lower()
    raise WqlError("an array is not compared")


def cim_datetime(text: str) -> datetime:
    """`20260131120000.000000+060` as an aware datetime. Raises WqlError. Source: DSP0004, "Datetime type"."""
    match = re.fullmatch(r"(\d{14})(?:\.(\d{6})([+-])(\d{3}))?", text)
    if match is None:
        raise WqlError(f"{text!r} is no CIM datetime")
    moment, micro, sign, minutes = match.groups()
    try:
        local = datetime.strptime(moment, "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError:
        raise WqlError(f"{text!r} is no CIM datetime") from None
    offset = timedelta(minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    return local + timedelta(microseconds=int(micro or 0)) - offset


@functools.lru_cache(maxsize=256)
def like_pattern(pattern: str) -> re.Pattern[str]:
    """A LIKE pattern as a regular expression: % any text, _ one character, [a-f] and [^a-f] one of a set."""
    parts = []
    for wild, chosen, plain in re.findall(r"([%_])|\[([^\]]+)\]|(.)", pattern, re.DOTALL):
        if wild:
            parts.append(".*" if wild == "%" else ".")
        elif chosen:
            inverted = chosen.startswith("^")
            members = re.escape(chosen.lstrip("^")).replace(r"\-", "-")
            parts.append(f"[{'^' if inverted else ''}{members}]")
        else:
            parts.append(re.escape(plain))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
