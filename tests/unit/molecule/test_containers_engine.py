# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which container engine is taken, and what is said when there is none."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from containers.command_line import main
from containers.engine import Engine, find_engine
from containers.errors import ContainersError
from containers.scenarios import Surroundings


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An otherwise empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONTAINER_ENGINE", raising=False)
    return tmp_path


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    file.chmod(0o755)
    return file


def test_podman_comes_before_docker(programs: Path) -> None:
    program(programs, "docker", "exit 0")
    podman = program(programs, "podman", "exit 0")
    assert find_engine() == Engine(str(podman))
    assert find_engine().is_podman


def test_an_engine_that_does_not_work_is_passed_over(programs: Path) -> None:
    program(programs, "podman", "echo 'cannot set up namespace' >&2; exit 125")
    docker = program(programs, "docker", "exit 0")
    assert find_engine() == Engine(str(docker))
    assert not find_engine().is_podman


def test_the_named_engine_is_taken_and_no_other(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "podman", "exit 0")
    monkeypatch.setenv("CONTAINER_ENGINE", "docker")
    with pytest.raises(ContainersError, match="docker: not found"):
        find_engine()


def test_without_an_engine_it_says_what_to_install_and_what_was_tried(programs: Path) -> None:
    program(programs, "docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(ContainersError) as failed:
        find_engine()
    said = str(failed.value)
    assert "apt install podman" in said
    assert "dnf install podman" in said
    assert "podman: not found; docker: Cannot connect to the Docker daemon." in said


def test_the_command_line_says_it_in_one_line_and_fails(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert main(["test"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("containers: No container engine works here, so nothing was started.")
    assert error.count("\n") == 1


def test_what_an_engine_says_is_in_the_error(programs: Path) -> None:
    podman = program(programs, "podman", "echo one; echo 'Error: no such network' >&2; exit 1")
    with pytest.raises(ContainersError, match="podman network failed: Error: no such network"):
        Engine(str(podman)).run("network", "rm", "x")


def test_the_advice_to_read_docker_s_help_is_left_out(programs: Path) -> None:
    docker = program(
        programs, "docker", "echo 'docker: not allowed' >&2; echo >&2; echo \"Run 'docker run --help'\" >&2; exit 1"
    )
    with pytest.raises(ContainersError, match=r"docker run failed: docker: not allowed$"):
        Engine(str(docker)).run("run", "x")


def test_a_signal_lets_a_command_of_the_engine_end(programs: Path, tmp_path: Path) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    podman = program(programs, "podman", f": > {begun}; while [ ! -e {tmp_path}/go ]; do :; done; : > {ended}")

    class Signal(Exception):
        pass

    def interrupt(_number: int, _frame: object) -> None:
        (tmp_path / "go").touch()
        raise Signal

    former = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(Signal):
            Engine(str(podman)).run("run", "x")
    finally:
        signal.signal(signal.SIGALRM, former)
    assert begun.exists()
    assert ended.exists()


def test_what_podman_left_half_made_is_ours_by_its_name(programs: Path) -> None:
    listed = "volact-dns Storage\nvolact-win01 Up 3 seconds\nmine Storage\n"
    script = f"case $* in *--external*) printf '{listed}';; *) echo volact-win01;; esac"
    assert Engine(str(program(programs, "podman", script))).containers() == ["volact-dns", "volact-win01"]


def test_podman_is_asked_again_while_somebody_makes_a_container(programs: Path, tmp_path: Path) -> None:
    script = f"case $* in *--external*) mkdir {tmp_path}/asked && exit 125; echo volact-dns Storage;; esac"
    podman = program(programs, "podman", f"PATH=/bin:/usr/bin; {script}")
    assert Engine(str(podman)).containers() == ["volact-dns"]


def test_everything_that_is_new_or_gone_after_a_run_is_named() -> None:
    before = Surroundings(("mine",), ("podman",), ("default via 192.0.2.1 dev eth0",), ("eth0", "lo"))
    after = Surroundings(("mine", "volact-dns"), ("podman",), (), ("eth0", "lo", "podman1"))
    assert before.differences(before) == []
    assert before.differences(after) == [
        "left behind, of containers: volact-dns",
        "gone, of routes: default via 192.0.2.1 dev eth0",
        "left behind, of links: podman1",
    ]
