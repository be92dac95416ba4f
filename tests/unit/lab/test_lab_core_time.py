# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens by itself: background activation, renewal, expiry, slow machines."""

from __future__ import annotations

import contextlib

import pytest

from lab.core.example_company import CSVLK, MAK, company, failure, machine_state, product, used
from lab.core.rehearsal import RehearsedFault, rehearse


def test_the_service_activates_by_itself_after_a_key_change_when_the_site_says_so() -> None:
    lab = company(behaviour={"background_activation_seconds": 30})
    lab.install_key("win1", MAK)
    assert lab.run_due() == 0
    lab.site.advance(1)
    assert lab.run_due() == 1
    assert product(lab, "win1")["license_status"] == 1
    assert used(lab, "MKWNH") == 1


def test_a_due_activation_happens_before_the_next_request_is_answered() -> None:
    lab = company(behaviour={"background_activation_seconds": 30})
    lab.install_key("win1", MAK)
    lab.site.advance(1)
    rows = lab.query("win1", "SELECT LicenseStatus FROM SoftwareLicensingProduct WHERE PartialProductKey <> NULL")
    assert rows == [{"LicenseStatus": "1"}]


def test_an_activated_product_is_not_activated_again_in_the_background() -> None:
    lab = company(behaviour={"background_activation_seconds": 30})
    lab.install_key("win1", MAK)
    lab.activate("win1")
    lab.site.advance(1)
    lab.run_due()
    assert used(lab, "MKWNH") == 1


def test_a_licensed_client_renews_in_time_and_gets_its_180_days_again() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    for number in range(1, 6):
        with pytest.raises(RehearsedFault) if number < 5 else contextlib.nullcontext():
            lab.activate(f"srv{number}")
    lab.site.advance(10080)
    assert product(lab, "srv5")["grace_minutes"] == 259200 - 10080
    assert lab.run_due() == 5
    assert product(lab, "srv5")["grace_minutes"] == 259200


def test_a_client_that_cannot_renew_falls_out_of_tolerance_and_then_into_notification() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    for number in range(1, 6):
        with pytest.raises(RehearsedFault) if number < 5 else contextlib.nullcontext():
            lab.activate(f"srv{number}")
    lab.site.set("kms01", "kms_service", "down")
    lab.site.advance(259199)
    assert product(lab, "srv5")["license_status"] == 1
    lab.site.advance(1)
    assert (product(lab, "srv5")["license_status"], product(lab, "srv5")["grace_minutes"]) == (3, 43200)
    lab.site.advance(43200)
    row = product(lab, "srv5")
    assert (row["license_status"], row["license_status_reason"]) == (5, "0xC004F009")


def test_a_host_forgets_clients_after_thirty_days() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    failure(lab, "srv1")
    lab.site.advance(30 * 24 * 60)
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["windows"]["count"] == 0


def test_intervals_are_the_hosts_and_reach_the_clients() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    service = lab.service("kms01")
    lab.invoke("kms01", "SoftwareLicensingService", "SetVLRenewalInterval", {"RenewalInterval": 600}, service)
    failure(lab, "srv1")
    where = "WHERE PartialProductKey IS NOT NULL"
    rows = lab.query("srv1", f"SELECT VLRenewalInterval, VLActivationInterval FROM SoftwareLicensingProduct {where}")
    assert rows == [{"VLRenewalInterval": "600", "VLActivationInterval": "120"}]
    with pytest.raises(RehearsedFault) as caught:
        lab.invoke(
            "srv1", "SoftwareLicensingService", "SetVLRenewalInterval", {"RenewalInterval": 600}, lab.service("srv1")
        )
    assert caught.value.code == 0xC004F039
    with pytest.raises(RehearsedFault) as caught:
        lab.invoke("kms01", "SoftwareLicensingService", "SetVLRenewalInterval", {"RenewalInterval": 14}, service)
    assert caught.value.code == 0x80070057


def test_a_slow_activation_within_the_timeout_only_takes_its_time() -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.site.set("win1", "slow_activation_seconds", "20")
    lab.activate("win1")
    assert lab.waited == [20.0]
    assert product(lab, "win1")["license_status"] == 1


def test_an_activation_that_outlasts_its_request_times_out_and_succeeds_later() -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.site.set("win1", "slow_activation_seconds", "90")
    with pytest.raises(RehearsedFault) as caught:
        lab.activate("win1")
    assert (caught.value.code, caught.value.subcode) == (0x80338029, "w:TimedOut")
    assert lab.waited == [60.0]
    assert used(lab, "MKWNH") == 0
    lab.site.advance(2)
    lab.run_due()
    assert product(lab, "win1")["license_status"] == 1


def test_the_same_seed_gives_the_same_company() -> None:
    def story(seed: int) -> str:
        lab = rehearse(
            {"domain": "corp.example.test", "machines": {"win[1:2]": {"os": "windows-11-enterprise"}}}, seed=seed
        )
        lab.publish("win1", "win2")
        for _ in range(4):
            failure(lab, "win1")
        return repr(lab.site.state())

    assert story(1) == story(1)
    assert len({story(seed) for seed in range(8)}) > 1
