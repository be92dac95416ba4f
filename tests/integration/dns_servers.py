# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real DNS servers for the tests of `srv_record`, and the ways to run the module against them.

What a server holds is read with dnspython directly: a test does not ask the code that it tests.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
from lab_process import running_lab, write_site

REPOSITORY = Path(__file__).resolve().parents[2]
COLLECTIONS = REPOSITORY / ".venv" / "ansible"
PROGRAM_FOLDERS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
NAME = "_vlmcs._tcp"

#: Runs the module as AnsiballZ does, without the archive around it. Only ansible-core 2.19 and later read the profile.
RUN_MODULE = """
import json, sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.load(sys.stdin)}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from ansible_collections.volact.kms.plugins.modules import srv_record
srv_record.main()
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A TSIG key that a server has."""

    name: str
    algorithm: str = "hmac-sha256"
    secret: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode())

    @property
    def dnspython(self) -> dns.tsig.Key:
        wire_name = "hmac-md5.sig-alg.reg.int" if self.algorithm == "hmac-md5" else self.algorithm
        return dns.tsig.Key(self.name, self.secret, wire_name)


@dataclass(frozen=True, slots=True)
class DnsServer:
    """A running server with one zone that `key` may update."""

    address: str
    port: int
    zone: str
    key: Key

    def query(self, name: str, kind: str) -> dns.message.Message:
        question = dns.message.make_query(name, kind, flags=0)
        return dns.query.tcp(question, self.address, timeout=5, port=self.port)

    def records(self) -> list[str]:
        """The zone's KMS records as "ttl priority weight port target", sorted."""
        answer = self.query(f"{NAME}.{self.zone}", "SRV").answer
        return sorted(f"{rrset.ttl} {each}" for rrset in answer for each in rrset)

    def serial(self) -> int:
        return int(self.query(self.zone, "SOA").answer[0][0].serial)

    def set_records(self, ttl: int, *records: str) -> None:
        """Make the zone's KMS records these ("priority weight port target"), past the code under test."""
        message = dns.update.UpdateMessage(self.zone, keyring=self.key.dnspython)
        message.delete(NAME, "SRV")
        for record in records:
            message.add(NAME, ttl, "SRV", record)
        answer = dns.query.tcp(message, self.address, timeout=5, port=self.port)
        assert answer.rcode() == 0, answer

    def options(self, *targets: str | dict[str, t.Any], **changed: t.Any) -> dict[str, t.Any]:
        """Module options for this server; an option that is None is left out."""
        options: dict[str, t.Any] = {
            "zone": self.zone,
            "server": self.address,
            "server_port": self.port,
            "tsig_name": self.key.name,
            "tsig_secret": self.key.secret,
            "tsig_algorithm": self.key.algorithm,
            "records": [each if isinstance(each, dict) else {"target": each} for each in targets],
            **changed,
        }
        return {option: value for option, value in options.items() if value is not None}


