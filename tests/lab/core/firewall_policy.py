# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Group Policy says of the firewall: values of the registry, and what they mean.

Source: [MS-GPFAS] 2.2 (global and profile options, the text of a rule). The registry alone has them, so that whatever
writes there (a site file, `lab set`) changes what gets in.
"""

from __future__ import annotations

from collections.abc import Iterator

from .firewall import ALLOW, ANY, BLOCK, INBOUND, OUTBOUND, PROFILES, FirewallRule, profile_bits, profile_names
from .fresh_registry import REG_DWORD, REG_SZ, Registry, number_value

FIREWALL_POLICY_KEY = "software\\policies\\microsoft\\windowsfirewall"
_RULES_KEY = f"{FIREWALL_POLICY_KEY}\\firewallrules"
_PROFILE_KEYS = {name: f"{FIREWALL_POLICY_KEY}\\{name}profile" for name in PROFILES}
_MERGE, _NO_EXCEPTIONS = "allowlocalpolicymerge", "donotallowexceptions"

#: PolicyStoreSource of rules that come from a policy; the registry does not tell of which.
POLICY_STORE = "corp.example.test\\Firewall Baseline"


def policy_rules(registry: Registry) -> Iterator[FirewallRule]:
    """The rules of Group Policy; a value that is no rule is none."""
    for name, _kind, data in registry.get(_RULES_KEY, {}).values():
        rule = _rule(name, str(data))
        if rule is not None:
            yield rule


def merges_local_rules(registry: Registry, profile: int) -> bool:
    """Whether local rules are in force in networks of a profile: unless AllowLocalPolicyMerge is 0."""
    return number_value(registry, _key_of(profile), _MERGE) != 0


def lets_nothing_in(registry: Registry, profile: int) -> bool:
    """DoNotAllowExceptions."""
    return number_value(registry, _key_of(profile), _NO_EXCEPTIONS) == 1


def plant_policy_rule(registry: Registry, rule: FirewallRule) -> None:
    """Let Group Policy have a rule."""
    registry.setdefault(_RULES_KEY, {})[rule.name.lower()] = (rule.name, REG_SZ, _text(rule))


def plant_merge(registry: Registry, merges: bool) -> None:
    """Let Group Policy say of every profile whether local rules are in force."""
    for key in _PROFILE_KEYS.values():
        if merges:
            registry.get(key, {}).pop(_MERGE, None)
        else:
            registry.setdefault(key, {})[_MERGE] = ("AllowLocalPolicyMerge", REG_DWORD, 0)


def _key_of(profile: int) -> str:
    return next(_PROFILE_KEYS[name] for name, bit in PROFILES.items() if bit == profile)


def _text(rule: FirewallRule) -> str:
    parts = [
        "v2.30",
        f"Action={'Block' if rule.action == BLOCK else 'Allow'}",
        f"Active={'TRUE' if rule.enabled else 'FALSE'}",
        f"Dir={'In' if rule.direction == INBOUND else 'Out'}",
        *(["Protocol=6"] if rule.protocol.upper() == "TCP" else []),
        *(f"Profile={name.capitalize()}" for name in (profile_names(rule.profiles) if rule.profiles else ())),
        *(f"LPort={port}" for port in rule.local_ports if port != ANY),
        *(f"{'RA6' if ':' in address else 'RA4'}={address}" for address in rule.remote_addresses if address != ANY),
        f"Name={rule.title}",
    ]
    return "|".join(parts) + "|"


def _rule(name: str, text: str) -> FirewallRule | None:
    version, *parts = text.strip("|").split("|")
    if not version.startswith("v"):
        return None
    said: dict[str, list[str]] = {}
    for part in parts:
        word, _, value = part.partition("=")
        said.setdefault(word.lower(), []).append(value)
    protocol = said.get("protocol", [ANY])[0]
    try:
        profiles = profile_bits(value.lower() for value in said.get("profile", []))
    except ValueError:
        return None
    title = said.get("name", [name])[0]
    return FirewallRule(
        name,
        title,
        title,
        enabled=said.get("active", ["FALSE"])[0].upper() == "TRUE",
        profiles=profiles,
        direction=INBOUND if said.get("dir", ["In"])[0].lower() == "in" else OUTBOUND,
        action=BLOCK if said.get("action", ["Allow"])[0].lower() == "block" else ALLOW,
        protocol={"6": "TCP", "17": "UDP"}.get(protocol, protocol),
        local_ports=tuple(said.get("lport", [ANY])),
        remote_addresses=tuple([*said.get("ra4", []), *said.get("ra6", [])] or [ANY]),
        store=POLICY_STORE,
    )
