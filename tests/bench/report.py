# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report of ten thousand machines costs: the records read, judged, and written in every format."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile

from bench.cost import ROOT, BenchError
from bench.figures import Figure

SECONDS_AT_MOST = 5
MEBIBYTES_AT_MOST = 300


def report_figures(repeat: int) -> list[Figure]:
    """CPU time and memory, the least of `repeat` runs. Raises BenchError."""
    runs = [measure() for _run in range(repeat)]
    seconds, mebibytes = (min(values) for values in zip(*runs, strict=True))
    return [
        Figure("report of 10000 machines in all formats: CPU", seconds, "s", SECONDS_AT_MOST),
        Figure("report of 10000 machines in all formats: memory", mebibytes, "MiB", MEBIBYTES_AT_MOST),
    ]


def measure() -> tuple[float, float]:
    """Seconds of CPU and mebibytes of one run. Raises BenchError."""
    path = os.pathsep.join(str(ROOT / part) for part in (".venv/ansible", "tests"))
    with tempfile.TemporaryDirectory(prefix="bench-report-") as folder:
        program = [sys.executable, "-m", "bench.report_work", folder]
        run = subprocess.run(
            program, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
    if run.returncode != 0:
        raise BenchError(f"The report of 10000 machines ended with status {run.returncode}:\n{run.stderr[-2000:]}")
    seconds, mebibytes = json.loads(run.stdout)
    return seconds, mebibytes
