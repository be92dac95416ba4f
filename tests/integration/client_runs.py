# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab whose KMS host has counted enough, and `client` run four times: check, apply, apply, check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("client_site.yml")
KMS = "kms01.corp.example.test"


@contextmanager
def client_lab(folder: Path) -> Iterator[RunningLab]:
    """The site, with a KMS host that activates everybody."""
    with running_lab(SITE, folder) as lab:
        opened = lab.module("kms01", "host", firewall_rule=True)
        assert opened["status"] == "CHANGED", opened
        for clients in ("50", "office-2021:10", "office-2016:10"):
            lab("set", "kms01", f"clients={clients}")
        yield lab


def four_runs(lab: RunningLab, machine: str, **options: Any) -> dict[str, Any]:
    """The result of the run that changed something; check mode said the same, and another run changes nothing."""
    before = keys(lab, machine)
    check = lab.module(machine, "client", "--check", **options)
    assert keys(lab, machine) == before
    applied = lab.module(machine, "client", **options)
    assert applied["status"] == "CHANGED", applied.get("msg")
    assert check["operations"] == applied["operations"]
    for flags in ([], ["--check"]):
        again = lab.module(machine, "client", *flags, **options)
        assert (again["status"], again["operations"]) == ("SUCCESS", [])
    return applied


def keys(lab: RunningLab, machine: str) -> list[tuple[str, int]]:
    """The keys of a machine as the lab has them, with their LicenseStatus."""
    products = lab.machine(machine)["products"]
    return [(row["partial_product_key"], row["license_status"]) for row in products]
