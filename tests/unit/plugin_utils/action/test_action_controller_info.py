# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What controller_info says about libraries that are there, missing, old, or broken."""

from __future__ import annotations

import importlib
import pathlib
import re
import sys
import types
import typing as t

import pytest

from ansible_collections.volact.kms.plugins.action import controller_info
from ansible_collections.volact.kms.plugins.action.controller_info import LIBRARIES, ActionModule, Library, examine

ROOT = pathlib.Path(__file__).parents[4]


def library(**changes: t.Any) -> Library:
    values: dict[str, t.Any] = {
        "name": "pywinrm",
        "module": "winrm",
        "minimum": "0.4.3",
        "required": True,
        "needed_for": "the test",
    }
    return Library(**values | changes)


def test_a_library_that_is_new_enough_has_no_problem() -> None:
    found = examine(library())
    assert found["ok"] is True
    assert found["version"]
    assert found["problem"] is None
    assert found["fix"] is None


def test_a_missing_library_is_named_with_the_command_for_this_interpreter() -> None:
    found = examine(library(name="no-such-package"))
    assert (found["ok"], found["version"], found["problem"]) == (False, None, "It is not installed.")
    assert found["fix"] == f"{sys.executable} -m pip install 'no-such-package>=0.4.3'"


def test_an_old_library_is_told_by_its_version() -> None:
    found = examine(library(minimum="99.1"))
    assert found["ok"] is False
    assert found["problem"] == "It is older than 99.1."


def test_a_library_that_cannot_be_imported_is_not_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_name: str) -> types.ModuleType:
        raise OSError("libgssapi_krb5.so.2: cannot open shared object file")

    monkeypatch.setattr(importlib, "import_module", fail)
    found = examine(library())
    assert found["ok"] is False
    assert "cannot be imported: libgssapi_krb5.so.2" in found["problem"]


@pytest.mark.parametrize(
    ("version", "minimum", "ok"),
    [
        ("0.4.10", "0.4.3", True),
        ("0.4", "0.4.0", True),
        ("42.0.1", "42", True),
        ("2.7rc1", "2.7", True),
        ("", "1", False),
    ],
)
def test_versions_compare_as_numbers(monkeypatch: pytest.MonkeyPatch, version: str, minimum: str, ok: bool) -> None:
    monkeypatch.setattr(controller_info, "_version", lambda _name: version)
    assert examine(library(minimum=minimum))["ok"] is ok


def test_libraries_for_some_settings_only_do_not_make_the_controller_unfit(monkeypatch: pytest.MonkeyPatch) -> None:
    action = ActionModule.__new__(ActionModule)
    monkeypatch.setattr(controller_info, "LIBRARIES", (library(), library(name="no-such-package", required=False)))
    assert action.execute({})["ok"] is True
    monkeypatch.setattr(controller_info, "LIBRARIES", (library(), library(name="no-such-package")))
    assert action.execute({})["ok"] is False


def test_the_minimum_versions_are_those_of_requirements_txt() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = dict(re.findall(r"(?m)^([\w-]+) *>= *([\d.]+)", "\n".join(lines)))
    assert wanted, "requirements.txt lists libraries"
    known = {item.name: item.minimum for item in LIBRARIES if item.required}
    assert {name: known.get(name) for name in wanted} == wanted
