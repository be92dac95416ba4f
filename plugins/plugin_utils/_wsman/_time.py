# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIM dates and intervals as they stand on the wire: ISO 8601 in UTC, or a DMTF string."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_DATETIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)
# Years and months have no length in days; CIM intervals never hold them.
_INTERVAL = re.compile(
    r"P(?=.)(?:([0-9]+)D)?(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?)?", re.ASCII
)
# Source: DSP0004, "5.2.4 Datetime type"
_DMTF_DATETIME = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})\.([0-9]{6})([+-][0-9]{3})")
_DMTF_INTERVAL = re.compile(r"([0-9]{8})([0-9]{2})([0-9]{2})([0-9]{2})\.([0-9]{6}):000")


def read_time(text: str) -> datetime | timedelta | str:
    """A date (in UTC, also where no zone is given) or an interval; `text` itself if it is neither.

    A fraction is cut at the microsecond. What Python's calendar cannot hold stays text.
    """
    try:
        return _read(text)
    except (ValueError, OverflowError):
        return text


def _read(text: str) -> datetime | timedelta | str:
    if found := _DATETIME.fullmatch(text):
        *fields, fraction, zone = found.groups()
        return _utc([int(field or 0) for field in fields], _microseconds(fraction), _zone_minutes(zone))
    if found := _INTERVAL.fullmatch(text):
        *fields, fraction = found.groups()
        return _interval([int(field or 0) for field in fields], _microseconds(fraction))
    if found := _DMTF_DATETIME.fullmatch(text):
        *fields, fraction, offset = found.groups()
        return _utc([int(field) for field in fields], int(fraction), int(offset))
    if found := _DMTF_INTERVAL.fullmatch(text):
        *fields, fraction = found.groups()
        return _interval([int(field) for field in fields], int(fraction))
    return text


def _utc(fields: list[int], microseconds: int, offset_minutes: int) -> datetime:
    year, month, day, hour, minute, second = fields
    local = datetime(year, month, day, hour, minute, second, microseconds, tzinfo=timezone.utc)
    return local - timedelta(minutes=offset_minutes)


def _interval(fields: list[int], microseconds: int) -> timedelta:
    days, hours, minutes, seconds = fields
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, microseconds=microseconds)


def _microseconds(fraction: str | None) -> int:
    return int((fraction or "0")[:6].ljust(6, "0"))


def _zone_minutes(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def write_datetime(moment: datetime) -> str:
    """ISO 8601 in UTC, the fraction without trailing zeros. A naive `moment` is a `ValueError`."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no meaning on another machine")
    text = moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat()
    return f"{text.rstrip('0') if '.' in text else text}Z"


def write_interval(interval: timedelta) -> str:
    """ISO 8601 with days, hours, minutes and seconds; a negative `interval` is a `ValueError`."""
    if interval < timedelta(0):
        raise ValueError("CIM intervals are never negative")
    minutes, seconds = divmod(interval.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{interval.microseconds:06}".rstrip("0") if interval.microseconds else ""
    return f"P{interval.days}DT{hours}H{minutes}M{seconds}{fraction}S"
