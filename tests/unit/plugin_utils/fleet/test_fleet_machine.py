# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One machine read into its record, against the rules of the lab."""

from __future__ import annotations

import typing as t
from datetime import timedelta

import pytest
from fleet_fakes import FakeTransport
from spp_lab import CLIENT_HOST_KEY, HOST_KEY, START, InProcessLab, LabTransport, Plant, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import TransportTimeout
from ansible_collections.volact.kms.plugins.plugin_utils._fleet import _machine
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._machine import Reading, read_machine
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._record import line
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Scope, Section, inspect_client
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import HttpReply


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> InProcessLab:
    """A site whose machines tell the controller's time."""
    monkeypatch.setattr(_machine, "_now", lambda: START)
    return new_lab()


def transport_of(lab: InProcessLab, machine: str) -> FakeTransport:
    there = LabTransport(lab, machine)
    return FakeTransport(answer=lambda envelope: there.send(envelope, read_timeout=60), endpoint=there.endpoint)


@pytest.mark.parametrize("machine", ["win01", "srv01", "old01"])
@pytest.mark.parametrize("sections", [frozenset[Section](), frozenset(Section)])
def test_a_record_holds_what_client_info_returns(lab: InProcessLab, machine: str, sections: frozenset[Section]) -> None:
    transport = transport_of(lab, machine)
    record = read_machine(machine, transport, Reading(sections=sections))
    expected = inspect_client(lab.licensing(machine), Scope.ALL, sections, 8)
    assert {name: record[name] for name in expected} == expected
    assert record["status"] == "ok"
    assert record["is_kms_host"] is False
    assert record["machine"] == machine
    assert record.keys() - expected.keys() == {
        "schema", "machine", "collected", "status", "msg", "error", "clock_skew_seconds", "is_kms_host",
    }  # fmt: skip
    assert transport.closed
    line(record)


def test_only_what_is_asked_for_is_read(lab: InProcessLab) -> None:
    asked: list[bytes] = []
    transport = transport_of(lab, "win01")
    answer = transport.answer
    assert answer is not None

    def noting(envelope: bytes) -> HttpReply:
        asked.append(envelope)
        return answer(envelope)

    transport.answer = noting
    read_machine("win01", transport, Reading(Scope.WINDOWS))
    assert len(asked) == 3


def test_a_kms_host_is_told_from_the_others_and_read_as_one_when_asked_for(lab: InProcessLab) -> None:
    for machine, key in (("kms01", HOST_KEY), ("win01", CLIENT_HOST_KEY)):
        licensing = lab.licensing(machine)
        licensing.call_service(licensing.service(licensing.system()), "InstallProductKey", {"ProductKey": key})
        assert "host" not in read_machine(machine, transport_of(lab, machine), Reading())
        record = read_machine(machine, transport_of(lab, machine), Reading(host=True))
        assert record["is_kms_host"] is True
        assert record["host"]["is_kms_host"] is True
    assert "host" not in read_machine("win02", transport_of(lab, "win02"), Reading(host=True))


@pytest.mark.parametrize("ahead", [0.0, 7200.5, -7200.5])
def test_the_clock_is_compared_with_the_controllers(
    lab: InProcessLab, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    controller = START - timedelta(seconds=ahead)
    # Asked two seconds before the machine's clock said so, and answered two seconds after.
    moments = [controller - timedelta(seconds=2), *[controller + timedelta(seconds=2)] * 9]
    monkeypatch.setattr(_machine, "_now", lambda: moments.pop(0))
    assert read_machine("win01", transport_of(lab, "win01"), Reading())["clock_skew_seconds"] == ahead


def test_a_machine_that_is_lost_on_the_way_is_unreachable(lab: InProcessLab) -> None:
    lab.plants.append(Plant(b"SoftwareLicensingProduct", TransportTimeout("It did not answer.")))
    transport = transport_of(lab, "win01")
    record = read_machine("win01", transport, Reading())
    assert (record["status"], record["msg"]) == ("unreachable", "It did not answer.")
    assert record["error"]["kind"] == "connection_timeout"
    assert transport.closed


def test_a_machine_that_denies_access_has_failed_and_is_named(lab: InProcessLab) -> None:
    lab.site.set("win01", "access", "denied")
    record = read_machine("win01", transport_of(lab, "win01"), Reading())
    assert record["status"] == "failed"
    assert "failed on win01" in record["msg"]
    assert record["error"]["kind"] == "cim_fault"


@pytest.mark.parametrize("error", [ValueError("the secret of win01"), RecursionError(), KeyError("x")])
def test_an_error_nobody_thought_of_is_the_record_of_that_machine(error: Exception) -> None:
    def answer(_envelope: bytes) -> t.NoReturn:
        raise error

    transport = FakeTransport(answer=answer)
    record = read_machine("win01", transport, Reading())
    assert record["status"] == "failed"
    assert type(error).__name__ in record["msg"]
    assert "secret" not in record["msg"]
    assert transport.closed
