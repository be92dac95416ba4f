# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured: every playbook on few and on many machines, over and over, in one run of the bench."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from bench import endpoint
from bench.ansible_windows import collections_path
from bench.cost import BUILD, BenchError, environment, play
from bench.figures import Figure, slope
from bench.fleet import fleet_figures
from bench.migration import measure_migration, migration_figures
from bench.network import network_figures
from bench.simulated_site import FEW, MANY, SAME_CMID, Lab, fleet, running, thousand

GROUPS = {"few": FEW, "many": MANY}
# Minutes after which a machine that was refused asks its KMS host by itself.
ACTIVATION_INTERVAL = 120
PLAYED = ("noop", "client_info", "client_info_all", "client", "switch", "role", "win_shell")
# Further pages of one question, which depend on how much there is to tell.
FURTHER_PAGES = ("Pull ",)


@dataclass(slots=True)
class Measured:
    """All runs of one playbook: CPU seconds by group; requests and KiB of request bodies of the costliest machine.

    `noop` has the CPU seconds of no-ops that ran beside them: for minutes on end a computer may be half as fast.
    """

    cpu: dict[str, list[float]] = field(default_factory=lambda: {group: [] for group in GROUPS})
    noop: dict[str, list[float]] = field(default_factory=lambda: {group: [] for group in GROUPS})
    requests: float = 0
    kibibytes: float = 0

    def milliseconds(self) -> float:
        """CPU for one more machine."""
        return 1000 * slope(self.cpu["few"], self.cpu["many"], MANY - FEW)

    def in_noops(self) -> float:
        """The same, in no-op actions."""
        return self.milliseconds() / (1000 * slope(self.noop["few"], self.noop["many"], MANY - FEW))

    def count(self, requests: float, body_bytes: float) -> None:
        """Keep the most that a machine needed."""
        self.requests = max(self.requests, requests)
        self.kibibytes = max(self.kibibytes, body_bytes / 1024)


def figures(repeat: int) -> list[Figure]:
    """Measure everything, with the cheapest of `repeat` runs for each time. Raises BenchError."""
    shutil.rmtree(BUILD / "ansible", ignore_errors=True)
    BUILD.mkdir(parents=True, exist_ok=True)
    collections = collections_path()
    measured = {name: Measured() for name in PLAYED}
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        lab_figures = measure_thousand(folder, repeat)
        say("a thousand endpoints, and one record")
        lab_figures += network_figures(repeat)
        say("a fleet of a thousand machines, in one task and in one for each")
        lab_figures += fleet_figures(folder, repeat)
        say(f"a migration of {MANY} machines, and one of {FEW}")
        migration = measure_migration(folder)
        for number in range(repeat):
            say(f"round {number + 1} of {repeat}: {FEW} and {MANY} machines")
            with running(fleet(), folder / f"fleet-{number}") as lab:
                measure_fleet(lab, measured)
            with running(fleet(), folder / f"role-{number}") as lab:
                measure_switch("role", lab, measured)
            measure_win_shell(folder, collections, measured)
    return [
        Figure("no-op action: CPU per machine", measured["noop"].milliseconds(), "ms"),
        *rows("client_info, Windows", measured["client_info"], ratio=2.2, requests=5, kibibytes=5),
        *rows("client_info, all products", measured["client_info_all"], ratio=2.2, requests=5),
        *rows("client, unchanged", measured["client"], ratio=2.2, requests=5, kibibytes=5),
        *rows("full switch, asked again", measured["switch"], ratio=5, requests=20, kibibytes=30),
        *rows("the same by the role kms_client", measured["role"]),
        *rows("ansible.windows.win_shell", measured["win_shell"]),
        *lab_figures,
        *migration_figures(migration),
    ]


def rows(
    name: str,
    cost: Measured,
    *,
    ratio: float | None = None,
    requests: float | None = None,
    kibibytes: float | None = None,
) -> list[Figure]:
    """The four figures of one playbook."""
    return [
        Figure(f"{name}: CPU per machine", cost.milliseconds(), "ms"),
        Figure(f"{name}: CPU, times a no-op action", cost.in_noops(), "times", ratio),
        Figure(f"{name}: requests per machine", cost.requests, "requests", requests),
        Figure(f"{name}: request bodies per machine", cost.kibibytes, "KiB", kibibytes),
    ]


def measure_fleet(lab: Lab, measured: dict[str, Measured]) -> None:
    """One round against a fresh fleet: a read, the switch, and the same client once more."""
    variables = environment(lab.folder.inventory)
    for group in GROUPS:
        measure_noop(("client_info", "client_info_all"), group, measured, variables)
        measure_in_lab("client_info", group, lab, measured, variables)
        measure_in_lab("client_info_all", group, lab, measured, variables)
    measure_switch("switch", lab, measured)
    lab.set("kms01", clients="50")
    lab.advance(ACTIVATION_INTERVAL)
    if lab.licensed("few") + lab.licensed("many") != FEW + MANY:
        raise BenchError("Not every machine was activated, so an unchanged client cannot be measured.")
    lab.stats()
    for group in GROUPS:
        measure_noop(("client",), group, measured, variables)
        measure_in_lab("client", group, lab, measured, variables)


