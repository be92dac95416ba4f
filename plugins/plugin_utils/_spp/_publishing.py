# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The further DNS domains into which a KMS host publishes its SRV record, beside its own.

That the domain of the host itself is published too when there is a list is what one page of Microsoft says, and another
says the opposite: list it explicitly where it matters. Source: kms_rules.yaml, DnsDomainPublishList
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from ._plan import DELETE_VALUE, SET_VALUE, Change, RegistryTarget
from ._registry import Registry
from ._registry_levels import SPP_KEY

PUBLISH_LIST = "DnsDomainPublishList"

_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")
_LARGEST = 0xFFFF


@dataclass(frozen=True, slots=True)
class PublishDomain:
    """A domain, and the priority and weight of the record in it."""

    domain: str
    priority: int = 0
    weight: int = 0

    def __str__(self) -> str:
        return f"{self.domain}, {self.priority}, {self.weight}"


def desired_domains(options: Iterable[Mapping[str, t.Any]] | None) -> tuple[PublishDomain, ...] | None:
    """The option `publish_domains`: None leaves the list alone, an empty one clears it. Raises BadInput."""
    if options is None:
        return None
    domains = [_checked(PublishDomain(_folded(each["domain"]), each["priority"], each["weight"])) for each in options]
    names = [each.domain for each in domains]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise _bad(f"publish_domains has {twice} more than once", "Name each domain once.")
    return tuple(domains)


def read_domains(registry: Registry) -> tuple[PublishDomain, ...]:
    """The list of a machine; one request."""
    return parse_lines(registry.strings(SPP_KEY, PUBLISH_LIST) or ())


def parse_lines(lines: Iterable[str]) -> tuple[PublishDomain, ...]:
    """Lines 'domain, priority, weight', of which the numbers may be missing; what is no number counts as 0."""
    domains = []
    for line in lines:
        name, priority, weight, *_rest = [*(field.strip() for field in line.split(",")), "", ""]
        if name:
            domains.append(PublishDomain(_folded(name), _number(priority), _number(weight)))
    return tuple(domains)


def plan_domains(current: tuple[PublishDomain, ...], desired: tuple[PublishDomain, ...]) -> Iterator[Change]:
    """From one list to the other, in whatever order. The host reads it when its service starts (like the port)."""
    if set(current) == set(desired):
        return
    lines = tuple(str(each) for each in desired)
    yield Change(
        SET_VALUE if desired else DELETE_VALUE,
        RegistryTarget(SPP_KEY, PUBLISH_LIST),
        "publish_domains",
        before="; ".join(str(each) for each in current) or None,
        after="; ".join(lines) or None,
        arguments={"value": lines} if desired else {},
    )


def _checked(domain: PublishDomain) -> PublishDomain:
    if not _DOMAIN.fullmatch(domain.domain):
        raise _bad(f"publish_domains has {domain.domain!r}, which is no DNS domain", "Write it as corp.example.test.")
    for name, value in (("priority", domain.priority), ("weight", domain.weight)):
        if not 0 <= value <= _LARGEST:
            raise _bad(f"publish_domains has {name} {value} for {domain.domain}", f"It is from 0 to {_LARGEST}.")
    return domain


def _bad(what: str, hint: str) -> BadInput:
    return BadInput(f"{what}. Nothing was changed. {hint}", target="publish_domains", hint=hint)


def _folded(name: str) -> str:
    return name.strip().rstrip(".").lower()


def _number(field: str) -> int:
    return int(field) if field.isascii() and field.isdecimal() else 0
