# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_record` where a zone has several servers, and where one task has several zones: against BIND."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from dns_relay import Interceptor
from dns_servers import (
    Bind,
    DnsServer,
    Key,
    ServedZone,
    Zone,
    free_port,
    only_zone,
    run_module,
    wait_until,
)

pytestmark = pytest.mark.bind

KEY = Key("kms-update")
MAY_UPDATE = f'update-policy {{ grant "{KEY.name}" zonesub ANY; }};'
KMS01 = "kms01.corp.example.test"
CORP = "corp.example.test"
PRIMARY, SECONDARY, NOBODY = "127.0.0.1", "127.0.0.2", "127.0.0.3"

#: Followed: the secondary hears of changes. Slow: it looks every second. Deaf: it hears of nothing. Half: one name
#: server does not run. Hidden: the name servers do not include the one that takes updates.
FOLLOWED, SLOW, DEAF, HALF, HIDDEN = (f"{name}.example.test" for name in ("followed", "slow", "deaf", "half", "hidden"))
ZONES = {
    FOLLOWED: (PRIMARY, SECONDARY),
    SLOW: (PRIMARY, SECONDARY),
    DEAF: (PRIMARY, SECONDARY),
    HALF: (PRIMARY, NOBODY),
    HIDDEN: (SECONDARY,),
}


@dataclass(frozen=True)
class Pair:
    """A primary and a secondary on the same port of two addresses; a relay puts the secondary there."""

    primary: Bind
    secondary: ServedZone

    def on(self, zone: str) -> DnsServer:
        return DnsServer(PRIMARY, self.primary.port, zone, KEY)

    def records_of_secondary(self, zone: str) -> list[str]:
        return ServedZone(self.secondary.address, self.secondary.port, zone).records()

    def where(self, address: str, name: str = "") -> str:
        """How the module calls a server."""
        return f"{name} ({address}) port {self.primary.port}" if name else f"{address} port {self.primary.port}"


def told(zone: str, port: int) -> str:
    """What makes the primary tell its secondary, on this port, of changes."""
    if zone not in (FOLLOWED, HIDDEN):
        return ""
    return f"notify explicit; also-notify {{ {PRIMARY} port {port}; }}; notify-delay 0;"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folders = [tmp_path_factory.mktemp(name) for name in ("primary", "secondary")]
    port = free_port(PRIMARY)
    transfer = f"allow-transfer {{ {PRIMARY}; }};"
    owned = [
        Zone(name, f"{MAY_UPDATE} {transfer} {told(name, port)}", servers=servers) for name, servers in ZONES.items()
    ]
    with contextlib.ExitStack() as running:
        primary = running.enter_context(Bind(folders[0], owned, [KEY]))
        source = f"{PRIMARY} port {primary.port}"
        followed = [Zone(name, copied(name), primary=source) for name in ZONES if name != HALF]
        secondary = running.enter_context(Bind(folders[1], followed, [], port=port))
        for name in (each.name for each in followed):
            wait_until(partial(secondary.has, name), secondary.read_log)
        served = ServedZone(secondary.address, secondary.port, "")
        running.enter_context(Interceptor(served, place=(SECONDARY, primary.port)))
        yield Pair(primary, served)


def copied(zone: str) -> str:
    return "max-refresh-time 1;" if zone == SLOW else ""


def test_every_name_server_is_asked_until_it_has_the_records(pair: Pair) -> None:
    server = pair.on(FOLLOWED)
    result = run_module(server.options("kms01"))
    assert result["changed"] is True
    assert only_zone(result)["servers"] == [
        {"server": pair.where(PRIMARY), "agrees": True, "problem": None},
        {"server": pair.where(SECONDARY, f"ns2.{FOLLOWED}"), "agrees": True, "problem": None},
    ]
    assert pair.records_of_secondary(FOLLOWED) == [f"3600 0 0 1688 kms01.{FOLLOWED}."]
    gone = run_module(server.options("kms01", state="absent"))
    assert [each["agrees"] for each in only_zone(gone)["servers"]] == [True, True]
    assert pair.records_of_secondary(FOLLOWED) == []


def test_a_slow_secondary_is_waited_for(pair: Pair) -> None:
    result = run_module(pair.on(SLOW).options("kms01", wait_timeout=30))
    assert result["changed"] is True, result
    assert pair.records_of_secondary(SLOW) == [f"3600 0 0 1688 kms01.{SLOW}."]


def test_a_secondary_that_lags_is_named_with_what_it_has_and_the_next_run_names_it_again(pair: Pair) -> None:
    server = pair.on(DEAF)
    started = time.monotonic()
    runs = [run_module(server.options("kms01", wait_timeout=1)) for _run in range(2)]
    assert time.monotonic() - started < 10
    problem = f"The DNS server {pair.where(SECONDARY, f'ns2.{DEAF}')} has other records: there are none."
    assert [each["changed"] for each in runs] == [True, False]
    for result in runs:
        assert result["failed"] is True
        assert result["error"]["kind"] == "not_converged"
        assert result["msg"] == (
            f"The records of _vlmcs._tcp.{DEAF}. are the wanted ones on the DNS server {pair.where(PRIMARY)}, and "
            f"after 1 s 1 of the zone's 2 servers still disagreed. {problem} {result['error']['hint']}"
        )
        assert [each["problem"] for each in only_zone(result)["servers"]] == [None, problem]
    assert server.records() == [f"3600 0 0 1688 kms01.{DEAF}."]


