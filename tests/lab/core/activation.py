# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activation: what happens between Activate and its HRESULT.

A KMS client finds a host (configured, remembered, or by SRV records), asks it, and activates when the count the host
reports has reached its threshold. Other keys activate at Microsoft. Sources: kms_rules.yaml (thresholds, dns.selection,
intervals; adba: Active Directory comes first where it is allowed), events.yaml (12288, 12289, 12308, 12321).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from ..effects import (
    Addresses,
    AskMicrosoft,
    ExchangeWithKms,
    Failure,
    LookupAddress,
    LookupService,
    MicrosoftAnswer,
    Outcome,
    Payload,
    ServiceRecord,
    ServiceRecords,
)
from . import event_log
from .addressing import DEFAULT_PORT, configured_host, lookup_domain
from .catalogue import EVALUATION
from .directory import activate_by_directory
from .kms import KmsHost, activates
from .kms_payload import KmsAnswer, KmsRequest, open_answer, seal
from .licence import REASON_KMS_LICENSED, LicenceRow, LicenseStatus
from .machine import Machine
from .publishing import begin_to_publish
from .world import SppFailure, Steps, World

COUNT_TOO_LOW = 0xC004F038
ACTIVE_DIRECTORY, KMS_ONLY, TOKEN = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Target:
    """A KMS host to try."""

    name: str
    port: int
    discovered: bool


def activate(world: World, machine: Machine, activation_id: str) -> Steps[None]:
    """Activate one licence row now. Raises SppFailure with the HRESULT that Activate returns."""
    row = machine.row(activation_id, world.now())
    if row is None or row.key is None:
        raise SppFailure(machine.dialect.activate_without_key)
    if row.channel == EVALUATION or machine.circumstances.hollow_activation:
        return
    try:
        if row.is_kms_client:
            yield from _activate_by_volume(world, machine, row)
        else:
            yield from _activate_at_microsoft(world, machine, row)
    except SppFailure as failure:
        _remember_failure(world, machine, activation_id, failure.code)
        raise


def _activate_at_microsoft(world: World, machine: Machine, row: LicenceRow) -> Steps[None]:
    assert row.key is not None
    if not machine.circumstances.internet:
        raise SppFailure(machine.dialect.no_internet)
    if world.microsoft_elsewhere:
        outcome = yield AskMicrosoft(row.key.sha256, machine.name)
        code = outcome.code if isinstance(outcome, MicrosoftAnswer) else machine.dialect.no_internet
    else:
        code = world.microsoft.activate(row.key, machine.name)
    if code:
        raise SppFailure(code)
    be_licensed(world, machine, row)


def be_licensed(world: World, machine: Machine, row: LicenceRow) -> None:
    """Let a row be activated at Microsoft, over the internet or by telephone; a host key begins to serve."""
    assert row.key is not None
    machine.activated_keys.add(row.key.sha256)
    machine.put_row(row.licensed_for_ever())
    if row.is_kms_host:
        machine.kms = machine.kms or KmsHost(port=machine.settings.listening_port)
        begin_to_publish(world, machine)


def _remember_failure(world: World, machine: Machine, activation_id: str, code: int) -> None:
    row = machine.row(activation_id, world.now())
    if row is None or row.key is None:
        return
    if machine.dialect.failure_becomes_reason and row.status is not LicenseStatus.LICENSED:
        row = replace(row, reason=code)
    if row.is_kms_client:
        row = replace(row, next_attempt=world.now() + timedelta(minutes=row.activation_interval))
    machine.put_row(row)


def _activate_by_volume(world: World, machine: Machine, row: LicenceRow) -> Steps[None]:
    wanted = row.activation_type_enabled or machine.settings_of(ospp=row.is_ospp).activation_type_enabled
    if wanted == TOKEN:
        event_log.log_token_failure(machine, world.now())
        raise SppFailure(machine.dialect.no_token_licence)
    if wanted != KMS_ONLY:
        code = activate_by_directory(world, machine, row)
        if code == 0:
            return
        if wanted == ACTIVE_DIRECTORY:
            raise SppFailure(code)
    yield from _activate_by_kms(world, machine, row)


