# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WQL: what is selected, and what is no query."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from lab.core import wql
from lab.core.values import CimValue

ROW: dict[str, CimValue] = {
    "id": "8b2a",
    "name": "Windows(R), Enterprise edition",
    "licensestatus": 5,
    "partialproductkey": None,
    "licenseisaddon": False,
    "timegenerated": datetime(2026, 1, 1, 12, tzinfo=timezone.utc),
}


def selected(condition: str) -> bool:
    return wql.holds(wql.parse(f"SELECT * FROM Product WHERE {condition}").condition, ROW)


@pytest.mark.parametrize(
    "condition",
    [
        "ID = '8B2A'",
        'ID="8b2a"',
        "'8b2a' = ID",
        "LicenseStatus <> 1",
        "LicenseStatus != 1",
        "LicenseStatus >= 5 AND LicenseStatus < 6",
        "4 < LicenseStatus",
        "LicenseStatus = '5'",
        "PartialProductKey = NULL",
        "PartialProductKey IS NULL",
        "ID IS NOT NULL",
        "ID <> null",
        "LicenseIsAddon = FALSE",
        "licenseisaddon = 'false'",
        "NOT LicenseIsAddon = TRUE",
        "NOT (LicenseStatus = 1 OR LicenseStatus = 2)",
        "LicenseStatus = 1 OR ID = '8b2a' AND LicenseIsAddon = FALSE",
        "Name LIKE 'windows%edition'",
        "Name LIKE '%Enterpri_e%'",
        "ID LIKE '[0-9]b%'",
        "ID LIKE '[^a-f]b%'",
        "NOT ID LIKE '9%'",
        "ID NOT LIKE '9%'",
        "TimeGenerated >= '20260101130000.000000+060'",
        "TimeGenerated < '20260101120001.000000+000'",
    ],
)
def test_a_condition_selects(condition: str) -> None:
    assert selected(condition), condition


@pytest.mark.parametrize(
    "condition",
    [
        "ID = '8b2'",
        "LicenseStatus = 1",
        "PartialProductKey IS NOT NULL",
        "PartialProductKey <> 'MKWNH'",
        "NOT PartialProductKey = 'MKWNH'",
        "PartialProductKey LIKE '%'",
        "(LicenseStatus = 1 OR ID = '8b2a') AND LicenseIsAddon = TRUE",
        "ID LIKE '8b2'",
    ],
)
def test_a_condition_selects_not(condition: str) -> None:
    assert not selected(condition), condition


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT",
        "SELECT ID",
        "SELECT ID, FROM Product",
        "SELECT * FROM Product WHERE",
        "SELECT * FROM Product WHERE ID",
        "SELECT * FROM Product WHERE ID = ",
        "SELECT * FROM Product WHERE ID = 'x' ORDER BY ID",
        "SELECT * FROM Product WHERE (ID = 'x'",
        "SELECT * FROM Product WHERE ID = 'open",
        "SELECT * FROM Product WHERE ID < NULL",
        "SELECT * FROM Product WHERE ID LIKE 5",
        "SELECT * FROM Product WHERE ID = Name",
        "SELECT * FROM Product; DELETE",
        "ASSOCIATORS OF {Product.ID='x'}",
        "UPDATE Product SET ID = 1",
    ],
)
def test_anything_else_is_no_query(query: str) -> None:
    with pytest.raises(wql.WqlError):
        wql.parse(query)


@pytest.mark.parametrize("condition", ["LicenseStatus = 'five'", "LicenseIsAddon = 'maybe'", "TimeGenerated > 'today'"])
def test_unlike_types_are_not_compared(condition: str) -> None:
    with pytest.raises(wql.WqlError):
        selected(condition)


def test_a_query_keeps_what_the_client_wrote() -> None:
    query = wql.parse("select ID , LicenseStatus\n from SoftwareLicensingProduct where ID='a\\'b' and Name<>null")
    assert (query.class_name, query.properties) == ("SoftwareLicensingProduct", ("ID", "LicenseStatus"))
    assert wql.names_in(query.condition) == {"id", "name"}
    assert isinstance(query.condition, wql.Junction)
    assert query.condition.conditions[0] == wql.Comparison("id", "=", "a'b")
