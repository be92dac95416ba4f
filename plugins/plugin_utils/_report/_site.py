# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The KMS hosts and DNS of a report, as host_info, endpoint_info and srv_info tell of them. Pure."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.volact.kms.plugins.plugin_utils._spp._client_address import CLOUD_KMS_HOSTS
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import DEFAULT_KMS_PORT, LicenseStatus
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import same_host

from ._machines import Machine, Row

CLASSES: t.Final = ("windows_client", "windows_server", "office")
"""Classes of requesters, each with a threshold of its own (F05)."""

_KMS: t.Final = "kms"
_RUNNING: t.Final = "running"


@dataclass(frozen=True, slots=True)
class HostKey:
    """One KMS host key of a host. `missing`: by class, how many machines must still ask."""

    name: str
    description: str
    is_windows: bool
    is_licensed: bool
    status: LicenseStatus
    reason: int
    last_five: str | None
    count: int
    required: int | None
    missing: Mapping[str, tuple[int, int]]
    requests: int | None
    failed_requests: int | None


@dataclass(frozen=True, slots=True)
class KmsHost:
    """One KMS host. `names` are all it is known by, the one of the inventory first; `problem`: why it is unread.

    `silence`: why nothing answers there as a KMS host, "" where one does, None where nobody asked.
    """

    names: tuple[str, ...]
    port: int
    is_declared: bool
    problem: str | None = None
    keys: tuple[HostKey, ...] = ()
    service: str | None = None
    exposed: bool | None = None
    not_published: str | None = None
    silence: str | None = None

    @property
    def name(self) -> str:
        """How the report calls it."""
        return self.names[0]

    @property
    def is_down(self) -> bool:
        """Whether its service is known not to run."""
        return self.service is not None and self.service.lower() != _RUNNING


@dataclass(frozen=True, slots=True)
class Declared:
    """What a user says about a site: KMS hosts that there are, those that are gone, and what their keys have spent.

    `activations`: last five characters of a host key -> machine -> how often it was activated there.
    """

    hosts: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    activations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class Site:
    """The hosts and the answers of DNS, and which host a name is of."""

    def __init__(
        self,
        declared: Declared = Declared(),
        hosts: Iterable[Row] = (),
        srv: Row | None = None,
        endpoints: Row | None = None,
        machines: Iterable[Machine] = (),
    ) -> None:
        """`hosts` as migration_plan takes them; machines of the fleet that are KMS hosts are read as well."""
        self.srv = srv
        self.endpoints = tuple((endpoints or {}).get("endpoints") or ())
        self.records = _records(srv)
        self.retired = tuple(clean(name) for name in declared.retired)
        self.activations = declared.activations
        given = list(hosts)
        self.declared_names = tuple(dict.fromkeys(clean(name) for name in declared.hosts)) or tuple(
            clean(str(host.get("target") or host["name"])) for host in given
        )
        self.hosts = self._read(given, [machine for machine in machines if machine.is_kms_host])
        self.host_of = functools.cache(self._host_of)

    @property
    def has_declared_hosts(self) -> bool:
        """Whether the user said which hosts there are: without that nothing is a stranger."""
        return bool(self.declared_names)

    def _read(self, given: list[Row], machines: list[Machine]) -> tuple[KmsHost, ...]:
        found: list[KmsHost] = []
        for host in given:
            info = host.get("info") or {}
            names = _unique(host["name"], host.get("target"), (info.get("operating_system") or {}).get("computer_name"))
            found.append(self._host(names, info.get("host"), _problem(names[0], info), host.get("port")))
        for machine in machines:
            names = _unique(machine.name, machine.system.computer_name if machine.system else None)
            if not any(_are_same(host.names, names) for host in found):
                found.append(self._host(names, machine.host, None, None))
        for name in self.declared_names:
            if not any(_are_same(host.names, (name,)) for host in found):
                found.append(self._host((name,), None, None, None))
        return tuple(sorted(found, key=lambda host: host.name))

    def _host(self, own: tuple[str, ...], state: Row | None, problem: str | None, port: int | None) -> KmsHost:
        record = next((each for each in self.records if _are_same(own, (each["target"],))), None)
        names = _unique(*own, *([record["target"]] if record else []), *_matching(own, self.declared_names))
        service = (state or {}).get("service") or {}
        number = int(port or (record or {}).get("port") or service.get("listening_port") or DEFAULT_KMS_PORT)
        publishing = (state or {}).get("last_publishing") or {}
        return KmsHost(
            names=names,
            port=number,
            is_declared=bool(_matching(names, self.declared_names)),
            problem=problem,
            keys=tuple(_key(row) for row in (state or {}).get("products") or () if row.get("channel") == "kms_host"),
            service=service.get("state"),
            exposed=((state or {}).get("firewall") or {}).get("exposed"),
            not_published=str(publishing.get("code") or "?") if publishing.get("succeeded") is False else None,
            silence=self._silence(names, number),
        )

    def _silence(self, names: tuple[str, ...], port: int) -> str | None:
        asked = [(str(each["host"]), each) for each in self.endpoints]
        asked += [(str(each["target"]), each) for each in self.records if each.get("status")]
        for name, found in asked:
            if int(found["port"]) == port and _are_same(names, (name,)):
                return "" if found["status"] == _KMS else str(found.get("reason") or found["status"])
        return None

    def _host_of(self, name: str) -> KmsHost | None:
        """The host that a machine means by `name`; None for a stranger."""
        return next((host for host in self.hosts if _are_same(host.names, (name,))), None)

    def is_declared(self, name: str) -> bool:
        """Whether `name` is of a host that the user declared, or of a cloud's own service."""
        host = self.host_of(name)
        return name in CLOUD_KMS_HOSTS or (host is not None and host.is_declared)

    def is_retired(self, name: str) -> bool:
        """Whether `name` is of a host that the user retired."""
        return bool(_matching((name,), self.retired))

    def silence_of(self, name: str) -> str | None:
        """Why nothing answers at `name`; "" where a KMS host does, None where nobody asked."""
        host = self.host_of(name)
        return host.silence if host else self._silence((name,), DEFAULT_KMS_PORT)


