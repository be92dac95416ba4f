# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gates fail when they should, and say what they could not check."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from gates import __main__ as runner
from gates import archive, gate, sanity
from gates.catalogue import GATES, Gate
from gates.fence import NO_FENCE, fence
from gates.gate import Result, Verdict, judge, run_gate
from gates.tree import ROOT, copy_collection, project_files


def python(name: str, *codes: str, after: tuple[str, ...] = ()) -> Gate:
    return Gate(name, "a sample", tuple((sys.executable, "-c", code) for code in codes), after=after)


def result(verdict: Verdict, log: Path, skipped: tuple[str, ...] = ()) -> Result:
    return Result(python("sample", "pass"), verdict, 1.0, "3 passed", skipped, log)


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gate, "LOGS", str(tmp_path))
    return tmp_path


def test_a_gate_fails_with_the_first_command_that_fails(logs: Path) -> None:
    failed = run_gate(python("sample", "print('one')", "raise SystemExit(3)", "print('three')"))
    assert failed.verdict is Verdict.FAILED
    log = (logs / "sample.log").read_text(encoding="utf-8")
    assert "one\n" in log
    assert "three\n" not in log


def test_a_gate_passes_when_all_commands_do(logs: Path) -> None:
    assert run_gate(python("sample", "pass", "print('2 passed in 0.1s')")).verdict is Verdict.PASSED


def test_a_gate_that_hangs_is_stopped_and_fails(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "LIMIT_SECONDS", 0.2)
    assert run_gate(python("sample", "import time; time.sleep(60)")).verdict is Verdict.FAILED
    assert "stopped: not finished after 0.2 s" in (logs / "sample.log").read_text(encoding="utf-8")


def test_nothing_that_a_gate_started_outlives_it(logs: Path) -> None:
    sleeper = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    run_gate(python("sample", f"{sleeper}; print('child', p.pid)"))
    child = int((logs / "sample.log").read_text(encoding="utf-8").split("child ")[-1])
    # Being killed takes a moment; that it comes at all is what is tested.
    deadline = time.monotonic() + 20
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(child), "neither ended nor a zombie"


