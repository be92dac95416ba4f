# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `lab set` changes in the shell, and how its names stand beside those of the core."""

from __future__ import annotations

import pytest

from lab.core.settings_by_name import VALUES as CORE_VALUES
from lab.shell.circumstances import VALUES, Circumstances
from lab.shell.errors import LabError


@pytest.fixture
def passed_on() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def circumstances() -> Circumstances:
    return Circumstances(["win01", "win02"], None)


def test_no_name_is_both_the_cores_and_the_shells() -> None:
    assert not set(VALUES) & set(CORE_VALUES)


def test_names_of_the_core_and_unknown_machines_are_the_cores(
    circumstances: Circumstances, passed_on: list[tuple[str, str, str]]
) -> None:
    def core(*words: str) -> None:
        passed_on.append(words)  # type: ignore[arg-type]

    circumstances.set("win01", "firewall", "off", core)
    circumstances.set("win99", "stall", "1", core)
    circumstances.set("win01", "stall", "1", core)
    assert passed_on == [("win01", "firewall", "off"), ("win99", "stall", "1")]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("nonsense", "1", r"'nonsense' is nothing that can be set; valid names are access=.*; certificate=.*; stall="),
        ("network", "down", "network='down' of win01 is not up, refused or black_hole"),
        ("request_seconds", "soon", "request_seconds='soon' of win01 is not seconds"),
        ("request_seconds", "nan", "request_seconds='nan' of win01 is not seconds"),
        ("stall", "soon", "stall='soon' of win01 is not a whole number N"),
        ("stall", "-1", "stall='-1' of win01 is not a whole number N"),
        ("certificate", "old", "certificate='old' of win01 is not valid, other_name, other_authority or expired"),
        ("certificate", "expired", "win01 has no HTTPS: set `https: true`"),
    ],
)
def test_a_wrong_name_or_value_is_one_sentence_with_the_valid_ones(
    circumstances: Circumstances, name: str, value: str, sentence: str
) -> None:
    with pytest.raises(LabError, match=sentence):
        circumstances.set("win01", name, value, lambda *_words: None)


def test_the_operation_that_is_named_stalls_and_no_other(circumstances: Circumstances) -> None:
    circumstances.set("win01", "stall", "3", lambda *_words: None)
    assert [circumstances.stalls("win01") for _operation in range(6)] == [False, False, True, False, False, False]
    assert not circumstances.stalls("win02")


def test_a_stall_is_taken_back_by_nought(circumstances: Circumstances) -> None:
    circumstances.set("win01", "stall", "1", lambda *_words: None)
    circumstances.set("win01", "stall", "0", lambda *_words: None)
    assert not circumstances.stalls("win01")


def test_a_machine_may_be_slow_or_not_there_from_the_beginning_or_later() -> None:
    circumstances = Circumstances(["win01", "win02"], None, request_seconds=0.25, black_holes=["win02"])
    assert circumstances.request_seconds == {"win01": 0.25, "win02": 0.25}
    assert circumstances.networks == {"win01": "up", "win02": "black_hole"}
    circumstances.set("win01", "network", "refused", lambda *_words: None)
    circumstances.set("win02", "request_seconds", "0", lambda *_words: None)
    assert circumstances.networks == {"win01": "refused", "win02": "black_hole"}
    assert circumstances.request_seconds == {"win01": 0.25, "win02": 0.0}
