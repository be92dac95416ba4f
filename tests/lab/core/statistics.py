# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a client asks: requests and SOAP bytes by machine and CIM operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """One operation's requests, faults among them, and bytes of SOAP in both directions."""

    requests: int = 0
    faults: int = 0
    bytes_received: int = 0
    bytes_sent: int = 0

    def add(self, received: int, sent: int, fault: bool) -> None:
        """Count one request."""
        self.requests += 1
        self.faults += fault
        self.bytes_received += received
        self.bytes_sent += sent

    def as_json(self) -> dict[str, int]:
        """The JSON of `lab stats`."""
        return {
            "requests": self.requests,
            "faults": self.faults,
            "bytes_received": self.bytes_received,
            "bytes_sent": self.bytes_sent,
        }


class Statistics:
    """All tallies of a site."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], Tally] = {}

    def count(self, machine: str, operation: str, received: int, sent: int, *, fault: bool) -> None:
        """Count one request of `received` bytes that was answered with `sent` bytes."""
        self._tallies.setdefault((machine, operation), Tally()).add(received, sent, fault)

    def read(self, *, reset: bool) -> dict[str, object]:
        """{"total": ..., "operations": {operation: ...}, "machines": {name: {operation: ...}}}; then maybe forget."""
        total = Tally()
        operations: dict[str, Tally] = {}
        machines: dict[str, dict[str, dict[str, int]]] = {}
        for (machine, operation), tally in sorted(self._tallies.items()):
            machines.setdefault(machine, {})[operation] = tally.as_json()
            for sum_up in (total, operations.setdefault(operation, Tally())):
                sum_up.requests += tally.requests
                sum_up.faults += tally.faults
                sum_up.bytes_received += tally.bytes_received
                sum_up.bytes_sent += tally.bytes_sent
        if reset:
            self._tallies.clear()
        return {
            "total": total.as_json(),
            "operations": {name: tally.as_json() for name, tally in operations.items()},
            "machines": machines,
        }
