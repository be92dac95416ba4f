# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The CIM operations: which requests they are, and what their answers mean."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ._channel import Channel
from ._enumeration import read_rows
from ._envelope import Request
from ._instance import DEFAULT_NAMESPACE, CimInstance, CimKey, CimValue, Reference
from ._namespaces import ENUMERATION, IDENTITY, TRANSFER, Name
from ._resource import Addressing, identifier, queried_class
from ._transport import Transport
from ._values import read_instance, read_reference, write_instance, write_selectors
from ._xml import Node, child_text, local_name

#: The server refuses a smaller one. Source: [MS-WSMV], "3.1.4.1.7 MaxEnvelopeSize"
SMALLEST_ENVELOPE = 8_192

_Keys = Mapping[str, CimKey] | None


@dataclass(frozen=True, slots=True)
class Identity:
    """What a WS-Management service says about itself; None where it says nothing."""

    protocol_version: str | None
    vendor: str | None
    product_version: str | None


class CimSession:
    """CIM operations on one machine: each is one request, a query as many as its result has pages.

    Operations raise `CimFault` for what the machine refuses (`OperationTimedOut`: it gave up, the outcome is unknown),
    `BadReply` for an answer that breaks the protocol, `NotSupported` for a request that is too large, `BadInput` for a
    text that cannot be sent, and what the transport raises. Only reads are ever sent twice: once more when a connection
    breaks that has worked before. A class, property, method or namespace that is no CIM identifier is a `ValueError`.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        operation_timeout: float = 20.0,
        max_envelope_size: int = 512_000,
        reply_limit: int = 16 * 1024 * 1024,
        new_message_id: Callable[[], uuid.UUID] = uuid.uuid4,
        class_uris: bool = False,
    ) -> None:
        """`operation_timeout` is in seconds, of which Windows grants 60; sizes are in bytes.

        `max_envelope_size` is asked of replies and kept by requests; a reply over `reply_limit` isn't even parsed.
        `class_uris` addresses classes as Microsoft's OMI wants it (see `Addressing`).
        """
        if max_envelope_size < SMALLEST_ENVELOPE:
            raise ValueError(f"max_envelope_size is at least {SMALLEST_ENVELOPE} bytes")
        self._channel = Channel(
            transport, max_envelope_size=max_envelope_size, reply_limit=reply_limit, new_message_id=new_message_id
        )
        self._operation_timeout = operation_timeout
        self._addressing = Addressing(class_uris)

    def __repr__(self) -> str:
        return f"<CimSession {self._channel.endpoint}: {self.requests} requests>"

    @property
    def requests(self) -> int:
        """How many requests were sent, with or without an answer."""
        return self._channel.requests

    def interpose(self, wrap: Callable[[Transport], Transport]) -> None:
        """Let what comes from now on go through `wrap` of the transport, for example through one that records."""
        self._channel.interpose(wrap)

    def identify(self) -> Identity:
        """Who answers at the endpoint."""
        answer = self._channel.reread(lambda: self._channel.identify(self._operation_timeout))
        identity = answer.element(Name(IDENTITY, "IdentifyResponse"))
        return Identity(
            protocol_version=child_text(identity, Name(IDENTITY, "ProtocolVersion")),
            vendor=child_text(identity, Name(IDENTITY, "ProductVendor")),
            product_version=child_text(identity, Name(IDENTITY, "ProductVersion")),
        )

    def query(self, wql: str, *, namespace: str = DEFAULT_NAMESPACE) -> list[CimInstance]:
        """All rows of a WQL SELECT, in the server's order.

        Rows of a property list have the class after FROM, rows of `SELECT *` their own, which may be derived from it.
        """
        class_name = queried_class(wql)
        uri = self._addressing.query_uri(class_name, namespace)
        selectors = write_selectors(None, namespace, self._addressing)

        def request(operation: str, body: Node) -> Request:
            action = f"{ENUMERATION}/{operation}"
            return Request(operation, class_name, action, uri, selectors, body, self._operation_timeout)

        return self._channel.reread(lambda: read_rows(self._channel, request, wql=wql, class_name=class_name))

    def get(self, class_name: str, keys: _Keys = None, *, namespace: str = DEFAULT_NAMESPACE) -> CimInstance:
        """The instance with `keys`; a singleton has none."""
        request = self._transfer("Get", class_name, keys, namespace)
        answer = self._channel.reread(lambda: self._channel.call(request))
        if len(answer.body) != 1:
            raise answer.unexpected()
        return read_instance(answer.body[0])

    def put(
        self,
        class_name: str,
        keys: _Keys,
        properties: Mapping[str, CimValue],
        *,
        namespace: str = DEFAULT_NAMESPACE,
    ) -> CimInstance | None:
        """Change `properties` of the instance with `keys`; gives the instance afterwards where the server shows it."""
        answer = self._channel.call(self._transfer("Put", class_name, keys, namespace, properties))
        return read_instance(answer.body[0]) if len(answer.body) else None

    def create(
        self, class_name: str, properties: Mapping[str, CimValue], *, namespace: str = DEFAULT_NAMESPACE
    ) -> Reference:
        """Create an instance with `properties`; gives its reference."""
        answer = self._channel.call(self._transfer("Create", class_name, None, namespace, properties))
        reference = read_reference(answer.element(Name(TRANSFER, "ResourceCreated")))
        if reference is None:
            raise answer.unexpected()
        return reference

    def delete(self, class_name: str, keys: _Keys, *, namespace: str = DEFAULT_NAMESPACE) -> None:
        """Delete the instance with `keys`."""
        self._channel.call(self._transfer("Delete", class_name, keys, namespace))

    def invoke(
        self,
        class_name: str,
        method: str,
        arguments: Mapping[str, CimValue] | None = None,
        *,
        keys: _Keys = None,
        namespace: str = DEFAULT_NAMESPACE,
        operation_timeout: float | None = None,
    ) -> CimInstance:
        """Call a method of the instance with `keys`, or of the class; gives its output, `ReturnValue` included.

        A method that returns nothing gives an instance without properties. Whether a `ReturnValue` is a failure is the
        caller's to know. `operation_timeout` is in seconds, and the session's where it is None.
        """
        uri = self._addressing.resource_uri(class_name, namespace)
        request = Request(
            operation=identifier(method),
            target=class_name,
            action=f"{uri}/{method}",
            resource_uri=uri,
            selectors=write_selectors(keys, namespace, self._addressing),
            body=self._instance(Name(uri, f"{method}_INPUT"), arguments or {}, namespace),
            operation_timeout=self._operation_timeout if operation_timeout is None else operation_timeout,
        )
        answer = self._channel.call(request)
        expected = f"{method}_OUTPUT"
        if len(answer.body) == 0:
            return CimInstance(expected, {})
        if local_name(answer.body[0]).lower() != expected.lower():
            raise answer.unexpected()
        return read_instance(answer.body[0])

    def _transfer(
        self,
        operation: str,
        class_name: str,
        keys: _Keys,
        namespace: str,
        properties: Mapping[str, CimValue] | None = None,
    ) -> Request:
        uri = self._addressing.resource_uri(class_name, namespace)
        return Request(
            operation=operation,
            target=class_name,
            action=f"{TRANSFER}/{operation}",
            resource_uri=uri,
            selectors=write_selectors(keys, namespace, self._addressing),
            body=None if properties is None else self._instance(Name(uri, class_name), properties, namespace),
            operation_timeout=self._operation_timeout,
        )

    def _instance(self, name: Name, properties: Mapping[str, CimValue], namespace: str) -> Node:
        return write_instance(name, properties, addressing=self._addressing, namespace=namespace)