def is_running(process: int) -> bool:
    """Whether a process is there, and is no zombie that only waits to be collected."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_gates_see_nothing_of_the_users_ansible(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", "/elsewhere/ansible.cfg")
    code = "import os, sys; sys.exit('ANSIBLE_CONFIG' in os.environ)"
    assert run_gate(python("sample", code)).verdict is Verdict.PASSED


def test_skipped_tests_are_told_with_their_reason() -> None:
    output = "\n12 passed\nSKIPPED [3] tests/integration/test_bind.py:7: named not found (Debian package bind9)\n"
    output += "9 passed, 3 skipped in 1.20s\n"
    assert judge(True, output) == (
        Verdict.SKIPPED,
        "9 passed, 3 skipped",
        ("3 x named not found (Debian package bind9)",),
    )
    assert judge(False, output)[0] is Verdict.FAILED


def test_counts_of_several_commands_are_added_up() -> None:
    assert judge(True, "934 passed in 24.0s\n\n1870 passed, 2 warnings in 99.0s\n")[1] == "2804 passed, 2 warnings"


def test_every_unit_test_is_in_exactly_one_gate() -> None:
    """What `units` measures, and what `combinations` runs: the rest, by the same words."""
    commands = {gate.name: gate.commands for gate in GATES}
    (measured,) = commands["units"]
    apart, combined = commands["combinations"]
    words = measured[measured.index("tests/unit") :]
    assert words[-2:] == ("-m", "not combinations")
    assert combined[combined.index("tests/unit") :] == (*words[:-1], "combinations")
    ignored = [word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")]
    assert list(apart[apart.index("--quiet") + 1 :]) == ignored


@pytest.mark.parametrize(("in_ci", "status", "closing"), [(True, 1, "0 passed, 1 failed"), (False, 0, "0 passed, 0")])
def test_what_was_skipped_fails_in_ci_only(
    in_ci: bool, status: int, closing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skipped = result(Verdict.SKIPPED, tmp_path, ("3 x named not found (Debian package bind9)",))
    assert runner.summarise([skipped], 1.0, in_ci=in_ci) == status
    printed = capsys.readouterr().out
    assert "NOT CHECKED by sample: 3 x named not found (Debian package bind9)" in printed
    assert printed.splitlines()[-1].startswith(closing)


def test_a_failure_shows_the_end_of_its_log(capsys: pytest.CaptureFixture[str]) -> None:
    log = ROOT / "build" / "test" / "sample.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("\n".join(f"line {number}" for number in range(100)), encoding="utf-8")
    try:
        assert runner.summarise([result(Verdict.FAILED, log)], 1.0, in_ci=False) == 1
    finally:
        log.unlink()
    printed = capsys.readouterr().out.splitlines()
    assert "line 99" in printed
    assert "line 39" not in printed
    assert printed[-1] == "0 passed, 1 failed, 0 skipped"


def test_a_gate_waits_for_those_it_comes_after(logs: Path) -> None:
    first = python("first", "import time; time.sleep(0.3)")
    second = python("second", "pass", after=("first",))
    third = python("third", "pass", after=("absent",))
    ended = [found.gate.name for found in runner.run_all([second, third, first])]
    assert ended == ["third", "first", "second"]


def test_an_unknown_gate_is_refused_with_the_known_names(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        runner.chosen(["unitz"])
    assert refused.value.code == 2
    assert "No gate named unitz. There are: sanity, " in capsys.readouterr().err


def test_every_gate_is_explained() -> None:
    explained = (ROOT / "TESTING.md").read_text(encoding="utf-8")
    assert [found.name for found in GATES if f"`{found.name}`" not in explained] == []


def test_the_archive_check_finds_what_is_missing_and_what_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "plugins" / "__pycache__").mkdir(parents=True)
    (tmp_path / "plugins" / "a.py").touch()
    (tmp_path / "plugins" / "__pycache__" / "a.pyc").touch()
    whole = {*archive.USERS, "plugins/a.py", "MANIFEST.json"}
    assert archive.faults(whole, tmp_path) == []
    assert archive.faults(whole - {"plugins/a.py", "README.md"}, tmp_path) == [
        "missing: README.md",
        "missing: plugins/a.py",
    ]
    assert archive.faults(whole | {"tests/lab/site.py", ".ci/run"}, tmp_path) == [
        "only for developers: .ci/run",
        "only for developers: tests/lab/site.py",
    ]


def test_the_build_leaves_out_what_the_archive_check_refuses() -> None:
    ignored = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["build_ignore"]
    refused = {name.rstrip("/") for name in archive.DEVELOPERS} - {".git"}
    assert refused - set(ignored) == set()


def test_sanity_looks_at_what_users_get(tmp_path: Path) -> None:
    collection = copy_collection(tmp_path)
    sanity.leave_out_developers(collection)
    left = {path.relative_to(collection).as_posix() for path in collection.rglob("*") if path.is_file()}
    assert {"plugins/modules/client.py", "tests/sanity/ignore-2.19.txt", "tests/config.yml"} <= left
    assert {
        name for name in left if name.startswith(("tests/lab", "tests/unit", "docs/reference", "Makefile"))
    } == set()


def test_sanity_hands_pips_settings_to_the_home_it_makes(tmp_path: Path) -> None:
    user = tmp_path / "user"
    (user / ".config" / "pip").mkdir(parents=True)
    (user / ".config" / "pip" / "pip.conf").write_text("[global]\ntimeout = 5\nretries = 2\n", encoding="utf-8")
    sanity.prepare_home(tmp_path / "home", {"HOME": str(user), "PIP_TIMEOUT": "60", "PIP_CERT": "/ca.pem"})
    settings = (tmp_path / "home" / ".config" / "pip" / "pip.conf").read_text(encoding="utf-8")
    assert "timeout = 60\n" in settings
    assert "retries = 2\n" in settings
    assert "cert = /ca.pem\n" in settings
    assert f"cache-dir = {user}/.cache/pip\n" in settings


def test_sanity_has_a_bootstrap_script_for_the_pip_that_ansible_test_wants(tmp_path: Path) -> None:
    versions = sanity.pip_versions()
    assert versions
    sanity.prepare_home(tmp_path, {"HOME": str(tmp_path)})
    scripts = {path.name for path in (tmp_path / ".ansible" / "test" / "cache").iterdir()}
    assert scripts == {f"get_pip_{version.replace('.', '_')}.py" for version in versions}


def test_the_copied_collection_holds_new_files_but_no_ignored_ones(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "build").mkdir(parents=True)
    for name in ("kept.py", "new.py", "build/made.py"):
        (repository / name).touch()
    (repository / ".gitignore").write_text("/build/\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", str(repository)], check=True)
    subprocess.run(["git", "-C", str(repository), "add", "kept.py"], check=True)
    names = [Path(".gitignore"), Path("kept.py"), Path("new.py")]
    assert project_files(repository) == names
    copied = copy_collection(tmp_path / "copy", repository)
    assert copied == tmp_path / "copy" / "ansible_collections" / "volact" / "kms"
    assert sorted(path.relative_to(copied) for path in copied.rglob("*")) == names


def test_a_tree_without_git_is_read_without_what_was_made(tmp_path: Path) -> None:
    for folder in ("plugins/__pycache__", ".venv/lib", "build"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "made").touch()
    (tmp_path / "plugins" / "a.py").touch()
    assert project_files(tmp_path) == [Path("plugins/a.py")]


def test_behind_the_fence_there_is_loopback_and_nothing_else() -> None:
    words = fence()
    if words is None:
        pytest.skip(NO_FENCE)
    attempt = "import socket; socket.create_server(('127.0.0.1', 0)); socket.create_connection(('192.0.2.1', 9), 5)"
    run = subprocess.run([*words, sys.executable, "-c", attempt], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in run.stderr


def test_what_runs_tests_of_the_network_runs_behind_the_fence() -> None:
    assert {gate.name for gate in GATES if gate.fenced} == {"combinations", "integration", "units"}


def test_a_gate_that_could_not_be_fenced_says_so(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "fence", lambda: None)
    result = run_gate(Gate("unfenced", "no fence", ((sys.executable, "-c", "pass"),), fenced=True))
    assert (result.verdict, result.skipped) == (Verdict.SKIPPED, (f"1 x {NO_FENCE}",))
