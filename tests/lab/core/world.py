# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rules need besides a machine: time, chance, the activation service, the secret of this lab's KMS."""

from __future__ import annotations

import random
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from ..effects import Effect, Outcome
from .clock import SiteClock
from .licence import ActivationObject
from .machine import Machine
from .microsoft import MicrosoftService
from .product_key import KeyMark
from .spec import Behaviour

Result = TypeVar("Result")

#: A rule that may need the world: yields effects, returns its result.
Steps = Generator[Effect, Outcome, Result]


class SppFailure(Exception):
    """The licensing service refuses; `code` is its HRESULT (unsigned)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"0x{code:08X}")
        self.code = code


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Something that a machine's licensing service does by itself at site time `at`.

    `kind` is "activation" (after a key change, or one that outlasted its request), "renewal", "install_key",
    "install_license" (`text` is the licence) or "publish" (a KMS host, its SRV record). `asked_for`: a request began
    it. `ospp`: the Office classes were asked to install the key.
    """

    machine: str
    kind: str
    at: datetime
    activation_id: str = ""
    key: KeyMark | None = None
    asked_for: bool = False
    ospp: bool = False
    text: str = field(default="", repr=False)


@dataclass(slots=True)
class World:
    """Shared by every machine of a site. `microsoft_elsewhere`: another process has the one activation service.

    `srv_owners`: domain -> the machine that made its SRV records.
    """

    clock: SiteClock
    microsoft: MicrosoftService
    kms_secret: bytes
    chance: random.Random
    behaviour: Behaviour
    activation_objects: tuple[ActivationObject, ...] = ()
    tasks: list[BackgroundTask] = field(default_factory=list)
    microsoft_elsewhere: bool = False
    srv_owners: dict[str, str] = field(default_factory=dict)

    def now(self) -> datetime:
        """Site time."""
        return self.clock.now()

    def later(self, task: BackgroundTask, seconds: float) -> None:
        """Let `task` be due in `seconds`."""
        self.tasks.append(replace(task, at=self.now() + timedelta(seconds=seconds)))

    def due(self, machines: Mapping[str, Machine]) -> list[BackgroundTask]:
        """What is due on these machines at site time, oldest first. Each task is due until it is started."""
        now = self.now()
        found = [task for task in self.tasks if task.at <= now and task.machine in machines]
        for machine in machines.values():
            found += [
                BackgroundTask(machine.name, "renewal", row.next_attempt, row.activation_id)
                for row in machine.keyed_rows(now)
                if row.next_attempt is not None and row.next_attempt <= now
            ]
        return sorted(found, key=lambda task: (task.at, task.machine))
