# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints as people write them, what was found at them, and what to say about it. Pure values."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from .._errors import BadInput
from ._bind import Status

KMS_PORT: t.Final = 1688
#: What stands in an endpoint: a name or IPv4 address with a port or without, or an IPv6 address in brackets.
_BRACKETS = re.compile(r"\[(?P<host>[^\[\]]+)\](?::(?P<port>[^:]*))?")
_PLAIN = re.compile(r"(?P<host>[^:\[\]]+)(?::(?P<port>[^:]*))?")
_PORT = re.compile(r"[0-9]{1,5}")
_LONGEST_NAME = 254


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a KMS host should be. `addresses`, when they are known, save resolving the name."""

    host: str
    port: int
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str, port: int) -> Endpoint:
        """`kms01`, `kms01:1688`, `192.0.2.10:1688`, `2001:db8::10`, `[2001:db8::10]:1688`; `port` where none is given.

        A trailing dot makes no difference. Raises `BadInput`.
        """
        if not 1 <= port <= 0xFFFF:
            raise BadInput(f"The port {port} is not between 1 and 65535.")
        if _is_ipv6(text):
            return cls(text, port)
        found = _BRACKETS.fullmatch(text) or _PLAIN.fullmatch(text)
        if found is None or re.search(r"\s", text):
            raise _bad(text, "is neither a name nor an address, with or without a port")
        host, given = found["host"].rstrip("."), found["port"]
        if not host or len(host) > _LONGEST_NAME:
            raise _bad(text, "has no name, or one that is too long")
        if text.startswith("[") and not _is_ipv6(host):
            raise _bad(text, "has brackets around something that is not an IPv6 address")
        if host.startswith("_"):
            raise _bad(text, "is the name of SRV records; the module srv_info finds and checks what they name")
        if given is None:
            return cls(host, port)
        if not _PORT.fullmatch(given) or not 1 <= int(given) <= 0xFFFF:
            raise _bad(text, "has a port that is not a number between 1 and 65535")
        return cls(host, int(given))


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was found at one address. Times in milliseconds, None for a step that was not reached.

    `reason` is a clause whose subject is the address.
    """

    address: str
    status: Status
    reason: str
    connect_milliseconds: float | None = None
    answer_milliseconds: float | None = None

    def as_result(self) -> dict[str, t.Any]:
        """One item of an endpoint's `addresses`: builtins only."""
        return {
            "address": self.address,
            "status": self.status.value,
            "reason": self.reason,
            "public": is_public(self.address),
            "connect_milliseconds": self.connect_milliseconds,
            "answer_milliseconds": self.answer_milliseconds,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at one endpoint. `problem` says why it has no address to ask; else there are `sightings`."""

    endpoint: Endpoint
    sightings: tuple[Sighting, ...] = ()
    resolve_milliseconds: float | None = None
    problem: Sighting | None = None

    @property
    def best(self) -> Sighting:
        """The address that gets furthest. A client that is refused by one address tries the next."""
        order = list(Status)
        return self.problem or min(self.sightings, key=lambda each: order.index(each.status))

    def as_result(self) -> dict[str, t.Any]:
        """One item of the result's `endpoints`: builtins only."""
        return {
            "endpoint": str(self.endpoint),
            "host": self.endpoint.host,
            "port": self.endpoint.port,
            "status": self.best.status.value,
            "reason": self.best.reason,
            "resolve_milliseconds": self.resolve_milliseconds,
            "addresses": [sighting.as_result() for sighting in self.sightings],
        }


def is_public(address: str) -> bool:
    """Whether the internet routes this address: not private, loopback, link-local, shared, or for documentation.

    Source: IANA, special-purpose address registries, as Python has them.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_global and not parsed.is_multicast


def warnings_about(findings: Iterable[Finding]) -> list[str]:
    """What a user should know although the task did what it was asked to: two sentences at most."""
    found = list(findings)
    warnings = []
    exposed = [
        f"{finding.endpoint} ({sighting.address})"
        for finding in found
        for sighting in finding.sightings
        if is_public(sighting.address)
    ]
    if exposed:
        warnings.append(
            f"A KMS host must never be reachable from the internet, and these have public addresses: {_some(exposed)}. "
            "Publish internal addresses only, and let no firewall open the port to the outside."
        )
    if split := [said for finding in found if (said := _split(finding))]:
        warnings.append(f"Clients may ask any address of a name, and not all of these are KMS hosts: {_some(split)}.")
    return warnings


def _split(finding: Finding) -> str:
    """A name of which one address is a KMS host and another is not, with the latter; empty: it is not such a name.

    An address that this machine has no route to (IPv6, mostly) tells nothing about clients.
    """
    if Status.KMS not in {each.status for each in finding.sightings}:
        return ""
    bad = [each for each in finding.sightings if each.status not in (Status.KMS, Status.UNREACHABLE)]
    told = ", ".join(f"{each.address} {each.status.value}" for each in bad)
    return f"{finding.endpoint} ({told})" if told else ""


def _some(items: list[str]) -> str:
    """The first few of what may be a thousand."""
    shown, rest = items[:5], len(items) - 5
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _bad(text: str, why: str) -> BadInput:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return BadInput(f"The endpoint '{shown}' {why}.", operation="check the options", target=shown)
