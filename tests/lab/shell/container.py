# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site whose every machine runs in a container of its own, and the activation service in one more.

All containers have the same two files: the site file, and a network file that says where everything is:

    {"addresses": {"kms01": "198.19.129.11", ...}, "dns": "198.19.129.2", "microsoft": "198.19.129.3",
     "kms_secret": "64 hexadecimal digits"}

The activation service is one for all, as its keys have limits that all machines use up together. A machine asks it
in one line of JSON over TCP, `{"key": SHA-256, "machine": NAME}`, and reads `{"code": HRESULT}`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lab.core import Site, SiteError
from lab.effects import AskMicrosoft, Failure, MicrosoftAnswer, Outcome, PublishService

from .connections import Connections
from .control import ControlServer
from .dns_client import DnsClient
from .dns_publisher import UPDATE_REFUSED
from .errors import LabError, UsageError
from .https import CertificateFiles, Certificates
from .site_file import SiteFile
from .state_folder import StateFolder

LOG = logging.getLogger(__name__)

MICROSOFT_PORT = 20443
DNS_PORT = 53
ANSWER_SECONDS = 5.0
SERVICE_UNREACHABLE = 0x80072EE7
"""WININET_E_NAME_NOT_RESOLVED; the core says it in its own dialect."""


@dataclass(frozen=True, slots=True)
class Network:
    """Where everything is, and the secret that the machines' KMS messages are signed with."""

    addresses: Mapping[str, str]
    dns: str
    microsoft: str
    kms_secret: bytes

    @classmethod
    def read(cls, path: Path) -> Network:
        """Read a network file. Raises UsageError."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            secret = bytes.fromhex(document["kms_secret"])
            return cls(document["addresses"], document["dns"], document["microsoft"], secret)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"The network file {path} cannot be read ({type(error).__name__}: {error}).") from error

    def as_json(self) -> str:
        """The text of the file."""
        document = {
            "addresses": dict(self.addresses),
            "dns": self.dns,
            "microsoft": self.microsoft,
            "kms_secret": self.kms_secret.hex(),
        }
        return json.dumps(document, indent=2)


def only(site: SiteFile, machine: str) -> SiteFile:
    """The site as one of its machines has it. Raises UsageError."""
    machines = tuple(spec for spec in site.spec.machines if spec.name == machine)
    if not machines:
        names = ", ".join(spec.name for spec in site.spec.machines)
        raise UsageError(f"The site file has no machine {machine!r}; it has {names}.")
    return replace(site, spec=replace(site.spec, machines=machines))


class OneMachine:
    """The surroundings of one machine; `certificates` is the folder with its certificates, None without HTTPS."""

    microsoft_elsewhere = True

    def __init__(self, machine: str, network: Network, user: str, certificates: Path | None) -> None:
        if machine not in network.addresses:
            raise UsageError(f"The network file has no address for the machine {machine!r}.")
        self._network = network
        # Machines that all made the same choices would all choose the same KMS host.
        self.seed = zlib.crc32(machine.encode())
        self.kms_secret = network.kms_secret
        self.addresses: Mapping[str, str] = {machine: network.addresses[machine]}
        self.resolver = DnsClient(network.dns, DNS_PORT)
        self.certificates: Certificates | None = None
        if certificates is not None:
            self.certificates = CertificateFiles(machine, user, certificates)

    async def start(self) -> None:
        """Everything is there already."""

    async def stop(self) -> None:
        """Nothing is held."""

    async def ask_microsoft(self, effect: AskMicrosoft, site: Site) -> Outcome:
        """Ask the service's container; without an answer there is no internet for this machine."""
        try:
            return await asyncio.wait_for(self._ask(effect), ANSWER_SECONDS)
        except (OSError, asyncio.TimeoutError, ValueError, KeyError) as error:
            LOG.warning("the activation service did not answer: %r", error)
            return Failure(SERVICE_UNREACHABLE)

    async def _ask(self, effect: AskMicrosoft) -> Outcome:
        reader, writer = await asyncio.open_connection(self._network.microsoft, MICROSOFT_PORT)
        try:
            writer.write(json.dumps({"key": effect.key, "machine": effect.machine}).encode() + b"\n")
            return MicrosoftAnswer(int(json.loads(await reader.readline())["code"]))
        finally:
            writer.close()

    async def publish_service(self, effect: PublishService) -> Outcome:
        """A machine in a container has no key of the zone."""
        return Failure(UPDATE_REFUSED)

    def publish(self) -> None:
        """The inventory of all containers is written where they are made."""

    def describe_dns(self) -> dict[str, str | int]:
        """The server that this machine asks."""
        return {"server": self._network.dns, "port": DNS_PORT}


class MicrosoftLab:
    """The activation service of a site, alone. It has what the site's machines had activated before they started."""

    def __init__(self, site: SiteFile, folder: StateFolder, network: Network) -> None:
        self.stop_requested = asyncio.Event()
        self._folder, self._network = folder, network
        try:
            self._site = Site(
                site.spec,
                addresses=network.addresses,
                kms_secret=network.kms_secret,
                now=lambda: datetime.now(timezone.utc),
            )
        except (SiteError, KeyError) as error:
            raise UsageError(f"The activation service cannot start with this site and network: {error}.") from error
        self._connections = Connections()
        self._control = ControlServer(folder, self._perform_command)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises LabError."""
        self._folder.hold()
        talk = self._connections.serving(self._talk)
        try:
            self._server = await asyncio.start_server(talk, self._network.microsoft, MICROSOFT_PORT)
        except OSError as error:
            raise LabError(f"{self._network.microsoft}:{MICROSOFT_PORT} cannot be listened on: {error}.") from error
        await self._control.start()

    async def stop(self) -> None:
        """Listen no more. Harmless when repeated."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._connections.stop()
        await self._control.stop()
        self._folder.leave()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = json.loads(line)
            code = self._site.microsoft_answer(str(request["key"]), str(request["machine"]))
            LOG.info("%s asked to be activated: 0x%08X", request["machine"], code)
            writer.write(json.dumps({"code": code}).encode() + b"\n")
            await writer.drain()

    async def _perform_command(self, request: dict[str, Any]) -> Any:
        command = request.get("command")
        if command == "state":
            return {"microsoft": self._site.state()["microsoft"]}
        if command == "stats":
            return {}
        raise LabError(f"The activation service knows no command {command!r}; it knows state and stats.")
