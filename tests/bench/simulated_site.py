# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs to measure against: a fleet under Basic, and a thousand machines."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.cost import ROOT, BenchError
from lab.shell import control
from lab.shell.state_folder import StateFolder

FEW, MANY = 20, 200
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKNWC"
SAME_CMID = "00000000-0000-4000-8000-000000000001"


def fleet() -> dict[str, Any]:
    """A KMS host, and Windows 11 machines activated by MAK: FEW in the group `few`, MANY in the group `many`."""
    windows = {"os": "windows-11-enterprise", "products": [{"key": MAK, "activated": True}]}
    return {
        "domain": "corp.example.test",
        "account": {"user": "labadmin", "transports": ["basic"]},
        "dns": {"software": "builtin"},
        "machines": {
            "kms01": {"os": "windows-server-2022-datacenter", "products": [{"key": HOST_KEY, "activated": True}]},
            f"few[001:{FEW:03}]": {**windows, "groups": ["few"]},
            f"many[001:{MANY:03}]": {**windows, "groups": ["many"]},
        },
        "microsoft": {
            "keys": [
                {"key": MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 1000},
                {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            ]
        },
    }


def thousand() -> dict[str, Any]:
    """A thousand machines, with DNS and licence rows as every site has them."""
    return {
        "domain": "corp.example.test",
        "dns": {"software": "builtin"},
        "machines": {"win[0001:1000]": {"os": "windows-11-enterprise"}},
    }


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab and how long it took to answer."""

    folder: StateFolder
    seconds: float

    def set(self, machine: str, **settings: str) -> None:
        """`lab set`."""
        for name, value in settings.items():
            self._ask("set", machine=machine, name=name, value=value)

    def advance(self, minutes: int) -> None:
        """`lab advance`: machines do by themselves what is due then."""
        self._ask("advance", minutes=minutes)

    def stats(self) -> dict[str, dict[str, dict[str, int]]]:
        """Requests and bytes by machine and operation since the last call."""
        machines: dict[str, dict[str, dict[str, int]]] = self._ask("stats", reset=True)["machines"]
        return machines

    def licensed(self, prefix: str) -> int:
        """How many of the machines whose names start like this are activated by KMS."""
        machines = self._ask("state")["machines"]
        return sum(
            any(product["activated_by"] == "kms" for product in machine["products"])
            for name, machine in machines.items()
            if name.startswith(prefix)
        )

    def resident_mebibytes(self) -> float:
        """The largest resident size that the lab's process had so far."""
        status = Path(f"/proc/{self._pid()}/status").read_text("utf-8")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024

    def _ask(self, command: str, **parameters: Any) -> Any:
        return control.request(self.folder, command, **parameters)

    def _pid(self) -> int:
        with socket.socket(socket.AF_UNIX) as connection, self.folder.control_address() as address:
            connection.connect(address)
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid: int = struct.unpack("3i", credentials)[0]
        return pid


@contextmanager
def running(site: dict[str, Any], folder: Path) -> Iterator[Lab]:
    """Start a lab and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "site.yml"
    file.write_text(yaml.safe_dump(site, sort_keys=False), "utf-8")
    state = folder / "state"
    before = time.monotonic()
    _lab("up", "--site", str(file), "--state", str(state))
    lab = Lab(StateFolder(state), time.monotonic() - before)
    try:
        yield lab
    finally:
        _lab("down", "--state", str(state))


def _lab(*words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LAB_")}
    environment["PYTHONPATH"] = str(ROOT / "tests")
    run = subprocess.run(
        [sys.executable, "-m", "lab", *words], env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise BenchError(f"lab {words[0]} failed: {run.stderr.strip()}")
