# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes that a server, or somebody in its place, may send: random ones, and valid ones that were damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

LONGEST = 600


def _cut(data: bytes, at: int, _junk: bytes) -> bytes:
    return data[:at]


def _drop(data: bytes, at: int, junk: bytes) -> bytes:
    return data[:at] + data[at + len(junk) :]


def _insert(data: bytes, at: int, junk: bytes) -> bytes:
    return data[:at] + junk + data[at:]


def _overwrite(data: bytes, at: int, junk: bytes) -> bytes:
    return data[:at] + junk + data[at + len(junk) :]


def _repeat(data: bytes, at: int, junk: bytes) -> bytes:
    return data[:at] + data[at : at + 8] * len(junk) + data[at:]


def _replace(_data: bytes, _at: int, junk: bytes) -> bytes:
    return junk


@dataclass(frozen=True, slots=True)
class Damage:
    """One edit of a message. `at` counts from its beginning, and round when it is shorter."""

    edit: Callable[[bytes, int, bytes], bytes]
    at: int
    junk: bytes

    def __call__(self, data: bytes) -> bytes:
        return self.edit(data, self.at % (len(data) + 1), self.junk)


EDITS = st.sampled_from([_drop, _insert, _overwrite, _overwrite, _repeat, _cut])

random_bytes = st.binary(max_size=LONGEST)
damages = st.one_of(
    st.builds(Damage, EDITS, st.integers(0, LONGEST), st.binary(min_size=1, max_size=6)),
    st.builds(Damage, st.just(_replace), st.just(0), random_bytes),
)


def apply(data: bytes, edits: tuple[Damage, ...]) -> bytes:
    """A message after some edits. Some change nothing, so it may still be a valid one."""
    for edit in edits:
        data = edit(data)
    return data


def several(least: int) -> st.SearchStrategy[tuple[Damage, ...]]:
    """Up to four edits."""
    return st.lists(damages, min_size=least, max_size=4).map(tuple)


def damaged(valid: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A valid message after one to four edits."""
    return st.builds(apply, valid, several(1))


def truncated(valid: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """The beginning of a valid message, never all of it."""
    return st.builds(lambda data, at: data[: at % len(data)], valid, st.integers(0, LONGEST))
