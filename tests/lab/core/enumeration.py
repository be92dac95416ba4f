# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open enumerations of a machine: what of a result was sent, what is still to be pulled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

#: MaxConcurrentOperationsPerUser. Source: MS-WSMV 2.2.4.36.
OPERATIONS, OPERATIONS_WINDOWS_7 = 1500, 15

#: An enumeration that nobody pulls is forgotten.
IDLE = timedelta(minutes=10)


@dataclass(slots=True)
class Enumeration:
    """One result: items already written as XML, the class for statistics, how many rows a Pull gives at most."""

    items: Sequence[str]
    class_name: str
    user: str
    rows_per_pull: int
    opened: datetime
    position: int = 0

    @property
    def is_done(self) -> bool:
        """Whether every item was sent."""
        return self.position >= len(self.items)

    def take(self, maximum: int, budget: int) -> list[str]:
        """The next items, at most `maximum`, of at most `budget` characters together.

        Empty with items left: the next one alone is too large.
        """
        taken: list[str] = []
        while not self.is_done and len(taken) < min(maximum, self.rows_per_pull):
            item = self.items[self.position]
            budget -= len(item.encode())
            if budget < 0:
                break
            taken.append(item)
            self.position += 1
        return taken


class OpenEnumerations:
    """The enumerations of one machine by context."""

    def __init__(self, quota: int) -> None:
        self._open: dict[str, Enumeration] = {}
        self.quota = quota

    def add(self, context: str, enumeration: Enumeration) -> None:
        """Keep an enumeration for its pulls."""
        self._open[context] = enumeration

    def get(self, context: str) -> Enumeration | None:
        """The enumeration of a context, None when there is none (any more)."""
        return self._open.get(context)

    def close(self, context: str) -> bool:
        """Forget an enumeration; False when there was none."""
        return self._open.pop(context, None) is not None

    def is_full(self, user: str, now: datetime) -> bool:
        """Whether a user has as many open as the quota allows; idle ones are forgotten first."""
        for context, enumeration in list(self._open.items()):
            if now - enumeration.opened > IDLE:
                del self._open[context]
        return sum(enumeration.user == user for enumeration in self._open.values()) >= self.quota
