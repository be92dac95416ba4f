# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activation by Active Directory: an activation object of the forest that fits a client licence.

Source: kms_rules.yaml, adba: Windows 8 and later, joined to the domain, a GVLK; no threshold; 180 days; the product
shows VLActivationType 1 and the object. events.yaml, 12308.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from . import event_log
from .catalogue import channel_generation
from .kms import serves
from .licence import REASON_KMS_LICENSED, ActivationObject, LicenceRow, LicenseStatus
from .machine import Machine
from .world import World

#: A client Windows is served by the key of a client release: VOLUME_KMS_W10, not VOLUME_KMS_WS22.
_SERVER_CHANNEL = ("VOLUME_KMS_WS", "VOLUME_KMS_2012", "VOLUME_KMS_R2")


def activate_by_directory(world: World, machine: Machine, row: LicenceRow) -> int:
    """Activate a row by an object that fits; 0, or the HRESULT of why not."""
    if machine.os.is_windows_7 or row.is_ospp or not machine.spec.domain_joined:
        return machine.dialect.no_activation_object
    if not machine.circumstances.directory_up:
        return machine.dialect.no_directory
    found = next((entry for entry in world.activation_objects if _fits(entry, machine, row)), None)
    if found is None:
        return machine.dialect.no_activation_object
    now = world.now()
    machine.put_row(
        replace(
            row,
            status=LicenseStatus.LICENSED,
            reason=REASON_KMS_LICENSED,
            expires=now + timedelta(minutes=machine.dialect.kms_validity_minutes),
            next_attempt=now + timedelta(minutes=row.renewal_interval),
            activated_by="ad",
            activation_object=found,
            kms_host_used=None,
            kms_product_key_id=None,
        )
    )
    machine.log(now, event_log.DIRECTORY, event_log.APPLICATION_LOG, row.activation_id, found.name, found.dn)
    return 0


def _fits(entry: ActivationObject, machine: Machine, row: LicenceRow) -> bool:
    if entry.office_release or row.office_release:
        return entry.office_release == row.office_release
    generation = channel_generation(entry.channel, machine.os.generation)
    is_client = not entry.channel.startswith(_SERVER_CHANNEL)
    return serves(generation, is_client, machine.os.generation, machine.os.is_server)
