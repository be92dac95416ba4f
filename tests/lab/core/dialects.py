# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named dialects: choosing them, combining them, and the document that lists them.

A client that works under each of them does not depend on a guess. A site file names them in `behaviour.dialects`, or in
`dialects` of single machines; they can be combined unless they contradict each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from .dialect import STANDARD, Dialect
from .named_dialects import NAMED_DIALECTS, NamedDialect
from .named_host_dialects import NAMED_HOST_DIALECTS, NAMED_LIMITS

DIALECTS: Mapping[str, NamedDialect] = {dialect.name: dialect for dialect in (*NAMED_DIALECTS, *NAMED_HOST_DIALECTS)}

#: Dialects in which something cannot be done at all.
LIMITS: Mapping[str, NamedDialect] = {dialect.name: dialect for dialect in NAMED_LIMITS}

#: Every name that a site file may use.
KNOWN: Mapping[str, NamedDialect] = {**DIALECTS, **LIMITS}


class Contradiction(Exception):
    """Two dialects want different things of one field."""


def speak(base: Dialect, names: Iterable[str]) -> Dialect:
    """`base` with the fields of the dialects `names`. Raises KeyError for a name, Contradiction for a pair."""
    chosen: dict[str, tuple[str, object]] = {}
    for name in names:
        for field, value in KNOWN[name].fields.items():
            other, former = chosen.get(field, (name, value))
            if former != value:
                raise Contradiction(f"{other} and {name} contradict each other ({field}).")
            chosen[field] = (name, value)
    return dataclasses.replace(base, **{field: value for field, (_, value) in chosen.items()})  # type: ignore[arg-type]


def combinable(names: Iterable[str] = DIALECTS) -> list[str]:
    """Of `names` as many as go together: a dialect that contradicts an earlier one is left out."""
    together: list[str] = []
    for name in names:
        try:
            speak(STANDARD, [*together, name])
        except Contradiction:
            continue
        together.append(name)
    return together


def document() -> str:
    """docs/dialects.md."""
    return "\n".join([_HEADING, *map(_row, DIALECTS.values()), _LIMITS_HEADING, *map(_row, LIMITS.values()), ""])


def _row(dialect: NamedDialect) -> str:
    return f"| `{dialect.name}` | {dialect.stands_for} | {_changes(dialect)} | {dialect.source} |"


def _changes(dialect: NamedDialect) -> str:
    return ", ".join(
        f"`{field}`: {_shown(getattr(STANDARD, field))} -> {_shown(value)}" for field, value in dialect.fields.items()
    )


def _shown(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0xFFFF:
        return f"0x{value:08X}"
    return str(value) if value != "" else "nil"


_HEADING = """<!--
Copyright: (c) 2026, The volact.kms authors
GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
-->

# Dialects of the lab

There is no Windows in the project's tests. Where no public source shows what Windows sends over WS-Management, or where
sources and releases differ, the lab has a named dialect for each form. The tests in
`tests/unit/plugin_utils/spp/test_spp_dialects.py` run the important flows under every one of them: the collection must
not depend on a guess.

A site file of the lab chooses them with `behaviour: {dialects: [name, ...]}`, a machine with `dialects: [name, ...]`.
They can be combined unless they contradict each other. Without a dialect the lab speaks the form left of the arrow.

`tests/lab/core/named_dialects.py` and `named_host_dialects.py` are the source of this table; a test fails when it is
not up to date. Write it anew:
`PYTHONPATH=tests python -c "from lab.core import dialects; print(dialects.document(), end='')" > docs/dialects.md`.

| name | what it stands for | what differs | source |
|---|---|---|---|"""

_LIMITS_HEADING = """
## Limits

On these something cannot be done at all, so that whoever asks for it has to be told what to do instead. Tests of single
features choose them; they are not among those under which all tests pass.

| name | what it stands for | what differs | source |
|---|---|---|---|"""
