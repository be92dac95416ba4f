# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Circumstances that `lab set` makes: slow and stopped services, quotas, lost connections, remembered DNS answers."""

from __future__ import annotations

import typing as t

import pytest

from lab.core import SiteError
from lab.core.example_company import CSVLK, MAK, company, failure, machine_state, one_machine, product, used
from lab.core.rehearsal import Rehearsal, RehearsedFault
from lab.effects import DropConnection

SPPSVC = {"Name": "sppsvc"}
KEYED = "SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL"


def state_of_service(lab: Rehearsal, machine: str = "win1") -> tuple[str | None, str | None]:
    (row,) = lab.query(machine, "SELECT State, StartMode FROM Win32_Service")
    return row["State"], row["StartMode"]


def fault_of(call: t.Callable[[], object]) -> RehearsedFault:
    with pytest.raises(RehearsedFault) as caught:
        call()
    return caught.value


def test_asking_a_stopped_service_starts_it_and_takes_as_long_as_it_takes() -> None:
    lab = one_machine()
    lab.site.set("win1", "slow_service_seconds", "8")
    lab.site.set("win1", "service_state", "stopped")
    assert state_of_service(lab) == ("Stopped", "Auto")
    lab.query("win1", KEYED)
    assert lab.waited == [8.0]
    assert state_of_service(lab) == ("Running", "Auto")
    lab.query("win1", KEYED)
    assert lab.waited == [8.0]


def test_a_service_that_is_started_is_start_pending_until_it_runs() -> None:
    lab = one_machine()
    lab.site.set("win1", "slow_service_seconds", "30")
    assert lab.invoke("win1", "Win32_Service", "StopService", None, SPPSVC) == {"ReturnValue": "0"}
    assert lab.invoke("win1", "Win32_Service", "StartService", None, SPPSVC) == {"ReturnValue": "0"}
    assert state_of_service(lab) == ("Start Pending", "Auto")
    assert machine_state(lab, "win1")["service"]["service_state"] == "start pending"
    lab.site.advance(1)
    assert state_of_service(lab) == ("Running", "Auto")


def test_a_kms_host_listens_only_when_its_service_runs() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", "slow_service_seconds", "30")
    lab.site.set("kms01", "service_state", "stopped")
    lab.site.set("kms01", "service_state", "running")
    assert lab.site.kms_listeners() == {}
    lab.site.advance(1)
    assert lab.site.kms_listeners() == {"kms01": 1688}


def test_a_service_that_outlasts_the_operation_timeout_is_a_timeout() -> None:
    lab = one_machine()
    lab.site.set("win1", "slow_service_seconds", "70")
    lab.site.set("win1", "service_state", "stopped")
    fault = fault_of(lambda: lab.query("win1", KEYED))
    assert (fault.subcode, fault.code) == ("w:TimedOut", 0x80338029)
    assert lab.waited == [60.0]


def test_a_disabled_service_cannot_be_started() -> None:
    lab = one_machine()
    lab.site.set("win1", "service_start", "disabled")
    assert len(lab.query("win1", KEYED)) == 1
    lab.site.set("win1", "service_state", "stopped")
    assert lab.invoke("win1", "Win32_Service", "StartService", None, SPPSVC) == {"ReturnValue": "14"}
    assert state_of_service(lab) == ("Stopped", "Disabled")
    assert fault_of(lambda: lab.query("win1", KEYED)).code == 0x80070422


def test_a_filtered_token_may_read_windows_and_not_its_licences() -> None:
    lab = one_machine()
    lab.site.set("win1", "token", "filtered")
    assert lab.query("win1", "SELECT BuildNumber FROM Win32_OperatingSystem")
    assert fault_of(lambda: lab.query("win1", KEYED)).code == 0x80070005
    assert fault_of(lambda: lab.install_key("win1", MAK)).code == 0x80070005
    lab.site.set("win1", "token", "full")
    assert lab.query("win1", KEYED)


def test_a_quota_is_met_as_often_as_was_set() -> None:
    lab = one_machine()
    lab.site.set("win1", "quota_faults", "2")
    for _ in range(2):
        fault = fault_of(lambda: lab.query("win1", KEYED))
        assert (fault.subcode, fault.code) == ("w:InternalError", 0x803381A6)
    assert lab.query("win1", KEYED)


@pytest.mark.parametrize(("name", "kept"), [("drop_before", False), ("drop_after", True)])
def test_a_connection_is_lost_before_or_after_the_nth_request_takes_effect(name: str, kept: bool) -> None:
    lab = company()
    former = product(lab, "win1")["partial_product_key"]
    lab.site.set("win1", name, "2")
    lab.query("win1", "SELECT BuildNumber FROM Win32_OperatingSystem")
    with pytest.raises(ConnectionResetError):
        lab.install_key("win1", MAK)
    assert (product(lab, "win1")["partial_product_key"] == MAK[-5:]) is kept
    assert former != MAK[-5:]
    lab.install_key("win1", MAK)


def test_a_lost_connection_is_an_effect_that_has_no_outcome() -> None:
    lab = one_machine()
    lab.site.set("win1", "drop_before", "1")
    handler = lab.site.handle("win1", b"<nothing/>", user="labadmin")
    assert next(handler) == DropConnection()
    handler.close()
    assert next(lab.site.handle("win1", b"<nothing/>", user="labadmin"), None) is None


def test_a_slow_query_of_products_waits_or_times_out() -> None:
    lab = one_machine()
    lab.site.set("win1", "slow_query_seconds", "5")
    lab.query("win1", KEYED)
    lab.query("win1", "SELECT Version FROM SoftwareLicensingService")
    assert lab.waited == [5.0]
    lab.site.set("win1", "slow_query_seconds", "90")
    assert fault_of(lambda: lab.query("win1", KEYED)).subcode == "w:TimedOut"


def test_a_dead_host_takes_its_time_and_fails() -> None:
    lab = company()
    lab.publish("kms01")
    lab.site.set("win1", "dead_host_seconds", "20")
    assert failure(lab, "win1") == 0xC004F074
    assert lab.waited == [20.0]
    lab.site.set("win1", "dead_host_seconds", "61")
    assert failure(lab, "win1") == 0x80338029
    assert product(lab, "win1")["license_status_reason"] == "0xC004F074"


def test_a_key_whose_installation_outlasts_its_request_is_there_afterwards() -> None:
    lab = company()
    lab.site.set("win1", "slow_key_seconds", "61")
    assert fault_of(lambda: lab.install_key("win1", MAK)).subcode == "w:TimedOut"
    assert lab.waited == [60.0]
    assert product(lab, "win1")["partial_product_key"] != MAK[-5:]
    lab.site.advance(2)
    lab.run_due()
    assert product(lab, "win1")["partial_product_key"] == MAK[-5:]
    assert used(lab, MAK[-5:]) == 0


def test_a_resolver_remembers_that_there_was_no_record() -> None:
    lab = company()
    lab.site.set("win1", "negative_dns_seconds", "900")
    assert failure(lab, "win1") == 0x8007232B
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", "clients", "50")
    assert failure(lab, "win1") == 0x8007232B
    assert failure(lab, "win2") == 0
    lab.site.advance(16)
    assert failure(lab, "win1") == 0


def test_clients_are_made_up_for_hosts_only() -> None:
    lab = company()
    with pytest.raises(SiteError, match="clients='5' of win1 is not a number of made-up clients"):
        lab.site.set("win1", "clients", "5")
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", "clients", "24")
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["windows"]["count"] == 24
    assert failure(lab, "win1") == 0
