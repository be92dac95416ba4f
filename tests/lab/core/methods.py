# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the CIM methods of a machine do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..effects import Wait
from .activation import activate, be_licensed
from .faults import WBEM_INVALID_PARAMETER, WBEM_NOT_SUPPORTED, timed_out
from .firewall_wmi import FirewallNotSupported, FirewallRefusal, clone_rule, switch_rule
from .keys_on_machine import bring_activations_back, install_key, parse_key, uninstall_key
from .kms import INTERVAL_MAXIMUM, INTERVAL_MINIMUM
from .licence import LicenceRow
from .licence_files import install_licence
from .machine import Machine
from .publishing import begin_to_publish
from .rearm import rearm_application, rearm_sku, rearm_windows
from .registry import registry_method
from .telephone import refusal
from .values import CimValue
from .world import BackgroundTask, SppFailure, Steps, World

SUCCESS: Mapping[str, CimValue] = {"ReturnValue": 0}
EMPTY: Mapping[str, CimValue] = {}

#: Win32_Service: the control cannot be accepted in this state; dependent services run.
_CANNOT_ACCEPT, _DEPENDENTS_RUN = 5, 3


@dataclass(frozen=True, slots=True)
class Call:
    """One method call: on which product, with which arguments (by lower-case name); `timeout` in seconds.

    `ospp`: of the classes of Office. `name`: of a Win32_Service, or of a firewall rule.
    """

    world: World
    machine: Machine
    row: LicenceRow | None
    arguments: Mapping[str, CimValue]
    timeout: float
    ospp: bool = False
    name: str = ""

    def text(self, name: str) -> str:
        """A text argument that must not be empty. Raises SppFailure (invalid argument)."""
        value = self.arguments.get(name)
        if not isinstance(value, str) or not value.strip():
            raise SppFailure(self.machine.dialect.invalid_argument)
        return value.strip()

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number in a range. Raises SppFailure (invalid argument)."""
        value = self.arguments.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise SppFailure(self.machine.dialect.invalid_argument)
        return value

    def flag(self, name: str) -> bool:
        """A boolean. Raises SppFailure (invalid argument)."""
        value = self.arguments.get(name)
        if not isinstance(value, bool):
            raise SppFailure(self.machine.dialect.invalid_argument)
        return value


Method = Callable[[Call], Steps[Mapping[str, CimValue]]]


def at_once(action: Callable[[Call], Mapping[str, CimValue] | None]) -> Method:
    """A method that needs neither the world nor time; without a result of its own it returns 0."""

    def method(call: Call) -> Steps[Mapping[str, CimValue]]:
        yield from ()
        result = action(call)
        return SUCCESS if result is None else result

    return method


def find_method(class_name: str, method: str) -> Method:
    """The behaviour of a method that the class has; those the lab does not simulate fail as not supported."""
    if class_name == "StdRegProv":
        return at_once(lambda call: registry_method(call.machine, method, call.arguments))
    # The classes of Office have methods of the same names, for the licences and the settings of their own service.
    alike = class_name.replace("OfficeSoftwareProtection", "SoftwareLicensing")
    return _METHODS.get((alike, method), _not_simulated)


def _raise_not_simulated(_call: Call) -> None:
    raise SppFailure(WBEM_NOT_SUPPORTED)


_not_simulated = at_once(_raise_not_simulated)


def _wait(call: Call, seconds: float, unfinished: BackgroundTask | None) -> Steps[None]:
    """A slow machine. Beyond OperationTimeout the caller gets a fault and the work ends later all the same."""
    if seconds > call.timeout:
        if unfinished is not None:
            call.world.later(unfinished, seconds)
        yield Wait(call.timeout)
        raise timed_out()
    if seconds:
        yield Wait(seconds)


def _install_product_key(call: Call) -> Steps[Mapping[str, CimValue]]:
    key = parse_key(call.machine, call.text("productkey"))
    slow = call.machine.circumstances.slow_key_seconds
    unfinished = BackgroundTask(call.machine.name, "install_key", call.world.now(), key=key, ospp=call.ospp)
    yield from _wait(call, slow, unfinished)
    install_key(call.world, call.machine, key, ospp=call.ospp)
    return SUCCESS


def _activate(call: Call) -> Steps[Mapping[str, CimValue]]:
    assert call.row is not None
    row = call.row
    slow = call.machine.circumstances.slow_activation_seconds
    now = call.world.now()
    unfinished = BackgroundTask(call.machine.name, "activation", now, row.activation_id, row.key, asked_for=True)
    yield from _wait(call, slow, unfinished)
    try:
        yield from activate(call.world, call.machine, row.activation_id)
    except SppFailure as failure:
        if failure.code == call.machine.dialect.no_host_answers:
            # Giving up on a host that does not answer takes its time, and then nothing is left to be done.
            yield from _wait(call, call.machine.circumstances.dead_host_seconds, None)
        raise
    return SUCCESS


def _install_license(call: Call) -> Steps[Mapping[str, CimValue]]:
    text = call.text("license")
    unfinished = BackgroundTask(call.machine.name, "install_license", call.world.now(), text=text)
    yield from _wait(call, call.machine.circumstances.slow_license_seconds, unfinished)
    install_licence(call.machine, text)
    return SUCCESS


def _deposit_confirmation(call: Call) -> None:
    """DepositOfflineConfirmationId: what the telephone service gave for this installation ID activates the row."""
    assert call.row is not None
    installation, confirmation = call.text("installationid"), call.text("confirmationid")
    if call.row.key is None:
        raise SppFailure(call.machine.dialect.activate_without_key)
    code = refusal(call.machine, call.row, installation, confirmation)
    if code:
        raise SppFailure(code)
    if not call.machine.circumstances.hollow_activation:
        be_licensed(call.world, call.machine, call.row)


def _uninstall_product_key(call: Call) -> None:
    assert call.row is not None
    uninstall_key(call.world, call.machine, call.row.activation_id)


def _refresh(call: Call) -> None:
    """RefreshLicenseStatus: the lab's state is always fresh; a MAK that was activated before may come back."""
    if call.machine.dialect.mak_activation_comes_back:
        bring_activations_back(call.world, call.machine)


