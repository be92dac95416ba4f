# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a client as a desired state, and what contradicts itself in them."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from ._client_state import DesiredClient
from ._codes import Activate, ActivationType, AddressLevel, Channel, Scope
from ._keys import ProductKey

_CHANNELS = {"kms": Channel.KMS_CLIENT, "ad": Channel.KMS_CLIENT, "mak": Channel.MAK}
_TYPES = {
    "any": ActivationType.ANY,
    "ad": ActivationType.ACTIVE_DIRECTORY,
    "kms": ActivationType.KMS,
    "token": ActivationType.TOKEN,
}
_GUID = re.compile(r"\{?(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE)

Options = Mapping[str, t.Any]


def desired_client(options: Options) -> DesiredClient:
    """Options as a desired state. An empty text is an option left out: Ansible 2.20 turns null into it."""
    key = options["product_key"] or None
    _refuse_contradictions(options)
    return DesiredClient(
        channel=_CHANNELS.get(options["channel"]),
        product_key=ProductKey(key) if key else None,
        kms_host=kms_host(options["kms_host"]),
        kms_port=port_number(options["kms_port"], "kms_port"),
        discovery=bool(options["discovery"]),
        activate=Activate(options["activate"] or "never"),
        convert_host=bool(options["convert_host"]),
        scope=Scope(options["product"] or "windows"),
        product_name=options["product_name"] or None,
        activation_id=activation_id(options["activation_id"]),
        absent=options["state"] == "absent",
        remove_windows_key=bool(options["remove_windows_key"]),
        activation_type=_activation_type(options),
        from_channels=_from_channels(options["from_channels"]),
        lookup_domain="" if options["clear_lookup_domain"] else options["lookup_domain"] or None,
        address_level=AddressLevel(options["address_level"] or "service"),
        host_caching=options["host_caching"],
        force=bool(options["force"]),
        remove_old_keys=options["old_keys"] == "remove",
        clear_key_from_registry=bool(options["clear_key_from_registry"]),
        automatic_activation=options["automatic_activation"],
        diagnose=bool(options["diagnose"]),
    )


def _refuse_contradictions(options: Options) -> None:
    if options["discovery"] and (options["kms_host"] or options["kms_port"]):
        raise _bad(
            "discovery is true, and kms_host or kms_port is given too: a machine either looks its KMS host up in DNS, "
            "or is pinned to one. Nothing was changed. Leave one of them out.",
            "discovery",
        )
    if options["kms_host"] and options["lookup_domain"]:
        raise _bad(
            "kms_host and lookup_domain are both given: a machine that is pinned to a KMS host looks in no domain. "
            "Nothing was changed. Leave one of them out.",
            "lookup_domain",
        )
    if options["state"] != "absent":
        return
    given = [name for name in ("channel", "product_key", "activate") if options[name] not in (None, "", "never")]
    if given:
        raise _bad(
            f"state is absent, which takes a key away, and {' and '.join(given)} would give or activate one. Nothing "
            f"was changed. Leave {' and '.join(given)} out.",
            "state",
        )


def kms_host(text: str | None) -> str | None:
    """A name or an address; an IPv6 address with or without brackets. Nothing else has a colon in it."""
    host = (text or "").strip()
    if ":" not in host or _is_ipv6(host):
        return host or None
    name, _colon, port = host.rpartition(":")
    raise _bad(
        f"kms_host is {host}: a name or an address alone is wanted. Nothing was changed. Give the port as kms_port"
        f"{f': kms_host {name}, kms_port {port}' if port.isdigit() else ''}.",
        "kms_host",
    )


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        return False
    return True


def port_number(port: int | None, option: str) -> int | None:
    """A TCP port, or None. Raises BadInput."""
    if port is not None and not 0 < port < 65536:
        raise _bad(f"{option} is {port}, and a TCP port is from 1 to 65535. Nothing was changed.", option)
    return port


def activation_id(text: str | None) -> str | None:
    """A GUID in one form, or None. Raises BadInput."""
    if not text:
        return None
    found = _GUID.fullmatch(text.strip())
    if found is None:
        raise _bad(
            f"activation_id is {text}, and an activation ID is a GUID such as 2de67392-b7a7-462a-b1ca-108dd189f588. "
            f"Nothing was changed. The products that volact.kms.client_info returns have theirs.",
            "activation_id",
        )
    return found["id"].lower()


def _activation_type(options: Options) -> ActivationType | None:
    """The type that a channel stands for, or the one that is given; they may not contradict each other."""
    channel, given = options["channel"], options["activation_type"] or None
    implied = channel if channel in ("ad", "token") else None
    if implied and given not in (None, implied):
        raise _bad(
            f"channel is {channel}, which is activation type {implied}, and activation_type is {given}. Nothing was "
            f"changed. Leave activation_type out.",
            "activation_type",
        )
    chosen = implied or given
    return _TYPES[chosen] if chosen else None


def _from_channels(names: list[str] | None) -> frozenset[Channel] | None:
    if names is None:
        return None
    return frozenset(_CHANNELS.get(name) or Channel(name) for name in names)


def _bad(message: str, option: str) -> BadInput:
    return BadInput(message, operation="validate", target=option)
