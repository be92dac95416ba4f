# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Figures with limits: the table that is printed, and the document that is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `limit` None: shown to compare with, and never past a limit."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    def ok(self, slack: float = 1.0) -> bool:
        """Whether the value is within its limit times `slack`: 1.25 forgives a quarter to a noisy machine."""
        return self.limit is None or self.value <= self.limit * (slack if self.noisy else 1.0)

    @property
    def noisy(self) -> bool:
        """Whether another run may measure another value: times and memory do, requests and bytes don't."""
        return self.unit not in {"requests", "KiB"}


def slope(small: Iterable[float], large: Iterable[float], machines: int) -> float:
    """CPU seconds for one more machine: between the cheapest runs, whose machines differ by `machines`."""
    return (min(large) - min(small)) / machines


def document(figures: Iterable[Figure], *, slack: float, machine: dict[str, Any]) -> dict[str, Any]:
    """What build/bench.json holds: every figure with value, limit and ok."""
    rows = [
        {
            "name": figure.name,
            "value": round(figure.value, 3),
            "unit": figure.unit,
            "limit": figure.limit,
            "ok": figure.ok(slack),
        }
        for figure in figures
    ]
    return {"ok": all(row["ok"] for row in rows), "slack": slack, "machine": machine, "figures": rows}


def table(bench: dict[str, Any]) -> str:
    """The figures of `document`, for people."""
    width = max(len(row["name"]) for row in bench["figures"])
    lines = [f"{'':4} {'figure':{width}} {'value':>9} {'limit':>7}  unit"]
    for row in bench["figures"]:
        verdict = "FAIL" if not row["ok"] else "" if row["limit"] is None else "ok"
        limit = "" if row["limit"] is None else f"{row['limit']:g}"
        lines.append(f"{verdict:4} {row['name']:{width}} {row['value']:9.2f} {limit:>7}  {row['unit']}")
    return "\n".join(lines)
