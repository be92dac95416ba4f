# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a migration: what each machine was before, and which rollbacks were chosen. Text in, text out. Pure.

JSON Lines, only ever added to: a line that was cut off by a killed run is no line.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from ._migration_machines import Machine

SCHEMA: t.Final = 1


@dataclass(frozen=True, slots=True)
class Journal:
    """What earlier runs wrote. `former` by machine; `rollbacks`: for each machine how often a MAK was given back."""

    former: Mapping[str, Mapping[str, t.Any]] = field(default_factory=dict)
    rollbacks: Mapping[str, int] = field(default_factory=dict)

    @property
    def spent(self) -> int:
        """Activations that rollbacks may have spent."""
        return sum(self.rollbacks.values())


def read_journal(text: str) -> Journal:
    """A journal from its file. The first state of a machine counts: later ones are of the migration's own making."""
    former: dict[str, Mapping[str, t.Any]] = {}
    rollbacks: dict[str, int] = {}
    for line in text.splitlines():
        entry = _entry(line)
        machine = str(entry.get("machine"))
        if "former" in entry:
            former.setdefault(machine, entry["former"])
        if entry.get("rollback"):
            rollbacks[machine] = rollbacks.get(machine, 0) + 1
    return Journal(former, rollbacks)


def _entry(line: str) -> dict[str, t.Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and "machine" in entry else {}


def new_lines(journal: Journal, machines: Iterable[Machine], recorded: str) -> list[str]:
    """The lines of the machines that the journal doesn't have yet. `recorded`: ISO 8601, UTC."""
    return [
        json.dumps(
            {"schema": SCHEMA, "machine": machine.name, "recorded": recorded, "former": _former(machine)},
            sort_keys=True,
        )
        for machine in machines
        if machine.name not in journal.former
    ]


def _former(machine: Machine) -> dict[str, t.Any]:
    """What is needed to put a machine back, and to tell what this migration set. Of keys the last five characters."""
    return {
        "kms_host": machine.pin,
        "products": [
            {
                "product": licence.name,
                "activation_id": licence.former.activation_id,
                "channel": licence.former.channel.value,
                "partial_product_key": licence.former.partial_product_key,
                "license_status": int(licence.former.license_status),
            }
            for licence in machine.licences
            if licence.former is not None
        ],
    }
