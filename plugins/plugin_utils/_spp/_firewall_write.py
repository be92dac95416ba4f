# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing the firewall of a KMS host.

That Create and Put work over WS-Management is unverified: a failure names the command that does the same.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault, NotConverged, OperationTimedOut
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession, CimValue

from ._firewall_netsh import netsh
from ._firewall_read import FIREWALL_NAMESPACE, read_firewall
from ._firewall_rules import (
    CREATE_RULE,
    DISABLE,
    ENABLE,
    OWN_RULES,
    SET_ADDRESSES,
    SET_PORT,
    SET_PROFILES,
    Rule,
    label,
    mask_of,
)
from ._hresult import explain, name_fault
from ._machine import Machine
from ._plan import Change, FirewallTarget

_Write = t.Callable[[], object]
"""The one request that changes something."""

_Way = t.Callable[[CimSession, str, Mapping[str, t.Any]], _Write]

_INBOUND = 1
_ALLOW = 2
_OFF = 2


def change_firewall(machine: Machine, change: Change) -> None:
    """Carry out a change of `plan_firewall`.

    Raises CimFault for what the machine refuses, and NotConverged instead of switching on a rule that is not as it was
    written before: then it is left off.
    """
    session, name = machine.licensing.session, t.cast(FirewallTarget, change.target).rule
    if change.operation == ENABLE and change.arguments:
        _look_before_opening(machine, name, change)
    try:
        # A Put writes back what was read before. What fails there has changed nothing, and is not told as if it had.
        write = _WAYS[change.operation](session, name, change.arguments)
        with machine.recorded(change.operation):
            write()
    except OperationTimedOut:
        raise
    except CimFault as fault:
        # A rule that `netsh` adds has a name of its own, which the next run would not find.
        beside = ", and leave the option firewall out" if change.operation in (CREATE_RULE, SET_PORT) else ""
        fault.hint = f"Run this on the machine{beside}: {netsh(change)}"
        raise name_fault(fault, f"{change.operation} failed for the firewall rule {name} of {machine.name}") from fault


def _look_before_opening(machine: Machine, name: str, change: Change) -> None:
    """A rule that does not say yet for which port and for whom it is would let everything in."""
    state = read_firewall(machine.licensing.session, machine.system)
    rule = next((rule for rule in state.rules or () if rule.name == name), None)
    wrong = "it isn't there" if rule is None else _difference(rule, change.arguments)
    if wrong:
        raise NotConverged(
            f"The firewall rule {name} of {machine.name} was left switched off: everything that was written to it "
            f"reported success, and yet {wrong}. Run this on the machine: {netsh(change)}",
            operation=change.operation,
            target=name,
            hint=netsh(change),
        )


def _difference(rule: Rule, expected: Mapping[str, t.Any]) -> str:
    if rule.port != expected["port"] or not rule.is_for_port:
        return f"it isn't limited to TCP {expected['port']}"
    if mask_of(rule.profiles) != expected["profiles"]:
        return "it has other profiles"
    if "addresses" in expected and set(rule.addresses or ()) != set(expected["addresses"]):
        return "it has other remote addresses"
    return ""


def _keys(name: str, second: str) -> dict[str, str]:
    """Rules and their filters have the same CreationClassName, and three more keys that are empty."""
    return {
        "CreationClassName": f"MSFT|FW|FirewallRule|{name}",
        second: "",
        "SystemCreationClassName": "",
        "SystemName": "",
    }


def _switch(method: str) -> _Way:
    def prepare(session: CimSession, name: str, _arguments: Mapping[str, t.Any]) -> _Write:
        def switch() -> None:
            keys = _keys(name, "PolicyRuleName")
            # Its output may be empty, which means success (seen on real machines).
            output = session.invoke("MSFT_NetFirewallRule", method, keys=keys, namespace=FIREWALL_NAMESPACE)
            _raise_hresult(output, method)

        return switch

    return prepare


def _create(session: CimSession, name: str, arguments: Mapping[str, t.Any]) -> _Write:
    """A rule that is switched off: port and addresses are not its own properties, and come after it."""
    port = name.removeprefix(OWN_RULES)
    properties: dict[str, CimValue] = {
        **_keys(name, "PolicyRuleName"),
        "InstanceID": name,
        "ElementName": label(name),
        "Description": f"Lets KMS clients in on TCP {port}. Created by volact.kms.",
        "Enabled": _OFF,
        "Direction": _INBOUND,
        "Action": _ALLOW,
        "Profiles": arguments["profiles"],
    }
    return lambda: session.create("MSFT_NetFirewallRule", properties, namespace=FIREWALL_NAMESPACE)


def _set_profiles(session: CimSession, name: str, arguments: Mapping[str, t.Any]) -> _Write:
    return _put(session, "MSFT_NetFirewallRule", [_keys(name, "PolicyRuleName")], {"Profiles": arguments["profiles"]})


def _set_addresses(session: CimSession, name: str, arguments: Mapping[str, t.Any]) -> _Write:
    new: dict[str, CimValue] = {"RemoteAddress": list(arguments["addresses"])}
    return _put(session, "MSFT_NetAddressFilter", _filter_keys(name), new)


def _set_port(session: CimSession, name: str, arguments: Mapping[str, t.Any]) -> _Write:
    new: dict[str, CimValue] = {"Protocol": "TCP", "LocalPort": [str(arguments["port"])]}
    return _put(session, "MSFT_NetProtocolPortFilter", _filter_keys(name), new)


def _filter_keys(name: str) -> list[dict[str, str]]:
    """Which keys a filter has over WS-Management is unverified: those of its base class, else the one it documents."""
    return [_keys(name, "Name"), {"InstanceID": name}]


def _put(
    session: CimSession, class_name: str, possible_keys: list[dict[str, str]], new: Mapping[str, CimValue]
) -> _Write:
    """Read the instance, to write it back with what is new: a Put replaces all of it. Source: WS-Transfer, "Put"."""
    keys, *others = possible_keys
    try:
        found = session.get(class_name, keys, namespace=FIREWALL_NAMESPACE)
    except CimFault as fault:
        if not others or isinstance(fault, OperationTimedOut):
            raise
        return _put(session, class_name, others, new)
    changed = {name.lower() for name in new}
    kept = {name: value for name, value in found.properties.items() if name.lower() not in changed}
    return lambda: session.put(class_name, keys, {**kept, **new}, namespace=FIREWALL_NAMESPACE)


def _raise_hresult(output: CimInstance, method: str) -> None:
    code = output.integer("ReturnValue")
    if code:
        known = explain(code & 0xFFFFFFFF)
        raise CimFault(
            f"MSFT_NetFirewallRule.{method} failed with {known}.", operation=method, code=known.code, name=known.name
        )


_WAYS: dict[str, _Way] = {
    CREATE_RULE: _create,
    SET_PORT: _set_port,
    SET_PROFILES: _set_profiles,
    SET_ADDRESSES: _set_addresses,
    ENABLE: _switch("Enable"),
    DISABLE: _switch("Disable"),
}
