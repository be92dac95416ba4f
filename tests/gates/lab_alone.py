# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start the lab from a copy that holds nothing else: it shares no code with what it tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gates.tree import ROOT

ASK_STATE = (sys.executable, "-m", "lab", "state")


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "tests" / "lab", folder / "lab", ignore=shutil.ignore_patterns("__pycache__"))
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        command = (sys.executable, "-m", "lab", "run", "--site", "lab/sites/demo.yml", "--", *ASK_STATE)
        asked = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, check=True)
    machines = json.loads(asked.stdout)["machines"]
    print(f"the lab alone answers for {len(machines)} machines")
    return 0 if machines else 1


if __name__ == "__main__":
    sys.exit(main())
