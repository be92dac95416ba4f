# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many KMS hosts that are published at the same moment, each by a task of its own: nobody's record gets lost."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from dns_servers import DnsServer, Key, Zone, bind

from ansible_collections.volact.kms.plugins.module_utils._dns._publish import Task, publish
from ansible_collections.volact.kms.plugins.modules.srv_record import ARGUMENT_SPEC

pytestmark = pytest.mark.bind

WRITERS = 20
ROUNDS = 20
HOSTS = [f"kms{number:02}.corp.example.test" for number in range(WRITERS)]
#: What Ansible gives a module for options that are left out.
DEFAULTS: dict[str, t.Any] = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    key = Key("kms-update")
    zone = Zone("corp.example.test", f'update-policy {{ grant "{key.name}" zonesub ANY; }};')
    with bind(tmp_path_factory.mktemp("bind"), [zone], [key]) as (address, port):
        yield DnsServer(address, port, zone.name, key)


def write(server: DnsServer, start: threading.Barrier, host: str, state: str) -> bool:
    """Publish or withdraw one host as the module does, when all writers are ready: whether that changed something."""
    record = {"target": host, "port": 1688, "priority": 0, "weight": 0}
    given = {**DEFAULTS, **server.options(), "zones": [server.zone], "records": [record], "state": state}
    task = Task.from_options(given)
    start.wait(30)
    changed: bool = publish(task, check_mode=False)["changed"]
    return changed


def test_twenty_writers_at_once_leave_exactly_twenty_records_in_twenty_rounds(server: DnsServer) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        for _round in range(ROUNDS):
            server.set_records(3600)
            start = threading.Barrier(WRITERS)
            assert all(pool.map(lambda host, start=start: write(server, start, host, "present"), HOSTS))
            assert server.records() == [f"3600 0 0 1688 {host}." for host in HOSTS]


def test_writers_that_come_and_go_leave_each_other_alone(server: DnsServer) -> None:
    leaving, coming = HOSTS[: WRITERS // 2], HOSTS[WRITERS // 2 :]
    server.set_records(3600, *[f"0 0 1688 {host}." for host in leaving])
    start = threading.Barrier(WRITERS)
    moves = [(host, "absent") for host in leaving] + [(host, "present") for host in coming]
    with ThreadPoolExecutor(WRITERS) as pool:
        assert all(pool.map(lambda move: write(server, start, *move), moves))
    assert server.records() == [f"3600 0 0 1688 {host}." for host in coming]
