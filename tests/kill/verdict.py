# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be so at the end of a migration, however often it was killed. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kill.sites import KMS_HOST, Scenario

LICENSED = 1
INSTALL_KEY = "Invoke SoftwareLicensingService.InstallProductKey"

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ending:
    """What was found: `lab state` before and after, `lab stats` of all runs, and the journal."""

    before: State
    after: State
    stats: State
    journal: str

    def used(self) -> dict[str, int]:
        """Activations that Microsoft has given meanwhile, by the last five characters of the key; not those of 0."""
        before = {key["last_five"]: key["activations_used"] for key in self.before["microsoft"]["keys"]}
        now = {key["last_five"]: key["activations_used"] for key in self.after["microsoft"]["keys"]}
        return {key: used - before[key] for key, used in now.items() if used != before[key]}

    def maks(self) -> set[str]:
        """The last five characters of the MAKs."""
        return {key["last_five"] for key in self.after["microsoft"]["keys"] if key["kind"] == "mak"}

    def installed(self, machine: str) -> int:
        """How often a key was installed on it."""
        found: int = self.stats["machines"].get(machine, {}).get(INSTALL_KEY, {}).get("requests", 0)
        return found

    def entries(self) -> list[dict[str, Any]]:
        """The lines of the journal that are whole."""
        return [entry for line in self.journal.splitlines() if (entry := _entry(line))]

    def rollbacks(self) -> dict[str, int]:
        """How often each machine was to get its MAK back."""
        found: dict[str, int] = {}
        for entry in self.entries():
            if entry.get("rollback"):
                found[entry["machine"]] = found.get(entry["machine"], 0) + 1
        return found


def _entry(line: str) -> dict[str, Any]:
    """A line of the journal; nothing, where a run was killed while it wrote."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return entry


def unfinished(scenario: Scenario, ending: Ending) -> list[str]:
    """Machines that are not where they should be: not activated by KMS, or still pinned."""
    faults = []
    for name, products in scenario.products.items():
        machine = ending.after["machines"][name]
        moved = [
            product
            for product in machine["products"]
            if product["license_status"] == LICENSED and product["activated_by"] == "kms"
        ]
        if len(moved) < products:
            faults.append(f"{name}: {len(moved)} of {products} products are activated by KMS")
        pins = {machine["service"]["kms_machine"], *(product["kms_machine"] for product in machine["products"])}
        if pins != {None}:
            faults.append(f"{name} is still pinned to {', '.join(sorted(pin for pin in pins if pin))}")
    return faults


def spent_twice(scenario: Scenario, ending: Ending) -> list[str]:
    """What was done more often than it takes."""
    return [
        *_activations(scenario, ending),
        *_keys(scenario, ending),
        *_requests(scenario, ending),
        *_journal(scenario, ending),
    ]


def _activations(scenario: Scenario, ending: Ending) -> Iterator[str]:
    noted = sum(ending.rollbacks().values())
    if noted > scenario.budget:
        yield f"{noted} rollbacks were chosen, and the budget is {scenario.budget}"
    asked = ending.after["microsoft"]["requests"] - ending.before["microsoft"]["requests"]
    if asked > noted:
        yield f"Microsoft was asked for {asked} activations, and {noted} rollbacks were chosen"
    for key, used in ending.used().items():
        if used > (noted if key in ending.maks() else 0):
            yield f"{used} activations of the key {key} were spent, and {noted} rollbacks were chosen"


def _keys(scenario: Scenario, ending: Ending) -> Iterator[str]:
    rollbacks = ending.rollbacks()
    for name, products in scenario.products.items():
        # Who gets the MAK back is moved once more.
        most = products + 2 * rollbacks.get(name, 0)
        if ending.installed(name) > most:
            yield f"{name}: {ending.installed(name)} keys were installed, and it takes {most}"


def _requests(scenario: Scenario, ending: Ending) -> Iterator[str]:
    host, before = (state["machines"][KMS_HOST]["kms_host"] for state in (ending.after, ending.before))
    again = host["requests"]["by_license_status"][LICENSED] - before["requests"]["by_license_status"][LICENSED]
    if again:
        yield f"{again} requests for an activation came from machines that were activated already"
    for pool, found in host["pools"].items():
        needed = sum(products > (pool != "windows") for products in scenario.products.values())
        counted = found["count"] - before["pools"][pool]["count"]
        if counted != needed:
            yield f"{KMS_HOST} counts {counted} more machines for {pool} than before, not {needed}"


def _journal(scenario: Scenario, ending: Ending) -> Iterator[str]:
    former: dict[str, list[dict[str, Any]]] = {}
    for entry in ending.entries():
        if "former" in entry:
            former.setdefault(entry["machine"], []).append(entry["former"])
    for name, products in scenario.products.items():
        noted = former.get(name, [])
        if len(noted) != 1:
            yield f"{name}: what it was is in the journal {len(noted)} times"
        elif [product["channel"] for product in noted[0]["products"]] != ["mak"] * products or noted[0]["kms_host"]:
            yield f"{name}: the journal does not have what it was, but {json.dumps(noted[0])}"
