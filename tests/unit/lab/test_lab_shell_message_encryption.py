# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The multipart/encrypted framing, with a cipher that only adds a marker."""

from __future__ import annotations

import pytest

from lab.shell.message_encryption import open_sealed, seal_body, sealed_content_type, sealed_protocol

SPNEGO = "application/HTTP-SPNEGO-session-encrypted"


def seal(plain: bytes) -> tuple[bytes, bytes, int]:
    return b"SIGNATURE-16-BYT", plain[::-1], 0


def unseal(signature: bytes, sealed: bytes) -> bytes:
    if signature != b"SIGNATURE-16-BYT":
        raise ValueError("wrong signature")
    return sealed[::-1]


@pytest.mark.parametrize("plain", [b"<s:Envelope/>", b"", b"--Encrypted Boundary\r\n" * 3, bytes(range(256)) * 500])
def test_what_was_sealed_opens_again(plain: bytes) -> None:
    assert open_sealed(seal_body(plain, SPNEGO, seal), unseal) == plain


def test_the_body_has_the_documented_form() -> None:
    assert seal_body(b"abc", SPNEGO, seal) == (
        b"--Encrypted Boundary\r\n"
        b"\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
        b"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=3\r\n"
        b"--Encrypted Boundary\r\n"
        b"\tContent-Type: application/octet-stream\r\n"
        b"\x10\0\0\0SIGNATURE-16-BYTcba"
        b"--Encrypted Boundary--\r\n"
    )


def test_the_announced_length_counts_the_padding() -> None:
    body = seal_body(b"abc", SPNEGO, lambda plain: (b"", plain, 5))
    assert b"Length=8\r\n" in body


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"Length=3", b"Length=4", "4 bytes announced, 3 unsealed"),
        (b"Length=3", b"Length=x", "not a multipart/encrypted body"),
        (b"octet-stream", b"text", "not a multipart/encrypted body"),
        (b"--Encrypted Boundary--\r\n", b"", "closing boundary"),
        (b"\x10\0\0\0", b"\xff\xff\xff\x7f", "signature is longer"),
        (b"SIGNATURE", b"signature", "wrong signature"),
    ],
)
def test_a_body_that_was_tampered_with_is_refused(before: bytes, after: bytes, reason: str) -> None:
    body = seal_body(b"abc", SPNEGO, seal)
    assert before in body
    with pytest.raises(ValueError, match=reason):
        open_sealed(body.replace(before, after), unseal)


@pytest.mark.parametrize("body", [b"", b"<s:Envelope/>", b"--Encrypted Boundary\r\n"])
def test_a_body_that_is_not_multipart_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not a multipart/encrypted body"):
        open_sealed(body, unseal)


def test_the_protocol_is_read_from_the_content_type() -> None:
    assert sealed_protocol(sealed_content_type(SPNEGO)) == SPNEGO
    assert sealed_protocol("application/soap+xml;charset=UTF-8") is None
    assert sealed_protocol('multipart/encrypted;protocol="application/other";boundary="x"') is None
    assert sealed_protocol("") is None
