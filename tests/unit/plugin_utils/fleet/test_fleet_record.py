# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of a machine, and the numbers of a fleet."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, CimFault, KmsError, TransportLost
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._record import (
    MOST_NAMED,
    Status,
    Summary,
    failed_machines,
    failed_record,
    line,
    read_record,
)

COLLECTED = datetime(2026, 11, 22, 12, 0, 0, 999, tzinfo=timezone(timedelta(hours=2)))


def test_a_record_is_one_line_of_json_with_its_keys_in_order() -> None:
    text = line(read_record("win01", COLLECTED, {"products": ["\u00e4\n"]}, is_kms_host=False, skew_seconds=-1.5))
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1
    record = json.loads(text)
    assert list(record) == sorted(record)
    assert record == {
        "schema": 1,
        "machine": "win01",
        "collected": "2026-11-22T10:00:00Z",
        "status": "ok",
        "msg": None,
        "error": None,
        "clock_skew_seconds": -1.5,
        "is_kms_host": False,
        "products": ["\u00e4\n"],
    }


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TransportLost("It is gone."), "unreachable"),
        (BadInput("It has no password."), "failed"),
        (CimFault("It refuses.", code=0x80041003), "failed"),
    ],
)
def test_a_record_of_a_failure_has_the_error_as_modules_return_it(error: KmsError, status: str) -> None:
    record = json.loads(line(failed_record("win01", COLLECTED, error)))
    assert (record["status"], record["msg"], record["error"]) == (status, error.message, error.as_result())
    assert record["is_kms_host"] is None
    assert "products" not in record


def test_what_is_no_builtin_is_no_record() -> None:
    with pytest.raises(TypeError):
        line(read_record("win01", COLLECTED, {"clock": COLLECTED}, is_kms_host=False, skew_seconds=None))


def test_the_summary_counts_every_status() -> None:
    summary = Summary(5)
    assert summary.counts == {"total": 5, "ok": 0, "failed": 0, "unreachable": 0}
    for status in (Status.OK, Status.UNREACHABLE, Status.OK, Status.FAILED):
        summary.count(status)
    assert summary.counts == {"total": 5, "ok": 2, "failed": 1, "unreachable": 1}
    assert summary.progress() == "4 of 5 machines read: 2 ok, 1 failed, 1 unreachable, 1 remaining"


def test_a_summary_names_some_failed_machines_and_not_thousands() -> None:
    good = line(read_record("good", COLLECTED, {}, is_kms_host=False, skew_seconds=None))
    bad = [line(failed_record(f"bad{number}", COLLECTED, TransportLost("Gone."))) for number in range(100)]
    assert failed_machines([good]) == []
    named = failed_machines([good, *bad])
    assert named[0] == {"machine": "bad0", "status": "unreachable", "msg": "Gone."}
    assert len(named) == MOST_NAMED
