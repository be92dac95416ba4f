# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of a migration, and what a machine of a wave costs: the module, and what is noted when it failed."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bench.migration import migration_figures, site
from gates.tree import ROOT

Tasks = list[dict[str, Any]]


def read(path: str) -> Tasks:
    found: Tasks = yaml.safe_load((ROOT / path).read_text("utf-8"))
    return found


def of_each_machine(tasks: Tasks) -> list[str]:
    """The actions that every machine of a play performs, with "rescue: " before what only failed ones do."""
    actions = []
    for task in tasks:
        if task.get("run_once"):
            continue
        actions += of_each_machine(task.get("block", []))
        actions += [f"rescue: {action}" for action in of_each_machine(task.get("rescue", []))]
        actions += [f"always: {action}" for action in of_each_machine(task.get("always", []))]
        actions += [name for name in task if "." in name and name != "ansible.builtin.meta"]
    return actions


def test_in_a_wave_a_machine_has_the_module_and_what_rescue_sets_and_nothing_else() -> None:
    (waves,) = (play for play in read("playbooks/migrate_waves.yml") if play["name"] == "Move the waves")
    assert not waves.get("roles")
    assert not waves["gather_facts"]
    tasks = [*waves.get("pre_tasks", []), *waves["tasks"], *waves.get("post_tasks", [])]
    assert of_each_machine(tasks) == ["ansible.builtin.import_role"]
    (role,) = (task["ansible.builtin.import_role"] for task in tasks if "ansible.builtin.import_role" in task)
    assert role == {"name": "volact.kms.mak_to_kms", "tasks_from": "switch"}
    switch = read("roles/mak_to_kms/tasks/switch.yml")
    assert of_each_machine(switch) == ["volact.kms.client", "rescue: ansible.builtin.set_fact"]


def test_a_task_more_for_each_machine_is_seen() -> None:
    more: Tasks = [
        {"name": "Look", "run_once": True, "a.b.c": {}},
        {"block": [{"a.b.d": {}}], "always": [{"a.b.e": {}}]},
    ]
    assert of_each_machine(more) == ["a.b.d", "always: a.b.e"]


def test_the_role_of_a_wave_has_no_specification_that_would_be_a_task_for_each_machine() -> None:
    specification = yaml.safe_load((ROOT / "roles/mak_to_kms/meta/argument_specs.yml").read_text("utf-8"))
    assert "switch" not in specification["argument_specs"]


def test_the_machines_find_their_host_in_dns_and_nobody_has_asked_it() -> None:
    document = site()
    assert document["dns"]["records"] == [{"target": "kms01"}]
    assert "clients" not in document["machines"]["kms01"]


@pytest.mark.parametrize(
    ("few", "many", "whole_within", "slope_within"),
    [(10.0, 31.9, True, True), (10.0, 32.1, False, True), (3.0, 31.9, True, False), (3.2, 31.9, True, True)],
)
def test_the_limit_of_the_issue_holds_for_the_whole_run_and_for_one_more_machine(
    few: float, many: float, whole_within: bool, slope_within: bool
) -> None:
    found = migration_figures({"migrate": {"few": few, "many": many}, "noop": {"few": 1.0, "many": 4.6}})
    assert [(figure.unit, figure.limit) for figure in found] == [("s", None), ("times", 8), ("ms", None), ("times", 8)]
    assert [figure.value for figure in found] == pytest.approx(
        [many, many / 200 / 0.02, 1000 * (many - few) / 180, (many - few) / 180 / 0.02]
    )
    assert [figure.ok() for figure in found] == [True, whole_within, True, slope_within]
