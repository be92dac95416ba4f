# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The algebra of SRV record sets: what a task adds, changes, removes, and leaves alone."""

from __future__ import annotations

import itertools

import dns.name
import pytest

from ansible_collections.volact.kms.plugins.module_utils._dns._records import (
    MAXIMUM_TTL,
    Desired,
    SrvRecord,
    SrvSet,
    State,
    plan,
)
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

OWNER = dns.name.from_text("_vlmcs._tcp.corp.example.test")


def record(text: str) -> SrvRecord:
    """A record from "priority weight port target"; the target is in corp.example.test."""
    priority, weight, port, target = text.split()
    return SrvRecord(int(priority), int(weight), int(port), dns.name.from_text(f"{target}.corp.example.test"))


def records(*texts: str) -> frozenset[SrvRecord]:
    return frozenset(record(text) for text in texts)


def present(*texts: str, ttl: int = 3600) -> Desired:
    return Desired.of(records(*texts), ttl, State.PRESENT)


def absent(*texts: str) -> Desired:
    return Desired.of(records(*texts), 3600, State.ABSENT)


def test_the_first_record_makes_a_set_with_the_wanted_ttl() -> None:
    steps = plan(SrvSet(), present("0 0 1688 kms01", ttl=600))
    assert steps
    assert steps.after == SrvSet(records("0 0 1688 kms01"), 600)
    assert steps.add == [record("0 0 1688 kms01")]
    assert steps.remove == []
    assert not steps.ttl_changes


def test_a_set_that_holds_the_wanted_records_needs_nothing() -> None:
    observed = SrvSet(records("0 0 1688 kms01", "5 5 1688 other"), 3600)
    assert not plan(observed, present("0 0 1688 kms01"))


def test_the_case_of_a_target_makes_no_difference() -> None:
    assert not plan(SrvSet(records("0 0 1688 KMS01"), 3600), present("0 0 1688 kms01"))


def test_adding_removes_nothing() -> None:
    observed = SrvSet(records("0 0 1688 other", "0 0 1690 kms01"), 3600)
    steps = plan(observed, present("0 0 1688 kms01"))
    assert steps.remove == []
    assert steps.after.records == observed.records | records("0 0 1688 kms01")


def test_another_priority_or_weight_replaces_the_record_of_the_same_endpoint() -> None:
    observed = SrvSet(records("0 0 1688 kms01", "10 1 1688 kms01", "0 0 1688 other"), 3600)
    steps = plan(observed, present("10 2 1688 kms01"))
    assert steps.remove == sorted(records("0 0 1688 kms01", "10 1 1688 kms01"))
    assert steps.add == [record("10 2 1688 kms01")]
    assert steps.after.records == records("10 2 1688 kms01", "0 0 1688 other")


def test_a_drifted_ttl_changes_and_keeps_every_record() -> None:
    observed = SrvSet(records("0 0 1688 kms01", "0 0 1688 other"), 60)
    steps = plan(observed, present("0 0 1688 kms01"))
    assert steps.ttl_changes
    assert steps.after == SrvSet(observed.records, 3600)
    assert steps.add == steps.remove == []


def test_absent_removes_every_record_of_the_endpoint_and_leaves_the_ttl() -> None:
    observed = SrvSet(records("0 0 1688 kms01", "9 9 1688 kms01", "0 0 1690 kms01", "0 0 1688 other"), 60)
    steps = plan(observed, absent("0 0 1688 kms01"))
    assert steps.after == SrvSet(records("0 0 1690 kms01", "0 0 1688 other"), 60)
    assert not steps.ttl_changes


def test_absent_of_the_last_record_leaves_an_empty_set() -> None:
    steps = plan(SrvSet(records("0 0 1688 kms01"), 60), absent("0 0 1688 kms01"))
    assert steps.after == SrvSet()
    assert not plan(steps.after, absent("0 0 1688 kms01"))


