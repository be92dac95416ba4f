# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the pip bootstrap script that ansible-test downloads: pip from ensurepip, then what was asked for.

ansible-test looks for its script in ~/.ansible/test/cache before it downloads one, and runs it with pip's own
arguments, in each of the environments that it makes for its sanity tests.

In the one of the test `import` it also leaves a sitecustomize.py. That test imports every file of the collection by
itself, with all that the file imports, and forgets it; each time Ansible's loader would compile the same text anew.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

# gates.sanity writes uv's path and settings here: uv takes half a second for what takes pip ten.
UV: list[str] = []
UV_SETTINGS: dict[str, str] = {}

# What does not compile is compiled again, and fails again.
COMPILE_ONCE = """\
import builtins
import functools

builtins.compile = functools.lru_cache(maxsize=None)(builtins.compile)
"""

if "sanity.import.plugin" in Path(sys.prefix).parts:
    Path(sysconfig.get_path("purelib"), "sitecustomize.py").write_text(COMPILE_ONCE, encoding="utf-8")
options = {"--no-setuptools", "--no-wheel", "--disable-pip-version-check"}
packages = [argument for argument in sys.argv[1:] if argument not in options]
if UV:
    command = [*UV, "pip", "install", "--quiet", "--python", sys.executable, *packages]
    sys.exit(subprocess.call(command, env={**os.environ, **UV_SETTINGS}))
settings = os.environ.copy()  # ensurepip drops PIP_* and points PIP_CONFIG_FILE at the null device
ensurepip.bootstrap()
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *packages], env=settings))
