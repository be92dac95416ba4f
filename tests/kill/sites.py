# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sites that are migrated: one by a seed and waves, and one whose KMS host dies, so that MAKs are given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migration_runs import KEYS, OFFICE_HOST, OFFICE_SERVER, SERVER, SERVER_MAK
from migration_runs import KMS_HOST as HOST

KMS_HOST = "kms01"
DOMAIN = "corp.example.test"
#: So that machines that are at it together are seen in the middle of it.
REQUEST_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Scenario:
    """A site, and how it is migrated. `products`: the licences of each machine that is moved.

    `ends_well`: whether a run that nobody kills moves everything. `troubles` are set on the KMS host before the first
    run, `mended` before the next. `budget`: activations of the MAK that rollbacks may spend, in all runs together.
    """

    name: str
    machines: Mapping[str, Any]
    products: Mapping[str, int]
    variables: Mapping[str, Any]
    ends_well: bool = True
    troubles: Mapping[str, str] = field(default_factory=dict)
    mended: Mapping[str, str] = field(default_factory=dict)
    budget: int = 0

    def site(self) -> dict[str, Any]:
        """The site file of the lab."""
        return {
            "domain": DOMAIN,
            "machines": dict(self.machines),
            "dns": {"software": "builtin", "records": [{"target": KMS_HOST}]},
            "microsoft": {"keys": KEYS},
            "behaviour": {"products_without_key": 2, "request_seconds": REQUEST_SECONDS},
        }


def _named(stem: str, count: int) -> list[str]:
    return [f"{stem}{number:02}" for number in range(1, count + 1)]


SEED_AND_WAVES = Scenario(
    name="seed and waves",
    machines={KMS_HOST: OFFICE_HOST, "off[01:05]": OFFICE_SERVER, "srv[01:03]": SERVER},
    products=dict.fromkeys(_named("off", 5), 2) | dict.fromkeys(_named("srv", 3), 1),
    variables={"mak_to_kms_batch": "2"},
)
ROLLBACK = Scenario(
    name="rollback",
    machines={KMS_HOST: {**HOST, "clients": 20}, "srv[01:08]": SERVER},
    products=dict.fromkeys(_named("srv", 8), 1),
    variables={
        "mak_to_kms_batch": "3",
        "mak_to_kms_rollback": True,
        "mak_to_kms_rollback_key": SERVER_MAK,
        "mak_to_kms_mak_budget": 2,
    },
    ends_well=False,
    # A canary, and the first wave. In the second nobody is answered, and two of three get their MAK back.
    troubles={"kms_answers": "4"},
    mended={"kms_answers": "", "kms_service": "up"},
    budget=2,
)
SCENARIOS = (SEED_AND_WAVES, ROLLBACK)
