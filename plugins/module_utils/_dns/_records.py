# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The algebra of SRV record sets: what is there, what should be there, and the difference. Pure values."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .._errors import BadInput

if t.TYPE_CHECKING:
    import dns.name

#: A TTL is an unsigned number of 31 bits. Source: RFC 2181, "Time to Live (TTL)".
MAXIMUM_TTL = 0x7FFFFFFF


class State(Enum):
    """What is wanted of the records that a user names."""

    PRESENT = "present"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, order=True)
class SrvRecord:
    """One SRV record, its fields in the order of a zone file. The target is absolute.

    Targets compare without regard to case and keep the case they came with. Source: RFC 2782, "The format of the
    SRV RR".
    """

    priority: int
    weight: int
    port: int
    target: dns.name.Name

    def __post_init__(self) -> None:
        for field in ("priority", "weight", "port"):
            value = getattr(self, field)
            if not 0 <= value <= 0xFFFF:
                raise BadInput(f"The {field} {value} of {self.target} is not between 0 and 65535.")
        if not self.target.is_absolute():
            raise BadInput(f"The target {self.target} is not a full name.")

    @property
    def endpoint(self) -> tuple[dns.name.Name, int]:
        """What the record points at. It is how we tell our records from other people's."""
        return self.target, self.port

    @property
    def rdata(self) -> str:
        """The record's data as in a zone file: priority, weight, port, target."""
        return f"{self.priority} {self.weight} {self.port} {self.target}"


@dataclass(frozen=True, slots=True)
class SrvSet:
    """All SRV records of one name. They share a TTL in seconds, None when there are no records.

    Source: RFC 2181, "TTLs of RRs in an RRSet".
    """

    records: frozenset[SrvRecord] = frozenset()
    ttl: int | None = None

    def __post_init__(self) -> None:
        if bool(self.records) != (self.ttl is not None):
            raise ValueError("a set of records has a TTL exactly when it has records")

    def ordered(self) -> list[SrvRecord]:
        return sorted(self.records)

    @property
    def shown(self) -> str:
        """The set for sentences."""
        listed = ", ".join(record.rdata for record in self.ordered())
        return f"{listed} with a TTL of {self.ttl}" if listed else "there are none"

    def lines(self, name: dns.name.Name) -> str:
        """The set as lines of a zone file, each with its newline, for a diff."""
        return "".join(f"{name} {self.ttl} IN SRV {record.rdata}\n" for record in self.ordered())


@dataclass(frozen=True, slots=True)
class Desired:
    """What a user asks for. `ttl` in seconds; it and `exclusive` count for `State.PRESENT` only."""

    records: frozenset[SrvRecord]
    ttl: int
    state: State
    exclusive: bool = False

    @classmethod
    def of(cls, records: Iterable[SrvRecord], ttl: int, state: State, *, exclusive: bool = False) -> Desired:
        """The checked form: at least one record, each endpoint once, port and TTL in range; otherwise `BadInput`.

        `exclusive` goes with `State.PRESENT` only: taking one host out of service must never remove the others.
        """
        unique = frozenset(records)
        if not unique:
            raise BadInput("The list of records is empty. Name at least one target.")
        endpoints = [record.endpoint for record in unique]
        for target, port in sorted(set(endpoints)):
            if port == 0:
                raise BadInput(f"The port 0 of {target} is not between 1 and 65535.")
            if endpoints.count((target, port)) > 1:
                raise BadInput(f"The target {target} with port {port} is listed twice with different values.")
        if not 0 <= ttl <= MAXIMUM_TTL:
            raise BadInput(f"The ttl {ttl} is not between 0 and {MAXIMUM_TTL} seconds.")
        if exclusive and state is State.ABSENT:
            raise BadInput(
                "The option exclusive goes with state: present only. List the records that are to stay, with exclusive."
            )
        return cls(unique, ttl, state, exclusive)


@dataclass(frozen=True, slots=True)
class SrvPlan:
    """The way from one set to another. False when there is nothing to do."""

    before: SrvSet
    after: SrvSet

    def __bool__(self) -> bool:
        return self.before != self.after

    @property
    def remove(self) -> list[SrvRecord]:
        return sorted(self.before.records - self.after.records)

    @property
    def add(self) -> list[SrvRecord]:
        return sorted(self.after.records - self.before.records)

    @property
    def ttl_changes(self) -> bool:
        """Whether records that stay get another TTL."""
        return self.before.ttl is not None and self.after.ttl is not None and self.before.ttl != self.after.ttl


def plan(observed: SrvSet, desired: Desired) -> SrvPlan:
    """Change only records with an endpoint that the user named; what other people published stays, unless `exclusive`.

    A wanted record whose endpoint is there with another priority or weight replaces it: two records for one endpoint
    would give it two shares of the clients.
    """
    ours = {record.endpoint for record in desired.records}
    others = frozenset(record for record in observed.records if record.endpoint not in ours)
    if desired.state is State.PRESENT:
        kept = frozenset[SrvRecord]() if desired.exclusive else others
        return SrvPlan(observed, SrvSet(kept | desired.records, desired.ttl))
    return SrvPlan(observed, SrvSet(others, observed.ttl if others else None))
