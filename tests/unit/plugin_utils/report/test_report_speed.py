# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten thousand machines: all formats, read from a file, in a process of their own that is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from unit.plugin_utils.report.report_site import faulty_fleet, host, host_key, licence, record

# Not while coverage is measured, which takes longer than the work.
pytestmark = pytest.mark.combinations

MACHINES = 10_000
SECONDS_AT_MOST = 5
MEBIBYTES_AT_MOST = 300

MEASURED = """
import json, resource, sys, time, types
sys.path[:] = json.loads(sys.argv[1])
from ansible_collections.volact.kms.plugins.action.report import ARGUMENT_SPEC, ActionModule
action = ActionModule.__new__(ActionModule)
action._task = types.SimpleNamespace(check_mode=False)
started = time.process_time()
action.execute({name: option.get("default") for name, option in ARGUMENT_SPEC.items()} | json.loads(sys.argv[2]))
used = time.process_time() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([used, peak]))
"""


def test_ten_thousand_machines_take_less_than_five_seconds_and_300_mib(tmp_path: Path) -> None:
    src = tmp_path / "fleet.jsonl"
    with src.open("w", encoding="utf-8") as file:
        for number in range(MACHINES):
            # One in ten is in trouble, so that there is something to tell.
            status = 5 if number % 10 == 0 else 1
            windows = licence(status=status, reason=0xC004F074 if status == 5 else 0x4004F040, days=number % 180)
            machine = record(f"pc{number:05}", windows, licence("office"), cmid=f"cmid-{number // 2}")
            file.write(f"{json.dumps(machine)}\n")
        file.writelines(f"{json.dumps(machine)}\n" for machine in faulty_fleet())
    dest = {name: str(tmp_path / f"report.{name}") for name in ("html", "json", "csv", "junit", "prometheus")}
    options = {"src": [str(src)], "dest": dest, "hosts": [host("kms01", host_key(50))], "channel": "kms"}
    program = [sys.executable, "-c", MEASURED, json.dumps(sys.path), json.dumps(options)]
    seconds, mebibytes = json.loads(subprocess.run(program, capture_output=True, text=True, check=True).stdout)
    print(f"{seconds:.2f} s of CPU, {mebibytes:.0f} MiB")  # noqa: T201 (for whoever runs it with -s)
    assert seconds < SECONDS_AT_MOST
    assert mebibytes < MEBIBYTES_AT_MOST
    assert all(Path(path).stat().st_size > 1000 for path in dest.values())
