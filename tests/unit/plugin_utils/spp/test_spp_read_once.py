# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables are in memory before Ansible forks: a worker process lives for one task, and would read them again."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PACKAGE = "ansible_collections.volact.kms.plugins.plugin_utils._spp"


@pytest.mark.parametrize("table", ["_catalogue._catalogue", "_hresult._table"])
def test_importing_the_domain_reads_the_table(table: str) -> None:
    module, function = table.split(".")
    code = f"import {PACKAGE}.{module} as m; raise SystemExit(m.{function}.cache_info().currsize != 1)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
