# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which Windows can be KMS host for what, and the update that it needs for it, as Microsoft documents it. Pure."""

from __future__ import annotations

import functools
import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ._rows import OperatingSystem


@dataclass(frozen=True, slots=True)
class System:
    """A release of Windows. A host serves its own generation and all before it (F10)."""

    name: str
    server: bool
    first_build: int
    generation: int
    hosts_windows: bool


@dataclass(frozen=True, slots=True)
class Served:
    """A Windows that KMS hosts activate, by the name that users give it."""

    name: str
    generation: int
    server: bool


@dataclass(frozen=True, slots=True)
class Update:
    """What a host needs for later generations: any of `kbs`, or later updates that show only as a `revision` (UBR)."""

    host: str
    generations: tuple[int, ...]
    kbs: tuple[str, ...]
    or_later: bool
    build: int | None = None
    revision: int | None = None
    only: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kbs[0]}{' or a later cumulative update' if self.or_later else ''}"


@dataclass(frozen=True, slots=True)
class Office:
    """A release of Office: from which generation a server or a client can be its host."""

    name: str
    server: int
    client: int
    documented_to: int | None
    update: Update | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a Windows can be host for a name: `refusal` is why not, `update` what it needs, `doubt` what is open."""

    name: str
    refusal: str | None = None
    update: Update | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class _Matrix:
    systems: tuple[System, ...]
    windows: tuple[Served, ...]
    updates: tuple[Update, ...]
    office: tuple[Office, ...]


@functools.cache
def _matrix() -> _Matrix:
    data = json.loads((Path(__file__).parent / "data" / "host_matrix.json").read_text("utf-8"))
    return _Matrix(
        systems=tuple(System(**row) for row in data["systems"]),
        windows=tuple(Served(**row) for row in data["windows"]),
        updates=tuple(_update(row) for row in data["updates"]),
        office=tuple(_office(row) for row in data["office"]),
    )


def _update(row: dict[str, t.Any]) -> Update:
    lists = {name: tuple(row[name] or ()) for name in ("generations", "kbs", "only")}
    return Update(**{**row, **lists})


def _office(row: dict[str, t.Any]) -> Office:
    generation = row.pop("update_generation")
    kbs = tuple(row.pop("kbs"))
    update = Update(row["name"], (generation,), kbs, or_later=False) if kbs else None
    return Office(**row, update=update)


def known_names() -> list[str]:
    """What can be asked about, Windows first, the newest first of each kind."""
    return [each.name for each in _matrix().windows] + [each.name for each in _matrix().office]


def system_of(system: OperatingSystem) -> System | None:
    """The release of a machine, by its build number; None where it is older than all that are known."""
    return _release(system.is_server, system.build)


@functools.lru_cache(maxsize=1024)
def _release(is_server: bool, build: int) -> System | None:
    """Most machines of a fleet have the release of another one."""
    matching = (each for each in _matrix().systems if each.server == is_server and each.first_build <= build)
    return max(matching, key=lambda each: each.first_build, default=None)


def look_up(system: OperatingSystem, name: str) -> Answer:
    """Whether this Windows can be host for `name`, which must be one of `known_names`."""
    host = system_of(system)
    if host is None:
        return Answer(name, f"build {system.build} of Windows is not in the table of hosts")
    office = next((each for each in _matrix().office if each.name == name), None)
    if office is not None:
        return _office_answer(host, office)
    served = next(each for each in _matrix().windows if each.name == name)
    return _windows_answer(host, served)


def _windows_answer(host: System, served: Served) -> Answer:
    if served.server and not host.server:
        return Answer(served.name, f"{host.name} is a client, and a KMS host on a client activates clients only")
    if not host.hosts_windows:
        return Answer(served.name, f"no KMS host key for Windows can be hosted on {host.name}")
    if served.generation <= host.generation:
        return Answer(served.name)
    update = next((each for each in _matrix().updates if _covers(each, host, served)), None)
    if update is None:
        return Answer(served.name, f"Microsoft's table of KMS hosts has it for no update of {host.name}")
    return Answer(served.name, update=update)


def _covers(update: Update, host: System, served: Served) -> bool:
    is_named = not update.only or served.name in update.only
    return update.host == host.name and served.generation in update.generations and is_named


def _office_answer(host: System, office: Office) -> Answer:
    first = office.server if host.server else office.client
    if host.generation < first:
        kind = [each for each in _matrix().systems if each.server == host.server and each.generation >= first]
        oldest = min(kind, key=lambda each: each.generation).name
        return Answer(office.name, f"a host for it is {oldest} or later, and this is {host.name}")
    if office.documented_to is not None and host.generation > office.documented_to:
        return Answer(office.name, doubt=f"no page of Microsoft says whether {host.name} can be host for {office.name}")
    needs_update = office.update is not None and host.generation in office.update.generations
    return Answer(office.name, update=office.update if needs_update else None)


# Read once, before Ansible forks: each worker would read it again.
_matrix()
