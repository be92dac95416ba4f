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

from .catalogue import channels_of, languages
from .dialect import Dialect
from .kms import KmsHost
from .licence import LicenceRow, LicenseStatus, row_of, rows_without_key
from .spec import MachineSpec

FIREWALL_RULE = "SPPSVC-In-TCP"


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
    """One record of an event log. Source: events.yaml for the strings of 12288, 12289 and 12290."""

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
    dead_host_seconds: float = 0.0
    negative_dns_seconds: float = 0.0
    service_disabled: bool = False


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
        self.firewall_on = False
        self.service_running = True
        self.starts_at: datetime | None = None
        self.negative_dns: dict[str, tuple[datetime, int]] = {}
        self.kms: KmsHost | None = None
        self.client_machine_id: str | None = None
        self.registry: dict[str, dict[str, tuple[str, int, str | int]]] = _registry(self)
        self.events: list[Event] = []
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
        return f"{family}.{self.os.build}.{1000 + self.os.revision}"

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
        """Replace a row by a newer value of itself."""
        self._rows[row.activation_id] = row

    def kms_host_row(self, now: datetime) -> LicenceRow | None:
        """The row whose key makes this machine a KMS host."""
        return next((row for row in self.windows_rows(now) if row.is_kms_host), None)

    def active_kms_host(self, now: datetime) -> KmsHost | None:
        """What IsKeyManagementServiceMachine means: a host key that is activated. Counts are those of `now`."""
        row = self.kms_host_row(now)
        if self.kms is None or row is None or row.status is not LicenseStatus.LICENSED:
            return None
        return replace(self.kms, pool=self.kms.pool.at(now))

    def claim_renewal(self, activation_id: str, now: datetime) -> bool:
        """Take the due attempt of a row, so that it is made once; False when it is not due any more."""
        row = self.row(activation_id, now)
        if row is None or row.next_attempt is None or row.next_attempt > now:
            return False
        self.put_row(replace(row, next_attempt=now + timedelta(minutes=row.activation_interval)))
        return True

    def ensure_cmid(self) -> str:
        """The ClientMachineID, made at the first activation attempt."""
        if self.client_machine_id is None:
            self.client_machine_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"cmid.{self.fqdn}"))
        return self.client_machine_id

    def local_time(self, now: datetime) -> datetime:
        """What this machine's clock shows, in UTC."""
        return now + timedelta(minutes=self.circumstances.clock_offset_minutes)

    def start_service(self, now: datetime) -> None:
        """Start sppsvc; a KMS host takes its configured port only now. Source: SetKeyManagementServiceListeningPort."""
        self.service_running = True
        seconds = self.circumstances.slow_service_seconds
        self.starts_at = now + timedelta(seconds=seconds) if seconds else None
        if self.kms is not None:
            self.kms = replace(self.kms, port=self.settings.listening_port)

    def stop_service(self) -> None:
        """Stop sppsvc."""
        self.service_running = False
        self.starts_at = None

    def seconds_until_started(self, now: datetime) -> float:
        """What is left until a service that is starting can answer; 0 when it runs, or is stopped."""
        return 0.0 if self.starts_at is None else max(0.0, (self.starts_at - now).total_seconds())

    def service_state(self, now: datetime) -> str:
        """Win32_Service.State of sppsvc, an English word in every display language."""
        if not self.service_running:
            return "Stopped"
        return "Start Pending" if self.seconds_until_started(now) else "Running"

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


def _registry(machine: Machine) -> dict[str, dict[str, tuple[str, int, str | int]]]:
    """Registry keys (lower case) -> values (lower case name -> name, REG type, data) that a fresh Windows has."""
    version = "software\\microsoft\\windows nt\\currentversion"
    return {
        version: {
            "editionid": ("EditionID", 1, machine.os.edition_id),
            "currentbuild": ("CurrentBuild", 1, str(machine.os.build)),
        },
        f"{version}\\softwareprotectionplatform": {},
        "system\\currentcontrolset\\services\\tcpip\\parameters": {
            "domain": ("Domain", 1, machine.domain),
            "nv domain": ("NV Domain", 1, machine.domain),
            "hostname": ("Hostname", 1, machine.name),
        },
        "system\\currentcontrolset\\control\\nls\\language": {
            "default": ("Default", 1, f"{languages()[machine.language]:04x}"),
        },
    }
