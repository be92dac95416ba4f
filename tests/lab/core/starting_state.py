# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine starts with: the keys of the site file, or what volume media leave behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from .catalogue import EVALUATION, published_key_of
from .foreign_products import foreign_row
from .keys_on_machine import install_key
from .licence import REASON_KMS_LICENSED, LicenceRow, LicenseStatus
from .machine import Machine
from .microsoft import HOST_KEY_LIMIT, MAK_LIMIT
from .product_key import KeyMark, mark_key
from .spec import GVLK, InstalledKey, SiteError
from .world import SppFailure, World

#: The key that evaluation media carry: of the form of a key, and no one's.
_EVALUATION_KEY = mark_key("BBBBB-CCCCC-DDDDD-FFFFF-MKWRV")


def give_products(world: World, machine: Machine) -> None:
    """Install the starting keys. Activations that a site file calls spent are counted. Raises SiteError."""
    installed = machine.spec.products
    if installed is None:
        if machine.os.evaluation:
            _give_evaluation(world, machine)
        elif published_key_of(machine.os) is not None:
            _install(world, machine, InstalledKey(None, activated=False))
        return
    for product in installed:
        if product.form == GVLK:
            _install(world, machine, product)
        else:
            machine.put_row(foreign_row(machine, product, world.now()))


def _install(world: World, machine: Machine, product: InstalledKey) -> None:
    mark = product.mark or _published(machine)
    try:
        install_key(world, machine, mark)
    except SppFailure as failure:
        raise SiteError(
            f"The key ending in {mark.last_five} does not fit {machine.name} ({machine.os.name}), code {failure}: "
            "it is neither this edition's GVLK nor named for it in `microsoft.keys`."
        ) from None
    if product.activated:
        _activate(world, machine, next(row for row in machine.keyed_rows(world.now()) if row.key == mark))


def _activate(world: World, machine: Machine, row: LicenceRow) -> None:
    assert row.key is not None
    if row.is_kms_client:
        end = world.now() + timedelta(minutes=machine.dialect.kms_validity_minutes)
        machine.put_row(
            replace(row, status=LicenseStatus.LICENSED, reason=REASON_KMS_LICENSED, expires=end, activated_by="kms")
        )
        return
    code = world.microsoft.activate(row.key, machine.name)
    if code in (MAK_LIMIT, HOST_KEY_LIMIT):
        raise SiteError(
            f"The key ending in {row.key.last_five} has too few activations for {machine.name}: raise its limit."
        )
    if code:
        raise SiteError(
            f"The key ending in {row.key.last_five} of {machine.name} cannot be `activated`: code 0x{code:08X}."
        )
    machine.put_row(row.licensed_for_ever())


def _published(machine: Machine) -> KeyMark:
    found = published_key_of(machine.os)
    if found is None:
        raise SiteError(f"`channel: gvlk` of {machine.name}: Microsoft publishes no GVLK for {machine.os.name}.")
    return KeyMark(found[0], found[1].last_five)


def _give_evaluation(world: World, machine: Machine) -> None:
    assert _EVALUATION_KEY is not None
    now = world.now()
    row = machine.row_of_channel(EVALUATION, now).with_new_key(_EVALUATION_KEY, False, now, machine.dialect)
    end = now + timedelta(days=180)
    machine.put_row(replace(row, status=LicenseStatus.LICENSED, reason=0, expires=end))
