# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The charts of the HTML page: where each bar and each text of an SVG stands. Pure.

All coordinates are in units of the view box, which is as wide as a narrow phone, so that texts stay readable there.
"""

from __future__ import annotations

import collections
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ._document import Document
from ._kinds import State

WIDTH: t.Final = 360
_ROW: t.Final = 30
_MOST_BARS: t.Final = 10
_WEEKS: t.Final = 26
_WEEK: t.Final = 7
_COLUMNS_HEIGHT: t.Final = 150
_LEFT: t.Final = 30
_RIGHT: t.Final = WIDTH - 12
_TREND_BARS: t.Final = 20
_COLUMN_AT_MOST: t.Final = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `label` is a text of the page when `is_word`, else what a machine said. `tone` is a class of the CSS."""

    label: str
    value: int
    is_word: bool
    tone: str
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A text below or beside an axis."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart, `title` being a text of the page. `is_columns`: bars stand; else they lie below their labels."""

    title: str
    height: float
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...] = ()
    is_columns: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not any(each.value for each in self.bars)


def charts(document: Document) -> list[Chart]:
    """All charts of a report."""
    summary = document["summary"]
    found = [
        _states(summary["states"]),
        _channels("chart.windows", summary["channels"]["windows"]),
        _channels("chart.office", summary["channels"]["office"]),
        _expiry(document["machines"]),
        _load(document["machines"]),
        _trend(document),
    ]
    return [chart for chart in found if not chart.is_empty]


def _lying(title: str, rows: Sequence[tuple[str, int, bool, str]]) -> Chart:
    """Bars below their labels; more than ten are put together."""
    if len(rows) > _MOST_BARS:
        rest = sum(value for _label, value, _is_word, _tone in rows[_MOST_BARS - 1 :])
        rows = [*rows[: _MOST_BARS - 1], ("chart.other", rest, True, "other")]
    most = max((value for _label, value, _is_word, _tone in rows), default=0) or 1
    bars = tuple(
        Bar(label, value, is_word, tone, 0, _ROW * number + 16, _width(value, most), 8)
        for number, (label, value, is_word, tone) in enumerate(rows)
    )
    return Chart(title, _ROW * len(rows) or 1, bars)


def _width(value: int, most: int) -> float:
    """At least a sliver for what is there at all."""
    return round(max(2, WIDTH * value / most), 1) if value else 0


def _states(states: Mapping[str, int]) -> Chart:
    order = [State.ACTIVATED, *(state for state in State if state is not State.ACTIVATED)]
    rows = [(f"state.{state.value}", states[state.value], True, state.value) for state in order]
    return _lying("chart.state", [row for row in rows if row[1]])


def _channels(title: str, channels: Mapping[str, int]) -> Chart:
    rows = sorted(channels.items(), key=lambda item: (-item[1], item[0]))
    return _lying(title, [(f"channel.{name}", count, True, "other") for name, count in rows])


def _load(machines: Iterable[Mapping[str, t.Any]]) -> Chart:
    used = collections.Counter(machine["kms_host"] for machine in machines if machine["kms_host"])
    rows = sorted(used.items(), key=lambda item: (-item[1], item[0]))
    return _lying("chart.load", [(name, count, False, "other") for name, count in rows])


def _expiry(machines: Iterable[Mapping[str, t.Any]]) -> Chart:
    """KMS activations by the weeks that remain; the last column has the 180 days and what lies beyond."""
    weeks = collections.Counter(
        min(licence["days_left"] // _WEEK, _WEEKS - 1)
        for machine in machines
        for licence in machine["licences"]
        if licence["channel"] == "kms_client" and licence["days_left"] is not None and licence["state"] == "activated"
    )
    rows = [
        (f"{week * _WEEK}-{week * _WEEK + _WEEK - 1}" if week < _WEEKS - 1 else f"{week * _WEEK}+", weeks[week], week)
        for week in range(_WEEKS)
    ]
    starts = [week * _WEEK for _label, _value, week in rows]
    tones = ["notification" if days < 30 else "pending" if days < 90 else "activated" for days in starts]
    ticks = [
        Tick(str(days), round(_LEFT + (_RIGHT - _LEFT) * days / (_WEEKS * _WEEK), 1), _COLUMNS_HEIGHT + 16)
        for days in (0, 30, 60, 90, 120, 150, 180)
    ]
    values = [(label, value, tone) for (label, value, _week), tone in zip(rows, tones, strict=True)]
    return _standing("chart.expiry", values, ticks, "chart.days")


def _trend(document: Document) -> Chart:
    """How many of a hundred machines were activated, in the last reports and in this one."""
    now = {"generated": document["generated"], **document["summary"]}
    reports = [*document["trend"], now][-_TREND_BARS:] if document["trend"] else []
    values = [
        (
            str(each["generated"] or "?"),
            round(100 * each["states"][State.ACTIVATED.value] / (each["machines"] or 1)),
            "activated",
        )
        for each in reports
    ]
    ticks = []
    if values:
        # Below the first column and the last, as far as the edges let a date.
        half = (_RIGHT - _LEFT) / len(values) / 2
        ends = (values[0][0], max(_LEFT + 28, _LEFT + half)), (values[-1][0], min(WIDTH - 36, _RIGHT - half))
        ticks = [Tick(text.partition("T")[0], round(x, 1), _COLUMNS_HEIGHT + 16) for text, x in ends]
    return _standing("chart.trend", values, ticks, "%", most=100)


def _standing(
    title: str, values: Sequence[tuple[str, int, str]], ticks: Sequence[Tick], unit: str, most: int | None = None
) -> Chart:
    highest = most or max((value for _label, value, _tone in values), default=0) or 1
    step = (_RIGHT - _LEFT) / (len(values) or 1)
    width = min(_COLUMN_AT_MOST, step * 0.8)
    bars = []
    for number, (label, value, tone) in enumerate(values):
        height = round(max(2, (_COLUMNS_HEIGHT - 12) * value / highest), 1) if value else 0
        x, y = round(_LEFT + step * (number + 0.5) - width / 2, 1), round(_COLUMNS_HEIGHT - height, 1)
        bars.append(Bar(label, value, False, tone, x, y, round(width, 1), height, unit))
    scale = [Tick(str(highest), _LEFT - 4, 16), Tick("0", _LEFT - 4, _COLUMNS_HEIGHT)] if values else []
    return Chart(title, _COLUMNS_HEIGHT + 22, tuple(bars), (*scale, *ticks), is_columns=True)
