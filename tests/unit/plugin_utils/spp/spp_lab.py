# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pure core of the lab behind a CimSession, in one process and without a socket.

The code under test speaks real SOAP to the real rules of the lab; only DNS and the way to the KMS host are prepared
answers. Faults of the transport can be planted before or after an operation has had its effect.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, TransportLost
from ansible_collections.volact.kms.plugins.plugin_utils._spp import DesiredFirewall, Licensing
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply
from lab.core import Site, parse_site
from lab.effects import (
    Addresses,
    DropConnection,
    Effect,
    ExchangeWithKms,
    Failure,
    LookupAddress,
    LookupService,
    Outcome,
    Payload,
    Published,
    PublishService,
    ServiceRecord,
    ServiceRecords,
    Wait,
)

Thing = TypeVar("Thing")

START = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)
CLIENT_MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKWHT"
OTHER_MAK = "CCCCC-DDDDD-FFFFF-GGGGG-MKXYY"
SERVER_MAK = "DDDDD-FFFFF-GGGGG-HHHHH-MKWHR"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KHWHT"
CLIENT_HOST_KEY = "PPPPP-QQQQQ-RRRRR-TTTTT-KHWXP"
OPEN_FIREWALL = DesiredFirewall(enabled=True, allow_public=True)
HOST_IS_SET_UP = [
    "InstallProductKey",
    "DisableKeyManagementServiceDnsPublishing",
    "Activate",
    "RestartService",
    "SetRegistryValue",
    "SetRegistryValue",
    "Enable",
]
"""What a KMS host takes that publishes no record and has the firewall open."""

DOCUMENT: dict[str, object] = {
    "domain": "corp.example.test",
    "machines": {
        "kms01": {"os": "windows-server-2022-datacenter"},
        "win[01:25]": {"os": "windows-11-enterprise", "products": [{"key": CLIENT_MAK, "activated": True}]},
        "srv[01:05]": {
            "os": "windows-server-2022-standard",
            "language": "de-DE",
            "products": [{"key": SERVER_MAK, "activated": True}],
        },
        "old01": {"os": "windows-7-enterprise"},
        "eval01": {"os": "windows-server-2022-datacenter-eval"},
    },
    "microsoft": {
        "keys": [
            {"key": CLIENT_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 100},
            {"key": OTHER_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 1},
            {"key": SERVER_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 100},
            {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            {"key": CLIENT_HOST_KEY, "kind": "kms_host", "for": ["windows-11-enterprise"]},
        ]
    },
    "behaviour": {"products_without_key": 5},
}


@dataclass
class FakeClock:
    """Time that passes only when somebody waits."""

    now: float = 0.0

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.now += seconds

    def moment(self) -> datetime:
        """The date and time; a method, so that a deep copy of a site has a clock of its own."""
        return START + timedelta(seconds=self.now)

    def time(self) -> float:
        """Seconds since 1970."""
        return START.timestamp() + self.now


@dataclass
class Plant:
    """Something that happens at the first request whose SOAP holds `text`, before or after it takes effect."""

    text: bytes
    error: KmsError | None = None
    after: bool = True
    then: Callable[[], None] = lambda: None


@dataclass
class InProcessLab:
    """A site, and what its machines find in DNS."""

    site: Site
    addresses: dict[str, str]
    records: list[ServiceRecord] = field(default_factory=list)
    plants: list[Plant] = field(default_factory=list)
    clock: FakeClock = field(default_factory=FakeClock)

    def licensing(self, machine: str) -> Licensing:
        """The domain's view of one machine, with a clock that never really waits."""
        return Licensing(CimSession(LabTransport(self, machine)), self.clock)

    def publish(self, *machines: str) -> None:
        """Put SRV records for these machines into DNS."""
        self.records = [ServiceRecord(0, 0, 1688, f"{name}.corp.example.test") for name in machines]

    def state(self, machine: str) -> dict[str, object]:
        """What is so on one machine."""
        machines = self.site.state()["machines"]
        assert isinstance(machines, dict)
        found: dict[str, object] = machines[machine]
        return found

    def microsoft(self, last_five: str) -> int:
        """Activations that the simulated Microsoft service gave for a key."""
        service = self.site.state()["microsoft"]
        assert isinstance(service, dict)
        return next(int(key["activations_used"]) for key in service["keys"] if key["last_five"] == last_five)

    def resolve(self, effect: Effect) -> Outcome:
        """What the world answers."""
        if isinstance(effect, LookupService):
            return ServiceRecords(tuple(self.records)) if self.records else Failure(0x8007232B)
        if isinstance(effect, LookupAddress):
            address = self.addresses.get(effect.name.split(".")[0])
            return Addresses((address,)) if address else Failure(0x8007232B)
        if isinstance(effect, ExchangeWithKms):
            host = next((name for name, address in self.addresses.items() if address == effect.address), None)
            if host not in self.site.kms_listeners():
                return Failure(0xC004F074)
            return Payload(self.site.kms_answer(host, effect.payload, peer=effect.source))
        if isinstance(effect, PublishService):
            if effect.only_if_absent and self.records:
                return Failure(0x80072338)
            self.records.append(effect.record)
            return Published()
        if isinstance(effect, DropConnection):
            raise TransportLost("The connection broke.")
        assert isinstance(effect, Wait)
        self.clock.sleep(effect.seconds)
        return None


@dataclass
class LabTransport:
    """A `Transport` that drives the lab's generators."""

    lab: InProcessLab
    machine: str

    @property
    def endpoint(self) -> str:
        """Where the machine would listen."""
        return f"http://{self.machine}.corp.example.test:5985/wsman"

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        """One request, with what was planted for it."""
        plant = next((plant for plant in self.lab.plants if plant.text in envelope), None)
        if plant:
            self.lab.plants.remove(plant)
        if plant and not plant.after:
            self._let_happen(plant)
        reply = self._answer(envelope)
        if plant and plant.after:
            self._let_happen(plant)
        return reply

    @staticmethod
    def _let_happen(plant: Plant) -> None:
        plant.then()
        if plant.error:
            raise plant.error

    def _answer(self, envelope: bytes) -> HttpReply:
        handler = self.lab.site.handle(self.machine, envelope, user="labadmin")
        outcome: Outcome = None
        while True:
            try:
                effect = handler.send(outcome)
            except StopIteration as end:
                return HttpReply(end.value.status, end.value.body)
            outcome = self.lab.resolve(effect)


def new_lab(document: Mapping[str, object] = DOCUMENT, **behaviour: object) -> InProcessLab:
    """A fresh site; keyword arguments are what differs in its `behaviour`."""
    base = document["behaviour"]
    assert isinstance(base, dict)
    spec = parse_site({**document, "behaviour": {**base, **behaviour}})
    addresses = {machine.name: f"127.9.9.{number}" for number, machine in enumerate(spec.machines, 10)}
    clock = FakeClock()
    site = Site(spec, addresses=addresses, kms_secret=b"lab", now=clock.moment)
    return InProcessLab(site, addresses, clock=clock)


def copied(prepare: Callable[[], Thing]) -> Callable[[], Thing]:
    """Prepare something once, such as a site, and give a fresh copy of it each time."""
    pickled = functools.cache(lambda: pickle.dumps(prepare(), pickle.HIGHEST_PROTOCOL))
    return lambda: pickle.loads(pickled())  # noqa: S301 (made above)


def copy_of(thing: Thing) -> Thing:
    """As copy.deepcopy, in a third of the time: most of what some tests do is to copy sites."""
    return copied(lambda: thing)()
