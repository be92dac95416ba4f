# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection ansible.windows, for the comparison only: out of the PyPI package that carries it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from bench.cost import BUILD, BenchError

# It is fetched for the bench alone: no part of the project needs it.
PACKAGE = "ansible==12.3.0"
MEMBERS = "ansible_collections/ansible/windows/"


def collections_path() -> Path:
    """A folder with ansible_collections/ansible/windows in it; downloads 52 MiB the first time. Raises BenchError."""
    folder = BUILD / PACKAGE.replace("==", "-")
    if (folder / MEMBERS / "MANIFEST.json").is_file():
        return folder
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    # Unpacked, not installed: which Python it wants does not matter.
    command += ["--no-deps", "--only-binary=:all:", "--python-version=3.11", f"--dest={wheels}", PACKAGE]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise BenchError(f"{PACKAGE} cannot be had: {run.stderr.strip()}")
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        wanted = [name for name in archive.namelist() if name.startswith(MEMBERS)]
        manifest = f"{MEMBERS}MANIFEST.json"
        # The manifest last: it says that the folder is whole.
        archive.extractall(folder, [name for name in wanted if name != manifest])
        archive.extract(manifest, folder)
    wheel.unlink()
    return folder
