# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every test of the project sees."""

from __future__ import annotations

import os
import shutil

import pytest

# Debian keeps named where only root's PATH looks.
PROGRAM_FOLDERS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests marked `bind` on a machine without BIND, naming the package; `make test` repeats the reason."""
    if item.get_closest_marker("bind") is not None and shutil.which("named", path=PROGRAM_FOLDERS) is None:
        pytest.skip("named not found (Debian package bind9)")
