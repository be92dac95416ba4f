# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall by WMI: rules and their filters as instances, and what Put, Create and Delete make of them.

Every rule has one address filter and one port filter, of the same InstanceID and CreationClassName. Source:
cim_classes.yaml, MSFT_NetFirewallRule and MSFT_NetProtocolPortFilter; small_facts.yaml, firewall_address_filter.
Whether Windows takes a Create or a Put over WS-Management is unverified: dialects refuse them, or ignore them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from .cim import Property
from .dialect import Dialect
from .firewall import (
    ACTIVE_STORE,
    ANY,
    INBOUND,
    PERSISTENT_STORE,
    FirewallRule,
    as_mask,
    checked_addresses,
    checked_ports,
)
from .firewall_policy import policy_rules
from .machine import Machine
from .texts import caption
from .values import CimValue, plain_text

RULE_CLASS, ADDRESS_CLASS, PORT_CLASS = "MSFT_NetFirewallRule", "MSFT_NetAddressFilter", "MSFT_NetProtocolPortFilter"
FILTER_CLASSES = frozenset({ADDRESS_CLASS, PORT_CLASS})
FIREWALL_CLASSES = frozenset({RULE_CLASS, *FILTER_CLASSES})

#: Selectors of a filter, the first of which is enough. Source: small_facts.yaml: which a provider takes is unverified.
FILTER_KEYS = ("creationclassname", "name", "systemcreationclassname", "systemname")

_PREFIX = "MSFT|FW|FirewallRule|"

Instance = Mapping[str, CimValue]
Sent = Mapping[str, Sequence[str | None]]


class FirewallRefusal(Exception):
    """The provider takes no such change: a property that cannot change, or a value that is none."""


class FirewallNotSupported(Exception):
    """The provider does not change rules that way at all."""


def firewall_instances(machine: Machine, class_name: str, store: str) -> Iterator[Instance]:
    """The instances of one of the three classes in a policy store; "" is what a plain request is about."""
    shape = {RULE_CLASS: _rule_instance, ADDRESS_CLASS: _address_instance, PORT_CLASS: _port_instance}[class_name]
    return (shape(machine, rule) for rule in _rules(machine, store))


def _rules(machine: Machine, store: str) -> Iterator[FirewallRule]:
    if store.lower() == ACTIVE_STORE.lower():
        return machine.firewall.active()
    local = iter(machine.firewall.rules.values())
    if not store and machine.dialect.firewall_shows_all_stores:
        return iter([*local, *policy_rules(machine.registry)])
    return local


def _rule_instance(machine: Machine, rule: FirewallRule) -> Instance:
    is_local = rule.store == PERSISTENT_STORE
    return {
        "InstanceID": rule.name,
        "CreationClassName": f"{_PREFIX}{rule.name}",
        "PolicyRuleName": "",
        "SystemCreationClassName": "",
        "SystemName": "",
        "ElementName": rule.element_name,
        "DisplayName": caption(machine.language, rule.title),
        "Description": rule.description or None,
        "RuleGroup": rule.group or None,
        "DisplayGroup": caption(machine.language, rule.display_group) if rule.display_group else None,
        "Enabled": 1 if rule.enabled else 2,
        "Direction": rule.direction,
        "Action": rule.action,
        "Profiles": rule.profiles,
        "EdgeTraversalPolicy": 0,
        "PrimaryStatus": 1,
        "Status": "The rule was parsed successfully from the store.",
        "StatusCode": 65536,
        "PolicyStoreSource": rule.store,
        "PolicyStoreSourceType": 1 if is_local else 2,
        "EnforcementStatus": None,
        "LooseSourceMapping": False,
        "LocalOnlyMapping": False,
    }


def _filter_keys(rule: FirewallRule) -> dict[str, CimValue]:
    keys = dict.fromkeys(("Name", "SystemCreationClassName", "SystemName"), "")
    return {**keys, "CreationClassName": f"{_PREFIX}{rule.name}", "InstanceID": rule.name}


def _address_instance(machine: Machine, rule: FirewallRule) -> Instance:
    def shown(addresses: tuple[str, ...]) -> list[str]:
        return [as_mask(address) if machine.dialect.firewall_shows_masks else address for address in addresses]

    return {
        **_filter_keys(rule),
        "LocalAddress": shown(rule.local_addresses),
        "RemoteAddress": shown(rule.remote_addresses),
    }


def _port_instance(_machine: Machine, rule: FirewallRule) -> Instance:
    return {
        **_filter_keys(rule),
        "Protocol": rule.protocol,
        "LocalPort": list(rule.local_ports),
        "RemotePort": list(rule.remote_ports),
        "IcmpType": [ANY],
        "DynamicTransport": 0,
    }


