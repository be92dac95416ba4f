# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a KMS host as a desired state, and what contradicts itself in them."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from ._codes import Activate
from ._confirmation import ConfirmationId
from ._firewall import desired_firewall
from ._host_state import DesiredHost
from ._keys import ProductKey
from ._license_files import LicenseFile
from ._options import activation_id, kms_host, port_number
from ._preflight import serves_option
from ._publishing import desired_domains

SHORTEST_INTERVAL, LONGEST_INTERVAL = 15, 43200
"""Minutes. Source: slmgr.vbs options, "/sai" and "/sri"."""

_ONLY_PRESENT = (
    "product_keys",
    "license_files",
    "confirmation_id",
    "listening_port",
    "activation_interval",
    "renewal_interval",
    "dns_publishing",
    "low_priority",
    "publish_domains",
    "firewall",
    "serves",
)
_ONLY_ABSENT = ("kms_host", "kms_port")

Options = Mapping[str, t.Any]


def desired_host(options: Options, license_files: Iterable[LicenseFile] = ()) -> DesiredHost:
    """Options as a desired state; `license_files` are read already. An empty text is an option left out."""
    _refuse_contradictions(options)
    confirmation_id = options["confirmation_id"]
    return DesiredHost(
        product_keys=tuple(ProductKey(key) for key in options["product_keys"] or () if key),
        license_files=tuple(license_files),
        activate=Activate(options["activate"] or "never"),
        confirmation_id=ConfirmationId(confirmation_id) if confirmation_id else None,
        activation_id=activation_id(options["activation_id"]),
        listening_port=port_number(options["listening_port"], "listening_port"),
        activation_interval=_interval(options, "activation_interval"),
        renewal_interval=_interval(options, "renewal_interval"),
        dns_publishing=options["dns_publishing"],
        low_priority=options["low_priority"],
        publish_domains=desired_domains(options["publish_domains"]),
        firewall=desired_firewall(options["firewall"]),
        serves=serves_option(options["serves"]),
        absent=options["state"] == "absent",
        kms_host=kms_host(options["kms_host"]),
        kms_port=port_number(options["kms_port"], "kms_port"),
    )


def _refuse_contradictions(options: Options) -> None:
    is_absent = options["state"] == "absent"
    wrong = [name for name in (_ONLY_PRESENT if is_absent else _ONLY_ABSENT) if options[name] not in (None, "", [])]
    if wrong and is_absent:
        raise _bad(
            f"state is absent, which retires a KMS host, and {' and '.join(wrong)} would set one up. Nothing was "
            f"changed. Leave {' and '.join(wrong)} out.",
            "state",
        )
    if wrong:
        raise _bad(
            f"{' and '.join(wrong)} {'say' if len(wrong) > 1 else 'says'} whom the machine asks once it is no KMS host "
            f"any more, and state is present. Nothing was changed. Leave {' and '.join(wrong)} out, or set state to "
            f"absent.",
            wrong[0],
        )
    if options["activation_id"] and not is_absent and not options["confirmation_id"]:
        raise _bad(
            "activation_id says which licence a confirmation_id is for, and there is none. Nothing was changed. Give "
            "the confirmation_id, or leave activation_id out.",
            "activation_id",
        )


def _interval(options: Options, name: str) -> int | None:
    minutes: int | None = options[name]
    if minutes is not None and not SHORTEST_INTERVAL <= minutes <= LONGEST_INTERVAL:
        raise _bad(
            f"{name} is {minutes}, and an interval is from {SHORTEST_INTERVAL} to {LONGEST_INTERVAL} minutes (30 "
            f"days). Nothing was changed.",
            name,
        )
    return minutes


def _bad(message: str, option: str) -> BadInput:
    return BadInput(message, operation="validate", target=option)
