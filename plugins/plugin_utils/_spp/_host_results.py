# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a KMS host as a module result: builtins only."""

from __future__ import annotations

from collections.abc import Collection

from ._codes import activation_threshold
from ._converge import Convergence
from ._events import NOT_PUBLISHED, Publishing, PublishingHistory
from ._firewall_rules import FirewallState, Policy, Profile, Rule
from ._host_matrix import known_names, look_up
from ._host_state import HostState
from ._hresult import explain
from ._preflight import Updates, clock_skew, why_never_host
from ._results import Result, iso, outcome_result, product_result, system_result
from ._rows import OperatingSystem, Product

WINDOWS_CLIENT = "windows_client"
WINDOWS_SERVER = "windows_server"
OFFICE = "office"
CLASSES = (WINDOWS_CLIENT, WINDOWS_SERVER, OFFICE)
"""Classes of requesters: each has its threshold, and counts come from the host key that serves it (F05)."""


def host_result(state: HostState, run: Convergence[HostState] | None = None) -> Result:
    """`host` and `operating_system` of a KMS host; with the `run` that left the state also the outcomes of activation.

    What is null is absent, unless `unknown` beside it gives the reason. `firewall` and `publish_domains` are null where
    they were not asked.
    """
    products = [_host_product(product, state, run) for product in state.host_products]
    return {
        "host": {
            "is_kms_host": state.service.is_kms_host or bool(products),
            "products": products,
            "readiness": _readiness_of_all(products),
            "service": _service(state),
            "firewall": None
            if state.firewall is None
            else firewall_result(state.firewall, state.service.listening_port),
            "clock_skew_seconds": _skew(state),
        },
        "operating_system": system_result(state.system),
    }


def _host_product(product: Product, state: HostState, run: Convergence[HostState] | None) -> Result:
    # 0 and -1 both mean that no client has asked yet (F17).
    count = product.current_count or 0
    return {
        **product_result(product, state.system),
        "current_count": count,
        "required_client_count": product.required_count,
        "nobody_has_asked": count == 0 and not product.total_requests,
        "readiness": {name: _class_readiness(product, name) for name in _served_classes(product, state.system)},
        "counters": {
            "total": product.total_requests,
            "failed": product.failed_requests,
            "unlicensed": product.unlicensed_requests,
            "licensed": product.licensed_requests,
            "initial_grace": product.oob_grace_requests,
            "additional_grace": product.oot_grace_requests,
            "non_genuine_grace": product.non_genuine_grace_requests,
            "notification": product.notification_requests,
        },
        "installation_id": state.installation_ids.get(product.activation_id),
        **outcome_result(product, run),
    }


def _served_classes(product: Product, system: OperatingSystem) -> tuple[str, ...]:
    """A host on a client Windows activates clients only. Source: kms-activation-planning."""
    if product.is_office:
        return (OFFICE,)
    return (WINDOWS_CLIENT, WINDOWS_SERVER) if system.is_server else (WINDOWS_CLIENT,)


def _class_readiness(product: Product, name: str) -> Result:
    threshold = activation_threshold(name == WINDOWS_SERVER, name == OFFICE)
    count = product.current_count or 0
    return {
        "threshold": threshold,
        "current_count": count,
        "missing": max(0, threshold - count),
        "ready": product.is_licensed and count >= threshold,
    }


def _readiness_of_all(products: list[Result]) -> Result:
    """The readiness of the whole host by class; of several host keys of Office that of the one that lacks most.

    Null for a class that no key serves. Products have counts of their own, which are never added up.
    """
    found: Result = {}
    for name in CLASSES:
        of_class = [product["readiness"][name] for product in products if name in product["readiness"]]
        found[name] = min(of_class, key=lambda each: (each["ready"], -each["missing"]), default=None)
    return found


