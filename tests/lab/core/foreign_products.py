# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licences that volume activation must leave alone: retail, OEM, AVMA, ESU add-ons, Microsoft 365.

Source: products_text.yaml, rows (esu, kolide, salt, ms946); license_status.yaml, license_status_reason.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from .catalogue import AVMA, MAK, OEM, RETAIL, SUBSCRIPTION, OperatingSystem, row_id
from .licence import LicenceRow
from .machine import Machine
from .product_key import mark_key
from .spec_keys import AVMA_FORM, ESU, M365, OEM_FORM, RETAIL_FORM, InstalledKey

OFFICE_APPLICATION_ID = "0ff1ce15-a989-479d-af46-f275c6370663"

#: SL_I_STORE_BASED_ACTIVATION: a digital licence.
_DIGITAL_LICENCE = 0x4004F401
_SUBSCRIPTION_LICENSED = 0x4004FC04

#: Made up: the keys that such media and subscriptions carry.
_KEYS = {
    RETAIL_FORM: "CCCCC-DDDDD-FFFFF-GGGGG-RTWNB",
    OEM_FORM: "DDDDD-FFFFF-GGGGG-HHHHH-DMWNB",
    ESU: "FFFFF-GGGGG-HHHHH-JJJJJ-XPWNB",
    AVMA_FORM: "HHHHH-JJJJJ-KKKKK-MMMMM-VMWNB",
    M365: "GGGGG-HHHHH-JJJJJ-KKKKK-M3WNB",
}

#: The activation Id of the first year for Windows 10. Source: products_text.yaml, rows, esu.
_ESU_WINDOWS_10 = "f520e45e-7413-4a34-a497-d2765967d094"

#: What an ESU add-on says it is for.
_ESU_CLIENTS = "Education,EducationN,Enterprise,EnterpriseN,Professional,ProfessionalN,Core,CoreN"
_ESU_SERVERS = "ServerDatacenter,ServerStandard,ServerEnterprise,ServerSolution"


def foreign_row(machine: Machine, product: InstalledKey, now: datetime) -> LicenceRow:
    """The licence row, with its key, of a product that is not a volume licence of Windows. Raises SiteError."""
    key = mark_key(_KEYS[product.form])
    assert key is not None
    row = _row(machine, product.form, now).with_new_key(key, machine.os.is_windows_7, now, machine.dialect)
    if not product.activated:
        return row
    reason = {OEM_FORM: _DIGITAL_LICENCE, M365: _SUBSCRIPTION_LICENSED}.get(product.form, 0)
    return replace(row.licensed_for_ever(), reason=reason)


def _row(machine: Machine, form: str, now: datetime) -> LicenceRow:
    if form == RETAIL_FORM:
        return machine.row_of_channel(RETAIL, now)
    if form == AVMA_FORM:
        return machine.row_of_channel(AVMA, now)
    if form == OEM_FORM:
        return machine.row_of_channel(OEM, now)
    return esu_row(machine.os) if form == ESU else _office_row(machine)


def esu_row(system: OperatingSystem) -> LicenceRow:
    """The licence row of an add-on for extended security updates, without a key."""
    kind, editions = ("Server", _ESU_SERVERS) if system.is_server else ("Client", _ESU_CLIENTS)
    family = f"{kind}-ESU-Year1"
    prefix = system.product_name.partition(",")[0]
    return LicenceRow(
        _ESU_WINDOWS_10 if system.build == 19045 else row_id(system.name, family),
        f"{prefix}, {family} add-on for {editions}",
        MAK,
        system.description(MAK),
        family,
        is_addon=True,
    )


def _office_row(machine: Machine) -> LicenceRow:
    family = "Office16O365BusinessR_Subscription"
    return LicenceRow(
        row_id(machine.os.name, family),
        f"Office 16, {family} edition",
        SUBSCRIPTION,
        f"Office 16, {SUBSCRIPTION} channel",
        family,
        application_id=OFFICE_APPLICATION_ID,
        is_ospp=machine.os.is_windows_7,
    )
