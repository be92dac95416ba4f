# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One report of ten thousand machines in every format: `python -m bench.report_work FOLDER`.

Prints seconds of CPU and the most mebibytes that were resident. A process of its own, so that both are of this alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
import types
from pathlib import Path
from typing import Any

from unit.plugin_utils.report.report_site import faulty_fleet, host, host_key, licence, record

from ansible_collections.volact.kms.plugins.action.report import ARGUMENT_SPEC, ActionModule

MACHINES = 10_000


def write_records(path: Path) -> None:
    """One machine in ten is in trouble, so that there is something to tell."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(MACHINES):
            status, reason = (5, 0xC004F074) if number % 10 == 0 else (1, 0x4004F040)
            windows = licence(status=status, reason=reason, days=number % 180)
            machine = record(f"pc{number:05}", windows, licence("office"), cmid=f"cmid-{number // 2}")
            file.write(f"{json.dumps(machine)}\n")
        file.writelines(f"{json.dumps(machine)}\n" for machine in faulty_fleet())


def main(folder: Path) -> None:
    """Write the records, then measure the work of the task `volact.kms.report`."""
    src = folder / "fleet.jsonl"
    write_records(src)
    dest = {name: str(folder / f"report.{name}") for name in ("html", "json", "csv", "junit", "prometheus")}
    options = {"src": [str(src)], "dest": dest, "hosts": [host("kms01", host_key(50))], "channel": "kms"}
    action: Any = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(check_mode=False)
    started = time.process_time()
    result = action.execute({name: option.get("default") for name, option in ARGUMENT_SPEC.items()} | options)
    seconds = time.process_time() - started
    if result["written"] != sorted(dest):
        raise SystemExit(f"Only {', '.join(result['written']) or 'nothing'} was written.")
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