def clean(name: t.Any) -> str:
    """A host's name as it is compared: DNS knows no case, and the dot at the end is of its form only."""
    return str(name).strip().lower().rstrip(".")


def _are_same(names: Iterable[str], others: Iterable[t.Any]) -> bool:
    return bool(_matching([clean(other) for other in others], names))


def _matching(names: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Those of `wanted` that are of the same host as one of `names`."""
    return tuple(each for each in wanted if any(same_host(each, name) for name in names))


def _unique(*names: t.Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clean(name) for name in names if name))


def _problem(name: str, info: Row) -> str | None:
    if info.get("unreachable") or info.get("failed") or "host" not in info:
        return str(info.get("msg") or f"there is no result of host_info for {name}")
    return None


def _key(row: Row) -> HostKey:
    counters = row.get("counters") or {}
    status = LicenseStatus(int(row.get("license_status") or 0))
    readiness = row.get("readiness") or {}
    return HostKey(
        name=str(row.get("name") or ""),
        description=str(row.get("description") or ""),
        is_windows=row.get("application") == "windows" or str(row.get("name") or "").startswith("Windows"),
        is_licensed=status == LicenseStatus.LICENSED,
        status=status,
        reason=int(row.get("license_status_reason") or 0) & 0xFFFFFFFF,
        last_five=str(row["partial_product_key"])[-5:] if row.get("partial_product_key") else None,
        count=int(row.get("current_count") or 0),
        required=row.get("required_client_count"),
        missing={
            name: (int(each["missing"]), int(each["threshold"])) for name in CLASSES if (each := readiness.get(name))
        },
        requests=counters.get("total"),
        failed_requests=counters.get("failed"),
    )


def _records(srv: Row | None) -> tuple[Row, ...]:
    """The SRV records of all domains. A single dot as target is no host (RFC 2782)."""
    domains = (srv or {}).get("domains") or ()
    return tuple(row for domain in domains for row in domain.get("records") or () if clean(row["target"]))
