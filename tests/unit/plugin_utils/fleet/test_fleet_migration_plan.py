# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a migration: what it says of fleets of every size, of two hosts, of clones and of a run that was cut."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from migration_site import (
    EVALUATION,
    HOME,
    SERVER,
    Record,
    clients,
    endpoints,
    host,
    office,
    office_host,
    record,
    servers,
    srv,
    unreachable,
    windows,
)

from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_journal import Journal
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_machines import Rules
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_plan import (
    Wishes,
    batch_size,
    plan_migration,
)
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_words import plan_result
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Channel, Scope


def plan(
    fleet: list[Record],
    *hosts: Record,
    dns: Record | None = None,
    ports: Record | None = None,
    journal: Journal | None = None,
    **wishes: Any,
) -> dict[str, Any]:
    """The result for a fleet; without hosts: kms01, which counts nobody, alone in DNS."""
    found = plan_migration(fleet, hosts or [host()], dns or srv("kms01"), ports, Wishes(**wishes), journal)
    return plan_result(found)


def seeded(result: dict[str, Any]) -> list[str]:
    return [each["machine"] for each in result["seed"]]


def reasons(result: dict[str, Any]) -> dict[str, str]:
    return {each["machine"]: each["reason"] for each in result["blocked"]}


@pytest.mark.parametrize(("size", "missing"), [(3, 22), (24, 1)])
def test_too_few_clients_are_left_as_they_are(size: int, missing: int) -> None:
    result = plan(clients(size))
    assert (result["verdict"], result["missing"], result["seed"], result["moves"]) == ("not_ready", missing, [], {})
    assert f"{missing} machine{'s are' if missing > 1 else ' is'} missing" in result["sentence"]
    assert f"Windows clients need a count of 25, and kms01.corp.example.test would get to {size}" in result["sentence"]
    assert "Nothing was changed" in result["sentence"]


@pytest.mark.parametrize("size", [25, 26, 200])
def test_the_seed_is_as_small_as_the_threshold(size: int) -> None:
    result = plan(clients(size))
    assert (result["verdict"], len(result["seed"]), result["missing"]) == ("ready_after_seed", 25, 0)
    assert {each["kms_host"] for each in result["seed"]} == {"kms01.corp.example.test"}
    assert result["waves"]["machines"] == size - 25
    assert sum(result["waves"]["sizes"]) == size - 25
    assert "Ready after a seed of 25 on kms01.corp.example.test" in result["sentence"]


def test_what_the_host_counts_already_makes_the_seed_smaller() -> None:
    assert len(plan(clients(10), host(count=20))["seed"]) == 5
    result = plan(clients(10), host(count=25))
    assert (result["verdict"], len(result["seed"]), result["seed"][0]["kms_host"]) == ("ready", 1, None)
    assert result["sentence"].startswith("Ready: kms01.corp.example.test counts enough")


def test_servers_need_five_and_count_for_clients_too() -> None:
    assert plan(servers(4))["missing"] == 1
    assert len(plan(servers(5))["seed"]) == 5
    mixed = plan(servers(20) + clients(5))
    assert (mixed["verdict"], len(mixed["seed"])) == ("ready_after_seed", 25)
    # Servers, which are activated from a count of 5 on, go before clients.
    more = plan(servers(25) + clients(5))
    assert all(name.startswith("srv") for name in seeded(more))


def test_clients_that_cannot_be_activated_stay_while_servers_move() -> None:
    result = plan(servers(6) + clients(3))
    assert result["verdict"] == "ready_after_seed"
    assert set(result["moves"]) == {f"srv{number:03}" for number in range(1, 7)}
    assert reasons(result) == {
        f"win{number:03}": "the count for its Windows would be 9 of 25" for number in range(1, 4)
    }
    assert "3 machines (windows) cannot be moved" in result["sentence"]


