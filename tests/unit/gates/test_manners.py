# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No integration test is left out of a manner of speaking, and no dialect out of the manners."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from gates.catalogue import GATES
from gates.manners import (
    ABOUT_READING,
    OF_READING,
    ONE_MANNER,
    READING,
    STANDARD,
    dealt,
    manners_of_speaking,
    modules_of,
)
from gates.matrix import SERIES, gates_of, of_this_environment
from gates.tree import ROOT
from lab.core import DIALECTS

INTEGRATION = ROOT / "tests" / "integration"
MODULES = {path.relative_to(ROOT).as_posix() for path in INTEGRATION.glob("test_*.py")}


def test_every_dialect_is_spoken_in_a_manner() -> None:
    manners = manners_of_speaking()
    assert next(iter(manners.items())) == (STANDARD, [])
    assert {name for spoken in manners.values() for name in spoken} == set(DIALECTS)


@pytest.mark.parametrize("done", [None, "2.16", "2.19", "2.21", of_this_environment()])
def test_make_test_and_the_matrix_run_every_module_in_every_manner(done: str | None) -> None:
    """Whichever series `make test` has run with, and is left out of the matrix."""
    series = [each for each in SERIES if each != done]
    (integration,) = (gate for gate in GATES if gate.name == "integration")
    assert "tests/integration" in integration.commands[0], "all of it, in the first manner"
    assert not [word for word in integration.commands[0] if word.startswith(("--manner", "-k", "-m="))]
    run = {(module, STANDARD) for module in MODULES}
    for name, manners in dealt(series).items():
        gates = gates_of(name, Path("/env/bin/python"), manners)
        for command in (command for gate in gates if gate.name.endswith("-integration") for command in gate.commands):
            (manner,) = [word.partition("=")[2] for word in command if word.startswith("--manner=")] or [STANDARD]
            run |= {(word, manner) for word in command if word in MODULES}
    wanted = {(module, manner) for manner in manners_of_speaking() for module in modules_of(manner)}
    assert wanted - run == set()


def test_every_dialect_but_those_of_reading_is_for_all_modules() -> None:
    manners = manners_of_speaking()
    for_all = {name for manner, spoken in manners.items() if manner != READING for name in spoken}
    assert set(DIALECTS) - for_all == set(OF_READING)
    assert set(OF_READING) <= set(manners[READING])
    assert {name for name in manners if modules_of(name) != modules_of(STANDARD)} == {READING}
    read = [path for pattern in ABOUT_READING for path in INTEGRATION.glob(pattern)]
    assert {path.relative_to(ROOT).as_posix() for path in read} == set(modules_of(READING))
    assert all(any(INTEGRATION.glob(pattern)) for pattern in ABOUT_READING)


def test_what_runs_in_one_manner_is_there_and_has_its_reason() -> None:
    left_out = MODULES - set(modules_of(STANDARD))
    assert all(any(Path(name).match(pattern) for name in left_out) for pattern in ONE_MANNER), "nothing has this name"
    assert all(ONE_MANNER.values())


@pytest.mark.parametrize("subject", ["client", "host", "kms_client", "kms_host", "windows", "fleet", "selftest"])
def test_what_is_about_machines_speaks_in_every_manner(subject: str) -> None:
    about = {
        name
        for name in MODULES
        if Path(name).name.startswith(f"test_{subject}_") or Path(name).stem == f"test_{subject}"
    }
    assert about
    assert about <= set(modules_of(STANDARD))


def test_no_module_chooses_its_own_manner() -> None:
    """Else it would speak the same whatever the run asks for."""
    for path in sorted(INTEGRATION.glob("*.py")):
        if path.name in {"running_lab.py", "test_dialects.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "running_lab":
                words = {keyword.arg for keyword in node.keywords}
                assert len(node.args) <= 2, f"{path.name}, line {node.lineno}"
                assert "dialects" not in words, f"{path.name}, line {node.lineno}"
