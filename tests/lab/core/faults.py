# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SOAP faults as Windows sends them: their kinds, and the three shapes of their detail.

Source: wsman_examples/README.md, "Faults": shape 1 is a WSManFault with a text, shape 2 a ProviderFault with a nested
WSManFault and __ExtendedStatus, shape 3 MSFT_WmiError. Shape 4 has no detail.
"""

from __future__ import annotations

from dataclasses import dataclass

from .machine import Machine
from .texts import fault_text
from .values import text_of

WSMAN_FAULT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
ADDRESSING_FAULT = "http://schemas.xmlsoap.org/ws/2004/08/addressing/fault"
ENUMERATION_FAULT = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/fault"
DETAIL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail"

_SCHEMA = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
_WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
_WSMAN_FACILITY = 0x8033

WSMAN_RESOURCE_NOT_FOUND = 0x80338000
WBEM_NOT_FOUND = 0x80041002
WBEM_INVALID_PARAMETER = 0x80041008
WBEM_NOT_SUPPORTED = 0x8004100C
WBEM_INVALID_NAMESPACE = 0x8004100E
WBEM_INVALID_CLASS = 0x80041010
WBEM_INVALID_QUERY = 0x80041017
WBEM_INVALID_METHOD = 0x8004102E
WBEM_INVALID_METHOD_PARAMETERS = 0x8004102F


@dataclass(eq=False)
class Fault(Exception):
    """One fault. `inner` is the provider's HRESULT: with it the detail is of shape 2 or 3, without it of shape 1.

    `code` 0 means no detail at all (shape 4). `message` names a text of `texts`.
    """

    sender: bool
    subcode: str
    message: str
    code: int
    inner: int = 0
    action: str = WSMAN_FAULT
    detail: str = ""
    operation: str = ""
    provider: str = ""
    not_understood: str = ""


def provider_fault(machine: Machine, code: int, operation: str, provider: str = "sppwmi") -> Fault:
    """A provider refused: the HRESULT is in the detail, the text is that of an unknown error."""
    return Fault(
        False,
        "w:InternalError",
        "unknown_error",
        machine.dialect.provider_failure,
        inner=code,
        operation=operation,
        provider=provider,
    )


def wmi_fault(message: str, code: int, inner: int, operation: str) -> Fault:
    """WMI itself refused, before any provider was asked."""
    return Fault(False, "w:InternalError", message, code, inner=inner, operation=operation, provider="WMI")


def not_found(operation: str) -> Fault:
    """No instance with these selectors."""
    return Fault(
        True,
        "a:DestinationUnreachable",
        "not_found",
        WSMAN_RESOURCE_NOT_FOUND,
        inner=WBEM_NOT_FOUND,
        action=ADDRESSING_FAULT,
        detail=f"{DETAIL}/InvalidResourceURI",
        operation=operation,
        provider="WMI",
    )


def invalid_class(operation: str) -> Fault:
    """The class, or its namespace, is not there."""
    return Fault(
        True,
        "a:DestinationUnreachable",
        "bad_class",
        WSMAN_RESOURCE_NOT_FOUND,
        inner=WBEM_INVALID_CLASS,
        action=ADDRESSING_FAULT,
        detail=f"{DETAIL}/InvalidResourceURI",
        operation=operation,
        provider="WMI",
    )


def invalid_query(inner: int) -> Fault:
    """A WQL query that names what is not there, or is no query."""
    return Fault(
        True,
        "n:CannotProcessFilter",
        "bad_filter",
        0x8033801A,
        inner=inner,
        action=ENUMERATION_FAULT,
        operation="ExecQuery",
        provider="WMI",
    )


def missing_selectors() -> Fault:
    """Get or a method without selectors on a class that is no singleton."""
    return Fault(True, "w:InvalidSelectors", "missing_selectors", 0x803380FA, detail=f"{DETAIL}/InsufficientSelectors")


def bad_selectors() -> Fault:
    """A selector that is no key of the class, or not all of them."""
    return Fault(True, "w:InvalidSelectors", "bad_selectors", 0x8033805B, detail=f"{DETAIL}/UnexpectedSelectors")


def bad_enumeration_context() -> Fault:
    """A context that was released, pulled to its end, or never given."""
    return Fault(True, "n:InvalidEnumerationContext", "bad_context", 0x8033801B, action=ENUMERATION_FAULT)


def access_denied(machine: Machine) -> Fault:
    """The caller may not. Source: MS-WSMV names the subcode; which code it has is unverified."""
    dialect = machine.dialect
    return Fault(
        True,
        "w:AccessDenied",
        "access_denied",
        dialect.access_denied,
        inner=dialect.access_denied_inside,
        provider="WMI",
    )


def quota() -> Fault:
    """More operations than one user may have at once. Source: wsman_examples, capture_20."""
    return Fault(False, "w:InternalError", "quota", 0x803381A6)


def timed_out() -> Fault:
    """OperationTimeout passed; the operation itself goes on."""
    return Fault(False, "w:TimedOut", "timed_out", 0x80338029)


def action_not_supported() -> Fault:
    """An action that the resource does not have."""
    return Fault(True, "a:ActionNotSupported", "not_supported", 0x80338013, action=ADDRESSING_FAULT)


def schema_error() -> Fault:
    """XML that is no request."""
    return Fault(True, "w:SchemaValidationError", "schema", 0x80338041)


def fault_body(fault: Fault, machine: Machine) -> str:
    """The s:Fault element."""
    hresult = f"0x{(fault.inner or fault.code):08x}"
    text = text_of(fault_text(machine.language, fault.message, code=hresult))
    side = "s:Sender" if fault.sender else "s:Receiver"
    if fault.not_understood:
        reason = f'<s:Reason><s:Text xml:lang="">{text}</s:Text></s:Reason>'
        return f"<s:Fault><s:Code><s:Value>s:MustUnderstand</s:Value></s:Code>{reason}</s:Fault>"
    detail = f"<w:FaultDetail>{fault.detail}</w:FaultDetail>" if fault.detail else ""
    if fault.code:
        detail += (
            _wmi_error(fault, machine, text)
            if fault.inner and machine.dialect.fault_shape == 3
            else _wsman_fault(fault, machine, text)
        )
    return (
        f"<s:Fault><s:Code><s:Value>{side}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="{machine.language}">{text}</s:Text></s:Reason>'
        f"<s:Detail>{detail}</s:Detail></s:Fault>"
    )


def _wsman_fault(fault: Fault, machine: Machine, text: str) -> str:
    inside = text
    if fault.inner and machine.dialect.fault_shape != 1:
        inside = (
            '<f:ProviderFault provider="WMI Provider" path="C:\\Windows\\system32\\WsmWmiPl.dll">'
            f"{_coded(fault.inner, machine.fqdn, text)}"
            f"<f:ExtendedError>{_extended_status(fault, machine)}</f:ExtendedError></f:ProviderFault>"
        )
    is_short = machine.dialect.short_fault_codes and fault.code >> 16 == _WSMAN_FACILITY
    return _coded(fault.code & 0xFFFF if is_short else fault.code, machine.address, inside)


def _coded(code: int, machine: str, message: str) -> str:
    return (
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
        f'Code="{code}" Machine="{machine}"><f:Message>{message}</f:Message></f:WSManFault>'
    )


def _extended_status(fault: Fault, machine: Machine) -> str:
    dialect = machine.dialect
    name_space = (
        f"{_WMI}root/cimv2/__ExtendedStatus" if dialect.fault_details_by_namespace else f"{_SCHEMA}__ExtendedStatus"
    )
    status = '<p:StatusCode xsi:nil="true" xsi:type="cim:cimUnsignedInt"/>'
    if dialect.extended_status_code:
        status = f'<p:StatusCode xsi:type="cim:cimUnsignedInt">{fault.inner}</p:StatusCode>'
    return (
        f'<p:__ExtendedStatus xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="{name_space}" '
        'xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" xsi:type="p:__ExtendedStatus_Type">'
        '<p:Description xsi:nil="true" xsi:type="cim:cimString"/>'
        f'<p:Operation xsi:type="cim:cimString">{text_of(fault.operation)}</p:Operation>'
        '<p:ParameterInfo xsi:nil="true" xsi:type="cim:cimString"/>'
        f'<p:ProviderName xsi:type="cim:cimString">{text_of(fault.provider)}</p:ProviderName>'
        f"{status}</p:__ExtendedStatus>"
    )


#: CIMStatusCode of WBEM codes. Source: cim_classes.yaml, MSFT_WmiError.
_CIM_STATUS = {
    WBEM_NOT_FOUND: 6,
    WBEM_NOT_SUPPORTED: 7,
    WBEM_INVALID_CLASS: 5,
    WBEM_INVALID_PARAMETER: 4,
    WBEM_INVALID_NAMESPACE: 3,
    WBEM_INVALID_METHOD: 17,
    WBEM_INVALID_METHOD_PARAMETERS: 4,
    WBEM_INVALID_QUERY: 15,
}


def _wmi_error(fault: Fault, machine: Machine, text: str) -> str:
    by_namespace = machine.dialect.fault_details_by_namespace
    name_space = f"{_WMI}root/standardcimv2/MSFT_WmiError" if by_namespace else f"{_SCHEMA}MSFT_WmiError"
    return (
        f'<p:MSFT_WmiError xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="{name_space}" '
        'xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd" '
        'xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common" '
        'b:IsCIM_Error="true" xsi:type="p:MSFT_WmiError_Type">'
        f'<p:CIMStatusCode xsi:type="cim:cimUnsignedInt">{_CIM_STATUS.get(fault.inner, 1)}</p:CIMStatusCode>'
        f'<p:Message xsi:type="cim:cimString">{text}</p:Message>'
        f'<p:MessageID xsi:type="cim:cimString">HRESULT 0x{fault.inner:08x}</p:MessageID>'
        f'<p:error_Code xsi:type="cim:cimUnsignedInt">{fault.inner}</p:error_Code>'
        '<p:error_Type xsi:type="cim:cimString">HRESULT</p:error_Type>'
        f'<p:error_WindowsErrorMessage xsi:type="cim:cimString">{text}</p:error_WindowsErrorMessage></p:MSFT_WmiError>'
    )
