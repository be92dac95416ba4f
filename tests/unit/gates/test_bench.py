# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bench fails past a limit, and measures what it says."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
import time
from pathlib import Path

import pytest
from defusedxml import ElementTree

from bench import __main__ as program
from bench import cost, endpoint, measure
from bench.cost import BenchError
from bench.figures import Figure, document, slope, table
from bench.measure import Measured
from bench.simulated_site import FEW, MANY, fleet, thousand

REQUESTS = Figure("requests", 6, "requests", 5)
RATIO = Figure("ratio", 2.4, "times", 2.2)


def test_the_slope_takes_the_cheapest_runs() -> None:
    assert slope([3.0, 2.0, 9.0], [12.0, 11.0, 20.0], 180) == pytest.approx(0.05)


@pytest.mark.parametrize(("value", "ok"), [(2.2, True), (2.21, False)])
def test_a_value_past_its_limit_is_not_ok(value: float, ok: bool) -> None:
    assert Figure("ratio", value, "times", 2.2).ok() is ok


def test_slack_forgives_a_noisy_machine_and_no_request_more() -> None:
    assert RATIO.ok(1.25)
    assert not REQUESTS.ok(1.25)


def test_a_figure_without_a_limit_is_only_shown() -> None:
    bench = document([Figure("other", 1e9, "ms")], slack=1, machine={})
    assert bench["ok"] is True
    assert bench["figures"] == [{"name": "other", "value": 1e9, "unit": "ms", "limit": None, "ok": True}]


def test_the_table_marks_what_is_past_its_limit() -> None:
    lines = table(document([REQUESTS, Figure("bodies", 4.7, "KiB", 5)], slack=1, machine={})).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["FAIL", "requests", "6.00", "5", "requests"],
        ["ok", "bodies", "4.70", "5", "KiB"],
    ]


@pytest.mark.parametrize(("figure", "arguments", "status"), [(RATIO, [], 1), (RATIO, ["--slack", "1.25"], 0)])
def test_the_exit_status_tells_a_limit_that_was_passed(
    figure: Figure,
    arguments: list[str],
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "build").mkdir()
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr(program, "figures", lambda _repeat: [figure])
    monkeypatch.setattr(program, "report_figures", lambda _repeat: [RATIO])
    assert program.main(arguments) == status
    assert (tmp_path / "build" / "bench.json").is_file()
    assert "ratio" in capsys.readouterr().out


def test_what_cannot_be_measured_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_repeat: int) -> list[Figure]:
        raise BenchError("client_info on few ended with status 4")

    monkeypatch.setattr(program, "figures", broken)
    assert program.main([]) == 2
    assert "client_info on few ended with status 4" in capsys.readouterr().err


def test_the_cost_counts_a_child_and_what_the_child_forked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass\n"
    program_file = tmp_path / "ansible-playbook"
    program_file.write_text(
        f"#!{sys.executable}\nimport subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])\n"
    )
    program_file.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(cost, "BUILD", tmp_path)
    subprocess.run(["true"], check=True)
    started = time.process_time()
    assert 0.3 <= cost.play("noop", "few", {}).cpu < 3
    assert time.process_time() - started < 0.3, "the CPU time is the child's, not this process's"


def test_a_playbook_that_fails_gives_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program_file = tmp_path / "ansible-playbook"
    program_file.write_text("#!/bin/sh\necho 'fatal: few001'\nexit 2\n")
    program_file.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(cost, "BUILD", tmp_path)
    with pytest.raises(BenchError, match=r"(?s)noop on few ended with status 2.*fatal: few001"):
        cost.play("noop", "few", {})


def test_the_costliest_machine_counts() -> None:
    measured = Measured()
    measured.count(3, 2048)
    measured.count(5, 1024)
    assert (measured.requests, measured.kibibytes) == (5, 2.0)


def test_the_fleet_has_as_many_machines_as_the_groups_say() -> None:
    assert f"few[001:{FEW:03}]" in fleet()["machines"]
    assert f"many[001:{MANY:03}]" in fleet()["machines"]
    assert fleet()["account"]["transports"] == ["basic"]
    assert list(thousand()["machines"]) == ["win[0001:1000]"]
    groups = measure.win_shell_inventory(1)["all"]["children"]
    assert {name: len(group["hosts"]) for name, group in groups.items()} == {"few": FEW, "many": MANY}


@pytest.mark.parametrize("action", ["Create", "Command", "Send", "Receive", "Signal", "Delete"])
def test_the_endpoint_answers_what_a_remote_shell_asks(action: str) -> None:
    request = f'<E xmlns:a="x"><a:Action>http://example.test/{action}</a:Action><a:MessageID>uuid:1</a:MessageID></E>'
    root = ElementTree.fromstring(endpoint.answer(request.encode()))
    (relates_to,) = root.iter("{http://schemas.xmlsoap.org/ws/2004/08/addressing}RelatesTo")
    assert relates_to.text == "uuid:1"


def test_the_endpoint_counts_requests_and_not_the_login() -> None:
    authorization = f"Authorization: Basic {base64.b64encode(b'bench:bench').decode()}\r\n"

    async def ask() -> endpoint.Traffic:
        traffic = endpoint.Traffic()
        async with endpoint.serving(traffic) as port:
            for login in ("", authorization):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                head = f"POST /wsman HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{login}Content-Length: 4\r\n\r\n"
                writer.write(head.encode() + b"<E/>")
                await reader.read()
                writer.close()
        return traffic

    assert asyncio.run(ask()) == endpoint.Traffic(requests=1, body_bytes=4)
