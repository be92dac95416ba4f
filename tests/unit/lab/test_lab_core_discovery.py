# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a client finds a KMS host, and what it reports when it finds none."""

from __future__ import annotations

import pytest

from lab.core.example_company import CSVLK, company, failure, machine_state, product
from lab.effects import ServiceRecord


def test_without_a_record_discovery_fails_with_the_code_of_dns() -> None:
    lab = company()
    assert failure(lab, "srv1") == 0x8007232B


def test_a_host_that_nobody_answers_for_gives_f074_and_an_event() -> None:
    lab = company()
    lab.publish("kms01")
    assert failure(lab, "srv1") == 0xC004F074
    (event,) = machine_state(lab, "srv1")["events"]
    assert event["id"] == 12288
    assert event["strings"][0].startswith("0x800706BA, 0x00000000, kms01.corp.example.test:1688, ")


@pytest.mark.parametrize(
    ("name", "value"), [("kms_service", "down"), ("firewall", "off"), ("service_state", "stopped")]
)
def test_a_host_that_is_out_of_order_is_not_reached(name: str, value: str) -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", name, value)
    assert failure(lab, "srv1") == 0xC004F074


def test_the_next_host_is_tried_when_one_does_not_answer() -> None:
    lab = company(servers=6, kms02={"os": "windows-server-2022-datacenter", "products": []})
    for name in ("kms01", "kms02"):
        lab.provision_host(name, CSVLK)
    lab.services["_vlmcs._tcp.corp.example.test"] = (
        ServiceRecord(0, 0, 1688, "gone.corp.example.test."),
        ServiceRecord(1, 0, 1688, "kms01.corp.example.test."),
        ServiceRecord(2, 0, 1688, "kms02.corp.example.test."),
    )
    lab.site.set("kms01", "kms_service", "down")
    assert failure(lab, "srv1") == 0xC004F038
    hosts = [
        event["strings"][0].split(", ")[2] for event in machine_state(lab, "srv1")["events"] if event["id"] == 12288
    ]
    assert hosts == ["gone.corp.example.test:1688", "kms01.corp.example.test:1688", "kms02.corp.example.test:1688"]


def test_a_fixed_host_wins_over_dns_and_the_product_over_the_service() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    lab.services.clear()
    lab.invoke(
        "srv1",
        "SoftwareLicensingService",
        "SetKeyManagementServiceMachine",
        {"MachineName": "nowhere.test"},
        lab.service("srv1"),
    )
    assert failure(lab, "srv1") == 0xC004F074
    row = {"ID": product(lab, "srv1")["activation_id"]}
    arguments = {"MachineName": "kms01.corp.example.test"}
    lab.invoke("srv1", "SoftwareLicensingProduct", "SetKeyManagementServiceMachine", arguments, row)
    assert failure(lab, "srv1") == 0xC004F038
    assert product(lab, "srv1")["discovered_name"] is None


def test_a_remembered_host_is_asked_before_dns() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    assert failure(lab, "srv1") == 0xC004F038
    lab.services.clear()
    assert failure(lab, "srv1") == 0xC004F038
    lab.invoke(
        "srv1",
        "SoftwareLicensingService",
        "DisableKeyManagementServiceHostCaching",
        {"DisableCaching": "true"},
        lab.service("srv1"),
    )
    assert failure(lab, "srv1") == 0x8007232B


def test_a_client_whose_clock_is_five_hours_off_is_not_counted() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    lab.site.set("srv1", "clock_offset_minutes", "300")
    assert failure(lab, "srv1") == 0xC004F074
    assert machine_state(lab, "srv1")["events"][0]["strings"][0].startswith("0xC004F06C, ")
    assert machine_state(lab, "kms01")["events"][-1]["strings"][0] == "0xC004F06C"
    lab.site.set("srv1", "clock_offset_minutes", "-230")
    assert failure(lab, "srv1") == 0xC004F038


def test_activation_types_the_site_has_not_fail() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    for kind, code in ((1, 0xC004F081), (3, 0xC004F011), (2, 0xC004F038)):
        lab.invoke(
            "srv1",
            "SoftwareLicensingService",
            "SetVLActivationTypeEnabled",
            {"ActivationType": kind},
            lab.service("srv1"),
        )
        assert failure(lab, "srv1") == code
