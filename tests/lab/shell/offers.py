# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credentials each machine was offered, so that a test can see that no machine gets those of another."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass

_NTLM_AUTHENTICATE = b"NTLMSSP\0\3\0\0\0"
_USER_FIELDS = 36


@dataclass(frozen=True, slots=True)
class Offer:
    """One way in which a client tried to log in. `password` is what Basic shows, else None."""

    scheme: str
    user: str
    password: str | None
    accepted: bool


class Offers:
    """Each distinct offer of each machine, once, in the order of the first."""

    def __init__(self) -> None:
        self._offers: dict[str, dict[Offer, None]] = {}

    def record(self, machine: str, offer: Offer) -> None:
        """Remember an offer."""
        self._offers.setdefault(machine, {})[offer] = None

    def read(self, *, reset: bool) -> dict[str, list[dict[str, object]]]:
        """The JSON of `lab offered`; then maybe forget."""
        found = {machine: [asdict(offer) for offer in offers] for machine, offers in sorted(self._offers.items())}
        if reset:
            self._offers.clear()
        return found


def ntlm_user(token: bytes) -> str | None:
    """The user that an AUTHENTICATE message of NTLM names, raw or in SPNEGO; None for another token.

    Source: [MS-NLMP] 2.2.1.3.
    """
    start = token.find(_NTLM_AUTHENTICATE)
    if start < 0:
        return None
    message = token[start:]
    try:
        length, _, offset = struct.unpack_from("<HHI", message, _USER_FIELDS)
    except struct.error:
        return None
    return message[offset : offset + length].decode("utf-16-le", errors="replace")
