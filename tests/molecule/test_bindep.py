# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bindep, which ansible-builder asks, would install on each family of Linux. `make molecule` runs this."""

from __future__ import annotations

import json
import subprocess

import pytest

from containers.places import BUILD, ROOT

RULES = """
import json, pathlib, sys
from bindep.depends import Depends
rules = Depends(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")).active_rules(sys.argv[2:])
print(json.dumps(sorted(name for name, _selectors, _versions in rules)))
"""
DEBIAN = ("platform:dpkg", "platform:debian", "platform:debian-trixie")
RED_HAT = ("platform:rpm", "platform:redhat", "platform:base-py3")


@pytest.mark.parametrize(("profiles", "packages"), [(DEBIAN, ["krb5-user"]), (RED_HAT, ["krb5-workstation"])])
def test_each_family_gets_the_package_that_has_kinit(profiles: tuple[str, ...], packages: list[str]) -> None:
    python = BUILD / "venv" / "bin" / "python"
    command = [str(python), "-c", RULES, str(ROOT / "bindep.txt"), *profiles]
    assert json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) == packages
