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

from lab.core.catalogue import DATA, OPERATING_SYSTEMS, languages, published_key_of, published_keys
from lab.core.cim import find_class
from lab.core.product_key import mark_key
from lab.core.texts import caption, fault_text, system_caption

yaml = pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def generator() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("lab_data_generate", DATA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def no_gvlk(generator: types.ModuleType) -> frozenset[int]:
    """SKU numbers for which the reference says that Microsoft publishes no client setup key."""
    reference = yaml.safe_load((generator.REFERENCE / "editions.yaml").read_text(encoding="utf-8"))
    return frozenset(row["sku"] for row in reference["skus"] if row.get("no_gvlk"))


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("gvlk.json", "gvlk_table"),
        ("cim_classes.json", "class_table"),
        ("operating_systems.json", "system_table"),
    ],
)
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
def test_each_volume_edition_has_one_published_key(no_gvlk: frozenset[int], name: str) -> None:
    system = OPERATING_SYSTEMS[name]
    fitting = [key for key in published_keys().values() if key.fits_system(system)]
    has_none = system.sku in no_gvlk
    assert len(fitting) == (0 if has_none else 1)
    assert (published_key_of(system) is None) is has_none


def test_the_lab_has_every_supported_release_of_windows_in_its_editions() -> None:
    families = {
        "windows-7",
        "windows-8",
        "windows-8.1",
        "windows-10",
        "windows-11",
        *(f"windows-server-{year}" for year in ("2008-r2", "2012", "2012-r2", "2016", "2019", "2022", "2025")),
    }
    for family in families:
        editions = {name.removeprefix(f"{family}-") for name in OPERATING_SYSTEMS if name.startswith(f"{family}-")}
        wanted = {"standard", "datacenter"} if "server" in family else {"enterprise", "enterprise-n"}
        assert wanted <= editions, family
    current = {"pro", "pro-n", "education", "education-n", "enterprise", "enterprise-n", "enterprise-eval", "home"}
    assert {f"windows-11-{edition}" for edition in current} <= set(OPERATING_SYSTEMS)
    assert {"windows-10-enterprise-ltsb-2016", "windows-server-2019-essentials"} <= set(OPERATING_SYSTEMS)


def test_a_caption_is_translated_and_a_product_name_is_not() -> None:
    enterprise = OPERATING_SYSTEMS["windows-10-enterprise"]
    russian = system_caption("ru-RU", enterprise.caption)
    assert russian == (
        "\u041c\u0430\u0439\u043a\u0440\u043e\u0441\u043e\u0444\u0442 Windows 10 "
        "\u041a\u043e\u0440\u043f\u043e\u0440\u0430\u0442\u0438\u0432\u043d\u0430\u044f"
    )
    server = system_caption("ru-RU", OPERATING_SYSTEMS["windows-server-2022-standard"].caption)
    assert server.endswith(" Windows Server 2022 Standard")
    assert system_caption("de-DE", enterprise.caption) == "Microsoft Windows 10 Enterprise"
    assert enterprise.product_name == "Windows(R), Enterprise edition"


def test_every_language_has_every_text() -> None:
    keys = ("access_denied", "quota", "timed_out", "unknown_error")
    texts = {language: [fault_text(language, key, code="0x1") for key in keys] for language in languages()}
    assert sorted(texts) == ["de-DE", "en-US", "fr-FR", "ja-JP", "ru-RU"]
    assert len({tuple(group) for group in texts.values()}) == 5
    titles = {caption(language, "Software Protection") for language in languages()}
    assert len(titles) == 5


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
