# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume activation as a domain: products, keys, clients and hosts. It knows CIM sessions and no Ansible."""

from __future__ import annotations

from ._client import ClientState, DesiredClient, plan_client, still_pending
from ._codes import Activate, ActivationType, AddressLevel, Channel, Family, LicenseStatus, Outcome, Scope
from ._converge import (
    Convergence,
    converge_client,
    converge_host,
    observe_client,
    observe_host,
    run_client,
)
from ._host import DesiredHost, HostState, plan_host
from ._hresult import explain, name_fault
from ._inspection import Section, inspect_client
from ._keys import ProductKey
from ._licensing import Licensing
from ._options import desired_client
from ._plan import Change, Plan
from ._results import client_result, host_result, run_result
from ._selftest import run_selftest

__all__ = [
    "Activate",
    "ActivationType",
    "AddressLevel",
    "Change",
    "Channel",
    "ClientState",
    "Convergence",
    "DesiredClient",
    "DesiredHost",
    "Family",
    "HostState",
    "LicenseStatus",
    "Licensing",
    "Outcome",
    "Plan",
    "ProductKey",
    "Scope",
    "Section",
    "client_result",
    "converge_client",
    "converge_host",
    "desired_client",
    "explain",
    "host_result",
    "inspect_client",
    "name_fault",
    "observe_client",
    "observe_host",
    "plan_client",
    "plan_host",
    "run_client",
    "run_result",
    "run_selftest",
    "still_pending",
]
