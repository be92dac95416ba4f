# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Events 12288 and 12289: every documented and observed form, whatever is missing, and nothing that isn't KMS."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    CimFault,
    OperationTimedOut,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._events import (
    KmsHistory,
    insertion_fields,
    newest_requests,
    read_history,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)
HOST = "kms01.corp.example.test"
CMID = "36f27b39-2fd5-440b-be67-a09996d27a38"
WINDOWS = "68531fb9-5511-4989-97be-d11a0f55633f"
OFFICE = "fbdb3e18-a8ef-4fb3-9183-dffd60bd0984"

# The lines of Microsoft's documents, with a host in place of its placeholder.
DOCUMENTED = f"0xC004F06C, 0x00000000, {HOST}:1688, {CMID}, 2010/09/29 17:52, 0, 2, 41760, {WINDOWS}, 5"
EMPTY_LAST = f"0xC004F06C, 0x00000000, azkms.core.windows.net:1688, {CMID}, 2010/09/29 17:52, 1, 5, 0, {WINDOWS}, "
ANSWER = "0x00000000, 0x00000000, 1, 0, 10, 120, 10080, 2010/09/29 17:52"


def event(code: int, *strings: str, number: int = 1, minute: int = 0) -> CimInstance:
    return CimInstance(
        "Win32_NTLogEvent",
        {
            "EventCode": str(code),
            "InsertionStrings": list(strings),
            "RecordNumber": str(number),
            "TimeGenerated": datetime(2026, 11, 22, 9, minute, tzinfo=timezone.utc),
        },
    )


def test_the_documented_request_is_read_field_by_field() -> None:
    (request,) = newest_requests([event(12288, DOCUMENTED, number=7)])
    assert request.code == 0xC004F06C
    assert (request.kms_host, request.kms_port) == (HOST, 1688)
    assert request.cmid == CMID
    assert request.client_time == datetime(2010, 9, 29, 17, 52, tzinfo=timezone.utc)
    assert request.virtual_machine is False
    assert (request.license_status, request.minutes_to_expiration) == (2, 41760)
    assert request.activation_id == WINDOWS
    assert request.required_count == 5
    assert (request.recorded, request.record_number) == (datetime(2026, 11, 22, 9, 0, tzinfo=timezone.utc), 7)
    assert request.response is None


@pytest.mark.parametrize(
    "strings",
    [
        [DOCUMENTED],
        [DOCUMENTED.replace(", ", ",")],
        [f"An activation request was sent. Info: {DOCUMENTED}"],
        DOCUMENTED.split(", "),
        ["The client has sent an activation request.", *DOCUMENTED.split(", ")],
        [DOCUMENTED, *DOCUMENTED.split(", ")],
        [DOCUMENTED, "", ""],
    ],
    ids=["blanks", "no-blanks", "words-before", "a-field-each", "a-text-and-fields", "both", "empty-strings-behind"],
)
def test_every_form_of_the_same_request_means_the_same(strings: list[str]) -> None:
    assert newest_requests([event(12288, *strings)]) == newest_requests([event(12288, DOCUMENTED)])