def _service(state: HostState) -> Result:
    service, windows = state.service, state.windows_service
    domains = state.publish_domains
    return {
        "state": windows.state if windows else None,
        "start_mode": windows.start_mode if windows else None,
        "listening_port": service.listening_port,
        "activation_interval_minutes": service.activation_interval,
        "renewal_interval_minutes": service.renewal_interval,
        "low_priority": service.low_priority,
        "dns_publishing": service.dns_publishing,
        "publish_domains": None
        if domains is None
        else [{"domain": each.domain, "priority": each.priority, "weight": each.weight} for each in domains],
    }


def _skew(state: HostState) -> float | None:
    if state.clock_read is None:
        return None
    skew = clock_skew(state.system, *state.clock_read)
    return None if skew is None else round(skew, 1)


def firewall_result(state: FirewallState, port: int) -> Result:
    """`firewall`: whom the rules for the KMS let in on its `port`, and what Group Policy makes of them."""
    return {
        "supported": state.rules is not None,
        "open_in": None if state.rules is None else _profiles(state.open_in(port)),
        "exposed": None if state.rules is None else state.is_exposed,
        "rules": [_rule(rule) for rule in state.rules or ()],
        "policy": _policy(state.policy),
    }


def _rule(rule: Rule) -> Result:
    return {
        "name": rule.name,
        "built_in": rule.is_built_in,
        "enabled": rule.enabled,
        "action": "allow" if rule.allows else "block",
        "profiles": _profiles(rule.profiles),
        "remote_addresses": None if rule.addresses is None else list(rule.addresses),
        "port": rule.port,
    }


def _policy(policy: Policy) -> Result:
    return {
        "local_rules_ignored_in": _profiles(policy.local_rules_void),
        "everything_blocked_in": _profiles(policy.everything_blocked),
        "rules": [
            {
                "name": rule.name,
                "enabled": rule.enabled,
                "action": "allow" if rule.allows else "block",
                "profiles": _profiles(rule.profiles),
                "remote_addresses": list(rule.addresses),
                "ports": None
                if rule.ports is None
                else [str(first) if first == last else f"{first}-{last}" for first, last in rule.ports],
            }
            for rule in policy.rules
        ],
        "unread_rules": policy.unread,
    }


def _profiles(profiles: Collection[Profile]) -> list[str]:
    return [profile.value for profile in Profile if profile in profiles]


def publishing_result(history: PublishingHistory) -> Result:
    """`last_publishing`, and `publishing` by domain: both null where the log could not be read, for a reason."""
    attempts = None if history.attempts is None else [_attempt(attempt) for attempt in history.attempts]
    return {
        "last_publishing": attempts[0] if attempts else None,
        "publishing": attempts,
        "publishing_reason": history.reason,
    }


def _attempt(attempt: Publishing) -> Result:
    known = None if attempt.code is None else explain(attempt.code)
    failed = attempt.event == NOT_PUBLISHED
    return {
        "event": attempt.event,
        "recorded": iso(attempt.recorded),
        "domain": attempt.domain,
        "succeeded": not failed,
        "code": known.hexadecimal if known else None,
        "code_name": known.name if known and failed else None,
        "code_meaning": known.meaning if known and failed else None,
        "code_cause": known.cause if known and failed else None,
        "code_remedy": known.remedy if known and failed else None,
    }


def updates_result(system: OperatingSystem, updates: Updates) -> Result:
    """`updates`: what the machine has, and for each product whether it can be a KMS host for it."""
    return {
        "revision": updates.revision,
        "installed": None if updates.kbs is None else sorted(updates.kbs),
        "reason": updates.reason,
        "can_host": [_hosting(system, updates, name) for name in known_names()],
    }


def _hosting(system: OperatingSystem, updates: Updates, name: str) -> Result:
    answer = look_up(system, name)
    there: bool | None = True if answer.update is None else updates.has(answer.update, system)
    refusal = why_never_host(system) or answer.refusal or ("the update is missing" if there is False else None)
    doubt = answer.doubt or ("whether the update is there could not be told" if there is None else None)
    return {
        "name": name,
        "possible": False if refusal else None if doubt else True,
        "required_update": str(answer.update) if answer.update else None,
        "reason": refusal or doubt,
    }
