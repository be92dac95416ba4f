# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`report` as an action: what it reads and writes, and what it refuses."""

from __future__ import annotations

import json
import stat
import types
from pathlib import Path
from typing import Any

import pytest
from unit.plugin_utils.report.report_site import FAULTS, KMS01, Row, fleet, host, host_key, record

from ansible_collections.volact.kms.plugins.action.report import ARGUMENT_SPEC, ActionModule
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput


def run(*src: str, check: bool = False, **options: Any) -> dict[str, Any]:
    """The module with its defaults."""
    action: Any = ActionModule.__new__(ActionModule)
    action._task = types.SimpleNamespace(check_mode=check)
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    result: dict[str, Any] = action.execute({**defaults, "src": list(src), **options})
    return result


def written(path: Path, records: list[Row]) -> str:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in records), "utf-8")
    return str(path)


@pytest.fixture
def src(tmp_path: Path) -> str:
    return written(tmp_path / "fleet.jsonl", [*fleet(), *FAULTS["unreachable"]])


def test_files_are_written_once_for_their_owner_and_not_again(tmp_path: Path, src: str) -> None:
    dest = {name: str(tmp_path / f"report.{name}") for name in ("html", "json", "csv", "junit", "prometheus")}
    options: dict[str, Any] = {"dest": dest, "previous": dest["json"]}
    first, paths = run(src, check=True, **options), [Path(each) for each in dest.values()]
    assert (first["changed"], first["written"]) == (True, sorted(dest))
    assert not any(path.exists() for path in paths)
    assert run(src, **options)["written"] == sorted(dest)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert (run(src, **options)["changed"], run(src, check=True, **options)["changed"]) == (False, False)
    assert run(src, title="Another", **options)["written"] == ["html", "json", "junit"]


def test_the_result_names_ten_machines_of_a_finding_and_counts_them_all(tmp_path: Path) -> None:
    same = written(tmp_path / "fleet.jsonl", [record(f"clone{each:02}", cmid="one") for each in range(12)])
    (finding,) = run(same)["findings"]
    assert (finding["id"], finding["count"], len(finding["machines"])) == ("duplicate_cmid", 12, 10)
    assert finding["evidence"] == "12 machines share the CMID one."


def test_machines_of_several_files_are_one_fleet(tmp_path: Path, src: str) -> None:
    more = written(tmp_path / "more.jsonl", [record("win0001"), record("extra")])
    assert run(src, more)["counts"]["machines"] == 32


def test_a_report_passes_or_not_as_asked(src: str) -> None:
    assert (run(src)["passed"], run(src)["worst"]) == (False, "error")
    assert run(src, fail_on="critical")["passed"] is True
    assert run(src, fail_on="never")["passed"] is True


def test_hosts_and_wishes_are_taken(src: str) -> None:
    result = run(src, hosts=[host("kms01", host_key(50))], kms_hosts=[KMS01], channel="mak")
    assert [finding["id"] for finding in result["findings"]] == ["unreachable", "wrong_channel"]
    spent = run(src, activations_used={"khwht": {"kms01": 10}})
    assert [finding["id"] for finding in spent["findings"]] == ["unreachable", "host_key_limit:KHWHT"]


def test_what_cannot_be_read_or_written_is_refused_before_anything_is_written(tmp_path: Path, src: str) -> None:
    with pytest.raises(BadInput, match=r"nothing\.jsonl on the controller cannot be read: No such file"):
        run(str(tmp_path / "nothing.jsonl"))
    with pytest.raises(BadInput, match=r"The report cannot be written .*its folder does not exist"):
        run(src, dest={"html": str(tmp_path / "no" / "report.html"), "json": str(tmp_path / "report.json")})
    with pytest.raises(BadInput, match=r"fleet\.jsonl is no JSON report"):
        run(src, previous=src, dest={"json": str(tmp_path / "report.json")})
    with pytest.raises(BadInput, match=r"expiry_days is 181, and it is from 0 to 180\. Nothing was written"):
        run(src, expiry_days=181, dest={"json": str(tmp_path / "report.json")})
    with pytest.raises(BadInput, match=r"^activations_used has to map the last five characters of each host key"):
        run(src, activations_used={"KHWHT": 3}, dest={"json": str(tmp_path / "report.json")})
    assert not (tmp_path / "report.json").exists()


def test_a_report_about_nobody_is_refused_because_it_would_be_passed(tmp_path: Path) -> None:
    empty = written(tmp_path / "fleet.jsonl", [])
    with pytest.raises(BadInput, match=r"No machine is in .*fleet\.jsonl, so there is nothing to report\. Nothing was"):
        run(empty, dest={"json": str(tmp_path / "report.json")})
    with pytest.raises(BadInput, match=r"^src names no file, so there is nothing to report\."):
        run()
    assert not (tmp_path / "report.json").exists()


def test_an_earlier_report_that_does_not_exist_yet_is_none(tmp_path: Path, src: str) -> None:
    assert run(src, previous=str(tmp_path / "report.json"))["findings"][0]["new"] is None
