# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this package cannot do, in one sentence."""

from __future__ import annotations


class ContainersError(Exception):
    """One sentence for the user: what, why, and what to do."""
