# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A TCP port at which nothing answers, not even the kernel: a machine that is switched off, behind a silent firewall.

Linux drops a SYN when the queue of connections that nobody has accepted is full. So a listener with the shortest queue,
which is filled and never accepts, is as silent as an address that is not there.
"""

from __future__ import annotations

import contextlib
import socket

_FILLERS = 2


class BlackHole:
    """Swallows whatever connects to an address and port until it is closed."""

    def __init__(self, address: str, port: int) -> None:
        """Raises OSError when the port is taken."""
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM)]
        try:
            self._sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._sockets[0].bind((address, port))
            self._sockets[0].listen(0)
        except OSError:
            self.close()
            raise
        for _ in range(_FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._sockets.append(filler)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((address, port))

    def close(self) -> None:
        """Let go. Harmless when repeated."""
        while self._sockets:
            self._sockets.pop().close()
