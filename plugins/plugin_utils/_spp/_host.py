# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a KMS host, from what a machine is to what it should be. All of it pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ._codes import Activate
from ._firewall import plan_firewall
from ._host_keys import activation_changes, key_changes, new_keys
from ._host_retire import plan_retirement
from ._host_settings import (
    interval_changes,
    refuse_other_machines,
    service_changes,
    set_marker,
    setting_changes,
    withdraw_marker,
)
from ._host_state import LICENSING_SERVICE, DesiredHost, HostState
from ._plan import ACTIVATE, ANY_HOST_KEY, DEPOSIT, INSTALL_KEY, Change, Plan
from ._preflight import refuse_host

__all__ = ["LICENSING_SERVICE", "DesiredHost", "HostState", "plan_host", "spends", "will_be_activated"]

_SPENDING = (INSTALL_KEY, ACTIVATE, DEPOSIT)


def plan_host(state: HostState, desired: DesiredHost) -> Plan:
    """Everything that differs: licences, keys, settings, activation, restart, marker, firewall.

    Activations of a host key can't be bought back (6 hosts, 10 activations each), so a key that is installed is not
    installed again, and a licensed host is not activated again. What is published is settled before the activation,
    which publishes it; the firewall opens last. Raises before anything is changed.
    """
    if desired.absent:
        return plan_retirement(state, desired)
    keys = new_keys(state, desired)
    if keys:
        refuse_host(state.system)
    will_be_host = bool(keys or state.host_products)
    refuse_other_machines(state, desired, will_be_host=will_be_host)
    activations = list(activation_changes(state, desired, keys))
    settings = list(setting_changes(state, desired))
    intervals = list(interval_changes(state, desired, will_be_activated=bool(activations)))
    service = list(service_changes(state, desired, has_new_settings=bool(settings or intervals)))
    changes = list(withdraw_marker(state, for_good=False)) if settings or intervals else []
    waits_for_marker = will_be_host and (bool(changes) or state.has_marker is False)
    changes += key_changes(state, desired, keys)
    marker = set_marker(state) if waits_for_marker else ()
    firewall = list(_firewall_changes(state, desired))
    if activations and not any(row.is_licensed for row in state.host_products):
        # A host that Microsoft refuses to activate stays closed: it could activate nobody.
        firewall = [dataclasses.replace(change, once_licensed=ANY_HOST_KEY) for change in firewall]
    rest = [*settings, *activations, *intervals, *service, *marker, *firewall]
    is_new = bool(keys) and not state.host_products
    return Plan((*changes, *(_once_host(change) if is_new else change for change in rest)))


def _once_host(change: Change) -> Change:
    """Of a new host: nothing is set up where every key was refused."""
    return change if change.product is not None else dataclasses.replace(change, once_there=ANY_HOST_KEY)


def _firewall_changes(state: HostState, desired: DesiredHost) -> Iterator[Change]:
    if desired.firewall is None or state.firewall is None:
        return
    port = desired.listening_port or state.service.listening_port
    yield from plan_firewall(state.firewall, desired.firewall, port, state.system.computer_name)


def spends(plan: Plan, desired: DesiredHost) -> bool:
    """Whether the plan may use up an activation of a host key. Retiring a host uses none: a client's are free."""
    return not desired.absent and any(operation in _SPENDING for operation in plan.operations)


def will_be_activated(plan: Plan, desired: DesiredHost) -> bool:
    """Whether the plan activates a licence of a host."""
    return desired.activate is not Activate.NEVER or DEPOSIT in plan.operations
