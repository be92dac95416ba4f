# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""InstallLicense: the lab's own licence files, and the rows that they bring."""

from __future__ import annotations

import pytest

from lab.core.example_company import machine_state
from lab.core.example_offices import OFFICE_CSVLK
from lab.core.licence_files import HOSTS, PKEYCONFIG, licence_text, read_licence
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse

ROWS = "SELECT ID, Description, PartialProductKey FROM SoftwareLicensingProduct WHERE Description LIKE 'Office%'"


def server(system: str = "windows-server-2022-datacenter") -> Rehearsal:
    """kms01 without any licence pack."""
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {"kms01": {"os": system, "products": []}},
            "microsoft": {"keys": [{"key": OFFICE_CSVLK, "kind": "kms_host", "for": ["office-2021"]}]},
            "behaviour": {"products_without_key": 1},
        }
    )


def install(lab: Rehearsal, text: str) -> None:
    lab.invoke_service("kms01", "InstallLicense", {"License": text})


def test_a_licence_pack_adds_the_row_that_takes_the_key() -> None:
    lab = server()
    with pytest.raises(RehearsedFault) as caught:
        lab.install_key("kms01", OFFICE_CSVLK)
    assert caught.value.code == 0xC004F069
    install(lab, licence_text("2021", PKEYCONFIG))
    assert lab.query("kms01", ROWS) == []
    install(lab, licence_text("2021"))
    (row,) = lab.query("kms01", ROWS)
    assert (row["Description"], row["PartialProductKey"]) == ("Office 21, VOLUME_KMS channel", None)
    lab.install_key("kms01", OFFICE_CSVLK)
    assert lab.query("kms01", ROWS)[0]["PartialProductKey"] == "KMNFF"


def test_a_licence_that_is_there_keeps_its_key_and_every_installation_is_on_record() -> None:
    lab = server()
    install(lab, licence_text("2021"))
    lab.install_key("kms01", OFFICE_CSVLK)
    install(lab, "\ufeff" + licence_text("2021"))
    assert lab.query("kms01", ROWS)[0]["PartialProductKey"] == "KMNFF"
    assert machine_state(lab, "kms01")["licences"] == ["office-2021/product", "office-2021/product"]


@pytest.mark.parametrize(
    "text",
    [
        "C:\\licences\\kms.xrm-ms",
        "<licence/>",
        licence_text("2021").replace("office-2021", "office-2001"),
        licence_text("2021").replace('part="product"', 'part="else"'),
        '<!DOCTYPE x [<!ENTITY a "b">]>' + licence_text("2021").partition("\n")[2],
    ],
)
def test_anything_else_is_no_licence(text: str) -> None:
    lab = server()
    with pytest.raises(RehearsedFault) as caught:
        install(lab, text)
    assert caught.value.code == 0xC004F01F
    assert machine_state(lab, "kms01")["licences"] == []


@pytest.mark.parametrize(
    ("system", "good", "bad"), [("windows-server-2022-datacenter", 480, 510), ("windows-7-enterprise", 130, 155)]
)
def test_a_large_licence_meets_the_limit_of_the_server(system: str, good: int, bad: int) -> None:
    lab = server(system)
    install(lab, licence_text("2016", PKEYCONFIG, good))
    with pytest.raises(Exception, match="no element found"):
        install(lab, licence_text("2016", PKEYCONFIG, bad))
    assert machine_state(lab, "kms01")["licences"] == ["office-2016/pkeyconfig"]


def test_a_slow_installation_ends_after_its_request() -> None:
    lab = server()
    lab.site.set("kms01", "slow_license_seconds", "90")
    with pytest.raises(RehearsedFault) as caught:
        install(lab, licence_text("2021"))
    assert caught.value.code == 0x80338029
    assert machine_state(lab, "kms01")["licences"] == []
    lab.site.advance(2)
    assert lab.run_due() == 1
    assert len(lab.query("kms01", ROWS)) == 1


@pytest.mark.parametrize(("name", "year"), sorted(HOSTS.items()))
def test_each_release_has_a_licence_that_says_what_it_is_for(name: str, year: str) -> None:
    text = licence_text(year, kilobytes=3)
    found = read_licence(text)
    assert found is not None
    assert (f"office-{found.year}", found.part) == (name, "product")
    assert len(text) > 3 * 1024
    assert "VOLUME_KMS channel" in text
