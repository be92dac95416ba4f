# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event logs by Win32_NTLogEvent: which records, in which form, in which language, and how long a query takes."""

from __future__ import annotations

import re
import typing as t
from xml.sax.saxutils import escape

import pytest

from lab.core.catalogue import languages
from lab.core.example_company import CSVLK, company, failure, machine_state
from lab.core.rehearsal import Rehearsal, RehearsedFault, request_envelope
from lab.core.soap import ENUMERATION, WMI

APPLICATION = "Logfile = 'Application' AND RecordNumber > 1"
HOST = "Logfile = 'Key Management Service' AND RecordNumber > 1"
COLUMNS = "EventCode, RecordNumber, SourceName, EventType, TimeGenerated"
SPP = "Microsoft-Windows-Security-SPP"


def asked(*dialects: str, **behaviour: t.Any) -> Rehearsal:
    """A host, and srv1 that asked it twice in an hour."""
    lab = company(behaviour={"dialects": list(dialects), **behaviour})
    lab.provision_host("kms01", CSVLK)
    failure(lab, "srv1")
    lab.site.advance(60)
    failure(lab, "srv1")
    return lab


def records(lab: Rehearsal, machine: str, condition: str) -> list[dict[str, str | None]]:
    return lab.query(machine, f"SELECT {COLUMNS} FROM Win32_NTLogEvent WHERE {condition}")


def strings(lab: Rehearsal, machine: str, condition: str) -> list[str]:
    """InsertionStrings of the first record, as they come over the wire."""
    wql = f"SELECT InsertionStrings FROM Win32_NTLogEvent WHERE {escape(condition)}"
    inner = (
        "<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements>"
        f'<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{wql}</w:Filter>'
    )
    envelope = request_envelope(f"{ENUMERATION}/Enumerate", f"{WMI}root/cimv2/*", f"<n:Enumerate>{inner}</n:Enumerate>")
    return re.findall("<InsertionStrings>([^<]*)</InsertionStrings>", lab.send(machine, envelope).body.decode())


def test_a_client_logs_each_request_and_each_answer() -> None:
    rows = records(asked(), "srv1", f"{APPLICATION} AND SourceName = '{SPP}'")
    assert [(row["EventCode"], row["TimeGenerated"]) for row in rows] == [
        ("900", "2026-01-01T11:00:00Z"),
        ("12288", "2026-01-01T12:00:00Z"),
        ("12289", "2026-01-01T12:00:00Z"),
        ("12288", "2026-01-01T13:00:00Z"),
        ("12289", "2026-01-01T13:00:00Z"),
    ]
    assert [int(str(row["RecordNumber"])) for row in rows] == [4713, 4714, 4715, 4716, 4717]


def test_the_number_of_an_event_does_not_tell_who_wrote_it() -> None:
    rows = records(asked(), "srv1", f"{APPLICATION} AND EventCode = 12289")
    assert [(row["SourceName"], row["EventType"]) for row in rows] == [("VSS", "1"), (SPP, "3"), (SPP, "3")]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("TimeGenerated >= '20260101123000.000000+000'", 2),
        ("TimeGenerated >= '20260101143000.000000+120'", 2),
        ("RecordNumber > 4716", 1),
        ("RecordNumber > 1 AND EventCode = 12288", 2),
        ("RecordNumber > 1 AND (EventCode = 12288 OR EventCode = 12321)", 2),
        ("TimeGenerated >= '20260101140000.000000+000'", 0),
    ],
)
def test_a_query_is_bounded_by_log_number_and_time(condition: str, count: int) -> None:
    lab = asked()
    wql = f"Logfile = 'Application' AND SourceName = '{SPP}' AND {condition}"
    assert len(records(lab, "srv1", wql)) == count
    assert lab.waited == []


def test_the_log_of_the_host_is_numbered_on_its_own() -> None:
    rows = records(asked(), "kms01", HOST)
    assert [(row["EventCode"], row["RecordNumber"]) for row in rows] == [("12290", "4712"), ("12290", "4713")]


def test_the_strings_have_the_documented_forms() -> None:
    lab = asked()
    (request,) = strings(lab, "srv1", f"{APPLICATION} AND EventCode = 12288 AND RecordNumber < 4716")
    cmid, product = machine_state(lab, "srv1")["cmid"], machine_state(lab, "srv1")["products"][0]["activation_id"]
    assert request == (
        f"0x00000000, 0x00000000, kms01.corp.example.test:1688, {cmid}, 2026/01/01 12:00, 0, 5, 0, {product}, 5"
    )
    answer = strings(lab, "srv1", f"{APPLICATION} AND EventCode = 12289 AND RecordNumber = 4715")
    assert answer == ["0xC004F038, 0x04000000, 0, 0, 1, 120, 10080, 2026/01/01 12:00"]
    text, *fields = strings(lab, "kms01", f"{HOST} AND RecordNumber = 4712")
    assert fields == ["0x0", "5", "srv1.corp.example.test", cmid, "2026/1/1 12:00", "0", "5", "0", product]
    assert text == ",".join(fields)


