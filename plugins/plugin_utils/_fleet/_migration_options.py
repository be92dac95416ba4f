# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user gives to migration_plan, checked: wishes, records, and the subnets that addresses stand for. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Channel, Scope

from ._migration_machines import Rules
from ._migration_plan import Wishes

_BATCH: t.Final = re.compile(r"[1-9]\d{0,5}|(?:[1-9]\d?|100)%")


def wishes_of(parameters: Mapping[str, t.Any]) -> Wishes:
    """The options of the module that are no data. Raises BadInput."""
    batch = str(parameters["batch"]).strip()
    if not _BATCH.fullmatch(batch):
        raise BadInput(
            f"batch is {batch!r}, which is neither a number of machines nor a share from 1% to 100%. Nothing was "
            f"changed. Give for example 20 or 10%.",
            operation="read the options",
            target="batch",
            hint="batch: 10%",
        )
    return Wishes(
        rules=Rules(
            scope=Scope(parameters["product"]),
            from_channels=frozenset(Channel(channel) for channel in parameters["from_channels"]),
            unpin=bool(parameters["unpin"]),
        ),
        canaries=frozenset(parameters["canaries"] or ()),
        subnets={str(name): subnet_of(label) for name, label in (parameters["subnets"] or {}).items()},
        batch=batch,
        host=parameters["host"] or None,
        keep_pinned=bool(parameters["keep_pinned"]),
        rollback=bool(parameters["rollback"]),
        mak_budget=parameters["mak_budget"],
    )


def subnet_of(label: t.Any) -> str:
    """A label as it is; an address stands for its network: the first 24 bits of IPv4, 64 of IPv6."""
    text = str(label or "").strip()
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 64), strict=False))


def read_records(lines: t.Iterable[str], where: str) -> list[dict[str, t.Any]]:
    """Fleet records from the lines of a file. Raises BadInput for what is none."""
    records = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        records.append(check_record(record, f"line {number} of {where}"))
    return records


def check_record(record: t.Any, where: str) -> dict[str, t.Any]:
    """A record of fleet_info. Raises BadInput."""
    if isinstance(record, Mapping) and record.get("machine"):
        return dict(record)
    raise BadInput(
        f"{where} is no record of a machine. Nothing was changed. Give the file that volact.kms.fleet_info wrote to "
        f"its dest, or the records that it returned.",
        operation="read the fleet",
        target=where,
        hint="Run volact.kms.fleet_info first.",
    )
