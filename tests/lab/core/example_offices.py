# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines with Office to rehearse with, beside a KMS host with the licence packs of two releases."""

from __future__ import annotations

from typing import Any

from .rehearsal import Rehearsal, rehearse

#: Made up: one letter repeated in each of the first four groups.
OFFICE_MAK = "JJJJJ-KKKKK-MMMMM-PPPPP-MKNFF"
OFFICE_2010_MAK = "KKKKK-MMMMM-PPPPP-QQQQQ-MKTFF"
OFFICE_CSVLK = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNFF"
OFFICE_2016_CSVLK = "PPPPP-QQQQQ-RRRRR-TTTTT-KNMFF"
WINDOWS_CSVLK = "HHHHH-JJJJJ-KKKKK-MMMMM-KMNWX"

KEYED = "SELECT Name, Description, LicenseStatus, PartialProductKey FROM {}Product WHERE PartialProductKey IS NOT NULL"


def offices(behaviour: dict[str, Any] | None = None, clients: int = 6, **machines: Any) -> Rehearsal:
    """kms01, which hosts Windows and Office 2016 and 2021; pc1.. with Office 2021; and more machines by name."""
    system = "windows-server-2022-datacenter"
    host = [
        {"key": WINDOWS_CSVLK, "activated": True},
        {"office_host": "2021", "key": OFFICE_CSVLK, "activated": True},
        {"office_host": "2016", "key": OFFICE_2016_CSVLK, "activated": True},
    ]
    document: dict[str, Any] = {
        "domain": "corp.example.test",
        "machines": {"kms01": {"os": system, "products": host}, **machines},
        "microsoft": {
            "keys": [
                {"key": WINDOWS_CSVLK, "kind": "kms_host", "for": [system]},
                {"key": OFFICE_CSVLK, "kind": "kms_host", "for": ["office-2021"]},
                {"key": OFFICE_2016_CSVLK, "kind": "kms_host", "for": ["office-2016"]},
                {"key": OFFICE_MAK, "kind": "mak", "for": ["ProPlus2021", "ProPlus2016"], "activations": 3},
                {"key": OFFICE_2010_MAK, "kind": "mak", "for": ["ProPlus2010"], "activations": 3},
            ]
        },
        "behaviour": {"products_without_key": 3, **(behaviour or {})},
    }
    if clients:
        products = [{"channel": "gvlk"}, {"office": "ProPlus2021"}]
        document["machines"][f"pc[1:{clients}]"] = {"os": "windows-11-enterprise", "products": products}
    lab = rehearse(document)
    lab.enable_firewall_rule("kms01")
    lab.publish("kms01")
    return lab


def keyed(lab: Rehearsal, machine: str, family: str = "SoftwareLicensing") -> dict[str, dict[str, str | None]]:
    """The rows with a key of a class family by the last five characters."""
    return {str(row["PartialProductKey"]): row for row in lab.query(machine, KEYED.format(family))}
