# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of a KMS host, and the marker in the registry that says that there is one. All of it pure.

`slmgr` leaves KeyManagementServiceVersion in the registry as long as a machine has a KMS host key, for management
software to find. Here it says one thing more: as long as it is there, no setting waits for the service to restart. No
property of Windows tells that, and a run that is interrupted just before the restart would never be made good.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported

from ._host_state import LICENSING_SERVICE, DesiredHost, HostState
from ._plan import (
    ANY_HOST_KEY,
    DELETE_VALUE,
    RESTART,
    SET_VALUE,
    START,
    Argument,
    Change,
    RegistryTarget,
    Scalar,
    ServiceTarget,
    WindowsServiceTarget,
)
from ._publishing import plan_domains
from ._registry_levels import SPP_KEY

MARKER = "KeyManagementServiceVersion"

KEYS_OF_32_BIT, _NAME = SPP_KEY.replace("SOFTWARE\\", "SOFTWARE\\Wow6432Node\\", 1).rsplit("\\", 1)
"""Where 32-bit programs look on a 64-bit Windows. slmgr writes there only if the key exists."""

ACTIVATION_INTERVAL, RENEWAL_INTERVAL = "VLActivationInterval", "VLRenewalInterval"
DEFAULT_INTERVALS = {ACTIVATION_INTERVAL: 120, RENEWAL_INTERVAL: 10080}
"""Minutes, in force where nothing is set. Source: kms_rules.yaml, intervals"""

_SERVICE = WindowsServiceTarget(LICENSING_SERVICE)
_MARKER = RegistryTarget(SPP_KEY, MARKER)
_MARKER_OF_32_BIT = RegistryTarget(f"{KEYS_OF_32_BIT}\\{_NAME}", MARKER)


def refuse_other_machines(state: HostState, desired: DesiredHost, *, will_be_host: bool) -> None:
    """Raise BadInput for a setting that would be changed on a machine that is no KMS host."""
    changes = [*setting_changes(state, desired), *interval_changes(state, desired, will_be_activated=True)]
    if will_be_host or not changes:
        return
    names = " and ".join(change.setting for change in changes)
    raise BadInput(
        f"{state.system.computer_name} is not a KMS host, so {names} mean{'s' if len(changes) == 1 else ''} nothing "
        f"there. Nothing was changed. Give product_keys too.",
        operation="plan",
        target=state.system.computer_name,
        hint="product_keys",
    )


def setting_changes(state: HostState, desired: DesiredHost) -> Iterator[Change]:
    """Port, publishing and priority. They take effect when the service restarts."""
    service = state.service
    yield from _setting(
        "SetKeyManagementServiceListeningPort",
        "listening_port",
        service.listening_port,
        desired.listening_port,
        {"PortNumber": desired.listening_port or 0},
    )
    # One method for both directions. Source: SoftwareLicensingService class.
    yield from _setting(
        "DisableKeyManagementServiceDnsPublishing",
        "dns_publishing",
        service.dns_publishing,
        desired.dns_publishing,
        {"DisablePublishing": not desired.dns_publishing},
    )
    yield from _setting(
        "EnableKeyManagementServiceLowPriority",
        "low_priority",
        service.low_priority,
        desired.low_priority,
        {"EnableLowPriority": bool(desired.low_priority)},
    )
    if desired.publish_domains is not None:
        yield from plan_domains(state.publish_domains or (), desired.publish_domains)


def interval_changes(state: HostState, desired: DesiredHost, *, will_be_activated: bool) -> Iterator[Change]:
    """What the host tells its clients. Windows takes it from a host that is activated only (0xC004F039 else)."""
    if not (will_be_activated or any(row.is_licensed for row in state.host_products)):
        return
    service = state.service
    for method, setting, argument, before, after in (
        (
            "SetVLActivationInterval",
            "activation_interval",
            "ActivationInterval",
            service.activation_interval or DEFAULT_INTERVALS[ACTIVATION_INTERVAL],
            desired.activation_interval,
        ),
        (
            "SetVLRenewalInterval",
            "renewal_interval",
            "RenewalInterval",
            service.renewal_interval or DEFAULT_INTERVALS[RENEWAL_INTERVAL],
            desired.renewal_interval,
        ),
    ):
        for change in _setting(method, setting, before, after, {argument: after or 0}):
            yield dataclasses.replace(change, once_licensed=ANY_HOST_KEY)


def _setting(
    method: str, setting: str, before: Scalar, after: Scalar, arguments: dict[str, Argument]
) -> Iterator[Change]:
    if after is not None and before != after:
        yield Change(method, ServiceTarget(), setting, before, after, arguments=arguments)


def waiting_intervals(state: HostState, desired: DesiredHost, *, will_be_activated: bool) -> bool:
    """Whether intervals are asked for that Windows would refuse, because no host key is activated yet."""
    now = list(interval_changes(state, desired, will_be_activated=will_be_activated))
    return bool(list(interval_changes(state, desired, will_be_activated=True))) and not now


def service_changes(state: HostState, desired: DesiredHost, *, has_new_settings: bool) -> Iterator[Change]:
    """One restart for all settings; else a start, where the service of a host does not run."""
    is_host, service = bool(state.host_products), state.windows_service
    may_be_due = is_host and desired.is_about_service and state.has_marker is False
    if has_new_settings or may_be_due:
        yield restart(state)
    elif is_host and service is not None and service.state not in ("Running", "Start Pending", "Unknown"):
        yield Change(START, _SERVICE, f"{LICENSING_SERVICE} state", service.state, "Running")


def restart(state: HostState) -> Change:
    """The restart of the licensing service. Raises NotSupported where it could be stopped, and not be started again."""
    service, name = state.windows_service, state.system.computer_name
    if service is not None and service.start_mode == "Disabled":
        raise NotSupported(
            f"The start type of {LICENSING_SERVICE} on {name} is Disabled, so it could be stopped but not be started "
            f"again, and what is to be changed takes effect with a restart only. Nothing was changed. Run there: sc "
            f"config {LICENSING_SERVICE} start= delayed-auto",
            operation="plan",
            target=LICENSING_SERVICE,
            hint=f"sc config {LICENSING_SERVICE} start= delayed-auto",
        )
    return Change(RESTART, _SERVICE, LICENSING_SERVICE, None, None)


def has_32_bit_view(keys: Iterable[str]) -> bool:
    """Whether the key of 32-bit programs is among those at its place."""
    return _NAME.lower() in (key.lower() for key in keys)


def set_marker(state: HostState) -> Iterator[Change]:
    """Say in the registry that this is a KMS host, as slmgr does: first for 32-bit programs, where there are any."""
    version = state.service.version
    if state.has_32_bit_view and not state.has_marker:
        yield Change(SET_VALUE, _MARKER_OF_32_BIT, "kms_version_32_bit", None, version, arguments={"value": version})
    before = version if state.has_marker else None
    yield Change(SET_VALUE, _MARKER, "kms_version", before, version, arguments={"value": version})


def withdraw_marker(state: HostState, *, for_good: bool) -> Iterator[Change]:
    """Take that back, where it is there. Not `for_good`: while settings wait for a restart."""
    if not state.has_marker:
        return
    if for_good:
        yield Change(DELETE_VALUE, _MARKER_OF_32_BIT, "kms_version_32_bit", "set", None)
    yield Change(DELETE_VALUE, _MARKER, "kms_version", "set", None if for_good else "set")