def test_clients_that_stay_do_not_count_for_servers() -> None:
    result = plan(servers(3) + clients(5))
    assert (result["verdict"], result["moves"]) == ("not_ready", {})
    assert {(pool["class"], pool["reach"]) for pool in result["pools"]} == {
        ("windows_client", 8),
        ("windows_server", 3),
    }


def test_office_has_counts_of_its_own() -> None:
    both = [windows(), office()]
    result = plan(clients(30, *both), host(count=30, y2021=0))
    assert (len(result["seed"]), result["moves"]["win001"]["product"]) == (5, "all")
    pools = {pool["pool"]: pool for pool in result["pools"]}
    assert (pools["windows"]["seed"], pools["office-2021"]["seed"]) == (0, 5)
    without = plan(clients(30, *both), host(count=30))
    assert {move["product"] for move in without["moves"].values()} == {"windows"}
    assert "no key of kms01 serves its Office 2021" in reasons(without)["win001"]


def test_each_release_of_office_counts_for_itself() -> None:
    fleet = clients(4, office(year=2021)) + clients(6, office(year=2019), start=5)
    result = plan(fleet, office_host("kms01", y2021=0, y2019=0), rules=Rules(scope=Scope.OFFICE))
    assert set(result["moves"]) == {f"win{number:03}" for number in range(5, 11)}
    assert reasons(result)["win001"] == "the count for its Office 2021 would be 4 of 5"


def test_an_office_only_host_moves_office_alone() -> None:
    fleet = clients(6, windows(), office())
    result = plan(fleet, office_host("kms01", y2021=0))
    assert {move["product"] for move in result["moves"].values()} == {"office"}
    assert result["hosts"][0]["office_only"]
    assert reasons(result)["win001"] == "no key of kms01 serves its Windows"


def test_office_of_two_hosts_takes_two_plans() -> None:
    fleet = clients(30, windows(), office())
    hosts = [host("kms01", 30), office_host("kms02", y2021=7)]
    names = srv("kms01", ("kms02", 10))
    assert plan(fleet, *hosts, dns=names)["moves"]["win001"]["product"] == "windows"
    result = plan(fleet, *hosts, dns=names, host="kms02", rules=Rules(scope=Scope.OFFICE))
    assert (result["host"]["name"], result["moves"]["win001"]["product"]) == ("kms02", "office")


def test_machines_with_equal_cmids_count_once_and_are_named() -> None:
    fleet = clients(20) + clients(10, start=21, cmid="clone")
    result = plan(fleet)
    assert (result["verdict"], result["missing"]) == ("not_ready", 4)
    assert "9 machines more would count if no CMIDs were shared: rearm the clones" in result["sentence"]
    (shared,) = result["duplicate_cmids"]
    assert shared == {"cmid": "clone", "machines": [f"win{number:03}" for number in range(21, 31)]}
    enough = plan(clients(24) + clients(10, start=25, cmid="clone"))
    assert enough["verdict"] == "ready_after_seed"
    assert len(set(seeded(enough)) & set(enough["duplicate_cmids"][0]["machines"])) == 1
    assert any("rearm them" in line for line in enough["advice"])


def test_a_clone_of_a_machine_that_is_counted_adds_nothing() -> None:
    counted = windows("kms_client", discovered_kms_host="kms01.corp.example.test")
    fleet = [record("done", counted, cmid="clone"), record("win001", cmid="clone"), record("win002")]
    assert plan(fleet, host(count=23))["missing"] == 1
    assert plan(fleet, host(count=24))["verdict"] == "ready_after_seed"


def test_a_machine_that_was_counted_a_month_ago_counts_anew() -> None:
    old = windows("kms_client", discovered_kms_host="kms01.corp.example.test", grace_minutes=259200 - 31 * 1440)
    fleet = [record("done", old, cmid="clone"), record("win001", cmid="clone")]
    assert plan(fleet, host(count=24))["verdict"] == "ready_after_seed"


