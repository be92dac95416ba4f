# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The event logs of a machine, and how Win32_NTLogEvent shows them.

Source: events.yaml. A machine keeps an event as its source has it (12288 and 12289 as one text, 12290 as nine fields);
dialects change what InsertionStrings make of that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from .event_texts import event_level, event_text
from .machine import Event, Machine
from .values import CimValue

APPLICATION_LOG, KMS_LOG = "Application", "Key Management Service"
REQUEST_SENT, ANSWER_PROCESSED, HOST_REQUEST = 12288, 12289, 12290
PUBLISHING_FAILED, PUBLISHED, DIRECTORY, TOKEN_FAILED = 12293, 12294, 12308, 12321

_LEVELS = {PUBLISHING_FAILED: 1, TOKEN_FAILED: 2}
_INFORMATION = 3

#: Numbers of the first record: a log that has been in use is not numbered from 1.
_FIRST_RECORD = 4711

#: What the Application log has from before: (minutes ago, source or "" for licensing, event, type, strings). Volume
#: Shadow Copy has an event 12289 of its own, so the number alone does not tell who wrote it.
_OTHERS: tuple[tuple[int, str, int, int, tuple[str, ...]], ...] = (
    (90, "VSS", 12289, 1, ("CreateFileW", "0x80070005")),
    (60, "", 900, 3, ("caller=svchost.exe",)),
)


def log_token_failure(machine: Machine, now: datetime) -> None:
    """Activation by token without an issuance licence. Source: events.yaml, 12321."""
    machine.log(now, TOKEN_FAILED, APPLICATION_LOG, f"0x{machine.dialect.no_token_licence:08X}")


def log_instances(machine: Machine, now: datetime) -> Iterator[Mapping[str, CimValue]]:
    """Win32_NTLogEvent: every record of both logs, each log numbered on its own."""
    oldest = min((event.time for event in machine.events), default=now)
    numbers = dict.fromkeys((APPLICATION_LOG, KMS_LOG), _FIRST_RECORD)
    for minutes, source, code, level, strings in _OTHERS:
        numbers[APPLICATION_LOG] += 1
        event = Event(oldest - timedelta(minutes=minutes), code, APPLICATION_LOG, strings)
        yield _instance(machine, event, numbers[APPLICATION_LOG], source, level, strings)
    for event in machine.events:
        numbers[event.log] += 1
        level = _LEVELS.get(event.id, _INFORMATION)
        yield _instance(machine, event, numbers[event.log], "", level, _strings(machine, event))


def _instance(
    machine: Machine, event: Event, number: int, source: str, level: int, strings: Sequence[str]
) -> Mapping[str, CimValue]:
    written = machine.local_time(event.time).replace(microsecond=0)
    dialect = machine.dialect
    licensing = dialect.event_host_source if event.log == KMS_LOG else dialect.event_source
    message = None if source else event_text(machine.language, event.id, _joined(event))
    return {
        "Logfile": event.log,
        "RecordNumber": number,
        "EventCode": event.id,
        "EventIdentifier": 0x40040000 + event.id if level == _INFORMATION else 0xC0040000 + event.id,
        "EventType": level,
        "Type": event_level(machine.language, level),
        "SourceName": source or licensing,
        "InsertionStrings": list(strings) or None,
        "Message": message if dialect.event_message else None,
        "TimeGenerated": written,
        "TimeWritten": written,
        "ComputerName": machine.fqdn,
        "User": None,
        "Category": 0,
        "CategoryString": None,
    }


def _strings(machine: Machine, event: Event) -> tuple[str, ...]:
    """InsertionStrings as the dialect has them."""
    dialect = machine.dialect
    if event.id == HOST_REQUEST:
        fields, text = event.strings, _joined(event)
        forms = {"text_and_fields": (text, *fields), "fields": fields, "text": (text,)}
        return forms[dialect.event_12290_strings]
    if event.id == PUBLISHING_FAILED and dialect.event_12293_strings == "text":
        return (", ".join(event.strings),)
    if event.id not in (REQUEST_SENT, ANSWER_PROCESSED):
        return event.strings
    text = _client_text(machine, event)
    return tuple(text.split(", ")) if dialect.event_client_strings == "fields" else (text,)


def _client_text(machine: Machine, event: Event) -> str:
    (text,) = event.strings
    if event.id == REQUEST_SENT and machine.dialect.event_12288_without_count:
        return text.rpartition(", ")[0] + ", "
    return text


def _joined(event: Event) -> str:
    return ",".join(event.strings)
