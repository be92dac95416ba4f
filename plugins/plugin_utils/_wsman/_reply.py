# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an HTTP reply to a SOAP body that can be believed, or to the error that says why not."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ansible_collections.volact.kms.plugins.module_utils._errors import AuthenticationRefused, BadReply, NotSupported

from ._fault import find_fault, read_fault
from ._namespaces import ADDRESSING, SOAP, Name
from ._transport import WHO_ANSWERS, HttpReply
from ._xml import Unreadable, child, child_text, parse

_ENVELOPE = Name(SOAP, "Envelope")
_HEADER = Name(SOAP, "Header")
_BODY = Name(SOAP, "Body")
_RELATES_TO = Name(ADDRESSING, "RelatesTo")

_HINTS = {
    403: "Does a proxy or an address filter of the WinRM service keep the controller out?",
    404: "Does the WinRM listener have another URL prefix than this one?",
    503: "Is the WinRM service overloaded, starting or stopping?",
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked of whom: enough to judge the reply, and to say in a sentence what is wrong with it.

    `message_id` is None where a reply doesn't name the request (Identify).
    """

    operation: str
    target: str
    endpoint: str
    message_id: uuid.UUID | None

    def soap_body(self, reply: HttpReply, *, limit: int) -> Element:
        """The `s:Body` of a reply of at most `limit` bytes that answers this request.

        Raises `CimFault` for a fault under any HTTP status, `AuthenticationRefused` for 401, `NotSupported` for 413,
        and `BadReply` for everything else that isn't an answer.
        """
        if reply.status == 401:
            raise AuthenticationRefused(
                f"{self.endpoint} did not accept the credentials, or the authentication method (HTTP 401).",
                operation=self.operation,
                target=self.target,
            )
        if reply.status == 413:
            raise NotSupported(
                f"{self.endpoint} refused {self} because the request is too large for it (HTTP 413); nothing was done.",
                operation=self.operation,
                target=self.target,
                hint="MaxEnvelopeSizekb of the WinRM service is the limit: 500 KB, up to Windows 7 and 2008 R2 150 KB.",
            )
        if not reply.body:
            raise self._empty(reply.status)
        envelope = self._envelope(reply, limit)
        body = None if envelope is None else child(envelope, _BODY)
        if envelope is None or body is None:
            raise self.bad_reply("something that is not a SOAP 1.2 envelope", status=reply.status)
        if (fault := find_fault(body)) is not None:
            raise read_fault(fault, operation=self.operation, target=self.target)
        if reply.status != 200:
            raise self.bad_reply("neither an answer nor a fault", status=reply.status)
        if self.message_id is not None and not self._is_related(envelope):
            raise self.bad_reply("the answer to another request")
        return body

    def bad_reply(self, sent: str, *, status: int = 200, hint: str | None = None) -> BadReply:
        """The error that the endpoint answered this with `sent`, under an HTTP status."""
        hint = hint or _HINTS.get(status, WHO_ANSWERS)
        return BadReply(
            f"{self.endpoint} answered {self} with {sent} (HTTP {status}). {hint}",
            operation=self.operation,
            target=self.target,
            hint=hint,
        )

    def __str__(self) -> str:
        return f"{self.operation} of {self.target}"

    def _envelope(self, reply: HttpReply, limit: int) -> Element | None:
        try:
            root = parse(reply.body, limit=limit)
        except Unreadable as error:
            raise self.bad_reply(str(error), status=reply.status) from None
        return root if root.tag == _ENVELOPE.clark else None

    def _empty(self, status: int) -> BadReply:
        if status != 500:
            return self.bad_reply("nothing", status=status)
        return self.bad_reply(
            "nothing, as a WinRM service does that refuses unencrypted messages (AllowUnencrypted is false)",
            status=status,
            hint="Use message encryption (NTLM, Kerberos or CredSSP) or HTTPS.",
        )

    def _is_related(self, envelope: Element) -> bool:
        header = child(envelope, _HEADER)
        related = None if header is None else child_text(header, _RELATES_TO)
        return (related or "").lower().rpartition("uuid:")[2] == str(self.message_id).lower()
