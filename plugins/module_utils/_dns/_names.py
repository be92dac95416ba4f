# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names as people write them, made into DNS names: zones, services, targets."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._errors import BadInput

try:
    import dns.exception
    import dns.name
except ImportError:  # `require_dnspython` says so in time
    pass

_HOST_LABEL = re.compile(rb"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?", re.IGNORECASE)
_SERVICE_LABEL = re.compile(rb"_[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.IGNORECASE)

#: Sharp s, final sigma and the two joiners become different names in IDNA 2003 and IDNA 2008.
_AMBIGUOUS_IN_IDNA = frozenset("\u00df\u03c2\u200c\u200d")


def parse_zone(text: str) -> dns.name.Name:
    """The zone's absolute name. A trailing dot makes no difference; `BadInput` unless it is the name of a zone."""
    zone = _parse(text, option="zone", origin=dns.name.root)
    if zone == dns.name.root:
        raise _bad("zone", text, "is the root of the DNS; name the zone that holds the records")
    return zone


def parse_service(text: str, zone: dns.name.Name) -> dns.name.Name:
    """The absolute name of the SRV records: `_service._protocol` in the zone.

    In a zone `_protocol...` the protocol is there already, whether it is written or not.

    Source: RFC 2782, "The format of the SRV RR".
    """
    name = _parse(text, option="service", origin=zone)
    if not name.is_subdomain(zone):
        raise _bad("service", text, f"lies outside the zone {zone}")
    relative = name.relativize(zone)
    if not text.endswith(".") and relative.is_subdomain(zone.relativize(dns.name.root)):
        raise _bad("service", text, f"repeats the zone; leave it out, or end the name with a dot ({text}.)")
    last = dns.name.Name(relative.labels[-1:])
    if not text.endswith(".") and domain_of(zone) != zone and last == dns.name.Name(zone.labels[:1]):
        name = dns.name.Name(relative.labels[:-1]).derelativize(zone)
    labels = name.labels[:-1]
    if len(labels) < 2 or not all(_SERVICE_LABEL.fullmatch(label) for label in labels[:2]):
        raise _bad("service", text, "does not begin with a service and a protocol, such as _vlmcs._tcp")
    return name


def parse_target(text: str, zone: dns.name.Name) -> dns.name.Name:
    """The absolute name of a machine. One label alone is in the zone's domain, anything else is absolute.

    Underscores are let through, since Windows has machines with them. Source: RFC 952 and 1123, "Host names".
    """
    if is_address(text):
        raise _bad("target", text, "is an address; SRV records point to names")
    relative = "." not in text.rstrip(".") and not text.endswith(".")
    name = _parse(text, option="target", origin=domain_of(zone) if relative else dns.name.root)
    if name == dns.name.root:
        raise _bad("target", text, "is the root of the DNS; name a machine")
    for label in name.labels[:-1]:
        if not _HOST_LABEL.fullmatch(label):
            raise _bad("target", text, f"has the part '{label.decode('ascii', 'replace')}', which no machine can have")
    return name


def domain_of(zone: dns.name.Name) -> dns.name.Name:
    """The domain whose machines and services a zone holds: the zone, or, of a zone `_tcp.a.test`, `a.test`."""
    return zone.parent() if zone.labels[0].startswith(b"_") else zone


def parse_key_name(text: str) -> dns.name.Name:
    """The name of a TSIG key, which is written like any other name and always absolute."""
    return _parse(text, option="tsig_name", origin=dns.name.root)


def _parse(text: str, *, option: str, origin: dns.name.Name) -> dns.name.Name:
    if not text or text != text.strip() or re.search(r"[\s\\\"]", text):
        raise _bad(option, text, "is empty, or holds blanks, quotes or backslashes")
    if _AMBIGUOUS_IN_IDNA & set(text):
        raise _bad(option, text, "holds a character that IDNA 2003 and 2008 encode differently; write its xn-- form")
    try:
        return dns.name.from_text(text, origin=origin, idna_codec=dns.name.IDNA_2003)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise _bad(option, text, f"is not a DNS name ({_reason(text, error)})") from error


def _reason(text: str, error: Exception) -> str:
    """Why dnspython refused a name, to be put into a sentence: "a DNS label is empty"."""
    if not text.isascii():
        return "a label of it is empty, too long, or has no form in IDNA"
    said = str(error).rstrip(".")
    return said[:1].lower() + said[1:]


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address, in brackets or not."""
    try:
        ipaddress.ip_address(text.strip("[]").rstrip("."))
    except ValueError:
        return False
    return True


def _bad(option: str, text: str, why: str) -> BadInput:
    shown: t.Final = text if len(text) <= 80 else text[:77] + "..."
    return BadInput(f"The {option} '{shown}' {why}.", operation="check the options", target=shown)
