# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines of a site file. Its docstring is in `spec`."""

from __future__ import annotations

import dataclasses
import re
import typing as t
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .catalogue import OPERATING_SYSTEMS, OperatingSystem, languages
from .dialect import STANDARD, Dialect
from .dialects import KNOWN, Contradiction, speak
from .firewall import ALLOW, ANY, BLOCK, PROFILES, FirewallRule, checked_addresses, profile_bits
from .fresh_registry import REG_DWORD, REG_MULTI_SZ, REG_SZ, Registry, RegistryData
from .site_checks import SiteError, boolean_of, check_names, choice_of, count_of, list_of, mapping_of, text_of
from .spec_keys import InstalledKey, installed_key

_RANGE = re.compile(r"(.*?)\[(\d+):(\d+)\](.*)")
_MACHINE_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UPDATE = re.compile(r"KB\d{6,7}")

#: Updates that every machine has, and that matter to nobody.
FRESH_UPDATES = ("KB5027397", "KB5036212")

#: Revision of the cumulative update of a machine that the site file says nothing of.
FRESH_REVISION = 1001

_NAMES = (
    "os",
    "language",
    "groups",
    "products",
    "dialects",
    "domain_joined",
    "registry",
    "architecture",
    "updates",
    "revision",
    "network_profile",
    "firewall",
    "cmid",
    "clients",
    "account",
    "black_hole",
)


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """One simulated machine. `products` None: what volume media leave behind.

    `clients` are made-up clients that a KMS host remembers, by count; "" is its first count. `account` is handed to the
    shell as it is.
    """

    name: str
    os: OperatingSystem
    language: str = "en-US"
    groups: tuple[str, ...] = ()
    products: tuple[InstalledKey, ...] | None = None
    dialect: Dialect = STANDARD
    domain_joined: bool = True
    registry: Registry = dataclasses.field(default_factory=dict)
    is_64_bit: bool = True
    updates: tuple[str, ...] = FRESH_UPDATES
    revision: int = FRESH_REVISION
    network_profile: str = "domain"
    policy_rules: tuple[FirewallRule, ...] = ()
    local_rules_apply: bool = True
    cmid: str | None = None
    clients: Mapping[str, int] = dataclasses.field(default_factory=dict)
    account: Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    black_hole: bool = False


def machines_of(document: Mapping[str, t.Any], dialect: Dialect) -> Iterable[MachineSpec]:
    """The machines of `machines`, ranges expanded. Raises SiteError."""
    seen: set[str] = set()
    for pattern, entry in document.items():
        where = f"machine {pattern!r}"
        fields = mapping_of(entry, where)
        check_names(fields, _NAMES, where)
        cycle = _languages(fields, where)
        pattern_spec = _machine(fields, dialect, where)
        for position, name in enumerate(expand_range(str(pattern))):
            if _MACHINE_NAME.fullmatch(name) is None:
                raise SiteError(f"{name!r} is not a machine name: lower case letters, digits and hyphens, up to 63.")
            if name in seen:
                raise SiteError(f"The machine {name!r} is named twice in `machines`.")
            seen.add(name)
            yield dataclasses.replace(pattern_spec, name=name, language=cycle[position % len(cycle)])


def expand_range(name: str) -> list[str]:
    """`win[001:003]` -> win001, win002, win003; a name without brackets is itself."""
    match = _RANGE.fullmatch(name)
    if match is None:
        return [name]
    before, first, last, after = match.groups()
    if int(first) > int(last):
        raise SiteError(f"The range in the machine name {name!r} runs backwards.")
    return [f"{before}{number:0{len(first)}d}{after}" for number in range(int(first), int(last) + 1)]


def chosen_dialect(base: Dialect, names: t.Any, where: str) -> Dialect:
    """`base` with the dialects of a list of names. Raises SiteError."""
    chosen = [str(name) for name in list_of(names, f"`dialects` of {where}")]
    for name in chosen:
        if name not in KNOWN:
            raise SiteError(f"{name!r} in {where} is no dialect of the lab; valid names are {', '.join(KNOWN)}.")
    try:
        return speak(base, chosen)
    except Contradiction as contradiction:
        raise SiteError(f"`dialects` of {where}: {contradiction}") from None


def checked_updates(names: Iterable[t.Any]) -> tuple[str, ...]:
    """Names of updates, KB and six or seven digits each. Raises ValueError."""
    found = tuple(str(name).upper() for name in names)
    for name in found:
        if _UPDATE.fullmatch(name) is None:
            raise ValueError(name)
    return found


