# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module's documentation promises is what its code takes: no linter compares them for action plugins."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path
from types import ModuleType

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "ansible_collections.volact.kms.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
ACTIONS = sorted(path.stem for path in (ROOT / "plugins" / "action").glob("*.py") if path.stem != "__init__")

COMPARED = ("type", "elements", "choices", "default", "required", "aliases")
ATTRIBUTES = {"check_mode", "diff_mode", "idempotent", "action_group", "platform"}
DICT_METHODS = {name for name in dir(dict) if not name.startswith("_")}

Options = dict[str, dict[str, t.Any]]


def flattened(options: Options, children: str) -> Options:
    """Options by dotted name with what can be compared; `children` is `options` in a spec, `suboptions` in docs."""
    found: Options = {}
    for name, option in options.items():
        item = {key: option[key] for key in COMPARED if option.get(key) is not None}
        item.setdefault("type", "str")
        item["choices"] = list(item.get("choices", ()))
        item["required"] = bool(item.get("required"))
        found[name] = item
        for child, value in flattened(option.get(children) or {}, children).items():
            found[f"{name}.{child}"] = value
    return found


def documentation(module: ModuleType) -> dict[str, t.Any]:
    """A module's DOCUMENTATION with its fragments merged in, as ansible-doc shows it."""
    merged = yaml.safe_load(module.DOCUMENTATION)
    references = merged.get("extends_documentation_fragment") or []
    for reference in [references] if isinstance(references, str) else references:
        _namespace, _collection, fragment, *part = reference.split(".")
        text = getattr(
            importlib.import_module(f"{PACKAGE}.doc_fragments.{fragment}").ModuleDocFragment,
            part[0].upper() if part else "DOCUMENTATION",
        )
        for section, content in yaml.safe_load(text).items():
            if isinstance(content, dict):
                merged[section] = {**content, **(merged.get(section) or {})}
    return t.cast("dict[str, t.Any]", merged)


def argument_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> Options:
    """What the code of module `name` takes: of its action plugin, or what a real module hands to AnsibleModule."""
    if name in ACTIONS:
        return t.cast("Options", importlib.import_module(f"{PACKAGE}.action.{name}").ActionModule.ARGUMENT_SPEC)
    module = importlib.import_module(f"{PACKAGE}.modules.{name}")
    handed: dict[str, t.Any] = {}

    def record(**arguments: t.Any) -> t.NoReturn:
        handed.update(arguments)
        raise InterruptedError

    monkeypatch.setattr(module, "AnsibleModule", record)
    with pytest.raises(InterruptedError):
        module.main()
    return t.cast("Options", handed["argument_spec"])


def return_faults(values: dict[str, t.Any], *, inner: bool = False) -> list[str]:
    """What is missing in a RETURN section, or can't be read with a dot in a playbook."""
    faults = []
    for name, value in values.items():
        wanted = ("description", "type") if inner else ("description", "returned", "type", "sample")
        shown = value.keys() | ({"sample"} if "contains" in value else set())
        faults += [f"{name}: no {key}" for key in wanted if key not in shown]
        if name in DICT_METHODS:
            faults.append(f"{name}: is a method of dict")
        faults += [f"{name}.{fault}" for fault in return_faults(value.get("contains") or {}, inner=True)]
    return faults


def test_there_are_modules_to_check() -> None:
    assert {"client", "client_info", "controller_info", "host", "host_info", "srv_record"} <= set(MODULES)


def test_each_action_plugin_has_its_documentation() -> None:
    assert set(ACTIONS) <= set(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_documentation_is_what_the_code_takes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    documented = documentation(importlib.import_module(f"{PACKAGE}.modules.{name}")).get("options") or {}
    assert flattened(documented, "suboptions") == flattened(argument_spec(name, monkeypatch), "options")


@pytest.mark.parametrize("name", MODULES)
def test_options_that_hold_secrets_are_marked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = argument_spec(name, monkeypatch)
    secret = {option for option in spec if option.endswith(("product_key", "secret", "password"))}
    assert {option for option in secret if spec[option].get("no_log") is not True} == set()


@pytest.mark.parametrize("name", MODULES)
def test_documentation_has_attributes_requirements_and_seealso(name: str) -> None:
    found = documentation(importlib.import_module(f"{PACKAGE}.modules.{name}"))
    attributes = set(found.get("attributes") or {})
    wanted = ATTRIBUTES | ({"connection"} if name in ACTIONS else set())
    assert wanted - attributes == set(), "attributes that are missing"
    assert found.get("seealso"), "seealso"
    assert found["module"] == name


def tasks_of(items: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """The tasks of an EXAMPLES section, those inside plays and blocks too."""
    found = []
    for item in items:
        inner = [task for key in ("pre_tasks", "tasks", "block", "rescue") for task in item.get(key) or []]
        found += tasks_of(inner) if inner else [item]
    return found


@pytest.mark.parametrize("name", MODULES)
def test_three_examples_and_the_first_is_minimal(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = tasks_of(yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{name}").EXAMPLES))
    uses = [task for task in examples if f"volact.kms.{name}" in task]
    assert len(uses) >= 3, "examples"
    assert all(task.get("name") for task in uses), "a task without a name"
    required = [option for option in argument_spec(name, monkeypatch).values() if option.get("required")]
    assert len(uses[0][f"volact.kms.{name}"] or {}) <= len(required) + 2, "options of the first example"


@pytest.mark.parametrize("name", MODULES)
def test_return_keys_are_complete(name: str) -> None:
    returned = yaml.safe_load(importlib.import_module(f"{PACKAGE}.modules.{name}").RETURN)
    assert return_faults(returned) == []


def test_every_module_is_in_its_action_groups() -> None:
    groups = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    named = {name: documentation(importlib.import_module(f"{PACKAGE}.modules.{name}")) for name in MODULES}
    documented: dict[str, list[str]] = {}
    for name, found in named.items():
        for group in found["attributes"]["action_group"]["membership"]:
            documented.setdefault(group.removeprefix("volact.kms."), []).append(name)
    assert groups["kms"] == MODULES
    assert {group: sorted(members) for group, members in groups.items()} == documented


def test_flattened_sees_every_kind_of_difference() -> None:
    port = {"type": "int", "default": 1688}
    spec: Options = {"records": {"type": "list", "elements": "dict", "options": {"port": port}}}
    docs: Options = {"records": {"type": "list", "elements": "dict", "suboptions": {"port": port}}}
    assert flattened(spec, "options") == flattened(docs, "suboptions")
    for key, value in {"type": "str", "default": 1689, "required": True, "choices": [1], "aliases": ["p"]}.items():
        other: Options = {"records": {**docs["records"], "suboptions": {"port": {**port, key: value}}}}
        assert flattened(spec, "options") != flattened(other, "suboptions"), key


def test_tasks_are_found_inside_plays_and_blocks() -> None:
    task = {"volact.kms.client": None}
    assert tasks_of([task, {"hosts": "all", "tasks": [task, {"block": [task], "rescue": [task]}]}]) == [task] * 4


def test_return_faults_are_found() -> None:
    complete = {"description": "d", "returned": "always", "type": "list", "sample": []}
    assert return_faults({"products": complete}) == []
    assert return_faults({"products": {"description": "d", "type": "list"}}) == [
        "products: no returned",
        "products: no sample",
    ]
    assert return_faults({"host": {**complete, "contains": {"items": {"description": "d"}}}}) == [
        "host.items: no type",
        "host.items: is a method of dict",
    ]
