# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What moving 200 machines from MAK to KMS costs, from the plan to the report: a seed, waves, and what lies between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.cost import BenchError, environment, play
from bench.figures import Figure, slope
from bench.simulated_site import FEW, MANY, fleet, running

NOOPS_AT_MOST = 8
#: The larger group is moved first: it needs a seed of 25, asked twice, which lifts the count for the other as well.
SIZES = {"many": MANY, "few": FEW}


def site() -> dict[str, Any]:
    """The fleet of the other figures, with a KMS host that nobody has asked yet, and that DNS names."""
    found = fleet()
    found["machines"]["kms01"]["groups"] = ["kms_hosts"]
    found["dns"]["records"] = [{"target": "kms01"}]
    return found


def measure_migration(folder: Path) -> dict[str, dict[str, float]]:
    """The CPU seconds of one migration of each group, and the mean of a no-op just before and after it.

    Raises BenchError.
    """
    cpu: dict[str, float] = {}
    noop: dict[str, float] = {}
    with running(site(), folder / "migration") as lab:
        variables = environment(lab.folder.inventory)
        lab.set("kms01", firewall="on")
        for group, size in SIZES.items():
            before = play("noop", group, variables).cpu
            cpu[group] = play("migrate", group, variables).cpu
            # A computer may change its speed meanwhile, and one of the two be of a time that the migration never saw.
            noop[group] = (before + play("noop", group, variables).cpu) / 2
            if lab.licensed(group) != size:
                raise BenchError(f"Of {size} machines {lab.licensed(group)} were moved.")
    return {"migrate": cpu, "noop": noop}


def migration_figures(cpu: Mapping[str, Mapping[str, float]]) -> list[Figure]:
    """From what `measure_migration` gives."""
    moved, noop = (slope([cpu[name]["few"]], [cpu[name]["many"]], MANY - FEW) for name in ("migrate", "noop"))
    whole = cpu["migrate"]["many"]
    return [
        Figure(f"migration of {MANY} machines: CPU in all", whole, "s"),
        Figure(
            f"migration of {MANY} machines: CPU in all, for each, times a no-op",
            whole / MANY / noop,
            "times",
            NOOPS_AT_MOST,
        ),
        Figure("migration: CPU of one more machine", 1000 * moved, "ms"),
        Figure("migration: CPU of one more machine, times a no-op", moved / noop, "times", NOOPS_AT_MOST),
    ]
