# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Install packages into an environment by uv, which takes a second where pip takes twenty, with pip's settings.

`python -m gates.installer --requirement FILE` installs into the environment of that Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gates.tree import ROOT

# Setting of pip -> environment variable of uv.
SAME_SETTING = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}


def uv_program() -> Path:
    """The uv of the project's own environment, whatever Python runs this."""
    return ROOT / ".venv" / "bin" / "uv"


def uv_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables of uv for what the user told pip; uv's cache stays in the user's home."""
    command = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pip", "config", "list"]
    listed = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=True).stdout
    settings = {"UV_CACHE_DIR": str(Path(environment.get("XDG_CACHE_HOME") or f"{environment['HOME']}/.cache") / "uv")}
    for line in listed.splitlines():
        # global.index-url='https://...', and :env:.cert for PIP_CERT
        name, _equals, value = line.partition("=")
        name = name.rpartition(".")[2]
        if name in SAME_SETTING:
            settings[SAME_SETTING[name]] = value.strip("'\"")
    return settings


def install(python: Path, *what: str) -> None:
    """Install into the environment of `python`: requirements, or arguments of `uv pip install`. Tries twice.

    Raises SystemExit when both tries failed.
    """
    # Compiled here: the gates let nobody write bytecode, and each start of Ansible would compile all of it again.
    command = [str(uv_program()), "pip", "install", "--compile-bytecode", "--python", str(python), *what]
    environment = {**os.environ, **uv_settings(os.environ)}
    for _try in range(2):
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode == 0:
            return
        print(f"uv ended with status {run.returncode}: {run.stderr}", file=sys.stderr)
    raise SystemExit(f"Could not install {' '.join(what)}.")


if __name__ == "__main__":
    install(Path(sys.executable), *sys.argv[1:])
