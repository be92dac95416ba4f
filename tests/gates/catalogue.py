# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of gates: what each runs, where, and after which others. The runner takes them from the top."""

from __future__ import annotations

import sys
from dataclasses import dataclass

PYTHON = sys.executable
COVERED_AT_LEAST = 90
# The same packages by the same names as at run time: the collection through its link, the lab as `lab`.
COLLECTION = ".venv/ansible/ansible_collections/volact/kms"

# What is no part of the collection, and what is the same to every core and Python (combinations of data, contracts on
# texts), are a gate of their own: measuring which branches they take would double their time.
APART = ("tests/unit/lab", "tests/unit/gates", "tests/unit/molecule")
OF_THE_COLLECTION = ("tests/unit", *(f"--ignore={folder}" for folder in APART))
UNITS = (*OF_THE_COLLECTION, "-m", "not combinations")
# Nothing of Ansible is imported there, neither by the tests nor by what they test: to them another core is no change.
WITHOUT_ANSIBLE = ("tests/unit/plugin_utils/spp", "tests/unit/plugin_utils/wsman")

LOGS = "build/test"
DATA = f"{LOGS}/coverage"


@dataclass(frozen=True, slots=True)
class Gate:
    """One check: commands that all have to succeed.

    `in_collection` runs them in a copy of the project below ansible_collections/, else they run in the repository.
    `after` names gates whose results this one uses: it waits for them when they are part of the run. `measured`
    records which branches of plugins/ the commands and their subprocesses take. `fenced` commands have loopback and no
    other network. `python` is the interpreter whose programs the commands find first.
    """

    name: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    in_collection: bool = False
    after: tuple[str, ...] = ()
    measured: bool = False
    fenced: bool = False
    python: str = PYTHON


# The long ones first: two run at a time, and a long one at the end would run alone.
GATES = (
    Gate("sanity", "ansible-test sanity", ((PYTHON, "-m", "gates.sanity"),), in_collection=True),
    Gate(
        "integration",
        "against the lab",
        ((PYTHON, "-m", "pytest", "--quiet", "--numprocesses=2", "--dist=loadscope", "tests/integration"),),
        fenced=True,
    ),
    Gate(
        "units",
        "units and contracts",
        ((PYTHON, "-m", "coverage", "run", "-m", "pytest", "--quiet", *UNITS),),
        measured=True,
        fenced=True,
    ),
    Gate(
        "combinations",
        "units of the lab and the gates, all combinations of data, contracts on texts",
        (
            (PYTHON, "-m", "pytest", "--quiet", *APART),
            (PYTHON, "-m", "pytest", "--quiet", *OF_THE_COLLECTION, "-m", "combinations"),
        ),
        fenced=True,
    ),
    Gate(
        "coverage",
        f"branches of plugins/ >= {COVERED_AT_LEAST} %",
        (
            (PYTHON, "-m", "coverage", "combine", "--quiet", "--keep", f"{DATA}/units"),
            (PYTHON, "-m", "coverage", "html", "--quiet", "--directory=build/coverage"),
            (PYTHON, "-m", "coverage", "report", f"--fail-under={COVERED_AT_LEAST}"),
        ),
        after=("units",),
    ),
    Gate(
        "ansible-lint",
        "profile production",
        ((PYTHON, "-m", "ansiblelint", "--offline", "--strict", "--nocolor", "--profile=production"),),
        in_collection=True,
    ),
    Gate(
        "mypy",
        "types",
        ((PYTHON, "-m", "mypy", f"{COLLECTION}/plugins", "tests", "docs/reference"),),
    ),
    Gate(
        "docs",
        "antsibull-docs lint",
        (("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", "."),),
        in_collection=True,
    ),
    Gate("lab-alone", "the lab starts without the collection", ((PYTHON, "-m", "gates.lab_alone"),)),
    Gate("build", "collection archive and its content", ((PYTHON, "-m", "gates.archive"),), in_collection=True),
    Gate("changelog", "antsibull-changelog lint", (("antsibull-changelog", "lint"),), in_collection=True),
    Gate("yamllint", "YAML", ((PYTHON, "-m", "yamllint", "--strict", "."),), in_collection=True),
    Gate("ruff-check", "style", ((PYTHON, "-m", "ruff", "check", "--no-cache", "."),)),
    Gate("ruff-format", "format", ((PYTHON, "-m", "ruff", "format", "--check", "--no-cache", "."),)),
)
