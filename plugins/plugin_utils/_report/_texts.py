# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a report in each of its languages."""

from __future__ import annotations

import functools
import json
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ._finding import Values
from ._kinds import Kind

LANGUAGES: t.Final = ("en", "de")
_DATA: t.Final = Path(__file__).parent / "data"


class Words:
    """One language: what kinds of findings are called, and the labels of the page."""

    def __init__(self, data: Mapping[str, t.Any]) -> None:
        self._data = data

    def label(self, name: str) -> str:
        """A text of the page; the name itself for what a machine said."""
        text: str = self._data["labels"].get(name, name)
        return text

    def labels(self, prefix: str) -> dict[str, str]:
        """The texts whose names begin with `prefix`, without it."""
        found: dict[str, str] = self._data["labels"]
        return {name.removeprefix(prefix): text for name, text in found.items() if name.startswith(prefix)}

    def of(self, kind: Kind, part: str) -> str:
        """`title`, `meaning` or `remedy` of a kind."""
        text: str = self._data["kinds"][kind.value][part]
        return text

    def evidence(self, kind: Kind, values: Values) -> str:
        """One observation in words. Of values that are unknown nothing is said."""
        known = {name: self._word(name, value) for name, value in values.items() if value is not None}
        sentences: list[list[str]] = self._data["kinds"][kind.value]["evidence"]
        told = [template.format_map(known) for *needed, template in sentences if set(needed) <= known.keys()]
        return "".join(told).strip()

    def _word(self, name: str, value: t.Any) -> str:
        if name in ("channel", "wanted"):
            return self.label(f"channel.{value}")
        return self.label(f"{name}.{value}") if name in ("requester", "way") else str(value)


@functools.cache
def words(language: str) -> Words:
    """The words of a language of LANGUAGES."""
    return Words(json.loads((_DATA / f"texts.{language}.json").read_text("utf-8")))


def asset(name: str) -> str:
    """The text of a file of the HTML page."""
    return (_DATA / name).read_text("utf-8")


# Read once, before Ansible forks: each worker would read them again.
for _language in LANGUAGES:
    words(_language)