def run_module(options: dict[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
    """The result of one run of the module in a Python of its own."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True}
    done = subprocess.run(
        [sys.executable, "-c", RUN_MODULE],
        input=json.dumps(arguments),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
    )
    assert done.stdout, done.stderr
    result: dict[str, t.Any] = json.loads(done.stdout)
    assert "Traceback" not in done.stdout + done.stderr
    secret = options.get("tsig_secret")
    assert not secret or secret not in done.stdout + done.stderr
    return result


def free_port(address: str) -> int:
    """A port that is free for UDP and for TCP."""
    while True:
        with socket.socket(type=socket.SOCK_STREAM) as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind((address, 0))
            port: int = stream.getsockname()[1]
            with contextlib.suppress(OSError):
                datagram.bind((address, port))
                return port


NAMED_CONF = """
{keys}
options {{
    directory "{folder}";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 port {port} {{ ::1; }};
    recursion no; dnssec-validation no; minimal-responses yes; notify no;
    allow-transfer {{ none; }};
    check-names primary ignore;
    pid-file none; session-keyfile none;
}};
controls {{ }};
logging {{ channel out {{ stderr; severity info; }}; category default {{ out; }}; category update {{ out; }}; }};
{zones}
"""

ZONE_CONF = """
zone "{name}" {{ type primary; file "{name}.zone"; {policy} }};
"""

ZONE_FILE = """$TTL 300
@ IN SOA ns.{name}. hostmaster.{name}. 1 900 300 86400 60
@ IN NS ns.{name}.
ns IN A {address}
"""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of a test server: who may change it, and its records beside SOA, NS and the server's address."""

    name: str
    policy: str = ""
    records: str = ""


@contextlib.contextmanager
def bind(folder: Path, zones: list[Zone], keys: list[Key]) -> Iterator[tuple[str, int]]:
    """A BIND without privileges on a free port of loopback: its address and port. It listens on ::1 as well."""
    program = shutil.which("named", path=PROGRAM_FOLDERS)
    assert program is not None
    address = "127.0.0.1"
    port = free_port(address)
    listed = "\n".join(f'key "{each.name}" {{ algorithm {each.algorithm}; secret "{each.secret}"; }};' for each in keys)
    described = "".join(ZONE_CONF.format(name=each.name, policy=each.policy) for each in zones)
    for zone in zones:
        text = ZONE_FILE.format(name=zone.name, address=address) + zone.records
        (folder / f"{zone.name}.zone").write_text(text, encoding="ascii")
    configuration = folder / "named.conf"
    configuration.write_text(
        NAMED_CONF.format(keys=listed, folder=folder, port=port, address=address, zones=described), encoding="ascii"
    )
    log = folder / "named.log"
    with log.open("wb") as output:
        process = subprocess.Popen([program, "-g", "-n", "1", "-c", str(configuration)], stderr=output)
    try:
        wait_until(lambda: is_ready(address, port, zones[0].name), lambda: log.read_text(encoding="utf-8"))
        yield address, port
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[DnsServer]:
    """The server that the lab runs where BIND is not installed."""
    with running_lab(folder, write_site(folder, dns={"software": "builtin"})) as running:
        given = running.variables
        key = Key(given["lab_tsig_name"], given["lab_tsig_algorithm"], given["lab_tsig_secret"])
        yield DnsServer(given["lab_dns_server"], given["lab_dns_port"], given["lab_dns_zone"], key)


def is_ready(address: str, port: int, zone: str) -> bool:
    with contextlib.suppress(OSError, dns.exception.DNSException):
        question = dns.message.make_query(zone, "SOA", flags=0)
        return bool(dns.query.udp(question, address, timeout=0.2, port=port).answer)
    return False


def wait_until(condition: Callable[[], bool], explain: Callable[[], str], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)


class Interceptor:
    """A datagram relay before a server, which can act on updates as they pass.

    `before` runs before an update is passed on, with the number of updates seen so far; when it returns False, the
    update is swallowed. `after` runs on the answer's way back; when it returns False, the answer is swallowed.
    """

    def __init__(
        self,
        server: DnsServer,
        *,
        before: Callable[[int], bool] = lambda _count: True,
        after: Callable[[int], bool] = lambda _count: True,
    ) -> None:
        self.server = server
        self.before = before
        self.after = after
        self.updates = 0
        self.queries = 0
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        address, port = self.socket.getsockname()
        #: Module options that put this relay in the server's place.
        self.place = {"server": address, "server_port": port}
        self.thread = threading.Thread(target=self._relay)

    def __enter__(self) -> Interceptor:
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as stop:
            stop.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def _relay(self) -> None:
        while True:
            message, sender = self.socket.recvfrom(0xFFFF)
            if not message:
                return
            update = (message[2] >> 3) & 0x0F == dns.opcode.UPDATE
            self.updates += update
            self.queries += not update
            if update and not self.before(self.updates):
                continue
            with socket.socket(type=socket.SOCK_DGRAM) as upstream:
                upstream.settimeout(5)
                upstream.sendto(message, (self.server.address, self.server.port))
                answer = upstream.recv(0xFFFF)
            if not update or self.after(self.updates):
                self.socket.sendto(answer, sender)
