# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the firewall of a KMS host: its rules, whom they let in, and what Group Policy has to say about them."""

from __future__ import annotations

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession

from ._codes import DEFAULT_KMS_PORT
from ._firewall_addresses import canonical_or_as_told
from ._firewall_rules import (
    ALL_PROFILES,
    BUILT_IN_RULES,
    OWN_RULES,
    FirewallState,
    Policy,
    PolicyRule,
    Profile,
    Rule,
    profiles_of,
)
from ._hresult import INVALID_QUERY, NO_SUCH_CLASS
from ._registry import Registry
from ._rows import OperatingSystem

FIREWALL_NAMESPACE = "root/StandardCimv2"

RULE_PROPERTIES = (
    "Action",
    "CreationClassName",
    "Direction",
    "Enabled",
    "InstanceID",
    "PolicyStoreSourceType",
    "Profiles",
)
ADDRESS_PROPERTIES = ("CreationClassName", "InstanceID", "RemoteAddress")
PORT_PROPERTIES = ("CreationClassName", "InstanceID", "LocalPort", "Protocol")

_MOST_RULES = 100
"""How many rules of a Group Policy are read, each with a request of its own."""

# Source: [MS-GPFAS], "2.2 Message Syntax": the values of a policy, and where they are kept.
POLICY_KEY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"
_POLICY_RULES = "FirewallRules"
_POLICY_PROFILES = {
    "DomainProfile": Profile.DOMAIN,
    "PrivateProfile": Profile.PRIVATE,
    "PublicProfile": Profile.PUBLIC,
}
_LOCAL_RULES = "AllowLocalPolicyMerge"
_BLOCK_ALL = "DoNotAllowExceptions"

_TCP = "6"
_SERVICE = "sppsvc"
_PROGRAMS = ("sppextcomobj.exe", "sppsvc.exe")

_INBOUND = 1
_BLOCK = 4
_FROM_GROUP_POLICY = 2

_OWN_NAMES = "InstanceID LIKE 'volact.kms.%'"
OUR_RULES = " OR ".join([*(f"InstanceID = '{name}'" for name in BUILT_IN_RULES), _OWN_NAMES])


def read_firewall(session: CimSession, system: OperatingSystem) -> FirewallState:
    """The rules for the KMS: three requests, and more where there is a rule of our own or a Group Policy."""
    rows = None if system.is_6_1 else _rule_rows(session)
    if rows is None:
        return FirewallState(None)
    # Which policy stores answer such a query is unverified, so rules of a Group Policy are told apart.
    by_policy = [row for row in rows if row.integer("PolicyStoreSourceType") == _FROM_GROUP_POLICY]
    local = _with_filters(session, [row for row in rows if row not in by_policy])
    return FirewallState(local, _policy(Registry(session), [_as_of_policy(row) for row in by_policy]))


def read_rules(session: CimSession) -> tuple[Rule, ...] | None:
    """The rules alone, whoever's they are, or None where there is no class for them: nothing but queries."""
    rows = _rule_rows(session)
    return None if rows is None else _with_filters(session, rows)


def _with_filters(session: CimSession, rows: list[CimInstance]) -> tuple[Rule, ...]:
    addresses = _addresses(session) if rows else {}
    ports = _ports(session) if any(_is_own(row) for row in rows) else {}
    return tuple(sorted((_rule(row, addresses, ports) for row in rows), key=lambda rule: rule.name))


def _rule_rows(session: CimSession) -> list[CimInstance] | None:
    """Inbound rules for the KMS, or None where Windows has no class for them."""
    try:
        rows = session.query(
            f"SELECT {', '.join(RULE_PROPERTIES)} FROM MSFT_NetFirewallRule WHERE {OUR_RULES}",
            namespace=FIREWALL_NAMESPACE,
        )
    except CimFault as fault:
        # The second has a code that some machines send for an unknown namespace, too.
        if fault.code in NO_SUCH_CLASS | INVALID_QUERY:
            return None
        raise
    return [row for row in rows if row.integer("Direction") in (None, _INBOUND)]


def _addresses(session: CimSession) -> dict[str, tuple[str, ...]]:
    """Who is let in, by the name of the rule: a filter has the InstanceID of its rule."""
    rows = session.query(
        f"SELECT {', '.join(ADDRESS_PROPERTIES)} FROM MSFT_NetAddressFilter WHERE {OUR_RULES}",
        namespace=FIREWALL_NAMESPACE,
    )
    return {_name(row): canonical_or_as_told(row.strings("RemoteAddress")) for row in rows}


def _ports(session: CimSession) -> dict[str, tuple[str, list[str]]]:
    """Protocol and ports of the rules of our own, by their name."""
    rows = session.query(
        f"SELECT {', '.join(PORT_PROPERTIES)} FROM MSFT_NetProtocolPortFilter WHERE {_OWN_NAMES}",
        namespace=FIREWALL_NAMESPACE,
    )
    return {_name(row): ((row.text("Protocol") or "").upper(), row.strings("LocalPort")) for row in rows}


