# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine's side of a login with a Kerberos ticket. It needs a keytab (KRB5_KTNAME), and so a domain controller.

Source: RFC 4121 (tokens), [MS-WSMV] 2.2.9.1.1.2.2 (what of a sealed message is its signature).
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import UsageError

try:
    import gssapi
    from gssapi.raw.ext_dce import IOV, IOVBufferType, wrap_iov
except ImportError:  # only labs whose accounts log in by Kerberos need it
    gssapi = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed message: what goes before it, the message, and how many bytes of it are padding."""

    header: bytes
    data: bytes
    padding_length: int


class KerberosContext:
    """The security context of one connection. Failures of its methods are ValueErrors."""

    def __init__(self) -> None:
        require_gssapi()
        self._context = gssapi.SecurityContext(creds=gssapi.Credentials(usage="accept"), usage="accept")

    @property
    def complete(self) -> bool:
        """Whether the client is known."""
        return bool(self._context.complete)

    @property
    def client_principal(self) -> str:
        """The client, as user@REALM."""
        return str(self._context.initiator_name)

    def step(self, token: bytes) -> bytes | None:
        """Take the client's token; the token to answer with."""
        try:
            answer: bytes | None = self._context.step(token)
        except gssapi.exceptions.GSSError as error:
            raise ValueError(f"the ticket was refused: {error}") from error
        return answer

    def wrap_winrm(self, plain: bytes) -> Sealed:
        """Seal a message."""
        buffers = IOV(IOVBufferType.header, plain, IOVBufferType.padding, std_layout=False)
        wrap_iov(self._context, buffers, confidential=True)
        header, data, padding = (buffer.value or b"" for buffer in buffers)
        return Sealed(header, data + padding, len(padding))

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes:
        """Open a sealed message."""
        try:
            plain: bytes = self._context.unwrap(header + data).message
        except gssapi.exceptions.GSSError as error:
            raise ValueError(f"the message is not sealed by this connection: {error}") from error
        return plain


def require_gssapi() -> None:
    """Raise UsageError when Kerberos is asked for and its library is not there."""
    if gssapi is None:
        raise UsageError("`account.transports` has kerberos, which needs the Python package gssapi.")
