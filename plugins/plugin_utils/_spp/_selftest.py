# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every read that the collection does on a machine, once and by itself, and what went over the wire as a capture.

Nothing is changed: only queries are let through to the machine.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import time
import typing as t
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, Unreachable
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply, Identity, Transport
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._xml import Unreadable

from ._firewall_read import read_rules
from ._firewall_rules import Rule
from ._host import LICENSING_SERVICE
from ._licensing import Clock, Licensing
from ._rows import LicensingService, OperatingSystem, Product, WindowsService
from ._scrub import ENDPOINT, Scrubber

FORMAT = 1
"""Counts up when a reader of captures has to change."""

_ACTION = re.compile(rb"Action[^>]*>([^<]*)<")
_ENUMERATION = b"http://schemas.xmlsoap.org/ws/2004/09/enumeration/"
_READING = frozenset(_ENUMERATION + operation for operation in (b"Enumerate", b"Pull", b"Release"))

T = t.TypeVar("T")


@dataclass(frozen=True, slots=True)
class Read:
    """One read: how long it took, how many requests it was, and what it found in a few words that identify nobody.

    More than one request is a result of several pages, or a property list that this Windows refused.
    """

    name: str
    ok: bool
    seconds: float
    requests: int
    found: str | None
    error: dict[str, t.Any] | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its reply, or None where the connection was lost. Its repr shows neither."""

    read: str
    request: bytes = dataclasses.field(repr=False)
    reply: HttpReply | None = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What the reads said and what went over the wire. `lost`: the machine went out of reach, the rest is missing."""

    reads: tuple[Read, ...]
    exchanges: tuple[Exchange, ...]
    lost: Unreachable | None = None

    @property
    def ok(self) -> bool:
        """Whether everything could be read."""
        return self.lost is None and all(read.ok for read in self.reads)

    def capture(self, scrubber: Scrubber | None = None) -> str:
        """The exchanges as a JSON document that tells nothing about whose machine it was.

        `read`, `request`, `status` and `reply` of each; `reply` is null where nothing or no XML came. Raises `KmsError`
        rather than give a text that still holds a value which had to be replaced.
        """
        scrubber = scrubber or Scrubber()
        exchanges = [_scrubbed(exchange, scrubber) for exchange in self.exchanges]
        document = {"format": FORMAT, "endpoint": ENDPOINT, "exchanges": exchanges}
        text = json.dumps(document, indent=1, ensure_ascii=True) + "\n"
        if count := sum(1 for _value in scrubber.leaks(text)):
            raise KmsError(
                f"The capture would still hold {count} of the names and numbers that it must not hold, so it was not "
                "written. A machine or domain whose name is also a word of the protocol has this effect.",
                operation="write the capture",
                hint="Run without dest, or on another machine.",
            )
        return text


class RecordingTransport:
    """Keeps what goes over another transport, and lets nothing through but Identify and queries."""

    def __init__(self, transport: Transport) -> None:
        """Record for no read in particular until `read` is set."""
        self._transport = transport
        self.read = ""
        self.exchanges: list[Exchange] = []

    @property
    def endpoint(self) -> str:
        """The URL of the service."""
        return self._transport.endpoint

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        """Pass on and remember."""
        action = _ACTION.search(envelope)
        if action is not None and action[1] not in _READING:
            raise AssertionError(f"the self-test only reads, and this is {action[1].decode()}")
        reply: HttpReply | None = None
        try:
            reply = self._transport.send(envelope, read_timeout=read_timeout)
        finally:
            self.exchanges.append(Exchange(self.read, envelope, reply))
        return reply


class _Reader:
    """Does one read after the other: one that fails does not keep the others from being done."""

    def __init__(self, session: CimSession, clock: Clock) -> None:
        self.session = session
        self.licensing = Licensing(session, clock)
        self.reads: list[Read] = []
        session.interpose(self._record)

    def _record(self, transport: Transport) -> Transport:
        self.recorder = RecordingTransport(transport)
        return self.recorder

    def read(self, name: str, ask: Callable[[], T], found: Callable[[T], str]) -> T | None:
        """One read. Raises `Unreachable`, after which others would be no use; every other error is part of the read."""
        self.recorder.read = name
        clock = self.licensing.clock
        before, started = self.session.requests, clock.monotonic()
        value: T | None = None
        error: KmsError | None = None
        try:
            value = ask()
        except KmsError as caught:
            error = caught
        self.reads.append(
            Read(
                name=name,
                ok=error is None,
                seconds=round(clock.monotonic() - started, 3),
                requests=self.session.requests - before,
                found=None if error else found(t.cast("T", value)),
                error=error.as_result() if error else None,
            )
        )
        if isinstance(error, Unreachable):
            raise error
        return value


def run_selftest(session: CimSession, clock: Clock = time) -> SelfTest:
    """Read what the modules read, by the same code; the older property lists too, which newer Windows must know."""
    reader = _Reader(session, clock)
    lost: Unreachable | None = None
    try:
        _read_everything(reader)
    except Unreachable as error:
        lost = error
    return SelfTest(tuple(reader.reads), tuple(reader.recorder.exchanges), lost)


def _read_everything(reader: _Reader) -> None:
    licensing = reader.licensing
    reader.read("identify", reader.session.identify, _said_by_identity)
    system = reader.read("operating_system", licensing.system, _said_by_system) or _UNKNOWN_SYSTEM
    versions = {"": system} if system.is_6_1 else {"": system, "_6_1": _as_oldest(system)}
    for suffix, version in versions.items():
        reader.read(f"licensing_service{suffix}", functools.partial(licensing.service, version), _said_by_service)
        reader.read(f"windows_products{suffix}", functools.partial(licensing.products, version), _said_of_keys)
        reader.read(f"host_service{suffix}", functools.partial(licensing.host_service, version), _said_by_service)
        reader.read(f"host_products{suffix}", functools.partial(licensing.host_products, version), _said_of_keys)
    reader.read("firewall_rule", functools.partial(read_rules, reader.session), _said_by_rules)
    reader.read("windows_service", functools.partial(licensing.windows_service, LICENSING_SERVICE), _said_by_windows)


def _as_oldest(system: OperatingSystem) -> OperatingSystem:
    """The same machine, asked as the oldest Windows would be."""
    return dataclasses.replace(system, version="6.1.0")


_UNKNOWN_SYSTEM = OperatingSystem("the machine", "", 0, 0, 0, None, None)


def _said_by_identity(identity: Identity) -> str:
    return identity.product_version or "no version"


def _said_by_system(system: OperatingSystem) -> str:
    return f"Windows {system.version}, SKU {system.sku}"


def _said_by_service(service: LicensingService) -> str:
    return f"version {service.version}, {'a' if service.is_kms_host else 'no'} KMS host"


def _said_of_keys(products: tuple[Product, ...]) -> str:
    return ", ".join(f"{product.channel.value} {product.license_status.label}" for product in products) or "no key"


def _said_by_rules(rules: tuple[Rule, ...] | None) -> str:
    if not rules:
        return "no such rule or class"
    return ", ".join(f"{rule.name} {'enabled' if rule.enabled else 'disabled'}" for rule in rules)


def _said_by_windows(service: WindowsService) -> str:
    return service.state


def _scrubbed(exchange: Exchange, scrubber: Scrubber) -> dict[str, t.Any]:
    reply = exchange.reply
    try:
        text = scrubber.reply(reply.body) if reply and reply.body else None
    except Unreadable:
        text = None
    return {
        "read": exchange.read,
        "request": scrubber.request(exchange.request),
        "status": reply.status if reply else None,
        "reply": text,
    }