@pytest.mark.parametrize(
    ("dialect", "machine", "condition", "count"),
    [
        ("event-12290-fields", "kms01", f"{HOST} AND RecordNumber = 4712", 9),
        ("event-12290-text", "kms01", f"{HOST} AND RecordNumber = 4712", 1),
        ("event-client-fields", "srv1", f"{APPLICATION} AND RecordNumber = 4714", 10),
        ("event-client-fields", "srv1", f"{APPLICATION} AND RecordNumber = 4715", 8),
    ],
)
def test_a_dialect_has_as_many_strings_as_it_says(dialect: str, machine: str, condition: str, count: int) -> None:
    assert len(strings(asked(dialect), machine, condition)) == count


def test_the_last_field_of_12288_may_be_empty() -> None:
    (text,) = strings(asked("event-12288-without-count"), "srv1", f"{APPLICATION} AND RecordNumber = 4714")
    assert text.endswith(", ")
    assert len(text.split(", ")) == 10


def test_messages_and_types_are_in_the_language_of_the_machine() -> None:
    lab = company(
        servers=0,
        windows_11=0,
        **{f"pc{n}": {"os": "windows-11-enterprise", "language": name} for n, name in enumerate(languages())},
    )
    heard = set()
    for number in range(len(languages())):
        failure(lab, f"pc{number}")
        lab.invoke_service(f"pc{number}", "SetKeyManagementServiceMachine", {"MachineName": "nowhere.example.test"})
        failure(lab, f"pc{number}")
        wql = f"SELECT Message, Type FROM Win32_NTLogEvent WHERE {APPLICATION} AND EventCode = 12288"
        (row,) = lab.query(f"pc{number}", wql)
        assert "nowhere.example.test:1688" in str(row["Message"])
        heard.add((str(row["Message"]).partition("0x")[0], row["Type"]))
    assert len(heard) == len(languages()) == 5


def test_a_message_may_be_missing() -> None:
    wql = f"SELECT Message FROM Win32_NTLogEvent WHERE {APPLICATION}"
    assert {row["Message"] for row in asked("event-message-nil").query("srv1", wql)} == {None}


@pytest.mark.parametrize(
    "condition",
    [
        "",
        " WHERE Logfile = 'Application'",
        " WHERE EventCode = 12288 AND RecordNumber > 1",
        " WHERE Logfile = 'Application' AND RecordNumber < 9999",
        " WHERE Logfile = 'Application' OR RecordNumber > 1",
    ],
)
def test_a_query_that_reads_every_record_outlasts_the_operation_timeout(condition: str) -> None:
    lab = asked()
    with pytest.raises(RehearsedFault) as caught:
        lab.query("srv1", f"SELECT EventCode FROM Win32_NTLogEvent{condition}")
    assert (caught.value.code, lab.waited) == (0x80338029, [60.0])


def test_a_slow_log_is_slow_however_it_is_asked() -> None:
    lab = asked()
    lab.site.set("srv1", "slow_events_seconds", "20")
    assert records(lab, "srv1", APPLICATION)
    assert lab.waited == [20.0]
    lab.site.set("srv1", "slow_events_seconds", "61")
    with pytest.raises(RehearsedFault) as caught:
        records(lab, "srv1", APPLICATION)
    assert caught.value.code == 0x80338029


def test_a_host_logs_at_each_start_that_it_cannot_publish_itself() -> None:
    lab = asked()
    for method in ("StopService", "StartService"):
        lab.invoke("kms01", "Win32_Service", method, None, {"Name": "sppsvc"})
    assert len(records(lab, "kms01", f"{APPLICATION} AND EventCode = 12293 AND EventType = 1")) == 2
    lab.invoke_service("kms01", "DisableKeyManagementServiceDnsPublishing", {"DisablePublishing": "true"})
    for method in ("StopService", "StartService"):
        lab.invoke("kms01", "Win32_Service", method, None, {"Name": "sppsvc"})
    assert len(records(lab, "kms01", f"{APPLICATION} AND EventCode = 12293")) == 2
    assert strings(lab, "kms01", f"{APPLICATION} AND EventCode = 12293") == ["0x8007232D", "corp.example.test"]
