# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A running lab: the pure site, and around it everything that touches the machine it runs on."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
from collections.abc import Collection, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

from lab.core import BackgroundTask, Site, SiteError
from lab.effects import (
    AskMicrosoft,
    DropConnection,
    Effect,
    ExchangeWithKms,
    LookupAddress,
    LookupService,
    Outcome,
    PublishService,
    Response,
)

from .authentication import Gate, write_ntlm_users
from .circumstances import Circumstances
from .control import ControlServer
from .driver import drive
from .errors import LabError, UsageError
from .kms import KmsListeners, exchange
from .offers import Offers
from .settings import Account
from .site_file import SiteFile
from .state_folder import StateFolder
from .surroundings import Loopback, Surroundings
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

    def __init__(self, site: SiteFile, folder: StateFolder, surroundings: Surroundings | None = None) -> None:
        self.folder = folder
        self.stop_requested = asyncio.Event()
        self._surroundings = surroundings or Loopback(site, folder)
        self._site_file, self._spec = site, site.spec
        self._names = [machine.name for machine in site.spec.machines]
        self._stack = AsyncExitStack()
        self._settling = asyncio.Lock()
        self._lanes = asyncio.Semaphore(TASKS_AT_ONCE)
        self._background: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start the surroundings, then every server. Raises LabError, with nothing left behind."""
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
        around = self._surroundings
        self._stack.push_async_callback(around.stop)
        await around.start()
        self._site = self._new_site(around)
        self.offers = Offers()
        self._listeners = KmsListeners(around.addresses, self._answer_kms)
        self._stack.push_async_callback(self._listeners.stop)
        self._circumstances = Circumstances(
            self._names,
            around.certificates,
            request_seconds=self._spec.behaviour.request_seconds,
            black_holes=[machine.name for machine in self._spec.machines if machine.black_hole],
        )
        endpoint = WinrmEndpoint(
            around.addresses,
            self._gates(),
            self._answer,
            certificates=around.certificates,
            circumstances=self._circumstances,
        )
        self._endpoint = endpoint
        self._stack.push_async_callback(endpoint.stop)
        await endpoint.start()
        self._stack.push_async_callback(_end, self._background)
        await self._settle()
        around.publish()
        control = ControlServer(self.folder, self._perform_command)
        self._stack.push_async_callback(control.stop)
        await control.start()
        self._stack.push_async_callback(_end, [asyncio.create_task(self._tick())])

    def _gates(self) -> dict[str, Gate]:
        """Who may come in at each machine; what an account's NTLM acceptor reads is one file for each account."""
        files: dict[Account, Path] = {}
        gates = {}
        for name in self._names:
            account = self._site_file.account_of(name)
            if account not in files:
                files[account] = self.folder.ntlm_users_of(len(files))
                write_ntlm_users(files[account], account, self._spec.domain)
            gates[name] = Gate(account, files[account], partial(self.offers.record, name))
        return gates

    def _new_site(self, around: Surroundings) -> Site:
        try:
            return Site(
                self._spec,
                addresses=around.addresses,
                kms_secret=around.kms_secret,
                now=lambda: datetime.now(timezone.utc),
                seed=around.seed,
                microsoft_elsewhere=around.microsoft_elsewhere,
            )
        except SiteError as error:
            raise UsageError(str(error)) from error

    async def _answer(self, machine: str, envelope: bytes, user: str) -> Response:
        try:
            return await drive(self._site.handle(machine, envelope, user=user), self._perform)
        finally:
            # What a request changes is its own machine; the clock's part is _tick's.
            await self._settle([machine])

    def _answer_kms(self, machine: str, payload: bytes, peer: str) -> bytes:
        return self._site.kms_answer(machine, payload, peer=peer)

    async def _perform(self, effect: Effect) -> Outcome:
        if isinstance(effect, LookupService):
            return await self._surroundings.resolver.service(effect.name)
        if isinstance(effect, LookupAddress):
            return await self._surroundings.resolver.addresses(effect.name)
        if isinstance(effect, PublishService):
            return await self._surroundings.publish_service(effect)
        if isinstance(effect, ExchangeWithKms):
            return await exchange(effect)
        if isinstance(effect, AskMicrosoft):
            return await self._surroundings.ask_microsoft(effect, self._site)
        if isinstance(effect, DropConnection):
            raise ConnectionDropped
        await asyncio.sleep(effect.seconds)
        return None

    async def _settle(self, names: Collection[str] | None = None) -> None:
        """Make the sockets of all machines, or of those named, what the site says, and begin what has become due."""
        async with self._settling:
            networks = self._circumstances.networks
            wanted = {name: port for name, port in self._site.kms_listeners(names).items() if networks[name] == "up"}
            await self._listeners.reconcile(self._names if names is None else names, wanted)
            for task in self._site.due(names):
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
            return {**self._site.state(), "dns": self._surroundings.describe_dns()}
        if command == "stats":
            return self._site.stats(reset=bool(request.get("reset")))
        if command == "set":
            return await self._set(request)
        if command == "offered":
            return self.offers.read(reset=bool(request.get("reset")))
        if command == "confirmation_id":
            return self._confirmation_id(request)
        if command == "advance":
            return await self._advance(_minutes(request.get("minutes")))
        if command == "stop":
            self.stop_requested.set()
            return os.getpid()
        raise LabError(f"The lab knows no command {command!r}.")

    def _confirmation_id(self, request: dict[str, Any]) -> str:
        try:
            return self._site.confirmation_id(str(request.get("machine", "")), str(request.get("key", "")))
        except SiteError as error:
            raise LabError(str(error)) from error

    async def _set(self, request: dict[str, Any]) -> None:
        machine, name, value = (str(request.get(part, "")) for part in ("machine", "name", "value"))
        wanted = [each for each in self._names if fnmatchcase(each, machine)] or [machine]
        try:
            for each in wanted:
                self._circumstances.set(each, name, value, self._site.set)
        except SiteError as error:
            raise LabError(str(error)) from error
        await self._endpoint.reconcile()
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
