# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user of the lab's command line may read: one clear sentence."""

from __future__ import annotations


class LabError(Exception):
    """The lab cannot do what was asked; the message is one sentence that says why and what to do."""


class UsageError(LabError):
    """The user's input is wrong: a site file, an argument."""


class CommandError(LabError):
    """The command of `lab run` cannot be started; `exit_status` is what a shell would return."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status
