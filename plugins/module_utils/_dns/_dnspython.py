# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether dnspython is there, and recent enough."""

from __future__ import annotations

from .._errors import MissingLibrary

try:
    import dns.version

    INSTALLED: tuple[int, int] | None = (dns.version.MAJOR, dns.version.MINOR)
except ImportError:
    INSTALLED = None

#: As in requirements.txt.
MINIMUM = (2, 7)


def require_dnspython() -> None:
    """Raise `MissingLibrary` unless the other files of this package can work."""
    if INSTALLED is None or INSTALLED < MINIMUM:
        raise MissingLibrary("dnspython", ".".join(str(part) for part in MINIMUM), "to read and change DNS records")