def _activate_by_kms(world: World, machine: Machine, row: LicenceRow) -> Steps[None]:
    machine.ensure_cmid(ospp=row.is_ospp)
    remembered = _remembered_target(machine, row)
    configured = _configured_target(machine, row)
    answered = None
    if configured is not None:
        answered = yield from _ask_each(world, machine, row, [configured])
    elif remembered is not None:
        answered = yield from _ask_each(world, machine, row, [remembered])
    if answered is None and configured is None:
        targets = yield from _discover(world, machine, row)
        answered = yield from _ask_each(world, machine, row, targets)
    if answered is None:
        raise SppFailure(machine.dialect.no_host_answers)
    target, address, answer = answered
    if answer.code:
        raise SppFailure(answer.code)
    _take_answer(world.now(), machine, row, target, address, answer)


def _configured_target(machine: Machine, row: LicenceRow) -> Target | None:
    """The host an administrator fixed."""
    fixed = configured_host(machine, row)
    return None if fixed is None else Target(*fixed, discovered=False)


def _remembered_target(machine: Machine, row: LicenceRow) -> Target | None:
    """The host found last time, unless caching is disabled. Source: kms_rules.yaml, dns.selection."""
    if not machine.settings_of(ospp=row.is_ospp).host_caching or row.discovered_name is None:
        return None
    return Target(row.discovered_name, row.discovered_port or DEFAULT_PORT, discovered=True)


def _discover(world: World, machine: Machine, row: LicenceRow) -> Steps[list[Target]]:
    name = f"_vlmcs._tcp.{lookup_domain(machine, row)}"
    outcome = yield from _look_up(world, machine, LookupService(name))
    if isinstance(outcome, ServiceRecords):
        return [
            Target(record.target.rstrip("."), record.port, discovered=True)
            for record in srv_order(outcome.records, world.chance)
        ]
    raise SppFailure(outcome.code if isinstance(outcome, Failure) else machine.dialect.no_host_answers)


def _look_up(world: World, machine: Machine, question: LookupService | LookupAddress) -> Steps[Outcome]:
    """Ask DNS, unless the machine's resolver remembers that there was no answer."""
    until, code = machine.negative_dns.get(question.name, (world.now(), 0))
    if until > world.now():
        return Failure(code)
    outcome = yield question
    seconds = machine.circumstances.negative_dns_seconds
    if seconds and isinstance(outcome, Failure):
        machine.negative_dns[question.name] = (world.now() + timedelta(seconds=seconds), outcome.code)
    return outcome


def srv_order(records: Sequence[ServiceRecord], chance: Random) -> list[ServiceRecord]:
    """The order in which a client tries hosts: by priority, inside one priority by weighted chance.

    Source: RFC 2782, "Weight"; kms_rules.yaml, dns.selection (honoured since Windows 7 and Server 2008 R2).
    """
    ordered: list[ServiceRecord] = []
    for priority in sorted({record.priority for record in records}):
        left = [record for record in records if record.priority == priority]
        while left:
            # One added to each weight keeps hosts of weight 0 in the draw, as RFC 2782 asks.
            chosen = chance.choices(left, weights=[record.weight + 1 for record in left])[0]
            left.remove(chosen)
            ordered.append(chosen)
    return ordered


def _ask_each(
    world: World, machine: Machine, row: LicenceRow, targets: Sequence[Target]
) -> Steps[tuple[Target, str, KmsAnswer] | None]:
    """Ask one host after the other until one gives an answer that counts."""
    for target in targets:
        outcome = yield from _look_up(world, machine, LookupAddress(target.name))
        if not isinstance(outcome, Addresses):
            _log_request(world, machine, row, target, outcome.code if isinstance(outcome, Failure) else 0x8007232B)
            continue
        for address in outcome.addresses:
            answer = yield from _ask(world, machine, row, target, address)
            if answer is not None and not _is_hidden(machine, answer):
                return target, address, answer
    return None


