# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure core of the simulated site: values in, values out, no sockets, no clock of its own, no waiting.

`parse_site` checks a site file, `Site` simulates it. Whatever must touch the world (DNS, the network, real time) is
yielded as an effect (`lab.effects`) for the shell to perform.
"""

from __future__ import annotations

from .dialects import DIALECTS
from .machine import Machine
from .site import BackgroundTask, Site
from .spec import MachineSpec, SiteError, SiteSpec, parse_site

__all__ = ["DIALECTS", "BackgroundTask", "Machine", "MachineSpec", "Site", "SiteError", "SiteSpec", "parse_site"]
