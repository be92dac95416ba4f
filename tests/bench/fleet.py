# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reading a thousand machines costs in one task, beside a task for each: CPU, time, memory, and dead machines."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from bench import fleet_endpoint
from bench.cost import BUILD, ROOT, BenchError, Cost, environment, play
from bench.figures import Figure

PORT = 25985
LATENCY = 0.25
FORKS = 50
TIME_LIMIT = 5
HOLES = fleet_endpoint.COUNT // 10
#: The inventory's groups: so many of the machines that answer, and so many that never do.
GROUPS = {"one": (1, 0), "thousand": (fleet_endpoint.COUNT, 0), "holed": (fleet_endpoint.COUNT - HOLES, HOLES)}


def fleet_figures(folder: Path, repeat: int) -> list[Figure]:
    """Measured against machines that answer after LATENCY. Raises BenchError."""
    inventory = folder / "fleet.yml"
    inventory.write_text(yaml.safe_dump(inventory_document()), "utf-8")
    variables = environment(inventory) | {"ANSIBLE_FORKS": str(FORKS)}
    memory: list[float] = []
    with listening():
        # The start of Ansible is no part of it: what one machine costs is taken away. Groups take turns, because a
        # computer may be half as fast for minutes on end.
        runs = {("client_info", group): [play("client_info", group, variables)] for group in ("one", "thousand")}
        for _round in range(repeat):
            for group in GROUPS:
                cost, mebibytes = watched("fleet_info", group, variables)
                runs.setdefault(("fleet_info", group), []).append(cost)
                memory.append(mebibytes)
    return figures(runs, max(memory))


def figures(runs: dict[tuple[str, str], list[Cost]], mebibytes: float) -> list[Figure]:
    """From the runs of each playbook on each group."""
    cpu = {key: min(run.cpu for run in costs) for key, costs in runs.items()}
    wall = {key: min(run.wall for run in costs) for key, costs in runs.items()}
    more = fleet_endpoint.COUNT - 1
    fleet, client = ((cpu[name, "thousand"] - cpu[name, "one"]) / more for name in ("fleet_info", "client_info"))
    started = wall["client_info", "one"] - 3 * LATENCY
    seconds = {name: wall[name, "thousand"] - started for name in ("fleet_info", "client_info")}
    return [
        Figure("fleet_info: CPU per machine", 1000 * fleet, "ms"),
        Figure("fleet_info: CPU per machine, times client_info", fleet / client, "times", 0.4),
        Figure("fleet_info: 1000 machines, 250 ms for each request", seconds["fleet_info"], "s"),
        Figure("client_info: 1000 machines, 250 ms for each request, 50 forks", seconds["client_info"], "s"),
        Figure("fleet_info: time, times client_info", seconds["fleet_info"] / seconds["client_info"], "times", 0.25),
        Figure(
            f"fleet_info: what {HOLES} dead machines of 1000 add, with a limit of {TIME_LIMIT} s",
            wall["fleet_info", "holed"] - wall["fleet_info", "thousand"],
            "s",
            TIME_LIMIT,
        ),
        Figure("fleet_info: 1000 machines, memory of all processes", mebibytes, "MiB", 300),
    ]


def inventory_document() -> dict[str, Any]:
    """The groups as plays see them: a machine is in several."""
    settings = {
        "ansible_connection": "winrm",
        "ansible_port": PORT,
        "ansible_user": fleet_endpoint.USER,
        "ansible_password": fleet_endpoint.PASSWORD,
        "ansible_winrm_scheme": "http",
        "ansible_winrm_transport": "basic",
        "bench_time_limit": TIME_LIMIT,
        "bench_dest": str(BUILD / "fleet.jsonl"),
    }
    good = {f"win{number:04}": {"ansible_host": address} for number, address in enumerate(fleet_endpoint.ADDRESSES)}
    holes = {f"hole{number:03}": {"ansible_host": fleet_endpoint.HOLE} for number in range(HOLES)}
    children = {
        group: {"hosts": dict.fromkeys([*list(good)[:answering], *list(holes)[:silent]])}
        for group, (answering, silent) in GROUPS.items()
    }
    return {"all": {"vars": settings, "hosts": good | holes, "children": children}}


@contextmanager
def listening() -> Iterator[None]:
    """The machines, in a process of their own."""
    command = [sys.executable, "-m", "bench.fleet_endpoint", str(PORT), str(LATENCY)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    with subprocess.Popen(command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as machines:
        assert machines.stdin is not None
        assert machines.stdout is not None
        if machines.stdout.readline() != "ready\n":
            raise BenchError(f"No thousand machines could listen on port {PORT} of loopback.")
        yield
        machines.stdin.close()


def watched(name: str, group: str, variables: dict[str, str]) -> tuple[Cost, float]:
    """A run, and the most MiB that the playbook and all its processes had at a time, what they share counted once."""
    others = set(_descendants(os.getpid()))
    peak, done = [0.0], threading.Event()

    def sample() -> None:
        while not done.wait(0.1):
            processes = set(_descendants(os.getpid())) - others
            peak[0] = max(peak[0], sum(map(_proportional_kibibytes, processes)) / 1024)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        cost = play(name, group, variables)
    finally:
        done.set()
        sampler.join()
    return cost, peak[0]


def _proportional_kibibytes(process: int) -> int:
    """What a process has, with its share of what it shares; 0 when it has ended meanwhile."""
    with contextlib.suppress(OSError):
        found = re.search(r"^Pss: +(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text("utf-8"), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


def _descendants(process: int) -> list[int]:
    found: list[int] = []
    for status in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, status.read_text("utf-8").split()):
                found += [child, *_descendants(child)]
    return found
