# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machines of a report: of each fleet record what findings and tables are made of, and no more. Pure."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import (
    ActivationType,
    Channel,
    LicenseStatus,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._hresult import BELOW_THRESHOLD, HResult, explain
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import OperatingSystem

from ._kinds import State

Row = Mapping[str, t.Any]

RECORD_SCHEMA: t.Final = 1
"""Of the records that this reads: the one of _fleet._record."""

VOLUME: t.Final = frozenset({Channel.KMS_CLIENT, Channel.MAK})
"""Channels that are ours: those of OEM, retail, AVMA and Microsoft 365 are shown, and never findings."""

_CHANNELS: t.Final = {channel.value: channel for channel in Channel}
_GRACE: t.Final = frozenset({LicenseStatus.OOB_GRACE, LicenseStatus.OOT_GRACE, LicenseStatus.EXTENDED_GRACE})
_MINUTES: t.Final = 24 * 60
_LAST_FIVE: t.Final = 5
_NOTHING_TO_SAY: t.Final = 0b11 << 30
"""Codes below are no failures, but states."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One product that has a key. `minutes` remain until it ends, 0 or None for ever; `ends` is ISO 8601 in UTC.

    `request` is the result of the newest request to a KMS host, where events were read.
    """

    application: str
    name: str
    channel: Channel
    status: LicenseStatus
    reason: int
    minutes: int | None
    ends: str | None
    last_five: str | None
    by_directory: bool
    pinned: str | None
    found: str | None
    request: int | None

    @property
    def is_windows(self) -> bool:
        """Whether it is Windows itself."""
        return self.application == "windows"

    @property
    def is_ours(self) -> bool:
        """Whether volume activation is about it."""
        return self.channel in VOLUME

    @property
    def state(self) -> State:
        """How it is activated. Below the threshold of its host it is pending, whatever Windows calls it."""
        if self.status == LicenseStatus.LICENSED:
            return State.ACTIVATED
        if BELOW_THRESHOLD in (self.request, self.reason):
            return State.PENDING
        if self.status == LicenseStatus.NOTIFICATION:
            return State.NOTIFICATION
        return State.GRACE if self.status in _GRACE else State.NOT_ACTIVATED

    @property
    def days(self) -> int | None:
        """Whole days that remain; None for a permanent activation, or none."""
        return self.minutes // _MINUTES if self.minutes else None

    @property
    def why(self) -> HResult:
        """Why it is not activated: what the newest request came to if it failed, else what Windows says."""
        return explain(self.request if self.request and self.request >= _NOTHING_TO_SAY else self.reason)


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of the fleet. `problem`: why it could not be read. `pins`: KMS hosts that are set on it."""

    name: str
    collected: str
    state: State
    problem: str | None = None
    problem_code: str | None = None
    system: OperatingSystem | None = None
    edition: str | None = None
    licences: tuple[Licence, ...] = ()
    pins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    cmids: tuple[str, ...] = ()
    skew_seconds: float | None = None
    is_kms_host: bool = False
    host: Row | None = None

    @property
    def is_read(self) -> bool:
        """Whether anything is known of it."""
        return self.problem is None

    @property
    def windows(self) -> tuple[Licence, ...]:
        """Its licences of Windows, which is one."""
        return tuple(licence for licence in self.licences if licence.is_windows)


def read_machines(lines: Iterable[bytes], where: str) -> Iterator[Machine]:
    """The machines of a file of fleet records, one after the other. Raises BadInput for what is no record."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            _check_schema(record["schema"], number, where)
            yield machine_of(record)
        except (ValueError, TypeError, AttributeError, KeyError):
            raise BadInput(
                f"Line {number} of {where} is no record of a machine. Nothing was written. Give files that "
                "volact.kms.fleet_info wrote to its dest.",
                operation="read the records",
                target=where,
                hint="Run volact.kms.fleet_info first.",
            ) from None


def _check_schema(schema: t.Any, line: int, where: str) -> None:
    if schema != RECORD_SCHEMA:
        raise BadInput(
            f"Line {line} of {where} is a record of schema {schema}, and this version of the collection reads schema "
            f"{RECORD_SCHEMA}. Nothing was written. Read the machines again with this version, or report with the "
            "version that read them.",
            operation="read the records",
            target=where,
            hint="Use the same version of volact.kms in both places.",
        )