def test_a_last_field_that_is_empty_or_missing_is_unknown() -> None:
    for line in (EMPTY_LAST, EMPTY_LAST.rstrip(", ")):
        (request,) = newest_requests([event(12288, line)])
        assert request.required_count is None
        assert request.virtual_machine is True
        assert request.kms_host == "azkms.core.windows.net"


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        (f"{HOST}:1689", HOST, 1689),
        ("[2001:db8::10]:1688", "2001:db8::10", 1688),
        ("2001:db8::10", "2001:db8::10", None),
        ("192.0.2.10", "192.0.2.10", None),
        ("", None, None),
        (":", ":", None),
    ],
)
def test_the_host_is_read_in_every_form_of_an_address(written: str, host: str | None, port: int | None) -> None:
    (request,) = newest_requests([event(12288, DOCUMENTED.replace(f"{HOST}:1688", written))])
    assert (request.kms_host, request.kms_port) == (host, port)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2010/9/29 7:52", datetime(2010, 9, 29, 7, 52, tzinfo=timezone.utc)),
        ("2010-09-29 07:52", datetime(2010, 9, 29, 7, 52, tzinfo=timezone.utc)),
        ("2010.09.29 07:52:31", datetime(2010, 9, 29, 7, 52, tzinfo=timezone.utc)),
        ("2010/13/29 07:52", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_time_of_the_client_is_read_with_and_without_zeros(written: str, moment: datetime | None) -> None:
    (request,) = newest_requests([event(12288, DOCUMENTED.replace("2010/09/29 17:52", written))])
    assert request.client_time == moment


def test_fields_that_make_no_sense_are_unknown_and_the_rest_is_kept() -> None:
    line = f"0x0, nothing, {HOST}:1688, no GUID, ?, ?, ?, ?, {{{WINDOWS.upper()}}}, ?"
    (request,) = newest_requests([event(12288, line)])
    assert (request.code, request.status_flags, request.activation_id) == (0, (), WINDOWS)
    assert request.cmid is None
    assert request.virtual_machine is None
    assert request.license_status is None


@pytest.mark.parametrize(
    "strings",
    [
        ["Volume Shadow Copy Service error", "0x80070005, Access is denied."],
        ["CreateFileW", "0x80070005"],
        ["no code at all"],
        [""],
        [],
        ["0x00000000"],
    ],
)
def test_events_of_other_providers_with_the_same_number_are_left_out(strings: list[str]) -> None:
    assert newest_requests([event(12288, *strings), event(12289, *strings)]) == ()


def test_status_flags_have_names() -> None:
    (request,) = newest_requests([event(12288, DOCUMENTED.replace("0x00000000", "0x05000008"))])
    assert request.status_flags == ("OTHER_PC", "NO_BINDING_SERVER_REGISTRATION", "NOT_ENOUGH_COUNT")


def test_the_answer_of_a_request_is_the_one_with_its_time_stamp() -> None:
    others = "0xC004F038, 0x04000000, 0, 0, 3, 120, 10080, 2010/09/29 15:00"
    rows = [
        event(12289, others, number=1, minute=1),
        event(12288, DOCUMENTED, number=2, minute=2),
        event(12289, ANSWER, number=3, minute=2),
        event(12289, others, number=4, minute=3),
    ]
    (request,) = newest_requests(rows)
    assert request.response is not None
    assert request.response.code == 0
    assert request.response.activated is True
    assert request.response.current_count == 10
    assert (request.response.activation_interval, request.response.renewal_interval) == (120, 10080)


def test_an_answer_that_was_written_before_the_request_is_not_its_answer() -> None:
    rows = [event(12289, ANSWER, number=1, minute=0), event(12288, DOCUMENTED, number=2, minute=1)]
    assert newest_requests(rows)[0].response is None


def test_only_the_newest_request_of_each_licence_is_kept_the_newest_first() -> None:
    office = DOCUMENTED.replace(WINDOWS, OFFICE)
    rows = [
        event(12288, DOCUMENTED, number=1, minute=1),
        event(12288, office, number=2, minute=2),
        event(12288, DOCUMENTED, number=4, minute=3),
        event(12288, DOCUMENTED, number=3, minute=3),
    ]
    found = [(request.activation_id, request.record_number) for request in newest_requests(rows)]
    assert found == [(WINDOWS, 4), (OFFICE, 2)]


def test_a_log_that_was_cleared_is_sorted_by_time() -> None:
    rows = [event(12288, DOCUMENTED, number=9000, minute=1), event(12288, DOCUMENTED, number=1, minute=2)]
    assert newest_requests(rows)[0].record_number == 1


def test_an_event_without_a_readable_time_is_the_oldest() -> None:
    broken = CimInstance(
        "Win32_NTLogEvent",
        {"EventCode": "12288", "InsertionStrings": DOCUMENTED, "RecordNumber": "5", "TimeGenerated": "no time"},
    )
    assert newest_requests([broken])[0].recorded is None
    assert newest_requests([broken, event(12288, DOCUMENTED, number=1)])[0].record_number == 1


def test_fields_are_never_more_or_fewer_than_asked_for() -> None:
    assert insertion_fields(["0x0,1,2,3"], 3) == ["0x0", "1", "2"]
    assert insertion_fields(["0x0"], 3) == ["0x0", "", ""]
    assert insertion_fields([], 2) == ["", ""]


@dataclass
class Log:
    """A session that answers one query."""

    answer: list[CimInstance] | Exception
    asked: list[str] = field(default_factory=list)

    def query(self, wql: str) -> list[CimInstance]:
        self.asked.append(wql)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def history(answer: list[CimInstance] | Exception, now: datetime | None = NOW, days: int = 8) -> KmsHistory:
    return read_history(t.cast("CimSession", Log(answer)), now, days)


def test_the_query_is_bounded_by_log_number_and_time() -> None:
    log = Log([event(12288, DOCUMENTED)])
    found = read_history(t.cast("CimSession", log), NOW, 8)
    (asked,) = log.asked
    assert asked == (
        "SELECT EventCode, InsertionStrings, Logfile, RecordNumber, SourceName, TimeGenerated FROM Win32_NTLogEvent "
        "WHERE Logfile = 'Application' AND (EventCode = 12288 OR EventCode = 12289) AND "
        "TimeGenerated >= '20261114100000.000000+000'"
    )
    assert found.reason is None
    assert found.requests is not None
    assert found.requests[0].kms_host == HOST


def test_no_event_is_known_to_be_none() -> None:
    assert history([]) == KmsHistory(())


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            OperationTimedOut("late", code=0x80338029),
            "The Application log was not read: the machine did not answer in time.",
        ),
        (TransportTimeout("late"), "The Application log was not read: the machine did not answer in time."),
        (
            CimFault("denied", code=0x80070005),
            "The Application log could not be read: access denied (0x80070005 E_ACCESSDENIED).",
        ),
        (CimFault("Something else."), "The Application log could not be read: Something else."),
    ],
)
def test_a_log_that_cannot_be_read_is_unknown_with_a_reason(error: Exception, reason: str) -> None:
    found = history(error)
    assert found.requests is None
    assert (found.reason or "").startswith(reason)


def test_a_machine_without_a_clock_is_unknown_and_is_not_asked() -> None:
    found = history(AssertionError("asked"), now=None)
    assert found.requests is None
    assert "clock" in (found.reason or "")


def test_a_lost_connection_is_no_unknown_log() -> None:
    with pytest.raises(TransportLost):
        history(TransportLost("The connection broke."))
