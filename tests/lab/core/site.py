# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole site: its machines, its clock, its activation service, and the face the shell drives."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import MappingProxyType

from ..effects import Handler
from .activation import activate
from .catalogue import KMS_HOST_PREFIX, NEVER_HOSTS, published_key_of
from .clock import SiteClock
from .keys_on_machine import activates_by_itself, install_key
from .kms_answer import answer_client
from .licence_files import install_licence
from .machine import Machine
from .microsoft import MicrosoftService
from .product_key import KeyMark
from .publishing import publish
from .settings_by_name import set_by_name
from .spec import MachineSpec, SiteError, SiteSpec
from .starting_state import give_products
from .state import site_state
from .statistics import Statistics
from .telephone import confirmation_id, installation_id
from .world import BackgroundTask, SppFailure, Steps, World
from .wsman_service import WsmanService

__all__ = ["BackgroundTask", "Site"]


class Site:
    """The simulated site. `addresses` maps machine names to their own loopback addresses.

    `kms_secret` is made by the shell for each run; `now` gives real time (aware); `seed` fixes every random choice.
    `microsoft_elsewhere`: what the activation service knows of keys is known here, but another process activates.
    """

    def __init__(
        self,
        spec: SiteSpec,
        *,
        addresses: Mapping[str, str],
        kms_secret: bytes,
        now: Callable[[], datetime],
        seed: int = 0,
        microsoft_elsewhere: bool = False,
    ) -> None:
        self.spec = spec
        self._world = World(
            SiteClock(now),
            MicrosoftService(spec.keys),
            kms_secret,
            random.Random(seed),
            spec.behaviour,
            spec.activation_objects,
        )
        self._machines = {machine.name: self._machine(machine, addresses) for machine in spec.machines}
        for machine in self._machines.values():
            give_products(self._world, machine)
        self._world.tasks.clear()
        self._world.microsoft_elsewhere = microsoft_elsewhere
        self._world.microsoft.requests = 0
        self._statistics = Statistics()
        self._services = {
            name: WsmanService(self._world, machine, self._statistics) for name, machine in self._machines.items()
        }

    def _machine(self, spec: MachineSpec, addresses: Mapping[str, str]) -> Machine:
        channels = [key.channel for key in self._world.microsoft.keys_for(spec.os.name)]
        host_channels = [channel for channel in channels if channel.startswith(KMS_HOST_PREFIX)]
        if published_key_of(spec.os) is not None and spec.os.sku not in NEVER_HOSTS:
            host_channels.append(spec.os.host_channel)
        empty_rows = self.spec.behaviour.products_without_key
        return Machine(spec, self.spec.domain, addresses[spec.name], empty_rows, tuple(host_channels))

    @property
    def machines(self) -> Mapping[str, Machine]:
        """The machines by name."""
        return MappingProxyType(self._machines)

    def handle(self, machine_name: str, envelope: bytes, *, user: str) -> Handler:
        """Answer one SOAP request to a machine. What its licensing service was due to do happens first."""
        for task in self.due([machine_name]):
            yield from self.run(task)
        return (yield from self._services[machine_name].handle(envelope, user))

    def microsoft_answer(self, key: str, machine_name: str) -> int:
        """What the activation service answers to a machine that is elsewhere: 0, or the HRESULT of its refusal.

        `key` is the SHA-256 of the product key in hexadecimal.
        """
        return self._world.microsoft.activate(KeyMark(key, ""), machine_name)

    def confirmation_id(self, machine_name: str, last_five: str = "") -> str:
        """Ring the telephone service for a machine: the confirmation ID of its one key, or of that which ends so.

        It spends an activation. Raises SiteError: no such key, or the HRESULT of a refusal.
        """
        machine = self._machines.get(machine_name)
        if machine is None:
            raise SiteError(f"There is no machine {machine_name!r}; there are {', '.join(sorted(self._machines))}.")
        rows = [
            row for row in machine.keyed_rows(self._world.now()) if row.key and row.key.last_five.endswith(last_five)
        ]
        if len(rows) != 1 or rows[0].key is None:
            known = ", ".join(row.key.last_five for row in machine.keyed_rows(self._world.now()) if row.key)
            raise SiteError(f"{machine_name} has not one key that ends in {last_five!r}; it has {known or 'none'}.")
        code = self._world.microsoft.activate(rows[0].key, machine_name)
        if code:
            raise SiteError(f"The telephone service refuses the key ending in {rows[0].key.last_five}: 0x{code:08X}.")
        return confirmation_id(installation_id(machine, rows[0]))

    def kms_answer(self, machine_name: str, payload: bytes, *, peer: str) -> bytes:
        """What a KMS host answers to a client at `peer`; empty: close without an answer.

        Raises ValueError for a payload that is not this lab's own.
        """
        return answer_client(self._world, self._machines[machine_name], payload, peer)

    def kms_listeners(self, names: Collection[str] | None = None) -> dict[str, int]:
        """Machine name -> TCP port of all KMS hosts, or of those named, that can be reached: key, service, firewall."""
        now = self._world.now()
        return {
            name: machine.kms.port
            for name, machine in self._some(names).items()
            if machine.kms is not None and machine.is_reachable(now)
        }

    def due(self, names: Collection[str] | None = None) -> list[BackgroundTask]:
        """What licensing services, of all machines or of those named, would do by themselves now, oldest first."""
        return self._world.due(self._some(names))

    def _some(self, names: Collection[str] | None) -> Mapping[str, Machine]:
        return self._machines if names is None else {name: self._machines[name] for name in names}

    def run(self, task: BackgroundTask) -> Steps[None]:
        """Do one due task; a task that was done meanwhile is nothing. Failures only show in state and events."""
        machine = self._machines[task.machine]
        if task.kind == "renewal":
            if not machine.claim_renewal(task.activation_id, self._world.now()):
                return
        elif task in self._world.tasks:
            self._world.tasks.remove(task)
        else:
            return
        try:
            if task.kind == "install_key":
                assert task.key is not None
                install_key(self._world, machine, task.key, ospp=task.ospp)
            elif task.kind == "install_license":
                install_licence(machine, task.text)
            elif task.kind == "publish":
                yield from publish(self._world, machine)
            elif self._still_wanted(machine, task):
                yield from activate(self._world, machine, task.activation_id)
        except SppFailure:
            pass

    def _still_wanted(self, machine: Machine, task: BackgroundTask) -> bool:
        """Whether an activation is still to be made: not when the key was changed again, or is activated already.

        Of its own accord the service activates no MAK and no host key where Activation\\Manual says so.
        """
        row = machine.row(task.activation_id, self._world.now())
        if row is None or row.key is None or (task.key is not None and row.key != task.key):
            return False
        return task.kind == "renewal" or (
            row.activated_by is None and (task.asked_for or activates_by_itself(machine, row))
        )

    def advance(self, minutes: int) -> None:
        """Let site time pass: grace runs down, remembered clients fall out, renewals become due."""
        self._world.clock.advance(minutes)

    def set(self, machine_name: str, name: str, value: str) -> None:
        """`lab set`: change a machine's circumstances. Raises SiteError naming what is valid."""
        set_by_name(self._world, self._machines, machine_name, name, value)

    def state(self) -> dict[str, object]:
        """Everything, as JSON values. The shell adds `dns`, which it alone knows."""
        return site_state(self._world, self.spec.domain, self._machines)

    def stats(self, reset: bool = False) -> dict[str, object]:
        """Requests and bytes by machine and CIM operation; `reset` starts again from nothing."""
        return self._statistics.read(reset=reset)