def _is_hidden(machine: Machine, answer: KmsAnswer) -> bool:
    """Clock skew shows in the events; whether Activate tells of it, too, depends on the dialect."""
    return answer.code == machine.dialect.clock_skew_event and not machine.dialect.clock_skew_is_told


def _ask(world: World, machine: Machine, row: LicenceRow, target: Target, address: str) -> Steps[KmsAnswer | None]:
    now = world.now()
    request = KmsRequest(
        nonce=str(uuid.UUID(int=world.chance.getrandbits(128), version=4)),
        cmid=machine.ensure_cmid(ospp=row.is_ospp),
        machine=machine.fqdn,
        system=machine.os.name,
        activation_id=row.activation_id,
        license_status=int(row.status),
        minutes=row.grace_minutes(now),
        time=machine.local_time(now).isoformat(),
        office_release=row.office_release,
    )
    outcome = yield ExchangeWithKms(machine.address, address, target.port, seal(request, world.kms_secret))
    if not isinstance(outcome, Payload):
        _log_request(world, machine, row, target, outcome.code if isinstance(outcome, Failure) else 0x800706BA)
        return None
    try:
        answer = open_answer(outcome.data, world.kms_secret)
    except ValueError:
        answer = None
    if answer is None or answer.nonce != request.nonce:
        _log_request(world, machine, row, target, machine.dialect.no_host_answers)
        return None
    _log_request(world, machine, row, target, answer.code)
    return answer


def _take_answer(
    now: datetime, machine: Machine, asked: LicenceRow, target: Target, address: str, answer: KmsAnswer
) -> None:
    """What the host's answer makes of the row; a key that was changed meanwhile makes it void."""
    row = machine.row(asked.activation_id, now)
    if row is None or row.key != asked.key:
        raise SppFailure(machine.dialect.no_host_answers)
    good = activates(answer.count, machine.threshold(row))
    row = replace(
        row,
        activation_interval=answer.activation_interval,
        renewal_interval=answer.renewal_interval,
        discovered_name=target.name if target.discovered else None,
        discovered_port=target.port if target.discovered else 0,
        discovered_address=address,
    )
    if good:
        row = replace(
            row,
            status=LicenseStatus.LICENSED,
            reason=REASON_KMS_LICENSED,
            expires=now + timedelta(minutes=machine.dialect.kms_validity_minutes),
            next_attempt=now + timedelta(minutes=answer.renewal_interval),
            activated_by="kms",
            kms_host_used=answer.host,
            kms_product_key_id=answer.product_key_id,
            activation_object=None,
        )
    machine.put_row(row)
    machine.log(now, event_log.ANSWER_PROCESSED, event_log.APPLICATION_LOG, _answer_line(machine, now, answer, good))
    if good:
        return
    if machine.dialect.low_count_is_success:
        attempt = now + timedelta(minutes=row.activation_interval)
        reason = row.reason if row.status is LicenseStatus.LICENSED else COUNT_TOO_LOW
        machine.put_row(replace(row, reason=reason, next_attempt=attempt))
        return
    raise SppFailure(COUNT_TOO_LOW)


def _answer_line(machine: Machine, now: datetime, answer: KmsAnswer, good: bool) -> str:
    code, flags = (0, 0) if good else (COUNT_TOO_LOW, 0x04000000)
    clock = f"{machine.local_time(now):%Y/%m/%d %H:%M}"
    counts = f"{answer.count}, {answer.activation_interval}, {answer.renewal_interval}"
    return f"0x{code:08X}, 0x{flags:08X}, {int(good)}, 0, {counts}, {clock}"


def _log_request(world: World, machine: Machine, row: LicenceRow, target: Target, code: int) -> None:
    now = world.now()
    clock = f"{machine.local_time(now):%Y/%m/%d %H:%M}"
    cmid = machine.ensure_cmid(ospp=row.is_ospp)
    line = (
        f"0x{code:08X}, 0x00000000, {target.name}:{target.port}, {cmid}, {clock}, 0, "
        f"{int(row.status)}, {row.grace_minutes(now)}, {row.activation_id}, {machine.threshold(row)}"
    )
    machine.log(now, event_log.REQUEST_SENT, event_log.APPLICATION_LOG, line)
