# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between two waves of a migration: how machines are counted, who gets a MAK back, and when no wave begins."""

from __future__ import annotations

import socket
import time
import types
from collections.abc import Callable
from typing import Any, cast

import pytest
from migration_site import DOMAIN, OFFICE, WINDOWS, Record, host, office_host, unreachable, windows

from ansible_collections.volact.kms.plugins.action import migration_gate
from ansible_collections.volact.kms.plugins.action.migration_gate import ARGUMENT_SPEC, ActionModule
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Endpoint, Finding, Sighting
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_gate import last_results

TARGET = f"kms01.{DOMAIN}"
ADDRESS = "192.0.2.10"
ANSWERS = Sighting(ADDRESS, Status.KMS, "accepts the KMS interface")
REFUSES = Sighting(ADDRESS, Status.REFUSED, "refuses connections")

SWITCHED: Record = {"changed": True, "pending": False, "operations": ["InstallProductKey", "Activate"]}
ALREADY: Record = {"changed": False, "pending": False, "operations": []}
PENDING: Record = {**SWITCHED, "pending": True}
FAILED: Record = {"changed": True, "failed": True, "msg": "It broke.", "operations": ["InstallProductKey"]}
UNSERVED: Record = {**FAILED, "msg": "No KMS host.", "error": {"code": "0xC004F074"}}
UNREACHABLE: Record = {"changed": False, "unreachable": True, "msg": "It is off."}
SKIPPED: Record = {"changed": False, "skipped": True}


def moves(*names: str, product: str = "windows") -> Record:
    return {name: {"product": product, "subnet": "", "is_first": False} for name in names}


