# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site clock: real time plus what `lab advance` added."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

#: What the licensing service calls "no date".
NO_DATE = datetime(1601, 1, 1, tzinfo=timezone.utc)


class SiteClock:
    """UTC time of the site; only `advance` moves it away from the injected `now`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._offset = timedelta()

    def now(self) -> datetime:
        """Site time, aware, UTC."""
        return self._now().astimezone(timezone.utc) + self._offset

    def advance(self, minutes: int) -> None:
        """Let `minutes` of site time pass at once."""
        if minutes < 0:
            raise ValueError(f"The site clock cannot go back: {minutes} minutes.")
        self._offset += timedelta(minutes=minutes)


def whole_minutes(span: timedelta) -> int:
    """Minutes in `span`, rounded up: a licence that ends in 90 seconds has 2 minutes left; never negative."""
    return max(0, -(-int(span.total_seconds()) // 60))
