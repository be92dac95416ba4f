# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a failed activation: cause, remedy and the next thing to check, and what the controller sees of it."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import dns.exception
import dns.message
import dns.resolver
import pytest
from spp_lab import START, InProcessLab, new_lab
from spp_states import GVLK, MAK, client

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    run_client,
    still_pending,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._diagnose import Network, diagnose

HOST = "kms01.corp.example.test"


@dataclass
class Seen:
    """A controller that sees what a test says, and remembers what it was asked."""

    names: set[str] = field(default_factory=set)
    ports: set[tuple[str, int]] = field(default_factory=set)
    time: datetime = START
    asked: list[object] = field(default_factory=list)
    records: dict[str, bool] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.time

    def publishes(self, domain: str) -> bool | None:
        self.asked.append(domain)
        return self.records.get(domain)

    def resolves(self, name: str) -> bool:
        self.asked.append(name)
        return name in self.names

    def connects(self, host: str, port: int) -> bool:
        self.asked.append((host, port))
        return (host, port) in self.ports


ALL_WELL = Seen({HOST}, {(HOST, 1688)})
PINNED = client(GVLK, kms_machine=HOST)
FREE = client(GVLK)


def next_check(code: int, state: Any = PINNED, seen: Seen | None = ALL_WELL, skew: timedelta | None = None) -> Any:
    error = ActivationFailed("Could not activate.", code=code)
    diagnose(error, state, state.products[0], seen, skew)
    return error.as_result()["next_check"]


@pytest.mark.parametrize(
    ("code", "state", "check"),
    [
        (0x8007232B, FREE, "srv"),
        (0x8007251D, FREE, "srv"),
        (0xC004F074, FREE, "srv"),
        (0x8007232B, PINNED, "name"),
        (0xC004F074, PINNED, "port"),
        (0xC004F06C, PINNED, "clock"),
        (0xC004F042, PINNED, "key"),
        (0xC004F038, PINNED, "count"),
        (0xC004C020, client(MAK), "key"),
    ],
)
def test_the_code_tells_what_to_check_where_the_controller_sees_nothing(code: int, state: Any, check: str) -> None:
    for seen in (None, ALL_WELL):
        found = next_check(code, state, seen)
        assert (found["check"], found["checked"], found["result"]) == (check, False, None)
        assert found["what"].endswith(".")


def test_the_first_thing_that_the_controller_finds_wrong_comes_first() -> None:
    late = timedelta(hours=5)
    name = next_check(0xC004F074, seen=Seen(), skew=late)
    assert (name["check"], name["target"], name["checked"]) == ("name", HOST, True)
    assert name["result"] == f"The name {HOST} does not resolve on the controller."
    port = next_check(0xC004F074, seen=Seen({HOST}), skew=late)
    assert (port["check"], port["target"]) == ("port", f"{HOST}:1688")
    assert port["result"] == f"TCP port 1688 of {HOST} takes no connection from the controller."
    clock = next_check(0xC004F074, seen=ALL_WELL, skew=late)
    assert (clock["check"], clock["result"]) == (
        "clock",
        "The machine's clock is 300 minutes ahead of the controller's.",
    )
    assert next_check(0xC004F042, seen=ALL_WELL, skew=-late)["result"].startswith(
        "The machine's clock is 300 minutes beh"
    )
    assert next_check(0xC004F042, seen=ALL_WELL, skew=timedelta(hours=3))["check"] == "key"


@pytest.mark.parametrize(("code", "check"), [(0xC004F041, "key"), (0xC004F042, "key"), (0xC004F038, "count")])
def test_what_a_kms_host_said_itself_needs_no_look_at_its_name_and_port(code: int, check: str) -> None:
    blind = Seen()
    assert next_check(code, PINNED, blind)["check"] == check
    assert blind.asked == []
    assert next_check(code, PINNED, blind, timedelta(hours=5))["check"] == "clock"


def srv_check(seen: Seen, *domains: str) -> Any:
    error = ActivationFailed("Could not activate.", code=0x8007232B)
    diagnose(error, FREE, FREE.products[0], seen, None, lambda: domains)
    return error.as_result()["next_check"]


def test_a_record_that_the_controller_misses_too_is_named_with_every_domain_of_the_machine() -> None:
    nowhere = Seen(records={"corp.example.test": False, "example.test": False})
    found = srv_check(nowhere, "corp.example.test", "example.test")
    assert (found["check"], found["checked"]) == ("srv", True)
    assert found["result"] == (
        "The controller finds no SRV record _vlmcs._tcp.corp.example.test, _vlmcs._tcp.example.test."
    )
    assert nowhere.asked == ["corp.example.test", "example.test"]


@pytest.mark.parametrize("told", [{}, {"corp.example.test": True}])
def test_a_record_that_is_there_or_that_nobody_can_tell_about_is_still_to_be_checked(told: dict[str, bool]) -> None:
    found = srv_check(Seen(records=told), "corp.example.test")
    assert (found["check"], found["checked"], found["result"]) == ("srv", False, None)


