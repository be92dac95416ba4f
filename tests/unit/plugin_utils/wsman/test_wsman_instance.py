# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances: a mapping whose names ignore case, with typed readers that never show a value in an error."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimValue, Reference

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
NEVER = datetime(1601, 1, 1, tzinfo=timezone.utc)


def instance(value: CimValue) -> CimInstance:
    return CimInstance("Lab_Widget", {"Value": value})


def test_names_ignore_case_and_keep_their_spelling() -> None:
    widget = CimInstance("Lab_Widget", {"ID": "7", "Name": None})

    assert widget["id"] == widget["ID"] == "7"
    assert "iD" in widget
    assert "Nam" not in widget
    assert not widget.__contains__(7)
    assert list(widget) == ["ID", "Name"]
    assert widget.get("missing", "default") == "default"
    assert dict(widget) == {"ID": "7", "Name": None}
    with pytest.raises(KeyError):
        widget["missing"]


def test_equality_ignores_the_case_of_names_and_the_order_of_properties() -> None:
    one = CimInstance("Lab_Widget", {"A": "1", "B": ["x"]})
    assert one == CimInstance("LAB_WIDGET", {"b": ["x"], "a": "1"})
    assert one != CimInstance("Lab_Widget", {"A": "1", "B": ["y"]})
    assert one != CimInstance("Lab_Other", {"A": "1", "B": ["x"]})
    assert one != {"A": "1", "B": ["x"]}


def test_an_instance_does_not_change_with_the_dictionary_it_was_made_of() -> None:
    properties: dict[str, CimValue] = {"A": "1"}
    widget = CimInstance("Lab_Widget", properties)
    properties["B"] = "2"
    assert list(widget) == ["A"]
    with pytest.raises(AttributeError):
        widget.class_name = "Other"  # type: ignore[misc]


@pytest.mark.parametrize("value", [None, "", "text"])
def test_text_is_text_or_none(value: CimValue) -> None:
    assert instance(value).text("value") == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0),
        ("-1", -1),
        (" 42 ", 42),
        ("18446744073709551615", 2**64 - 1),
        ("4294967295", 2**32 - 1),
        (7, 7),
    ],
)
def test_integers_of_any_width(value: CimValue, expected: int | None) -> None:
    assert instance(value).integer("VALUE") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), ("true", True), ("FALSE", False), ("1", True), ("0", False), (" True ", True), (False, False)],
)
def test_booleans(value: CimValue, expected: bool | None) -> None:
    assert instance(value).boolean("Value") is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, []), ("", [""]), ("one", ["one"]), (["a", "b"], ["a", "b"]), (["a", None], ["a"]), ([], [])],
)
def test_arrays_of_text(value: CimValue, expected: list[str]) -> None:
    assert instance(value).strings("Value") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, None), (NOW, NOW), (NEVER, None), (NEVER - timedelta(hours=1), None), (NEVER + timedelta(hours=14), None)],
)
def test_moments_and_the_never_of_windows(value: CimValue, expected: datetime | None) -> None:
    assert instance(value).moment("Value") == expected


def test_a_missing_property_reads_as_null() -> None:
    empty = CimInstance("Lab_Widget", {})
    assert [empty.text("x"), empty.integer("x"), empty.boolean("x"), empty.strings("x"), empty.moment("x")] == [
        None,
        None,
        None,
        [],
        None,
    ]


SECRET = "canary"


@pytest.mark.parametrize(
    ("reader", "value", "expected"),
    [
        ("text", [SECRET, SECRET], "text"),
        ("text", NOW, "text"),
        ("integer", SECRET, "an integer"),
        ("integer", "1.5", "an integer"),
        ("integer", "", "an integer"),
        ("integer", True, "an integer"),
        ("integer", "\u0661", "an integer"),
        ("boolean", SECRET, "a boolean"),
        ("boolean", "2", "a boolean"),
        ("boolean", [SECRET], "a boolean"),
        ("strings", [SECRET, NOW], "an array of text"),
        ("strings", NOW, "an array of text"),
        ("strings", Reference(SECRET, {}), "an array of text"),
        ("strings", CimInstance("Lab_Part", {"a": SECRET}), "an array of text"),
        ("moment", SECRET, "a date and time"),
        ("moment", timedelta(1), "a date and time"),
    ],
)
def test_a_value_of_another_type_is_an_error_that_does_not_show_it(reader: str, value: CimValue, expected: str) -> None:
    with pytest.raises(BadReply) as caught:
        getattr(instance(value), reader)("Value")
    assert caught.value.message == f"The property Value of Lab_Widget is not {expected}."
    assert SECRET not in repr(caught.value)