def plan(**differences: Any) -> Record:
    """A plan of servers that are moved to kms01."""
    return {
        "verdict": "ready",
        "sentence": "Ready.",
        "host": {"name": "kms01", "target": TARGET, "port": 1688},
        "pools": [{"verdict": "ready"}],
        "thresholds": {"windows": 5},
        "seed": [],
        "moves": moves("srv1", "srv2", "srv3", "srv4"),
        "rollback": {"wanted": False, "budget": None, "spent": 0, "left": None},
        **differences,
    }


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked, and for how long nobody was. The KMS host answers, unless a test says otherwise."""
    asked: list[str] = []
    answering(monkeypatch, asked, ANSWERS)
    return asked


def answering(monkeypatch: pytest.MonkeyPatch, asked: list[str], *sightings: Sighting) -> None:
    found = iter(sightings)

    def probe_all(endpoints: list[Endpoint], *, timeout: float, concurrency: int) -> list[Finding]:
        asked.append(f"{endpoints[0]} for {timeout:g} s, {concurrency} at a time")
        return [Finding(endpoints[0], (next(found, sightings[-1]),))]

    monkeypatch.setattr(migration_gate, "probe_all", probe_all)
    monkeypatch.setattr(time, "sleep", lambda seconds: asked.append(f"{seconds} s"))


def run(results: Record | None = None, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """The module with its defaults, for a KMS host that counts 20."""
    action = ActionModule.__new__(ActionModule)
    action._task = cast("Any", types.SimpleNamespace(check_mode=check))
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    given = {"plan": plan(), "host": host(count=20)["info"], "results": results or {}}
    return action.execute({**defaults, **given, **options})


def test_a_wave_may_begin_when_the_host_answers_and_counts_enough(knocks: list[str]) -> None:
    found = run(address=ADDRESS)
    assert knocks == ["192.0.2.10:1688 for 5 s, 1 at a time"]
    assert {name: found[name] for name in ("changed", "stop", "waves", "subnets", "give_back")} == {
        "changed": False,
        "stop": "",
        "waves": [],
        "subnets": [],
        "give_back": [],
    }
    assert found["host"]["counts"] == {"windows": 20}
    assert (found["host"]["name"], found["host"]["answers"], found["host"]["usable"]) == ("kms01", True, True)


def test_machines_are_counted_by_what_became_of_them(knocks: list[str]) -> None:
    results = {
        "srv1": SWITCHED,
        "srv2": ALREADY,
        "srv3": PENDING,
        "srv4": UNSERVED,
        "srv5": {"changed": True, "failed": True},
        "srv6": UNREACHABLE,
        "srv7": SKIPPED,
        "srv8": {},
    }
    assert run(results)["waves"] == [
        {
            "name": "wave 1",
            "switched": 1,
            "already": 1,
            "pending": ["srv3"],
            "rolled_back": [],
            "no_mak_back": {},
            "failed": {"srv4": "No KMS host.", "srv5": "It failed."},
            "unserved": 1,
            "unreachable": ["srv6"],
        }
    ]


def test_waves_are_numbered_without_the_seed(knocks: list[str]) -> None:
    waves: list[Record] = []
    for seed in (True, False, False):
        waves = run({"srv1": SWITCHED}, seed=seed, waves=waves)["waves"]
    assert [wave["name"] for wave in waves] == ["seed", "wave 1", "wave 2"]
    # A batch in which no machine was to be moved is no wave.
    assert run({"srv1": SKIPPED, "srv2": {}}, waves=waves)["waves"] == waves


@pytest.mark.parametrize(
    ("first", "second", "became"),
    [
        (PENDING, {**ALREADY, "changed": True}, {"changed": True, "pending": False}),
        # The key was installed, and meanwhile the machine has asked by itself.
        (PENDING, ALREADY, {"changed": True, "pending": False, "operations": PENDING["operations"]}),
        (PENDING, PENDING, {"pending": True, "operations": PENDING["operations"] * 2}),
        (PENDING, UNSERVED, {"failed": True, "msg": "No KMS host."}),
        (PENDING, UNREACHABLE, PENDING),
        (SWITCHED, SKIPPED, SWITCHED),
        (UNREACHABLE, SKIPPED, UNREACHABLE),
        (SWITCHED, {}, SWITCHED),
    ],
)
def test_what_a_machine_said_last_counts_and_what_was_done_stays_done(
    first: Record, second: Record, became: Record
) -> None:
    (found,) = last_results({"srv1": first, "srv2": SKIPPED}, {"srv1": second, "srv2": SKIPPED}).values()
    assert {name: found[name] for name in became} == became


def test_machines_asked_twice_are_counted_once(knocks: list[str]) -> None:
    found = run({"srv1": PENDING, "srv2": SWITCHED}, second_results={"srv1": ALREADY, "srv2": SKIPPED}, seed=True)
    assert (found["waves"][0]["switched"], found["waves"][0]["pending"]) == (2, [])


def test_a_subnet_is_open_when_its_first_machine_is_activated(knocks: list[str]) -> None:
    seed = [{"machine": f"srv{number}", "subnet": subnet} for number, subnet in enumerate(("a", "b", "c", "a"), 1)]
    results = {"srv1": SWITCHED, "srv2": PENDING, "srv3": ALREADY, "srv4": SWITCHED}
    assert run(results, plan=plan(seed=seed), seed=True)["subnets"] == ["a", "c"]


@pytest.mark.parametrize(
    ("address", "asked"), [(None, f"{TARGET}:1690"), ("2001:db8::10", "[2001:db8::10]:1690"), ("kms.", "kms:1690")]
)
def test_the_host_is_knocked_at_where_the_controller_reaches_it(
    knocks: list[str], address: str | None, asked: str
) -> None:
    elsewhere = plan(host={"name": "kms01", "target": TARGET, "port": 1690})
    assert run(plan=elsewhere, address=address, timeout=2)["stop"] == ""
    assert knocks == [f"{asked} for 2 s, 1 at a time"]


def test_a_host_that_does_not_answer_is_asked_twice_and_stops_the_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answering(monkeypatch, asked, REFUSES)
    expected = f"{TARGET} does not answer as a KMS host (192.0.2.10:1688 refuses connections)."
    assert run(address=ADDRESS)["stop"] == expected
    # What host_info says does not matter then.
    assert run(address=ADDRESS, host=unreachable("kms01")["info"])["stop"] == expected
    assert [each.partition(" for")[0] for each in asked] == ["192.0.2.10:1688", "2 s", "192.0.2.10:1688"] * 2
    answering(monkeypatch, asked, REFUSES, ANSWERS)
    assert run(address=ADDRESS)["stop"] == ""


def test_a_host_that_listens_to_nobody_is_really_knocked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        elsewhere = plan(host={"name": "kms01", "target": TARGET, "port": port})
        stop = run(plan=elsewhere, address="127.0.0.1")["stop"]
    assert stop.startswith(f"{TARGET} does not answer as a KMS host (127.0.0.1:{port} ")


@pytest.mark.parametrize(
    ("state", "stop"),
    [
        (host(count=4)["info"], f"{TARGET} counts 4 for windows, and 5 are needed."),
        (host(count=5)["info"], ""),
        (office_host("kms01", y2021=1)["info"], ""),
        ({"host": {"products": []}}, "kms01 has no KMS host key."),
        (host("kms01", 20, windows("kms_host", status=5))["info"], "the KMS host key of kms01 is not activated ("),
        # It answers: whoever cannot read it now may let the waves go on.
        (unreachable("kms01")["info"], ""),
        ({"skipped": True}, ""),
        ({}, ""),
    ],
)
def test_what_is_read_of_the_host_may_stop_the_waves(knocks: list[str], state: Record, stop: str) -> None:
    found = run(host=state)["stop"]
    assert found.startswith(stop) if stop else found == ""


def test_each_count_that_is_too_low_is_told(knocks: list[str]) -> None:
    low = plan(thresholds={"windows": 25, "office-2021": 5})
    assert run(plan=low, host=host(count=20, y2021=3)["info"])["stop"] == (
        f"{TARGET} counts 20 for windows, and 25 are needed. {TARGET} counts 3 for office-2021, and 5 are needed."
    )


def test_a_pretended_wave_has_lifted_no_count(knocks: list[str]) -> None:
    state = host(count=0)["info"]
    assert run(host=state, check=True)["stop"] == f"{TARGET} counts 0 for windows, and 5 are needed."
    assert run({"srv1": SWITCHED}, host=state, check=True)["stop"] == ""
    assert run({"srv1": SWITCHED}, host=state)["stop"] == f"{TARGET} counts 0 for windows, and 5 are needed."


@pytest.mark.parametrize(
    ("results", "stop"),
    [
        ([UNSERVED], "No KMS host answered 1 machine of the wave 1 (0xC004F074)."),
        ([UNSERVED, UNSERVED, SWITCHED], "No KMS host answered 2 machines of the wave 1 (0xC004F074)."),
        ([UNSERVED, ALREADY], ""),
        ([UNSERVED, SWITCHED, PENDING], ""),
        ([UNREACHABLE, UNREACHABLE], ""),
        ([FAILED, FAILED, FAILED, FAILED, FAILED, FAILED], "6 machines have failed, and mak_to_kms_max_failures is 5."),
    ],
)
def test_failures_of_a_wave_may_stop_the_next(knocks: list[str], results: list[Record], stop: str) -> None:
    assert run({f"srv{number}": result for number, result in enumerate(results)})["stop"] == stop


def test_failures_of_all_waves_count_and_those_without_a_host_only_in_the_last(knocks: list[str]) -> None:
    waves = run({"srv1": UNSERVED}, max_failures=1)["waves"]
    assert run({"srv2": SWITCHED}, waves=waves, max_failures=1)["stop"] == ""
    stop = run({"srv2": SWITCHED, "srv3": FAILED}, waves=waves, max_failures=1)["stop"]
    assert stop == "2 machines have failed, and mak_to_kms_max_failures is 1."
    one = run({"srv2": SWITCHED, "srv3": FAILED}, max_failures=0)["stop"]
    assert one == "1 machine has failed, and mak_to_kms_max_failures is 0."


def after(*products: tuple[str, int], operations: tuple[str, ...] = ("InstallProductKey", "Activate")) -> Record:
    """What client returned for a machine: its products by application and license status."""
    rows = [{"application_id": application, "license_status": status} for application, status in products]
    return {"changed": bool(operations), "operations": list(operations), "products": rows}


@pytest.mark.parametrize(
    ("result", "moved", "gets_it"),
    [
        (after((WINDOWS, 5)), "windows", True),
        (after((WINDOWS, 5), (OFFICE, 1)), "all", True),
        (after((WINDOWS, 1), (OFFICE, 5)), "all", False),
        (after((WINDOWS, 1), (OFFICE, 5)), "office", False),
        (after((WINDOWS, 5), (OFFICE, 5)), "office", False),
        (after((WINDOWS, 5), operations=()), "windows", False),
        # The connection broke, or the error came before: nobody knows what is there.
        ({"changed": True, "operations": ["InstallProductKey"]}, "windows", True),
        ({"changed": False, "msg": "no connection"}, "windows", False),
    ],
)
@pytest.mark.parametrize("fate", [{"failed": True}, {"pending": True}])
def test_who_has_lost_the_activation_of_windows_gets_a_mak_back(
    knocks: list[str], result: Record, fate: Record, moved: str, gets_it: bool
) -> None:
    of_one = plan(moves=moves("srv1", product=moved), rollback={"budget": 9, "left": 9})
    found = run({"srv1": {**result, **fate}}, plan=of_one, rollback=True)
    assert found["give_back"] == (["srv1"] if gets_it else [])


@pytest.mark.parametrize(("left", "given_back", "chosen"), [(9, 0, 3), (2, 0, 2), (3, 1, 2), (2, 3, 0), (None, 0, 0)])
def test_no_more_maks_are_given_back_than_the_budget_has(
    knocks: list[str], left: int | None, given_back: int, chosen: int
) -> None:
    results = {"srv1": FAILED, "srv2": PENDING, "srv3": SWITCHED, "srv4": UNSERVED}
    limited = plan(rollback={"budget": 9, "left": left})
    found = run(results, plan=limited, rollback=True, given_back=given_back)
    candidates = ["srv1", "srv4", "srv2"]
    assert found["give_back"] == candidates[:chosen]
    reason = "The budget (mak_to_kms_mak_budget: 9) is used up."
    assert found["waves"][0]["no_mak_back"] == dict.fromkeys(candidates[chosen:], reason)


@pytest.mark.parametrize(
    "differences",
    [
        {"rollback": False},
        {"check": True},
        {"plan": {name: value for name, value in plan(rollback={"left": 9}).items() if name != "moves"}},
    ],
)
def test_nobody_gets_a_mak_back_unasked_in_check_mode_or_in_a_slice(
    knocks: list[str], differences: dict[str, Any]
) -> None:
    found = run({"srv1": FAILED}, **{"plan": plan(rollback={"left": 9}), "rollback": True, **differences})
    assert (found["give_back"], found["waves"][0]["no_mak_back"]) == ([], {})


def without_moves() -> Record:
    found = plan(pools=[{"verdict": "ready"}, {"verdict": "not_ready"}])
    del found["moves"]
    return found


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (dict, "There is no plan, so nothing was changed. Run volact.kms.migrate_plan before"),
        (lambda: plan(verdict="not_ready", sentence="Not ready: 2 machines are missing."), "Not ready: 2 machines"),
        (without_moves, "Some machines of the plan cannot be moved yet, and this job does not know which"),
        (lambda: plan(host=None), "The plan has no KMS host, because there was nothing to move. Plan again."),
        (lambda: plan(host={"name": "kms01"}), "The KMS host of the plan lacks its name, target or port."),
        (lambda: plan(host="kms01"), "The KMS host of the plan lacks its name, target or port."),
    ],
)
def test_a_plan_that_lets_nobody_be_moved_is_refused_before_anybody_is_asked(
    knocks: list[str], make: Callable[[], Record], message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        run(plan=make())
    assert refused.value.message.startswith(message)
    assert knocks == []


@pytest.mark.parametrize("given", [{"results": {"srv1": 3}}, {"results": {}, "second_results": {"srv1": 3}}])
def test_what_is_no_result_is_refused_before_anybody_is_asked(knocks: list[str], given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"What is given for srv1 is no result of a module\. Give what"):
        run(**given)
    assert knocks == []


def test_some_that_cannot_be_moved_stay_as_they_are_where_the_moves_are_known(knocks: list[str]) -> None:
    assert run(plan=plan(pools=[{"verdict": "not_ready"}]))["stop"] == ""
