# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fuzz for a while: `python -m fuzz [--seconds N] [--seed S]`. Prints the cases run; exit status 1 when one failed."""

from __future__ import annotations

import argparse
import secrets
import sys
import time
import traceback

from fuzz.targets import TARGETS, Target

#: How many cases a target runs before it is the next one's turn.
BATCH = 50


def run(target: Target, number: int) -> int:
    """The cases that a target ran, 0 when one of them failed."""
    try:
        return target.run(BATCH, number)
    except Exception:
        print(f"FAILED with --seed {number}: {target.name}\n{traceback.format_exc()}", file=sys.stderr)
        return 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, help="begin with this seed, to repeat a run (default: a random one)")
    chosen = parser.parse_args(arguments)
    first = secrets.randbelow(2**32) if chosen.seed is None else chosen.seed
    print(f"seed {first}", flush=True)
    cases = dict.fromkeys([target.name for target in TARGETS], 0)
    failed = False
    started = time.monotonic()
    number = first
    while time.monotonic() - started < chosen.seconds and not failed:
        for target in TARGETS:
            count = run(target, number)
            cases[target.name] += count
            failed = failed or not count
        number += 1
    for name, count in cases.items():
        print(f"{count:9,}  {name}")
    print(f"{sum(cases.values()):9,}  cases in {time.monotonic() - started:.0f} s{', FAILED' if failed else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