def _machine(fields: Mapping[str, t.Any], dialect: Dialect, where: str) -> MachineSpec:
    """A machine without a name of its own."""
    products = fields.get("products")
    installed = None
    if products is not None:
        installed = tuple(installed_key(item, where) for item in list_of(products, f"`products` of {where}"))
    joined = boolean_of(fields, "domain_joined", True, where)
    architecture = fields.get("architecture", "64-bit")
    if architecture not in ("64-bit", "32-bit"):
        raise SiteError(f"`architecture` of {where} is {architecture!r}; valid values are 64-bit, 32-bit.")
    profile = fields.get("network_profile", "domain" if joined else "private")
    if profile not in PROFILES:
        raise SiteError(f"`network_profile` of {where} is {profile!r}; valid values are {', '.join(PROFILES)}.")
    firewall = mapping_of(fields.get("firewall", {}), f"`firewall` of {where}")
    check_names(firewall, ("local_rules", "policy_rules"), f"`firewall` of {where}")
    if firewall.get("local_rules", "applied") not in ("applied", "ignored"):
        raise SiteError(f"`firewall.local_rules` of {where} is neither applied nor ignored.")
    rules = list_of(firewall.get("policy_rules", []), f"`firewall.policy_rules` of {where}")
    return MachineSpec(
        "",
        choice_of(text_of(fields, "os", where), OPERATING_SYSTEMS, "operating system", where),
        groups=tuple(str(group) for group in list_of(fields.get("groups", []), f"`groups` of {where}")),
        products=installed,
        dialect=chosen_dialect(dialect, fields.get("dialects", []), where),
        domain_joined=joined,
        registry=_registry(mapping_of(fields.get("registry", {}), f"`registry` of {where}"), where),
        is_64_bit=architecture == "64-bit",
        updates=_updates(fields, where),
        revision=count_of(fields, "revision", FRESH_REVISION, where),
        network_profile=profile,
        policy_rules=tuple(_policy_rule(rule, f"`firewall.policy_rules` of {where}") for rule in rules),
        local_rules_apply=firewall.get("local_rules", "applied") == "applied",
        cmid=_cmid(fields, where),
        clients=_clients(fields, where),
        account=mapping_of(fields.get("account", {}), f"`account` of {where}"),
        black_hole=boolean_of(fields, "black_hole", False, where),
    )


def _languages(fields: Mapping[str, t.Any], where: str) -> list[str]:
    spoken = fields.get("language", "en-US")
    cycle = spoken if isinstance(spoken, list) else [spoken]
    for value in cycle:
        if value not in languages():
            raise SiteError(f"`language` of {where} is {value!r}; valid languages are {', '.join(languages())}.")
    return cycle


def _updates(fields: Mapping[str, t.Any], where: str) -> tuple[str, ...]:
    names = list_of(fields.get("updates", list(FRESH_UPDATES)), f"`updates` of {where}")
    try:
        return checked_updates(names)
    except ValueError as error:
        raise SiteError(f"`updates` of {where} names {error}, which is not KB and six or seven digits.") from None


def _cmid(fields: Mapping[str, t.Any], where: str) -> str | None:
    if "cmid" not in fields:
        return None
    try:
        return str(uuid.UUID(str(fields["cmid"])))
    except ValueError:
        raise SiteError(f"`cmid` of {where} is not a GUID: {fields['cmid']!r}.") from None


def _clients(fields: Mapping[str, t.Any], where: str) -> dict[str, int]:
    given = fields.get("clients", {})
    if not isinstance(given, Mapping):
        given = {"": given}
    named = f"`clients` of {where}"
    return {str(pool): count_of(given, pool, 0, named) for pool in given}


def _registry(document: Mapping[str, t.Any], where: str) -> Registry:
    registry: Registry = {}
    for path, entry in document.items():
        values = mapping_of(entry, f"`registry` of {where}")
        for name, data in values.items():
            kind, kept = _registry_data(data, f"`registry` of {where}", name)
            registry.setdefault(str(path).strip("\\").lower(), {})[str(name).lower()] = (str(name), kind, kept)
    return registry


def _registry_data(data: t.Any, where: str, name: t.Any) -> tuple[int, RegistryData]:
    if isinstance(data, list) and all(isinstance(text, str) for text in data):
        return REG_MULTI_SZ, tuple(data)
    if type(data) not in (str, int):
        raise SiteError(f"{where} has neither a text nor a number nor a list of texts for {name}: {data!r}.")
    return (REG_SZ if isinstance(data, str) else REG_DWORD), data


def _policy_rule(entry: t.Any, where: str) -> FirewallRule:
    fields = mapping_of(entry, where)
    check_names(fields, ("name", "port", "profiles", "addresses", "enabled", "action"), where)
    name = text_of(fields, "name", where)
    action = fields.get("action", "allow")
    if action not in ("allow", "block"):
        raise SiteError(f"`action` in {where} is {action!r}; valid values are allow, block.")
    try:
        return FirewallRule(
            name,
            name,
            name,
            enabled=boolean_of(fields, "enabled", True, where),
            profiles=profile_bits(list_of(fields.get("profiles", []), f"`profiles` in {where}")),
            action=BLOCK if action == "block" else ALLOW,
            protocol="TCP" if "port" in fields else ANY,
            local_ports=(str(count_of(fields, "port", 0, where)),) if "port" in fields else (ANY,),
            remote_addresses=checked_addresses(list_of(fields.get("addresses", [ANY]), f"`addresses` in {where}")),
        )
    except ValueError as error:
        raise SiteError(f"The rule {name} in {where} has a profile or an address that is none: {error}.") from None
