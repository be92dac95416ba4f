# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a KMS host: who is counted, for how long, and what the host answers.

Nothing here speaks Microsoft's protocol; `kms_payload` holds what the lab's machines say to each other instead.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .licence import WINDOWS_POOL, LicenseStatus

CACHE_DAYS = 30
CACHE_MAXIMUM = 50
OFFICE_CACHE_MAXIMUM = 10
INTERVAL_MINIMUM = 15
INTERVAL_MAXIMUM = 43200


@dataclass(frozen=True, slots=True)
class CountPool:
    """The clients a host remembers, oldest first: (CMID, site time of the last request).

    Source: kms-activation-planning and kms-create-host: unique CMIDs, kept 30 days, at most 50, for Office at most 10.
    """

    clients: tuple[tuple[str, datetime], ...] = ()
    maximum: int = CACHE_MAXIMUM

    def at(self, now: datetime) -> CountPool:
        """The pool without entries older than 30 days."""
        oldest = now - timedelta(days=CACHE_DAYS)
        return replace(self, clients=tuple(entry for entry in self.clients if entry[1] > oldest))

    def with_request(self, cmid: str, now: datetime) -> CountPool:
        """The pool after a request: a known CMID is refreshed, a new one is counted and may push out the oldest."""
        others = tuple(entry for entry in self.at(now).clients if entry[0] != cmid)
        return replace(self, clients=(*others, (cmid, now))[-self.maximum :])

    @property
    def count(self) -> int:
        """KeyManagementServiceCurrentCount."""
        return len(self.clients)


@dataclass(frozen=True, slots=True)
class RequestCounters:
    """Valid requests by the requester's LicenseStatus, and failed ones."""

    by_status: tuple[int, ...] = (0,) * len(LicenseStatus)
    failed: int = 0

    def with_request(self, status: LicenseStatus) -> RequestCounters:
        """The counters after a valid request."""
        counts = list(self.by_status)
        counts[status] += 1
        return replace(self, by_status=tuple(counts))

    def with_failure(self) -> RequestCounters:
        """The counters after a request that was no good."""
        return replace(self, failed=self.failed + 1)

    @property
    def total(self) -> int:
        """KeyManagementServiceTotalRequests: all valid requests."""
        return sum(self.by_status)


@dataclass(frozen=True, slots=True)
class Tally:
    """What one host key counts: clients and requests. Each product of a host has its own."""

    pool: CountPool = field(default_factory=CountPool)
    counters: RequestCounters = field(default_factory=RequestCounters)


@dataclass(frozen=True, slots=True)
class KmsHost:
    """What a machine with a host key is beyond its licence rows. `port` is where it listens, not the configured one.

    `tallies` are by name of the count (`LicenceRow.pool`).
    """

    port: int = 1688
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    activation_interval: int = 120
    renewal_interval: int = 10080

    def tally(self, pool: str, now: datetime) -> Tally:
        """What a count is at site time `now`."""
        tally = self.tallies.get(pool) or Tally(CountPool(maximum=maximum_of(pool)))
        return replace(tally, pool=tally.pool.at(now))

    def with_tally(self, pool: str, tally: Tally) -> KmsHost:
        """The host after a request."""
        return replace(self, tallies={**self.tallies, pool: tally})

    def without_tallies_but(self, pools: Container[str]) -> KmsHost:
        """The host after a key came or went: only `pools` go on counting."""
        return replace(self, tallies={name: tally for name, tally in self.tallies.items() if name in pools})


def maximum_of(pool: str) -> int:
    """How many clients a count remembers: twice the threshold. Source: kms_rules.yaml, count_cache."""
    return CACHE_MAXIMUM if pool == WINDOWS_POOL else OFFICE_CACHE_MAXIMUM


def activates(count: int, threshold: int) -> bool:
    """Whether a client activates: the count the host reported includes its own request.

    Source: kms-activation-planning, "Activation threshold".
    """
    return count >= threshold


def serves(host_generation: int, host_is_client: bool, generation: int, is_server: bool) -> bool:
    """Whether a host key activates a product: older or equal releases; a client Windows serves clients only.

    Source: kms-activation-planning, "KMS host keys"; kms_rules.yaml, host_os_matrix.
    """
    return generation <= host_generation and not (host_is_client and is_server)
