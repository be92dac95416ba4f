# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the controller that only the user of this process may read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput


def check_folder(dest: Path, what: str) -> None:
    """Raise `BadInput` when `dest` can't be written for want of its folder: before anything is read for it."""
    if not dest.parent.is_dir():
        raise not_written(dest, what, "its folder does not exist")
    if dest.is_dir():
        raise not_written(dest, what, "it is a folder")


def write_for_the_owner(dest: Path, chunks: Iterable[bytes], what: str) -> None:
    """Write `chunks` to `dest` with mode 0600, at once or not at all. `what`, for errors: 'The records'."""
    try:
        # Made with mode 0600.
        descriptor, name = tempfile.mkstemp(prefix=f".{dest.name}.", dir=dest.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(chunks)
            Path(name).replace(dest)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise not_written(dest, what, error.strerror or type(error).__name__) from None


def not_written(dest: Path, what: str, reason: str) -> BadInput:
    return BadInput(
        f"{what} cannot be written to {dest} on the controller: {reason}. Nothing was changed on any machine.",
        operation="write the file",
        target="dest",
        hint="Name a file in a folder that exists and that you may write to.",
    )
