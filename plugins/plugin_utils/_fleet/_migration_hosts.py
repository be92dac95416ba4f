# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The KMS hosts of a migration: what their keys serve, what they count, and whether machines find them. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import DEFAULT_KMS_PORT, Channel
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import (
    WINDOWS_POOL,
    KeyReach,
    office_pool,
    office_release,
    reach_of,
    same_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import Product

from ._migration_machines import Machine
from ._migration_rows import Row, product_of

MOST_CLIENTS: t.Final = 50
MOST_OFFICE: t.Final = 10
"""So many CMIDs a count holds at most. Source: kms_rules.yaml, count_cache, maximum."""


@dataclass(frozen=True, slots=True)
class HostKey:
    """One host key that is activated. `reach` None: of Office, or of a channel that tells nothing."""

    pool: str
    count: int
    reach: KeyReach | None = None

    @property
    def maximum(self) -> int:
        """The most that its count can show."""
        return MOST_CLIENTS if self.pool == WINDOWS_POOL else MOST_OFFICE

    def serves(self, machine: Machine) -> bool:
        """Whether it activates the machine's product of its pool. A key that tells nothing is taken to."""
        if self.pool != WINDOWS_POOL or self.reach is None or machine.system is None:
            return True
        return self.reach.serves(machine.system)


@dataclass(frozen=True, slots=True)
class KmsHost:
    """One KMS host. `target` and `port` are what machines ask; `problem`: why it can't be used now.

    `priority` is that of its SRV record; None where DNS does not name it, or was not asked. `answers` False: whoever
    asks it goes on to the next one.
    """

    name: str
    target: str
    port: int
    keys: tuple[HostKey, ...] = ()
    problem: str | None = None
    priority: int | None = None
    answers: bool | None = None

    def key(self, pool: str) -> HostKey | None:
        """The key that serves a pool; None for a host that cannot be used."""
        return next((key for key in self.keys if key.pool == pool), None) if self.problem is None else None

    def serves(self, machine: Machine, pool: str) -> bool:
        """Whether it activates this machine in this pool."""
        key = self.key(pool)
        return key is not None and key.serves(machine)

    def is_called(self, name: str) -> bool:
        """Whether this name is one of its own, as a machine may have it."""
        return same_host(name, self.target) or same_host(name, self.name)

    @property
    def is_office_only(self) -> bool:
        """Whether it has no key of Windows."""
        return bool(self.keys) and all(key.pool != WINDOWS_POOL for key in self.keys)


@dataclass(frozen=True, slots=True)
class Stranger:
    """A record in DNS that leads to a host which is not of the plan. `alive` None: nobody looked."""

    target: str
    priority: int
    alive: bool | None


@dataclass(frozen=True, slots=True)
class Directory:
    """What machines find in DNS. `problem`: why they find nothing; `asked`: whether anybody looked."""

    asked: bool = False
    domain: str | None = None
    problem: str | None = None
    strangers: tuple[Stranger, ...] = ()
    first_priority: int | None = None


def read_hosts(
    hosts: Iterable[Row], srv: Row | None = None, endpoints: Row | None = None
) -> tuple[list[KmsHost], Directory]:
    """The hosts of the plan, as host_info, srv_info and endpoint_info tell of them, and what DNS has for machines."""
    records = _records(srv)
    read = [_host(host, records, endpoints) for host in hosts]
    return read, _directory(srv, records, read)


def _host(host: Row, records: Sequence[Row], endpoints: Row | None) -> KmsHost:
    name, info = str(host["name"]), host.get("info") or {}
    state = info.get("host") or {}
    target = str(host.get("target") or "") or _target_in_dns(name, info, records) or name
    record = next((record for record in records if same_host(record["target"], target)), None)
    service = state.get("service") or state
    port = host.get("port") or (record or {}).get("port") or service.get("listening_port") or DEFAULT_KMS_PORT
    keys, problem = _keys(name, info)
    silence = _silence([target, str(host.get("address") or target)], int(port), endpoints)
    if silence is None and record is not None and record.get("status"):
        answer = record.get("reason") or "does not answer as a KMS host"
        silence = "" if record["status"] == "kms" else f"{target} {answer}"
    return KmsHost(
        name=name,
        target=target.rstrip("."),
        port=int(port),
        keys=keys,
        problem=problem or silence or None,
        priority=None if record is None else int(record.get("priority") or 0),
        answers=None if silence is None else not silence,
    )


def _target_in_dns(name: str, info: Row, records: Sequence[Row]) -> str | None:
    own = [name, str((info.get("operating_system") or {}).get("computer_name") or name)]
    return next((str(r["target"]) for r in records if any(same_host(r["target"], each) for each in own)), None)


def _keys(name: str, info: Row) -> tuple[tuple[HostKey, ...], str | None]:
    """The keys that are activated, and why there are none."""
    if info.get("unreachable") or info.get("failed") or "host" not in info:
        return (), f"{name} could not be read: {info.get('msg') or 'there is no result of host_info'}"
    rows = info["host"].get("products") or []
    licences = [(product_of(row), row) for row in rows]
    found = [(product, row) for product, row in licences if product.channel is Channel.KMS_HOST]
    if not found:
        return (), f"{name} has no KMS host key"
    keys = [_key(product, row) for product, row in found if product.is_licensed]
    if not keys:
        return (), f"the KMS host key of {name} is not activated ({found[0][0].license_status.label})"
    return tuple(key for key in keys if key is not None), None


def _key(product: Product, row: Row) -> HostKey | None:
    # 0 and -1 both mean that nobody has asked yet (F17), and so does null of a host key.
    count = int(row.get("current_count") or 0)
    if product.is_windows:
        return HostKey(WINDOWS_POOL, count, reach_of(product.description))
    release = office_release(product.name, product.application_id) if product.is_office else None
    return HostKey(office_pool(release), count) if release else None


def _silence(names: Sequence[str], port: int, endpoints: Row | None) -> str | None:
    """Why nothing answers there as a KMS host; "" where one does, None where nobody asked."""
    for endpoint in (endpoints or {}).get("endpoints") or ():
        if int(endpoint["port"]) == port and any(same_host(str(endpoint["host"]), name) for name in names):
            return "" if endpoint["status"] == "kms" else f"{endpoint['endpoint']} {endpoint.get('reason')}"
    return None


def _records(srv: Row | None) -> list[Row]:
    """The records of the first domain that has some: those a machine uses. A single dot is no host (RFC 2782)."""
    for domain in (srv or {}).get("domains") or ():
        if domain.get("records"):
            return [record for record in domain["records"] if str(record["target"]).strip(".")]
    return []


def _directory(srv: Row | None, records: Sequence[Row], hosts: Sequence[KmsHost]) -> Directory:
    if srv is None:
        return Directory()
    asked = [str(domain.get("domain") or "").rstrip(".") for domain in srv.get("domains") or ()]
    if srv.get("failed") or srv.get("unreachable"):
        return Directory(asked=True, problem=f"DNS could not be read: {srv.get('msg') or 'srv_info failed'}")
    if not records:
        return Directory(asked=True, problem=f"DNS names no KMS host in {', '.join(asked) or 'any domain'}")
    return Directory(
        asked=True,
        domain=str(srv.get("domain") or asked[0]).rstrip("."),
        strangers=tuple(_stranger(r) for r in records if not any(host.is_called(str(r["target"])) for host in hosts)),
        first_priority=min(int(record.get("priority") or 0) for record in records),
    )


def _stranger(record: Row) -> Stranger:
    status: t.Any = record.get("status")
    return Stranger(
        target=str(record["target"]).rstrip("."),
        priority=int(record.get("priority") or 0),
        alive=None if status is None else status == "kms",
    )


def host_summary(host: KmsHost) -> Mapping[str, t.Any]:
    """One item of `hosts` of the result."""
    return {
        "name": host.name,
        "target": host.target,
        "port": host.port,
        "usable": host.problem is None,
        "problem": host.problem,
        "answers": host.answers,
        "in_dns": host.priority is not None,
        "priority": host.priority,
        "office_only": host.is_office_only,
        "counts": {key.pool: key.count for key in host.keys},
    }
