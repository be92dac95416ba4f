# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which KMS host a licence is told to use: by Group Policy, for itself, for its application, or for the machine.

Source: kms_rules.yaml, dns.registry: values may be below the application or the licence. That the nearer level wins is
by analogy with the methods of products; that a policy wins over all is unverified.
"""

from __future__ import annotations

from .fresh_registry import KMS_NAME, KMS_PORT, OSPP_KEY, POLICY_KEY, SPP_KEY, number_value, text_value
from .licence import LicenceRow
from .machine import Machine

DEFAULT_PORT = 1688


def application_key(row: LicenceRow) -> str:
    """The registry key of the application of a licence."""
    return f"{OSPP_KEY if row.is_ospp else SPP_KEY}\\{row.application_id}"


def configured_host(machine: Machine, row: LicenceRow) -> tuple[str, int] | None:
    """Name and port of the KMS host that was fixed for a licence, None when it is to be discovered.

    Each value is taken from the first level that has it, as a port may be set for the machine alone.
    """
    paths = (POLICY_KEY, application_key(row))
    policy, application = (text_value(machine.registry, path, KMS_NAME) for path in paths)
    policy_port, application_port = (number_value(machine.registry, path, KMS_PORT) for path in paths)
    settings = machine.settings_of(ospp=row.is_ospp)
    name = policy or row.kms_machine or application or settings.kms_machine
    if name is None:
        return None
    return name, policy_port or row.kms_port or application_port or settings.kms_port or DEFAULT_PORT


def lookup_domain(machine: Machine, row: LicenceRow) -> str:
    """The domain in which the KMS hosts of a licence are looked up."""
    return row.lookup_domain or machine.settings_of(ospp=row.is_ospp).lookup_domain or machine.domain


def application_host(machine: Machine, row: LicenceRow) -> tuple[str | None, int | None]:
    """What the registry has for the application of a licence."""
    path = application_key(row)
    return text_value(machine.registry, path, KMS_NAME), number_value(machine.registry, path, KMS_PORT)
