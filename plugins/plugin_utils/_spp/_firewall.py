# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Windows firewall of a KMS host: what a user asks of it, and the plan that gets there. All of it pure."""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported

from ._codes import DEFAULT_KMS_PORT
from ._firewall_addresses import ANY, KEYWORDS, is_any, known
from ._firewall_netsh import netsh_command
from ._firewall_rules import (
    ALL_PROFILES,
    CREATE_RULE,
    DISABLE,
    DOMAIN_RULE,
    ENABLE,
    OWN_RULES,
    SET_ADDRESSES,
    SET_PORT,
    SET_PROFILES,
    USUAL_PROFILES,
    FirewallState,
    Policy,
    Profile,
    Rule,
    exposure,
    mask_of,
    named,
)
from ._plan import Change, FirewallTarget

__all__ = ["DesiredFirewall", "FirewallState", "Profile", "desired_firewall", "plan_firewall"]

_WHY_NOT_PUBLIC = (
    "A KMS host answers whoever reaches it, so it must never be open to a network that nobody controls, such as the "
    "internet (F16)."
)


@dataclass(frozen=True, slots=True)
class DesiredFirewall:
    """What a user asks of the firewall. None means: leave it as it is."""

    enabled: bool
    profiles: frozenset[Profile] | None = None
    remote_addresses: tuple[str, ...] | None = None
    allow_public: bool = False


def desired_firewall(options: Mapping[str, t.Any] | None) -> DesiredFirewall | None:
    """The suboptions of `firewall` as a desired state. Raises BadInput for an address that Windows would not take."""
    if not options:
        return None
    profiles, addresses = options.get("profiles"), options.get("remote_addresses")
    return DesiredFirewall(
        enabled=options["state"] == "enabled",
        profiles=frozenset(Profile(name) for name in profiles) if profiles else None,
        remote_addresses=_checked(addresses) if addresses else None,
        allow_public=bool(options.get("allow_public")),
    )


def plan_firewall(state: FirewallState, desired: DesiredFirewall, port: int, computer_name: str) -> Iterator[Change]:
    """What makes the firewall as it should be, for the TCP `port` that the host listens on.

    Port 1688 has built-in rules; another one gets a rule of our own. Rules are never deleted: closing is switching off.
    Raises BadInput for what would open the host to the internet, and NotSupported where the firewall can't be managed
    over CIM or Group Policy would void it; nothing was changed then.
    """
    if state.rules is None:
        raise _no_class(desired, port, computer_name)
    if not desired.enabled:
        _refuse_closing_against_policy(state.policy, port, computer_name)
        yield from (_switch(rule, on=False) for rule in state.rules if rule.enabled and rule.allows)
        return
    for rule, wanted in _wanted(state.rules, desired, port):
        if wanted.enabled:
            if _is_open_by_policy(state.policy, wanted):
                continue
            _refuse_exposure(wanted, desired, computer_name)
            _refuse_opening_against_policy(state.policy, wanted, computer_name)
        yield from _changes(rule, wanted)


def _wanted(rules: tuple[Rule, ...], desired: DesiredFirewall, port: int) -> Iterator[tuple[Rule | None, Rule]]:
    """Each rule that is managed, as it is (None: it is missing) and as it should be."""
    built_in = [rule for rule in rules if rule.is_built_in and rule.allows and port == DEFAULT_KMS_PORT]
    own = [rule for rule in rules if not rule.is_built_in]
    serving = built_in or [rule for rule in own if rule.port == port]
    for rule in serving:
        yield rule, _as_desired(rule, desired, serving)
    if not serving:
        profiles = desired.profiles or USUAL_PROFILES
        yield None, Rule(f"{OWN_RULES}{port}", True, profiles, desired.remote_addresses or (ANY,), port=port)
    for rule in own:
        if rule not in serving and rule.enabled:
            yield rule, dataclasses.replace(rule, enabled=False)


def _as_desired(rule: Rule, desired: DesiredFirewall, serving: list[Rule]) -> Rule:
    """Where client Windows splits the networks between two rules, each keeps to its own; one without any is closed."""
    profiles = rule.profiles
    if desired.profiles is not None:
        is_split = len(serving) > 1
        own_share = {Profile.DOMAIN} if rule.name == DOMAIN_RULE else ALL_PROFILES - {Profile.DOMAIN}
        profiles = desired.profiles & own_share if is_split else desired.profiles
        if not profiles:
            return dataclasses.replace(rule, enabled=False)
    addresses = desired.remote_addresses or rule.addresses
    return dataclasses.replace(rule, enabled=True, profiles=profiles, addresses=addresses, is_for_port=True)


def _changes(rule: Rule | None, wanted: Rule) -> Iterator[Change]:
    """From `rule` to `wanted`. It is switched on last, and only after a look at what was written before."""
    if not wanted.enabled:
        if rule is not None and rule.enabled:
            yield _switch(rule, on=False)
        return
    settings = list(_settings(rule, wanted))
    yield from settings
    if rule is None or not rule.enabled:
        yield _switch(wanted, on=True, is_checked=bool(settings) or not wanted.is_built_in)