def test_machines_that_cannot_move_are_named_with_the_reason() -> None:
    fleet = [
        *clients(25),
        record("home", system=HOME),
        record("eval", system=EVALUATION),
        record("retail", windows("retail")),
        record("nokey", office("kms_client", status=1)),
        record("cloud", pin="azkms.core.windows.net"),
        record("pinned", pin="kms-old.corp.example.test"),
        record("late", clock_skew_seconds=-5 * 3600),
        record("kms01", is_kms_host=True),
        record("token", windows("kms_client", status=5, activation_type_enabled=3)),
        record("new", system={**SERVER, "build": 26100}),
    ]
    found = reasons(plan(fleet))
    assert "no client setup key" in found["home"]
    assert "evaluation edition" in found["eval"]
    assert found["retail"] == "its Windows has a retail key, which is not to be moved"
    assert found["nokey"] == "its Windows has no key"
    assert found["cloud"] == "it is pinned to azkms.core.windows.net, the KMS host of its cloud provider"
    assert found["pinned"] == "it is pinned to kms-old.corp.example.test, and is not to be unpinned"
    assert found["late"].startswith("its clock is 5.0 hours off")
    assert found["kms01"] == "it is a KMS host"
    assert found["token"] == "its Windows may be activated by token only"
    assert found["new"] == "no key of kms01 serves its Windows"
    assert len(found) == 10


def test_what_may_be_moved_is_a_wish() -> None:
    fleet = clients(25, windows("retail"))
    assert plan(fleet)["moves"] == {}
    retail = Rules(from_channels=frozenset({Channel.RETAIL}))
    assert len(plan(fleet, rules=retail)["moves"]) == 25
    pinned = clients(25, pin="kms-old.corp.example.test")
    assert len(plan(pinned, rules=Rules(unpin=True))["moves"]) == 25


def test_machines_that_could_not_be_read_are_left_for_the_next_time() -> None:
    fleet = [*clients(25), {"machine": "off", "status": "unreachable", "msg": "No route."}]
    result = plan(fleet)
    assert result["unread"] == [{"machine": "off", "reason": "No route."}]
    assert (result["counts"]["unread"], result["counts"]["moving"]) == (1, 25)


def test_canaries_go_first_and_one_of_each_subnet() -> None:
    fleet = clients(60)
    subnets = {f"win{number:03}": f"net{number % 4}" for number in range(1, 61)}
    result = plan(fleet, subnets=subnets, canaries=frozenset({"win040", "win050"}))
    first = {each["machine"]: (each["why"], each["subnet"]) for each in result["seed"]}
    assert len(first) == 25
    assert first["win040"][0] == first["win050"][0] == "canary"
    assert {subnet for _why, subnet in first.values()} == {"net0", "net1", "net2", "net3"}
    ready = plan(fleet, host(count=40), subnets=subnets, canaries=frozenset({"win040"}))
    assert len(ready["seed"]) == 4
    assert {each["why"] for each in ready["seed"]} == {"canary", "first of its subnet"}


def test_nothing_is_moved_to_a_host_that_machines_would_not_find() -> None:
    fleet = clients(30)
    for dns, why in (
        (srv(), "DNS names no KMS host in corp.example.test"),
        (srv("kms-old"), "DNS does not name kms01 in corp.example.test"),
        ({"failed": True, "msg": "The server did not answer."}, "DNS could not be read: The server did not answer."),
    ):
        result = plan(fleet, dns=dns)
        assert (result["verdict"], result["moves"]) == ("not_ready", {})
        assert why in result["sentence"]
        # Who pins them for good needs no DNS.
        assert plan(fleet, dns=dns, keep_pinned=True)["verdict"] == "ready_after_seed"


def test_a_stale_record_is_told_and_stops_nobody() -> None:
    dns = srv("kms01", ("kms-old", 0, "timeout"))
    result = plan(clients(30), dns=dns)
    assert (result["verdict"], result["waves"]["pinned"]) == ("ready_after_seed", False)
    assert any(
        "DNS names kms-old.corp.example.test, and no KMS host answers there" in line for line in result["advice"]
    )


