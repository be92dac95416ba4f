# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`migration_plan` as an action: what it reads from files, what it adds to the journal, and what it refuses."""

from __future__ import annotations

import json
import types
from pathlib import Path
from typing import Any, cast

import pytest
from migration_site import Record, clients, host, office, record, srv, windows

from ansible_collections.volact.kms.plugins.action.migration_plan import ARGUMENT_SPEC, ActionModule
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_journal import read_journal
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_options import subnet_of


def run(fleet: Any, *, check: bool = False, **options: Any) -> dict[str, Any]:
    """The module with its defaults, for kms01, which is in DNS and counts nobody."""
    action = ActionModule.__new__(ActionModule)
    action._task = cast("Any", types.SimpleNamespace(check_mode=check))
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    return action.execute({**defaults, "fleet": fleet, "hosts": [host()], "srv": srv("kms01"), **options})


def written(path: Path, fleet: list[Record]) -> str:
    path.write_text("".join(f"{json.dumps(each)}\n" for each in fleet), "utf-8")
    return str(path)


def test_records_are_read_from_a_file_or_given(tmp_path: Path) -> None:
    fleet = clients(25)
    from_file = run(written(tmp_path / "fleet.jsonl", fleet))
    assert from_file == run(fleet)
    assert (from_file["verdict"], from_file["changed"]) == ("ready_after_seed", False)


@pytest.mark.parametrize("text", ["not JSON\n", '{"schema": 1}\n', "[1]\n"])
def test_what_is_no_record_is_refused_by_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fleet.jsonl"
    path.write_text(f"{json.dumps(clients(1)[0])}\n{text}", "utf-8")
    with pytest.raises(BadInput, match=r"line 2 of .*fleet\.jsonl is no record of a machine\. Nothing was changed"):
        run(str(path))
    with pytest.raises(BadInput, match="item 0 of fleet is no record"):
        run([3])
    with pytest.raises(BadInput, match="cannot be read"):
        run(str(tmp_path / "nothing.jsonl"))


def test_the_journal_gets_each_machine_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    fleet = clients(25, windows(), office("kms_client", status=5), pin=None)
    assert run(fleet, journal=str(journal), check=True)["recorded"] == 25
    assert not journal.exists()
    first = run(fleet, journal=str(journal))
    assert (first["changed"], first["recorded"]) == (True, 25)
    assert journal.stat().st_mode & 0o777 == 0o600
    kept = journal.read_bytes()
    later = clients(26, windows("kms_client", status=5), pin="kms01.corp.example.test")
    again = run(later, journal=str(journal))
    assert again["recorded"] == 1
    assert journal.read_bytes().startswith(kept)
    former = read_journal(journal.read_text("utf-8")).former["win001"]
    assert former["kms_host"] is None
    assert former["products"][0] == {
        "product": "Windows",
        "activation_id": "windows-mak",
        "channel": "mak",
        "partial_product_key": "MKWNH",
        "license_status": 1,
    }


def test_machines_that_are_not_moved_are_not_in_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    assert run(clients(24), journal=str(journal))["recorded"] == 0
    assert not journal.exists()


def test_a_line_that_was_cut_off_is_left_behind(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"machine": "win001", "former": {"kms_host": "a"}}\n{"machine": "win002", "form', "utf-8")
    assert run(clients(25), journal=str(journal))["recorded"] == 24
    found = read_journal(journal.read_text("utf-8"))
    assert len(found.former) == 25
    assert found.former["win001"] == {"kms_host": "a"}


def test_a_journal_that_cannot_be_written_stops_before_anything_is_changed(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be used: .*Nothing was changed"):
        run(clients(25), journal=str(tmp_path))
    with pytest.raises(BadInput, match="cannot be used: No such file or directory"):
        run(clients(25), journal=str(tmp_path / "no" / "journal.jsonl"))


def test_rollbacks_of_the_journal_are_spent(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"machine": "win001", "rollback": true}\n' * 2, "utf-8")
    rollback = run(clients(25), journal=str(journal), rollback=True, mak_budget=3)["rollback"]
    assert (rollback["spent"], rollback["left"]) == (2, 1)


@pytest.mark.parametrize("batch", ["0", "0%", "101%", "ten", "-3", "1.5"])
def test_a_wave_of_nothing_is_refused(batch: str) -> None:
    with pytest.raises(BadInput, match="neither a number of machines nor a share"):
        run(clients(25), batch=batch)


@pytest.mark.parametrize(
    ("label", "subnet"),
    [
        ("192.0.2.17", "192.0.2.0/24"),
        ("2001:db8::1:17", "2001:db8::/64"),
        ("Branch", "Branch"),
        ("win01.corp.example.test", "win01.corp.example.test"),
        (None, ""),
    ],
)
def test_an_address_stands_for_its_network(label: str | None, subnet: str) -> None:
    assert subnet_of(label) == subnet


def test_a_key_whose_channel_tells_nothing_is_taken_to_serve_everybody() -> None:
    unknown = windows("kms_host", description="Windows(R) Operating System, VOLUME_KMS_NEW channel", current_count=30)
    assert run(clients(3), hosts=[host("kms01", 0, unknown)])["verdict"] == "ready"


def test_events_tell_who_was_counted() -> None:
    waiting = windows("kms_client", status=5)
    answered = {"activation_id": "windows-kms_client", "kms_host": "kms01.corp.example.test", "response": {}}
    fleet = [
        record("asked", waiting, events={"kms_requests": [{**answered, "response": {"activated": False}}]}),
        record("unheard", waiting, events={"kms_requests": [{**answered, "response": None}]}),
    ]
    (pool,) = run(fleet, hosts=[host(count=24)])["pools"]
    assert pool["reach"] == 25
