# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the caller brings: an HTTP channel that hands over replies as they came."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

WHO_ANSWERS = "Is that the WinRM service of a Windows machine, or does something else answer in its place?"
"""The hint for an answer that no Windows machine gives."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What a transport hands back, decrypted: HTTP status and body. Its repr never shows the body."""

    status: int
    body: bytes = field(repr=False)


class Transport(t.Protocol):
    """An authenticated HTTP channel to one WS-Management endpoint."""

    @property
    def endpoint(self) -> str:
        """The URL of the service."""

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        """Post an envelope and wait `read_timeout` seconds at most. Every HTTP status is a reply.

        Raises `TransportLost`, `TransportTimeout` or `AuthenticationRefused`.
        """