def test_a_host_that_nobody_knows_keeps_machines_pinned() -> None:
    result = plan(clients(30), dns=srv("kms01", "kms-secret"))
    assert result["waves"]["pinned"]
    assert any("DNS also names kms-secret.corp.example.test" in line for line in result["advice"])
    later = plan(clients(30), dns=srv("kms01", ("kms-secret", 10)))
    assert not later["waves"]["pinned"]


def test_two_hosts_are_both_seeded_where_there_are_machines_for_both() -> None:
    hosts, dns = [host("kms01", 10), host("kms02", 0)], srv("kms01", "kms02")
    result = plan(clients(60), *hosts, dns=dns)
    asked = [each["kms_host"].split(".")[0] for each in result["seed"]]
    assert (asked.count("kms01"), asked.count("kms02")) == (15, 25)
    assert not result["waves"]["pinned"]


def test_two_hosts_and_machines_for_one_stay_pinned_to_it() -> None:
    hosts, dns = [host("kms01", 10), host("kms02", 0)], srv("kms01", "kms02")
    result = plan(clients(30), *hosts, dns=dns)
    assert {each["kms_host"] for each in result["seed"]} == {"kms01.corp.example.test"}
    assert (len(result["seed"]), result["waves"]["pinned"]) == (15, True)
    assert any(
        "kms02.corp.example.test, which DNS names as well, lacks 25 machines" in line for line in result["advice"]
    )


def test_the_host_that_can_be_used_is_chosen() -> None:
    hosts = [unreachable("kms01"), host("kms02", 30)]
    dead = plan(clients(5), *hosts, dns=srv("kms01", "kms02"), ports=endpoints(kms01="timeout", kms02="kms"))
    assert (dead["host"]["name"], dead["verdict"], dead["waves"]["pinned"]) == ("kms02", "ready", False)
    # A host whose count nobody knows may be asked, too.
    unknown = plan(clients(5), *hosts, dns=srv("kms01", "kms02"))
    assert unknown["waves"]["pinned"]
    none = plan(clients(5), unreachable("kms01"))
    assert none["verdict"] == "not_ready"
    assert "kms01 could not be read: kms01 does not answer." in none["sentence"]
    unlicensed = host("kms01", 0, windows("kms_host", status=5))
    assert "the KMS host key of kms01 is not activated (Notification)" in plan(clients(5), unlicensed)["sentence"]


def test_a_run_that_was_cut_goes_on_where_it_stopped() -> None:
    waiting = windows("kms_client", status=5)
    asked = {**waiting, "discovered_kms_address": "192.0.2.10"}
    pin = "kms01.corp.example.test"
    fleet = clients(10, asked, pin=pin) + clients(5, waiting, start=11, pin=pin) + clients(10, start=16)
    journal = Journal({f"win{number:03}": {"kms_host": None} for number in range(1, 26)})
    # Ten were counted, five have their key and had not asked, ten are as they were.
    result = plan(fleet, host(count=10), journal=journal)
    assert (result["verdict"], len(result["seed"])) == ("ready_after_seed", 25)
    assert {f"win{number:03}" for number in range(1, 16)} <= set(seeded(result))
    assert {pool["reach"] for pool in result["pools"]} == {25}


def test_a_machine_that_failed_before_keeps_no_subnet_waiting() -> None:
    fleet = [*clients(1, windows("kms_client", status=5)), *clients(4, start=2)]
    assert seeded(plan(fleet, host(count=30))) == ["win002"]


def test_what_an_earlier_run_left_pinned_is_unpinned() -> None:
    pin = "kms01.corp.example.test"
    done = windows("kms_client", discovered_kms_host=pin)
    fleet = [record("ours", done, pin=pin), record("theirs", done, pin=pin), *clients(3)]
    journal = Journal({"ours": {"kms_host": None}, "theirs": {"kms_host": pin}})
    assert plan(fleet, host(count=30), journal=journal)["unpin"] == ["ours"]
    assert plan(fleet, host(count=30), journal=journal, keep_pinned=True)["unpin"] == []
    rest = plan(fleet[:2], host(count=30), journal=journal)
    assert rest["sentence"] == (
        "There is nothing to move: 2 machines are activated by KMS already. 1 machine of an earlier run will be "
        "unpinned."
    )


