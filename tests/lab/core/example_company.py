# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small company to rehearse with: one machine for a KMS host, some clients, keys with tight limits."""

from __future__ import annotations

from typing import Any, cast

from .rehearsal import Rehearsal, RehearsedFault, rehearse

#: Made up: one letter repeated in each of the first four groups.
MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKWNH"
CSVLK = "HHHHH-JJJJJ-KKKKK-MMMMM-KMNWX"
UNKNOWN_KEY = "QQQQQ-RRRRR-TTTTT-VVVVV-XYN23"


def company(
    windows_11: int = 3, servers: int = 6, behaviour: dict[str, Any] | None = None, **machines: Any
) -> Rehearsal:
    """kms01 without a key, win1.. and srv1.. as volume media leave them, and more machines by name.

    The MAK has 2 activations; the host key works on 2 hosts, 3 times each.
    """
    hosts = ["windows-server-2022-datacenter", "windows-server-2019-standard", "windows-10-enterprise"]
    document: dict[str, Any] = {
        "domain": "corp.example.test",
        "machines": {"kms01": {"os": "windows-server-2022-datacenter", "products": []}, **machines},
        "microsoft": {
            "keys": [
                {"key": MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 2},
                {
                    "key": CSVLK,
                    "kind": "kms_host",
                    "for": hosts,
                    "channel": "VOLUME_KMS_WS22",
                    "hosts": 2,
                    "activations_per_host": 3,
                },
            ]
        },
        "behaviour": {"products_without_key": 3, **(behaviour or {})},
    }
    if windows_11:
        document["machines"][f"win[1:{windows_11}]"] = {"os": "windows-11-enterprise"}
    if servers:
        document["machines"][f"srv[1:{servers}]"] = {"os": "windows-server-2022-standard"}
    return rehearse(document)


def one_machine(system: str = "windows-11-enterprise", empty: int = 120, **behaviour: Any) -> Rehearsal:
    """Only win1, as volume media leave it, with `empty` licence rows besides its own."""
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {"win1": {"os": system}},
            "behaviour": {"products_without_key": empty, **behaviour},
        }
    )


def machine_state(rehearsal: Rehearsal, machine: str) -> dict[str, Any]:
    """One machine of `lab state`."""
    machines = cast("dict[str, Any]", rehearsal.site.state()["machines"])
    found: dict[str, Any] = machines[machine]
    return found


def product(rehearsal: Rehearsal, machine: str) -> dict[str, Any]:
    """The one keyed row of a machine."""
    (row,) = machine_state(rehearsal, machine)["products"]
    found: dict[str, Any] = row
    return found


def failure(rehearsal: Rehearsal, machine: str) -> int:
    """The HRESULT of an activation that is meant to fail, 0 when it did not."""
    try:
        rehearsal.activate(machine)
    except RehearsedFault as fault:
        return fault.code
    return 0


def used(rehearsal: Rehearsal, last_five: str) -> int:
    """How many activations of a key are spent."""
    keys = cast("dict[str, Any]", rehearsal.site.state()["microsoft"])["keys"]
    return int(next(key["activations_used"] for key in keys if key["last_five"] == last_five))