def test_the_record_of_a_machine_that_names_its_host_is_nobodys_concern() -> None:
    error, seen = ActivationFailed("Could not activate.", code=0xC004F074), Seen({HOST})
    diagnose(error, PINNED, PINNED.products[0], seen, None, lambda: ("corp.example.test",))
    assert "corp.example.test" not in seen.asked


def test_a_machine_without_a_record_is_asked_where_it_looks() -> None:
    lab = new_lab()
    desired = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED, diagnose=True)
    seen = Seen(records={"corp.example.test": False})
    run = run_client(lab.licensing("win01"), desired, check_mode=False, surroundings=seen)
    assert run.failure is not None
    assert run.failure.message.endswith(
        "The controller finds no SRV record _vlmcs._tcp.corp.example.test. Look whether _vlmcs._tcp of the machine's "
        "DNS domain has an SRV record, as that machine sees it."
    )


def test_the_host_that_is_looked_at_is_the_one_that_the_machine_asks() -> None:
    product = replace(GVLK, kms_machine="own.example.test", kms_port=1700)
    states = [
        (client(product, kms_machine=HOST), ("own.example.test", 1700)),
        (client(GVLK, kms_machine=HOST, kms_port=1701), (HOST, 1701)),
        (client(replace(GVLK, discovered_machine="dns.example.test")), ("dns.example.test", 1688)),
        (client(GVLK, discovered_machine="old.example.test", discovered_port=1702), ("old.example.test", 1702)),
    ]
    for state, (host, port) in states:
        seen = Seen({host})
        next_check(0xC004F074, state, seen)
        assert seen.asked == [host, (host, port)]


def test_a_failure_has_cause_remedy_and_what_was_seen() -> None:
    lab = new_lab()
    desired = DesiredClient(
        channel=Channel.KMS_CLIENT, kms_host="gone.corp.example.test", activate=Activate.IF_NEEDED, diagnose=True
    )
    run = run_client(lab.licensing("win01"), desired, check_mode=False, surroundings=Seen())
    assert run.failure is not None
    error = run.failure.as_result()
    assert error["next_check"]["check"] == "name"
    assert error["cause"]
    assert error["remedy"]
    assert run.failure.message.endswith(
        "The name gone.corp.example.test does not resolve on the controller. Look whether the name of the KMS host "
        "resolves on the machine."
    )
    quiet = run_client(lab.licensing("win02"), replace(desired, diagnose=False), check_mode=False, surroundings=Seen())
    assert quiet.failure is not None
    assert quiet.failure.as_result()["next_check"]["checked"] is False
    assert "controller" not in quiet.failure.message


def test_a_clock_that_is_wrong_is_told_from_the_controllers_time() -> None:
    lab: InProcessLab = new_lab()
    desired = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED, diagnose=True)
    seen = Seen(time=START - timedelta(hours=6))
    run = run_client(lab.licensing("win01"), desired, check_mode=False, surroundings=seen)
    assert run.failure is not None
    assert run.failure.as_result()["next_check"]["check"] == "clock"


def test_a_mak_is_never_diagnosed_over_the_network() -> None:
    seen = Seen()
    assert next_check(0xC004C020, client(MAK), seen)["target"] == MAK.name
    assert seen.asked == []


def test_a_pending_activation_says_that_the_count_is_next() -> None:
    error = still_pending(FREE, "the count is too low", (GVLK,)).as_result()
    assert error["next_check"]["check"] == "count"
    assert error["remedy"]


def test_nothing_is_asked_where_nothing_fails() -> None:
    lab, seen = new_lab(), Seen()
    desired = DesiredClient(activate=Activate.IF_NEEDED, diagnose=True)
    assert run_client(lab.licensing("win01"), desired, check_mode=False, surroundings=seen).failure is None
    assert seen.asked == []


def test_a_real_controller_resolves_connects_and_sends_nothing() -> None:
    network = Network()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert network.resolves("127.0.0.1")
        assert network.connects("127.0.0.1", port)
        connection, _peer = server.accept()
        with connection:
            assert connection.recv(1) == b""
    assert not network.connects("127.0.0.1", port)
    assert not network.resolves("x" * 300)
    assert network.now().tzinfo is not None


def test_a_real_controller_tells_a_missing_record_from_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(error: Exception) -> bool | None:
        def resolve(*_arguments: object, **_options: object) -> None:
            raise error

        monkeypatch.setattr(dns.resolver, "resolve", resolve)
        return Network().publishes("corp.example.test")

    assert answer(dns.resolver.NXDOMAIN()) is False
    assert (
        answer(dns.resolver.NoAnswer(response=dns.message.make_response(dns.message.make_query("x.", "SRV")))) is False
    )
    assert answer(dns.exception.Timeout()) is None
    assert answer(OSError("no network")) is None