def _settings(rule: Rule | None, wanted: Rule) -> Iterator[Change]:
    target = FirewallTarget(wanted.name)
    mask = mask_of(wanted.profiles)
    if rule is None:
        yield Change(CREATE_RULE, target, _setting(wanted, "rule"), None, wanted.label, {"profiles": mask})
    if rule is None or not rule.is_for_port:
        yield Change(SET_PORT, target, _setting(wanted, "port"), None, wanted.port, {"port": wanted.port})
    known = rule or dataclasses.replace(wanted, addresses=(ANY,))
    profiles = [
        Change(
            SET_PROFILES,
            target,
            _setting(wanted, "profiles"),
            named(known.profiles),
            named(wanted.profiles),
            {"profiles": mask},
        )
    ]
    before, after = known.addresses, wanted.addresses or ()
    addresses = [
        Change(
            SET_ADDRESSES,
            target,
            _setting(wanted, "remote_addresses"),
            None if before is None else ", ".join(before),
            ", ".join(after),
            {"addresses": after},
        )
    ]
    if known.profiles == wanted.profiles:
        profiles = []
    if set(before or ()) == set(after):
        addresses = []
    # Whatever narrows comes first: a rule that is on must not be wide open in between.
    yield from profiles + addresses if wanted.profiles <= known.profiles else addresses + profiles


def _switch(rule: Rule, *, on: bool, is_checked: bool = False) -> Change:
    expected: dict[str, t.Any] = {}
    if is_checked:
        expected = {"profiles": mask_of(rule.profiles), "port": rule.port}
        expected |= {"addresses": rule.addresses} if rule.addresses is not None else {}
    return Change(
        ENABLE if on else DISABLE, FirewallTarget(rule.name), _setting(rule, "enabled"), not on, on, arguments=expected
    )


def _setting(rule: Rule, name: str) -> str:
    return f"firewall {rule.name} {name}"


def _refuse_exposure(wanted: Rule, desired: DesiredFirewall, computer_name: str) -> None:
    found = [] if desired.allow_public else exposure(wanted)
    if not found:
        return
    if found == [ANY]:
        what = f"open TCP {wanted.port} of {computer_name} to any address on public networks"
        hint = "Give firewall.profiles without public, or firewall.remote_addresses, or firewall.allow_public: true."
    else:
        what = f"open TCP {wanted.port} of {computer_name} to public addresses ({', '.join(found)})"
        hint = "Give firewall.remote_addresses of your own networks, or firewall.allow_public: true."
    raise BadInput(
        f"The firewall rule {wanted.name} would {what}. {_WHY_NOT_PUBLIC} Nothing was changed. {hint}",
        operation="plan",
        target="firewall",
        hint=hint,
    )


def _is_open_by_policy(policy: Policy, wanted: Rule) -> bool:
    """Whether rules of Group Policy let clients in wherever the local one would, and the local one is void anyway."""
    return wanted.profiles <= policy.local_rules_void and wanted.profiles <= policy.opens(wanted.port)


def _refuse_opening_against_policy(policy: Policy, wanted: Rule, computer_name: str) -> None:
    if wanted.profiles <= policy.everything_blocked:
        why = "a Group Policy lets nothing in there"
    elif wanted.profiles <= policy.blocks(wanted.port):
        why = f"{_those(policy, wanted.port, allow=False)} of a Group Policy blocks it"
    elif wanted.profiles <= policy.void:
        why = "a Group Policy makes local rules void there (Apply local firewall rules: No)"
    else:
        return
    raise _against_policy(
        f"Opening TCP {wanted.port} of {computer_name} on {named(wanted.profiles)} networks would have no effect: "
        f"{why}. Nothing was changed. Add an inbound rule for TCP {wanted.port} to that Group Policy, and leave the "
        f"option firewall out."
    )


def _refuse_closing_against_policy(policy: Policy, port: int, computer_name: str) -> None:
    opening = policy.opens(port)
    if opening:
        raise _against_policy(
            f"Closing TCP {port} of {computer_name} would have no effect: {_those(policy, port, allow=True)} of a "
            f"Group Policy lets clients in on {named(opening)} networks. Nothing was changed. Change that Group "
            f"Policy, and leave the option firewall out."
        )


def _those(policy: Policy, port: int, *, allow: bool) -> str:
    """The rules of a policy that are meant, by name."""
    names = [rule.name for rule in policy.rules if rule.allows is allow and rule.acts_on(port)]
    return f"the rule {', '.join(names)}"


def _against_policy(message: str) -> NotSupported:
    return NotSupported(
        message, operation="plan", target="firewall", hint="Run `gpresult /h report.html` on the machine to see which."
    )


def _no_class(desired: DesiredFirewall, port: int, computer_name: str) -> NotSupported:
    command = netsh_command(desired.enabled, port, desired.profiles, desired.remote_addresses)
    return NotSupported(
        f"{computer_name} has no classes that manage its firewall over CIM, as Windows 7 and Server 2008 R2. Nothing "
        f"was changed. Leave the option firewall out, and run there once: {command}",
        operation="plan",
        target="firewall",
        hint=command,
    )


def _checked(addresses: t.Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for address in addresses:
        spelling = known(str(address))
        if spelling is None:
            raise BadInput(
                f"firewall.remote_addresses has {address!r}, which is neither an address, a prefix, a range nor one of "
                f"{', '.join(KEYWORDS)}. Nothing was changed. Write it as 192.0.2.7, 192.0.2.0/24 or "
                f"192.0.2.7-192.0.2.19.",
                target="firewall.remote_addresses",
                hint="Windows Firewall takes no host names.",
            )
        found.append(spelling)
    if is_any(found) and len(set(found)) > 1:
        raise BadInput(
            "firewall.remote_addresses has Any beside other addresses, which then mean nothing. Nothing was changed. "
            "Leave out Any, or everything else.",
            target="firewall.remote_addresses",
        )
    return tuple(dict.fromkeys(found))
