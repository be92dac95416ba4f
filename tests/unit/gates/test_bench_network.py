# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network figures of the bench: what counts as a round trip, and that one record stays within them."""

from __future__ import annotations

import dns.opcode
import pytest

from bench import network
from bench.cost import BenchError
from bench.network import NAME_SERVERS, network_figures, round_trips, tally

QUERY, UPDATE = int(dns.opcode.QUERY), int(dns.opcode.UPDATE)
ONE, TWO, THREE = NAME_SERVERS.values()
VERIFIED = [(ONE, QUERY), (TWO, QUERY), (THREE, QUERY)]


def test_the_update_ends_the_round_trips_and_begins_the_verification() -> None:
    assert tally([(ONE, QUERY), (ONE, QUERY), (ONE, UPDATE), *VERIFIED], ONE) == (3, 1)
    assert tally([(ONE, UPDATE), *VERIFIED, (TWO, QUERY)], ONE) == (1, 2)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([(ONE, QUERY), *VERIFIED], "One update"),
        ([(ONE, UPDATE), (ONE, UPDATE), *VERIFIED], "One update"),
        ([(TWO, QUERY), (ONE, UPDATE), *VERIFIED], "One update"),
        ([(ONE, UPDATE), *VERIFIED[:2]], "Not every name server"),
    ],
)
def test_what_is_no_single_update_gives_no_figure(asked: list[tuple[str, int]], message: str) -> None:
    with pytest.raises(BenchError, match=message):
        tally(asked, ONE)


def test_one_record_takes_three_round_trips_and_one_question_to_each_server_that_verifies() -> None:
    assert round_trips() == (3, 1)


def test_the_figures_have_the_limits_of_the_issue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "probe_times", lambda _repeat: [2.5, 1.5])
    monkeypatch.setattr(network, "round_trips", lambda: (4, 2))
    assert [(figure.value, figure.limit, figure.ok()) for figure in network_figures(2)] == [
        (1.5, 3, True),
        (4, 3, False),
        (2, 1, False),
    ]
