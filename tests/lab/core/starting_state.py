# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine starts with: the keys of the site file, or what volume media leave behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from .catalogue import EVALUATION, published_key_of, published_keys
from .foreign_products import esu_row, foreign_row
from .keys_on_machine import install_key
from .kms_answer import remember_clients
from .licence import REASON_KMS_LICENSED, LicenceRow, LicenseStatus
from .machine import Machine
from .microsoft import HOST_KEY_LIMIT, MAK_LIMIT
from .office import OfficeProduct, office_host_row, office_releases, office_row
from .product_key import KeyMark, mark_key
from .site_checks import SiteError
from .spec_keys import GVLK, NO_KEY, RETAIL_FORM, InstalledKey
from .world import SppFailure, World

#: The key of an Office from a shop: made up.
_RETAIL_OFFICE_KEY = mark_key("HHHHH-JJJJJ-KKKKK-MMMMM-RTWFF")

#: The key that evaluation media carry: of the form of a key, and no one's.
_EVALUATION_KEY = mark_key("BBBBB-CCCCC-DDDDD-FFFFF-MKWRV")


def give_products(world: World, machine: Machine) -> None:
    """Install the starting keys. Activations that a site file calls spent are counted. Raises SiteError."""
    machine.client_machine_id = machine.ospp_client_machine_id = machine.spec.cmid
    _give_keys(world, machine)
    for pool, count in machine.spec.clients.items():
        _remember(world, machine, pool, count)


def _remember(world: World, machine: Machine, pool: str, count: int) -> None:
    try:
        remember_clients(machine, pool, count, world.now())
    except ValueError:
        counts = f"counts {pool}" if pool else "counts"
        raise SiteError(f"`clients` of {machine.name}: it has no host key that {counts} up to {count}.") from None


def _give_keys(world: World, machine: Machine) -> None:
    installed = machine.spec.products
    if installed is None:
        if machine.os.evaluation:
            _give_evaluation(world, machine)
        elif published_key_of(machine.os) is not None:
            _install(world, machine, InstalledKey(None, activated=False))
        return
    for product in installed:
        if product.office is not None:
            _install_office(world, machine, product, product.office)
        elif product.office_host or product.is_esu:
            machine.put_row(_bare_row(machine, product))
            if product.form != NO_KEY:
                _install(world, machine, product)
        elif product.form == GVLK:
            _install(world, machine, product)
        else:
            machine.put_row(foreign_row(machine, product, world.now()))


def _bare_row(machine: Machine, product: InstalledKey) -> LicenceRow:
    """The row that an update, or a licence pack, adds."""
    if product.is_esu:
        return esu_row(machine.os)
    return office_host_row(office_releases()[product.office_host], machine.dialect)


def _install_office(world: World, machine: Machine, product: InstalledKey, office: OfficeProduct) -> None:
    """The licence rows of an Office, which come with its installation, and its key."""
    if product.form == RETAIL_FORM:
        assert _RETAIL_OFFICE_KEY is not None
        now = world.now()
        row = office_row(office, RETAIL_FORM, machine.os, machine.dialect)
        row = row.with_new_key(_RETAIL_OFFICE_KEY, False, now, machine.dialect)
        machine.put_row(row.licensed_for_ever() if product.activated else row)
        return
    for form in ("gvlk", "mak"):
        row = office_row(office, form, machine.os, machine.dialect)
        if machine.own_row(row.activation_id) is None:
            machine.put_row(row)
    if product.form != NO_KEY:
        _install(world, machine, product)


def _install(world: World, machine: Machine, product: InstalledKey) -> None:
    mark = product.mark or _published(machine, product.office)
    ospp = product.office is not None and product.office.is_ospp(machine.os)
    try:
        install_key(world, machine, mark, ospp=ospp)
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
    machine.activated_keys.add(row.key.sha256)
    machine.put_row(row.licensed_for_ever())


def _published(machine: Machine, office: OfficeProduct | None) -> KeyMark:
    if office is not None:
        return KeyMark(office.gvlk, published_keys()[office.gvlk].last_five)
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
