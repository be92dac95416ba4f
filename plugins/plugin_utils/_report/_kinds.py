# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report calls things: how bad a finding is, which kinds there are, and the state of a machine."""

from __future__ import annotations

import enum
import typing as t


class Severity(str, enum.Enum):
    """How bad a finding is, the worst first.

    critical: machines lose their activation, or strangers get one. error: something is not activated, or can't be
    verified. warning: something will be, or is not as it should be.
    """

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _SEVERITIES.index(self)

    def reaches(self, limit: Severity) -> bool:
        """Whether it is as bad as `limit`, or worse."""
        return self.rank <= limit.rank


_SEVERITIES: t.Final = tuple(Severity)


class Subject(str, enum.Enum):
    """What a kind of finding is about."""

    MACHINES = "machines"
    HOSTS = "hosts"
    DNS = "dns"


class Kind(str, enum.Enum):
    """The kinds of findings. The value is part of the report's schema; its texts are in data/texts.*.json."""

    HOST_NOT_LICENSED = "host_not_licensed"
    HOST_SERVICE_DOWN = "host_service_down"
    HOST_NOT_ANSWERING = "host_not_answering"
    HOST_EXPOSED = "host_exposed"
    HOST_UNREADABLE = "host_unreadable"
    HOST_KEY_LIMIT = "host_key_limit"
    COUNT_LOW = "count_low"
    COUNT_STUCK = "count_stuck"
    UNMANAGED_HOST = "unmanaged_host"
    DNS_UNREADABLE = "dns_unreadable"
    SRV_MISSING = "srv_missing"
    SRV_STALE = "srv_stale"
    SRV_DIFFERS = "srv_differs"
    SRV_NOT_PUBLISHED = "srv_not_published"
    NOT_ACTIVATED = "not_activated"
    NOTIFICATION = "notification"
    NO_KEY = "no_key"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    DUPLICATE_CMID = "duplicate_cmid"
    CLOCK_SKEW = "clock_skew"
    PINNED_TO_RETIRED_HOST = "pinned_to_retired_host"
    PINNED_TO_DEAD_HOST = "pinned_to_dead_host"
    UNSERVABLE_WINDOWS = "unservable_windows"
    PENDING = "pending"
    GRACE = "grace"
    EXPIRING = "expiring"
    WRONG_CHANNEL = "wrong_channel"
    OFFICE_ON_MAK = "office_on_mak"
    EVALUATION = "evaluation"
    UNDECLARED_HOST_IN_USE = "undeclared_host_in_use"
    CLOCK_DRIFT = "clock_drift"

    @property
    def severity(self) -> Severity:
        """How bad a finding of this kind is."""
        if self in _CRITICAL:
            return Severity.CRITICAL
        return Severity.WARNING if self in _WARNINGS else Severity.ERROR

    @property
    def subject(self) -> Subject:
        """What it is about."""
        if self.value.startswith(("srv_", "dns_")):
            return Subject.DNS
        return Subject.HOSTS if self in _ABOUT_HOSTS else Subject.MACHINES


_CRITICAL: t.Final = frozenset(
    {Kind.HOST_NOT_LICENSED, Kind.HOST_SERVICE_DOWN, Kind.HOST_NOT_ANSWERING, Kind.HOST_EXPOSED}
)
_WARNINGS: t.Final = frozenset(
    {
        Kind.HOST_KEY_LIMIT,
        Kind.COUNT_LOW,
        Kind.COUNT_STUCK,
        Kind.UNMANAGED_HOST,
        Kind.SRV_STALE,
        Kind.SRV_DIFFERS,
        Kind.SRV_NOT_PUBLISHED,
        Kind.PENDING,
        Kind.GRACE,
        Kind.EXPIRING,
        Kind.WRONG_CHANNEL,
        Kind.OFFICE_ON_MAK,
        Kind.EVALUATION,
        Kind.UNDECLARED_HOST_IN_USE,
        Kind.CLOCK_DRIFT,
    }
)
_ABOUT_HOSTS: t.Final = _CRITICAL | {
    Kind.HOST_UNREADABLE,
    Kind.HOST_KEY_LIMIT,
    Kind.COUNT_LOW,
    Kind.COUNT_STUCK,
    Kind.UNMANAGED_HOST,
}


class State(str, enum.Enum):
    """How a machine, or one of its licences, is activated; of several licences the first of these counts."""

    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    NO_KEY = "no_key"
    NOTIFICATION = "notification"
    NOT_ACTIVATED = "not_activated"
    PENDING = "pending"
    GRACE = "grace"
    ACTIVATED = "activated"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return _STATES.index(self)


_STATES: t.Final = tuple(State)
