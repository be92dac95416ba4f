# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licence files (.xrm-ms) of the Office licence packs: what is in them, and whether a machine needs them. Pure."""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported

from ._office import release_of
from ._rows import OperatingSystem, Product

ENVELOPE_BYTES = 500 * 1024
"""The largest request of a server since Windows 8 / Server 2012 (MaxEnvelopeSizekb 500)."""
ENVELOPE_BYTES_6_1 = 150 * 1024
"""The same of Windows 7 and Server 2008 R2. Source: DESIGN, "pkeyconfig files"."""

_AROUND = 4096
"""What a request needs besides the text: generous."""

# How a licence file names its product was not seen. The lab's own form has the first; the second is the family that the
# rows of the licensing service show; the third the product's own name.
_RELEASES = (
    re.compile(r"<productName>\s*Office (?P<number>1[4569]|2[14])\b", re.IGNORECASE),
    re.compile(r"\bOffice(?P<number>1[4569]|2[14])?KMSHost(?P<year>20\d\d)?VL", re.IGNORECASE),
    re.compile(r"\bMicrosoft Office (?P<year>20\d\d)\b", re.IGNORECASE),
)
_YEARS = {"14": "2010", "15": "2013", "16": "2016", "19": "2019", "21": "2021", "24": "2024"}


@dataclass(frozen=True, slots=True)
class LicenseFile:
    """One file: its name on the controller, for sentences, and its text."""

    name: str
    text: str

    @classmethod
    def read(cls, name: str, content: bytes) -> LicenseFile:
        """From what the file holds: UTF-16 or UTF-8, as its first bytes tell. Raises BadInput for anything else."""
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            text = content.decode("utf-16" if is_utf_16 else "utf-8-sig")
        except UnicodeDecodeError:
            text = ""
        if "<" not in text or "\0" in text:
            raise BadInput(
                f"license_files: {name} is no licence file: it holds no XML text. Nothing was changed. Give the "
                f".xrm-ms files of the licence pack, not the pack itself.",
                operation="read the licence files",
                target="license_files",
            )
        return cls(name, text)

    @property
    def digest(self) -> str:
        """What tells two contents apart."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def release(self) -> str | None:
        """The release of Office that it names, for example 2021; None where it names none, or several."""
        matches = (match.groupdict() for pattern in _RELEASES for match in pattern.finditer(self.text))
        named = {each.get("year") or _YEARS.get(each.get("number") or "") for each in matches} - {None}
        return named.pop() if len(named) == 1 else None

    def is_there(self, rows: Iterable[Product]) -> bool:
        """Whether one of a machine's licences of Office KMS hosts is the one that it brings.

        Told by activation ID or release; where neither is in the text, any such licence counts.
        """
        rows, text = list(rows), self.text.lower()
        if any(row.activation_id and row.activation_id in text for row in rows):
            return True
        release = self.release
        return any(release in (None, release_of(row)) for row in rows)


def needed(files: Iterable[LicenseFile], rows: Iterable[Product]) -> tuple[LicenseFile, ...]:
    """Those files whose licence a machine does not have, each content once, in their order."""
    rows = list(rows)
    return tuple(file for file in distinct(files) if not file.is_there(rows))


def distinct(files: Iterable[LicenseFile]) -> tuple[LicenseFile, ...]:
    """Each content once."""
    return tuple({file.digest: file for file in reversed(list(files))}.values())[::-1]


def refuse_large(files: Iterable[LicenseFile], system: OperatingSystem) -> None:
    """Raise NotSupported for a file that is too large for one request to this Windows: nothing splits it."""
    limit = ENVELOPE_BYTES_6_1 if system.is_6_1 else ENVELOPE_BYTES
    for file in files:
        size = len(escape(file.text).encode()) + _AROUND
        if size > limit:
            raise NotSupported(
                f"license_files: {file.name} makes a request of {size // 1024} KB, and Windows {system.version} on "
                f"{system.computer_name} takes at most {limit // 1024} KB. Nothing was changed. Run the installer of "
                f"the Office Volume License Pack on the machine itself (as an administrator, it asks for the key and "
                f"can be closed there), and run again without license_files.",
                operation="plan",
                target="license_files",
                hint="Install the Office Volume License Pack on the machine, and leave license_files out.",
            )
