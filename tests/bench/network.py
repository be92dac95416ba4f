# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules without Windows cost: a thousand endpoints probed, and the round trips of one record.

The modules run as Ansible runs them, each in a Python of its own, whose start is part of the time.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.name
import dns.opcode
import dns.rdata
import dns.rrset
import dns.tsig
from dns.message import Message
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from bench import kms_listeners
from bench.cost import ROOT, BenchError
from bench.figures import Figure
from lab.shell.dns_server import Authority, BuiltinDns
from lab.shell.dns_zone import RecordSet, Zone, new_zone

PROBED_AT_ONCE = 64
KMS_PORT = 21688

#: Runs a module as AnsiballZ does, without the archive around it. Only ansible-core 2.19 and later read the profile.
RUN_MODULE = """
import importlib, json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}).encode()
basic._ANSIBLE_PROFILE = "legacy"
importlib.import_module(f"ansible_collections.volact.kms.plugins.modules.{sys.argv[1]}").main()
"""

ORIGIN = dns.name.from_text("corp.example.test")
SECRET = b"0123456789abcdef0123456789abcdef"
KEY = dns.tsig.Key("bench.", SECRET, dns.tsig.HMAC_SHA256)
#: The update server first. All of them are the zone's name servers, and so verify.
NAME_SERVERS = {"ns": "127.98.0.1", "ns2": "127.98.0.2", "ns3": "127.98.0.3"}


def network_figures(repeat: int) -> list[Figure]:
    """The quickest of `repeat` probes, and what one record takes. Raises BenchError."""
    before, after = round_trips()
    return [
        Figure("endpoint_info: 1000 endpoints, 64 at a time", min(probe_times(repeat)), "s", 3),
        Figure("srv_record: one record, round trips to the update server", before, "requests", 3),
        Figure("srv_record: one record, questions to each server that verifies", after, "requests", 1),
    ]


def run_module(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The result of a module. Raises BenchError when it failed."""
    run = subprocess.run(
        [sys.executable, "-c", RUN_MODULE, name],
        input=json.dumps(options),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".venv" / "ansible")},
        capture_output=True,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(run.stdout) if run.returncode == 0 else {}
    if not result or result.get("failed"):
        raise BenchError(f"{name} failed: {run.stdout}{run.stderr}")
    return result


def probe_times(repeat: int) -> list[float]:
    """Seconds from the start of the module to its result, for each of `repeat` runs over all endpoints."""
    command = [sys.executable, "-m", "bench.kms_listeners", str(KMS_PORT)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    seconds = []
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as listeners:
        assert listeners.stdin is not None
        assert listeners.stdout is not None
        if listeners.stdout.readline() != "ready\n":
            raise BenchError(f"No thousand endpoints could listen on port {KMS_PORT} of loopback.")
        for _run in range(repeat):
            options = {"endpoints": kms_listeners.ADDRESSES, "port": KMS_PORT, "concurrency": PROBED_AT_ONCE}
            started = time.monotonic()
            counts = run_module("endpoint_info", options)["counts"]
            seconds.append(time.monotonic() - started)
            if counts["kms"] != kms_listeners.COUNT:
                raise BenchError(f"Of 1000 endpoints not all were found: {counts}.")
        listeners.stdin.close()
    return seconds


@dataclass
class Seen:
    """The opcodes of what each name server was asked, in their order."""

    asked: list[tuple[str, int]] = field(default_factory=list)


class CountedAuthority(Authority):
    """Sends the addresses of name servers along, as BIND and Windows do."""

    def _look_up(self, question: dns.rrset.RRset, response: Message) -> None:
        super()._look_up(question, response)
        if question.rdtype == RdataType.NS:
            for name, address in NAME_SERVERS.items():
                response.additional.append(
                    dns.rrset.from_text(dns.name.from_text(name, ORIGIN), 300, "IN", "A", address)
                )


class Counter:
    """In an authority's place: counts what comes to one address."""

    def __init__(self, authority: Authority, address: str, seen: Seen) -> None:
        self._authority = authority
        self._address = address
        self._seen = seen

    def respond(self, wire: bytes, *, udp: bool) -> bytes | None:
        self._seen.asked.append((self._address, (wire[2] >> 3) & 0x0F))
        return self._authority.respond(wire, udp=udp)


def round_trips() -> tuple[int, int]:
    """For one record added to an empty set: what the update server is asked up to the update, and each server then."""
    with _name_servers() as (port, seen):
        first = next(iter(NAME_SERVERS.values()))
        options = {
            "zone": str(ORIGIN),
            "records": [{"target": "kms01"}],
            "server": first,
            "server_port": port,
            "tsig_name": "bench",
            "tsig_secret": base64.b64encode(SECRET).decode(),
        }
        if not run_module("srv_record", options)["changed"]:
            raise BenchError("srv_record did not add the record.")
    return tally(seen.asked, first)


def tally(asked: list[tuple[str, int]], told: str) -> tuple[int, int]:
    """Up to the update and with it; and after it, the most that any one server was asked. Raises BenchError."""
    updates = [number for number, (_address, opcode) in enumerate(asked) if opcode == dns.opcode.UPDATE]
    if len(updates) != 1 or {address for address, _opcode in asked[: updates[0] + 1]} != {told}:
        raise BenchError(f"One update to {told} was expected, and these were the questions: {asked}.")
    verified = [address for address, _opcode in asked[updates[0] + 1 :]]
    if set(verified) != set(NAME_SERVERS.values()):
        raise BenchError(f"Not every name server was asked whether it has the record: {asked}.")
    return updates[0] + 1, max(verified.count(address) for address in verified)


@contextmanager
def _name_servers() -> Iterator[tuple[int, Seen]]:
    """All name servers on one port of their addresses, with one zone between them; yields port and what was asked."""
    zone = new_zone(ORIGIN, next(iter(NAME_SERVERS.values())), {})
    names = frozenset(dns.rdata.from_text(RdataClass.IN, RdataType.NS, f"{name}.{ORIGIN}") for name in NAME_SERVERS)
    zone = Zone(ORIGIN, {**zone.records, (ORIGIN, RdataType.NS): RecordSet(300, names)})
    authority, seen = CountedAuthority(zone, KEY), Seen()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = {address: BuiltinDns(Counter(authority, address, seen)) for address in NAME_SERVERS.values()}  # type: ignore[arg-type]
    port = _free_port()
    try:
        for address, server in servers.items():
            asyncio.run_coroutine_threadsafe(server.start(address, port), loop).result()
        yield port, seen
    finally:
        for server in servers.values():
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((next(iter(NAME_SERVERS.values())), 0))
        port: int = free.getsockname()[1]
        return port
