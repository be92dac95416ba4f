# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine's Application log tells about its KMS requests and, of a KMS host, about its SRV record.

Events 12288 (asked) and 12289 (answered) are a client's, 12293 (not published) and 12294 (published) are a host's. Only
numbers and names are read, never a message: messages are in the display language of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadReply,
    CimFault,
    OperationTimedOut,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession

from ._hresult import explain

REQUEST = 12288
RESPONSE = 12289
NOT_PUBLISHED = 12293
PUBLISHED = 12294

EVENT_PROPERTIES = ("EventCode", "InsertionStrings", "Logfile", "RecordNumber", "SourceName", "TimeGenerated")

#: One renewal interval and a day: what a healthy client has asked last is in it. More of the log costs more time.
DAYS = 8

# Source: Volume Activation 2.0 Operations Guide, status flags of 12288 and 12289.
_STATUS_FLAGS = {
    0x00000008: "OTHER_PC",
    0x01000000: "NO_BINDING_SERVER_REGISTRATION",
    0x02000000: "INVALID_REGISTRATION_DATA_TYPE",
    0x04000000: "NOT_ENOUGH_COUNT",
    0x08000000: "NOT_WINDOWS_SLP",
}

# Volume Shadow Copy uses 12293 too. Source: events.yaml, names of the provider that were seen.
_PUBLISHERS = ("security-spp", "security-licensing-slc", "software protection platform")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+", re.IGNORECASE | re.ASCII)

# The first field, wherever it stands: alone, at the start of a list, or behind words ("... Info: 0xC004F06C,5,...").
_FIRST_FIELD = re.compile(r"\b(?:0x[0-9a-f]{1,8})\b", re.IGNORECASE | re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,10}", re.ASCII)
# With and without leading zeros (both are in Microsoft's samples), with any separator of a date.
_TIME = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2}) (\d{1,2}):(\d{2})(?::\d{2})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class KmsResponse:
    """Event 12289: what a KMS host answered. A field that the event lacks, or that cannot be read, is None."""

    recorded: datetime | None
    record_number: int
    code: int
    status_flags: tuple[str, ...]
    activated: bool | None
    current_count: int | None
    activation_interval: int | None
    renewal_interval: int | None
    client_time: datetime | None


@dataclass(frozen=True, slots=True)
class KmsRequest:
    """Event 12288: what a client asked a KMS host, and how that went. Minutes and UTC; None as in `KmsResponse`."""

    recorded: datetime | None
    record_number: int
    code: int
    status_flags: tuple[str, ...]
    kms_host: str | None
    kms_port: int | None
    cmid: str | None
    client_time: datetime | None
    virtual_machine: bool | None
    license_status: int | None
    minutes_to_expiration: int | None
    activation_id: str | None
    required_count: int | None
    response: KmsResponse | None = None


@dataclass(frozen=True, slots=True)
class KmsHistory:
    """The newest request of each licence, the newest first; None where nobody knows, and then `reason` says why."""

    requests: tuple[KmsRequest, ...] | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Publishing:
    """Event 12293 or 12294: how publishing the SRV record in a domain went; `code` is 0 where it succeeded."""

    event: int
    recorded: datetime | None
    record_number: int
    code: int | None
    domain: str | None


@dataclass(frozen=True, slots=True)
class PublishingHistory:
    """The newest attempt in each domain, the newest first; None where nobody knows, and then `reason` says why."""

    attempts: tuple[Publishing, ...] | None
    reason: str | None = None


def read_history(session: CimSession, now: datetime | None, days: int = DAYS) -> KmsHistory:
    """Ask the Application log for the last `days` days before `now`, the clock of the machine.

    A log that cannot be read in time, or at all, is no failure of the machine: the history is unknown, with a reason.
    """
    rows, reason = _read_log(session, now, days, (REQUEST, RESPONSE))
    return KmsHistory(None, reason) if rows is None else KmsHistory(newest_requests(rows))


def read_publishing(session: CimSession, now: datetime | None, days: int = DAYS) -> PublishingHistory:
    """The same for a host's attempts to publish its SRV record: at each start of its service, and once a day."""
    rows, reason = _read_log(session, now, days, (NOT_PUBLISHED, PUBLISHED))
    return PublishingHistory(None, reason) if rows is None else PublishingHistory(newest_attempts(rows))


def _read_log(
    session: CimSession, now: datetime | None, days: int, codes: Sequence[int]
) -> tuple[list[CimInstance] | None, str | None]:
    """The rows, or why there are none."""
    if now is None:
        return None, "The machine did not tell its clock, and without it the log cannot be bounded."
    try:
        return session.query(_query(now, days, codes)), None
    except (OperationTimedOut, TransportTimeout):
        return None, "The Application log was not read: the machine did not answer in time."
    except CimFault as fault:
        return None, f"The Application log could not be read: {_why(fault)}."


def newest_requests(rows: Iterable[CimInstance]) -> tuple[KmsRequest, ...]:
    """The newest request of each licence in rows of EVENT_PROPERTIES, each with its answer, the newest first.

    Rows that are no events of KMS are left out: other providers use these numbers too, so the form decides.
    """
    requests: list[KmsRequest] = []
    responses: list[KmsResponse] = []
    for row in rows:
        code = row.integer("EventCode")
        if code == REQUEST and (request := _request(row)):
            requests.append(request)
        elif code == RESPONSE and (response := _response(row)):
            responses.append(response)
    newest: dict[str | None, KmsRequest] = {}
    for request in sorted(requests, key=_age, reverse=True):
        newest.setdefault(request.activation_id, request)
    return tuple(replace(request, response=_answer(request, responses)) for request in newest.values())