def newest_of_each(machines: Iterable[Machine]) -> list[Machine]:
    """Each machine once, as it was read last, in the order of their names."""
    newest: dict[str, Machine] = {}
    for machine in machines:
        known = newest.get(machine.name)
        if known is None or machine.collected >= known.collected:
            newest[machine.name] = machine
    return [newest[name] for name in sorted(newest)]


def machine_of(record: Row) -> Machine:
    """A fleet record. Raises KeyError, TypeError, ValueError or AttributeError for what is none."""
    name, collected = str(record["machine"]), str(record.get("collected") or "")
    if record["status"] != "ok":
        error = record.get("error") or {}
        return Machine(
            name=name,
            collected=collected,
            state=State.UNREACHABLE if record["status"] == "unreachable" else State.UNREADABLE,
            problem=str(record.get("msg") or "no reason is known"),
            problem_code=_text(error.get("code")),
        )
    requests = _requests(record.get("events") or {})
    licences = tuple(_licence(row, requests) for row in record.get("products") or ())
    services = [service for key in ("kms_client", "office_kms_client") if (service := record.get(key))]
    registry = (record.get("registry") or {}).get("kms_hosts") or ()
    system = record.get("operating_system") or {}
    return Machine(
        name=name,
        collected=collected,
        state=_state(licences),
        system=_system(system, name),
        edition=_text(system.get("edition")),
        licences=licences,
        pins=_names([*services, *registry, *(record.get("products") or ())], "kms_host"),
        hosts=_names([*(record.get("products") or ()), *services], "discovered_kms_host"),
        cmids=_names(services, "cmid"),
        skew_seconds=record.get("clock_skew_seconds"),
        is_kms_host=bool(record.get("is_kms_host")),
        host=record.get("host"),
    )


def _state(licences: tuple[Licence, ...]) -> State:
    """That of the volume licence that is worst off, or of the others where it has no such licence."""
    counted = [licence for licence in licences if licence.is_ours] or list(licences)
    return min((licence.state for licence in counted), key=lambda state: state.rank, default=State.NO_KEY)


def _licence(row: Row, requests: Mapping[str, int]) -> Licence:
    last_five = _text(row.get("partial_product_key"))
    activation_type = row.get("activation_type")
    return Licence(
        application=str(row.get("application") or _application(row)),
        name=str(row.get("name") or ""),
        channel=_CHANNELS.get(str(row.get("channel")), Channel.UNKNOWN),
        status=LicenseStatus(int(row.get("license_status") or 0)),
        reason=int(row.get("license_status_reason") or 0) & 0xFFFFFFFF,
        minutes=row.get("grace_minutes"),
        ends=_text(row.get("grace_ends")),
        last_five=last_five[-_LAST_FIVE:] if last_five else None,
        by_directory=activation_type == ActivationType.ACTIVE_DIRECTORY,
        pinned=_text(row.get("kms_host")),
        found=_text(row.get("discovered_kms_host")),
        request=requests.get(str(row.get("activation_id"))),
    )


def _application(row: Row) -> str:
    return "windows" if str(row.get("name") or "").startswith("Windows") else "office"


def _requests(events: Row) -> dict[str, int]:
    """Activation ID -> what the newest request came to: the code of its answer, or of the request without one.

    An answer that does not activate tells the count, which is then too low.
    """
    found: dict[str, int] = {}
    for request in events.get("kms_requests") or ():
        response = request.get("response") or {}
        code = response.get("code") or request.get("code")
        if code:
            result = BELOW_THRESHOLD if response.get("activated") is False else int(str(code), 16)
            found.setdefault(str(request.get("activation_id")), result)
    return found


def _system(row: Row, machine: str) -> OperatingSystem:
    return OperatingSystem(
        computer_name=str(row.get("computer_name") or machine),
        version=str(row.get("version") or ""),
        build=int(row.get("build") or 0),
        sku=int(row.get("sku") or 0),
        product_type=int(row.get("product_type") or 0),
        language=row.get("language"),
        clock=None,
    )


def _names(rows: Iterable[Row], key: str) -> tuple[str, ...]:
    """What rows have at `key`, in lower case, without the dot at the end, each once."""
    return tuple(dict.fromkeys(str(row[key]).lower().rstrip(".") for row in rows if row.get(key)))


def _text(value: t.Any) -> str | None:
    return str(value) if value else None
