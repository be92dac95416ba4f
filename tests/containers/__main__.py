# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m containers`: the command line."""

from __future__ import annotations

import sys

from containers.command_line import main

if __name__ == "__main__":
    sys.exit(main())
