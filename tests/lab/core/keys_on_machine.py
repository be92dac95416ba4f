# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing and removing product keys: which row a key goes to, and what it costs the former one."""

from __future__ import annotations

from .catalogue import KMS_CLIENT, KMS_HOST_PREFIX, NEVER_HOSTS, published_keys
from .kms import KmsHost
from .machine import Machine
from .product_key import KeyMark, mark_key
from .world import BackgroundTask, SppFailure, World


def channel_of(world: World, machine: Machine, key: KeyMark) -> str:
    """The channel whose row takes `key` on this machine. Raises SppFailure.

    A GVLK is recognised at once. Of every other key the lab, as Windows, knows nothing but what the activation service
    has in its books. Source: small_facts.yaml, wrong_key_errors.
    """
    published = published_keys().get(key.sha256)
    if published is not None:
        if not published.fits_system(machine.os):
            raise SppFailure(machine.dialect.wrong_edition)
        return KMS_CLIENT
    known = world.microsoft.key(key)
    if known is None:
        raise SppFailure(machine.dialect.unknown_key)
    if machine.os.name not in known.systems:
        raise SppFailure(machine.dialect.wrong_edition)
    if machine.os.evaluation or (machine.os.sku in NEVER_HOSTS and known.channel.startswith(KMS_HOST_PREFIX)):
        raise SppFailure(machine.dialect.wrong_edition)
    return known.channel


def parse_key(machine: Machine, text: str | None) -> KeyMark:
    """The mark of a key as InstallProductKey takes it. Raises SppFailure (0xC004F050) for another form."""
    key = mark_key(text or "")
    if key is None:
        raise SppFailure(machine.dialect.unknown_key)
    return key


def install_key(world: World, machine: Machine, key: KeyMark) -> None:
    """Put `key` on its row. The same key again changes nothing; another one takes the former row's key away.

    Source: kms_rules.yaml, key_change; products_text.yaml, mak_and_gvlk_activation_id.
    """
    now = world.now()
    row = machine.row_of_channel(channel_of(world, machine, key), now)
    if row.key == key:
        return
    for former in machine.windows_rows(now):
        machine.put_row(former.without_key(machine.dialect))
    machine.put_row(row.with_new_key(key, machine.os.is_windows_7, now, machine.dialect))
    machine.kms = KmsHost(port=machine.settings.listening_port) if row.is_kms_host else None
    seconds = world.behaviour.background_activation_seconds
    if seconds is not None:
        world.later(BackgroundTask(machine.name, "activation", now, row.activation_id, key), seconds)


def uninstall_key(world: World, machine: Machine, activation_id: str) -> None:
    """Take the key off one row. Raises SppFailure when there is none."""
    row = machine.row(activation_id, world.now())
    if row is None or row.key is None:
        raise SppFailure(machine.dialect.activate_without_key)
    machine.put_row(row.without_key(machine.dialect))
    if row.is_kms_host:
        machine.kms = None