def test_check_mode_does_not_ask_the_others(pair: Pair) -> None:
    result = run_module(pair.on(HALF).options("kms07", wait_timeout=1), check=True)
    assert result["changed"] is True
    assert only_zone(result)["servers"] == []


def test_a_name_server_that_does_not_answer_is_named(pair: Pair) -> None:
    result = run_module(pair.on(HALF).options("kms01", wait_timeout=1))
    dead = pair.where(NOBODY, f"ns2.{HALF}")
    assert result["failed"] is True
    assert result["changed"] is True
    assert f"The DNS server {dead} cannot be asked: Connection refused." in result["msg"]


def test_the_servers_to_ask_can_be_given_and_none_as_well(pair: Pair) -> None:
    server = pair.on(HALF)
    listed = run_module(server.options("kms02", verify_servers=[PRIMARY]))
    assert [each["server"] for each in only_zone(listed)["servers"]] == [pair.where(PRIMARY)]
    other = run_module(server.options("kms02", verify_servers=[SECONDARY], wait_timeout=0))
    assert f"the DNS server {pair.where(SECONDARY)} refused it (REFUSED)" in other["msg"]
    none = run_module(server.options("kms02", verify_servers=[]))
    assert none["changed"] is False
    assert none.get("failed") is not True


def test_a_server_that_is_no_name_server_takes_the_update_and_is_asked_too(pair: Pair) -> None:
    result = run_module(pair.on(HIDDEN).options("kms01"))
    assert [each["server"] for each in only_zone(result)["servers"]] == [
        pair.where(PRIMARY),
        pair.where(SECONDARY, f"ns.{HIDDEN}"),
    ]


def test_a_secondary_that_takes_no_updates_refuses_and_is_named(pair: Pair) -> None:
    server = DnsServer(SECONDARY, pair.primary.port, FOLLOWED, KEY)
    unsigned: dict[str, t.Any] = {"tsig_name": None, "tsig_secret": None}
    result = run_module(server.options("kms01", **unsigned))
    assert result["error"]["name"] in ("REFUSED", "NOTIMP")
    assert f"the DNS server {pair.where(SECONDARY)}" in result["msg"]


READER = Key("reader")
SITES = [
    Zone(CORP, MAY_UPDATE),
    Zone("branch.example.test", MAY_UPDATE),
    Zone("frozen.example.test"),
    Zone("lost.example.test", primary="127.0.0.3 port 9"),
]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    with Bind(tmp_path_factory.mktemp("sites"), SITES, [KEY, READER], minimal=False) as running:
        yield running


@pytest.fixture
def server(sites: Bind) -> DnsServer:
    for zone in (CORP, "branch.example.test"):
        DnsServer(sites.address, sites.port, zone, KEY).set_records(3600)
    return DnsServer(sites.address, sites.port, CORP, KEY)


def branch(server: DnsServer) -> DnsServer:
    return DnsServer(server.address, server.port, "branch.example.test", KEY)


def test_one_task_changes_several_zones_in_four_runs(server: DnsServer) -> None:
    options = server.options(
        "kms01", KMS01.replace("01", "02"), zone=None, zones=[CORP, "branch.example.test", f"{CORP}."]
    )
    runs = [run_module(options, check=check) for check in (True, False, False, True)]
    assert [each["changed"] for each in runs] == [True, True, False, False], runs
    assert [[zone["zone"] for zone in each["zones"]] for each in runs] == [[f"{CORP}.", "branch.example.test."]] * 4
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 0 0 1688 kms02.corp.example.test."]
    assert branch(server).records() == [
        "3600 0 0 1688 kms01.branch.example.test.",
        "3600 0 0 1688 kms02.corp.example.test.",
    ]
    assert runs[0]["diff"] == runs[1]["diff"]
    assert runs[1]["diff"]["after"].count("_vlmcs._tcp.corp.example.test. 3600 IN SRV") == 2
    assert runs[1]["diff"]["after"].count("_vlmcs._tcp.branch.example.test. 3600 IN SRV") == 2


def test_a_zone_that_is_not_there_keeps_all_zones_from_being_changed(server: DnsServer) -> None:
    with Interceptor(server) as relay:
        result = run_module(server.options("kms01", zone=None, zones=[CORP, "elsewhere.test"], **relay.place))
    assert result["failed"] is True
    assert "Could not read the zone elsewhere.test." in result["msg"]
    assert result["changed"] is False
    assert relay.updates == 0


