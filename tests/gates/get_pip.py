# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in for the pip bootstrap script that ansible-test downloads: pip from ensurepip, then what was asked for.

ansible-test looks for its script in ~/.ansible/test/cache before it downloads one, and runs it with pip's own
arguments, in each of the environments that it makes for its sanity tests. Where there is uv, what the environment gets
as pip is a few lines that ask uv: it takes a tenth of a second for what takes pip, made and compiled anew, three.

In the one of the test `import` it also leaves a sitecustomize.py. That test imports every file of the collection by
itself, with all that the file imports, and forgets it; each time Ansible's loader would compile the same text anew, and
dataclasses the text of the same methods.
"""

from __future__ import annotations

import ensurepip
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

# gates.sanity writes uv's path and settings here.
UV: list[str] = []
UV_SETTINGS: dict[str, str] = {}

# ansible-test has pip installed and, when everything else is, uninstalled.
ASK_UV = """\
import os
import shutil
import subprocess
import sys

task, *words = [word for word in sys.argv[1:] if word not in ("--disable-pip-version-check", "-y")]
if task == "uninstall":
    shutil.rmtree(os.path.dirname(__file__))
    words.remove("pip")
elif task == "install":
    words.append("--compile-bytecode")
else:
    sys.exit(f"This is uv in the place of pip, and installs or uninstalls: it knows no pip {task}.")
command = [*UV, "pip", task, "--quiet", "--python", sys.executable, *words]
sys.exit(subprocess.call(command, env={**os.environ, **UV_SETTINGS}) if words else 0)
"""

# What does not compile is compiled again, and fails again. dataclasses names the namespaces that it means.
COMPILE_ONCE = """\
import builtins
import functools

execute = builtins.exec


def execute_compiled(source, *namespaces, **options):
    if namespaces and isinstance(source, str):
        source = builtins.compile(source, "<string>", "exec", 0, True)
    execute(source, *namespaces, **options)


builtins.compile = functools.lru_cache(maxsize=None)(builtins.compile)
builtins.exec = execute_compiled
"""

libraries = Path(sysconfig.get_path("purelib"))
if "sanity.import.plugin" in Path(sys.prefix).parts:
    (libraries / "sitecustomize.py").write_text(COMPILE_ONCE, encoding="utf-8")
options = {"--no-setuptools", "--no-wheel", "--disable-pip-version-check"}
packages = [argument for argument in sys.argv[1:] if argument not in options]
if UV:
    pip = libraries / "pip"
    pip.mkdir()
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(f"UV = {UV!r}\nUV_SETTINGS = {UV_SETTINGS!r}\n{ASK_UV}", encoding="utf-8")
    more = [package for package in packages if package.partition("=")[0] != "pip"]
    command = [*UV, "pip", "install", "--quiet", "--python", sys.executable, *more]
    sys.exit(subprocess.call(command, env={**os.environ, **UV_SETTINGS}) if more else 0)
settings = os.environ.copy()  # ensurepip drops PIP_* and points PIP_CONFIG_FILE at the null device
ensurepip.bootstrap()
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *packages], env=settings))
