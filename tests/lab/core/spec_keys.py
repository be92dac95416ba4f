# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a site file: those that machines start with, and those that the activation service knows."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .catalogue import KMS_HOST_PREFIX, MAK, OFFICE_HOST, OFFICE_MAK, OPERATING_SYSTEMS, RETAIL
from .office import HOST_PREFIX, OfficeProduct, office_products, office_releases
from .product_key import KeyMark, mark_key
from .site_checks import SiteError, boolean_of, check_names, choice_of, count_of, list_of, mapping_of, text_of

GVLK, RETAIL_FORM, OEM_FORM, AVMA_FORM, ESU, M365 = "gvlk", "retail", "oem_dm", "avma", "esu", "m365"
NO_KEY = "none"
_CHANNELS = (GVLK, RETAIL_FORM, OEM_FORM, AVMA_FORM)
_OFFICE_CHANNELS = (GVLK, RETAIL_FORM, NO_KEY)
_PRODUCT_KINDS = (ESU, M365)
_KINDS = ("mak", "kms_host", "retail", ESU)


@dataclass(frozen=True, slots=True)
class InstalledKey:
    """A product that a machine starts with. `mark` is None for what `form` makes up: all but a key.

    `office` is a product of Office, `office_host` the year of an Office host row, `is_esu` an add-on with a key of its
    own; for these `form` may be "none".
    """

    mark: KeyMark | None
    activated: bool
    form: str = GVLK
    office: OfficeProduct | None = None
    office_host: str = ""
    is_esu: bool = False


@dataclass(frozen=True, slots=True)
class MicrosoftKey:
    """A key of the simulated activation service, with its limits; the key itself is not kept.

    `systems` are operating systems, or products of Office, or Office hosts (office-2021). `used` are activations spent
    before, by machine.
    """

    mark: KeyMark
    kind: str
    systems: frozenset[str]
    channel: str
    description: str
    activations: int
    hosts: int
    activations_per_host: int
    blocked: bool
    used: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def is_office(self) -> bool:
        """Whether it is a key of Office."""
        return self.channel in (OFFICE_MAK, OFFICE_HOST)


def installed_key(entry: t.Any, where: str) -> InstalledKey:
    """One of the `products` of a machine. Raises SiteError."""
    products = f"`products` of {where}"
    fields = mapping_of(entry, products)
    if "office" in fields:
        return _installed_office(fields, products, where)
    if "office_host" in fields:
        check_names(fields, ("office_host", "key", "activated"), products)
        year = choice_of(str(fields["office_host"]), office_releases(), "release of Office", products).year
        mark = _optional_mark(fields, where)
        activated = boolean_of(fields, "activated", False, where)
        return InstalledKey(mark, activated, GVLK if mark else NO_KEY, office_host=year)
    check_names(fields, ("key", "channel", "kind", "office", "office_host", "activated"), products)
    if fields.get("kind") == ESU and (fields.get("channel") == NO_KEY) != ("key" in fields):
        form = NO_KEY if "channel" in fields else GVLK
        activated = boolean_of(fields, "activated", False, where)
        return InstalledKey(_optional_mark(fields, where), activated, form, is_esu=True)
    given = [name for name in ("key", "channel", "kind") if name in fields]
    if len(given) != 1:
        raise SiteError(f"A product of {where} needs either `key`, or `channel`, or `kind`.")
    if given == ["key"]:
        return InstalledKey(_optional_mark(fields, where), boolean_of(fields, "activated", False, where))
    valid = _CHANNELS if given == ["channel"] else _PRODUCT_KINDS
    form = fields[given[0]]
    if form not in valid:
        raise SiteError(f"`{given[0]}` of a product of {where} is {form!r}; valid values are {', '.join(valid)}.")
    return InstalledKey(None, boolean_of(fields, "activated", form != GVLK, where), form)


def _installed_office(fields: Mapping[str, t.Any], products: str, where: str) -> InstalledKey:
    check_names(fields, ("office", "key", "channel", "activated"), products)
    office = choice_of(str(fields["office"]), office_products(), "product of Office", products)
    form = fields.get("channel", GVLK)
    if form not in _OFFICE_CHANNELS:
        valid = ", ".join(_OFFICE_CHANNELS)
        raise SiteError(f"`channel` of an Office of {where} is {form!r}; valid values are {valid}.")
    if "key" in fields and "channel" in fields:
        raise SiteError(f"An Office of {where} has either a `key` or a `channel`.")
    activated = boolean_of(fields, "activated", form == RETAIL_FORM, where)
    return InstalledKey(_optional_mark(fields, where), activated, form, office)


def _optional_mark(fields: Mapping[str, t.Any], where: str) -> KeyMark | None:
    return mark_of(fields["key"], f"a product of {where}") if "key" in fields else None


def microsoft_key(entry: t.Any, number: int) -> MicrosoftKey:
    """One of the keys that the simulated activation service knows. Raises SiteError."""
    where = f"entry {number} of `microsoft.keys`"
    fields = mapping_of(entry, where)
    check_names(
        fields,
        (
            "key",
            "kind",
            "for",
            "activations",
            "channel",
            "hosts",
            "activations_per_host",
            "description",
            "blocked",
            "used",
        ),
        where,
    )
    mark = mark_of(fields.get("key"), where)
    kind = text_of(fields, "kind", where)
    if kind not in _KINDS:
        raise SiteError(f"`kind` in {where} is {kind!r}; valid kinds are {', '.join(_KINDS)}.")
    names = [str(name) for name in list_of(fields.get("for"), f"`for` in {where}")]
    if not names:
        raise SiteError(f"`for` in {where} names no operating system.")
    used = mapping_of(fields.get("used", {}), f"`used` in {where}")
    channel = _office_channel(kind, names) or _windows_channel(kind, names, where)
    if "channel" in fields:
        channel = text_of(fields, "channel", where)
        if kind != "kms_host" or not channel.startswith(KMS_HOST_PREFIX):
            raise SiteError(
                f"`channel` in {where} is for host keys only and starts with {KMS_HOST_PREFIX}: {channel!r}."
            )
    return MicrosoftKey(
        mark,
        kind,
        frozenset(names),
        channel,
        str(fields.get("description", f"{kind} for {', '.join(names)}")),
        count_of(fields, "activations", 50, where),
        count_of(fields, "hosts", 6, where),
        count_of(fields, "activations_per_host", 10, where),
        boolean_of(fields, "blocked", False, where),
        {str(name): count_of(used, name, 0, f"`used` in {where}") for name in used},
    )


def _office_channel(kind: str, names: Iterable[str]) -> str | None:
    """The channel of a key that is for Office alone, None when it is not."""
    if kind == "mak" and set(names) <= set(office_products()):
        return OFFICE_MAK
    hosts = {f"{HOST_PREFIX}{year}" for year in office_releases()}
    return OFFICE_HOST if kind == "kms_host" and set(names) <= hosts else None


def _windows_channel(kind: str, names: Iterable[str], where: str) -> str:
    systems = [choice_of(name, OPERATING_SYSTEMS, "operating system", where) for name in names]
    return {"mak": MAK, ESU: MAK, "retail": RETAIL, "kms_host": systems[0].host_channel}[kind]


def mark_of(value: t.Any, where: str) -> KeyMark:
    """The mark of a key in a site file. Raises SiteError."""
    mark = mark_key(value) if isinstance(value, str) else None
    if mark is None:
        raise SiteError(
            f"The product key in {where} is not five groups of five characters of BCDFGHJKMNPQRTVWXY2346789. "
            "A made-up key repeats one letter in each of the first four groups."
        )
    return mark
