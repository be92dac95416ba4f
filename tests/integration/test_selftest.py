# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.selftest` as a user runs it: what it shows, what it writes, and what it never does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("windows_site.yml")
PLAY = "volact.kms.selftest"
SOME = ("-e", "selftest_hosts=win01:old01:kms01")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("selftest")) as lab:
        yield lab


def operations(lab: RunningLab) -> set[str]:
    """The CIM operations that the machines were asked for since the last time."""
    machines: dict[str, Any] = lab("stats", "--reset")["machines"]
    return {operation.split()[0] for machine in machines.values() for operation in machine}


@pytest.fixture(scope="module")
def captures(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Path], set[str]]:
    """One run: what it printed, the captures it wrote, and the operations that the machines saw."""
    folder = tmp_path_factory.mktemp("captures")
    lab("stats", "--reset")
    run = lab.playbook(PLAY, *SOME, "-e", f"selftest_dest={folder}")
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout, sorted(folder.iterdir()), operations(lab)


def test_it_shows_a_table_and_where_to_send_what_differs(captures: tuple[str, list[Path], set[str]]) -> None:
    output = captures[0]
    assert output.count("licensing_service_6_1") == 2
    assert output.count("windows_service") == 3
    assert "no such rule or class" in output
    assert "https://github.com/volact/volact.kms/issues" in output


def test_it_only_asks(captures: tuple[str, list[Path], set[str]]) -> None:
    assert captures[2] <= {"Identify", "Enumerate", "Pull", "Release"}
    assert "Enumerate" in captures[2]


def test_captures_are_the_owners_alone_and_name_nobody(
    lab: RunningLab, captures: tuple[str, list[Path], set[str]]
) -> None:
    paths = captures[1]
    assert [path.name for path in paths] == ["capture-001.json", "capture-002.json", "capture-003.json"]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    inventory = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]
    canaries = {"corp.example.test", "MKNWC", "labadmin", *inventory["hosts"]}
    canaries |= {str(host["ansible_host"]) for host in inventory["hosts"].values()}
    canaries |= {str(host["ansible_password"]) for host in inventory["hosts"].values()}
    for path in paths:
        text = path.read_text("utf-8").lower()
        assert [canary for canary in canaries if canary.lower() in text] == []
        assert {exchange["status"] for exchange in json.loads(text)["exchanges"]} <= {200, 500}


def test_check_mode_writes_no_capture(lab: RunningLab, tmp_path: Path) -> None:
    result = lab.module("win01", "selftest_info", "--check", dest=str(tmp_path / "capture.json"))
    assert (result["ok"], result["dest"], result["changed"]) == (True, None, False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_said_before_anything_is_asked(lab: RunningLab, tmp_path: Path) -> None:
    lab("stats", "--reset")
    result = lab.module("win01", "selftest_info", dest=str(tmp_path / "nowhere" / "capture.json"))
    assert result["status"] == "FAILED"
    assert result["msg"] == (
        f"The capture cannot be written to {tmp_path}/nowhere/capture.json on the controller: its folder does not "
        "exist. Nothing was changed on the machine."
    )
    assert operations(lab) == set()


def test_a_file_that_cannot_be_written_is_said_and_nothing_is_left(lab: RunningLab, tmp_path: Path) -> None:
    (tmp_path / "capture.json").mkdir()
    result = lab.module("win01", "selftest_info", dest=str(tmp_path / "capture.json"))
    assert result["status"] == "FAILED"
    assert result["msg"] == (
        f"The capture cannot be written to {tmp_path}/capture.json on the controller: Is a directory. Nothing was "
        "changed on the machine."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["capture.json"]


def test_a_machine_that_refuses_is_reported_and_the_others_are_read(lab: RunningLab) -> None:
    lab("set", "win01", "access=denied")
    try:
        run = lab.playbook(PLAY, *SOME)
    finally:
        lab("set", "win01", "access=allowed")
    assert run.returncode != 0
    assert "Not everything could be read on win01." in run.stdout
    # The code of Windows, of WMI or of WS-Management: which of them a fault tells differs.
    assert re.search(r"cim_fault 0x(80070005|80041003|80338104)", run.stdout), run.stdout
    assert run.stdout.count("failed=1") == 1


def test_a_machine_that_is_off_is_reported_and_the_others_are_read(lab: RunningLab) -> None:
    run = lab.playbook(PLAY, *SOME, "-e", '{"ansible_port": "{{ 5999 if inventory_hostname == \'old01\' else 5985 }}"}')
    assert run.returncode != 0
    assert "Not everything could be read on old01." in run.stdout
    assert "connection_lost" in run.stdout
    assert run.stdout.count("failed=1") == 1