def test_a_zone_that_refuses_does_not_stop_the_others_and_fails_the_task(server: DnsServer) -> None:
    options = server.options("kms01", zone=None, zones=["frozen.example.test", CORP, "branch.example.test"])
    result = run_module(options)
    assert result["failed"] is True
    assert result["changed"] is True
    assert result["error"]["name"] == "REFUSED"
    assert "_vlmcs._tcp.frozen.example.test." in result["msg"]
    assert [(zone["zone"], zone["changed"]) for zone in result["zones"]] == [
        (f"{CORP}.", True),
        ("branch.example.test.", True),
    ]
    assert "frozen" not in result["diff"]["after"]
    assert len(server.records()) == len(branch(server).records()) == 1


def test_every_zone_that_fails_is_told(server: DnsServer) -> None:
    reader = {"tsig_name": READER.name, "tsig_secret": READER.secret}
    result = run_module(server.options("kms01", zone=None, zones=[CORP, "branch.example.test"], **reader))
    assert result["changed"] is False
    assert result["msg"].count("Could not change the SRV records of ") == 2
    assert result["msg"].count("refused it (REFUSED)") == 2


def test_a_zone_that_is_not_loaded_is_servfail(server: DnsServer) -> None:
    result = run_module(server.options("kms01", zone="lost.example.test"))
    assert result["error"]["name"] == "SERVFAIL"
    assert "failed inside; often the zone is not loaded or has expired" in result["msg"]


def test_exclusive_removes_what_others_published_in_four_runs(server: DnsServer) -> None:
    server.set_records(60, "0 0 1688 other.corp.example.test.", "9 9 1688 kms01.corp.example.test.")
    options = server.options(KMS01, exclusive=True)
    runs = [run_module(options, check=check) for check in (True, False, False, True)]
    assert [each["changed"] for each in runs] == [True, True, False, False]
    assert runs[0]["diff"] == runs[1]["diff"]
    assert "60 IN SRV 0 0 1688 other.corp.example.test.\n" in runs[1]["diff"]["before"]
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]


def test_a_refresh_sends_one_identical_update_and_changes_nothing(server: DnsServer) -> None:
    run_module(server.options(KMS01))
    serial = server.serial()
    with Interceptor(server) as relay:
        runs = [run_module(server.options(KMS01, refresh=True, **relay.place), check=check) for check in (False, True)]
    assert relay.updates == 1
    assert [each["changed"] for each in runs] == [False, False]
    assert [only_zone(each)["refreshed"] for each in runs] == [True, False]
    assert server.serial() == serial


def test_records_that_change_before_their_refresh_are_read_again_and_put_right(server: DnsServer) -> None:
    def somebody_changes_them(count: int) -> bool:
        if count == 1:
            server.set_records(3600, "0 0 1688 other.corp.example.test.")
        return True

    run_module(server.options(KMS01))
    with Interceptor(server, before=somebody_changes_them) as relay:
        result = run_module(server.options(KMS01, refresh=True, **relay.place))
    assert relay.updates == 2
    assert result["changed"] is True
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 0 0 1688 other.corp.example.test."]


def test_one_record_costs_three_questions_and_one_for_each_server_that_verifies(server: DnsServer) -> None:
    with Interceptor(server) as relay:
        result = run_module(server.options(KMS01, **{**relay.place, "verify_servers": None}))
    assert result["changed"] is True
    # The zone, its records, the update; then the server itself, and the zone's name server: the relay as well.
    assert (relay.queries, relay.updates) == (3, 1)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Bind]:
    with Bind(tmp_path, [Zone(CORP, MAY_UPDATE)], [KEY]) as running:
        yield running


def test_records_survive_a_server_that_is_killed(mortal: Bind) -> None:
    server = DnsServer(mortal.address, mortal.port, CORP, KEY)
    assert run_module(server.options(KMS01))["changed"] is True
    mortal.kill()
    dead = run_module(server.options("kms02", timeout=2))
    assert dead["error"]["kind"] == "dns_no_answer"
    assert dead["changed"] is False
    mortal.start()
    # From the journal: the zone file has not been written yet.
    assert "kms01" not in (mortal.folder / f"{CORP}.zone").read_text(encoding="ascii")
    assert run_module(server.options(KMS01))["changed"] is False


def test_a_server_killed_before_the_update_leaves_an_unknown_outcome_that_the_next_run_settles(mortal: Bind) -> None:
    server = DnsServer(mortal.address, mortal.port, CORP, KEY)

    def die(_count: int) -> bool:
        mortal.kill()
        return True

    with Interceptor(server, before=die) as relay:
        result = run_module(server.options(KMS01, timeout=2, **relay.place))
    assert result["failed"] is True
    assert result["error"]["kind"] == "outcome_unknown"
    assert "Whether the records were changed is not known; the next run will find out." in result["msg"]
    mortal.start()
    assert [run_module(server.options(KMS01))["changed"] for _run in range(2)] == [True, False]


def test_a_server_killed_after_the_update_has_made_the_change(mortal: Bind) -> None:
    server = DnsServer(mortal.address, mortal.port, CORP, KEY)

    def die(_count: int) -> bool:
        mortal.kill()
        return False

    with Interceptor(server, after=die) as relay:
        result = run_module(server.options(KMS01, timeout=2, **relay.place))
    assert result["error"]["kind"] == "outcome_unknown"
    mortal.start()
    assert run_module(server.options(KMS01))["changed"] is False
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]
