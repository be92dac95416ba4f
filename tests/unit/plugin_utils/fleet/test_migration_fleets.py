# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for whole sites, in which everything comes together that other tests have one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from migration_site import Record, clients, host, office, record, servers, srv, windows

from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_plan import Wishes, plan_migration
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_words import plan_result


def plan(fleet: list[Record], hosts: list[Record], dns: Record, **wishes: Any) -> dict[str, Any]:
    return plan_result(plan_migration(fleet, hosts, dns, None, Wishes(**wishes)))


def test_200_machines_with_windows_and_office_on_two_hosts_in_four_subnets() -> None:
    fleet = [
        *clients(100, windows(), office(year=2021)),
        *clients(40, windows(), office(year=2019), start=101),
        *clients(6, start=141, cmid="clone"),
        *servers(50),
        *({"machine": f"off{number}", "status": "unreachable", "msg": "No route."} for number in range(4)),
    ]
    subnets = {each["machine"]: f"net{number % 4}" for number, each in enumerate(fleet)}
    hosts = [host("kms01", 12, y2021=2, y2019=9), host("kms02", 30, y2021=6, y2019=0)]
    result = plan(fleet, hosts, srv("kms01", "kms02"), subnets=subnets, canaries=frozenset({"win120", "srv007"}))
    assert (result["verdict"], len(result["moves"]), result["waves"]["pinned"]) == ("ready_after_seed", 196, False)
    products = Counter(move["product"] for move in result["moves"].values())
    assert products == {"all": 140, "windows": 56}
    # kms01 lacks 13 of Windows, kms02 5 of Office 2019: whichever host DNS gives a machine, it is activated there.
    asked = {each["machine"]: each["kms_host"].split(".")[0] for each in result["seed"]}
    cmids = {each["machine"]: each["kms_client"]["cmid"] for each in fleet if "kms_client" in each}
    assert len({cmids[name] for name, at in asked.items() if at == "kms01"}) >= 13
    of_2019 = {f"win{number}" for number in range(101, 141)}
    assert len([name for name, at in asked.items() if at == "kms02" and name in of_2019]) == 5
    assert {"win120", "srv007"} <= set(asked)
    assert {each["subnet"] for each in result["seed"]} == {"net0", "net1", "net2", "net3"}
    assert result["counts"]["unread"] == 4
    assert result["duplicate_cmids"][0]["machines"] == [f"win{number}" for number in range(141, 147)]
    assert sum(result["waves"]["sizes"]) + len(result["seed"]) == 196
    assert result["waves"]["batch"] == (196 - len(result["seed"])) // 10


@pytest.mark.parametrize("size", [3, 24, 25, 26, 200])
def test_the_language_of_machines_changes_no_plan(size: int) -> None:
    def fleet(*languages: int) -> list[Record]:
        machines = clients(size)
        for number, machine in enumerate(machines):
            machine["operating_system"]["language"] = languages[number % len(languages)]
        return machines

    german_and_japanese = plan(fleet(1031, 1041), [host()], srv("kms01"))
    assert german_and_japanese == plan(fleet(1033), [host()], srv("kms01"))
    assert german_and_japanese["verdict"] == ("not_ready" if size < 25 else "ready_after_seed")


def test_a_host_that_dns_does_not_name_yields_to_one_that_it_names() -> None:
    hosts = [host("kms01", 50), host("kms02", 26)]
    result = plan(clients(30), hosts, srv("kms02"))
    assert (result["verdict"], result["host"]["name"], result["waves"]["pinned"]) == ("ready", "kms02", False)
    wanted = plan(clients(30), hosts, srv("kms02"), host="kms01")
    assert wanted["verdict"] == "not_ready"
    assert "DNS does not name kms01 in corp.example.test" in wanted["sentence"]


def test_a_count_that_clones_keep_low_moves_nobody_until_they_are_rearmed() -> None:
    counted = windows("kms_client", discovered_kms_host="kms01.corp.example.test")
    activated = [record("first", counted, cmid="clone")]
    stuck = plan(activated + clients(10, cmid="clone"), [host(count=24)], srv("kms01"))
    assert (stuck["verdict"], stuck["missing"], stuck["moves"]) == ("not_ready", 1, {})
    assert "rearm the clones" in stuck["sentence"]
    rearmed = plan(activated + clients(10), [host(count=24)], srv("kms01"))
    assert (rearmed["verdict"], len(rearmed["seed"])) == ("ready_after_seed", 1)
