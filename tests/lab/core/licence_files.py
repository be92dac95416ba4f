# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licence files (.xrm-ms) in a form of the lab's own, for InstallLicense.

A licence pack of Office brings several files. Here a "product" part adds the row of an Office KMS host; a "pkeyconfig"
part, which in a real pack is by far the largest, adds nothing. The form is XML in a namespace of the lab's, without a
signature: no Windows would take it, and the lab takes no other. Source: cim_classes.yaml, InstallLicense (the text, not
a path); kms_rules.yaml, host_os_matrix.office (one licence pack for each release).
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .catalogue import OFFICE_HOST
from .dialect import STANDARD
from .machine import Machine
from .office import HOST_PREFIX, office_host_row, office_releases
from .world import SppFailure

NAMESPACE = "urn:volact-lab:licence:1"
PRODUCT, PKEYCONFIG = "product", "pkeyconfig"
PARTS = (PRODUCT, PKEYCONFIG)

#: What a licence pack is for, as the site file calls it -> the year.
HOSTS = {f"{HOST_PREFIX}{year}": year for year in office_releases()}

#: A line of what makes a file large.
_FILLER = "0" * 1023


@dataclass(frozen=True, slots=True)
class LicenceFile:
    """What a text says: the year of the Office KMS host that it is for, and which part of the pack it is."""

    year: str
    part: str


def licence_text(year: str, part: str = PRODUCT, kilobytes: int = 0) -> str:
    """The text of one file of the licence pack of an Office KMS host; at least so many KB long. Raises KeyError."""
    row = office_host_row(office_releases()[year], STANDARD)
    said = {
        "applicationId": row.application_id,
        "activationId": row.activation_id,
        "productName": row.name,
        "description": row.description,
        "channel": OFFICE_HOST,
    }
    lines = "".join(f"  <{name}>{escape(value)}</{name}>\n" for name, value in said.items())
    filler = "".join(f"{_FILLER}\n" for _ in range(kilobytes))
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<licence xmlns="{NAMESPACE}" for="{HOST_PREFIX}{year}" part="{part}">\n{lines}'
        f"  <filler>{filler}</filler>\n</licence>\n"
    )


def read_licence(text: str) -> LicenceFile | None:
    """What a text says, None when it is no licence of the lab."""
    try:
        root: Element = fromstring(text.removeprefix("\ufeff").strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    year, part = root.get("for", "").removeprefix(HOST_PREFIX), root.get("part", "")
    if root.tag != f"{{{NAMESPACE}}}licence" or year not in office_releases() or part not in PARTS:
        return None
    return LicenceFile(year, part)


def install_licence(machine: Machine, text: str) -> None:
    """InstallLicense. A row that is there keeps its key. Raises SppFailure for what is no licence."""
    found = read_licence(text)
    if found is None:
        raise SppFailure(machine.dialect.invalid_licence)
    machine.licences.append(f"{HOST_PREFIX}{found.year}/{found.part}")
    row = office_host_row(office_releases()[found.year], machine.dialect)
    if found.part == PRODUCT and machine.own_row(row.activation_id) is None:
        machine.put_row(row)
