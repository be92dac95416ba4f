# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files are the project's, and a copy of them where Ansible's tools want a collection to be.

ansible-test, ansible-lint and antsibull-docs look for a collection below `ansible_collections/NAMESPACE/NAME`, and
ansible-test follows no links: so they work in a copy, outside the repository and its version control.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE, NAME = "volact", "kms"

# What .gitignore names, for a tree that came without git.
MADE = {".ansible", ".venv", "__pycache__", "build", "collections", "dist"}


def project_files(root: Path = ROOT) -> list[Path]:
    """Every file of the project, relative to `root`: what git tracks or would track; without git, all but made ones."""
    if (root / ".git").exists():
        listed = subprocess.run(
            ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True,
            capture_output=True,
        ).stdout
        paths = {Path(os.fsdecode(name)) for name in listed.split(b"\0") if name}
    else:
        paths = {path.relative_to(root) for path in root.rglob("*")}
        paths = {path for path in paths if not MADE & set(path.parts)}
    return sorted(path for path in paths if (root / path).is_file())


def copy_collection(destination: Path, root: Path = ROOT) -> Path:
    """Copy the project's files to `destination`/ansible_collections/volact/kms and return that folder."""
    collection = destination / "ansible_collections" / NAMESPACE / NAME
    for path in project_files(root):
        (collection / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, collection / path)
    return collection
