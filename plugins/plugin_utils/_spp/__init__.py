# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume activation as a domain: products, keys, clients and hosts. It knows CIM sessions and no Ansible."""

from __future__ import annotations

from ._client import ClientState, DesiredClient, plan_client, still_pending
from ._codes import Activate, ActivationType, AddressLevel, Channel, Family, LicenseStatus, Outcome, Scope
from ._converge import Convergence, converge_client, observe_client, run_client
from ._diagnose import Network
from ._firewall import DesiredFirewall
from ._firewall_rules import Profile
from ._host import DesiredHost, HostState, plan_host
from ._host_options import desired_host
from ._host_results import host_result
from ._host_run import converge_host, observe_host, run_host
from ._hresult import explain, name_fault
from ._inspection import HostSection, Section, inspect_client, inspect_host
from ._keys import ProductKey
from ._license_files import LicenseFile
from ._licensing import Licensing
from ._options import desired_client
from ._plan import Change, Plan
from ._results import client_result, run_result
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
    "DesiredFirewall",
    "DesiredHost",
    "Family",
    "HostSection",
    "HostState",
    "LicenseFile",
    "LicenseStatus",
    "Licensing",
    "Network",
    "Outcome",
    "Plan",
    "Profile",
    "ProductKey",
    "Scope",
    "Section",
    "client_result",
    "converge_client",
    "converge_host",
    "desired_client",
    "desired_host",
    "explain",
    "host_result",
    "inspect_client",
    "inspect_host",
    "name_fault",
    "observe_client",
    "observe_host",
    "plan_client",
    "plan_host",
    "run_client",
    "run_host",
    "run_result",
    "run_selftest",
    "still_pending",
]
