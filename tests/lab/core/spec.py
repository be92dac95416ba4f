# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site file: which machines, which keys, which behaviour.

    domain: corp.example.test                # required
    dns: {...}                               # the shell's business, handed through unread
    account: {...}                           # the shell's business, handed through unread
    machines:                                # required; `win[001:024]` is a range with leading zeros kept
      kms01: {os: windows-server-2022-datacenter}
      win[001:024]:
        os: windows-11-enterprise            # required
        language: [en-US, de-DE]             # one language, or a list that is cycled over the range; default en-US
        groups: [kms_clients]                # groups of the inventory
        products:                            # left out: the edition's GVLK, not activated, as volume media leave it
          - {key: BBBBB-CCCCC-DDDDD-FFFFF-MKWNH, activated: true}     # an activation that is already spent
          - {channel: gvlk}                  # the published key of the edition, without writing it down
          - {channel: retail}                # a retail or an oem_dm licence; as the next two `activated` unless told
          - {kind: esu}                      # an add-on for extended security updates, beside Windows' own licence
          - {kind: m365}                     # Microsoft 365 Apps: a subscription licence of Office (not on Windows 7)
        dialects: [dates-1601-nil]           # names of `dialects.DIALECTS` for these machines, on top of the site's
    microsoft:
      keys:                                  # what the simulated activation service knows
        - {key: ..., kind: mak, for: [windows-11-enterprise], activations: 100, description: text, blocked: false}
        - {key: ..., kind: kms_host, for: [...], channel: VOLUME_KMS_WS22, hosts: 6, activations_per_host: 10}
        - {key: ..., kind: retail, for: [...]}
    behaviour:
      background_activation_seconds: null    # after a key change the service activates by itself, n seconds later
      products_without_key: 300              # licence rows without a key, as every real machine has
      dialects: [first-response-empty]       # names of `dialects.DIALECTS`, combined
      fault_shape: 2                         # any field of `Dialect` with a plain value; it wins over `dialects`

Every mistake is a `SiteError` with one sentence: what, where, and which names are valid.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .catalogue import KMS_HOST_PREFIX, MAK, OPERATING_SYSTEMS, RETAIL, OperatingSystem, languages
from .dialect import STANDARD, Dialect
from .dialects import DIALECTS, Contradiction, speak
from .product_key import KeyMark, mark_key

_RANGE = re.compile(r"(.*?)\[(\d+):(\d+)\](.*)")
_MACHINE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
GVLK, RETAIL_FORM, OEM_FORM, ESU, M365 = "gvlk", "retail", "oem_dm", "esu", "m365"
_CHANNELS = (GVLK, RETAIL_FORM, OEM_FORM)
_PRODUCT_KINDS = (ESU, M365)
_KINDS = ("mak", "kms_host", "retail")


class SiteError(Exception):
    """The site file or a `lab set` is wrong: one sentence for its author."""


@dataclass(frozen=True, slots=True)
class InstalledKey:
    """A key that a machine starts with. `mark` is None for what `form` makes up: GVLK, retail, oem_dm, esu, m365."""

    mark: KeyMark | None
    activated: bool
    form: str = GVLK


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """One simulated machine. `products` None: what volume media leave behind."""

    name: str
    os: OperatingSystem
    language: str = "en-US"
    groups: tuple[str, ...] = ()
    products: tuple[InstalledKey, ...] | None = None
    dialect: Dialect = STANDARD


@dataclass(frozen=True, slots=True)
class MicrosoftKey:
    """A key of the simulated activation service, with its limits; the key itself is not kept."""

    mark: KeyMark
    kind: str
    systems: frozenset[str]
    channel: str
    description: str
    activations: int
    hosts: int
    activations_per_host: int
    blocked: bool


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the site behaves where sites differ."""

    background_activation_seconds: float | None = None
    products_without_key: int = 300
    dialect: Dialect = STANDARD


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A checked site file. `dns` and `account` are handed to the shell as they are."""

    domain: str
    machines: tuple[MachineSpec, ...]
    keys: tuple[MicrosoftKey, ...]
    behaviour: Behaviour
    dns: Mapping[str, t.Any]
    account: Mapping[str, t.Any]