def test_nothing_left_to_move_is_no_failure() -> None:
    done = windows("kms_client", discovered_kms_host="kms01.corp.example.test")
    result = plan(clients(25, done), unreachable("kms01"))
    assert (result["verdict"], result["already"], result["seed"]) == ("ready", 25, [])
    assert result["sentence"] == "There is nothing to move: 25 machines are activated by KMS already."


def test_the_budget_for_rollback_counts_what_earlier_runs_spent() -> None:
    journal = Journal({}, {"win001": 2, "win002": 1})
    result = plan(clients(25), rollback=True, mak_budget=5, journal=journal)
    assert result["rollback"] == {"wanted": True, "budget": 5, "spent": 3, "left": 2}
    used = plan(clients(25), rollback=True, mak_budget=3, journal=journal)
    assert used["rollback"]["left"] == 0
    assert any("No MAK activation is left for a rollback" in line for line in used["advice"])


def test_a_backup_host_that_could_not_take_over_is_told() -> None:
    result = plan(clients(30), host("kms01", 30), host("kms02", 3), dns=srv("kms01", ("kms02", 10)))
    assert (result["verdict"], result["waves"]["pinned"]) == ("ready", False)
    assert any("kms02.corp.example.test (priority 10 in DNS) cannot take over" in line for line in result["advice"])


@pytest.mark.parametrize(("batch", "machines", "size"), [("10%", 175, 17), ("10%", 3, 1), ("40", 10, 40), ("0", 9, 1)])
def test_a_wave_is_a_number_or_a_share(batch: str, machines: int, size: int) -> None:
    assert batch_size(batch, machines) == size


FLEETS = st.tuples(
    st.integers(0, 40), st.integers(0, 12), st.integers(0, 6), st.integers(0, 50), st.integers(1, 5), st.booleans()
)


@given(FLEETS)
def test_whatever_is_moved_reaches_its_threshold(numbers: tuple[int, int, int, int, int, bool]) -> None:
    client_number, server_number, cloned, count, nets, second = numbers
    fleet = clients(client_number) + servers(server_number) + clients(cloned, start=100, cmid="clone")
    hosts = [host("kms01", count)] + ([host("kms02", count // 2)] if second else [])
    subnets = {each["machine"]: f"net{number % nets}" for number, each in enumerate(fleet)}
    dns = srv(*(each["name"] for each in hosts))
    result = plan_result(plan_migration(fleet, hosts, dns, None, Wishes(subnets=subnets)))
    moved = result["moves"]
    cmids = {each["machine"]: each["kms_client"]["cmid"] for each in fleet}
    counts = {each["name"]: each["counts"]["windows"] for each in result["hosts"]}
    asked: dict[str, set[str]] = {name: set() for name in counts}
    for each in result["seed"]:
        if each["kms_host"]:
            asked[each["kms_host"].split(".")[0]].add(cmids[each["machine"]])
    if moved:
        needed = 25 if any(name.startswith("win") for name in moved) else 5
        assert counts["kms01"] + len(asked["kms01"]) >= needed
        if second and not result["waves"]["pinned"]:
            assert counts["kms02"] + len(asked["kms02"]) >= needed
        assert {moved[name]["subnet"] for name in moved} == {each["subnet"] for each in result["seed"]}
    assert len(seeded(result)) == len(set(seeded(result)))
    assert set(seeded(result)) <= set(moved)
    assert sum(result["waves"]["sizes"]) == result["waves"]["machines"] == len(moved) - len(result["seed"])
    assert (result["verdict"] == "not_ready") == bool(fleet and not moved)


def test_a_plan_is_made_of_values_alone() -> None:
    found = plan_migration(clients(25), [host()], srv("kms01"), None, Wishes())
    assert found == dataclasses.replace(found)
