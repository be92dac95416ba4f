# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The images, one Containerfile each; the base image is a build argument, BASE in the environment."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from .engine import LABEL, Engine
from .places import BUILD, IMAGES, ROOT

NAMES = ("lab-windows", "lab-bind", "lab-samba-ad")


def tag(name: str) -> str:
    """What an image is called here."""
    return f"localhost/volact-{name}"


def build(engine: Engine, names: Iterable[str] = NAMES) -> None:
    """Build images; what has not changed comes from the engine's cache. Raises ContainersError."""
    context = _context()
    base = os.environ.get("BASE", "")
    for name in names:
        arguments = ["build", "--quiet", "--tag", tag(name), "--file", str(IMAGES / name / "Containerfile")]
        arguments += ["--build-arg", f"BASE={base}"] if base else []
        # Health checks are no part of the other format; and a base image of this machine is in no registry.
        arguments += ["--format", "docker", "--layers"] if engine.is_podman else []
        arguments += ["--pull=never"] if engine.is_podman and base.startswith("localhost/") else []
        engine.run(*arguments, "--label", f"{LABEL}=1", str(context))
    # Those that a newer build took the name from.
    engine.run("image", "prune", "--force", "--filter", f"label={LABEL}=1")


def _context() -> Path:
    """The folder that images are built from: the lab without caches, and what the images have of their own."""
    context = BUILD / "context"
    shutil.rmtree(context, ignore_errors=True)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests" / "lab", context / "lab", ignore=ignore)
    for name in NAMES:
        shutil.copytree(IMAGES / name, context / name, ignore=ignore)
    return context