def measure_switch(name: str, lab: Lab, measured: dict[str, Measured]) -> None:
    """A playbook that moves machines from MAK to KMS: nobody reaches the threshold, and everybody is asked twice."""
    variables = environment(lab.folder.inventory)
    lab.set("kms01", firewall="on")
    # To the KMS host they all are one machine.
    for machine_name in (f"{group}{number:03}" for group, size in GROUPS.items() for number in range(1, size + 1)):
        lab.set(machine_name, cmid=SAME_CMID)
    for group in GROUPS:
        measure_noop((name,), group, measured, variables)
        measure_in_lab(name, group, lab, measured, variables)
    if lab.licensed("few") + lab.licensed("many") > 0:
        raise BenchError("A machine was activated below the threshold: the second task was not measured for all.")


def measure_noop(beside: Sequence[str], group: str, measured: dict[str, Measured], variables: dict[str, str]) -> None:
    """A task that does nothing, beside these playbooks."""
    cpu = play("noop", group, variables).cpu
    for name in beside:
        measured[name].noop[group].append(cpu)
    measured["noop"].cpu[group].append(cpu)


def measure_in_lab(name: str, group: str, lab: Lab, measured: dict[str, Measured], variables: dict[str, str]) -> None:
    """One playbook on one group, with what the lab saw of it."""
    lab.stats()
    measured[name].cpu[group].append(play(name, group, variables).cpu)
    asked = lab.stats()
    if len(asked) != GROUPS[group]:
        raise BenchError(f"{name} on {group} asked {len(asked)} machines, not {GROUPS[group]}.")
    for operations in asked.values():
        first = [
            tally["requests"] for operation, tally in operations.items() if not operation.startswith(FURTHER_PAGES)
        ]
        measured[name].count(sum(first), sum(tally["bytes_received"] for tally in operations.values()))


def measure_win_shell(folder: Path, collections: Path, measured: dict[str, Measured]) -> None:
    """The same reads as a user without this collection does them."""
    traffic = endpoint.Traffic()
    with endpoint_in_background(traffic) as port:
        inventory = folder / "win_shell.yml"
        inventory.write_text(yaml.safe_dump(win_shell_inventory(port)), "utf-8")
        variables = environment(inventory, collections)
        for group, size in GROUPS.items():
            measure_noop(("win_shell",), group, measured, variables)
            before = (traffic.requests, traffic.body_bytes)
            measured["win_shell"].cpu[group].append(play("win_shell", group, variables).cpu)
            measured["win_shell"].count((traffic.requests - before[0]) / size, (traffic.body_bytes - before[1]) / size)


def win_shell_inventory(port: int) -> dict[str, Any]:
    """As many machines as the fleet has, at one address."""
    settings = {
        "ansible_connection": "winrm",
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_user": endpoint.USER,
        "ansible_password": endpoint.PASSWORD,
        "ansible_winrm_scheme": "http",
        "ansible_winrm_transport": "basic",
    }
    children = {
        group: {"hosts": {f"{group}{number:03}": None for number in range(1, size + 1)}}
        for group, size in GROUPS.items()
    }
    return {"all": {"vars": settings, "children": children}}


@contextmanager
def endpoint_in_background(traffic: endpoint.Traffic) -> Iterator[int]:
    """The endpoint in a thread of its own; yields its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = endpoint.serving(traffic)
    try:
        yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def measure_thousand(folder: Path, repeat: int) -> list[Figure]:
    """How long a lab of a thousand machines takes to answer, and how large it is then."""
    seconds, mebibytes = [], []
    # The only figure that is wall-clock time: what else the machine does delays it, so it gets more tries.
    tries = 2 * repeat + 1
    for number in range(tries):
        say(f"a lab of 1000 machines, {number + 1} of {tries}")
        with running(thousand(), folder / f"thousand-{number}") as lab:
            seconds.append(lab.seconds)
            mebibytes.append(lab.resident_mebibytes())
    return [
        Figure("lab of 1000 machines: until it answers", min(seconds), "s", 3),
        Figure("lab of 1000 machines: resident memory", min(mebibytes), "MiB", 300),
    ]


def machine(repeat: int) -> dict[str, Any]:
    """Where the figures come from."""
    return {
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "pywinrm": version("pywinrm"),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "repeat": repeat,
    }


def say(text: str) -> None:
    """A progress line."""
    print(f"  {text}", file=sys.stderr, flush=True)
