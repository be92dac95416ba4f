# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of one machine: one JSON object, of builtins only, on one line of a file of records. Pure."""

from __future__ import annotations

import collections
import enum
import json
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, Unreachable

SCHEMA: t.Final = 1
MOST_NAMED: t.Final = 50
"""So many failed machines a summary names; the records have them all."""

Record = dict[str, t.Any]


class Status(str, enum.Enum):
    """What became of reading a machine."""

    OK = "ok"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


def read_record(
    machine: str, collected: datetime, result: Record, *, is_kms_host: bool, skew_seconds: float | None
) -> Record:
    """A machine that was read; `result` is what client_info returns for it. `collected` is of the controller's clock.

    `skew_seconds`: how far the machine's clock is ahead of the controller's; None where it told none.
    """
    return {
        **_head(machine, collected, Status.OK),
        "msg": None,
        "error": None,
        "clock_skew_seconds": skew_seconds,
        "is_kms_host": is_kms_host,
        **result,
    }


def failed_record(machine: str, collected: datetime, error: KmsError) -> Record:
    """A machine that could not be read."""
    status = Status.UNREACHABLE if isinstance(error, Unreachable) else Status.FAILED
    return {
        **_head(machine, collected, status),
        "msg": error.message,
        "error": error.as_result(),
        "clock_skew_seconds": None,
        "is_kms_host": None,
    }


def _head(machine: str, collected: datetime, status: Status) -> Record:
    moment = collected.astimezone(timezone.utc).replace(microsecond=0, tzinfo=None)
    return {
        "schema": SCHEMA,
        "machine": machine,
        "collected": f"{moment.isoformat()}Z",
        "status": status.value,
    }


def line(record: Record) -> bytes:
    """A record as a line of a file. Raises TypeError for what is no builtin."""
    return json.dumps(record, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"


@dataclass(slots=True)
class Summary:
    """What became of a fleet, counted record by record."""

    total: int
    counted: collections.Counter[Status] = field(default_factory=collections.Counter)

    def count(self, status: Status) -> None:
        self.counted[status] += 1

    @property
    def done(self) -> int:
        return self.counted.total()

    @property
    def counts(self) -> dict[str, int]:
        """Machines by what became of them."""
        return {"total": self.total, **{status.value: self.counted[status] for status in Status}}

    def progress(self) -> str:
        """One line for whoever waits."""
        counts = ", ".join(f"{self.counted[status]} {status.value}" for status in Status)
        return f"{self.done} of {self.total} machines read: {counts}, {self.total - self.done} remaining"


def failed_machines(lines: Iterable[bytes]) -> list[dict[str, str]]:
    """The first machines that could not be read, each with the reason."""
    named: list[dict[str, str]] = []
    for text in lines:
        if len(named) == MOST_NAMED:
            break
        record = json.loads(text)
        if record["status"] != Status.OK.value:
            named.append({"machine": record["machine"], "status": record["status"], "msg": record["msg"]})
    return named
