# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `netsh` does on the machine itself, where its firewall cannot be changed over CIM."""

from __future__ import annotations

import typing as t
from collections.abc import Collection

from ._codes import DEFAULT_KMS_PORT
from ._firewall_addresses import ANY
from ._firewall_rules import (
    BUILT_IN_RULE,
    BUILT_IN_RULES,
    CREATE_RULE,
    DISABLE,
    ENABLE,
    OWN_RULES,
    SET_PORT,
    SET_PROFILES,
    USUAL_PROFILES,
    Profile,
    label,
    named,
    profiles_of,
)
from ._plan import Change, FirewallTarget


def netsh_command(
    enabled: bool,
    port: int = DEFAULT_KMS_PORT,
    profiles: Collection[Profile] | None = None,
    addresses: Collection[str] | None = None,
) -> str:
    """The command that opens or closes the KMS port as a whole: by the built-in rules, or by one for another port."""
    if port == DEFAULT_KMS_PORT:
        return _switch(BUILT_IN_RULE, enabled)
    name = f"{OWN_RULES}{port}"
    return _add(name, port, profiles or USUAL_PROFILES, addresses or (ANY,)) if enabled else _switch(name, False)


def netsh(change: Change) -> str:
    """The command that does on the machine itself what `change` would have done."""
    name, arguments = t.cast(FirewallTarget, change.target).rule, change.arguments
    if change.operation in (ENABLE, DISABLE):
        return _switch(name, change.operation == ENABLE)
    if change.operation in (CREATE_RULE, SET_PORT):
        port = int(name.removeprefix(OWN_RULES))
        return _add(name, port, profiles_of(int(str(arguments.get("profiles", 3)))), (ANY,))
    if change.operation == SET_PROFILES:
        return f"{_set(name)} profile={named(profiles_of(int(str(arguments['profiles']))))}"
    addresses = t.cast("tuple[str, ...]", arguments["addresses"])
    return f"{_set(name)} remoteip={','.join(addresses)}"


def _switch(name: str, on: bool) -> str:
    switch = "yes" if on else "no"
    if name in BUILT_IN_RULES:
        return f'netsh advfirewall firewall set rule group="Key Management Service" new enable={switch}'
    return f"{_set(name)} enable={switch}"


def _set(name: str) -> str:
    return f'netsh advfirewall firewall set rule name="{label(name)}" new'


def _add(name: str, port: int, profiles: Collection[Profile], addresses: Collection[str]) -> str:
    return (
        f'netsh advfirewall firewall add rule name="{label(name)}" dir=in action=allow protocol=TCP localport={port} '
        f"profile={named(profiles)} remoteip={','.join(addresses)}"
    )
