# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The form of a product key, and what the lab keeps of it: a SHA-256 and the last five characters."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_FORM = re.compile(r"[BCDFGHJKMNPQRTVWXY2346789]{5}(?:-[BCDFGHJKMNPQRTVWXY2346789]{5}){4}")


@dataclass(frozen=True, slots=True)
class KeyMark:
    """A product key that cannot be turned back into the key."""

    sha256: str
    last_five: str


def mark_key(text: str) -> KeyMark | None:
    """The mark of a 5x5 product key in any letter case, None for a text that is not one."""
    key = text.strip().upper()
    if _FORM.fullmatch(key) is None:
        return None
    return KeyMark(hashlib.sha256(key.encode("ascii")).hexdigest(), key[-5:])
