# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet divided among processes: every machine has one record, whatever becomes of the processes."""

from __future__ import annotations

import json
import os
import signal
import time
import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest
from fleet_fakes import FakeTransport

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._connection import ClosableTransport, Identity
from ansible_collections.volact.kms.plugins.plugin_utils._fleet import _shard, _shards
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._machine import Reading
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._record import Record, read_record
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._shards import Crew, read_fleet

Read = t.Callable[[str, ClosableTransport, Reading], Record]
Transports = t.Callable[[str, t.Callable[[str], None]], ClosableTransport]


class Reports:
    """What was told and warned of."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.warned: list[str] = []

    def tell(self, text: str) -> None:
        self.told.append(text)


def where(name: str, _transport: ClosableTransport, _reading: Reading) -> Record:
    """A record that tells in which process it was made, with which ticket."""
    place = {"process": os.getpid(), "ccache": os.environ.get("KRB5CCNAME")}
    return read_record(name, datetime.now(timezone.utc), place, is_kms_host=False, skew_seconds=None)


def plain(_name: str, _warn: t.Callable[[str], None]) -> ClosableTransport:
    return FakeTransport(None)


def children() -> set[str]:
    """The processes that this one has started, of which other tests may have left some."""
    return {child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()}


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., tuple[list[dict[str, t.Any]], Reports]]:
    """Read machines with a reader in the place of the real one."""

    def run(
        names: list[str], prepare: Transports = plain, read: Read = where, workers: int = 3, progress: float = 0
    ) -> tuple[list[dict[str, t.Any]], Reports]:
        monkeypatch.setattr(_shard, "read_machine", read)
        reports = Reports()
        crew = Crew(workers, 30, 30, progress, reports.tell, reports.warned.append)
        before = children()
        lines, summary = read_fleet(names, prepare, Reading(), crew)
        records = [json.loads(text) for text in lines]
        assert [record["machine"] for record in records] == names, "in their order"
        assert summary.counts["total"] == len(names) == summary.done
        for status in ("ok", "failed", "unreachable"):
            assert summary.counts[status] == sum(record["status"] == status for record in records)
        assert children() == before
        return records, reports

    return run


Fleet = t.Callable[..., tuple[list[dict[str, t.Any]], Reports]]


@pytest.mark.parametrize(
    ("machines", "workers", "processes"), [(0, 3, 0), (1, 3, 1), (10, 3, 3), (100, 8, 8), (5, 1, 1)]
)
def test_machines_are_divided_among_processes(fleet: Fleet, machines: int, workers: int, processes: int) -> None:
    records, _reports = fleet([f"m{number}" for number in range(machines)], workers=workers)
    at_work = {record["process"] for record in records}
    assert len(at_work) == processes
    assert os.getpid() not in at_work


def test_a_machine_that_cannot_be_prepared_spoils_no_other(fleet: Fleet) -> None:
    def prepare(name: str, warn: t.Callable[[str], None]) -> ClosableTransport:
        if name == "m1":
            raise BadInput("m1: ansible_password cannot be made up.")
        if name == "m3":
            raise ZeroDivisionError("Canary")
        return plain(name, warn)

    records, _reports = fleet([f"m{number}" for number in range(5)], prepare)
    assert [record["status"] for record in records] == ["ok", "failed", "ok", "failed", "ok"]
    assert records[1]["msg"] == "m1: ansible_password cannot be made up."
    assert "ZeroDivisionError" in records[3]["msg"]
    assert "Canary" not in records[3]["msg"]


def test_a_process_that_dies_costs_only_the_machines_it_had_left(fleet: Fleet) -> None:
    def deadly(name: str, transport: ClosableTransport, reading: Reading) -> Record:
        if name == "m4":
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        return where(name, transport, reading)

    records, _reports = fleet([f"m{number}" for number in range(9)], read=deadly, workers=3)
    lost = [record for record in records if record["status"] == "failed"]
    assert [record["machine"] for record in lost] == ["m4"]
    assert "ended (status -9)" in lost[0]["msg"]


def test_a_process_has_the_machines_of_one_identity_and_there_is_one_login_for_each(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KRB5CCNAME", raising=False)
    taken: list[Identity] = []

    def prepare(name: str, _warn: t.Callable[[str], None]) -> ClosableTransport:
        user = name.partition("-")[0]
        return FakeTransport(None, None if user == "nobody" else Identity(user, "secret", "kinit"), taken=taken)

    users = ["anna", "nobody", "berta", "anna"]
    names = [f"{user}-{number}" for number in range(10) for user in users]
    names = list(dict.fromkeys(names))
    records, _reports = fleet(names, prepare, workers=2)
    for record in records:
        user = record["machine"].partition("-")[0]
        assert record["ccache"] == (None if user == "nobody" else f"FILE:/ticket-of-{user}")
    assert sorted(identity.user for identity in taken) == ["anna", "berta"]


def test_more_identities_than_processes_at_a_time(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_shards, "_MOST_SHARDS", 2)

    def prepare(name: str, _warn: t.Callable[[str], None]) -> ClosableTransport:
        return FakeTransport(None, Identity(name, "secret", "kinit"))

    records, _reports = fleet([f"m{number}" for number in range(12)], prepare, workers=1)
    assert {record["status"] for record in records} == {"ok"}
    assert len({record["process"] for record in records}) == 12


def test_progress_is_told_while_machines_are_read(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    awaited = "9 of 10 machines read: 9 ok, 0 failed, 0 unreachable, 1 remaining"
    was_told = tmp_path / "told"

    def tell(reports: Reports, text: str) -> None:
        reports.told.append(text)
        if text == awaited:
            was_told.touch()

    def slow(name: str, transport: ClosableTransport, reading: Reading) -> Record:
        while name == "m9" and not was_told.exists():
            time.sleep(0.01)
        return where(name, transport, reading)

    monkeypatch.setattr(Reports, "tell", tell)
    _records, reports = fleet([f"m{number}" for number in range(10)], read=slow, progress=0.05)
    assert awaited in reports.told
    _records, reports = fleet(["m9"], read=slow, progress=0)
    assert reports.told == []


def test_a_warning_of_many_machines_is_given_once(fleet: Fleet) -> None:
    def prepare(_name: str, warn: t.Callable[[str], None]) -> ClosableTransport:
        warn("before")
        transport = FakeTransport(None)
        transport.limit = lambda _seconds: warn("while it is read")  # type: ignore[method-assign, assignment]
        return transport

    _records, reports = fleet([f"m{number}" for number in range(6)], prepare)
    assert sorted(reports.warned) == ["before", "while it is read"]


def test_an_interruption_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(_name: str, _transport: ClosableTransport, _reading: Reading) -> Record:
        time.sleep(60)
        raise AssertionError

    def interrupt(_text: str) -> t.NoReturn:
        raise KeyboardInterrupt

    before = children()
    crew = Crew(2, 30, 60, 0.2, interrupt, pytest.fail)
    monkeypatch.setattr(_shard, "read_machine", endless)
    with pytest.raises(KeyboardInterrupt):
        read_fleet(["m0", "m1"], plain, Reading(), crew)
    assert children() == before
