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


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--manner NAME`: how all simulated machines of the integration tests speak."""
    parser.addoption("--manner", default="standard", help="dialects of all machines: standard, dialects-1, ...")


def pytest_configure(config: pytest.Config) -> None:
    """Hand the manner of speaking to the labs (integration/running_lab.py)."""
    os.environ["LAB_MANNER"] = config.getoption("--manner")


# Marker -> programs that its tests need, and the Debian packages they come in.
NEEDED = {
    "bind": (("named",), "bind9"),
    "browser": (("chromium", "chromedriver"), "chromium chromium-driver"),
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose programs this machine lacks, naming the packages; `make test` repeats the reason."""
    for marker, (programs, packages) in NEEDED.items():
        if item.get_closest_marker(marker) is not None:
            missing = [program for program in programs if shutil.which(program, path=PROGRAM_FOLDERS) is None]
            if missing:
                pytest.skip(f"{', '.join(missing)} not found (Debian packages {packages})")
