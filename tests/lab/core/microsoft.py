# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated Microsoft activation service: keys with limits that a careless client can use up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .product_key import KeyMark
from .spec_keys import ESU, MicrosoftKey

KEY_BLOCKED = 0xC004C003
HOST_KEY_LIMIT = 0xC004C008
MAK_LIMIT = 0xC004C020

#: Kinds of keys that have a number of activations.
_COUNTED = ("mak", ESU)


class MicrosoftService:
    """Counts activations by key and machine. Every activation counts, also a needless one."""

    def __init__(self, keys: Iterable[MicrosoftKey]) -> None:
        self._keys = {key.mark.sha256: key for key in keys}
        self._used = {digest: Counter(key.used) for digest, key in self._keys.items()}
        self.requests = 0

    def key(self, mark: KeyMark) -> MicrosoftKey | None:
        """What the service knows of a key."""
        return self._keys.get(mark.sha256)

    def keys_for(self, system: str) -> list[MicrosoftKey]:
        """The keys that an operating system of the lab takes."""
        return [key for key in self._keys.values() if system in key.systems]

    def activate(self, mark: KeyMark, machine: str) -> int:
        """Activate a machine with a key: 0, or the HRESULT of the refusal.

        A MAK has a number of activations; a host key works on 6 hosts, 10 times each.
        Source: kms-activation-planning, "KMS host keys"; errors.yaml 0xC004C008, 0xC004C020.
        """
        self.requests += 1
        key = self._keys.get(mark.sha256)
        if key is None or key.blocked:
            return KEY_BLOCKED
        used = self._used[mark.sha256]
        if key.kind in _COUNTED and used.total() >= key.activations:
            return MAK_LIMIT
        if key.kind == "kms_host":
            new_host_too_many = machine not in used and len(used) >= key.hosts
            if new_host_too_many or used[machine] >= key.activations_per_host:
                return HOST_KEY_LIMIT
        used[machine] += 1
        return 0

    def state(self) -> dict[str, object]:
        """The JSON of `lab state`: limits of a kind that a key does not have are null."""
        keys = []
        for digest, key in self._keys.items():
            used = self._used[digest]
            is_host = key.kind == "kms_host"
            limit = (
                key.hosts * key.activations_per_host if is_host else key.activations if key.kind in _COUNTED else None
            )
            keys.append(
                {
                    "last_five": key.mark.last_five,
                    "kind": key.kind,
                    "description": key.description,
                    "activations_used": used.total(),
                    "activations_limit": limit,
                    "hosts_used": len(used) if is_host else None,
                    "hosts_limit": key.hosts if is_host else None,
                }
            )
        return {"keys": keys, "requests": self.requests}