def newest_attempts(rows: Iterable[CimInstance]) -> tuple[Publishing, ...]:
    """The newest attempt in each domain in rows of EVENT_PROPERTIES, the newest first."""
    newest: dict[str | None, Publishing] = {}
    attempts = (attempt for row in rows if (attempt := _publishing(row)))
    for attempt in sorted(attempts, key=_age, reverse=True):
        newest.setdefault(attempt.domain, attempt)
    return tuple(newest.values())


def _publishing(row: CimInstance) -> Publishing | None:
    """An attempt. Microsoft's samples have the code before the domain in a list, and behind it in words."""
    event = row.integer("EventCode")
    source = (row.text("SourceName") or "").lower()
    if event not in (NOT_PUBLISHED, PUBLISHED) or (source and not any(name in source for name in _PUBLISHERS)):
        return None
    text = ", ".join(row.strings("InsertionStrings"))
    code, domain = _FIRST_FIELD.search(text), _NAME.search(text)
    return Publishing(
        event=event,
        recorded=_moment(row),
        record_number=row.integer("RecordNumber") or 0,
        code=0 if event == PUBLISHED else int(code.group(), 16) if code else None,
        domain=domain.group().lower() if domain else None,
    )


def _query(now: datetime, days: int, codes: Sequence[int]) -> str:
    since = (now - timedelta(days=days)).astimezone(timezone.utc).strftime("%Y%m%d%H%M%S")
    numbers = " OR ".join(f"EventCode = {code}" for code in codes)
    return (
        f"SELECT {', '.join(EVENT_PROPERTIES)} FROM Win32_NTLogEvent WHERE Logfile = 'Application' "
        f"AND ({numbers}) AND TimeGenerated >= '{since}.000000+000'"
    )


def _why(fault: CimFault) -> str:
    known = explain(fault.code) if fault.code is not None else None
    if known is None:
        return fault.message.rstrip(".")
    return f"{known.meaning} ({known})" if known.meaning else str(known)


def _age(event: KmsRequest | KmsResponse | Publishing) -> tuple[datetime, int]:
    """By time, because record numbers begin again when a log is cleared; by number within the same second."""
    return (event.recorded or datetime.min.replace(tzinfo=timezone.utc), event.record_number)


def _answer(request: KmsRequest, responses: Sequence[KmsResponse]) -> KmsResponse | None:
    """The answer to `request`: both events hold the time stamp of the request, and the answer was written later."""
    answers = (
        response
        for response in responses
        if response.client_time == request.client_time and _age(response) > _age(request)
    )
    return min(answers, key=_age, default=None)


def _request(row: CimInstance) -> KmsRequest | None:
    fields = insertion_fields(row.strings("InsertionStrings"), 10)
    activation_id = _guid(fields[8])
    if not fields[0] or activation_id is None:
        return None
    host, port = _host_and_port(fields[2])
    virtual = _number(fields[5])
    return KmsRequest(
        recorded=_moment(row),
        record_number=row.integer("RecordNumber") or 0,
        code=int(fields[0], 16),
        status_flags=_flags(fields[1]),
        kms_host=host,
        kms_port=port,
        cmid=_guid(fields[3]),
        client_time=_client_time(fields[4]),
        virtual_machine=None if virtual is None else bool(virtual),
        license_status=_number(fields[6]),
        minutes_to_expiration=_number(fields[7]),
        activation_id=activation_id,
        required_count=_number(fields[9]),
    )


def _response(row: CimInstance) -> KmsResponse | None:
    fields = insertion_fields(row.strings("InsertionStrings"), 8)
    activated = _number(fields[2])
    if not fields[0] or activated not in (0, 1):
        return None
    return KmsResponse(
        recorded=_moment(row),
        record_number=row.integer("RecordNumber") or 0,
        code=int(fields[0], 16),
        status_flags=_flags(fields[1]),
        activated=bool(activated),
        current_count=_number(fields[4]),
        activation_interval=_number(fields[5]),
        renewal_interval=_number(fields[6]),
        client_time=_client_time(fields[7]),
    )


def insertion_fields(strings: Sequence[str], count: int) -> list[str]:
    """The `count` fields of an event of KMS, empty where there are fewer.

    Documented is one text with a comma list, with or without words before it and blanks in it; seen on newer systems
    is a field in each string, behind one string that nobody reads. Both are accepted, and both at once.
    Source: events.yaml (Volume Activation 2.0 Operations Guide, and four independent parsers)
    """
    text = ",".join(strings)
    first = _FIRST_FIELD.search(text)
    fields = [field.strip() for field in text[first.start() :].split(",")] if first else []
    return [*fields[:count], *[""] * (count - len(fields))]


def _moment(row: CimInstance) -> datetime | None:
    try:
        return row.moment("TimeGenerated")
    except BadReply:
        return None


def _flags(field: str) -> tuple[str, ...]:
    value = int(field, 16) if _FIRST_FIELD.fullmatch(field) else 0
    return tuple(name for mask, name in _STATUS_FLAGS.items() if value & mask)


def _number(field: str) -> int | None:
    return int(field) if _NUMBER.fullmatch(field) else None


def _guid(field: str) -> str | None:
    found = field.strip("{}").lower()
    return found if _GUID.fullmatch(found) else None


def _host_and_port(field: str) -> tuple[str | None, int | None]:
    """`host:port`, `[IPv6]:port`, or a host alone."""
    host, colon, port = field.rpartition(":")
    number = _number(port)
    if not colon or number is None or (":" in host and not host.startswith("[")):
        return field.strip("[]") or None, None
    return host.strip("[]") or None, number


def _client_time(field: str) -> datetime | None:
    found = _TIME.fullmatch(field)
    if not found:
        return None
    year, month, day, hour, minute = (int(part) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=timezone.utc)
    except ValueError:
        return None
