# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab in one process, with one single request disturbed, by its number."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from spp_lab import FakeClock, LabTransport

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Licensing
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply


class ControllerKilled(BaseException):
    """Nothing catches it: from here on the controller does nothing any more."""


class When(enum.Enum):
    """Whether the disturbed request takes effect on the machine."""

    NEVER = "never arrives"
    AT_ONCE = "has its effect"
    LATER = "has its effect two requests later"


@dataclass(frozen=True)
class Disturbance:
    """What happens to one request."""

    name: str
    error: Callable[[], BaseException]
    when: When

    def __str__(self) -> str:
        return f"{self.name}-{self.when.name.lower()}"


def lost() -> TransportLost:
    return TransportLost("The connection broke.", operation="connect")


def timed_out() -> TransportTimeout:
    return TransportTimeout("No answer within 75 s.", operation="wait for the reply")


DISTURBANCES = [
    Disturbance("refused", lambda: AuthenticationRefused("HTTP 401"), When.NEVER),
    Disturbance("unconnected", lambda: TransportLost("Could not connect.", sent=False), When.NEVER),
    Disturbance("lost", lost, When.NEVER),
    Disturbance("lost", lost, When.AT_ONCE),
    Disturbance("lost", lost, When.LATER),
    Disturbance("timeout", timed_out, When.NEVER),
    Disturbance("timeout", timed_out, When.AT_ONCE),
    Disturbance("timeout", timed_out, When.LATER),
    Disturbance("killed", ControllerKilled, When.NEVER),
    Disturbance("killed", ControllerKilled, When.AT_ONCE),
]


@dataclass
class DisturbedTransport:
    """The lab, with the request number `at` (from 0) disturbed. Remembers what was sent, and what was answered."""

    inner: LabTransport
    at: int | None = None
    disturbance: Disturbance | None = None
    sent: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    under_way: bytes | None = None

    @property
    def endpoint(self) -> str:
        return self.inner.endpoint

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        number = len(self.sent)
        self.sent.append(operation_of(envelope))
        if self.at is not None and number >= self.at + 2:
            self.finish()
        if number == self.at and self.disturbance is not None:
            self.disturb(envelope, self.disturbance)
        reply = self.inner.send(envelope, read_timeout=read_timeout)
        self.answered.append(self.sent[-1])
        return reply

    def disturb(self, envelope: bytes, disturbance: Disturbance) -> None:
        if disturbance.when is When.AT_ONCE:
            self.inner.send(envelope, read_timeout=0)
        elif disturbance.when is When.LATER:
            self.under_way = envelope
        raise disturbance.error()

    def finish(self) -> None:
        """Let the machine end what it was still at."""
        envelope, self.under_way = self.under_way, None
        if envelope is not None:
            self.inner.send(envelope, read_timeout=0)

    def licensing(self) -> Licensing:
        return Licensing(CimSession(self), FakeClock())


def operation_of(envelope: bytes) -> str:
    """The last word of the request's action: Enumerate, InstallProductKey, ..."""
    action = re.search(rb"Action[^>]*>[^<]*/(\w+)<", envelope)
    assert action, envelope
    return action[1].decode()