def test_a_plan_that_was_carried_out_leaves_nothing_to_plan() -> None:
    sets = [
        SrvSet(frozenset(chosen), ttl) if chosen else SrvSet()
        for size in range(4)
        for chosen in itertools.combinations(
            sorted(records("0 0 1688 a", "1 0 1688 a", "0 0 1690 a", "0 0 1688 b")), size
        )
        for ttl in (60, 3600)
    ]
    wanted = [present("0 0 1688 a"), present("1 0 1688 a", "0 0 1688 c"), absent("0 0 1688 a"), absent("0 0 1688 c")]
    for observed, desired in itertools.product(sets, wanted):
        after = plan(observed, desired).after
        assert not plan(after, desired)
        ours = {each.endpoint for each in desired.records}
        assert {each for each in observed.records if each.endpoint not in ours} <= after.records


def test_the_lines_of_a_set_are_those_of_a_zone_file_sorted() -> None:
    shown = SrvSet(records("10 0 1688 kms02", "0 5 1690 kms01"), 3600).lines(OWNER)
    assert shown == (
        "_vlmcs._tcp.corp.example.test. 3600 IN SRV 0 5 1690 kms01.corp.example.test.\n"
        "_vlmcs._tcp.corp.example.test. 3600 IN SRV 10 0 1688 kms02.corp.example.test.\n"
    )
    assert SrvSet().lines(OWNER) == ""


@pytest.mark.parametrize("text", ["-1 0 1688 a", "65536 0 1688 a", "0 65536 1688 a", "0 0 65536 a"])
def test_a_number_that_does_not_fit_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"of a\.corp\.example\.test\. is not between 0 and 65535"):
        record(text)


def test_a_target_has_to_be_absolute() -> None:
    with pytest.raises(BadInput, match="is not a full name"):
        SrvRecord(0, 0, 1688, dns.name.from_text("kms01", origin=None))


@pytest.mark.parametrize(
    ("wanted", "ttl", "message"),
    [
        ([], 3600, "The list of records is empty"),
        (["0 0 0 a"], 3600, r"The port 0 of a\.corp\.example\.test\. is not between 1 and 65535"),
        (["0 0 1688 a", "1 0 1688 A"], 3600, "is listed twice with different values"),
        (["0 0 1688 a"], -1, "The ttl -1 is not between"),
        (["0 0 1688 a"], MAXIMUM_TTL + 1, "The ttl 2147483648 is not between"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wanted: list[str], ttl: int, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Desired.of([record(text) for text in wanted], ttl, State.PRESENT)


def test_the_same_record_twice_is_one_record() -> None:
    assert len(Desired.of([record("0 0 1688 a"), record("0 0 1688 A")], 0, State.PRESENT).records) == 1


@pytest.mark.parametrize(("texts", "ttl"), [([], 60), (["0 0 1688 a"], None)])
def test_a_ttl_belongs_to_records(texts: list[str], ttl: int | None) -> None:
    with pytest.raises(ValueError, match="has a TTL exactly when it has records"):
        SrvSet(records(*texts), ttl)


def test_exclusive_leaves_the_wanted_records_alone_and_nothing_else() -> None:
    observed = SrvSet(records("0 0 1688 kms01", "5 5 1688 other", "0 0 1690 kms01"), 60)
    wanted = Desired.of(records("0 0 1688 kms01"), 3600, State.PRESENT, exclusive=True)
    steps = plan(observed, wanted)
    assert steps.after == SrvSet(records("0 0 1688 kms01"), 3600)
    assert steps.remove == sorted(records("5 5 1688 other", "0 0 1690 kms01"))
    assert not plan(steps.after, wanted)


def test_exclusive_does_not_go_with_absent() -> None:
    with pytest.raises(BadInput, match="The option exclusive goes with state: present only"):
        Desired.of(records("0 0 1688 kms01"), 3600, State.ABSENT, exclusive=True)


def test_a_set_is_shown_in_one_line() -> None:
    assert SrvSet().shown == "there are none"
    shown = SrvSet(records("5 5 1688 b", "0 0 1688 a"), 60).shown
    assert shown == "0 0 1688 a.corp.example.test., 5 5 1688 b.corp.example.test. with a TTL of 60"
