# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real BIND as the lab's DNS server: unprivileged, on a high port, with everything in the state folder.

BIND listens on addresses of interfaces only, and of all 127/8 that is 127.0.0.1: so labs side by side differ by the
port, and a lab makes sure by an identifier that the server which answers is its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import random
import re
import secrets
import shutil
import signal
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.message
import dns.name

from lab.effects import ServiceRecord

from .dns_zone import DEFAULT_TTL, PERMITTED_TYPES, service_text
from .errors import LabError
from .settings import DnsSettings
from .state_folder import write_private

PACKAGE = "bind9"
ADDRESS = "127.0.0.1"
PORTS = range(20000, 32000)
"""Needs no privilege, and below the range from which Linux picks the ports of outgoing connections."""

ATTEMPTS = 5
READY_SECONDS = 15.0
QUERY_SECONDS = 0.5
STOP_SECONDS = 5.0
POLL_SECONDS = 0.05

_PR_SET_PDEATHSIG = 1
_VERSION = re.compile(r"^BIND (\d+)\.(\d+)")


def find_named() -> str | None:
    """The path of `named`, also where /usr/sbin is not on an ordinary user's PATH; None when it is not installed."""
    return shutil.which("named") or shutil.which("named", path="/usr/local/sbin:/usr/sbin:/sbin")


class BindServer:
    """One `named` process for one zone."""

    def __init__(self, program: str, folder: Path, settings: DnsSettings, log: Path) -> None:
        self._program = program
        self._folder = folder
        self._settings = settings
        self._log = log
        self._configuration = folder / "named.conf"
        self._identity = secrets.token_hex(16)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, server: str, addresses: Mapping[dns.name.Name, str]) -> int:
        """Start, wait until the zone is served, return the port.

        `server` is the address that the zone gives its name server. Raises LabError with the reason.
        """
        self._folder.mkdir(mode=0o700)
        write_private(
            self._folder / "zone.db", zone_text(self._settings.zone, server, addresses, self._settings.services)
        )
        version = await self._version()
        for _ in range(ATTEMPTS):
            port = _free_port()
            write_private(self._configuration, named_conf(self._folder, self._settings, port, self._identity, version))
            await self._begin()
            try:
                await self._wait_until_ready(port)
                return port
            except _PortTaken:
                await self.stop()
            except BaseException:
                await self.stop()
                raise
        raise LabError(f"named found no free port on {ADDRESS} in {ATTEMPTS} attempts.")

    async def _begin(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                self._program, "-g", "-4", "-n", "1", "-c", str(self._configuration),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_die_with_parent(),
            )  # fmt: skip

    async def stop(self) -> None:
        """End the process; kill it when it does not end by itself."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()

    async def _version(self) -> tuple[int, int]:
        process = await asyncio.create_subprocess_exec(
            self._program, "-V", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        output, _ = await process.communicate()
        found = _VERSION.match(output.decode(errors="replace"))
        if found is None:
            raise LabError(f"{self._program} -V does not say that it is BIND.")
        return int(found.group(1)), int(found.group(2))

    async def _wait_until_ready(self, port: int) -> None:
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._process.returncode is not None:
                raise LabError(f"named ended with status {self._process.returncode}: {_last_line(self._log)}")
            if await self._serves_zone(port):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise LabError(f"named did not serve the zone within {READY_SECONDS:.0f} s: {_last_line(self._log)}")

    async def _serves_zone(self, port: int) -> bool:
        try:
            who = await dns.asyncquery.udp(
                dns.message.make_query("id.server.", "TXT", "CH"), ADDRESS, timeout=QUERY_SECONDS, port=port
            )
            soa = await dns.asyncquery.udp(
                dns.message.make_query(self._settings.zone, "SOA"), ADDRESS, timeout=QUERY_SECONDS, port=port
            )
        except (OSError, dns.exception.DNSException):
            return False
        if self._identity not in str(who):
            raise _PortTaken
        return bool(soa.answer)


class _PortTaken(Exception):
    """Another server answers on the port that was free a moment ago."""


def zone_text(
    zone: dns.name.Name,
    server: str,
    addresses: Mapping[dns.name.Name, str],
    services: Iterable[ServiceRecord] = (),
) -> str:
    """The zone file: SOA, NS, an A record for every machine, and the SRV records that are there at first."""
    lines = [
        f"$TTL {DEFAULT_TTL}",
        f"{zone} IN SOA ns.{zone} hostmaster.{zone} 1 900 300 86400 60",
        f"{zone} IN NS ns.{zone}",
        f"ns.{zone} IN A {server}",
    ]
    lines += [f"{name} IN A {address}" for name, address in addresses.items()]
    lines += [f"_vlmcs._tcp.{zone} IN SRV {service_text(service)}" for service in services]
    return "\n".join(lines) + "\n"


def named_conf(folder: Path, settings: DnsSettings, port: int, identity: str, version: tuple[int, int]) -> str:
    """The configuration: nothing outside the folder, no control channel, updates with the lab's key only."""
    types = " ".join(sorted(rdtype.name for rdtype in PERMITTED_TYPES))
    # Up to 9.20 named writes a lock file of the whole machine unless told not to; later ones don't know the option.
    lock = "    lock-file none;\n" if version < (9, 21) else ""
    key = settings.tsig_name
    return f"""\
key "{key}" {{ algorithm {settings.tsig_algorithm}; secret "{settings.tsig_secret}"; }};
options {{
    directory "{folder}";
    listen-on port {port} {{ {ADDRESS}; }};
    listen-on-v6 {{ none; }};
    server-id "{identity}";
    recursion no;
    dnssec-validation no;
    empty-zones-enable no;
    minimal-responses yes;
    notify no;
    allow-transfer {{ none; }};
    pid-file none;
    session-keyfile none;
{lock}}};
controls {{ }};
logging {{
    channel out {{ stderr; severity info; print-time yes; print-category yes; }};
    category default {{ out; }};
    category update {{ out; }};
    category update-security {{ out; }};
}};
zone "{settings.zone.to_text(omit_final_dot=True)}" {{
    type primary;
    file "zone.db";
    update-policy {{ grant "{key}" zonesub {types}; }};
}};
"""


def _die_with_parent() -> Callable[[], None]:
    """For the child between fork and exec: be terminated when the lab dies, even by SIGKILL."""
    library = ctypes.CDLL(None, use_errno=True)

    def request() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    return request


def _free_port() -> int:
    for port in random.SystemRandom().sample(PORTS, k=100):
        with contextlib.suppress(OSError), contextlib.ExitStack() as sockets:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind((ADDRESS, port))
            return port
    raise LabError(f"No port of {ADDRESS} from {PORTS[0]} to {PORTS[-1]} is free for named.")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"
