# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIM over WS-Management without sockets: envelopes, values and faults, over any transport.

The caller brings a `Transport` (bytes in, status and bytes out); `CimSession` speaks the protocol. Faults are raised as
`CimFault`, answers that break the protocol as `BadReply`, both from `plugins/module_utils/_errors.py`.
"""

from __future__ import annotations

from ._instance import CimInstance, CimKey, CimScalar, CimValue, Reference
from ._session import CimSession, Identity
from ._transport import WHO_ANSWERS, HttpReply, Transport

__all__ = [
    "CimInstance",
    "CimKey",
    "CimScalar",
    "CimSession",
    "CimValue",
    "HttpReply",
    "Identity",
    "Reference",
    "Transport",
    "WHO_ANSWERS",
]