def _clear_key(call: Call) -> None:
    call.machine.key_in_registry = False


def _rearm_windows(call: Call) -> None:
    rearm_windows(call.machine, call.world.now())


def _rearm_application(call: Call) -> None:
    rearm_application(call.machine, call.text("applicationid"), call.world.now())


def _rearm_sku(call: Call) -> None:
    assert call.row is not None
    rearm_sku(call.machine, call.row, call.world.now())


def _on_service(field: str, read: Callable[[Call], Any]) -> Method:
    """A method of the service that sets one of its settings."""

    def action(call: Call) -> None:
        settings = replace(call.machine.settings_of(ospp=call.ospp), **{field: read(call)})
        call.machine.put_settings(settings, ospp=call.ospp)

    return at_once(action)


def _on_product(field: str, read: Callable[[Call], Any]) -> Method:
    """A method of a product that sets one of its settings. A row of another edition takes none."""

    def action(call: Call) -> None:
        assert call.row is not None
        call.machine.put_row(replace(call.row, **{field: read(call)}))

    return at_once(action)


def _interval(field: str, argument: str) -> Method:
    """SetVLActivationInterval, SetVLRenewalInterval: on hosts only. Source: slmgr options, /sai and /sri."""

    def action(call: Call) -> None:
        hosts = call.machine.host_rows(call.world.now())
        enough = call.machine.dialect.intervals_with_key_only or any(map(call.machine.active_kms_host, hosts))
        if call.machine.kms is None or not enough:
            raise SppFailure(call.machine.dialect.not_a_kms_host)
        minutes = call.number(argument, INTERVAL_MINIMUM, INTERVAL_MAXIMUM)
        call.machine.kms = replace(call.machine.kms, **{field: minutes})  # type: ignore[arg-type]

    return at_once(action)


def _start_service(call: Call) -> Mapping[str, CimValue] | None:
    machine = call.machine
    if call.name == "osppsvc":
        started, machine.ospp_running = machine.ospp_running, True
        return {"ReturnValue": 10} if started else None
    if machine.is_stopping(call.world.now()):
        return {"ReturnValue": _CANNOT_ACCEPT}
    if machine.service_running:
        return {"ReturnValue": 10}
    if machine.circumstances.service_disabled:
        return {"ReturnValue": machine.dialect.start_when_disabled}
    machine.start_service(call.world.now())
    begin_to_publish(call.world, machine)
    return None


def _stop_service(call: Call) -> Mapping[str, CimValue] | None:
    machine = call.machine
    if call.name == "osppsvc":
        stopped, machine.ospp_running = not machine.ospp_running, False
        return {"ReturnValue": machine.dialect.stop_when_stopped} if stopped else None
    now = call.world.now()
    if machine.is_stopping(now):
        return {"ReturnValue": _CANNOT_ACCEPT}
    if not machine.service_running:
        return {"ReturnValue": machine.dialect.stop_when_stopped}
    if machine.circumstances.service_stop == "refused":
        return {"ReturnValue": _DEPENDENTS_RUN}
    machine.begin_to_stop(now)
    return None


def _on_firewall_rule(change: Callable[[Call], None]) -> Method:
    """A method of a rule comes back with an empty output. Source: cim_classes.yaml, MSFT_NetFirewallRule."""

    def action(call: Call) -> Mapping[str, CimValue]:
        try:
            change(call)
        except FirewallNotSupported:
            raise SppFailure(WBEM_NOT_SUPPORTED) from None
        except FirewallRefusal:
            raise SppFailure(WBEM_INVALID_PARAMETER) from None
        return EMPTY

    return at_once(action)


