# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""WinRM message encryption: SOAP inside `multipart/encrypted`, sealed by the connection's security context.

Source: [MS-WSMV] 2.2.9.1 "Encrypted Message Types".
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

BOUNDARY = b"--Encrypted Boundary"
_PROTOCOL = re.compile(r'protocol="(application/HTTP-(?:SPNEGO|Kerberos|CredSSP)-session-encrypted)"', re.IGNORECASE)
_LENGTH = re.compile(rb"Length=(\d{1,9})\s*$")
_OCTETS = b"\tContent-Type: application/octet-stream\r\n"

Unseal = Callable[[bytes, bytes], bytes]
Seal = Callable[[bytes], "tuple[bytes, bytes, int]"]


def sealed_protocol(content_type: str) -> str | None:
    """The protocol parameter of an encrypted request's Content-Type, or None when the request is not encrypted."""
    if not content_type.lower().startswith("multipart/"):
        return None
    found = _PROTOCOL.search(content_type)
    return found.group(1) if found else None


def open_sealed(body: bytes, unseal: Unseal) -> bytes:
    """Take the SOAP text out of a `multipart/encrypted` body.

    `unseal` gets the signature and the sealed bytes. Raises ValueError for a body that is not well formed, whose
    announced length is wrong, or that `unseal` refuses.
    """
    head, separator, rest = body.removeprefix(BOUNDARY + b"\r\n").partition(BOUNDARY + b"\r\n")
    length = _LENGTH.search(head)
    if not separator or length is None or not rest.startswith(_OCTETS):
        raise ValueError("not a multipart/encrypted body")
    payload = rest.removeprefix(_OCTETS)
    closing = BOUNDARY + b"--\r\n"
    if not payload.endswith(closing):
        raise ValueError("the closing boundary is missing")
    payload = payload.removesuffix(closing)
    if len(payload) < 4:
        raise ValueError("the sealed part is empty")
    (signature_size,) = struct.unpack_from("<I", payload)
    if signature_size > len(payload) - 4:
        raise ValueError("the signature is longer than the sealed part")
    plain = unseal(payload[4 : 4 + signature_size], payload[4 + signature_size :])
    if len(plain) != int(length.group(1)):
        raise ValueError(f"{length.group(1).decode()} bytes announced, {len(plain)} unsealed")
    return plain


def seal_body(plain: bytes, protocol: str, seal: Seal) -> bytes:
    """Make the `multipart/encrypted` body for SOAP text. `seal` gives signature, sealed bytes and padding length."""
    signature, sealed, padding = seal(plain)
    original = b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n" % (len(plain) + padding)
    return b"".join(
        (
            BOUNDARY + b"\r\n\tContent-Type: " + protocol.encode("ascii") + b"\r\n",
            original,
            BOUNDARY + b"\r\n" + _OCTETS,
            struct.pack("<I", len(signature)),
            signature,
            sealed,
            BOUNDARY + b"--\r\n",
        )
    )


def sealed_content_type(protocol: str) -> str:
    """The Content-Type of an encrypted answer."""
    return f'multipart/encrypted;protocol="{protocol}";boundary="Encrypted Boundary"'
