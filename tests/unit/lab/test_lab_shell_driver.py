# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Driving the core's generators."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import pytest

from lab.effects import Effect, Failure, LookupAddress, Outcome, Response, Wait
from lab.shell.driver import drive


async def refuse(effect: Effect) -> Outcome:
    return Failure(7) if isinstance(effect, LookupAddress) else None


def test_a_handler_gets_the_outcome_of_each_effect_and_its_result_is_returned() -> None:
    seen: list[Outcome] = []

    def handler() -> Generator[Effect, Outcome, Response]:
        seen.append((yield LookupAddress("name")))
        seen.append((yield Wait(0.0)))
        return Response(200, b"done")

    assert asyncio.run(drive(handler(), refuse)) == Response(200, b"done")
    assert seen == [Failure(7), None]


def test_a_handler_without_effects_just_returns() -> None:
    def handler() -> Generator[Effect, Outcome, Response]:
        yield from ()
        return Response(500, b"fault")

    assert asyncio.run(drive(handler(), refuse)) == Response(500, b"fault")


def test_a_handler_that_fails_is_not_swallowed() -> None:
    def handler() -> Generator[Effect, Outcome, Response]:
        yield Wait(0.0)
        raise LookupError("inside")

    with pytest.raises(LookupError, match="inside"):
        asyncio.run(drive(handler(), refuse))


def test_a_handler_is_closed_when_it_is_cancelled() -> None:
    closed: list[bool] = []

    def handler() -> Generator[Effect, Outcome, Response]:
        try:
            yield Wait(60.0)
        finally:
            closed.append(True)
        return Response(200, b"")

    async def wait(_effect: Effect) -> Outcome:
        await asyncio.sleep(60)
        return None

    async def cancel() -> None:
        task = asyncio.create_task(drive(handler(), wait))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert closed == [True]
