# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DNS servers refuse, and servers that aren't there: the whole message, and a zone that keeps its serial."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bad_input_play import Case, run_cases
from dns_servers import DnsServer, Key, Zone, bind
from dns_servers import lab as dns_lab
from running_lab import RunningLab

pytestmark = pytest.mark.bad_input

OTHERS_RECORD = "1 0 1688 kms09.corp.example.test."
OTHER_SECRET = Key("other").secret

READ_HINT = "Check that this server has the zone, and that it answers queries from here."
NETWORK_HINT = "Check the server's name and port, that it runs, and that UDP and TCP to it are open from here."
ZONE_HINT = "Give zone the name of the zone that holds the records, and server the name of a server that has it."
UNSIGNED_HINT = (
    "The request was not signed. Set tsig_name and tsig_secret if the zone takes signed updates, or gss_tsig if it is "
    "one of Active Directory."
)


@dataclass(frozen=True)
class Refused:
    """What a user reads; `msg` without the hint, which ends it."""

    options: dict[str, Any]
    msg: str
    hint: str
    operation: str
    kind: str = "dns_error"
    code: str | None = None
    symbol: str | None = None

    def result(self) -> dict[str, Any]:
        """The whole result of the task."""
        return {
            "status": "FAILED",
            "changed": False,
            "msg": f"{self.msg} {self.hint}",
            "error": {
                "kind": self.kind,
                "code": self.code,
                "name": self.symbol,
                "operation": self.operation,
                "hint": self.hint,
            },
        }


def refusals(server: DnsServer, silent: int, closed: int) -> dict[str, Refused]:
    """All cases against one server; `silent` and `closed` are ports of 127.0.0.1 without a DNS server."""
    where, key = f"the DNS server {server.address} port {server.port}", server.key.name
    zone = f"Could not read the zone {server.zone}.: {where}"
    unknown = "Compare tsig_name and tsig_algorithm with the key on the server."
    no_key = "does not know a key of this name and algorithm (BADKEY). The request was signed with the key"
    return {
        "an update that is refused": Refused(
            {"tsig_name": None, "tsig_secret": None, "tsig_algorithm": None},
            f"Could not change the SRV records of _vlmcs._tcp.{server.zone}.: {where} refused it (REFUSED).",
            UNSIGNED_HINT,
            "update",
            code="0x00000005",
            symbol="REFUSED",
        ),
        "a wrong TSIG secret": Refused(
            {"tsig_secret": OTHER_SECRET},
            f"{zone} does not accept the signature: the secret is not the one it has for this key (BADSIG). The "
            f"request was signed with the key {key} (hmac-sha256).",
            "Compare tsig_secret with the key on the server.",
            "read",
            code="0x00000010",
            symbol="BADSIG",
        ),
        "a TSIG key that nobody knows": Refused(
            {"tsig_name": "nobody"},
            f"{zone} {no_key} nobody (hmac-sha256).",
            unknown,
            "read",
            code="0x00000011",
            symbol="BADKEY",
        ),
        "a TSIG key with another algorithm": Refused(
            {"tsig_algorithm": "hmac-sha512"},
            f"{zone} {no_key} {key} (hmac-sha512).",
            unknown,
            "read",
            code="0x00000011",
            symbol="BADKEY",
        ),
        "a zone that is not served": Refused(
            {"zone": "example.org"},
            f"Could not read the zone example.org.: {where} refused it (REFUSED). The request was signed with the key "
            f"{key} (hmac-sha256).",
            READ_HINT,
            "read",
            code="0x00000005",
            symbol="REFUSED",
        ),
        "a zone that is only a part of one": Refused(
            {"zone": f"sub.{server.zone}"},
            f"Could not read sub.{server.zone}.: {where} has no zone sub.{server.zone}.; the nearest one it has is "
            f"{server.zone}.",
            ZONE_HINT,
            "read",
        ),
        "a port where nothing listens": Refused(
            {"server": "127.0.0.1", "server_port": closed},
            f"The DNS server 127.0.0.1 port {closed} cannot be asked: Connection refused.",
            NETWORK_HINT,
            "ask",
            "dns_no_answer",
        ),
        "a server that never answers": Refused(
            {"server": "127.0.0.1", "server_port": silent, "timeout": 2},
            f"The DNS server 127.0.0.1 port {silent} cannot be asked: it did not answer within 2 s.",
            NETWORK_HINT,
            "ask",
            "dns_no_answer",
        ),
    }


@contextmanager
def real_bind(folder: Path) -> Iterator[DnsServer]:
    key = Key("kms-update")
    zone = Zone("corp.example.test", f'update-policy {{ grant "{key.name}" zonesub ANY; }};')
    with bind(folder, [zone], [key]) as (address, port):
        yield DnsServer(address, port, zone.name, key)


@dataclass(frozen=True)
class Batch:
    """What was printed for each case, what should have been, and the zone before and after."""

    results: dict[str, dict[str, Any]]
    wanted: dict[str, Refused]
    before: tuple[list[str], int]
    after: tuple[list[str], int]


@pytest.fixture(scope="module", params=["lab", pytest.param("bind", marks=pytest.mark.bind)])
def batch(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("bad_dns")
    with ExitStack() as running:
        server = running.enter_context({"lab": dns_lab, "bind": real_bind}[request.param](folder))
        server.set_records(3600, OTHERS_RECORD)
        silent, closed = (running.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _each in range(2))
        for port in (silent, closed):
            port.bind(("127.0.0.1", 0))
        wanted = refusals(server, silent.getsockname()[1], closed.getsockname()[1])
        closed.close()
        before = server.records(), server.serial()
        results = run_cases(only_localhost(folder), cases(server, wanted), folder)
        return Batch(results, wanted, before, (server.records(), server.serial()))


def cases(server: DnsServer, wanted: dict[str, Refused]) -> list[Case]:
    """The cases as tasks of localhost, each of which would add a record."""
    return [
        Case(name, "localhost", "srv_record", server.options("kms01.corp.example.test", **refused.options))
        for name, refused in wanted.items()
    ]


def only_localhost(folder: Path) -> RunningLab:
    """Ansible's command line with an inventory that holds the controller only."""
    state = folder / "controller"
    state.mkdir()
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"hosts": {"localhost": variables}}}
    (state / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")
    return RunningLab(state)


def test_the_whole_message_says_what_where_why_and_what_to_do(batch: Batch) -> None:
    assert batch.results == {name: refused.result() for name, refused in batch.wanted.items()}


def test_no_secret_is_shown(batch: Batch) -> None:
    assert OTHER_SECRET not in str(batch.results)


def test_the_zone_keeps_its_records_and_its_serial(batch: Batch) -> None:
    assert batch.before[0] == [f"3600 {OTHERS_RECORD}"]
    assert batch.after == batch.before
