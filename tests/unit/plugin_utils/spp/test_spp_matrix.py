# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operating system x product x from x to x dialect, each in four runs, wherever the combination means something."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import pytest
from spp_lab import HOST_KEY, InProcessLab, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    ActivationType,
    Channel,
    DesiredClient,
    Outcome,
    ProductKey,
    Scope,
    converge_client,
)
from lab.core import DIALECTS
from lab.core.dialects import combinable

pytestmark = pytest.mark.combinations

SYSTEMS = {
    "old": "windows-7-enterprise",
    "win": "windows-11-enterprise",
    "srv": "windows-server-2022-standard",
}
OFFICES = ("ProPlus2010", "VisioStd2013", "Standard2016", "ProjectPro2019", "VisioPro2021", "ProPlus2024")
PRODUCTS = ("windows", *OFFICES)
CONSONANTS = "BCDFGHJKMPQRTVWXY"

#: A Windows that has no property and method of later ones than Windows 7 has no activation types either.
OLD_LISTS = "windows-7-property-lists"
MANNERS = {
    "standard": [],
    "many-dialects": [name for name in combinable() if name != OLD_LISTS],
    "many-other-dialects": [name for name in combinable(reversed(list(DIALECTS))) if name != OLD_LISTS],
    OLD_LISTS: [OLD_LISTS],
}


def made_up(number: int, end: str) -> str:
    return "-".join([*(CONSONANTS[(number + group) % len(CONSONANTS)] * 5 for group in range(4)), end])


def maks() -> dict[tuple[str, str], str]:
    """A MAK of each product; that of Windows is another one for each system."""
    pairs = [*((system, "windows") for system in SYSTEMS), *(("", office) for office in OFFICES)]
    return {pair: made_up(number, f"MK{CONSONANTS[number] * 2}T") for number, pair in enumerate(pairs)}


MAKS = maks()


def mak_of(system: str, product: str) -> str:
    return MAKS[system if product == "windows" else "", product]


def entry(system: str, product: str, start: str) -> dict[str, Any]:
    """What a machine has of a product before."""
    named = {} if product == "windows" else {"office": product}
    if start == "mak":
        return {**named, "key": mak_of(system, product), "activated": True}
    return {**named, **({"channel": "gvlk"} if product == "windows" else {})}


@functools.cache
def machine_of(system: str, product: str, start: str, goal: str) -> str:
    combinations = [(s, p, f, g) for s in SYSTEMS for p in PRODUCTS for f in ("mak", "gvlk") for g in GOALS]
    return f"{system}{combinations.index((system, product, start, goal)):03}"


GOALS = {
    "kms": DesiredClient(channel=Channel.KMS_CLIENT, activation_type=None, activate=Activate.IF_NEEDED),
    "ad": DesiredClient(
        channel=Channel.KMS_CLIENT, activation_type=ActivationType.ACTIVE_DIRECTORY, activate=Activate.IF_NEEDED
    ),
    "mak": DesiredClient(channel=Channel.MAK, activate=Activate.IF_NEEDED),
}


def means_something(system: str, product: str, start: str, goal: str) -> bool:
    """No machine is asked for what it has, and what is of the older service has no Active Directory."""
    is_older = system == "old" or product == "ProPlus2010"
    return not (start == goal == "mak") and not (goal == "ad" and is_older)


COMBINATIONS = [
    (system, product, start, goal)
    for system in SYSTEMS
    for product in PRODUCTS
    for start in ("mak", "gvlk")
    for goal in GOALS
    if means_something(system, product, start, goal)
]


@functools.cache
def site(manner: str) -> InProcessLab:
    """One machine for each combination, and a KMS host and a forest that activate all of them."""
    releases = sorted({office[-4:] for office in OFFICES})
    hosts = {release: made_up(number, f"KH{CONSONANTS[number] * 2}T") for number, release in enumerate(releases)}
    machines: dict[str, Any] = {
        "kms01": {
            "os": "windows-server-2022-datacenter",
            "products": [
                {"key": HOST_KEY, "activated": True},
                *({"office_host": release, "key": key, "activated": True} for release, key in hosts.items()),
            ],
        }
    }
    for combination in COMBINATIONS:
        system, product, start, _goal = combination
        products = [entry(system, product, start)]
        if product != "windows":
            products.insert(0, {"channel": "gvlk"})
        machines[machine_of(*combination)] = {"os": SYSTEMS[system], "products": products}
    objects = [{"name": f"office {release}", "office_host": release} for release in releases if release != "2010"]
    lab = new_lab(
        {
            "domain": "corp.example.test",
            "active_directory": {"activation_objects": [{"name": "windows", "channel": "VOLUME_KMS_WS22"}, *objects]},
            "machines": machines,
            "microsoft": {
                "keys": [
                    {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
                    *({"key": key, "kind": "kms_host", "for": [f"office-{name}"]} for name, key in hosts.items()),
                    *(
                        {"key": key, "kind": "mak", "for": [SYSTEMS.get(system, product)], "activations": 100}
                        for (system, product), key in MAKS.items()
                    ),
                ]
            },
            "behaviour": {"products_without_key": 2},
        },
        dialects=MANNERS[manner],
    )
    lab.site.set("kms01", "firewall", "on")
    shared = "office-counts-by-application" in MANNERS[manner]
    for pool in ("office-2010", "office") if shared else [f"office-{release}" for release in releases]:
        lab.site.set("kms01", "clients", f"{pool}:10")
    lab.site.set("kms01", "clients", "50")
    lab.publish("kms01")
    return lab


#: What no edition of Windows decides is tried on one of them under dialects.
TRIED = [
    (manner, *combination)
    for manner in MANNERS
    for combination in COMBINATIONS
    if manner == "standard" or (combination[0] != "srv" and (manner, combination[3]) != (OLD_LISTS, "ad"))
]


@pytest.mark.parametrize("tried", TRIED, ids="-".join)
def test_each_way_is_gone_in_four_runs(tried: tuple[str, str, str, str, str]) -> None:
    manner, system, product, start, goal = tried
    lab, machine, desired = site(manner), machine_of(system, product, start, goal), GOALS[goal]
    key = mak_of(system, product)
    desired = replace(
        desired,
        scope=Scope.WINDOWS if product == "windows" else Scope.OFFICE,
        product_key=ProductKey(key) if goal == "mak" else None,
    )
    spent = lab.microsoft(key[-5:])
    predicted = converge_client(lab.licensing(machine), desired, check_mode=True)
    applied = converge_client(lab.licensing(machine), desired, check_mode=False)
    assert predicted.operations == applied.operations
    assert applied.outcome is Outcome.LICENSED
    assert ("InstallProductKey" in applied.operations) == ((start == "mak") != (goal == "mak"))
    assert any(row.channel is desired.channel and row.is_licensed for row in applied.state.products)
    for check_mode in (False, True):
        assert converge_client(lab.licensing(machine), desired, check_mode=check_mode).operations == []
    assert lab.microsoft(key[-5:]) - spent == (goal == "mak")


def test_a_windows_that_turns_out_to_have_no_activation_types_is_told_in_a_sentence() -> None:
    lab, machine = site(OLD_LISTS), machine_of("win", "windows", "gvlk", "ad")
    with pytest.raises(ActivationFailed, match=r"^SetVLActivationTypeEnabled failed for Windows\(R\), Enter"):
        converge_client(lab.licensing(machine), GOALS["ad"], check_mode=False)
