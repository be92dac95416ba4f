# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firewall rules for the KMS as values: where they let in whom, and what Group Policy makes of them. All of it pure."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from ._codes import DEFAULT_KMS_PORT
from ._firewall_addresses import ANY, is_any, public_ones

BUILT_IN_RULE = "SPPSVC-In-TCP"
"""The built-in inbound rule for TCP 1688. Source: kms-create-host, "Install and configure a KMS host"."""

DOMAIN_RULE = "SPPSVC-In-TCP-NoScope"
"""On client Windows the rule above is for private and public networks, and this one for domain networks."""

BUILT_IN_RULES = (BUILT_IN_RULE, DOMAIN_RULE)

OWN_RULES = "volact.kms."
"""How the names of rules begin that this collection created, for a port other than 1688; the port follows."""

ENABLE = "Enable"
DISABLE = "Disable"
CREATE_RULE = "CreateFirewallRule"
SET_PROFILES = "SetFirewallProfiles"
SET_ADDRESSES = "SetFirewallAddresses"
SET_PORT = "SetFirewallPort"


class Profile(str, enum.Enum):
    """The kind of network that a rule applies to."""

    DOMAIN = "domain"
    PRIVATE = "private"
    PUBLIC = "public"


_BITS = {Profile.DOMAIN: 1, Profile.PRIVATE: 2, Profile.PUBLIC: 4}
ALL_PROFILES = frozenset(Profile)
USUAL_PROFILES = frozenset({Profile.DOMAIN, Profile.PRIVATE})


def profiles_of(mask: int) -> frozenset[Profile]:
    """The profiles of a bit mask; 0 means all of them. Source: MSFT_NetFirewallRule class, Profiles."""
    return frozenset(profile for profile, bit in _BITS.items() if not mask or mask & bit)


def mask_of(profiles: Collection[Profile]) -> int:
    """The bit mask of some profiles; all of them are 0, as Windows writes it."""
    return 0 if set(profiles) >= ALL_PROFILES else sum(_BITS[profile] for profile in profiles)


def named(profiles: Collection[Profile]) -> str:
    """Profiles in a fixed order, for people and for `netsh`."""
    return ",".join(profile.value for profile in Profile if profile in profiles)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for the KMS. `addresses` is None where the machine did not tell them.

    `port` is the one that it is for; `is_for_port` is whether its filter says so too, which only a rule of ours needs.
    """

    name: str
    enabled: bool
    profiles: frozenset[Profile]
    addresses: tuple[str, ...] | None = (ANY,)
    allows: bool = True
    port: int = DEFAULT_KMS_PORT
    is_for_port: bool = True

    @property
    def is_built_in(self) -> bool:
        """Whether it came with Windows."""
        return self.name in BUILT_IN_RULES

    @property
    def label(self) -> str:
        """The name that people see, where the display language is English."""
        return label(self.name)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of a Group Policy that may be about the KMS. `ports` are first and last of each range; None is any."""

    name: str
    enabled: bool
    allows: bool
    profiles: frozenset[Profile]
    ports: tuple[tuple[int, int], ...] | None = None
    addresses: tuple[str, ...] = (ANY,)

    def acts_on(self, port: int) -> frozenset[Profile]:
        """Where it lets in, or blocks, who asks for `port`."""
        is_for_it = self.ports is None or any(first <= port <= last for first, last in self.ports)
        return self.profiles if self.enabled and is_for_it else frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """What Group Policy says about it: where local rules are void, where nothing gets in at all, and its own rules.

    `unread` is how many rules it has beyond those that were read.
    """

    local_rules_void: frozenset[Profile] = frozenset()
    everything_blocked: frozenset[Profile] = frozenset()
    rules: tuple[PolicyRule, ...] = ()
    unread: int = 0

    @property
    def void(self) -> frozenset[Profile]:
        """Where a local rule lets nobody in."""
        return self.local_rules_void | self.everything_blocked

    def opens(self, port: int) -> frozenset[Profile]:
        """Where its own rules let clients in. One that blocks wins over one that allows."""
        allowed = {profile for rule in self.rules if rule.allows for profile in rule.acts_on(port)}
        return frozenset(allowed - self.blocks(port))

    def blocks(self, port: int) -> frozenset[Profile]:
        """Where nobody gets in. A rule that blocks some addresses only blocks not everybody."""
        everybody = (rule for rule in self.rules if not rule.allows and is_any(rule.addresses))
        return self.everything_blocked | {profile for rule in everybody for profile in rule.acts_on(port)}


@dataclass(frozen=True, slots=True)
class FirewallState:
    """The rules for the KMS. `rules` is None where Windows has no class for them (7 and Server 2008 R2)."""

    rules: tuple[Rule, ...] | None
    policy: Policy = Policy()

    def open_in(self, port: int) -> frozenset[Profile]:
        """On which networks clients are let in on `port`, whoever's rule does it."""
        serving = (rule for rule in self.rules or () if rule.port == port and rule.is_for_port)
        local = {profile for rule in serving for profile in let_in(rule)} - self.policy.void
        return frozenset(local | self.policy.opens(port)) - self.policy.blocks(port)

    @property
    def is_exposed(self) -> bool:
        """Whether an enabled local rule lets everybody in on public networks, or public addresses anywhere."""
        return any(rule.enabled and rule.allows and exposure(rule) for rule in self.rules or ())


def let_in(rule: Rule) -> frozenset[Profile]:
    """Where a local rule lets clients in."""
    return rule.profiles if rule.enabled and rule.allows else frozenset()


def exposure(rule: Rule) -> list[str]:
    """The addresses that make an enabled rule a danger; of a rule that does not tell them, any."""
    addresses = rule.addresses or (ANY,)
    if Profile.PUBLIC in rule.profiles and is_any(addresses):
        return [ANY]
    return public_ones(addresses)


def label(name: str) -> str:
    """The display name of a rule, in English for the built-in ones; `netsh` knows rules by it."""
    if name in BUILT_IN_RULES:
        return "Key Management Service (TCP-In)"
    return f"Key Management Service (TCP-In, port {name.removeprefix(OWN_RULES)})"
