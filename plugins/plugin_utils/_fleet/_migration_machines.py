# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines of a fleet as a migration sees them: what each has, what may move, and what cannot. Pure."""

from __future__ import annotations

import enum
import typing as t
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ansible_collections.volact.kms.plugins.module_utils._errors import NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp._catalogue import gvlk_for, office_gvlk
from ansible_collections.volact.kms.plugins.plugin_utils._spp._client_address import CLOUD_KMS_HOSTS
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import (
    ActivationType,
    Channel,
    Scope,
    activation_threshold,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import (
    WINDOWS_POOL,
    office_pool,
    office_release,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._office import suite_of
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import OperatingSystem, Product

from ._migration_journal import Journal
from ._migration_rows import Asked, asked_of, is_counted, product_of, system_of

if t.TYPE_CHECKING:
    from ._migration_hosts import KmsHost

CLOCK_SKEW_AT_MOST: t.Final = 4 * 3600
"""Seconds. Source: kms_rules.yaml, clock: 0xC004F06C above it."""

_VOLUME: t.Final = frozenset({Channel.KMS_CLIENT, Channel.MAK})


class MachineClass(str, enum.Enum):
    """Who asks a KMS host: each class has a count from which it is activated."""

    CLIENT = "windows_client"
    SERVER = "windows_server"
    OFFICE = "office"

    @property
    def threshold(self) -> int:
        """25, 5 and 5. Source: kms-activation-planning, "Activation threshold" (F05)."""
        return activation_threshold(self is MachineClass.SERVER, self is MachineClass.OFFICE)


class Standing(str, enum.Enum):
    """Where a licence is on its way."""

    MOVING = "moving"
    WAITING = "waiting"
    DONE = "already"


@dataclass(frozen=True, slots=True)
class Licence:
    """One product of a machine. `counted_at`: the KMS host that has counted it, "" for one unknown, None for none."""

    pool: str
    machine_class: MachineClass
    standing: Standing
    name: str
    former: Product | None = None
    counted_at: str | None = None

    @property
    def is_windows(self) -> bool:
        """Whether it is Windows itself."""
        return self.pool == WINDOWS_POOL

    @property
    def is_open(self) -> bool:
        """Whether it still has to be activated by KMS."""
        return self.standing is not Standing.DONE


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. `unread`: why it could not be read; `obstacle`: why it, or one of its products, cannot move.

    `pin` is the KMS host that is set on the machine, `former_pin` the one before this migration (`is_known`: it was
    in the journal).
    """

    name: str
    subnet: str = ""
    system: OperatingSystem | None = None
    licences: tuple[Licence, ...] = ()
    cmids: Mapping[str, str | None] | None = None
    pin: str | None = None
    former_pin: str | None = None
    is_known: bool = False
    obstacle: str | None = None
    unread: str | None = None

    @property
    def open_licences(self) -> tuple[Licence, ...]:
        """What is to be activated."""
        return tuple(licence for licence in self.licences if licence.is_open)

    @property
    def has_changed(self) -> bool:
        """Whether a licence has its new key already: it has nothing to lose any more."""
        return any(licence.standing is Standing.WAITING for licence in self.licences)

    def licence_in(self, pool: str) -> Licence | None:
        """The open licence that a count is about."""
        return next((licence for licence in self.open_licences if licence.pool == pool), None)

    def identity(self, pool: str) -> str:
        """By what KMS hosts count it: its CMID, or its own name where it has none yet."""
        return (self.cmids or {}).get(pool) or f"{self.name} (no CMID yet)"

    def is_pinned_by_us(self, hosts: Iterable[KmsHost]) -> bool:
        """Whether an earlier run of the same migration pinned it, and was stopped before it unpinned it."""
        pin = self.pin
        return bool(pin and self.is_known and not self.former_pin) and any(host.is_called(pin or "") for host in hosts)

    def without(self, licences: Collection[Licence], reason: str) -> Machine:
        """The machine with these licences left as they are."""
        kept = tuple(licence for licence in self.licences if licence not in licences)
        return replace(self, licences=kept, obstacle=self.obstacle or reason)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a user wants to be moved. `unpin`: whether a KMS host that is set on a machine may be taken away."""

    scope: Scope = Scope.ALL
    from_channels: frozenset[Channel] = frozenset({Channel.MAK})
    unpin: bool = False


def read_machine(
    record: Mapping[str, t.Any], rules: Rules, subnet: str = "", journal: Journal | None = None
) -> Machine:
    """A machine from its record of fleet_info. A record that lacks something reads as a machine that lacks it."""
    name = str(record.get("machine"))
    known = (journal or Journal()).former.get(name)
    if record.get("status", "ok") != "ok":
        return Machine(name, subnet, unread=str(record.get("msg") or "it could not be read"))
    system = system_of(record.get("operating_system") or {}, name)
    client = record.get("kms_client") or {}
    machine = Machine(
        name,
        subnet,
        system,
        cmids=_cmids(record),
        pin=client.get("kms_host"),
        former_pin=(known or {}).get("kms_host"),
        is_known=known is not None,
    )
    if record.get("is_kms_host"):
        return replace(machine, obstacle="it is a KMS host")
    asked = asked_of(record)
    products = [product_of(row) for row in record.get("products") or ()]
    windows, no_windows = _windows(products, system, rules, asked)
    office, no_office = _office(products, system, rules, asked)
    # An answer without the name of its host came from the one that is set on the machine.
    licences = tuple(
        replace(x, counted_at=(machine.pin or "").lower()) if x.counted_at == "" else x for x in (*windows, *office)
    )
    machine = replace(machine, licences=licences, obstacle="; ".join((*no_windows, *no_office)) or None)
    return _stopped(machine, record, rules)


def _stopped(machine: Machine, record: Mapping[str, t.Any], rules: Rules) -> Machine:
    """What keeps all of a machine's products from moving."""
    pins = [machine.pin] + [row.get("kms_host") for row in record.get("products") or ()]
    cloud = next((pin for pin in pins if pin and pin.lower() in CLOUD_KMS_HOSTS), None)
    skew = record.get("clock_skew_seconds")
    reason = None
    if cloud:
        reason = f"it is pinned to {cloud}, the KMS host of its cloud provider"
    elif skew is not None and abs(skew) > CLOCK_SKEW_AT_MOST:
        reason = f"its clock is {abs(skew) / 3600:.1f} hours off, and KMS hosts refuse more than 4 (0xC004F06C)"
    return machine.without(machine.open_licences, reason) if reason and machine.open_licences else machine


def _cmids(record: Mapping[str, t.Any]) -> dict[str, str | None]:
    """By pool: the classes of Office that are its own have a CMID of their own."""
    own = (record.get("kms_client") or {}).get("cmid")
    office = (record.get("office_kms_client") or {}).get("cmid")
    cmids: dict[str, str | None] = {WINDOWS_POOL: own}
    for row in record.get("products") or ():
        product = product_of(row)
        if product.is_office and (release := office_release(product.name, product.application_id)):
            cmids[office_pool(release)] = office if row.get("family") == "ospp" else own
    return cmids


Found = tuple[list[Licence], list[str]]


def _windows(products: list[Product], system: OperatingSystem, rules: Rules, asked: Asked) -> Found:
    if rules.scope is Scope.OFFICE:
        return [], []
    rows = sorted((row for row in products if row.is_windows), key=lambda row: not row.is_licensed)
    if not rows:
        return [], ["its Windows has no key"]
    row = rows[0]
    machine_class = MachineClass.SERVER if system.is_server else MachineClass.CLIENT
    reason = _unmovable(row, rules)
    if reason is None and row.channel is not Channel.KMS_CLIENT:
        reason = _no_key(lambda: gvlk_for(system))
    if reason:
        return [], [reason]
    return [_licence(row, WINDOWS_POOL, machine_class, "Windows", asked)], []


def _office(products: list[Product], system: OperatingSystem, rules: Rules, asked: Asked) -> Found:
    """Every volume product of Office. What is retail or a subscription is not ours, and no finding."""
    if rules.scope is Scope.WINDOWS:
        return [], []
    suites: dict[str, list[Product]] = {}
    for row in products:
        if row.is_office and row.channel in _VOLUME:
            suites.setdefault(suite_of(row) or row.activation_id, []).append(row)
    licences, obstacles = [], []
    for suite, rows in suites.items():
        row = min(rows, key=lambda row: (row.channel is not Channel.KMS_CLIENT, not row.is_licensed))
        release = office_release(row.name, row.application_id)
        reason = _unmovable(row, rules)
        if release is None:
            reason = f"{row.name} is of no release that is known"
        elif reason is None and row.channel is not Channel.KMS_CLIENT:
            reason = _no_key(lambda row=row: office_gvlk(row, system.computer_name))  # type: ignore[misc]
        if reason or release is None:
            obstacles.append(str(reason))
        else:
            licences.append(_licence(row, office_pool(release), MachineClass.OFFICE, suite, asked))
    return licences, obstacles


def _licence(row: Product, pool: str, machine_class: MachineClass, name: str, asked: Asked) -> Licence:
    if row.channel is not Channel.KMS_CLIENT:
        return Licence(pool, machine_class, Standing.MOVING, name, row)
    standing = Standing.DONE if row.is_licensed else Standing.WAITING
    return Licence(pool, machine_class, standing, name, row, is_counted(row, asked))


def _unmovable(row: Product, rules: Rules) -> str | None:
    what = "its Windows" if row.is_windows else row.name
    if row.channel is not Channel.KMS_CLIENT and row.channel not in rules.from_channels:
        return f"{what} has {row.channel.key}, which is not to be moved"
    if row.activation_type_enabled is ActivationType.TOKEN:
        return f"{what} may be activated by token only"
    if row.activation_type_enabled is ActivationType.ACTIVE_DIRECTORY and not row.is_licensed:
        return f"{what} may be activated by Active Directory only"
    return None


def _no_key(choose: t.Callable[[], object]) -> str | None:
    """Why there is no client setup key for it."""
    try:
        choose()
    except NotSupported as error:
        return error.message.replace(" Nothing was changed.", "").rstrip(".")
    return None


def clones(machines: Iterable[Machine]) -> list[tuple[str, list[str]]]:
    """The CMIDs that more than one machine has, with those machines: a KMS host counts them once (F14)."""
    found: dict[str, list[str]] = {}
    for machine in machines:
        cmid = (machine.cmids or {}).get(WINDOWS_POOL)
        if cmid:
            found.setdefault(cmid, []).append(machine.name)
    return sorted((cmid, sorted(names)) for cmid, names in found.items() if len(names) > 1)
