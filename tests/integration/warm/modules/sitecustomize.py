# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A third of what a module written in Python costs is compiling what Ansible sends along: kept here, in a folder.

Ansible puts it into a zip archive, and a new Python imports it from there each time, without bytecode. Python imports
this file when it starts with the folder of this file in PYTHONPATH. Only where WARM_BYTECODE names a folder it changes
anything, and then the tracebacks alone: they name the archive that was read first.
"""

# pathlib would be one more import, in each module.
# ruff: noqa: PTH105, PTH118, PTH123

from __future__ import annotations

import builtins
import hashlib
import marshal
import os
import sys
from typing import Any

FOLDER = os.environ.get("WARM_BYTECODE", "")
compile_anew = builtins.compile


def compile_once(source: Any, filename: Any, *words: Any, **options: Any) -> Any:
    """As compile(); what is imported from an archive is looked up first."""
    if ".zip/" not in str(filename) or not isinstance(source, bytes):
        return compile_anew(source, filename, *words, **options)
    kept = os.path.join(FOLDER, f"{hashlib.sha256(source).hexdigest()}.{sys.implementation.cache_tag}")
    try:
        with open(kept, "rb") as file:
            return marshal.load(file)  # noqa: S302 (written below)
    except OSError:
        code = compile_anew(source, filename, *words, **options)
    # Several Pythons may do so at a time.
    written = f"{kept}.{os.getpid()}"
    with open(written, "wb") as new_file:
        marshal.dump(code, new_file)
    os.replace(written, kept)
    return code


if FOLDER:
    builtins.compile = compile_once