def parse_site(document: Mapping[str, t.Any]) -> SiteSpec:
    """Check a loaded site file and expand its ranges. Raises SiteError."""
    where = "the site file"
    top = _mapping(document, where)
    _known(top, ("domain", "dns", "account", "machines", "microsoft", "behaviour"), where)
    domain = _text(top, "domain", where).lower()
    if _DOMAIN.fullmatch(domain) is None:
        raise SiteError(f"`domain` in {where} is not a DNS domain: {domain!r}.")
    behaviour = _behaviour(_mapping(top.get("behaviour", {}), "`behaviour`"))
    machines = tuple(_machines(_mapping(top.get("machines"), "`machines`"), behaviour.dialect))
    if not machines:
        raise SiteError("`machines` in the site file names no machine.")
    microsoft = _mapping(top.get("microsoft", {}), "`microsoft`")
    _known(microsoft, ("keys",), "`microsoft`")
    keys = tuple(
        _key(entry, number) for number, entry in enumerate(_list(microsoft.get("keys", []), "`microsoft.keys`"), 1)
    )
    known = {key.mark.sha256 for key in keys}
    if len(known) != len(keys):
        raise SiteError("`microsoft.keys` names one product key twice.")
    return SiteSpec(
        domain,
        machines,
        keys,
        behaviour,
        _mapping(top.get("dns") or {}, "`dns`"),
        _mapping(top.get("account") or {}, "`account`"),
    )


def expand_range(name: str) -> list[str]:
    """`win[001:003]` -> win001, win002, win003; a name without brackets is itself."""
    match = _RANGE.fullmatch(name)
    if match is None:
        return [name]
    before, first, last, after = match.groups()
    if int(first) > int(last):
        raise SiteError(f"The range in the machine name {name!r} runs backwards.")
    return [f"{before}{number:0{len(first)}d}{after}" for number in range(int(first), int(last) + 1)]


def _machines(document: Mapping[str, t.Any], dialect: Dialect) -> Iterable[MachineSpec]:
    seen: set[str] = set()
    for pattern, entry in document.items():
        where = f"machine {pattern!r}"
        fields = _mapping(entry, where)
        _known(fields, ("os", "language", "groups", "products", "dialects"), where)
        system = _choice(_text(fields, "os", where), OPERATING_SYSTEMS, "operating system", where)
        spoken = fields.get("language", "en-US")
        cycle = [_language(item, where) for item in (spoken if isinstance(spoken, list) else [spoken])]
        groups = tuple(str(group) for group in _list(fields.get("groups", []), f"`groups` of {where}"))
        products = fields.get("products")
        installed = None
        if products is not None:
            installed = tuple(_installed(item, where) for item in _list(products, f"`products` of {where}"))
        spoken_here = _dialect(dialect, fields.get("dialects", []), where)
        for position, name in enumerate(expand_range(str(pattern))):
            if _MACHINE_NAME.fullmatch(name) is None:
                raise SiteError(f"{name!r} is not a machine name: lower case letters, digits and hyphens, up to 63.")
            if name in seen:
                raise SiteError(f"The machine {name!r} is named twice in `machines`.")
            seen.add(name)
            yield MachineSpec(name, system, cycle[position % len(cycle)], groups, installed, spoken_here)


def _installed(entry: t.Any, where: str) -> InstalledKey:
    fields = _mapping(entry, f"`products` of {where}")
    _known(fields, ("key", "channel", "kind", "activated"), f"`products` of {where}")
    given = [name for name in ("key", "channel", "kind") if name in fields]
    if len(given) != 1:
        raise SiteError(f"A product of {where} needs either `key`, or `channel`, or `kind`.")
    if given == ["key"]:
        return InstalledKey(_mark(fields["key"], f"a product of {where}"), _boolean(fields, "activated", False, where))
    valid = _CHANNELS if given == ["channel"] else _PRODUCT_KINDS
    form = fields[given[0]]
    if form not in valid:
        raise SiteError(f"`{given[0]}` of a product of {where} is {form!r}; valid values are {', '.join(valid)}.")
    return InstalledKey(None, _boolean(fields, "activated", form != GVLK, where), form)


def _key(entry: t.Any, number: int) -> MicrosoftKey:
    where = f"entry {number} of `microsoft.keys`"
    fields = _mapping(entry, where)
    _known(
        fields,
        ("key", "kind", "for", "activations", "channel", "hosts", "activations_per_host", "description", "blocked"),
        where,
    )
    mark = _mark(fields.get("key"), where)
    kind = _text(fields, "kind", where)
    if kind not in _KINDS:
        raise SiteError(f"`kind` in {where} is {kind!r}; valid kinds are {', '.join(_KINDS)}.")
    names = [str(name) for name in _list(fields.get("for"), f"`for` in {where}")]
    if not names:
        raise SiteError(f"`for` in {where} names no operating system.")
    systems = [_choice(name, OPERATING_SYSTEMS, "operating system", where) for name in names]
    channel = {"mak": MAK, "retail": RETAIL, "kms_host": systems[0].host_channel}[kind]
    if "channel" in fields:
        channel = _text(fields, "channel", where)
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
        _count(fields, "activations", 50, where),
        _count(fields, "hosts", 6, where),
        _count(fields, "activations_per_host", 10, where),
        _boolean(fields, "blocked", False, where),
    )


