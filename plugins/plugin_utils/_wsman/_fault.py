# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SOAP faults of WS-Management and WMI, in all their shapes, as one typed error with the most specific HRESULT.

The detail of a fault is nothing; or `f:WSManFault`; or that with an `f:ProviderFault` that holds another
`f:WSManFault`, an `__ExtendedStatus` or plain text; or an `MSFT_WmiError`. Codes are decimal, hexadecimal in a
sentence ("HRESULT 0x..."), or negative decimal. All of them are read, because a transport code often wraps the one
that says what went wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault, OperationTimedOut

from ._namespaces import SOAP, WSMAN_FAULT, Name
from ._xml import child, child_text, local_name

TIMED_OUT = 0x80338029
LONGEST_MESSAGE = 2000

_WSMAN_FAULT = Name(WSMAN_FAULT, "WSManFault").clark
# Codes that say only that something below failed: WBEM_E_FAILED, WBEM_E_PROVIDER_FAILURE, E_FAIL, E_UNEXPECTED.
_UNSPECIFIC = frozenset({0x80041001, 0x80041004, 0x80004005, 0x8000FFFF})
# E_ACCESSDENIED, WBEM_E_ACCESS_DENIED, and ERROR_WSMAN_WMI_ACCESS_DENIED of service, provider and connection.
_ACCESS_DENIED = frozenset({0x80070005, 0x80041003, 0x80338104, 0x80338105, 0x80338106})
_ACCESS_HINT = (
    "The account must be an administrator of that machine. Windows takes this right away from local accounts over the "
    "network unless LocalAccountTokenFilterPolicy is 1; a domain account keeps it."
)
_FACILITY_WSMAN = 0x8033
_FACILITY_WIN32 = 0x8007
_HRESULT_IN_TEXT = re.compile(r"\b0x([89A-F][0-9A-F]{7})\b|(?<![\w.-])-([0-9]{8,10})\b", re.IGNORECASE | re.ASCII)
_QUALIFIED_NAME = re.compile(r"(?:[A-Za-z_][\w.-]{0,31}:)?[A-Za-z_][\w.-]{0,63}", re.ASCII)
# With hyphens in any case and any alphabet; run together only in the alphabet of keys, or long words would match.
_PRODUCT_KEY = re.compile(
    "(?<![0-9A-Za-z])(?:(?:[0-9A-Za-z]{5} ?[-\u2010-\u2015\u2212] ?){4}([0-9A-Za-z]{5})"
    "|[2-46-9BCDFGHJKMNPQRTVWXY]{20}([2-46-9BCDFGHJKMNPQRTVWXY]{5}))(?![0-9A-Za-z])"
)


def find_fault(body: Element) -> Element | None:
    """The `s:Fault` of a SOAP body, or None."""
    return child(body, Name(SOAP, "Fault"))


def read_fault(fault: Element, *, operation: str, target: str) -> CimFault:
    """The error that `fault` reports about `operation` on `target`: a `CimFault`, or its subclass for a timeout."""
    subcode = _subcode(fault)
    wsman_codes = [code for element in fault.iter(_WSMAN_FAULT) if (code := _hresult(element.get("Code")))]
    codes = [*_wmi_codes(fault), *reversed(wsman_codes), *_codes_in_texts(fault)]
    condition = (subcode or "").rpartition(":")[2]
    timed_out = condition == "TimedOut" or TIMED_OUT in codes
    access_denied = condition == "AccessDenied" or not _ACCESS_DENIED.isdisjoint(codes)
    error = OperationTimedOut if timed_out else CimFault
    return error(
        _message(fault),
        code=min(codes, key=_vagueness, default=TIMED_OUT if timed_out else None),
        wsman_code=wsman_codes[0] if wsman_codes else None,
        subcode=subcode,
        operation=operation,
        target=target,
        hint=_ACCESS_HINT if access_denied else None,
    )


def mask_product_keys(text: str) -> str:
    """`text` with everything that looks like a product key reduced to its last five characters."""
    return _PRODUCT_KEY.sub(lambda found: f"*****-*****-*****-*****-{found[1] or found[2]}", text)


def _wmi_codes(fault: Element) -> Iterator[int]:
    """Codes of `MSFT_WmiError` and `__ExtendedStatus`, whose namespaces differ from Windows to Windows."""
    for element in fault.iter():
        if local_name(element) == "MSFT_WmiError":
            values = {local_name(item): (item.text or "").strip() for item in element}
            if values.get("error_Type", "").upper() in {"", "HRESULT"} and (code := _hresult(values.get("error_Code"))):
                yield code
            yield from _codes_in(values.get("MessageID", ""))
        elif local_name(element) == "StatusCode" and (code := _hresult(element.text)):
            yield code


def _codes_in_texts(fault: Element) -> Iterator[int]:
    # The deepest text is the nearest to what failed.
    for text in reversed(list(_texts(fault))):
        yield from _codes_in(text)


def _codes_in(text: str) -> Iterator[int]:
    for hexadecimal, decimal in _HRESULT_IN_TEXT.findall(text):
        code = int(hexadecimal, 16) if hexadecimal else 2**32 - int(decimal)
        if 0x80000000 <= code < 2**32:
            yield code


def _vagueness(code: int) -> int:
    if code >> 16 == _FACILITY_WSMAN:
        return 2
    return 1 if code in _UNSPECIFIC else 0


def _hresult(text: str | None) -> int | None:
    """A code as an unsigned HRESULT; None for none, and for zero.

    Old servers send the low word of a WS-Management code, and plain Windows errors come without their facility.
    Source: [MS-WSMV], "4.10" (Code 32768); winerror.h, HRESULT_FROM_WIN32
    """
    try:
        code = int(text or "0") & 0xFFFFFFFF
    except ValueError:
        return None
    if 0 < code < 0x8000:
        return _FACILITY_WIN32 << 16 | code
    if 0x8000 <= code < 0x10000:
        return _FACILITY_WSMAN << 16 | code
    return code or None


def _subcode(fault: Element) -> str | None:
    code = child(fault, Name(SOAP, "Code"))
    inner = None if code is None else child(code, Name(SOAP, "Subcode"))
    text = None if inner is None else child_text(inner, Name(SOAP, "Value"))
    return text if text and _QUALIFIED_NAME.fullmatch(text) else None


def _texts(fault: Element) -> Iterator[str]:
    """What the fault says to people, from the outside in. Parameters aren't read: they may hold a product key."""
    reason = child(fault, Name(SOAP, "Reason"))
    for element in () if reason is None else reason.iterfind(Name(SOAP, "Text").clark):
        yield element.text or ""
    for element in fault.iter():
        if local_name(element) in {"Message", "ProviderFault", "Description"}:
            yield element.text or ""


def _message(fault: Element) -> str:
    printable = ("".join(c if c.isprintable() else " " for c in text) for text in _texts(fault))
    folded = (" ".join(text.split()) for text in printable)
    text = mask_product_keys(next(filter(None, folded), "The machine reported a fault without a text."))
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}..."