def _rule(row: CimInstance, addresses: dict[str, tuple[str, ...]], ports: dict[str, tuple[str, list[str]]]) -> Rule:
    name = row.text("InstanceID") or ""
    port = name.removeprefix(OWN_RULES)
    is_own = _is_own(row) and port.isdecimal()
    return Rule(
        name=name,
        # 1 or 2, not a boolean.
        enabled=row.integer("Enabled") == 1,
        profiles=profiles_of(row.integer("Profiles") or 0),
        addresses=addresses.get(_name(row)),
        allows=row.integer("Action") != _BLOCK,
        port=int(port) if is_own else DEFAULT_KMS_PORT,
        # The protocol is a name or a number. Source: MSFT_NetProtocolPortFilter class.
        is_for_port=not is_own or ports.get(_name(row)) in (("TCP", [port]), ("6", [port])),
    )


def _as_of_policy(row: CimInstance) -> PolicyRule:
    rule = _rule(row, {}, {})
    return PolicyRule(rule.name, rule.enabled, rule.allows, rule.profiles, ((rule.port, rule.port),))


def _name(row: CimInstance) -> str:
    return (row.text("InstanceID") or "").lower()


def _is_own(row: CimInstance) -> bool:
    return _name(row).startswith(OWN_RULES)


def _policy(registry: Registry, rules: list[PolicyRule]) -> Policy:
    """What Group Policy says. Most machines have none for their firewall: then it is one request."""
    keys = {key.lower() for key in registry.keys(POLICY_KEY)}
    local_rules_void, everything_blocked = set(), set()
    for key, profile in _POLICY_PROFILES.items():
        if key.lower() not in keys:
            continue
        values = {name.lower() for name in registry.names(f"{POLICY_KEY}\\{key}")}
        if _number(registry, key, _LOCAL_RULES, values) == 0:
            local_rules_void.add(profile)
        if _number(registry, key, _BLOCK_ALL, values) == 1:
            everything_blocked.add(profile)
    unread = 0
    if _POLICY_RULES.lower() in keys:
        key = f"{POLICY_KEY}\\{_POLICY_RULES}"
        # Those that Windows has itself first: they are what a Group Policy is most likely to have for the KMS.
        names = sorted(registry.names(key), key=lambda name: (name not in BUILT_IN_RULES, name))
        unread = max(0, len(names) - _MOST_RULES)
        found = (rule_of_policy(name, registry.text(key, name) or "") for name in names[:_MOST_RULES])
        known = {rule.name for rule in rules}
        rules = rules + [rule for rule in found if rule is not None and rule.name not in known]
    return Policy(frozenset(local_rules_void), frozenset(everything_blocked), tuple(rules), unread)


def _number(registry: Registry, key: str, name: str, values: set[str]) -> int | None:
    return registry.number(f"{POLICY_KEY}\\{key}", name) if name.lower() in values else None


def rule_of_policy(name: str, text: str) -> PolicyRule | None:
    """A rule as Group Policy keeps it: 'v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=...|'.

    None for one that cannot be about the KMS: outbound, another protocol, program or service. Without profile, port or
    address it is for all of them. Source: [MS-GPFAS], "2.2.2.19 Firewall Rule and the Firewall Rule Grammar"
    """
    fields: dict[str, list[str]] = {}
    for field in text.split("|")[1:]:
        key, _equals, value = field.partition("=")
        fields.setdefault(key.lower(), []).append(value.strip().lower())

    def only(key: str, default: str) -> str:
        return fields.get(key, [default])[0]

    is_for_kms = (
        only("dir", "") == "in"
        and only("protocol", _TCP) == _TCP
        and only("svc", _SERVICE) in ("*", _SERVICE)
        and only("app", _PROGRAMS[0]).rpartition("\\")[2] in _PROGRAMS
    )
    if not is_for_kms:
        return None
    profiles = frozenset(profile for profile in Profile if profile.value in fields.get("profile", []))
    ports = [_port_range(value) for key in ("lport", "lport2_10") for value in fields.get(key, [])]
    return PolicyRule(
        name=name,
        enabled=only("active", "") == "true",
        allows=only("action", "") != "block",
        profiles=profiles or ALL_PROFILES,
        ports=tuple(found for found in ports if found) if ports else None,
        addresses=canonical_or_as_told(value for key in ("ra4", "ra6") for value in fields.get(key, [])),
    )


def _port_range(text: str) -> tuple[int, int] | None:
    """A port or a range of them; None for a word such as RPC."""
    first, _dash, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        return None
    return int(first), int(last or first)
