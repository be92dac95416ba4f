# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One request, one reply: sends through a transport and judges what comes back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from xml.etree.ElementTree import Element

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadReply,
    KmsError,
    NotSupported,
    TransportLost,
)

from ._envelope import Request, identify_envelope
from ._namespaces import Name
from ._reply import Exchange
from ._transport import Transport
from ._xml import child

Result = TypeVar("Result")

#: Seconds a reply may take beyond the operation timeout, at which the server answers with a fault.
READ_MARGIN = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The SOAP body that answers an exchange."""

    exchange: Exchange
    body: Element

    def element(self, *names: Name) -> Element:
        """The child of the body that has one of these names; `BadReply` without one."""
        found = child(self.body, *names)
        if found is None:
            raise self.unexpected()
        return found

    def unexpected(self) -> BadReply:
        """The error that the body holds something else than an answer."""
        return self.exchange.bad_reply("a SOAP body that does not hold what was asked for")


class Channel:
    """A transport with limits, counters and message identifiers. Only reads are ever sent twice: see `reread`."""

    def __init__(
        self,
        transport: Transport,
        *,
        max_envelope_size: int,
        reply_limit: int,
        new_message_id: Callable[[], uuid.UUID],
    ) -> None:
        self.reply_limit = reply_limit
        self.requests = 0
        self.received = 0
        self._transport = transport
        self._max_envelope_size = max_envelope_size
        self._new_message_id = new_message_id

    @property
    def endpoint(self) -> str:
        """The URL of the service."""
        return self._transport.endpoint

    def interpose(self, wrap: Callable[[Transport], Transport]) -> None:
        """Send what comes from now on through `wrap` of the transport."""
        self._transport = wrap(self._transport)

    def call(self, request: Request) -> Answer:
        """Send `request` and read its answer.

        Raises `NotSupported` for a request larger than an envelope may be, what the transport raises, and what
        `Exchange.soap_body` says of the reply.
        """
        message_id = self._new_message_id()
        exchange = Exchange(request.operation, request.target, self.endpoint, message_id)
        envelope = request.envelope(to=self.endpoint, message_id=message_id, max_envelope_size=self._max_envelope_size)
        if len(envelope) > self._max_envelope_size:
            raise NotSupported(
                f"{exchange} would take {len(envelope)} bytes, and {self.endpoint} accepts {self._max_envelope_size} "
                "in one request; nothing was sent.",
                operation=request.operation,
                target=request.target,
            )
        return self._deliver(exchange, envelope, request.operation_timeout)

    def reread(self, read: Callable[[], Result]) -> Result:
        """What `read` gives; when a connection breaks under it that has carried answers, `read` begins once more.

        Only for what changes nothing on the machine. A whole enumeration is one read: the server has moved on when the
        answer to a Pull gets lost, so another Pull would skip rows.
        """
        try:
            return read()
        except TransportLost as error:
            if not (error.sent and self.received):
                raise
            return read()

    def identify(self, operation_timeout: float) -> Answer:
        """Ask who answers; within `operation_timeout` seconds."""
        exchange = Exchange("Identify", "the WS-Management service", self.endpoint, None)
        return self._deliver(exchange, identify_envelope(), operation_timeout)

    def _deliver(self, exchange: Exchange, envelope: bytes, operation_timeout: float) -> Answer:
        self.requests += 1
        try:
            reply = self._transport.send(envelope, read_timeout=operation_timeout + READ_MARGIN)
        except KmsError as error:
            error.operation = error.operation or exchange.operation
            error.target = error.target or exchange.target
            raise
        self.received += len(reply.body)
        return Answer(exchange, exchange.soap_body(reply, limit=self.reply_limit))
