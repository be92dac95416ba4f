# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab in containers, one simulated machine in each, and Molecule around it.

`command_line` says what it can do; `engine` is podman or docker, `fence` keeps packets on this machine, `site` is what
the containers of a scenario are told, `lifecycle` makes and removes them, `scenarios` runs Molecule.
"""

from __future__ import annotations
