# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that starts warm is the one that starts cold: it prints the same, ends the same, and leaves as little."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("windows_site.yml")
PIN = json.dumps({"kms_host": "kms01.corp.example.test"})
PLAY = [
    {
        "hosts": "win01:old01",
        "gather_facts": False,
        "tasks": [
            {"name": "Read", "volact.kms.client_info": {}, "register": "info"},
            {"name": "Say", "ansible.builtin.debug": {"msg": "{{ info.products | map(attribute='channel') | list }}"}},
            {"name": "Never", "volact.kms.client": {"channel": "kmz"}, "ignore_errors": True},
            {"name": "A module of files", "ansible.builtin.stat": {"path": "/"}, "delegate_to": "localhost"},
            {"name": "Fail", "ansible.builtin.fail": {"msg": "{{ missing }}"}},
        ],
    }
]
COMMANDS = {
    "a module": ["ansible", "win01", "-m", "volact.kms.client_info"],
    "a change that is predicted": ["ansible", "win01", "-m", "volact.kms.client", "-a", PIN, "--check", "--diff"],
    "all machines, one at a time": ["ansible", "all", "-f", "1", "-m", "volact.kms.client_info"],
    "a failure": ["ansible", "win01", "-m", "volact.kms.client", "-a", "channel=kmz"],
    "an unreachable machine": ["ansible", "win01", "-m", "volact.kms.client_info", "-e", "ansible_port=5999"],
    "another connection": ["ansible", "win01", "-m", "volact.kms.client_info", "-e", "ansible_connection=local"],
    "a module that is no plugin": [
        "ansible",
        "localhost",
        "-m",
        "volact.kms.endpoint_info",
        "-a",
        "endpoints=127.0.0.1",
    ],
    "a warning": ["ansible", "win01", "-m", "volact.kms.client_info", "--become"],
    "an unknown module": ["ansible", "win01", "-m", "volact.kms.nothing"],
    "an unknown machine": ["ansible", "nobody", "-m", "ansible.builtin.debug"],
    "wrong usage": ["ansible", "--nonsense"],
    "no usage": ["ansible"],
    "help": ["ansible-playbook", "--help"],
    "version": ["ansible-playbook", "--version"],
    "a playbook": ["ansible-playbook", "PLAY"],
    "a playbook, step by step": ["ansible-playbook", "PLAY", "-f", "1", "--diff", "-vvv"],
    "a playbook that is missing": ["ansible-playbook", "/nowhere.yml"],
    "a playbook of the collection": ["ansible-playbook", "volact.kms.site"],
    "a question to nobody": ["ansible", "win01", "-m", "volact.kms.client_info", "--ask-pass"],
}
#: What differs from run to run: times, processes, temporary files, the lab's clock, and which machine was first.
PASSING = re.compile(
    r"[-\w./]*/bin/python[\d.]*|\bansible-tmp-[-\d.]+|"
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\dZ]*|\b\d{10}\.\d+|[-\w./]*/ansible-(?:local|tmp)-[-\w./]*|\bpid \d+"
    r"|\"(?:grace_minutes|clock_skew_seconds)\": [^,\n]+|(?<=seconds\": )[\d.]+|\b0x[0-9a-f]{12}\b|<\d+>"
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("warm")) as lab:
        yield lab


def outcome(run: subprocess.CompletedProcess[str]) -> tuple[int, list[str], list[str]]:
    """Status, output and errors; two machines at once may answer in either order."""
    output, errors = (sorted(PASSING.sub("...", text).splitlines()) for text in (run.stdout, run.stderr))
    return run.returncode, output, errors


@pytest.mark.parametrize("name", COMMANDS)
def test_a_warm_program_prints_and_ends_as_a_cold_one(lab: RunningLab, tmp_path: Path, name: str) -> None:
    play = tmp_path / "play.yml"
    play.write_text(json.dumps(PLAY), encoding="utf-8")
    program, *words = [str(play) if word == "PLAY" else word for word in COMMANDS[name]]
    warm, cold = lab.run(program, *words), lab.started_cold().run(program, *words)
    assert outcome(warm) == outcome(cold)
    assert warm.stdout + warm.stderr


def test_a_warm_program_does_not_know_what_former_ones_did(lab: RunningLab) -> None:
    become = ("win01", "-m", "volact.kms.client_info", "--become")
    loud = lab.run("ansible", *become, "-vvvv")
    quiet = [lab.run("ansible", *become) for _ in range(2)]
    assert "become is ignored" in loud.stderr
    assert [run.stderr.count("become is ignored") for run in quiet] == [1, 1]
    assert "ansible [core" in loud.stdout
    assert "ansible [core" not in quiet[0].stdout


def test_an_environment_of_its_own_is_obeyed(lab: RunningLab, tmp_path: Path) -> None:
    log = tmp_path / "log"
    run = lab.run("ansible", "localhost", "-m", "ansible.builtin.debug", ANSIBLE_LOG_PATH=str(log))
    assert run.returncode == 0
    assert "Hello world!" in log.read_text(encoding="utf-8")


def test_nothing_is_left_in_the_folder_of_temporary_files(lab: RunningLab) -> None:
    place = Path(lab.environment()["ANSIBLE_HOME"]) / "tmp"
    before = {path.name for path in place.iterdir()}
    run = lab.run("ansible", "localhost", "-m", "ansible.builtin.stat", "-a", "path=/", "-vvv")
    assert run.returncode == 0, run.stdout
    assert {path.name for path in place.iterdir()} == before
