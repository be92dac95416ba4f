# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's argument specification, its defaults and its README say the same."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir()) if (ROOT / "roles").is_dir() else []

EntryPoints = dict[str, dict[str, t.Any]]


def role_faults(role: str, entry_points: EntryPoints, defaults: dict[str, t.Any], readme: str) -> list[str]:
    """Where the specification of a role's entry points, its defaults and its README differ."""
    faults = []
    specified: dict[str, t.Any] = {}
    for point in entry_points.values():
        specified |= point.get("options") or {}
    promised = {name: option["default"] for name, option in specified.items() if "default" in option}
    for name in sorted(promised.keys() | defaults.keys()):
        if name not in defaults:
            faults.append(f"{name}: a default in argument_specs.yml only")
        elif name not in specified:
            faults.append(f"{name}: not in argument_specs.yml")
        elif name not in promised:
            faults.append(f"{name}: a default in defaults/main.yml only")
        elif promised[name] != defaults[name]:
            faults.append(
                f"{name}: default {promised[name]!r} in argument_specs.yml, {defaults[name]!r} in defaults/main.yml"
            )
    for name in sorted(specified):
        if not name.startswith(f"{role}_"):
            faults.append(f"{name}: does not begin with {role}_")
        if f"`{name}`" not in readme:
            faults.append(f"{name}: not in README.md")
        if not specified[name].get("description"):
            faults.append(f"{name}: no description")
    return faults


def test_there_are_roles_to_check() -> None:
    assert {"kms_client", "kms_dns", "kms_host"} <= set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_specification_defaults_and_readme_agree(role: str) -> None:
    base = ROOT / "roles" / role
    entry_points = yaml.safe_load((base / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    defaults = yaml.safe_load((base / "defaults" / "main.yml").read_text(encoding="utf-8")) or {}
    assert role_faults(role, entry_points, defaults, (base / "README.md").read_text(encoding="utf-8")) == []


def test_each_difference_of_a_role_is_found() -> None:
    option = {"type": "int", "default": 1688, "description": "The port."}
    points: EntryPoints = {"main": {"options": {"kms_host_port": option}}}
    assert role_faults("kms_host", points, {"kms_host_port": 1688}, "`kms_host_port`") == []
    assert role_faults("kms_host", points, {"kms_host_port": 1689}, "`kms_host_port`") == [
        "kms_host_port: default 1688 in argument_specs.yml, 1689 in defaults/main.yml"
    ]
    assert role_faults("kms_host", points, {}, "`kms_host_port`") == [
        "kms_host_port: a default in argument_specs.yml only"
    ]
    assert role_faults("kms_host", {"main": {}}, {"kms_host_port": 1}, "") == [
        "kms_host_port: not in argument_specs.yml"
    ]
    silent: EntryPoints = {"main": {"options": {"port": {"type": "int"}}}}
    assert role_faults("kms_host", silent, {"port": 1}, "") == [
        "port: a default in defaults/main.yml only",
        "port: does not begin with kms_host_",
        "port: not in README.md",
        "port: no description",
    ]
