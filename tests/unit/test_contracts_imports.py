# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports point downwards, and each layer knows only what it may know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

# No core and no Python changes what the project's texts say.
pytestmark = pytest.mark.combinations

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "ansible_collections.volact.kms."

# From the bottom up. A part imports from lower layers and from itself, never from a neighbour.
LAYERS = (
    {"module_utils"},
    {"plugin_utils._wsman"},
    {"plugin_utils._spp", "plugin_utils._connection"},
    {"plugin_utils._report", "plugin_utils._fleet", "plugin_utils._action"},
    {"action", "filter", "lookup"},
)
# What travels to another host, or is documentation, has only the bottom layer.
BOTTOM_ONLY = {"modules": {"module_utils"}, "doc_fragments": set[str]()}
# What a part may import of Ansible itself; the others: anything.
ANSIBLE_ALLOWED = {
    "plugin_utils._spp": (),
    "plugin_utils._wsman": (),
    "plugin_utils._report": (),
    "modules": ("ansible.module_utils",),
    "module_utils": ("ansible.module_utils",),
}
BASE_OF_ACTIONS = "ansible.plugins.action"


def part_of(module: str) -> str:
    """The part of the collection that a module (from `plugins.` on) is in: `_connection_errors` is in `_connection`."""
    names = module.split(".")
    part = ".".join(names[1:3] if names[1] == "plugin_utils" else names[1:2])
    families = [known for layer in LAYERS for known in layer if part.startswith(f"{known}_")]
    return families[0] if families else part


def imported(source: str, module: str, *, package: bool) -> list[str]:
    """Absolute names of what `source`, the text of `module`, imports; imports for type checkers count too."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")
                above = above[: len(above) - node.level + package]
                base = ".".join([*above, base]).rstrip(".")
            names += [f"{base}.{alias.name}" for alias in node.names]
    return names


def allowed_parts(part: str) -> set[str]:
    if part in BOTTOM_ONLY:
        return BOTTOM_ONLY[part]
    for rank, layer in enumerate(LAYERS):
        if part in layer:
            return {part}.union(*LAYERS[:rank])
    raise AssertionError(f"plugins/{part.replace('.', '/')} has no place in LAYERS: decide where it stands")


def import_faults(source: str, module: str, *, package: bool = False) -> list[str]:
    """What the text of `module` (a full name) imports from above, from a neighbour, or from what it must not know."""
    own = module.removeprefix(COLLECTION)
    part = part_of(own)
    faults = []
    for name in imported(source, module, package=package):
        if name.startswith(COLLECTION):
            if (other := part_of(name.removeprefix(COLLECTION))) not in allowed_parts(part):
                faults.append(f"{own} imports {other}")
        elif name.split(".")[0] == "ansible":
            if not any(f"{name}.".startswith(f"{known}.") for known in ANSIBLE_ALLOWED.get(part, ("ansible",))):
                faults.append(f"{own} imports {name}")
            elif f"{name}.".startswith(f"{BASE_OF_ACTIONS}.") and part != "plugin_utils._action":
                faults.append(f"{own} imports {name}: only plugin_utils._action does")
        elif name.split(".")[0] in {"plugins", "lab", "tests"}:
            faults.append(f"{own} imports {name}")
    return faults


def lab_faults(source: str) -> list[str]:
    """Imports of the lab, or names in its text, that would let it share code with what it tests."""
    roots = {"plugins", "ansible_collections", "ansible"}
    return [name for name in imported(source, "lab.any", package=False) if name.split(".")[0] in roots] + [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(COLLECTION[:-1])
    ]


def module_name(path: Path) -> str:
    names = path.relative_to(ROOT).with_suffix("").parts
    return COLLECTION + ".".join(names[:-1] if names[-1] == "__init__" else names)


PLUGIN_FILES = sorted((ROOT / "plugins").rglob("*.py"))
LAB_FILES = sorted((ROOT / "tests" / "lab").rglob("*.py"))


def test_there_are_files_to_check() -> None:
    assert len(PLUGIN_FILES) > 20
    assert len(LAB_FILES) > 10


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    assert import_faults(path.read_text(encoding="utf-8"), module_name(path), package=path.stem == "__init__") == []


@pytest.mark.parametrize("path", LAB_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_lab_shares_no_code_with_what_it_tests(path: Path) -> None:
    assert lab_faults(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        (
            "plugins.plugin_utils._spp._client",
            "from ansible.errors import AnsibleError",
            "imports ansible.errors.AnsibleError",
        ),
        (
            "plugins.plugin_utils._wsman._session",
            f"import {COLLECTION}plugins.plugin_utils._spp",
            "imports plugin_utils._spp",
        ),
        (
            "plugins.plugin_utils._spp._client",
            "from .._connection import open_transport",
            "imports plugin_utils._connection",
        ),
        (
            "plugins.module_utils._errors",
            f"from {COLLECTION}plugins.plugin_utils import _spp",
            "imports plugin_utils._spp",
        ),
        (
            "plugins.modules.srv_record",
            f"from {COLLECTION}plugins.plugin_utils._wsman import x",
            "imports plugin_utils._wsman",
        ),
        ("plugins.modules.srv_record", "import ansible.template", "imports ansible.template"),
        ("plugins.action.client", "from ansible.plugins.action import ActionBase", "only plugin_utils._action does"),
        ("plugins.plugin_utils._action", "from lab.site import Site", "imports lab.site.Site"),
    ],
)
def test_an_import_that_points_the_wrong_way_is_found(module: str, source: str, fault: str) -> None:
    faults = import_faults(source, COLLECTION + module)
    assert len(faults) == 1
    assert faults[0].endswith(fault)


def test_imports_that_point_downwards_are_no_fault() -> None:
    source = f"from {COLLECTION}plugins.module_utils._errors import KmsError\nfrom . import _keys\nimport json"
    assert import_faults(source, COLLECTION + "plugins.plugin_utils._spp._client") == []
    assert import_faults("from ._connection_errors import x", COLLECTION + "plugins.plugin_utils._connection") == []
    assert import_faults("from ._keys import x", COLLECTION + "plugins.plugin_utils._spp", package=True) == []


def test_code_shared_with_the_lab_is_found() -> None:
    assert lab_faults(f"import {COLLECTION}plugins\nfrom plugins import action\nx = '{COLLECTION}plugins'") == [
        COLLECTION + "plugins",
        "plugins.action",
        COLLECTION + "plugins",
    ]
