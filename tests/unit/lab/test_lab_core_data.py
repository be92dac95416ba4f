# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's own tables: generated, complete, and without a single product key."""

from __future__ import annotations

import importlib.util
import pathlib
import re
import types

import pytest

from lab.core.catalogue import DATA, OPERATING_SYSTEMS, published_key_of, published_keys
from lab.core.cim import find_class
from lab.core.product_key import mark_key

yaml = pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def generator() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("lab_data_generate", DATA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("file", "table"), [("gvlk.json", "gvlk_table"), ("cim_classes.json", "class_table")])
def test_a_table_on_disk_is_what_the_reference_says(generator: types.ModuleType, file: str, table: str) -> None:
    generated = generator.render(getattr(generator, table)())
    assert (DATA / file).read_text(encoding="utf-8") == generated, "run tests/lab/data/generate.py"


def test_every_published_key_is_known_by_its_sum_only(generator: types.ModuleType) -> None:
    reference = yaml.safe_load((generator.REFERENCE / "gvlk.yaml").read_text(encoding="utf-8"))["keys"]
    for entry in reference:
        mark = mark_key(entry["key"].lower())
        assert mark is not None
        known = published_keys()[mark.sha256]
        assert (known.product, known.edition, known.last_five) == (entry["product"], entry["edition"], mark.last_five)
    assert re.search(r"[B-Y2-9]{5}-[B-Y2-9]{5}", (DATA / "gvlk.json").read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("name", sorted(OPERATING_SYSTEMS))
def test_each_volume_edition_has_one_published_key(name: str) -> None:
    system = OPERATING_SYSTEMS[name]
    fitting = [key for key in published_keys().values() if key.fits_system(system)]
    has_none = system.evaluation or name == "windows-11-home"
    assert len(fitting) == (0 if has_none else 1)
    assert (published_key_of(system) is None) is has_none


def test_windows_7_lacks_what_came_with_windows_8() -> None:
    seven, eleven = OPERATING_SYSTEMS["windows-7-enterprise"], OPERATING_SYSTEMS["windows-11-enterprise"]
    old = find_class(seven, "root/cimv2", "SoftwareLicensingProduct")
    new = find_class(eleven, "root/cimv2", "softwarelicensingproduct")
    assert old is not None
    assert new is not None
    assert "vlactivationtype" not in old.properties
    assert "vlactivationtype" in new.properties
    assert find_class(seven, "root/StandardCimv2", "MSFT_NetFirewallRule") is None
    assert find_class(eleven, "root/StandardCimv2", "MSFT_NetFirewallRule") is not None
    assert find_class(eleven, "root/cimv2", "MSFT_NetFirewallRule") is None


def test_the_core_imports_nothing_of_the_collection() -> None:
    for file in sorted(pathlib.Path(DATA).parent.rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        assert "ansible_collections" not in source, file
        assert "import plugins" not in source, file
