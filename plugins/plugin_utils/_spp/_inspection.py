# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client or a host looked at more closely than managing it needs: registry, event log, updates, where wanted."""

from __future__ import annotations

import enum
import typing as t
from collections.abc import Collection

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault

from ._client_state import ClientState
from ._codes import Family, Scope
from ._converge import observe_client
from ._dns_suffixes import read_suffixes
from ._events import DAYS, read_history, read_publishing
from ._host_results import host_result, publishing_result, updates_result
from ._host_run import observe_host
from ._hresult import name_fault
from ._licensing import Licensing
from ._preflight import read_all_updates
from ._registry import Registry
from ._registry_levels import read_settings
from ._results import client_result, dns_result, history_result, registry_result

Result = dict[str, t.Any]


class Section(str, enum.Enum):
    """What is read only when it is asked for: it takes more requests, or more time."""

    REGISTRY = "registry"
    EVENTS = "events"
    DNS = "dns"


def inspect_client(
    licensing: Licensing, scope: Scope = Scope.ALL, sections: Collection[Section] = (), days: int = DAYS
) -> Result:
    """The result of one observation, and of the sections asked for. `days` is how far back the log is read.

    A section that cannot be read is null, with a reason. Raises KmsError where the machine itself cannot be read.
    """
    state = observe_client(licensing, scope)
    result = client_result(state)
    if Section.REGISTRY in sections:
        result["registry"] = _registry(licensing, state)
    if Section.DNS in sections:
        result["dns"] = _dns(licensing, state)
    if Section.EVENTS in sections:
        result["events"] = history_result(read_history(licensing.session, state.system.clock, days))
    return result


class HostSection(str, enum.Enum):
    """The same for a host."""

    FIREWALL = "firewall"
    EVENTS = "events"
    UPDATES = "updates"


def inspect_host(licensing: Licensing, sections: Collection[HostSection] = (), days: int = DAYS) -> Result:
    """The result of one observation of a host, and of the sections asked for: five requests, eight with the firewall.

    Raises KmsError as `inspect_client` does.
    """
    firewall = HostSection.FIREWALL in sections
    state = observe_host(licensing, firewall=firewall, publish_domains=True, intervals=True)
    result = host_result(state)
    if HostSection.EVENTS in sections:
        result["host"] |= publishing_result(read_publishing(licensing.session, state.system.clock, days))
    if HostSection.UPDATES in sections:
        result["host"]["updates"] = updates_result(state.system, read_all_updates(licensing, state.system))
    return result


def _registry(licensing: Licensing, state: ClientState) -> Result:
    families = {family: [product for product in state.products if product.family is family] for family in Family}
    try:
        settings = read_settings(Registry(licensing.session), families[Family.SPP], families[Family.OSPP])
    except CimFault as fault:
        named = name_fault(fault, "The registry could not be read")
        return registry_result(None, named.message)
    return registry_result(settings)


def _dns(licensing: Licensing, state: ClientState) -> Result:
    try:
        suffixes = read_suffixes(Registry(licensing.session), state.service.lookup_domain)
    except CimFault as fault:
        return dns_result(None, name_fault(fault, "The registry could not be read").message)
    return dns_result(suffixes)
