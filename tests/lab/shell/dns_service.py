# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's DNS server, whichever software it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import dns.name

from .dns_bind import ADDRESS as BIND_ADDRESS
from .dns_bind import PACKAGE, BindServer, find_named
from .dns_server import Authority, BuiltinDns
from .dns_zone import new_zone
from .errors import LabError
from .settings import DnsSettings
from .state_folder import StateFolder

LOG = logging.getLogger(__name__)

BUILTIN_PORT = 10053
"""High, so that no privilege is needed. The address is the lab's own, so the port may be the same in every lab."""


class DnsService:
    """Starts BIND or the lab's own server, as the site file asks."""

    def __init__(self, settings: DnsSettings, folder: StateFolder, address: str) -> None:
        self._settings = settings
        self._folder = folder
        self.address = address
        self.port = 0
        self.software = ""
        self._server: BindServer | BuiltinDns | None = None

    async def start(self, machines: Mapping[str, str]) -> None:
        """Serve the zone with an A record for each machine (name -> address). Raises LabError."""
        addresses = {dns.name.from_text(name, self._settings.zone): address for name, address in machines.items()}
        wanted = self._settings.software
        if wanted == "bind" or (wanted == "auto" and self._settings.bind_can_serve and find_named()):
            try:
                await self._start_bind(addresses)
                return
            except LabError as error:
                if wanted == "bind":
                    raise
                LOG.warning("BIND is installed but cannot be used, so the lab's own server answers: %s", error)
        await self._start_builtin(addresses)

    def describe(self) -> dict[str, str | int]:
        """Where the server is and what it is, for `lab state`."""
        zone = str(self._settings.zone.to_text(omit_final_dot=True))
        return {"server": self.address, "port": self.port, "zone": zone, "software": self.software}

    async def stop(self) -> None:
        """Stop the server."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def _start_bind(self, addresses: Mapping[dns.name.Name, str]) -> None:
        program = find_named()
        if program is None:
            raise LabError(f"The site file asks for dns.software bind, and named is missing: install {PACKAGE}.")
        server = BindServer(program, self._folder.dns, self._settings, self._folder.log)
        self.port = await server.start(BIND_ADDRESS, addresses)
        self.address, self.software, self._server = BIND_ADDRESS, "bind", server

    async def _start_builtin(self, addresses: Mapping[dns.name.Name, str]) -> None:
        zone = new_zone(self._settings.zone, self.address, addresses, self._settings.services)
        server = BuiltinDns(Authority(zone, self._settings.tsig))
        try:
            await server.start(self.address, BUILTIN_PORT)
        except OSError as error:
            await server.stop()
            raise LabError(
                f"Port {BUILTIN_PORT} is taken on the lab's addresses: stop what listens on 0.0.0.0:{BUILTIN_PORT}."
            ) from error
        self.port, self.software, self._server = BUILTIN_PORT, "builtin", server
