# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of WS-Management: namespaces with their usual prefixes, actions, dialects and addresses."""

from __future__ import annotations

import typing as t


class Name(t.NamedTuple):
    """A qualified XML name; an attribute without prefix has the namespace ``""``."""

    namespace: str
    local: str

    @property
    def clark(self) -> str:
        """`{namespace}local`, as ElementTree spells it."""
        return f"{{{self.namespace}}}{self.local}" if self.namespace else self.local


SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
WSMAN_MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
WSMAN_FAULT = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
CIM_COMMON = "http://schemas.dmtf.org/wbem/wscim/1/common"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XML = "http://www.w3.org/XML/1998/namespace"

#: The prefixes that Windows itself uses; `xml` is bound by definition and never declared.
PREFIXES: t.Final[t.Mapping[str, str]] = {
    SOAP: "s",
    ADDRESSING: "a",
    ENUMERATION: "n",
    TRANSFER: "x",
    WSMAN: "w",
    WSMAN_MICROSOFT: "p",
    IDENTITY: "i",
    CIM_COMMON: "c",
    XSI: "xsi",
    XML: "xml",
}

#: Resource URIs of classes are `WMI_RESOURCE` + namespace + "/" + class on Windows, `CIM_RESOURCE` + class elsewhere.
WMI_RESOURCE = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
CIM_RESOURCE = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
ANONYMOUS = f"{ADDRESSING}/role/anonymous"
