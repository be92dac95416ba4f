# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manners of speaking: how all machines of the lab speak while an integration test runs.

Every integration test that is about what machines say is run in each of them: in the first by `make test`, in the
others by one series of the matrix each. One by hand: `pytest --manner=dialects-1`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gates.tree import ROOT
from lab.core import DIALECTS
from lab.core.dialects import combinable

STANDARD = "standard"

# Test modules in which it does not matter how machines speak -> what they are about instead. `make test` runs them.
ONE_MANNER = {
    "test_bad_input_dns.py": "DNS servers",
    "test_bad_input_endpoints.py": "endpoints that are no Windows at all",
    "test_dialects.py": "each machine speaks a dialect of its own, and two speak many",
    "test_endpoint_info.py": "KMS endpoints",
    "test_examples.py": "the documentation; what its tasks ask is asked by other modules in every manner",
    "test_interruption.py": "a process that is killed",
    "test_kms_dns_role.py": "DNS records; of the machines one option is set",
    "test_migrate.py": "a fleet; its roles and modules are those that other modules run in every manner",
    "test_replace_host.py": "the order of playbooks; what their modules ask, the tests of hosts ask in every manner",
    "test_lab_*.py": "the lab itself, and what it says is what is tested",
    "test_report_*.py": "records and what is made of them",
    "test_srv_*.py": "DNS servers",
    "test_transports_*.py": "connections and logins, below what is said",
    "test_warm_start.py": "each command twice",
}

#: Dialects that leave nothing to go by when one machine speaks both.
APART = (frozenset({"failure-leaves-no-reason", "low-count-is-success"}),)

#: Dialects that only change what is read, or take away what may be changed -> why they have no manner for all modules.
OF_READING = {
    "dates-with-offset": "nothing but how a time is written; the other forms of dates are in manners for all",
    "windows-7-property-lists": "lookup domains and types of activation cannot be set then",
}
#: The manner with these dialects is for the modules that are about reading.
READING = "reading"
ABOUT_READING = (
    "test_client_info_*.py",
    "test_fleet_info.py",
    "test_host_info_*.py",
    "test_selftest.py",
)


def manners_of_speaking() -> dict[str, list[str]]:
    """By name: nothing special; then dialects, as many at once as go together, until each was spoken."""
    manners: dict[str, list[str]] = {STANDARD: []}
    every = [name for name in DIALECTS if name not in OF_READING]
    unspoken = every
    while unspoken:
        spoken = _together([*unspoken, *every])
        manners[f"dialects-{len(manners)}"] = spoken
        unspoken = [name for name in unspoken if name not in spoken]
    return manners | {READING: _together([*OF_READING, *every])}


def _together(names: Iterable[str]) -> list[str]:
    """As many as go together, the first of all."""
    chosen: list[str] = []
    for name in dict.fromkeys(names):
        if not any(pair <= {*chosen, name} for pair in APART):
            chosen.append(name)
    return combinable(chosen)


def modules_of(manner: str) -> list[str]:
    """The test modules that are run in a manner, as paths from the root."""
    modules = sorted((ROOT / "tests" / "integration").glob("test_*.py"))
    if manner == READING:
        spoken = [path for path in modules if any(path.match(pattern) for pattern in ABOUT_READING)]
    else:
        spoken = [path for path in modules if not any(path.match(pattern) for pattern in ONE_MANNER)]
    return [path.relative_to(ROOT).as_posix() for path in spoken]


def dealt(series: Sequence[str]) -> dict[str, list[str]]:
    """Series of the matrix -> the manners in which it runs them: each but the first, as evenly as it goes."""
    names = [name for name in manners_of_speaking() if name != STANDARD]
    return {each: names[place :: len(series)] for place, each in enumerate(series)}
