# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of a fleet record, which are builtins, as the values of the domain again. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import (
    ActivationType,
    Channel,
    Family,
    LicenseStatus,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import OperatingSystem, Product

Row = Mapping[str, t.Any]
Asked = Mapping[str, str]
"""Activation ID -> the KMS host that answered a request for it, from the events of a machine."""

_COUNTED_DAYS: t.Final = 30
_DAY: t.Final = 24 * 60
_VALIDITY: t.Final = 180 * _DAY
"""Minutes. Sources: kms_rules.yaml, count_cache (30 days) and intervals (180 days)."""


def system_of(row: Row, machine: str) -> OperatingSystem:
    """`operating_system` of a result."""
    return OperatingSystem(
        computer_name=str(row.get("computer_name") or machine),
        version=str(row.get("version") or ""),
        build=int(row.get("build") or 0),
        sku=int(row.get("sku") or 0),
        product_type=int(row.get("product_type") or 0),
        language=row.get("language"),
        clock=None,
    )


def product_of(row: Row) -> Product:
    """An item of `products` of a result; what it doesn't have is unknown."""
    return Product(
        activation_id=str(row.get("activation_id") or ""),
        application_id=str(row.get("application_id") or ""),
        name=str(row.get("name") or ""),
        description=str(row.get("description") or ""),
        channel=_channel(row),
        is_addon=False,
        partial_product_key=row.get("partial_product_key"),
        license_status=LicenseStatus(int(row.get("license_status") or 0)),
        license_status_reason=int(row.get("license_status_reason") or 0),
        grace_minutes=row.get("grace_minutes"),
        kms_machine=row.get("kms_host"),
        kms_port=row.get("kms_port"),
        discovered_machine=row.get("discovered_kms_host"),
        discovered_port=row.get("discovered_kms_port"),
        discovered_address=row.get("discovered_kms_address"),
        activation_type=_activation_type(row.get("activation_type")),
        activation_type_enabled=_activation_type(row.get("activation_type_enabled")),
        activation_interval=row.get("activation_interval_minutes"),
        renewal_interval=row.get("renewal_interval_minutes"),
        is_kms_host=False,
        current_count=row.get("current_count"),
        required_count=row.get("required_client_count"),
        total_requests=None,
        failed_requests=None,
        license_family=str(row.get("license_family") or ""),
        family=Family.OSPP if row.get("family") == Family.OSPP.value else Family.SPP,
    )


def _channel(row: Row) -> Channel:
    known = {channel.value for channel in Channel}
    return Channel(row["channel"]) if row.get("channel") in known else Channel.from_description(row.get("description"))


def _activation_type(number: int | None) -> ActivationType | None:
    return None if number is None else ActivationType(number)


def asked_of(record: Row) -> Asked:
    """The KMS hosts that have answered the machine, by licence, where its events were read."""
    requests = (record.get("events") or {}).get("kms_requests") or ()
    return {
        str(request.get("activation_id")): str(request.get("kms_host") or "")
        for request in requests
        if request.get("response")
    }


def is_counted(row: Product, asked: Asked) -> str | None:
    """The KMS host that counts the machine for a licence with a client setup key; "" for one unknown, None for none.

    A licence that is activated by KMS was counted when it last renewed; one that is not was counted if an answer of a
    KMS host left its traces. Active Directory counts nobody.
    """
    host = (asked.get(row.activation_id) or row.discovered_machine or row.kms_machine or "").lower().rstrip(".")
    if row.is_licensed:
        if row.activation_type is ActivationType.ACTIVE_DIRECTORY:
            return None
        age = _VALIDITY - (row.grace_minutes or _VALIDITY)
        return host if age < _COUNTED_DAYS * _DAY else None
    answered = row.activation_id in asked or row.discovered_machine or row.discovered_address
    return host if answered else None
