# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find Python interpreters by version: where the user says, where pyenv keeps them, on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

# The version, and whether it can make a virtual environment.
QUESTION = "import sys, venv; print('%d.%d' % sys.version_info[:2])"


def variable(version: str) -> str:
    """The environment variable that names an interpreter: MATRIX_PYTHON_310 for 3.10."""
    return f"MATRIX_PYTHON_{version.replace('.', '')}"


def candidates(version: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Where an interpreter of `version` (such as 3.10) may be, the best first. What is there may still not run."""
    if named := environment.get(variable(version)):
        yield named
        return
    roots = [environment.get("PYENV_ROOT"), environment.get("HOME") and f"{environment['HOME']}/.pyenv"]
    for root in dict.fromkeys(Path(root) for root in roots if root):
        for folder in sorted((root / "versions").glob(f"{version}.*"), reverse=True):
            yield str(folder / "bin" / f"python{version}")
    # Not shutil.which: the first on PATH may be a shim of pyenv that fails, and a later one runs.
    for folder_name in environment.get("PATH", os.defpath).split(os.pathsep):
        if found := shutil.which(f"python{version}", path=folder_name):
            yield found


def find_interpreter(version: str, environment: Mapping[str, str]) -> str | None:
    """The first candidate that runs and is what it says, or None."""
    return next((found for found in candidates(version, environment) if _is(found, version)), None)


def _is(program: str, version: str) -> bool:
    try:
        asked = subprocess.run([program, "-c", QUESTION], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return False
    return asked.returncode == 0 and asked.stdout.strip() == version
