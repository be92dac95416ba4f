# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role mak_to_kms works out by itself: how long batches are."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import StrictUndefined
from jinja2.nativetypes import NativeEnvironment

VARIABLES = Path(__file__).resolve().parents[4] / "roles" / "mak_to_kms" / "vars" / "main.yml"


def worked_out(name: str, **given: Any) -> Any:
    """A variable of the role. Those that are tested so take no filter of Ansible's."""
    text = yaml.safe_load(VARIABLES.read_text("utf-8"))[name]
    return NativeEnvironment(undefined=StrictUndefined).from_string(text).render(**given)


@pytest.mark.parametrize("machines", [3, 24, 25, 26, 200])
def test_each_batch_of_a_play_has_one_wave_of_machines_that_move(machines: int) -> None:
    names = [f"win{number:03}" for number in range(machines)]
    seed, batch = names[:2], 4
    moves = [name for number, name in enumerate(names) if number % 3]
    found = {"seed": [{"machine": name} for name in seed], "moves": dict.fromkeys(moves), "waves": {"batch": batch}}
    sizes = worked_out("__mak_to_kms_serial", ansible_play_hosts_all=names, __mak_to_kms_found=found)
    ends = list(itertools.accumulate(sizes))
    left = names[2:]
    waves = [left[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    assert [name for wave in waves for name in wave] == left
    assert {len(set(wave) & set(moves)) for wave in waves[:-1]} <= {batch}
    assert len(set(waves[-1]) & set(moves)) < batch
