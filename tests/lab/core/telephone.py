# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activation by telephone: installation IDs, and confirmation IDs by a rule of the lab's own.

A confirmation ID of the lab is made of a hash of the installation ID, and has nothing of Microsoft's: no genuine
machine would take it. Source: cim_classes.yaml, DepositOfflineConfirmationId (48 digits, the codes of a refusal);
kms_rules.yaml, mak.phone and mak.proxy_vamt: the ID belongs to the installation ID, and can be used again on the same
hardware.
"""

from __future__ import annotations

import hashlib

from .licence import LicenceRow
from .machine import Machine

CONFIRMATION_DIGITS = 48
_CHECK_DIGITS = 2

INVALID_DATA = 0xC004F02C
INVALID_LENGTH = 0xC004F02F
MISMATCHED = 0xC004F031
INVALID_CHECK_DIGITS = 0xC004F04D


def installation_id(machine: Machine, row: LicenceRow) -> str:
    """OfflineInstallationId of a row with a key: of this machine, this licence and this key; "" without one.

    Source: kms_rules.yaml, mak.installation_id: 63 digits on Windows 10, 54 on Windows 7.
    """
    if row.key is None:
        return ""
    return machine.digits(f"{row.activation_id}/{row.key.sha256}", 54 if machine.os.is_windows_7 else 63)


def confirmation_id(installation: str) -> str:
    """What the lab's own telephone service answers to an installation ID."""
    number = int.from_bytes(hashlib.sha512(f"the lab's telephone/{installation}".encode()).digest(), "big")
    digits = str(number)[-(CONFIRMATION_DIGITS - _CHECK_DIGITS) :]
    return digits + _check_digits(digits)


def refusal(machine: Machine, row: LicenceRow, installation: str, confirmation: str) -> int:
    """0 when a confirmation ID activates a row, else the HRESULT of DepositOfflineConfirmationId."""
    if len(confirmation) != CONFIRMATION_DIGITS:
        return INVALID_LENGTH
    if not (confirmation.isascii() and confirmation.isdigit()):
        return INVALID_DATA
    if _check_digits(confirmation[:-_CHECK_DIGITS]) != confirmation[-_CHECK_DIGITS:]:
        return INVALID_CHECK_DIGITS
    own = installation_id(machine, row)
    return 0 if installation == own and confirmation == confirmation_id(own) else MISMATCHED


def _check_digits(digits: str) -> str:
    return f"{int(digits) % 97:0{_CHECK_DIGITS}d}"
