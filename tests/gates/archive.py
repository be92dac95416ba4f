# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build the collection's archive and check what is in it: all that a user needs, nothing that only developers do."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

from gates.tree import ROOT

# Folders and files that only the repository has.
DEVELOPERS = (
    ".ansible-lint",
    ".ci/",
    ".git",
    ".venv/",
    ".yamllint",
    "Makefile",
    "build/",
    "dist/",
    "docs/reference/",
    "pyproject.toml",
    "requirements/",
    "molecule/",
    "tests/bench/",
    "tests/containers/",
    "tests/conftest.py",
    "tests/demo/",
    "tests/fuzz/",
    "tests/gates/",
    "tests/integration/",
    "tests/lab/",
    "tests/molecule/",
    "tests/unit/",
)
# What the archive has to hold beside the code; a folder counts when anything is in it.
USERS = (
    "LICENSES/GPL-3.0-or-later.txt",
    "README.md",
    "bindep.txt",
    "changelogs/changelog.yaml",
    "docs/guide.md",
    "meta/execution-environment.yml",
    "meta/runtime.yml",
    "requirements.txt",
)
SHIPPED_CODE = ("plugins", "roles", "playbooks")


def faults(content: set[str], source: Path) -> list[str]:
    """What is wrong with an archive of these file names, made from the collection in `source`."""
    too_much = [f"only for developers: {name}" for name in sorted(content) if name.startswith(DEVELOPERS)]
    expected = set(USERS)
    for folder in SHIPPED_CODE:
        expected |= {path.relative_to(source).as_posix() for path in (source / folder).rglob("*") if path.is_file()}
    missing = [f"missing: {name}" for name in sorted(expected - content) if "__pycache__" not in name]
    return too_much + missing


def main() -> int:
    source = Path.cwd()
    output = ROOT / "dist"
    subprocess.run(["ansible-galaxy", "collection", "build", "--force", "--output-path", str(output)], check=True)
    galaxy = yaml.safe_load((source / "galaxy.yml").read_text(encoding="utf-8"))
    archive = output / f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    with tarfile.open(archive) as tar:
        content = {member.name for member in tar.getmembers() if member.isfile()}
    found = faults(content, source)
    print("\n".join(found) or f"{archive.name}: {len(content)} files, {archive.stat().st_size // 1024} KiB")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
