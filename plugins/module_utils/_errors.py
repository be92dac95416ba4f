# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one exception tree of the collection: data first, one sentence for the user."""

from __future__ import annotations

import sys
import typing as t


class KmsError(Exception):
    """Something a user should read: what, where, why and what to do.

    `message` is one or two complete sentences. `kind` is stable and meant for conditions in playbooks, `code` is an
    unsigned HRESULT or DNS rcode (None: there is none), `name` its symbol, `operation` what was being done, `target`
    what it was done to, `hint` the next thing to check. None of them ever holds more than the last five characters
    of a product key.

    Two attributes are filled in later, by whoever knows: `progress` goes beside the error into the result (what was
    done before), `details` into the error itself (builtins only).
    """

    kind: t.ClassVar[str] = "error"

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        target: str | None = None,
        hint: str | None = None,
        code: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.target = target
        self.hint = hint
        self.code = code
        self.name = name
        self.progress: dict[str, t.Any] = {}
        self.details: dict[str, t.Any] = {}

    def as_result(self) -> dict[str, t.Any]:
        """The `error` key of a module result: builtins only."""
        return {
            "kind": self.kind,
            "code": None if self.code is None else f"0x{self.code:08X}",
            "name": self.name,
            "operation": self.operation,
            "hint": self.hint,
            **self.details,
        }


class BadInput(KmsError):
    """The user asked for something that cannot be; nothing was changed."""

    kind = "bad_input"


class NotSupported(KmsError):
    """The machine or connection cannot do what was asked; nothing was changed."""

    kind = "not_supported"


class MissingLibrary(KmsError):
    """A library isn't installed for the interpreter that runs this code."""

    kind = "missing_library"

    def __init__(self, package: str, minimum: str, purpose: str) -> None:
        super().__init__(
            f"The Python library {package} ({minimum} or later) is needed {purpose}, and {sys.executable} does not "
            f"have it. Install it there, for example with: {sys.executable} -m pip install '{package}>={minimum}'.",
            hint=f"pip install '{package}>={minimum}'",
        )


class Unreachable(KmsError):
    """The machine could not be reached, or the connection was lost: Ansible's `unreachable`.

    `sent`: the machine may have read the request, so whether it did what was asked is unknown.
    """

    kind = "unreachable"
    sent: bool = False


class AuthenticationRefused(Unreachable):
    """HTTP 401: the endpoint did not accept the credentials or the authentication method."""

    kind = "authentication_refused"


class TransportLost(Unreachable):
    """No connection (then the request was not `sent`), or it broke before a whole reply was read."""

    kind = "connection_lost"

    def __init__(self, message: str, *, sent: bool = True, **data: t.Any) -> None:
        super().__init__(message, **data)
        self.sent = sent


class TransportTimeout(Unreachable):
    """The request was sent and no reply came in time: its outcome is unknown."""

    kind = "connection_timeout"
    sent = True


class BadReply(KmsError):
    """The peer's answer isn't what the protocol allows: not XML, too large, too deep, not to our question."""

    kind = "bad_reply"


class CimFault(KmsError):
    """A WS-Management fault: `code` is its most specific HRESULT, `wsman_code` the outermost, `subcode` the QName."""

    kind = "cim_fault"

    def __init__(
        self,
        message: str,
        *,
        wsman_code: int | None = None,
        subcode: str | None = None,
        **data: t.Any,
    ) -> None:
        super().__init__(message, **data)
        self.wsman_code = wsman_code
        self.subcode = subcode


class OperationTimedOut(CimFault):
    """The server gave up waiting (w:TimedOut, 0x80338029): the outcome of the operation is unknown."""

    kind = "operation_timed_out"


class ActivationFailed(KmsError):
    """The licensing service refused to activate, with a reason."""

    kind = "activation_failed"


class BelowThreshold(KmsError):
    """The KMS host answered, but has not yet been asked by enough machines (0xC004F038): ask again later."""

    kind = "below_threshold"


class OutcomeUnknown(KmsError):
    """An operation timed out and the state did not show within the time we poll whether it had an effect."""

    kind = "outcome_unknown"


class NotConverged(KmsError):
    """All operations succeeded, and the promised state is still not there."""

    kind = "not_converged"


class DnsError(KmsError):
    """A DNS server refused, failed, or answered in a way that cannot be believed. The message ends with the hint."""

    kind = "dns_error"

    def __init__(self, message: str, *, hint: str | None = None, **data: t.Any) -> None:
        super().__init__(f"{message} {hint}" if hint else message, hint=hint, **data)
