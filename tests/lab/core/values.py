# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIM values as WS-Management writes them, and back.

Source: wsman_examples/README.md, "Serialisation": null scalars are nil, null arrays are left out, an array of one looks
like a scalar, an empty string is an empty element, datetime is ISO 8601 in a Datetime element.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from xml.sax.saxutils import escape

from .clock import NO_DATE
from .dialect import STANDARD, Dialect

CimScalar = str | int | bool | datetime | None
CimValue = CimScalar | Sequence[CimScalar]

_CONTROL = re.compile("[\x00-\x1f]")

_RANGES = {
    "uint8": (0, 2**8 - 1),
    "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
    "sint16": (-(2**15), 2**15 - 1),
    "sint32": (-(2**31), 2**31 - 1),
}


def text_of(value: str) -> str:
    """Text for an element: escaped, control characters replaced by `?`. Source: MS-WSMV, product note 25."""
    return escape(_CONTROL.sub("?", value))


def datetime_text(value: datetime, dialect: Dialect = STANDARD) -> str:
    """ISO 8601 in UTC or with an offset, the fraction without trailing zeros and absent when zero."""
    if value == NO_DATE:
        return dialect.no_date
    moment = value.astimezone(timezone(timedelta(minutes=dialect.zone_minutes)))
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    hours, minutes = divmod(abs(dialect.zone_minutes), 60)
    sign = "-" if dialect.zone_minutes < 0 else "+"
    zone = f"{sign}{hours:02d}:{minutes:02d}" if dialect.zone_minutes else "Z"
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{fraction}{zone}"


def element(prefix: str, name: str, value: CimValue, *, is_array: bool = False, dialect: Dialect = STANDARD) -> str:
    """One property as XML; `prefix` is "p:" in typed rows and empty in an XmlFragment."""
    tag = f"{prefix}{name}"
    if value is None:
        return "" if is_array and dialect.null_array == "omitted" else f'<{tag} xsi:nil="true"/>'
    if isinstance(value, datetime):
        text = datetime_text(value, dialect)
        inner = "cim:Datetime" if prefix else "Datetime"
        return f"<{tag}><{inner}>{text}</{inner}></{tag}>" if text else f'<{tag} xsi:nil="true"/>'
    if isinstance(value, bool):
        return f"<{tag}>{'true' if value else 'false'}</{tag}>"
    if isinstance(value, int):
        return f"<{tag}>{value}</{tag}>"
    if isinstance(value, str):
        return f"<{tag}>{text_of(value)}</{tag}>" if value else f"<{tag}/>"
    return "".join(element(prefix, name, item, dialect=dialect) for item in value)


def plain_text(value: CimValue) -> str:
    """A scalar as a client writes it back; null and arrays are empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return datetime_text(value)
    return str(value) if isinstance(value, (str, int)) else ""


def scalar_from_text(text: str | None, cim_type: str) -> CimScalar:
    """A parameter or property that a client sent. Raises ValueError for text that is not of the type."""
    if text is None:
        return None
    if cim_type == "boolean":
        if text.strip().lower() not in ("true", "false", "1", "0"):
            raise ValueError(text)
        return text.strip().lower() in ("true", "1")
    if cim_type in _RANGES:
        number = int(text.strip())
        low, high = _RANGES[cim_type]
        if not low <= number <= high:
            raise ValueError(text)
        return number
    return text
