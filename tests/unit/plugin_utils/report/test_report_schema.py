# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published schema of JSON reports, and the guide with its example: no core and no Python changes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from unit.plugin_utils.report.report_site import (
    FAULTS,
    KMS01,
    KMS02,
    Row,
    endpoints,
    faulty_fleet,
    fleet,
    host,
    host_key,
    page,
    srv,
)

from ansible_collections.volact.kms.plugins.plugin_utils._report import Kind, Severity, State, as_json
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Channel

pytestmark = pytest.mark.combinations

ROOT = Path(__file__).resolve().parents[4]
SCHEMA = json.loads((ROOT / "docs" / "report-schema-1.json").read_text("utf-8"))


def validator() -> Any:
    # Of the checks, not of the matrix, which leaves this file out.
    import jsonschema  # type: ignore[import-untyped]

    return jsonschema.Draft202012Validator


def faults(document: Any) -> list[str]:
    """Where a document is not what the schema promises."""
    return [f"{each.json_path}: {each.message}" for each in validator()(SCHEMA).iter_errors(document)]


@pytest.fixture(scope="module")
def document() -> Row:
    """A site with every fault, and what a report before had."""
    before = page([*fleet(), *FAULTS["unreachable"]])
    later = [{**each, "collected": "2026-11-23T10:00:00Z"} for each in faulty_fleet()]
    return page(
        later,
        hosts=[host("kms01", host_key(40))],
        srv=srv(KMS01, KMS02),
        endpoints=endpoints(kms01="kms", kms02="timeout"),
        previous=before,
    )


def test_json_is_what_the_schema_promises(document: Row) -> None:
    validator().check_schema(SCHEMA)
    assert faults(json.loads(b"".join(as_json(document)))) == []
    assert faults(json.loads(b"".join(as_json(page([]))))) == []


def test_the_schema_knows_all_kinds_severities_states_and_channels() -> None:
    definitions = SCHEMA["$defs"]
    assert set(definitions["kind"]["enum"]) == {kind.value for kind in Kind}
    assert definitions["severity"]["enum"] == [severity.value for severity in Severity]
    assert definitions["state"]["enum"] == [state.value for state in State]
    assert set(definitions["channel"]["enum"]) == {channel.value for channel in Channel}


@pytest.mark.parametrize("name", ["kind", "summary", "findings"])
def test_the_schema_refuses_a_report_without_what_it_needs(document: Row, name: str) -> None:
    assert faults({key: value for key, value in document.items() if key != name}) != []


def test_the_guide_names_every_kind_and_its_example_is_a_report() -> None:
    guide = (ROOT / "docs" / "reports.md").read_text("utf-8")
    named = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", guide, re.MULTILINE))
    assert named == {kind.value: kind.severity.value for kind in Kind}
    examples = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    assert examples
    for example in examples:
        assert faults(json.loads(example)) == []
