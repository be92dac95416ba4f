# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are: the project, its scenarios, and what a run makes below `build`."""

from __future__ import annotations

from pathlib import Path

from .errors import ContainersError

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "molecule"
BUILD = ROOT / "build" / "molecule"
STATE = BUILD / "state"
IMAGES = Path(__file__).resolve().parent / "images"


def scenario_names() -> list[str]:
    """All scenarios: the folders with a site file."""
    return sorted(folder.name for folder in SCENARIOS.iterdir() if site_file(folder.name).exists())


def site_file(scenario: str) -> Path:
    """The lab's site file of a scenario. Not beside the playbooks: ansible-lint would take it for one."""
    return SCENARIOS / scenario / "lab" / "site.yml"


def work_folder(scenario: str) -> Path:
    """What a scenario's run makes. Raises ContainersError for a name that is no scenario."""
    if scenario not in scenario_names():
        raise ContainersError(f"There is no scenario {scenario!r}; there are {', '.join(scenario_names())}.")
    return BUILD / scenario
