# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each bar of each chart: which there are, how long they are, and that none leaves the picture."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.volact.kms.plugins.plugin_utils._report._charts import WIDTH, Bar, Chart, charts
from ansible_collections.volact.kms.plugins.plugin_utils._report._kinds import State

LEFT, RIGHT, BASE = 30, WIDTH - 12, 150


def chart(title: str, machines: tuple[Any, ...] = (), trend: tuple[Any, ...] = (), **summary: Any) -> Chart | None:
    """The chart of that title, if the report has one."""
    states = dict.fromkeys([state.value for state in State], 0) | summary.get("states", {})
    channels = {"windows": {}, "office": {}, **summary.get("channels", {})}
    document: Any = {
        "generated": "2026-11-23T10:00:00Z",
        "summary": {"states": states, "channels": channels, "machines": summary.get("total", len(machines))},
        "machines": list(machines),
        "trend": list(trend),
    }
    return next((each for each in charts(document) if each.title == f"chart.{title}"), None)


def present(found: Chart | None) -> Chart:
    assert found is not None
    return found


def machine(*days_left: int | None, host: str = "", channel: str = "kms_client", state: str = "activated") -> Any:
    licences = [{"channel": channel, "state": state, "days_left": days} for days in days_left]
    return {"kms_host": host, "licences": licences}


def lengths(found: Chart | None) -> dict[str, tuple[int, float]]:
    """Value and length of each bar, by its label."""
    return {bar.label: (bar.value, bar.width) for bar in present(found).bars}


def columns(found: Chart | None) -> dict[str, Bar]:
    """The bars that stand, without those of nothing."""
    return {bar.label: bar for bar in present(found).bars if bar.value}


def test_a_report_of_nothing_has_no_charts() -> None:
    for title in ("state", "windows", "office", "expiry", "load", "trend"):
        assert chart(title) is None


def test_states_that_occur_have_a_bar_each_and_the_activated_ones_are_first() -> None:
    found = chart("state", states={"not_activated": 5, "activated": 20, "pending": 1})
    assert lengths(found) == {
        "state.activated": (20, 360),
        "state.not_activated": (5, 90),
        "state.pending": (1, 18),
    }
    assert [(bar.x, bar.y, bar.height, bar.tone) for bar in present(found).bars] == [
        (0, 16, 8, "activated"),
        (0, 46, 8, "not_activated"),
        (0, 76, 8, "pending"),
    ]
    assert present(found).height == 90


def test_one_machine_of_many_is_still_seen() -> None:
    found = chart("state", states={"activated": 10_000, "not_activated": 1})
    assert lengths(found)["state.not_activated"] == (1, 2)


@pytest.mark.parametrize("product", ["windows", "office"])
def test_channels_are_in_the_order_of_their_numbers_then_of_their_names(product: str) -> None:
    found = chart(product, channels={product: {"mak": 3, "kms_client": 12, "oem": 3}})
    assert list(lengths(found).items()) == [
        ("channel.kms_client", (12, 360)),
        ("channel.mak", (3, 90)),
        ("channel.oem", (3, 90)),
    ]


def test_hosts_are_named_as_machines_name_them_and_more_than_ten_are_put_together() -> None:
    machines = tuple(machine(host=f"kms{host:02}") for host in range(1, 13) for _each in range(13 - host))
    found = present(chart("load", machines))
    assert [bar.value for bar in found.bars] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3 + 2 + 1]
    assert [(bar.label, bar.is_word) for bar in found.bars[-2:]] == [("kms09", False), ("chart.other", True)]
    assert sum(bar.value for bar in found.bars) == len(machines)


def test_ten_hosts_have_a_bar_each() -> None:
    found = present(chart("load", tuple(machine(host=f"kms{host:02}") for host in range(10))))
    assert [bar.label for bar in found.bars] == [f"kms{host:02}" for host in range(10)]


@pytest.mark.parametrize(
    ("days", "column", "tone"),
    [
        (0, "0-6", "notification"),
        (6, "0-6", "notification"),
        (7, "7-13", "notification"),
        (29, "28-34", "notification"),
        (35, "35-41", "pending"),
        (91, "91-97", "activated"),
        (174, "168-174", "activated"),
        (180, "175+", "activated"),
        (400, "175+", "activated"),
    ],
)
def test_a_kms_activation_is_in_the_week_in_which_it_ends(days: int, column: str, tone: str) -> None:
    found = columns(chart("expiry", (machine(days),)))
    assert {label: (bar.value, bar.tone, bar.unit) for label, bar in found.items()} == {column: (1, tone, "chart.days")}


def test_only_kms_activations_that_are_there_expire() -> None:
    others = (machine(None), machine(20, channel="mak"), machine(20, state="pending"))
    assert chart("expiry", others) is None
    assert len(present(chart("expiry", (*others, machine(20)))).bars) == 26


def test_columns_stand_on_the_base_and_the_highest_reaches_the_top() -> None:
    found = present(chart("expiry", (machine(3), machine(3), machine(179), machine(179), machine(179, 179))))
    first, last = columns(found)["0-6"], columns(found)["175+"]
    assert (last.value, last.height, last.y) == (4, BASE - 12, 12)
    assert (first.value, first.height, first.y) == (2, (BASE - 12) / 2, BASE - (BASE - 12) / 2)
    assert all(bar.x >= LEFT and bar.x + bar.width <= RIGHT for bar in found.bars)
    assert [bar.x for bar in found.bars] == sorted(bar.x for bar in found.bars)
    assert {tick.text: (tick.x, tick.y) for tick in found.ticks if tick.x < LEFT} == {"4": (26, 16), "0": (26, BASE)}


def test_the_axis_of_days_is_that_of_the_columns() -> None:
    found = present(chart("expiry", (machine(90),)))
    (bar,) = columns(found).values()
    ninety = next(tick for tick in found.ticks if tick.text == "90")
    assert bar.x - 3 <= ninety.x <= bar.x + bar.width + 3


def earlier(day: int, activated: int, machines: int) -> Any:
    states = {"activated": activated}
    return {"generated": f"2026-11-{day:02}T10:00:00Z", "machines": machines, "states": states}


def test_the_trend_is_in_percent_of_each_report_and_this_one_is_last() -> None:
    found = present(chart("trend", trend=(earlier(1, 1, 4), earlier(8, 0, 0)), states={"activated": 9}, total=10))
    assert [(bar.label, bar.value, bar.height) for bar in found.bars] == [
        ("2026-11-01T10:00:00Z", 25, 34.5),
        ("2026-11-08T10:00:00Z", 0, 0),
        ("2026-11-23T10:00:00Z", 90, 124.2),
    ]
    dates = [tick for tick in found.ticks if tick.x > LEFT]
    assert [tick.text for tick in dates] == ["2026-11-01", "2026-11-23"]
    assert "100" in {tick.text for tick in found.ticks}


def test_a_trend_has_the_last_twenty_reports_and_a_first_report_has_none() -> None:
    assert chart("trend", states={"activated": 9}, total=10) is None
    many = tuple(earlier(day, 1, 1) for day in range(1, 23))
    found = present(chart("trend", trend=many, states={"activated": 1}, total=1))
    assert [bar.label[8:10] for bar in found.bars] == [f"{day:02}" for day in (*range(4, 23), 23)]
    assert all(bar.x >= LEFT and bar.x + bar.width <= RIGHT for bar in found.bars)
