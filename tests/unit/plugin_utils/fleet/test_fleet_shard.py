# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A part of a fleet in one process: connects first, threads for those that answer, and a time limit for each."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
import time
import typing as t
from datetime import datetime, timezone

import pytest
from fleet_fakes import FakeTransport, Gate, listener, unused_port
from requests.utils import get_environ_proxies
from winrm.transport import Transport

from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport
from ansible_collections.volact.kms.plugins.plugin_utils._fleet import _shard
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._machine import Reading
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._record import Record, read_record
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._shard import (
    Limits,
    Machine,
    Surroundings,
    read_shard,
    writer,
)

URL = "http://win01.example.test:5985/wsman"

Read = t.Callable[[str, ClosableTransport, Reading], Record]


def well(name: str, _transport: ClosableTransport, _reading: Reading) -> Record:
    return read_record(name, datetime.now(timezone.utc), {}, is_kms_host=False, skew_seconds=None)


def shard(
    transports: t.Sequence[FakeTransport], *, timeout: float = 5, concurrency: int = 10, read: Read = well
) -> tuple[list[dict[str, t.Any]], float]:
    """The records in the order of the machines, and how long they took."""
    machines = [Machine(number, f"m{number}", transport) for number, transport in enumerate(transports)]
    lines: list[bytes] = []
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shard, "read_machine", read)
        asyncio.run(read_shard(machines, Reading(), Limits(timeout, concurrency), lines.append))
    seconds = time.monotonic() - began
    found: dict[int, dict[str, t.Any]] = {}
    for text in lines:
        number, status, body = text.split(b" ", 2)
        found[int(number)] = json.loads(body)
        assert found[int(number)]["status"] == status.decode()
    assert len(found) == len(lines) == len(transports), "one line for each machine"
    return [found[number] for number in range(len(transports))], seconds


def test_every_machine_that_listens_is_read() -> None:
    with listener() as address:
        transports = [FakeTransport(address) for _ in range(20)]
        records, _seconds = shard(transports)
    assert [record["status"] for record in records] == ["ok"] * 20
    assert all(transport.limited is not None and transport.limited <= 5 for transport in transports)


def test_a_machine_that_refuses_connections_is_unreachable_and_not_asked() -> None:
    with unused_port() as address:
        transport = FakeTransport(address)
        (record,), _seconds = shard([transport])
    assert record["status"] == "unreachable"
    assert record["error"]["kind"] == "connection_lost"
    assert "Connection refused" in record["msg"]
    assert f"listens on port {address[1]}" in record["msg"]
    assert transport.limited is None


def test_a_name_that_nobody_knows_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_host: str, *_more: object, **_options: object) -> t.NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    (record,), _seconds = shard([FakeTransport(("nobody.example.test", 5985))])
    assert record["status"] == "unreachable"
    assert "Name or service not known" in record["msg"]


def test_a_machine_behind_a_proxy_is_not_connected_to_beforehand() -> None:
    (record,), _seconds = shard([FakeTransport(None)])
    assert record["status"] == "ok"


def test_machines_that_swallow_connections_wait_together_and_hold_nobody_up() -> None:
    with listener(accepting=False) as hole, listener() as address:
        transports = [FakeTransport(hole) for _ in range(30)] + [FakeTransport(address) for _ in range(30)]
        records, seconds = shard(transports, timeout=1, concurrency=2)
    assert [record["status"] for record in records] == ["unreachable"] * 30 + ["ok"] * 30
    assert "nothing answered within 1 s" in records[0]["msg"]
    assert seconds < 2.5


def test_machines_that_stop_answering_cost_one_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shard, "_GRACE_SECONDS", 0.1)

    def stuck(name: str, transport: ClosableTransport, reading: Reading) -> Record:
        if int(name[1:]) < 3:
            time.sleep(3)
        return well(name, transport, reading)

    records, seconds = shard([FakeTransport(None) for _ in range(30)], timeout=0.5, concurrency=3, read=stuck)
    assert [record["status"] for record in records] == ["unreachable"] * 3 + ["ok"] * 27
    assert "did not get done within 0.5 s" in records[0]["msg"]
    assert records[0]["error"]["kind"] == "connection_timeout"
    assert seconds < 2


def test_so_many_machines_are_read_at_the_same_time_and_no_more() -> None:
    gate, together = Gate(), threading.Barrier(8)

    def passing(name: str, transport: ClosableTransport, reading: Reading) -> Record:
        # Nobody goes on before eight are there, however busy the computer is; a ninth would come in meanwhile.
        with gate:
            together.wait(20)
            time.sleep(0.02)
        return well(name, transport, reading)

    records, _seconds = shard([FakeTransport(None) for _ in range(40)], timeout=60, concurrency=8, read=passing)
    assert {record["status"] for record in records} == {"ok"}
    assert gate.most == 8


def test_waiting_for_a_place_does_not_count() -> None:
    def slow(name: str, transport: ClosableTransport, reading: Reading) -> Record:
        time.sleep(0.1)
        return well(name, transport, reading)

    records, _seconds = shard([FakeTransport(None) for _ in range(10)], timeout=0.5, concurrency=1, read=slow)
    assert {record["status"] for record in records} == {"ok"}


def test_a_record_that_cannot_be_written_is_that_machines_failure() -> None:
    def unwritable(name: str, transport: ClosableTransport, reading: Reading) -> Record:
        return {**well(name, transport, reading), **({"x": object()} if name == "m1" else {})}

    records, _seconds = shard([FakeTransport(None) for _ in range(3)], read=unwritable)
    assert [record["status"] for record in records] == ["ok", "failed", "ok"]
    assert "TypeError" in records[1]["msg"]


def test_warnings_of_threads_are_written_between_the_lines() -> None:
    source, sink = os.pipe()
    with os.fdopen(source, "rb") as reading, os.fdopen(sink, "wb") as stream:
        warnings = ["One method did\nnot work."]
        write = writer(stream, warnings)
        write(b"0 ok {}\n")
        write(b"1 ok {}\n")
        stream.close()
        assert reading.read() == b'0 warning "One method did\\nnot work."\n0 ok {}\n1 ok {}\n'
    assert warnings == []


def test_the_surroundings_of_a_process_are_those_of_its_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRB5CCNAME", "FILE:/before")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.9")
    monkeypatch.setenv("https_proxy", "http://192.0.2.9")
    monkeypatch.setenv("NO_PROXY", "other.example.test")
    monkeypatch.setenv("no_proxy", "other.example.test")
    Surroundings(None, proxied=True).apply()
    assert os.environ["KRB5CCNAME"] == "FILE:/before"
    assert get_environ_proxies(URL)["https"] == "http://192.0.2.9"
    Surroundings("FILE:/ticket").apply()
    assert os.environ["KRB5CCNAME"] == "FILE:/ticket"
    assert get_environ_proxies(URL) == {}


@pytest.mark.parametrize("given", [None, "other.example.test"])
def test_machines_without_a_proxy_never_change_the_environment_that_their_threads_share(
    given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", given or "")
    if given is None:
        monkeypatch.delenv("no_proxy")
    Surroundings().apply()
    seen: list[dict[str, str]] = []

    def bypass(_host: str) -> bool:
        seen.append(dict(os.environ))
        return True

    monkeypatch.setattr("requests.utils.proxy_bypass", bypass)
    before = dict(os.environ)
    Transport(URL, username="someone", password="no-one's", auth_method="basic", proxy=None).build_session()
    assert seen
    assert [*seen, dict(os.environ)] == [before] * (len(seen) + 1)
