# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The further domains into which a host publishes its record, and the events that say how that went."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from spp_lab import HOST_KEY, InProcessLab, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Activate, DesiredHost, ProductKey, converge_host
from ansible_collections.volact.kms.plugins.plugin_utils._spp._events import (
    NOT_PUBLISHED,
    PUBLISHED,
    Publishing,
    newest_attempts,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._publishing import (
    PublishDomain,
    desired_domains,
    parse_lines,
    plan_domains,
    read_domains,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._registry import Registry
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimValue

BRANCH = PublishDomain("branch.example.test", 10, 20)
OTHER = PublishDomain("other.example.test")
MORNING = datetime(2026, 11, 22, 6, 0, tzinfo=timezone.utc)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def lab() -> InProcessLab:
    """A fresh site."""
    return new_lab()


def test_lines_are_read_with_and_without_numbers() -> None:
    lines = [
        "Branch.Example.Test., 10, 20",
        "other.example.test",
        "third.example.test,5",
        "",
        "fourth.example.test, x,",
    ]
    assert parse_lines(lines) == (
        BRANCH,
        OTHER,
        PublishDomain("third.example.test", 5),
        PublishDomain("fourth.example.test"),
    )


def test_a_list_is_written_as_lines_and_an_empty_one_deletes_the_value() -> None:
    [change] = plan_domains((), (BRANCH, OTHER))
    assert change.arguments == {"value": ("branch.example.test, 10, 20", "other.example.test, 0, 0")}
    assert (change.before, change.after) == (None, "branch.example.test, 10, 20; other.example.test, 0, 0")
    [change] = plan_domains((BRANCH,), ())
    assert (change.operation, change.before, change.after) == (
        "DeleteRegistryValue",
        "branch.example.test, 10, 20",
        None,
    )


def test_the_order_of_the_list_means_nothing() -> None:
    assert list(plan_domains((OTHER, BRANCH), (BRANCH, OTHER))) == []
    assert len(list(plan_domains((PublishDomain("branch.example.test"),), (BRANCH,)))) == 1


def test_options_become_domains_and_none_leaves_the_list_alone() -> None:
    assert desired_domains(None) is None
    assert desired_domains([]) == ()
    assert desired_domains([{"domain": "Branch.Example.Test.", "priority": 10, "weight": 20}]) == (BRANCH,)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([{"domain": "bad domain", "priority": 0, "weight": 0}], "'bad domain', which is no DNS domain"),
        ([{"domain": "a, 1, 2", "priority": 0, "weight": 0}], "which is no DNS domain"),
        ([{"domain": "", "priority": 0, "weight": 0}], "which is no DNS domain"),
        ([{"domain": "a.test", "priority": 70000, "weight": 0}], "priority 70000 for a.test"),
        ([{"domain": "a.test", "priority": 0, "weight": -1}], "weight -1 for a.test"),
        ([{"domain": "a.test", "priority": 0, "weight": 0}] * 2, "has a.test more than once"),
    ],
)
def test_domains_that_cannot_be_are_refused(options: list[dict[str, object]], part: str) -> None:
    with pytest.raises(BadInput, match=part) as caught:
        desired_domains(options)
    assert "Nothing was changed." in caught.value.message


def test_the_registry_keeps_lists(lab: InProcessLab) -> None:
    registry = Registry(lab.licensing("kms01").session)
    key = "SOFTWARE\\Example\\New"
    assert registry.strings(key, "list") is None
    registry.set_strings(key, "list", ["one", "two"])
    assert registry.strings(key, "list") == ("one", "two")
    registry.set_strings(key, "list", ["one"])
    assert registry.strings(key, "list") == ("one",)
    assert read_domains(registry) == ()


def test_a_text_can_be_written_without_creating_its_key(lab: InProcessLab) -> None:
    registry = Registry(lab.licensing("kms01").session)
    assert not registry.set_text("SOFTWARE\\Example\\New", "text", "value", create=False)
    assert registry.text("SOFTWARE\\Example\\New", "text") is None
    assert registry.set_text("SOFTWARE\\Example\\New", "text", "value")
    assert registry.set_text("SOFTWARE\\Example\\New", "text", "other", create=False)
    assert registry.text("SOFTWARE\\Example\\New", "text") == "other"


def test_a_host_gets_its_domains_in_four_runs_and_loses_them_again(lab: InProcessLab) -> None:
    key = DesiredHost(product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED)
    converge_host(lab.licensing("kms01"), key, check_mode=False)
    for domains, operation in (((BRANCH, OTHER), "SetRegistryValue"), ((), "DeleteRegistryValue")):
        desired = DesiredHost(publish_domains=domains)
        fresh = lab.site.state()
        predicted = converge_host(lab.licensing("kms01"), desired, check_mode=True)
        assert lab.site.state() == fresh
        applied = converge_host(lab.licensing("kms01"), desired, check_mode=False)
        assert predicted.operations == applied.operations
        assert operation in applied.operations
        assert "RestartService" in applied.operations
        for check_mode in (False, True):
            assert converge_host(lab.licensing("kms01"), desired, check_mode=check_mode).operations == []
        assert read_domains(Registry(lab.licensing("kms01").session)) == domains


def event(code: int, strings: list[str] | str, *, when: datetime = NOON, source: str | None = None) -> CimInstance:
    """A row of the Application log."""
    row: dict[str, CimValue] = {"EventCode": str(code), "InsertionStrings": strings, "TimeGenerated": when}
    return CimInstance("Win32_NTLogEvent", {**row, **({"SourceName": source} if source else {})})


@pytest.mark.parametrize(
    "strings",
    [
        ["0x80072338", "corp.example.test"],
        ["0x80072338, corp.example.test"],
        ["corp.example.test", "0x80072338"],
        "Publishing the Key Managment Service (KMS) to DNS in the 'corp.example.test' domain failed. Info: 0x80072338",
    ],
)
def test_a_failure_is_read_in_every_form_that_was_seen(strings: list[str] | str) -> None:
    assert newest_attempts([event(NOT_PUBLISHED, strings)]) == (
        Publishing(NOT_PUBLISHED, NOON, 0, 0x80072338, "corp.example.test"),
    )


def test_the_newest_attempt_of_each_domain_counts() -> None:
    rows = [
        event(NOT_PUBLISHED, ["0x80072338", "corp.example.test"], when=MORNING),
        event(PUBLISHED, ["Corp.Example.Test"]),
        event(NOT_PUBLISHED, ["0x8007232D", "branch.example.test"], when=MORNING),
    ]
    assert [(each.event, each.domain, each.code) for each in newest_attempts(rows)] == [
        (PUBLISHED, "corp.example.test", 0),
        (NOT_PUBLISHED, "branch.example.test", 0x8007232D),
    ]


def test_events_of_others_with_the_same_number_are_left_out() -> None:
    rows = [event(NOT_PUBLISHED, ["{b5946137-7b9f-4925-af80-51abd60b20d5}", "0x80070005"], source="VSS")]
    assert newest_attempts(rows) == ()
    rows = [event(NOT_PUBLISHED, ["0x80072338", "a.test"], source="Microsoft-Windows-Security-SPP")]
    assert len(newest_attempts(rows)) == 1


def test_an_event_that_says_less_is_still_an_attempt() -> None:
    assert newest_attempts([event(NOT_PUBLISHED, [])]) == (Publishing(NOT_PUBLISHED, NOON, 0, None, None),)