def _port(call: Call) -> int:
    return call.number("portnumber", 1, 65535)


_SERVICE = "SoftwareLicensingService"
_PRODUCT = "SoftwareLicensingProduct"

_METHODS: dict[tuple[str, str], Method] = {
    (_SERVICE, "InstallProductKey"): _install_product_key,
    (_SERVICE, "InstallLicense"): _install_license,
    (_SERVICE, "RefreshLicenseStatus"): at_once(_refresh),
    (_SERVICE, "ClearProductKeyFromRegistry"): at_once(_clear_key),
    (_SERVICE, "SetKeyManagementServiceMachine"): _on_service("kms_machine", lambda call: call.text("machinename")),
    (_SERVICE, "ClearKeyManagementServiceMachine"): _on_service("kms_machine", lambda call: None),
    (_SERVICE, "SetKeyManagementServicePort"): _on_service("kms_port", _port),
    (_SERVICE, "ClearKeyManagementServicePort"): _on_service("kms_port", lambda call: None),
    (_SERVICE, "SetKeyManagementServiceLookupDomain"): _on_service(
        "lookup_domain", lambda call: call.text("lookupdomain")
    ),
    (_SERVICE, "ClearKeyManagementServiceLookupDomain"): _on_service("lookup_domain", lambda call: None),
    (_SERVICE, "SetVLActivationTypeEnabled"): _on_service(
        "activation_type_enabled", lambda call: call.number("activationtype", 1, 3)
    ),
    (_SERVICE, "ClearVLActivationTypeEnabled"): _on_service("activation_type_enabled", lambda call: 0),
    (_SERVICE, "SetKeyManagementServiceListeningPort"): _on_service("listening_port", _port),
    (_SERVICE, "ClearKeyManagementServiceListeningPort"): _on_service("listening_port", lambda call: 1688),
    (_SERVICE, "DisableKeyManagementServiceDnsPublishing"): _on_service(
        "dns_publishing", lambda call: not call.flag("disablepublishing")
    ),
    (_SERVICE, "EnableKeyManagementServiceLowPriority"): _on_service(
        "low_priority", lambda call: call.flag("enablelowpriority")
    ),
    (_SERVICE, "DisableKeyManagementServiceHostCaching"): _on_service(
        "host_caching", lambda call: not call.flag("disablecaching")
    ),
    (_SERVICE, "SetVLActivationInterval"): _interval("activation_interval", "activationinterval"),
    (_SERVICE, "SetVLRenewalInterval"): _interval("renewal_interval", "renewalinterval"),
    (_SERVICE, "ReArmWindows"): at_once(_rearm_windows),
    (_SERVICE, "ReArmApp"): at_once(_rearm_application),
    (_PRODUCT, "ReArmSku"): at_once(_rearm_sku),
    (_PRODUCT, "Activate"): _activate,
    (_PRODUCT, "DepositOfflineConfirmationId"): at_once(_deposit_confirmation),
    (_PRODUCT, "UninstallProductKey"): at_once(_uninstall_product_key),
    (_PRODUCT, "SetKeyManagementServiceMachine"): _on_product("kms_machine", lambda call: call.text("machinename")),
    (_PRODUCT, "ClearKeyManagementServiceMachine"): _on_product("kms_machine", lambda call: None),
    (_PRODUCT, "SetKeyManagementServicePort"): _on_product("kms_port", _port),
    (_PRODUCT, "ClearKeyManagementServicePort"): _on_product("kms_port", lambda call: 0),
    (_PRODUCT, "SetKeyManagementServiceLookupDomain"): _on_product(
        "lookup_domain", lambda call: call.text("lookupdomain")
    ),
    (_PRODUCT, "ClearKeyManagementServiceLookupDomain"): _on_product("lookup_domain", lambda call: None),
    (_PRODUCT, "SetVLActivationTypeEnabled"): _on_product(
        "activation_type_enabled", lambda call: call.number("activationtype", 1, 3)
    ),
    (_PRODUCT, "ClearVLActivationTypeEnabled"): _on_product("activation_type_enabled", lambda call: 0),
    ("Win32_Service", "StartService"): at_once(_start_service),
    ("Win32_Service", "StopService"): at_once(_stop_service),
    ("MSFT_NetFirewallRule", "Enable"): _on_firewall_rule(lambda call: switch_rule(call.machine, call.name, True)),
    ("MSFT_NetFirewallRule", "Disable"): _on_firewall_rule(lambda call: switch_rule(call.machine, call.name, False)),
    ("MSFT_NetFirewallRule", "CloneObject"): _on_firewall_rule(
        lambda call: clone_rule(call.machine, call.name, call.text("newname"))
    ),
}
