# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make matrix`: what depends on ansible-core, with every series that the collection supports.

`python -m gates.matrix [--after-tests] [SERIES ...]`, all of them without one. Exit status 0: all passed. 1: something
failed, an interpreter is missing, or in CI something was skipped. 2: no such series.

Each series has an environment in build/matrix, made of requirements/core-SERIES.txt, and made again when that changes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from gates.__main__ import AT_ONCE, line_of, run_all, summarise
from gates.catalogue import LOGS, UNITS, WITHOUT_ANSIBLE, Gate
from gates.installer import install
from gates.interpreters import find_interpreter, variable
from gates.manners import dealt, modules_of
from gates.tree import ROOT

# ansible-core series -> Python to run it on.
SERIES: Mapping[str, str] = {
    "2.16": "3.10",
    "2.17": "3.11",
    "2.18": "3.11",
    "2.19": "3.11",
    "2.20": "3.12",
    "2.21": "3.13",
}
ENVIRONMENTS = ROOT / "build" / "matrix"

# What touches Ansible's own interfaces, connections, actions, modules, roles: with every series, in whatever manner.
INTEGRATION = (
    "tests/integration/test_site_playbook.py",
    "tests/integration/test_windows_modules.py",
)
# What decides in templates, whose rules changed with 2.19: with the oldest series and, by `make test`, after that. In
# these are waves, subnets, slices, a journal on another host, and rollbacks, refused ones too; what the others of their
# module are about is decided in functions, whose units run with each series.
TEMPLATES = tuple(
    f"tests/integration/test_migrate.py::test_{name}"
    for name in (
        "a_host_that_dies_in_a_wave_stops_the_others_and_some_get_their_mak_back",
        "machines_that_are_off_stop_no_wave_and_a_subnet_waits_for_its_canary",
        "too_many_failures_end_the_waves_and_who_gets_no_mak_back_is_told_why",
        "waves_are_jobs_in_slices_and_another_host_keeps_the_journal",
    )
)


def lock_of(series: str) -> Path:
    """The pinned requirements of a series."""
    return ROOT / "requirements" / f"core-{series}.txt"


def make_environment(series: str, interpreter: str) -> Path:
    """The Python of the environment of `series`, which is made unless it is there already."""
    folder = ENVIRONMENTS / series
    python = folder / "bin" / "python"
    made_of = f"{interpreter}\n{lock_of(series).read_text('utf-8')}"
    record = folder / "made-of.txt"
    if record.is_file() and record.read_text("utf-8") == made_of:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([interpreter, "-m", "venv", "--without-pip", str(folder)], check=True)
    install(python, "--requirement", str(lock_of(series)))
    record.write_text(made_of, "utf-8")
    return python


def gates_of(series: str, python: Path, manners: Sequence[str] = (), *, tested: str = "") -> list[Gate]:
    """The checks of one series; with `manners` of speaking, the integration tests that are run in them.

    `tested` is the Python, such as 3.11, with which `make test` has run what no ansible-core changes.
    """
    pytest = (str(python), "-m", "pytest", "--quiet", "--override-ini", f"cache_dir=build/matrix/{series}-cache")
    integration = [(*pytest, *modules_of(manner), f"--manner={manner}") for manner in manners]
    if not any(set(INTEGRATION) <= set(command) for command in integration):
        integration.append((*pytest, *INTEGRATION))
    if series == next(iter(SERIES)):
        integration.append((*pytest, *TEMPLATES))
    known = [f"--ignore={folder}" for folder in WITHOUT_ANSIBLE] if SERIES[series] == tested else []
    return [
        Gate(
            f"{series}-sanity",
            "ansible-test sanity, what the core decides",
            ((str(python), "-m", "gates.sanity", "--of-the-core", f"--home=matrix/{series}-home"),),
            in_collection=True,
            python=str(python),
        ),
        Gate(
            f"{series}-integration",
            f"against the lab, {', '.join(manners) or 'standard'}",
            tuple(integration),
            fenced=True,
            python=str(python),
        ),
        Gate(f"{series}-units", "units and contracts", ((*pytest, *UNITS, *known),), fenced=True, python=str(python)),
    ]


def of_this_environment() -> str | None:
    """The series that runs this, if it is one of the matrix on the same Python: `make test` checks that one wholly."""
    series = ".".join(version("ansible-core").split(".")[:2])
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return series if SERIES.get(series) == python else None


def find_all(wanted: list[str]) -> dict[str, str]:
    """Series -> interpreter. Raises SystemExit, status 1, after a sentence for each that is missing."""
    found = {series: find_interpreter(SERIES[series], os.environ) for series in wanted}
    for series, interpreter in found.items():
        if interpreter is None:
            python = SERIES[series]
            print(
                f"ansible-core {series} cannot be checked: no Python {python} in pyenv's versions or on PATH. Install "
                f"one, or name one: {variable(python)}=/path/to/python{python}.",
                file=sys.stderr,
            )
    if None in found.values():
        raise SystemExit(1)
    return {series: str(interpreter) for series, interpreter in found.items()}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__)
    parser.add_argument("series", nargs="*", help="such as 2.16; default: all")
    parser.add_argument("--list", action="store_true", help="print each series and its Python, and do nothing")
    parser.add_argument("--after-tests", action="store_true", help="leave out what `make test` has checked already")
    chosen = parser.parse_args(arguments)
    if unknown := sorted(set(chosen.series) - set(SERIES)):
        print(f"No series {', '.join(unknown)}. There are: {', '.join(SERIES)}.", file=sys.stderr)
        return 2
    wanted = [series for series in SERIES if not chosen.series or series in chosen.series]
    if chosen.list:
        print("\n".join(f"{series} {SERIES[series]}" for series in wanted))
        return 0
    done = of_this_environment() if chosen.after_tests else None
    if done in wanted:
        print(f"ansible-core {done} on Python {SERIES[done]} is what `make test` ran with: left out here")
        wanted.remove(done)
    found = find_all(wanted)
    (ROOT / LOGS).mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        pythons = dict(zip(found, pool.map(make_environment, found, found.values()), strict=True))
    print(f"{len(wanted)} environments in build/matrix, {time.monotonic() - started:.0f} s", flush=True)
    # Of all that a whole run has: one series alone speaks as it does there.
    spoken = dealt([series for series in SERIES if series != done])
    tested = SERIES[done] if done else ""
    of_series = [gates_of(series, python, spoken[series], tested=tested) for series, python in pythons.items()]
    # The long ones first, of all series: a long one at the end would run alone.
    gates = sorted(
        (gate for gates in of_series for gate in gates), key=lambda gate: not gate.name.endswith("-integration")
    )
    results = []
    for result in run_all(gates):
        print(line_of(result), flush=True)
        results.append(result)
    order = [gate.name for gate in gates]
    results.sort(key=lambda result: order.index(result.gate.name))
    return summarise(results, time.monotonic() - started, in_ci=bool(os.environ.get("CI")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