_CHANGES: dict[tuple[str, str], tuple[str, Callable[[tuple[str, ...]], object]]] = {
    (RULE_CLASS, "Enabled"): ("enabled", lambda texts: {"1": True, "2": False}[texts[0]]),
    (RULE_CLASS, "Profiles"): ("profiles", lambda texts: _profiles(texts[0])),
    (ADDRESS_CLASS, "LocalAddress"): ("local_addresses", checked_addresses),
    (ADDRESS_CLASS, "RemoteAddress"): ("remote_addresses", checked_addresses),
    (PORT_CLASS, "Protocol"): ("protocol", lambda texts: _protocol(texts[0])),
    (PORT_CLASS, "LocalPort"): ("local_ports", checked_ports),
    (PORT_CLASS, "RemotePort"): ("remote_ports", checked_ports),
}


def put_firewall(
    machine: Machine, class_name: str, instance: Instance, properties: Mapping[str, Property], sent: Sent
) -> None:
    """Let an instance be what a client sent: property name in lower case -> texts, None for nil.

    What the provider does not change has to be as it is, or to be left out. Raises FirewallRefusal,
    FirewallNotSupported.
    """
    changes: dict[str, object] = {}
    for name, texts in sent.items():
        member = properties.get(name)
        if member is None:
            raise FirewallRefusal(name)
        if _is_as_it_is(instance.get(member.name), texts):
            continue
        try:
            field, read = _CHANGES[class_name, member.name]
            changes[field] = read(tuple(text or "" for text in texts))
        except (KeyError, ValueError, IndexError):
            raise FirewallRefusal(member.name) from None
    rule = machine.firewall.rules.get(str(instance["InstanceID"]))
    if rule is None or rule.store != PERSISTENT_STORE:
        raise FirewallRefusal("a rule of Group Policy")
    if _takes_writes(machine.dialect):
        machine.firewall.put(replace(rule, **changes))  # type: ignore[arg-type]


def _is_as_it_is(value: CimValue, texts: Sequence[str | None]) -> bool:
    present = [value] if value is None or isinstance(value, (str, int)) else value
    if not isinstance(present, Sequence):
        return False
    return [text or "" for text in texts] == [plain_text(item) for item in present]


def create_rule(machine: Machine, sent: Sent, options: Mapping[str, str]) -> str:
    """Make a local rule of the properties and operation options that a client sent; its name.

    Its filters may be among the options (by analogy with New-NetFirewallRule, unverified); else they are Any. Raises
    FirewallRefusal, FirewallNotSupported.
    """
    given = {name: next(iter(texts), None) or "" for name, texts in sent.items()}
    said = {name.lower(): value for name, value in options.items()}
    name = given.get("instanceid") or given.get("creationclassname", "").removeprefix(_PREFIX)
    if not name or name in machine.firewall.rules:
        raise FirewallRefusal("InstanceID")
    title = given.get("displayname") or given.get("elementname") or name
    try:
        rule = FirewallRule(
            name,
            given.get("elementname") or title,
            title,
            enabled={"1": True, "2": False}[given.get("enabled") or "1"],
            profiles=_profiles(given.get("profiles") or "0"),
            direction=int(given.get("direction") or INBOUND),
            action=int(given.get("action") or 2),
            protocol=_protocol(said.get("protocol", ANY)),
            local_ports=checked_ports(said.get("localport", ANY).split(",")),
            remote_addresses=checked_addresses(said.get("remoteaddress", ANY).split(",")),
            group=given.get("rulegroup", ""),
            description=given.get("description", ""),
        )
    except (KeyError, ValueError):
        raise FirewallRefusal(name) from None
    if _creates(machine.dialect):
        machine.firewall.put(rule)
    return name


def clone_rule(machine: Machine, name: str, new_name: str) -> None:
    """Copy a rule with its filters. Raises FirewallRefusal, FirewallNotSupported."""
    if not new_name or new_name in machine.firewall.rules:
        raise FirewallRefusal(new_name)
    if _creates(machine.dialect):
        machine.firewall.put(replace(machine.firewall.rules[name], name=new_name))


def delete_rule(machine: Machine, name: str) -> None:
    """Take a local rule away. Raises FirewallRefusal for another store's, FirewallNotSupported."""
    if name not in machine.firewall.rules:
        raise FirewallRefusal(name)
    if _takes_writes(machine.dialect):
        del machine.firewall.rules[name]


def switch_rule(machine: Machine, name: str, on: bool) -> None:
    """Enable, Disable. Raises FirewallRefusal for a rule of Group Policy."""
    if name not in machine.firewall.rules:
        raise FirewallRefusal(name)
    machine.firewall.put(replace(machine.firewall.rules[name], enabled=on))


def _takes_writes(dialect: Dialect) -> bool:
    """Whether a change has an effect. Raises FirewallNotSupported."""
    if dialect.firewall_writes == "refused":
        raise FirewallNotSupported
    return dialect.firewall_writes == "accepted"


def _creates(dialect: Dialect) -> bool:
    if dialect.firewall_creates == "refused":
        raise FirewallNotSupported
    return _takes_writes(dialect)


def _profiles(text: str) -> int:
    bits = int(text)
    if not 0 <= bits <= 7:
        raise ValueError(text)
    return bits


def _protocol(text: str) -> str:
    known = {"6": "TCP", "17": "UDP", "tcp": "TCP", "udp": "UDP", "any": ANY}.get(text.lower())
    if known is None:
        raise ValueError(text)
    return known
