# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a KMS host: who is counted, for how long, and what the host answers.

Nothing here speaks Microsoft's protocol; `kms_payload` holds what the lab's machines say to each other instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .licence import LicenseStatus

CACHE_DAYS = 30
CACHE_MAXIMUM = 50
INTERVAL_MINIMUM = 15
INTERVAL_MAXIMUM = 43200


@dataclass(frozen=True, slots=True)
class CountPool:
    """The clients a host remembers, oldest first: (CMID, site time of the last request).

    Source: kms-activation-planning and kms-create-host: unique CMIDs, kept 30 days, at most 50.
    """

    clients: tuple[tuple[str, datetime], ...] = ()

    def at(self, now: datetime) -> CountPool:
        """The pool without entries older than 30 days."""
        oldest = now - timedelta(days=CACHE_DAYS)
        return CountPool(tuple(entry for entry in self.clients if entry[1] > oldest))

    def with_request(self, cmid: str, now: datetime) -> CountPool:
        """The pool after a request: a known CMID is refreshed, a new one is counted and may push out the oldest."""
        others = tuple(entry for entry in self.at(now).clients if entry[0] != cmid)
        return CountPool((*others, (cmid, now))[-CACHE_MAXIMUM:])

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
class KmsHost:
    """What a machine with a host key is beyond its licence row. `port` is where it listens, not the configured one."""

    port: int = 1688
    pool: CountPool = field(default_factory=CountPool)
    counters: RequestCounters = field(default_factory=RequestCounters)
    activation_interval: int = 120
    renewal_interval: int = 10080


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
