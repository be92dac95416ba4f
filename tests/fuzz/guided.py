# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same properties, with cases that atheris chooses by which code they reach: `python -m fuzz.guided [--seconds N]`.

Prints the cases run; exit status 1 when one failed. The targets share the seconds, each in a process of its own:
libFuzzer ends the one that it runs in.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["ansible_collections.volact.kms.plugins.module_utils"]):
    from fuzz.targets import TARGETS

#: Longer than any reply that a case is made of.
LONGEST = 8192

# libFuzzer's last line: "Done 8421 in 7 second(s)"
_DONE = re.compile(rb"^Done (\d+) (?:runs )?in \d+ second", re.MULTILINE)


def fuzz(number: int, seconds: int) -> None:
    """Fuzz one target in this process, which ends with it."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as findings:
        # A case that fails is printed as an exception; libFuzzer's own file of it helps nobody without its process.
        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={findings}/"]
        atheris.Setup([sys.argv[0], *options], TARGETS[number].from_bytes())
        atheris.Fuzz()


def run_all(seconds: int) -> int:
    """Fuzz each target in a process of its own; 1 when one failed."""
    failed, cases = 0, 0
    for number, target in enumerate(TARGETS):
        share = max(1, seconds // len(TARGETS))
        command = [sys.executable, "-m", "fuzz.guided", "--target", str(number), "--seconds", str(share)]
        run = subprocess.run(command, capture_output=True, check=False)
        done = _DONE.search(run.stderr)
        if run.returncode != 0 or done is None:
            failed = 1
            print(f"FAILED: {target.name}\n{run.stderr.decode(errors='replace')[-4000:]}", file=sys.stderr)
            continue
        cases += int(done[1])
        print(f"{int(done[1]):9,}  {target.name}", flush=True)
    print(f"{cases:9,}  cases, guided by coverage{', FAILED' if failed else ''}")
    return failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fuzz.guided", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long (default: 60)")
    parser.add_argument("--target", type=int, choices=range(len(TARGETS)), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.target is None:
        return run_all(chosen.seconds)
    fuzz(chosen.target, chosen.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
