# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing and removing product keys: which row a key goes to, and what it costs the former one."""

from __future__ import annotations

from collections.abc import Container

from .catalogue import KMS_CLIENT, KMS_HOST_PREFIX, NEVER_HOSTS, RETAIL, published_keys
from .fresh_registry import ACTIVATION_KEY, number_value
from .kms import KmsHost
from .licence import LicenceRow
from .machine import Machine
from .office import HOST_PREFIX, office_of_gvlk
from .product_key import KeyMark, mark_key
from .spec_keys import ESU, MicrosoftKey
from .world import BackgroundTask, SppFailure, World


def row_for(world: World, machine: Machine, key: KeyMark, *, ospp: bool) -> LicenceRow:
    """The licence row that takes `key` on this machine in a class family. Raises SppFailure.

    A GVLK is recognised at once. Of every other key the lab, as Windows, knows nothing but what the activation service
    has in its books. Source: small_facts.yaml, wrong_key_errors.
    """
    published, known = published_keys().get(key.sha256), world.microsoft.key(key)
    row = None
    if (office := office_of_gvlk(key.sha256)) is not None:
        row = _office_row(world, machine, {office.name}, ospp=ospp, client=True)
    elif known is not None and known.is_office:
        row = _office_row(world, machine, known.systems, ospp=ospp, client=False)
    elif published is not None:
        if published.fits_system(machine.os) and not ospp:
            row = machine.row_of_channel(KMS_CLIENT, world.now())
    elif known is None:
        raise SppFailure(machine.dialect.unknown_key)
    elif known.kind == ESU:
        row = next((row for row in machine.own_rows() if row.is_addon and machine.os.name in known.systems), None)
    elif not ospp and _fits_windows(machine, known):
        row = machine.row_of_channel(known.channel, world.now())
    if row is None:
        raise SppFailure(machine.dialect.wrong_edition)
    return row


def _fits_windows(machine: Machine, known: MicrosoftKey) -> bool:
    if machine.os.name not in known.systems or machine.os.evaluation:
        return False
    return not (machine.os.sku in NEVER_HOSTS and known.channel.startswith(KMS_HOST_PREFIX))


def _office_row(
    world: World, machine: Machine, names: Container[str], *, ospp: bool, client: bool
) -> LicenceRow | None:
    """The row of an Office that is installed: a key whose volume licences are not there finds none."""
    for row in machine.office_rows(world.now()):
        name = row.office or f"{HOST_PREFIX}{row.office_release}"
        if name in names and row.is_ospp == ospp and row.is_kms_client == client and row.channel != RETAIL:
            return row
    return None


def parse_key(machine: Machine, text: str | None) -> KeyMark:
    """The mark of a key as InstallProductKey takes it. Raises SppFailure (0xC004F050) for another form."""
    key = mark_key(text or "")
    if key is None:
        raise SppFailure(machine.dialect.unknown_key)
    return key


def install_key(world: World, machine: Machine, key: KeyMark, *, ospp: bool = False) -> None:
    """Put `key` on its row. The same key again changes nothing.

    Another key of Windows takes the former row's key away; keys of Office stand side by side unless a dialect replaces
    them. Source: kms_rules.yaml, key_change; products_text.yaml, mak_and_gvlk_activation_id; small_facts.yaml,
    office_mak_and_gvlk.
    """
    now = world.now()
    row = row_for(world, machine, key, ospp=ospp)
    machine.key_in_registry = True
    if row.key == key:
        return
    for former in _replaced_by(machine, row, machine.keyed_rows(now)):
        _take_key(machine, former)
    machine.put_row(row.with_new_key(key, machine.os.is_windows_7, now, machine.dialect))
    if row.is_kms_host:
        host = machine.kms or KmsHost(port=machine.settings.listening_port)
        machine.kms = host.without_tallies_but(_pools(machine, but=row))
    seconds = world.behaviour.background_activation_seconds
    if seconds is not None:
        world.later(BackgroundTask(machine.name, "activation", now, row.activation_id, key), seconds)


def _replaced_by(machine: Machine, row: LicenceRow, keyed: list[LicenceRow]) -> list[LicenceRow]:
    if row.is_windows:
        return [other for other in keyed if other.is_windows]
    if row.office and machine.dialect.office_key_replaces:
        return [other for other in keyed if other.office == row.office]
    return [other for other in keyed if other.activation_id == row.activation_id]


def uninstall_key(world: World, machine: Machine, activation_id: str) -> None:
    """Take the key off one row. Raises SppFailure when there is none."""
    row = machine.row(activation_id, world.now())
    if row is None or row.key is None:
        raise SppFailure(machine.dialect.activate_without_key)
    _take_key(machine, row)


def _take_key(machine: Machine, row: LicenceRow) -> None:
    machine.put_row(row.without_key(machine.dialect))
    if machine.kms is not None and row.is_kms_host:
        left = _pools(machine, but=row)
        machine.kms = machine.kms.without_tallies_but(left) if left else None


def bring_activations_back(world: World, machine: Machine) -> None:
    """Let every MAK that this machine had activated before be licensed; nothing is asked of Microsoft."""
    for row in machine.keyed_rows(world.now()):
        known = world.microsoft.key(row.key) if row.key else None
        if known is not None and known.kind == "mak" and row.key and row.key.sha256 in machine.activated_keys:
            machine.put_row(row.licensed_for_ever())


def _pools(machine: Machine, *, but: LicenceRow) -> set[str]:
    """The counts that the host keys of a machine have, one of them aside."""
    hosts = [row for row in machine.own_rows() if row.is_kms_host and row.key is not None]
    return {row.pool(machine.dialect) for row in hosts if row.activation_id != but.activation_id}


def activates_by_itself(machine: Machine, row: LicenceRow) -> bool:
    """Whether the service may activate a row without being asked: Activation\\Manual stops it for MAKs and host keys.

    Source: kms_rules.yaml, registry values.
    """
    return row.is_kms_client or number_value(machine.registry, ACTIVATION_KEY, "manual") != 1
