# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kill test finds each fault that it looks for, and spreads its points over a whole run."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from kill.__main__ import chosen_points
from kill.sites import KMS_HOST, ROLLBACK, SCENARIOS, SEED_AND_WAVES, Scenario
from kill.verdict import INSTALL_KEY, Ending, spent_twice, unfinished

Document = dict[str, Any]
MAK, HOST_KEY = "MKNWT", "KMNHT"


def ending(scenario: Scenario, change: Callable[[Document], object] = lambda document: None) -> Ending:
    """How a migration ends that went well, changed."""
    host = {"requests": {"by_license_status": [0] * 7}, "pools": {"windows": {"count": 0}}}
    keys = [
        {"last_five": MAK, "kind": "mak", "activations_used": 8},
        {"last_five": HOST_KEY, "kind": "kms_host", "activations_used": 1},
    ]
    product = {"license_status": 1, "activated_by": "kms", "kms_machine": None}
    before: Document = {"machines": {KMS_HOST: {"kms_host": host}}, "microsoft": {"keys": keys, "requests": 0}}
    after = copy.deepcopy(before)
    document: Document = {"before": before, "after": after, "machines": {}, "journal": []}
    for name, products in scenario.products.items():
        after["machines"][name] = {
            "service": {"kms_machine": None},
            "products": [dict(product) for _product in range(products)],
        }
        document["machines"][name] = {INSTALL_KEY: {"requests": products}}
        document["journal"].append(
            {"machine": name, "former": {"kms_host": None, "products": [{"channel": "mak"}] * products}},
        )
    after["machines"][KMS_HOST]["kms_host"]["pools"]["windows"]["count"] = len(scenario.products)
    change(document)
    journal = "".join(f"{json.dumps(entry)}\n" for entry in document["journal"])
    return Ending(before, after, {"machines": document["machines"]}, journal + '{"machine": "srv')


def machine(document: Document, name: str = "srv01") -> Document:
    found: Document = document["after"]["machines"][name]
    return found


def rollback(document: Document, times: int = 1) -> Document:
    document["journal"] += [{"machine": "srv01", "rollback": True}] * times
    return document


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: str(scenario.name))
def test_a_migration_that_went_well_has_no_fault(scenario: Scenario) -> None:
    assert unfinished(scenario, ending(scenario)) == []
    assert spent_twice(scenario, ending(scenario)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: machine(d)["products"][0].update(license_status=5), "srv01: 0 of 1 products are activated by KMS"),
        (lambda d: machine(d)["products"][0].update(activated_by="mak"), "srv01: 0 of 1 products are activated by KMS"),
        (lambda d: machine(d)["service"].update(kms_machine="kms01"), "srv01 is still pinned to kms01"),
        (lambda d: machine(d)["products"][0].update(kms_machine="kms02"), "srv01 is still pinned to kms02"),
    ],
)
def test_a_machine_that_is_not_where_it_should_be_is_a_fault(change: Callable[[Document], object], fault: str) -> None:
    assert unfinished(ROLLBACK, ending(ROLLBACK, change)) == [fault]


def spend(document: Document, key: int) -> Document:
    document["after"]["microsoft"]["keys"][key]["activations_used"] += 1
    return document


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: spend(d, 0), "1 activations of the key MKNWT were spent, and 0 rollbacks were chosen"),
        (
            lambda d: spend(rollback(d), 1),
            "1 activations of the key KMNHT were spent, and 1 rollbacks were chosen",
        ),
        (
            lambda d: d["after"]["microsoft"].update(requests=1),
            "Microsoft was asked for 1 activations, and 0 rollbacks were chosen",
        ),
        (lambda d: rollback(d, 3), "3 rollbacks were chosen, and the budget is 2"),
        (
            lambda d: d["machines"]["srv01"][INSTALL_KEY].update(requests=2),
            "srv01: 2 keys were installed, and it takes 1",
        ),
        (
            lambda d: machine(d, KMS_HOST)["kms_host"]["requests"].update(by_license_status=[0, 1, 0, 0, 0, 0, 0]),
            "1 requests for an activation came from machines that were activated already",
        ),
        (
            lambda d: machine(d, KMS_HOST)["kms_host"]["pools"]["windows"].update(count=9),
            "kms01 counts 9 more machines for windows than before, not 8",
        ),
        (lambda d: d["journal"].append(d["journal"][0]), "srv01: what it was is in the journal 2 times"),
        (lambda d: d["journal"].pop(0), "srv01: what it was is in the journal 0 times"),
    ],
)
def test_what_was_done_twice_is_a_fault(change: Callable[[Document], object], fault: str) -> None:
    assert spent_twice(ROLLBACK, ending(ROLLBACK, change)) == [fault]


def test_a_journal_that_has_a_state_of_the_migrations_own_making_is_a_fault() -> None:
    def change(document: Document) -> None:
        document["journal"][0]["former"]["products"][0]["channel"] = "kms_client"

    (fault,) = spent_twice(ROLLBACK, ending(ROLLBACK, change))
    assert fault.startswith("srv01: the journal does not have what it was, but {")


def test_points_are_spread_over_all_requests_and_repeat_with_the_seed() -> None:
    whole = {SEED_AND_WAVES.name: 301, ROLLBACK.name: 201}
    points = chosen_points(50, 7, whole)
    assert points == chosen_points(50, 7, whole)
    assert points != chosen_points(50, 8, whole)
    of_seed = [point.requests for point in points if point.scenario is SEED_AND_WAVES]
    of_rollback = [point.requests for point in points if point.scenario is ROLLBACK]
    assert [(requests - 1) // 10 for requests in of_seed] == list(range(30))
    assert [(requests - 1) // 10 for requests in of_rollback] == list(range(20))
    assert sum(point.seconds > 0 for point in points) == 16
