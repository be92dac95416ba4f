# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run gates: `python -m gates [NAME ...]`, all of them without a name.

Exit status 0: nothing failed. 1: a gate failed, or in CI a gate could not check everything. 2: no gate has that name.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from gates.catalogue import DATA, GATES, LOGS, Gate
from gates.gate import Result, Verdict, run_gate
from gates.tree import ROOT

AT_ONCE = 2
TAIL_LINES = 60


def chosen(names: list[str]) -> list[Gate]:
    """The gates of these names, in the order of the catalogue."""
    known = [gate.name for gate in GATES]
    if unknown := sorted(set(names) - set(known)):
        print(f"No gate named {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr)
        raise SystemExit(2)
    return [gate for gate in GATES if not names or gate.name in names]


def run_all(gates: list[Gate]) -> Iterable[Result]:
    """Run gates side by side, each as soon as those that it comes after have ended, and yield results as they come."""
    waiting = list(gates)
    running: dict[Future[Result], str] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while waiting or running:
            unfinished = {gate.name for gate in waiting} | set(running.values())
            for gate in [gate for gate in waiting if not unfinished & set(gate.after)]:
                if len(running) < AT_ONCE:
                    waiting.remove(gate)
                    running[pool.submit(run_gate, gate)] = gate.name
            ended, _others = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                del running[future]
                yield future.result()


def line_of(result: Result) -> str:
    return (
        f"{result.gate.name:14} {result.verdict.value:8} {result.seconds:6.1f} s  {result.counts or result.gate.title}"
    )


def report_failure(result: Result) -> None:
    lines = result.log.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = f", the last {TAIL_LINES} of {len(lines)} lines" if len(lines) > TAIL_LINES else ""
    print(f"\n--- {result.gate.name}: {result.log.relative_to(ROOT)}{shown}")
    print("\n".join(lines[-TAIL_LINES:]))


def summarise(results: list[Result], seconds: float, *, in_ci: bool) -> int:
    """Print failures, skipped things and the table. Returns the exit status."""
    failed = [result for result in results if result.verdict is Verdict.FAILED]
    skipped = [result for result in results if result.verdict is Verdict.SKIPPED]
    for result in failed:
        report_failure(result)
    print(f"\n{'gate':14} {'verdict':8} {'time':>8}  what")
    for result in results:
        print(line_of(result))
    for result in results:
        for reason in result.skipped:
            print(f"\nNOT CHECKED by {result.gate.name}: {reason}")
    if skipped and in_ci:
        print("\nIn CI (the variable CI is set) everything has to be checked: what was skipped counts as failed.")
        failed, skipped = failed + skipped, []
    passed = len(results) - len(failed) - len(skipped)
    print(f"\n{seconds:.0f} s, logs in {LOGS}/")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped", flush=True)
    return 1 if failed else 0


def main(arguments: list[str]) -> int:
    gates = chosen(arguments)
    (ROOT / LOGS).mkdir(parents=True, exist_ok=True)
    for gate in gates:
        if gate.measured:
            shutil.rmtree(ROOT / DATA / gate.name, ignore_errors=True)
            (ROOT / DATA / gate.name).mkdir(parents=True)
    print(f"{len(gates)} gates, {AT_ONCE} at a time; Python {sys.version.split()[0]}", flush=True)
    started = time.monotonic()
    results = []
    for result in run_all(gates):
        print(line_of(result), flush=True)
        results.append(result)
    order = [gate.name for gate in gates]
    results.sort(key=lambda result: order.index(result.gate.name))
    return summarise(results, time.monotonic() - started, in_ci=bool(os.environ.get("CI")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
