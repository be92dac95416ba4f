# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drives the generators of the core: performs what they yield, resumes them with the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import TypeVar

from lab.effects import Effect, Outcome

Result = TypeVar("Result")
Perform = Callable[[Effect], Awaitable[Outcome]]


async def drive(handler: Generator[Effect, Outcome, Result], perform: Perform) -> Result:
    """Run a generator of the core to its end and return what it returns."""
    outcome: Outcome = None
    try:
        while True:
            try:
                effect = handler.send(outcome)
            except StopIteration as done:
                result: Result = done.value
                return result
            outcome = await perform(effect)
    finally:
        handler.close()
