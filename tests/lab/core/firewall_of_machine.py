# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall of one machine: its own rules, those of Group Policy, and what gets in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .firewall import BLOCK, FIREWALL_RULE, NO_SCOPE_RULE, FirewallRule
from .firewall_policy import lets_nothing_in, merges_local_rules, policy_rules
from .fresh_registry import Registry


@dataclass(slots=True)
class Firewall:
    """`rules` are the PersistentStore; Group Policy is in the registry; `profile` is the bit of its network."""

    rules: dict[str, FirewallRule]
    registry: Registry
    profile: int

    def active(self) -> Iterator[FirewallRule]:
        """The rules in force, those of Group Policy first."""
        yield from policy_rules(self.registry)
        if merges_local_rules(self.registry, self.profile):
            yield from self.rules.values()

    def admits(self, port: int, address: str | None = None) -> bool:
        """Whether a connection to a TCP port gets in; a rule that blocks wins. `address` None: from any of the lab."""
        if lets_nothing_in(self.registry, self.profile):
            return False
        found = [rule for rule in self.active() if rule.concerns(port, self.profile)]
        if any(rule.action == BLOCK and rule.is_for(address) for rule in found):
            return False
        return any(rule.action != BLOCK and rule.is_for(address) for rule in found)

    def put(self, rule: FirewallRule) -> None:
        """Replace a local rule, or add one."""
        self.rules[rule.name] = rule

    def set_kms_rules(self, **fields: object) -> None:
        """Change the built-in rules of the KMS."""
        for name in (FIREWALL_RULE, NO_SCOPE_RULE):
            if name in self.rules:
                self.rules[name] = replace(self.rules[name], **fields)  # type: ignore[arg-type]
