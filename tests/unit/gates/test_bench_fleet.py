# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet figures of the bench: the cheap machines answer as the lab does, and the limits are those of the issue."""

from __future__ import annotations

import pytest

from ansible_collections.volact.kms.plugins.plugin_utils._spp import Licensing, Scope, inspect_client
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply
from bench.cost import Cost
from bench.fleet import figures, inventory_document
from bench.fleet_endpoint import ADDRESSES, COUNT, Answers


class Canned:
    """A transport to one of the machines."""

    endpoint = "http://win.example.test:5985/wsman"

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        return HttpReply(200, self._answers.to(envelope))


def test_the_machines_answer_as_the_lab_does_again_and_again() -> None:
    answers = Answers()
    for _machine in range(3):
        result = inspect_client(Licensing(CimSession(Canned(answers))), Scope.WINDOWS)
        assert [product["channel"] for product in result["products"]] == ["kms_client"]


def test_there_are_a_thousand_of_them_and_one_in_ten_may_be_dead() -> None:
    assert len(set(ADDRESSES)) == COUNT == 1000
    groups = inventory_document()["all"]["children"]
    assert {name: len(group["hosts"]) for name, group in groups.items()} == {"one": 1, "thousand": 1000, "holed": 1000}
    assert sum(name.startswith("hole") for name in groups["holed"]["hosts"]) == 100


@pytest.mark.parametrize(
    ("fleet_cpu", "fleet_wall", "holed_wall", "mebibytes", "within"),
    [
        (12.0, 6.0, 10.9, 300, [True, True, True, True]),
        (42.1, 6.0, 6.0, 300, [False, True, True, True]),
        (12.0, 12.0, 12.0, 300, [True, False, True, True]),
        (12.0, 6.0, 11.1, 301, [True, True, False, False]),
    ],
)
def test_the_limits_are_those_of_the_issue(
    fleet_cpu: float, fleet_wall: float, holed_wall: float, mebibytes: float, within: list[bool]
) -> None:
    runs = {
        ("fleet_info", "one"): [Cost(9.0, 3.0), Cost(2.0, 2.0)],
        ("fleet_info", "thousand"): [Cost(99.0, 99.0), Cost(fleet_cpu, fleet_wall)],
        ("fleet_info", "holed"): [Cost(fleet_cpu, holed_wall)],
        ("client_info", "one"): [Cost(2.0, 2.75)],
        ("client_info", "thousand"): [Cost(102.0, 34.0)],
    }
    found = figures(runs, mebibytes)
    assert [figure.ok() for figure in found if figure.limit is not None] == within
