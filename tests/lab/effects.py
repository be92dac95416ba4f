# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pure core of the lab asks the shell to do.

The core never opens a socket and never waits. A request handler of the core is a generator: it yields one of the
effects below, is resumed with the matching outcome, and finally returns a `Response`. The shell drives it from an
asyncio loop; a unit test drives it from a list of prepared outcomes.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class LookupService:
    """Ask the lab's DNS for SRV records of `name`. Outcome: `ServiceRecords` or `Failure`."""

    name: str


@dataclass(frozen=True, slots=True)
class LookupAddress:
    """Ask the lab's DNS for the addresses of `name`; a literal is its own. Outcome: `Addresses` or `Failure`."""

    name: str


@dataclass(frozen=True, slots=True)
class PublishService:
    """Let a host add its SRV record to a domain, if need be only where the name has none yet. Outcome: `Published` or
    `Failure`.
    """

    domain: str
    record: ServiceRecord
    only_if_absent: bool


@dataclass(frozen=True, slots=True)
class ExchangeWithKms:
    """Connect to a KMS host from the machine's address and exchange one payload. Outcome: `Payload` or `Failure`."""

    source: str
    address: str
    port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class AskMicrosoft:
    """Ask an activation service that runs elsewhere for a machine. Outcome: `MicrosoftAnswer` or `Failure`.

    `key` is the SHA-256 of the product key in hexadecimal.
    """

    key: str
    machine: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Let real time pass (a slow machine). Outcome: None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DropConnection:
    """Close the connection of this request without an answer. There is no outcome: the generator is not resumed."""


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One SRV record as a resolver sees it."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class ServiceRecords:
    """Outcome of `LookupService`; never empty."""

    records: tuple[ServiceRecord, ...]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Outcome of `LookupAddress`; never empty."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """Outcome of `PublishService`."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Outcome of `ExchangeWithKms`."""

    data: bytes


@dataclass(frozen=True, slots=True)
class MicrosoftAnswer:
    """Outcome of `AskMicrosoft`: 0, or the HRESULT of the refusal."""

    code: int


@dataclass(frozen=True, slots=True)
class Failure:
    """An effect that failed, with the HRESULT that Windows reports for it (unsigned 32 bit)."""

    code: int


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back over HTTP: a status and a SOAP envelope in UTF-8."""

    status: int
    body: bytes


Effect: TypeAlias = (
    LookupService | LookupAddress | PublishService | ExchangeWithKms | AskMicrosoft | Wait | DropConnection
)
Outcome: TypeAlias = ServiceRecords | Addresses | Published | Payload | MicrosoftAnswer | Failure | None
Handler: TypeAlias = Generator[Effect, Outcome, Response]