def _behaviour(fields: Mapping[str, t.Any]) -> Behaviour:
    plain = {field.name: field for field in dataclasses.fields(Dialect) if field.name != "pull_rows"}
    _known(fields, ("background_activation_seconds", "products_without_key", "dialects", *plain), "`behaviour`")
    seconds = fields.get("background_activation_seconds")
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0):
        raise SiteError(f"`behaviour.background_activation_seconds` is neither null nor seconds: {seconds!r}.")
    chosen = {name: fields[name] for name in plain if name in fields}
    for name, value in chosen.items():
        if type(value) is not type(getattr(STANDARD, name)):
            raise SiteError(f"`behaviour.{name}` is {value!r}; it is a {type(getattr(STANDARD, name)).__name__}.")
    for name, valid in _CHOICES.items():
        if chosen.get(name, valid[0]) not in valid:
            raise SiteError(f"`behaviour.{name}` is {chosen[name]!r}; valid values are {', '.join(map(str, valid))}.")
    dialect = dataclasses.replace(_dialect(STANDARD, fields.get("dialects", []), "`behaviour`"), **chosen)
    return Behaviour(seconds, _count(fields, "products_without_key", 300, "`behaviour`"), dialect)


#: Fields of `Dialect` that are one of a few words or numbers.
_CHOICES: dict[str, tuple[object, ...]] = {
    "fault_shape": (1, 2, 3),
    "failure_form": ("fault", "return_value"),
    "success_form": ("zero", "nil", "empty"),
    "firewall_success_form": ("empty", "zero", "nil"),
    "fault_relates_to": ("echoed", "missing", "malformed"),
    "null_array": ("omitted", "nil"),
}


def _dialect(base: Dialect, names: t.Any, where: str) -> Dialect:
    chosen = [str(name) for name in _list(names, f"`dialects` of {where}")]
    for name in chosen:
        if name not in DIALECTS:
            raise SiteError(f"{name!r} in {where} is no dialect of the lab; valid names are {', '.join(DIALECTS)}.")
    try:
        return speak(base, chosen)
    except Contradiction as contradiction:
        raise SiteError(f"`dialects` of {where}: {contradiction}") from None


def _mark(value: t.Any, where: str) -> KeyMark:
    mark = mark_key(value) if isinstance(value, str) else None
    if mark is None:
        raise SiteError(
            f"The product key in {where} is not five groups of five characters of BCDFGHJKMNPQRTVWXY2346789. "
            "A made-up key repeats one letter in each of the first four groups."
        )
    return mark


def _language(value: t.Any, where: str) -> str:
    if value not in languages():
        raise SiteError(f"`language` of {where} is {value!r}; valid languages are {', '.join(languages())}.")
    return str(value)


def _choice(name: str, table: Mapping[str, OperatingSystem], what: str, where: str) -> OperatingSystem:
    if name not in table:
        raise SiteError(f"{name!r} in {where} is no {what} of the lab; valid names are {', '.join(sorted(table))}.")
    return table[name]


def _known(fields: Mapping[str, t.Any], valid: Iterable[str], where: str) -> None:
    names = tuple(valid)
    for name in fields:
        if name not in names:
            raise SiteError(f"{name!r} is not a name in {where}; valid names are {', '.join(names)}.")


def _mapping(value: t.Any, where: str) -> Mapping[str, t.Any]:
    if not isinstance(value, Mapping):
        raise SiteError(
            f"{where[0].upper()}{where[1:]} is not a mapping of names to values but a {type(value).__name__}."
        )
    return value


def _list(value: t.Any, where: str) -> list[t.Any]:
    if not isinstance(value, list):
        raise SiteError(f"{where[0].upper()}{where[1:]} is not a list but a {type(value).__name__}.")
    return value


def _text(fields: Mapping[str, t.Any], name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise SiteError(f"`{name}` is missing in {where}, or is not a text: {value!r}.")
    return value


def _count(fields: Mapping[str, t.Any], name: str, default: int, where: str) -> int:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SiteError(f"`{name}` in {where} is not a whole number of 0 or more: {value!r}.")
    return value


def _boolean(fields: Mapping[str, t.Any], name: str, default: bool, where: str) -> bool:
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise SiteError(f"`{name}` of {where} is neither true nor false: {value!r}.")
    return value
