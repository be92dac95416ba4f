# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab in the background: `up` starts a process that performs `serve`, `down` ends it.

The starting process waits at a pipe. What the new lab writes there is one `Report`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from . import control
from .errors import LabError, UsageError
from .state_folder import StateFolder

STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Report:
    """How the start went; without an error the lab is ready."""

    error: str | None = None
    wrong_usage: bool = False

    def write(self, descriptor: int) -> None:
        """Tell it to the process that waits, and let it go."""
        with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
            json.dump(asdict(self), pipe)


def up(site_file: Path, state: str | None) -> StateFolder:
    """Start a lab and wait until it is ready. Raises LabError with its reason."""
    folder = StateFolder.create(state)
    reading, writing = os.pipe()
    arguments = ["serve", "--site", str(site_file), "--state", str(folder.path), "--ready", str(writing)]
    arguments += ["--temporary"] if folder.temporary else []
    with folder.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(writing,), start_new_session=True,
            env={**os.environ, "PYTHONPATH": _python_path()},
        )  # fmt: skip
    os.close(writing)
    try:
        with os.fdopen(reading, encoding="utf-8") as pipe:
            said = pipe.read()
        report = Report(**json.loads(said)) if said else Report("The lab ended before it was ready.")
        if report.error is not None:
            raise (UsageError if report.wrong_usage else LabError)(report.error)
    except BaseException:
        process.terminate()
        process.wait()
        folder.remove_if_temporary()
        raise
    # It lives on without its parent: nobody here will wait for it.
    process.returncode = 0
    return folder


def down(folder: StateFolder) -> None:
    """Stop the lab of a state folder and wait until its process has ended. Raises LabError."""
    pid = control.request(folder, "stop")
    if not _ends(pid, STOP_SECONDS):
        raise LabError(f"The lab of {folder.path} did not stop within {STOP_SECONDS:.0f} s; see {folder.log}.")


def _ends(pid: int, seconds: float) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        readable, _, _ = select.select([process], [], [], seconds)
        return bool(readable)
    finally:
        os.close(process)


def _python_path() -> str:
    here = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
