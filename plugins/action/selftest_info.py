# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.selftest_info`: every read once, and a scrubbed capture of them for whoever wants to look into it."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction
from ansible_collections.volact.kms.plugins.plugin_utils._spp import run_selftest
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

ARGUMENT_SPEC: dict[str, t.Any] = {"dest": {"type": "path"}}


class ActionModule(KmsAction):
    """Read everything once."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Do the reads; a machine that is lost on the way is unreachable, with what was read so far."""
        dest = Path(parameters["dest"]) if parameters["dest"] and not self.check_mode else None
        if dest and not dest.parent.is_dir():
            raise _not_written(dest, "its folder does not exist")
        test = run_selftest(session)
        if dest:
            write_for_the_owner(dest, test.capture())
        result = {
            "changed": False,
            "ok": test.ok,
            "reads": list(test.reads),
            "requests": session.requests,
            "dest": str(dest) if dest else None,
        }
        if test.lost:
            test.lost.progress = result
            raise test.lost
        return result


def write_for_the_owner(dest: Path, text: str) -> None:
    """Write `text` to `dest`, which only the user of this process may read, at once or not at all."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{dest.name}.", dir=dest.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(dest)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _not_written(dest, error.strerror or type(error).__name__) from None


def _not_written(dest: Path, reason: str) -> BadInput:
    return BadInput(
        f"The capture cannot be written to {dest} on the controller: {reason}. Nothing was changed on the machine.",
        operation="write the capture",
        target="dest",
        hint="Name a file in a folder that exists and that you may write to.",
    )
