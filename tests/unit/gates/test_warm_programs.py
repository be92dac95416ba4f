# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that a warm server forks is a process like any: what it is given, how it ends, how it is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from warm.programs import PASSED, WarmPrograms

ENVIRONMENT = {"PATH": os.environ["PATH"], "COLOUR": "blue"}
DETACHED = "import os, time; os.setsid(); time.sleep(120)"


@pytest.fixture(scope="module")
def programs() -> WarmPrograms:
    return WarmPrograms("nothing", ENVIRONMENT)


def run(
    programs: WarmPrograms, code: str, *words: str, given: str = "", timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    return programs.run(["-c", code, *words], ENVIRONMENT, given=given, timeout=timeout)


def is_there(process: int) -> bool:
    """Whether it runs; who has ended and only waits to be collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_gone(processes: list[int]) -> None:
    deadline = time.monotonic() + 20
    while any(map(is_there, processes)):
        assert time.monotonic() < deadline, processes
        time.sleep(0.01)


def test_it_gets_its_words_folder_input_and_environment(
    programs: WarmPrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "import os, sys; print(sys.argv, os.getcwd(), sys.stdin.read(), dict(os.environ), file=sys.stderr)"
    done = programs.run(["-c", code, "a", "b c"], {"COLOUR": "red"}, given="question")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"['-c', 'a', 'b c'] {tmp_path} question {{'COLOUR': 'red'}}\n"


def test_a_script_is_the_main_module_beside_its_own_files(programs: WarmPrograms, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("found = True\n", encoding="utf-8")
    script = tmp_path / "script"
    script.write_text(
        "import beside, sys\nif __name__ == '__main__':\n    print(beside.found, sys.argv)\n", encoding="utf-8"
    )
    assert programs.run([str(script), "x"], ENVIRONMENT).stdout == f"True ['{script}', 'x']\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("pass", 0),
        ("raise SystemExit(7)", 7),
        ("raise SystemExit('a sentence')", 1),
        ("1 / 0", 1),
        ("import os; os._exit(9)", 9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("raise KeyboardInterrupt", -2),
    ],
)
def test_it_ends_as_the_same_program_that_starts_cold(programs: WarmPrograms, code: str, status: int) -> None:
    cold = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    warm = run(programs, code)
    assert warm.returncode == cold.returncode == status
    assert warm.stderr.splitlines()[-1:] == cold.stderr.splitlines()[-1:]


def test_what_is_registered_for_the_end_is_done_and_what_is_printed_is_whole(programs: WarmPrograms) -> None:
    code = "import atexit; atexit.register(print, 'end'); print('x' * 1_000_000, end=''); raise SystemExit(3)"
    done = run(programs, code)
    assert (done.returncode, len(done.stdout), done.stdout[-4:]) == (3, 1_000_004, "end\n")


def test_programs_side_by_side_do_not_meet(programs: WarmPrograms, tmp_path: Path) -> None:
    with (
        (tmp_path / "output").open("w+", encoding="utf-8") as output,
        Path(os.devnull).open(encoding="utf-8") as nothing,
    ):
        started = [
            programs.start(
                ["-c", f"import time; time.sleep(1); raise SystemExit({n})"], ENVIRONMENT, nothing, output, output
            )
            for n in range(4)
        ]
        assert len({program.pid for program in started}) == 4
        assert [program.wait(60) for program in started] == [0, 1, 2, 3]
        for program in started:
            program.close()


def test_after_the_time_is_up_it_and_all_that_it_started_are_gone(programs: WarmPrograms, tmp_path: Path) -> None:
    file = tmp_path / "processes"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]])\n"
        "open(sys.argv[2], 'w').write(f'{os.getpid()} {child.pid}')\n"
        "time.sleep(120)\n"
    )
    with pytest.raises(subprocess.TimeoutExpired):
        run(programs, code, DETACHED, str(file), timeout=2)
    processes = [int(word) for word in file.read_text(encoding="utf-8").split()]
    assert len(processes) == 2
    wait_until_gone(processes)
    assert run(programs, "print('next')").stdout == "next\n"


def test_it_ends_with_the_process_that_wanted_it(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from warm.programs import WarmPrograms\n"
        "programs = WarmPrograms('nothing', {})\n"
        "with open(os.devnull) as nothing:\n"
        "    program = programs.start(['-c', 'import time; time.sleep(120)'], {}, nothing, nothing, nothing)\n"
        "print(program.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    tests = str(Path(__file__).resolve().parents[2] / "integration")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": tests},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    wait_until_gone([int(done.stdout)])


def test_a_session_and_a_descriptor_are_handed_on(programs: WarmPrograms) -> None:
    reading, writing = os.pipe()
    code = "import os, sys; os.write(int(sys.argv[1]), str(os.getsid(0) == os.getpid()).encode())"
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        program = programs.start(
            ["-c", code, PASSED], ENVIRONMENT, nothing, nothing, nothing, writing, new_session=True
        )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "True"
    assert program.wait(60) == 0
    program.close()
