# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a secret may look in what was written, and a search for all of that."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Leak:
    """A place where a secret was found; it names the secret, and never quotes it."""

    path: Path
    offset: int
    secret: str
    form: str

    def __str__(self) -> str:
        return f"{self.path}, byte {self.offset}: {self.secret}, {self.form}"


def spellings(secret: str) -> dict[str, bytes]:
    """Every form of a secret that is searched for, by its name; without regard to case, but for base64."""
    plain = {"as it is": secret, "without dashes": secret.replace("-", "")}
    if "-" not in secret:
        del plain["without dashes"]
    forms = {name: text.encode() for name, text in plain.items()}
    for name, text in (("as it is", secret), ("without dashes", plain.get("without dashes", secret))):
        for encoding in ("utf-16-le", "utf-16-be"):
            forms[f"{encoding} {name}"] = text.encode(encoding)
        for encoding in ("utf-8", "utf-16-le"):
            for alignment, encoded in enumerate(base64_within(text.encode(encoding))):
                forms[f"base64 of {encoding} {name}, {alignment} bytes after a boundary"] = encoded
    return forms


def base64_within(content: bytes) -> Iterator[bytes]:
    """What is sure to be in the base64 of any longer text with `content`: once for each place that it may begin at."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + content)
        # The characters at both ends hold bits of the neighbours, too.
        first = -(-before * 8 // 6)
        last = (before + len(content)) * 8 // 6
        yield encoded[first:last]


class Search:
    """A search for named secrets in all their spellings."""

    def __init__(self, secrets: dict[str, str]) -> None:
        """`secrets`: a name that may be printed -> the secret."""
        self._forms: dict[bytes, tuple[str, str]] = {}
        self._folded: dict[bytes, tuple[str, str]] = {}
        for name, secret in secrets.items():
            for form, spelling in spellings(secret).items():
                if form.startswith("base64"):
                    self._forms.setdefault(spelling, (name, form))
                else:
                    self._folded.setdefault(spelling.lower(), (name, form))
        self._exact = _any_of(self._forms)
        self._any_case = _any_of(self._folded)

    def in_bytes(self, content: bytes, path: Path) -> Iterator[Leak]:
        """Every leak in what a file holds."""
        folded = content.lower()
        for found in self._exact.finditer(content):
            yield Leak(path, found.start(), *self._forms[found[0]])
        for found in self._any_case.finditer(folded):
            yield Leak(path, found.start(), *self._folded[found[0]])

    def in_files(self, paths: Iterable[Path]) -> list[Leak]:
        """Every leak in these files, and in their names."""
        leaks: list[Leak] = []
        for path in paths:
            leaks += self.in_bytes(path.read_bytes(), path)
            leaks += self.in_bytes(bytes(path), Path(f"the name of a file in {path.parent.name}"))
        return leaks


_SHAPE = re.compile(rb"(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}")


def anything_like_a_key(paths: Iterable[Path]) -> list[Leak]:
    """Every place that has the shape of a product key, whoever's it is: the secrets that nobody told the search."""
    return [
        Leak(path, found.start(), "nobody knows whose", "the shape of a product key")
        for path in paths
        for found in _SHAPE.finditer(path.read_bytes())
    ]


def _any_of(spelled: Iterable[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(re.escape(text) for text in sorted(spelled, key=len, reverse=True)) or rb"(?!)")
