# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The matrix has every series, finds its interpreters, and fails without one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from gates import matrix
from gates.catalogue import WITHOUT_ANSIBLE
from gates.interpreters import candidates, find_interpreter, variable
from gates.matrix import SERIES, gates_of, lock_of
from gates.tree import ROOT

THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


def program(folder: Path, name: str, says: str) -> Path:
    """An interpreter that answers every question with `says`, or fails without."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho {says}\n" if says else "#!/bin/sh\nexit 127\n", "utf-8")
    file.chmod(0o700)
    return file


@pytest.mark.parametrize("series", SERIES)
def test_every_series_has_a_lock_with_its_own_ansible_core(series: str) -> None:
    assert f"\nansible-core=={series}." in lock_of(series).read_text("utf-8")


def test_the_oldest_series_is_the_oldest_that_the_collection_promises() -> None:
    promised = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text("utf-8"))["requires_ansible"]
    assert promised == f">={next(iter(SERIES))}.0"


def test_every_series_runs_units_integration_and_sanity_with_its_own_python() -> None:
    for series in SERIES:
        gates = gates_of(series, Path(f"/env/{series}/bin/python"))
        assert [gate.name for gate in gates] == [f"{series}-sanity", f"{series}-integration", f"{series}-units"]
        assert {gate.python for gate in gates} == {f"/env/{series}/bin/python"}
        assert {gate.commands[0][0] for gate in gates} == {f"/env/{series}/bin/python"}


@pytest.mark.parametrize("manners", [[], ["dialects-1"], ["reading"], ["dialects-1", "reading"]])
def test_every_series_runs_what_touches_ansibles_interfaces_whatever_it_speaks(manners: list[str]) -> None:
    commands = gates_of("2.16", Path("/env/bin/python"), manners)[1].commands
    assert any(set(matrix.INTEGRATION) <= set(command) for command in commands)


def test_the_oldest_series_runs_what_decides_in_templates() -> None:
    runs = {
        series: any(
            set(matrix.TEMPLATES) <= set(command) for command in gates_of(series, Path("/env/bin/python"))[1].commands
        )
        for series in SERIES
    }
    assert [series for series, does in runs.items() if does] == ["2.16"]


def test_what_needs_nothing_of_ansible_is_not_run_again_on_the_python_of_make_test() -> None:
    ignored = {f"--ignore={folder}" for folder in WITHOUT_ANSIBLE}
    left_out = {
        series: ignored & set(gates_of(series, Path("/env/bin/python"), tested="3.11")[2].commands[0])
        for series in SERIES
    }
    assert left_out == {series: ignored if SERIES[series] == "3.11" else set() for series in SERIES}
    assert not any(ignored & set(gates_of(series, Path("/env/bin/python"))[2].commands[0]) for series in SERIES)


COLLECT = """
import pytest, sys
print(pytest.main(["--collect-only", "--quiet", "--override-ini=cache_dir=" + sys.argv[1], *sys.argv[2:]]))
print(any(name.partition(".")[0] == "ansible" for name in sys.modules))
"""


@pytest.mark.parametrize(("folders", "imported"), [(WITHOUT_ANSIBLE, False), (["tests/unit/modules"], True)])
def test_what_is_said_to_need_nothing_of_ansible_imports_none_of_it(
    folders: Sequence[str], imported: bool, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", COLLECT, str(tmp_path), *folders]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.stdout.splitlines()[-2:] == ["0", str(imported)], run.stdout


def test_the_integration_tests_of_the_matrix_exist() -> None:
    for name in (*matrix.INTEGRATION, *matrix.TEMPLATES):
        path, _, test = name.partition("::")
        assert f"def {test}" in (ROOT / path).read_text("utf-8"), name


def test_an_interpreter_is_found_in_the_versions_of_pyenv_before_path(tmp_path: Path) -> None:
    kept = program(tmp_path / "pyenv" / "versions" / "3.10.13" / "bin", "python3.10", "3.10")
    program(tmp_path / "path", "python3.10", "3.10")
    environment = {"PYENV_ROOT": str(tmp_path / "pyenv"), "PATH": str(tmp_path / "path")}
    assert find_interpreter("3.10", environment) == str(kept)


def test_a_shim_that_fails_or_another_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path / "shims", "python3.12", "")
    program(tmp_path / "wrong", "python3.12", "3.9")
    right = program(tmp_path / "right", "python3.12", "3.12")
    path = ":".join(str(tmp_path / name) for name in ("shims", "wrong", "right"))
    assert find_interpreter("3.12", {"PATH": path}) == str(right)


def test_the_one_that_the_user_names_is_the_only_candidate(tmp_path: Path) -> None:
    environment = {variable("3.13"): "/opt/python3.13", "PYENV_ROOT": str(tmp_path), "PATH": str(tmp_path)}
    assert variable("3.13") == "MATRIX_PYTHON_313"
    assert list(candidates("3.13", environment)) == ["/opt/python3.13"]
    assert find_interpreter("3.13", environment) is None


def test_a_missing_interpreter_is_a_failure_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(matrix, "find_interpreter", lambda version, _environment: None if version == "3.13" else "/p")
    with pytest.raises(SystemExit) as ended:
        matrix.main(["2.16", "2.21"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("ansible-core 2.21 cannot be checked: no Python 3.13 in pyenv's versions or on PATH.")
    assert "MATRIX_PYTHON_313=/path/to/python3.13" in said


def test_an_unknown_series_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main(["2.15"]) == 2
    assert "No series 2.15. There are: 2.16, 2.17, 2.18, 2.19, 2.20, 2.21." in capsys.readouterr().err


@pytest.mark.parametrize(("core", "wanted"), [("2.19.14", THIS), ("2.99.0", None)])
def test_only_the_very_series_of_this_environment_is_left_out_after_make_test(
    core: str, wanted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix, "version", lambda _name: core)
    monkeypatch.setattr(matrix, "SERIES", {"2.19": THIS})
    assert matrix.of_this_environment() == ("2.19" if wanted else None)


def test_make_locks_takes_the_series_from_the_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main(["--list"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "2.16 3.10"
    assert "gates.matrix --list" in (ROOT / "Makefile").read_text("utf-8")
