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
        opened = lab.module("kms01", "host", firewall={"state": "enabled", "allow_public": True})
        assert opened["status"] == "CHANGED", opened
        lab("set", "kms01", "clients=50")
        office_clients(lab, 10)
        yield lab


def office_clients(lab: RunningLab, number: int) -> None:
    """Let the host remember so many clients in each of its counts of Office: one per release, or one in all."""
    for pool in lab.machine("kms01")["kms_host"]["pools"]:
        if pool.startswith("office"):
            lab("set", "kms01", f"clients={pool}:{number}")


def four_runs(lab: RunningLab, machine: str, **options: Any) -> dict[str, Any]:
    """The result of the run that changed something; check mode said the same, and another run changes nothing."""
    before = keys(lab, machine)
    check = lab.module(machine, "client", "--check", **options)
    assert keys(lab, machine) == before
    applied = lab.module(machine, "client", **options)
    assert applied["status"] == "CHANGED", applied.get("msg")
    assert predictable(lab, check) == predictable(lab, applied)
    for flags in ([], ["--check"]):
        again = lab.module(machine, "client", *flags, **options)
        assert (again["status"], again["operations"]) == ("SUCCESS", [])
    return applied


def predictable(lab: RunningLab, result: dict[str, Any]) -> list[str]:
    """Operations of a result; where a new key of Office takes the place of the old one, none is left to remove."""
    gone = {"UninstallProductKey"} if "office-key-replaces" in lab.dialects else set()
    return [operation for operation in result["operations"] if operation not in gone]


def keys(lab: RunningLab, machine: str) -> list[tuple[str, int]]:
    """The keys of a machine as the lab has them, with their LicenseStatus."""
    products = lab.machine(machine)["products"]
    return [(row["partial_product_key"], row["license_status"]) for row in products]
