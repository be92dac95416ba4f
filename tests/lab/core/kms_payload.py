# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a client and a KMS host of the lab say to each other over TCP 1688.

This is the lab's own payload: a magic line, an HMAC-SHA256 under a secret that the lab makes for each run, and JSON.
It has nothing of Microsoft's format, and no genuine client or host can produce or accept it: a genuine client sends
no lab magic, knows no lab secret, and gets no answer; an answer of the lab means nothing to it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import typing as t
from dataclasses import dataclass

MAGIC = b"VOLACT-LAB-KMS/1\n"


@dataclass(frozen=True, slots=True)
class KmsRequest:
    """A client asks. `time` is its own clock, ISO 8601 UTC; `minutes` is what is left of its present status.

    `office_release` is the year of the Office that asks, empty for Windows.
    """

    nonce: str
    cmid: str
    machine: str
    system: str
    activation_id: str
    license_status: int
    minutes: int
    time: str
    office_release: str = ""


@dataclass(frozen=True, slots=True)
class KmsAnswer:
    """A host answers. `code` 0: count and intervals are good; else the HRESULT of its refusal."""

    nonce: str
    code: int
    host: str
    product_key_id: str
    count: int
    activation_interval: int
    renewal_interval: int


def seal(message: KmsRequest | KmsAnswer, secret: bytes) -> bytes:
    """Bytes to send."""
    body = json.dumps(dataclasses.asdict(message), sort_keys=True).encode("utf-8")
    return MAGIC + hmac.new(secret, body, hashlib.sha256).hexdigest().encode("ascii") + b"\n" + body


def open_request(payload: bytes, secret: bytes) -> KmsRequest:
    """A client's request. Raises ValueError for bytes that are not a request of this lab."""
    try:
        return KmsRequest(**_open(payload, secret))
    except TypeError:
        raise ValueError("The payload is no request of this lab.") from None


def open_answer(payload: bytes, secret: bytes) -> KmsAnswer:
    """A host's answer. Raises ValueError for bytes that are not an answer of this lab."""
    try:
        return KmsAnswer(**_open(payload, secret))
    except TypeError:
        raise ValueError("The payload is no answer of this lab.") from None


def _open(payload: bytes, secret: bytes) -> dict[str, t.Any]:
    if not payload.startswith(MAGIC):
        raise ValueError("The payload does not start with the lab's magic.")
    mark, _, body = payload[len(MAGIC) :].partition(b"\n")
    if not hmac.compare_digest(mark, hmac.new(secret, body, hashlib.sha256).hexdigest().encode("ascii")):
        raise ValueError("The payload is not signed with this lab's secret.")
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("The payload is not a JSON object.")
    return document
