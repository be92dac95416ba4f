# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real DNS servers for the tests of `srv_record`, and the ways to run the module against them.

What a server holds is read with dnspython directly: a test does not ask the code that it tests.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
from lab_process import running_lab, write_site
from warm.programs import WarmPrograms

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
    def configuration(self) -> str:
        """The key as BIND reads it."""
        return f'key "{self.name}" {{ algorithm {self.algorithm}; secret "{self.secret}"; }};'

    @property
    def dnspython(self) -> dns.tsig.Key:
        wire_name = "hmac-md5.sig-alg.reg.int" if self.algorithm == "hmac-md5" else self.algorithm
        return dns.tsig.Key(self.name, self.secret, wire_name)


@dataclass(frozen=True, slots=True)
class ServedZone:
    """A zone on a running server, as anybody can read it."""

    address: str
    port: int
    zone: str

    def query(self, name: str, kind: str) -> dns.message.Message:
        question = dns.message.make_query(name, kind, flags=0)
        return dns.query.tcp(question, self.address, timeout=5, port=self.port)

    def records(self) -> list[str]:
        """The zone's KMS records as "ttl priority weight port target", sorted."""
        answer = self.query(f"{NAME}.{self.zone}", "SRV").answer
        return sorted(f"{rrset.ttl} {each}" for rrset in answer for each in rrset)

    def serial(self) -> int:
        return int(self.query(self.zone, "SOA").answer[0][0].serial)


@dataclass(frozen=True, slots=True)
class DnsServer(ServedZone):
    """A zone that `key` may update."""

    key: Key

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


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that can run the module, and the variables it needs for that."""

    program: str = sys.executable
    environment: dict[str, str] = field(default_factory=lambda: {"PYTHONPATH": str(COLLECTIONS)})

    def with_variables(self, **variables: str) -> Interpreter:
        return Interpreter(self.program, {**self.environment, **variables})


def run_module(
    options: dict[str, t.Any], *, check: bool = False, python: Interpreter | None = None
) -> dict[str, t.Any]:
    """The result of one run of the module: warm by this Python, or by another one as it is."""
    arguments = json.dumps({**options, "_ansible_check_mode": check, "_ansible_diff": True})
    if python is None:
        environment = {**os.environ, **Interpreter().environment}
        done = _modules().run(["-c", RUN_MODULE], environment, given=arguments, timeout=60)
    else:
        done = subprocess.run(
            [python.program, "-c", RUN_MODULE],
            input=arguments,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, **python.environment},
        )
    assert done.stdout, done.stderr
    result: dict[str, t.Any] = json.loads(done.stdout)
    assert "Traceback" not in done.stdout + done.stderr
    for secret in (options.get("tsig_secret"), options.get("gss_password")):
        assert not secret or secret not in done.stdout + done.stderr
    return result


@functools.cache
def _modules() -> WarmPrograms:
    return WarmPrograms("modules", {**os.environ, **Interpreter().environment})


def only_zone(result: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a task with one zone says about it."""
    (zone,) = result["zones"]
    found: dict[str, t.Any] = zone
    return found


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
    recursion no; dnssec-validation no; minimal-responses {minimal}; notify no;
    allow-transfer {{ none; }};
    check-names primary ignore;
    min-refresh-time 1; max-refresh-time 900; min-retry-time 1;
    pid-file none; session-keyfile none;
    {options}
}};
controls {{ }};
logging {{ channel out {{ stderr; severity info; }}; category default {{ out; }}; category update {{ out; }}; }};
{zones}
"""

ZONE_FILE = """$TTL 300
@ IN SOA ns.{name}. hostmaster.{name}. 1 900 300 86400 60
{servers}
"""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone of a test server: who may change it, its name servers, and its other records beside the SOA.

    With `primary` (address and port, as BIND writes them) the server gets the zone from there.
    """

    name: str
    policy: str = ""
    records: str = ""
    primary: str = ""
    servers: tuple[str, ...] = ("127.0.0.1",)

    @property
    def configuration(self) -> str:
        kind = f"secondary; primaries {{ {self.primary}; }}" if self.primary else "primary"
        return f'zone "{self.name}" {{ type {kind}; file "{self.name}.zone"; {self.policy} }};'

    @property
    def text(self) -> str:
        """The zone file. The name servers are called ns, ns2, ns3."""
        names = ["ns" if number == 1 else f"ns{number}" for number in range(1, len(self.servers) + 1)]
        lines = [f"@ IN NS {name}" for name in names]
        lines += [f"{name} IN A {address}" for name, address in zip(names, self.servers, strict=True)]
        return ZONE_FILE.format(name=self.name, servers="\n".join(lines)) + self.records


class Bind:
    """A BIND without privileges on 127.0.0.1 and ::1, which can be killed and started again."""

    def __init__(
        self,
        folder: Path,
        zones: list[Zone],
        keys: list[Key],
        *,
        port: int = 0,
        minimal: bool = True,
        options: str = "",
        environment: dict[str, str] | None = None,
    ) -> None:
        # Other addresses of 127/8 will not do: BIND listens on none that no interface has.
        self.address = "127.0.0.1"
        self.port = port or free_port(self.address)
        self.folder = folder
        self.zones = zones
        self.log = folder / "named.log"
        self.environment = {**os.environ, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None
        for zone in zones:
            if not zone.primary:
                (folder / f"{zone.name}.zone").write_text(zone.text, encoding="ascii")
        text = NAMED_CONF.format(
            keys="\n".join(
                f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};' for key in keys
            ),
            folder=folder,
            port=self.port,
            address=self.address,
            minimal="yes" if minimal else "no",
            options=options,
            zones="\n".join(zone.configuration for zone in zones),
        )
        (folder / "named.conf").write_text(text, encoding="ascii")

    def start(self) -> None:
        program = shutil.which("named", path=PROGRAM_FOLDERS)
        assert program is not None
        command = [program, "-g", "-n", "1", "-c", str(self.folder / "named.conf")]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(command, stderr=output, env=self.environment)
        try:
            wait_until(lambda: self.has(self.zones[0].name), self.read_log)
        except AssertionError:
            self.kill()
            raise

    def has(self, zone: str) -> bool:
        """Whether the zone is loaded."""
        return is_ready(self.address, self.port, zone)

    def read_log(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """As a power failure does it: nothing is written any more."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)

    def __enter__(self) -> Bind:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


@contextlib.contextmanager
def bind(folder: Path, zones: list[Zone], keys: list[Key]) -> Iterator[tuple[str, int]]:
    """A BIND of its own for a test file: its address and port."""
    with Bind(folder, zones, keys) as running:
        yield running.address, running.port


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
