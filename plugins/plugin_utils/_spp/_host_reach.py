# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a KMS host key activates and how often; of which release an Office is; whose name it is. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ._codes import OFFICE_2010_APPLICATION
from ._host_matrix import system_of
from ._rows import OperatingSystem

WINDOWS_POOL: t.Final = "windows"

HOSTS_PER_KEY: t.Final = 6
ACTIVATIONS_PER_HOST: t.Final = 10
"""So many hosts may be activated with one KMS host key, and so often each. Source: kms_rules.yaml, host_key_limits."""

# What a channel names, and the newest generations (of `_host_matrix`) of servers and of clients that such a key
# activates. Seen were 2012-R2_WIN10, WS22 and the letters of 2008 alone; all spellings that were reported are taken.
_KEY_GROUPS: t.Final = (
    (re.compile(r"WS(?:20)?25|2025"), 8, 8),
    (re.compile(r"WS(?:20)?22|2022"), 7, 7),
    (re.compile(r"WS(?:20)?19|2019"), 6, 6),
    (re.compile(r"WS(?:20)?16|2016"), 5, 5),
    (re.compile(r"(?:WS|20)12[-_]?R2.*WIN10"), 4, 5),
    (re.compile(r"(?:WS|20)12[-_]?R2"), 4, 4),
    (re.compile(r"WS(?:20)?12|2012"), 3, 3),
    (re.compile(r"R2_[ABC]\b"), 2, 2),
    (re.compile(r"W(?:IN)?10"), 0, 5),
    (re.compile(r"W(?:IN)?8\.1"), 0, 4),
    (re.compile(r"W(?:IN)?8"), 0, 3),
    (re.compile(r"W(?:IN)?7"), 0, 2),
)
_CHANNEL: t.Final = re.compile(r"VOLUME_KMS_(\S+)", re.IGNORECASE)
_OFFICE_LABEL: t.Final = re.compile(r"Office (?P<number>\d+),")
_OFFICE_RELEASES: t.Final = {"15": "2013", "16": "2016", "19": "2019", "21": "2021", "24": "2024"}

# Long-term releases of clients need the key of the server of their time, which is later than that of other editions of
# the same Windows, as the names of `_host_matrix` have it.
_LTSC: t.Final = frozenset({125, 126, 191})
_LTSC_GENERATIONS: t.Final = ((26100, 8), (19044, 7), (17763, 6))


@dataclass(frozen=True, slots=True)
class KeyReach:
    """The newest generation of servers and of clients that a host key activates; it activates all older ones too.

    0: none. The key of a client Windows activates no servers. Source: kms_rules.yaml, host_os_matrix (F10).
    """

    servers: int
    clients: int

    def serves(self, system: OperatingSystem) -> bool:
        """Whether the key activates this Windows."""
        return generation_of(system) <= (self.servers if system.is_server else self.clients)


def reach_of(description: str) -> KeyReach | None:
    """What the host key of a licence activates, by the channel in its description. None: the channel tells nothing."""
    found = _CHANNEL.search(description)
    if found is None:
        return None
    for pattern, servers, clients in _KEY_GROUPS:
        if pattern.search(found[1].upper()):
            return KeyReach(servers, clients)
    return None


def generation_of(system: OperatingSystem) -> int:
    """The generation of a Windows as a client of a KMS host; 1 for one older than all that are known.

    Source: kms_rules.yaml, host_os_matrix; editions.yaml, same_build_traps.
    """
    if not system.is_server and system.sku in _LTSC:
        for first_build, generation in _LTSC_GENERATIONS:
            if system.build >= first_build:
                return generation
    release = system_of(system)
    return release.generation if release else 1


def office_release(name: str, application_id: str) -> str | None:
    """The release of an Office, or of an Office KMS host, by the name of its licence; None for an unknown one.

    Each release has a host key and a count of its own. Source: products_text.yaml, office_name; kms_rules.yaml,
    host_os_matrix, office, independence.
    """
    if application_id.lower() == OFFICE_2010_APPLICATION:
        return "2010"
    found = _OFFICE_LABEL.search(name)
    return _OFFICE_RELEASES.get(found["number"]) if found else None


def office_pool(release: str) -> str:
    """The name of the count of one release of Office."""
    return f"office-{release}"


def same_host(one: str, other: str) -> bool:
    """Whether two names are of the same host: equal, or one of them is the other without its domain."""
    short, long = sorted((one.lower().rstrip("."), other.lower().rstrip(".")), key=len)
    return short == long or (bool(short) and "." not in short and long.startswith(f"{short}."))
