# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill migrations: `python -m kill [--points N] [--seed N]`. Needs tests and tests/integration on PYTHONPATH.

Exit status 0: each was finished by one more run, and nothing was spent twice. 1: not so. 2: nothing can be said.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from running_lab import ROOT, RunningLab
from warm.programs import WarmPrograms

from kill.migration import KillTestError, Outcome, Point, outcome_of, requests_of_a_whole_run
from kill.sites import ROLLBACK, SCENARIOS, SEED_AND_WAVES

LOGS = ROOT / "build" / "kill"
AT_ONCE = 2
#: Of five points so many are of the scenario with rollbacks.
ROLLBACKS_OF_FIVE = 2
#: Every third point is some time after its request: the controller's own tasks ask nothing of machines.
LATER_EVERY = 3
LATER_AT_MOST = 1.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kill", description=__doc__)
    parser.add_argument("--points", type=int, default=50, help="how often to kill (default: 50)")
    parser.add_argument("--seed", type=int, default=None, help="the seed of an earlier run, to repeat it")
    chosen = parser.parse_args(arguments)
    seed = random.randrange(1_000_000) if chosen.seed is None else chosen.seed
    started = time.monotonic()
    try:
        outcomes = kill_all(chosen.points, seed)
    except KillTestError as error:
        say(str(error))
        return 2
    say(report(outcomes, seed, time.monotonic() - started))
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def kill_all(points: int, seed: int) -> list[Outcome]:
    """Every point, AT_ONCE at a time, each in a lab of its own. Raises KillTestError."""
    LOGS.mkdir(parents=True, exist_ok=True)
    for old in LOGS.glob("*.log"):
        old.unlink()
    programs = WarmPrograms("ansible", RunningLab(LOGS).environment())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        counted = pool.map(lambda scenario: requests_of_a_whole_run(scenario, programs), SCENARIOS)
        whole = dict(zip((scenario.name for scenario in SCENARIOS), counted, strict=True))
        say(f"seed {seed}: {points} points among " + ", ".join(f"{n} requests ({name})" for name, n in whole.items()))
        found = pool.map(lambda point: outcome_of(point, programs), chosen_points(points, seed, whole))
        outcomes = []
        for number, outcome in enumerate(found, 1):
            outcomes.append(outcome)
            if outcome.faults:
                (LOGS / f"{number}.log").write_text(outcome.printed, "utf-8")
            say(line_of(number, outcome))
    return outcomes


def chosen_points(points: int, seed: int, whole: Mapping[str, int]) -> list[Point]:
    """`points` of them, spread over all requests of a run: one somewhere in each of as many equal parts."""
    dice = random.Random(seed)
    rollbacks = points * ROLLBACKS_OF_FIVE // 5
    found = []
    for scenario, count in ((SEED_AND_WAVES, points - rollbacks), (ROLLBACK, rollbacks)):
        for number in range(count):
            part = (whole[scenario.name] - 1) / count
            later = dice.uniform(0, LATER_AT_MOST) if number % LATER_EVERY == LATER_EVERY - 1 else 0.0
            found.append(Point(scenario, int(1 + part * (number + dice.random())), later))
    return found


def line_of(number: int, outcome: Outcome) -> str:
    """One point, and what was wrong."""
    ended = "not finished" if outcome.reruns is None else f"finished by run {outcome.reruns + 1}"
    faults = "".join(f"\n      {fault}" for fault in outcome.faults)
    return f"  {number:3}  {outcome.point}: dead after {outcome.answered}, {ended}{faults}"


def report(outcomes: Sequence[Outcome], seed: int, seconds: float) -> str:
    """The figures."""
    good = [outcome for outcome in outcomes if not outcome.faults]
    figures = {
        "points": len(outcomes),
        "finished by one more run": sum(outcome.reruns == 1 for outcome in outcomes),
        "finished by a later one": sum((outcome.reruns or 0) > 1 for outcome in outcomes),
        "without any fault": len(good),
        "rollbacks chosen": sum(outcome.rollbacks for outcome in outcomes),
        "activations asked of Microsoft": sum(outcome.activations for outcome in outcomes),
    }
    lines = [f"{name:32}{value:6}" for name, value in figures.items()]
    logs = "" if len(good) == len(outcomes) else f", what Ansible printed is in {LOGS.relative_to(ROOT)}/"
    return "\n".join(["", *lines, f"\n{seconds:.0f} s, to repeat it: make kill-test SEED={seed}{logs}"])


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
