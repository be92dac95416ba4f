# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a KMS host publishes its own SRV record, and what becomes of it.

Source: kms_rules.yaml, dns.registration (at service start and once a day; 12294 and 12293), dns.owner_rule (the first
host that makes the name owns it, others get 0x80072338) and dns.registry (DnsDomainPublishList: domains besides the
home domain, or instead of it: Microsoft says both).
"""

from __future__ import annotations

from ..effects import Failure, Published, PublishService, ServiceRecord
from .event_log import APPLICATION_LOG, PUBLISHED, PUBLISHING_FAILED
from .fresh_registry import SPP_KEY, texts_value
from .machine import Machine
from .world import BackgroundTask, Steps, World

_TASK = "publish"
_A_DAY = 24 * 60 * 60.0
_LIST = "dnsdomainpublishlist"

#: The record that a host asks for: kms_rules.yaml, dns.record.
_PRIORITY = _WEIGHT = 0


def begin_to_publish(world: World, machine: Machine) -> None:
    """A KMS host starts, or becomes one. Where DNS takes no updates at all it fails at once, else in its own time."""
    if machine.kms is None or not machine.settings.dns_publishing:
        return
    if _updates(world, machine) == "refused":
        for domain, _priority, _weight in publish_domains(machine):
            _log_failure(world, machine, machine.dialect.dns_refused, domain)
        return
    world.tasks[:] = [task for task in world.tasks if (task.kind, task.machine) != (_TASK, machine.name)]
    world.later(BackgroundTask(machine.name, _TASK, world.now()), 0)


def publish(world: World, machine: Machine) -> Steps[None]:
    """Publish in every domain now, and again in a day."""
    if machine.kms is None or not machine.settings.dns_publishing or machine.service_state(world.now()) != "Running":
        return
    for domain, priority, weight in publish_domains(machine):
        yield from _publish(world, machine, domain, ServiceRecord(priority, weight, machine.kms.port, machine.fqdn))
    world.later(BackgroundTask(machine.name, _TASK, world.now()), _A_DAY)


def _publish(world: World, machine: Machine, domain: str, record: ServiceRecord) -> Steps[None]:
    updates = _updates(world, machine)
    if updates in ("refused", "secure"):
        code = machine.dialect.dns_refused if updates == "refused" else machine.dialect.dns_not_owner
        _log_failure(world, machine, code, domain)
        return
    needs_absence = updates == "owner" and world.srv_owners.get(domain) != machine.name
    outcome = yield PublishService(domain, record, needs_absence)
    if isinstance(outcome, Published):
        world.srv_owners.setdefault(domain, machine.name)
        machine.log(world.now(), PUBLISHED, APPLICATION_LOG, domain)
    else:
        code = outcome.code if isinstance(outcome, Failure) else machine.dialect.dns_refused
        _log_failure(world, machine, code, domain)


def publish_domains(machine: Machine) -> list[tuple[str, int, int]]:
    """Domain, priority and weight of every record; a line that is none is skipped."""
    lines = texts_value(machine.registry, SPP_KEY, _LIST)
    listed = [found for found in map(_line, lines) if found is not None]
    home = [] if listed and machine.dialect.publish_list_replaces else [(machine.domain, _PRIORITY, _WEIGHT)]
    return home + [entry for entry in listed if not home or entry[0] != machine.domain]


def _line(text: str) -> tuple[str, int, int] | None:
    """`domain[, priority, weight]`."""
    domain, *numbers = (part.strip() for part in text.split(","))
    if not domain or len(numbers) not in (0, 2) or not all(number.isdigit() for number in numbers):
        return None
    priority, weight = (int(number) for number in numbers) if numbers else (_PRIORITY, _WEIGHT)
    return domain.lower(), priority, weight


def _updates(world: World, machine: Machine) -> str:
    return machine.circumstances.dns_updates or world.behaviour.dns_updates


def _log_failure(world: World, machine: Machine, code: int, domain: str) -> None:
    machine.log(world.now(), PUBLISHING_FAILED, APPLICATION_LOG, f"0x{code:08X}", domain)
