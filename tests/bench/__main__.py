# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measure: `python -m bench [--repeat N] [--slack FACTOR]`. Writes build/bench.json, prints a table.

Exit status 0: every figure is within its limit. 1: one is past it. 2: something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from bench.cost import ROOT, BenchError
from bench.figures import document, table
from bench.measure import figures, machine
from bench.report import report_figures


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, help="take the cheapest of so many runs (default: 3)")
    parser.add_argument("--slack", type=float, default=1.0, help="multiply the limits of noisy figures (default: 1)")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        found = [*figures(chosen.repeat), *report_figures(chosen.repeat)]
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    bench = document(found, slack=chosen.slack, machine=machine(chosen.repeat))
    (ROOT / "build" / "bench.json").write_text(json.dumps(bench, indent=2) + "\n", "utf-8")
    print(f"\n{table(bench)}\n\n{time.monotonic() - started:.0f} s, written to build/bench.json")
    return 0 if bench["ok"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
