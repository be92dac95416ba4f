# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One simulated Windows machine: its licence rows, settings, services and log.

Values are frozen and replaced; a `Machine` only holds the present ones and appends to its log.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from .catalogue import channels_of
from .dialect import Dialect
from .firewall import PROFILES, fresh_rules
from .firewall_of_machine import Firewall
from .firewall_policy import plant_merge, plant_policy_rule
from .fresh_registry import Registry, fresh_registry, write_revision
from .kms import KmsHost
from .licence import LicenceRow, LicenseStatus, row_of, rows_without_key
from .office import OFFICE_THRESHOLD
from .spec_machine import MachineSpec


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """The settings on the service object, for the client and for the host. Port None: never configured."""

    kms_machine: str | None = None
    kms_port: int | None = None
    lookup_domain: str | None = None
    activation_type_enabled: int = 0
    host_caching: bool = True
    listening_port: int = 1688
    dns_publishing: bool = True
    low_priority: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One record of an event log, its strings as `event_log` knows them. Source: events.yaml."""

    time: datetime
    id: int
    log: str
    strings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What `lab set` changes about a machine's world. Counters of requests run down to 0."""

    clock_offset_minutes: int = 0
    access_denied: bool = False
    token_filtered: bool = False
    quota_faults: int = 0
    drop_before: int = 0
    drop_after: int = 0
    kms_service_up: bool = True
    internet: bool = True
    slow_key_seconds: float = 0.0
    slow_activation_seconds: float = 0.0
    slow_query_seconds: float = 0.0
    slow_service_seconds: float = 0.0
    slow_events_seconds: float = 0.0
    directory_up: bool = True
    dead_host_seconds: float = 0.0
    negative_dns_seconds: float = 0.0
    service_disabled: bool = False
    service_stop: str = "works"
    slow_stop_seconds: float = 0.0
    slow_license_seconds: float = 0.0
    hollow_activation: bool = False
    dns_updates: str | None = None
    kms_answers: int | None = None


