# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running lab: the pure site, and around it everything that touches the machine it runs on."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import secrets
from collections.abc import Collection, Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timezone
from typing import Any

from lab.core import BackgroundTask, Site, SiteError
from lab.effects import DropConnection, Effect, ExchangeWithKms, LookupAddress, LookupService, Outcome, Response

from .address_block import claim
from .authentication import write_ntlm_users
from .circumstances import Circumstances
from .control import ControlServer
from .dns_client import DnsClient
from .dns_service import DnsService
from .driver import drive
from .errors import LabError, UsageError
from .https import MachineCertificates
from .inventory import as_yaml, inventory
from .kms import KmsListeners, exchange
from .site_file import SiteFile
from .state_folder import StateFolder, write_private
from .winrm import ConnectionDropped, WinrmEndpoint

LOG = logging.getLogger(__name__)

TICK_SECONDS = 0.5
"""How often the site is asked for work that has become due by itself."""

TASKS_AT_ONCE = 50
"""When the clock jumps, all machines of a site want to renew at the same moment."""

ADVANCE_ROUNDS = 100
"""Work that is due may make more work due; more rounds than this mean that it never ends."""


FILES_PER_MACHINE = 4
"""A listener or two, a KMS listener, a connection."""

FILES_OF_THE_LAB = 256


class Lab:
    """Start it, use it, stop it. `stop_requested` is set when the control socket asked it to stop."""

    def __init__(self, site: SiteFile, folder: StateFolder) -> None:
        self.folder = folder
        self.stop_requested = asyncio.Event()
        self._spec, self._account, self._dns_settings = site.spec, site.account, site.dns
        self._names = [machine.name for machine in site.spec.machines]
        self._stack = AsyncExitStack()
        self._settling = asyncio.Lock()
        self._lanes = asyncio.Semaphore(TASKS_AT_ONCE)
        self._background: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Claim addresses, start every server, write the inventory. Raises LabError, with nothing left behind."""
        try:
            self.folder.hold()
            self._stack.callback(self.folder.leave)
            await self._start_servers()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop every server and give everything back. Harmless when repeated."""
        await self._stack.aclose()

    async def _start_servers(self) -> None:
        _allow_open_files(FILES_PER_MACHINE * len(self._names) + FILES_OF_THE_LAB)
        block = claim(len(self._names))
        self._stack.callback(block.release)
        plan = block.plan(self._names)
        self._site = self._new_site(plan.machines)
        self._dns = DnsService(self._dns_settings, self.folder, plan.dns)
        self._stack.push_async_callback(self._dns.stop)
        await self._dns.start(plan.machines)
        self._resolver = DnsClient(self._dns.address, self._dns.port)
        write_ntlm_users(self.folder.ntlm_users, self._account, self._spec.domain)
        self._listeners = KmsListeners(plan.machines, self._answer_kms)
        self._stack.push_async_callback(self._listeners.stop)
        certificates = self._new_certificates(plan.machines)
        self._circumstances = Circumstances(self._names, certificates)
        endpoint = WinrmEndpoint(
            plan.machines, self._account, self._answer, certificates=certificates, stalls=self._circumstances.stalls
        )
        self._stack.push_async_callback(endpoint.stop)
        await endpoint.start()
        self._stack.push_async_callback(_end, self._background)
        await self._settle()
        write_private(self.folder.inventory, as_yaml(self._inventory(plan.machines)))
        control = ControlServer(self.folder, self._perform_command)
        self._stack.push_async_callback(control.stop)
        await control.start()
        self._stack.push_async_callback(_end, [asyncio.create_task(self._tick())])

    def _new_site(self, addresses: Mapping[str, str]) -> Site:
        secret = secrets.token_bytes(32)
        try:
            return Site(self._spec, addresses=addresses, kms_secret=secret, now=lambda: datetime.now(timezone.utc))
        except SiteError as error:
            raise UsageError(str(error)) from error

    def _new_certificates(self, machines: Mapping[str, str]) -> MachineCertificates | None:
        if not self._account.https:
            return None
        return MachineCertificates(machines, self._spec.domain, self._account.user, self.folder)

    def _inventory(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        return inventory(
            addresses=addresses,
            groups={machine.name: machine.groups for machine in self._spec.machines},
            account=self._account,
            domain=self._spec.domain,
            dns=self._dns_settings,
            dns_address=self._dns.address,
            dns_port=self._dns.port,
            folder=self.folder,
        )

    async def _answer(self, machine: str, envelope: bytes, user: str) -> Response:
        try:
            return await drive(self._site.handle(machine, envelope, user=user), self._perform)
        finally:
            await self._settle()

    def _answer_kms(self, machine: str, payload: bytes, peer: str) -> bytes:
        return self._site.kms_answer(machine, payload, peer=peer)

    async def _perform(self, effect: Effect) -> Outcome:
        if isinstance(effect, LookupService):
            return await self._resolver.service(effect.name)
        if isinstance(effect, LookupAddress):
            return await self._resolver.addresses(effect.name)
        if isinstance(effect, ExchangeWithKms):
            return await exchange(effect)
        if isinstance(effect, DropConnection):
            raise ConnectionDropped
        await asyncio.sleep(effect.seconds)
        return None

    async def _settle(self) -> None:
        """Make the sockets what the site says they are, and begin what has become due."""
        async with self._settling:
            await self._listeners.reconcile(self._site.kms_listeners())
            for task in self._site.due():
                self._begin(self._run(task))

    async def _run(self, task: BackgroundTask) -> None:
        try:
            async with self._lanes:
                await drive(self._site.run(task), self._perform)
        except Exception:
            LOG.exception("a background task of the site failed: %s", task)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self._settle()

    async def _advance(self, minutes: int) -> None:
        self._site.advance(minutes)
        for _ in range(ADVANCE_ROUNDS):
            await self._settle()
            if not self._background:
                return
            await asyncio.gather(*self._background, return_exceptions=True)
        raise LabError(f"After {ADVANCE_ROUNDS} rounds the site still has work that is due.")

    async def _perform_command(self, request: dict[str, Any]) -> Any:
        command = request.get("command")
        if command == "state":
            return {**self._site.state(), "dns": self._dns.describe()}
        if command == "stats":
            return self._site.stats(reset=bool(request.get("reset")))
        if command == "set":
            return await self._set(request)
        if command == "advance":
            return await self._advance(_minutes(request.get("minutes")))
        if command == "stop":
            self.stop_requested.set()
            return os.getpid()
        raise LabError(f"The lab knows no command {command!r}.")

    async def _set(self, request: dict[str, Any]) -> None:
        machine, name, value = (str(request.get(part, "")) for part in ("machine", "name", "value"))
        try:
            self._circumstances.set(machine, name, value, self._site.set)
        except SiteError as error:
            raise LabError(str(error)) from error
        await self._settle()


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _allow_open_files(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number <= hard or (soft < number and hard == resource.RLIM_INFINITY):
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


def _minutes(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise LabError(f"The lab's clock advances by a whole number of minutes of 0 or more, not by {value!r}.")
    return value