class Machine:
    """The state of one machine. `host_channels` are the host-key channels that have a licence row here."""

    def __init__(
        self,
        spec: MachineSpec,
        domain: str,
        address: str,
        empty_rows: int,
        host_channels: tuple[str, ...],
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.os = spec.os
        self.language = spec.language
        self.domain = domain
        self.address = address
        self.dialect: Dialect = spec.dialect
        self.settings = ServiceSettings()
        self.circumstances = Circumstances()
        self.service_running = True
        self.starts_at: datetime | None = None
        self.stops_at: datetime | None = None
        self.stops_never = False
        self.negative_dns: dict[str, tuple[datetime, int]] = {}
        self.kms: KmsHost | None = None
        self.client_machine_id: str | None = None
        self.registry: Registry = fresh_registry(spec, domain)
        self.registry.update({path: {**self.registry.get(path, {}), **more} for path, more in spec.registry.items()})
        self.firewall = _firewall(spec, self.registry)
        self.updates = spec.updates
        self.revision = spec.revision
        self.licences: list[str] = []
        self.activated_keys: set[str] = set()
        self.events: list[Event] = []
        self.ospp_settings = ServiceSettings()
        self.ospp_client_machine_id: str | None = None
        self.ospp_running = True
        self.has_ospp = False
        self.key_in_registry = False
        self.windows_rearms_left = 3 if spec.os.is_windows_7 else 1001
        self.app_rearms_left: dict[str, int] = {}
        channels = dict.fromkeys((*channels_of(spec.os), *host_channels))
        self._rows = {
            row.activation_id: row for row in (row_of(spec.os, channel, self.dialect) for channel in channels)
        }
        self._empty = rows_without_key(spec.os, empty_rows)

    @property
    def fqdn(self) -> str:
        """The DNS name."""
        return f"{self.name}.{self.domain}"

    @property
    def service_version(self) -> str:
        """SoftwareLicensingService.Version, with the build of the cumulative update."""
        family = "6.1" if self.os.is_windows_7 else self.os.version.rsplit(".", 1)[0]
        return f"{family}.{self.os.build}.{self.revision}"

    def rows(self, now: datetime) -> Iterator[LicenceRow]:
        """Every licence row at site time `now`, those of this edition first."""
        for row in self._rows.values():
            yield row.at(now, self.dialect)
        yield from self._empty

    def row(self, activation_id: str, now: datetime) -> LicenceRow | None:
        """One row by its Id in any letter case, None when there is none."""
        wanted = activation_id.lower()
        own = self._rows.get(wanted)
        if own is not None:
            return own.at(now, self.dialect)
        return next((row for row in self._empty if row.activation_id == wanted), None)

    def own_row(self, activation_id: str) -> LicenceRow | None:
        """One of the rows that may have a key, or settings of its own, as it was left; by its Id in lower case."""
        return self._rows.get(activation_id)

    def own_rows(self) -> list[LicenceRow]:
        """All of them."""
        return list(self._rows.values())

    def row_of_channel(self, channel: str, now: datetime) -> LicenceRow:
        """The row of this edition in a channel; made when an evaluation or an odd host key needs it."""
        row = self._rows.get(self.os.activation_id(channel))
        if row is None:
            row = row_of(self.os, channel, self.dialect)
        return row.at(now, self.dialect)

    def keyed_rows(self, now: datetime) -> list[LicenceRow]:
        """The rows that have a key."""
        return [row.at(now, self.dialect) for row in self._rows.values() if row.key is not None]

    def windows_rows(self, now: datetime) -> list[LicenceRow]:
        """The rows of Windows itself that have a key: no add-ons, no Office."""
        return [row for row in self.keyed_rows(now) if row.is_windows]

    def put_row(self, row: LicenceRow) -> None:
        """Replace a row by a newer value of itself, or add one: a product that came with its licences."""
        self._rows[row.activation_id] = row
        self.has_ospp = self.has_ospp or row.is_ospp

    def office_rows(self, now: datetime) -> list[LicenceRow]:
        """The rows of Office, with a key or without."""
        return [row.at(now, self.dialect) for row in self._rows.values() if row.office_release]

    def office_family_rows(self, now: datetime) -> list[LicenceRow]:
        """The rows that the Office classes serve."""
        return [row.at(now, self.dialect) for row in self._rows.values() if row.is_ospp]

    def settings_of(self, *, ospp: bool) -> ServiceSettings:
        """The settings of the service that serves a class family."""
        return self.ospp_settings if ospp else self.settings

    def put_settings(self, settings: ServiceSettings, *, ospp: bool) -> None:
        """Replace them."""
        if ospp:
            self.ospp_settings = settings
        else:
            self.settings = settings

    def threshold(self, row: LicenceRow) -> int:
        """The count at which a client licence activates."""
        return OFFICE_THRESHOLD if row.office_release else self.os.threshold

    def host_rows(self, now: datetime) -> list[LicenceRow]:
        """The rows whose keys make this machine a KMS host: of Windows, and of each Office."""
        return [row for row in self.keyed_rows(now) if row.is_kms_host]

    def host_row_of(self, office_release: str, now: datetime) -> LicenceRow | None:
        """The host row that serves an Office release, or with "" Windows."""
        return next((row for row in self.host_rows(now) if row.office_release == office_release), None)

    def active_kms_host(self, row: LicenceRow | None) -> KmsHost | None:
        """What IsKeyManagementServiceMachine means for a host row: a key that is activated."""
        if self.kms is None or row is None or row.key is None or row.status is not LicenseStatus.LICENSED:
            return None
        return self.kms

    def service_host_row(self, now: datetime) -> LicenceRow | None:
        """The host row whose figures the service object shows: that of Windows, unless a dialect shows any."""
        row = self.host_row_of("", now)
        if row is None and self.dialect.service_shows_office_host:
            row = next(iter(self.host_rows(now)), None)
        return row

    def claim_renewal(self, activation_id: str, now: datetime) -> bool:
        """Take the due attempt of a row, so that it is made once; False when it is not due any more."""
        row = self.row(activation_id, now)
        if row is None or row.next_attempt is None or row.next_attempt > now:
            return False
        self.put_row(replace(row, next_attempt=now + timedelta(minutes=row.activation_interval)))
        return True

    def ensure_cmid(self, *, ospp: bool = False) -> str:
        """The ClientMachineID of a class family, made at the first activation attempt.

        Source: kms_rules.yaml, sysprep_and_cmid: Office has its own with OSPP only.
        """
        if ospp:
            self.ospp_client_machine_id = self.ospp_client_machine_id or self._new_cmid("ospp.cmid")
            return self.ospp_client_machine_id
        self.client_machine_id = self.client_machine_id or self._new_cmid("cmid")
        return self.client_machine_id

    def _new_cmid(self, purpose: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{purpose}.{self.fqdn}"))

    def local_time(self, now: datetime) -> datetime:
        """What this machine's clock shows, in UTC."""
        return now + timedelta(minutes=self.circumstances.clock_offset_minutes)

    def start_service(self, now: datetime) -> None:
        """Start sppsvc; a KMS host takes its configured port only now. Source: SetKeyManagementServiceListeningPort."""
        self.service_running = True
        self.stops_at, self.stops_never = None, False
        seconds = self.circumstances.slow_service_seconds
        self.starts_at = now + timedelta(seconds=seconds) if seconds else None
        if self.kms is not None:
            self.kms = replace(self.kms, port=self.settings.listening_port)

    def stop_service(self) -> None:
        """Stop sppsvc at once."""
        self.service_running = False
        self.starts_at = self.stops_at = None
        self.stops_never = False

    def begin_to_stop(self, now: datetime) -> None:
        """Stop sppsvc as StopService does: at once, after a while, or never, as its circumstances are."""
        self.starts_at = None
        self.stops_never = self.circumstances.service_stop == "never"
        seconds = self.circumstances.slow_stop_seconds
        if seconds and not self.stops_never:
            self.stops_at = now + timedelta(seconds=seconds)
        elif not self.stops_never:
            self.stop_service()

    def is_stopping(self, now: datetime) -> bool:
        """Whether sppsvc was told to stop and has not yet."""
        if self.stops_at is not None and self.stops_at <= now:
            self.stop_service()
        return self.stops_never or self.stops_at is not None

    def seconds_until_started(self, now: datetime) -> float:
        """What is left until a service that is starting can answer; 0 when it runs, or is stopped."""
        return 0.0 if self.starts_at is None else max(0.0, (self.starts_at - now).total_seconds())

    def service_state(self, now: datetime) -> str:
        """Win32_Service.State of sppsvc, an English word in every display language."""
        if self.is_stopping(now):
            return "Stop Pending"
        if not self.service_running:
            return "Stopped"
        return "Start Pending" if self.seconds_until_started(now) else "Running"

    def put_revision(self, revision: int) -> None:
        """Let a cumulative update have been installed."""
        self.revision = revision
        write_revision(self.registry, self.os, revision)

    def is_reachable(self, now: datetime, address: str | None = None) -> bool:
        """Whether its KMS can be reached, from an address or from any of the lab: key, service, firewall."""
        if self.kms is None or not self.host_rows(now) or self.service_state(now) != "Running":
            return False
        return self.firewall.admits(self.kms.port, address)

    def drops_connection(self) -> tuple[bool, bool]:
        """Whether the connection of this request is to be lost before, or after, it takes effect; counts it."""
        before, after = self.circumstances.drop_before, self.circumstances.drop_after
        if before or after:
            self.circumstances = replace(
                self.circumstances, drop_before=max(0, before - 1), drop_after=max(0, after - 1)
            )
        return before == 1, after == 1

    def meets_quota(self) -> bool:
        """Whether this request meets the quota of operations; counts it."""
        left = self.circumstances.quota_faults
        if left:
            self.circumstances = replace(self.circumstances, quota_faults=left - 1)
        return left > 0

    def log(self, now: datetime, event_id: int, log: str, *strings: str) -> None:
        """Append an event."""
        self.events.append(Event(now, event_id, log, strings))

    def digits(self, purpose: str, count: int) -> str:
        """`count` decimal digits that belong to this machine and purpose, the same in every run."""
        number = int.from_bytes(hashlib.sha512(f"{self.fqdn}/{purpose}".encode()).digest(), "big")
        return str(number)[-count:]


def _firewall(spec: MachineSpec, registry: Registry) -> Firewall:
    """The firewall as it is at first; what the site file says of Group Policy goes to the registry."""
    rules = fresh_rules(spec.os, server_no_scope=spec.dialect.firewall_server_no_scope)
    for rule in spec.policy_rules:
        plant_policy_rule(registry, rule)
    if not spec.local_rules_apply:
        plant_merge(registry, False)
    return Firewall(rules, registry, PROFILES[spec.network_profile])
