# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all action plugins of the collection share: options in, one call, a result of plain values out."""

from __future__ import annotations

import abc
import dataclasses
import datetime as dt
import enum
import ipaddress
import pathlib
import typing as t
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError
from ansible.plugins.action import ActionBase

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, CimFault, KmsError, Unreachable
from ansible_collections.volact.kms.plugins.plugin_utils._connection import open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._spp import name_fault
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

Parameters = dict[str, t.Any]
Result = dict[str, t.Any]

_MASK: t.Final = "********"

# No host name in it, so that Ansible shows it once in a run.
_BECOME_IGNORED: t.Final = (
    "become is ignored by the modules of volact.kms that work from the controller: they run as the user of the "
    "connection. Set become: false for them."
)


class _Action(ActionBase):
    """Validates options, keeps to what the modules document, and shapes results. See `KmsAction`."""

    ARGUMENT_SPEC: t.ClassVar[dict[str, t.Any]] = {}
    MUTUALLY_EXCLUSIVE: t.ClassVar[Sequence[Sequence[str]]] = ()
    REQUIRED_TOGETHER: t.ClassVar[Sequence[Sequence[str]]] = ()
    REQUIRED_ONE_OF: t.ClassVar[Sequence[Sequence[str]]] = ()
    REQUIRED_IF: t.ClassVar[Sequence[Sequence[t.Any]]] = ()
    REQUIRED_BY: t.ClassVar[Mapping[str, Sequence[str]]] = {}

    _supports_check_mode = True
    _supports_async = False

    host_name: str = "localhost"

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    @property
    def diff_mode(self) -> bool:
        return bool(self._task.diff)

    def warn(self, message: str) -> None:
        """Show a warning. Ansible shows the same text once in a run, so leave out the host when it doesn't matter."""
        self._display.warning(message)

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Result:
        self.host_name = str(self._task.delegate_to or (task_vars or {}).get("inventory_hostname") or "localhost")
        try:
            self._refuse_async()
            result: Result = super().run(tmp, task_vars)
            if self._task.become:
                self.warn(_BECOME_IGNORED)
            result |= {"changed": False, "failed": False} | self._perform(self._parameters())
        except KmsError as error:
            return failure(error)
        converted: Result = to_builtins(result)
        return converted

    @abc.abstractmethod
    def _perform(self, parameters: Parameters) -> Result:
        """Do what the module is for."""

    def _refuse_async(self) -> None:
        if self._task.async_val:
            raise BadInput(
                f"{self._task.action} works from the controller and does not support async. Remove async from the "
                "task; to work on more machines at the same time, raise forks.",
                operation="read the options",
                hint="Remove async and poll from the task.",
            )

    def _parameters(self) -> Parameters:
        """The options of the task, validated and with defaults; raises `BadInput` without repeating any secret."""
        # Not by ActionBase.validate_argument_spec: it would validate copies of all that `without_origin` leaves out.
        checked = ArgumentSpecValidator(
            self.ARGUMENT_SPEC,
            mutually_exclusive=self.MUTUALLY_EXCLUSIVE,
            required_together=self.REQUIRED_TOGETHER,
            required_one_of=self.REQUIRED_ONE_OF,
            required_if=self.REQUIRED_IF,
            required_by=dict(self.REQUIRED_BY),
        ).validate(without_origin(self._task.args))
        if checked.error_messages:
            reason = masked(checked.error_messages[0], secrets_of(self.ARGUMENT_SPEC, self._task.args))
            if isinstance(checked.errors[0], UnsupportedError):
                reason = f"Unsupported parameters for ({self._task.action}) module: {reason}"
            raise BadInput(
                f"{self._task.action}: {reason}",
                operation="read the options",
                hint=f"See ansible-doc {self._task.action}.",
            )
        return {name: checked.validated_parameters.get(name) for name in self.ARGUMENT_SPEC}


class KmsAction(_Action):
    """Base of the modules that work on the Windows machine of the host's connection.

    A subclass has ARGUMENT_SPEC (and the constraints of ArgumentSpecValidator) and `execute`.
    """

    _requires_connection = True

    @abc.abstractmethod
    def execute(self, session: CimSession, parameters: Parameters) -> Result:
        """Do the work and return the result; raises `KmsError`, with what was done so far in its `progress`."""

    def _perform(self, parameters: Parameters) -> Result:
        transport = open_transport(self._connection, warn=self.warn)
        try:
            return self.execute(CimSession(transport), parameters)
        except CimFault as fault:
            name_fault(fault, f"{fault.operation} of {fault.target} failed on {self.host_name}")
            raise
        finally:
            transport.close()


class ControllerAction(_Action):
    """Base of the modules that need no machine."""

    _requires_connection = False

    @abc.abstractmethod
    def execute(self, parameters: Parameters) -> Result:
        """Do the work and return the result; raises `KmsError`."""

    def _perform(self, parameters: Parameters) -> Result:
        return self.execute(parameters)


def failure(error: KmsError) -> Result:
    """The result of a task that ended with `error`: what was done so far, and what went wrong.

    A lost machine is returned, not raised: Ansible would drop what a half-applied change did.
    """
    unreachable = isinstance(error, Unreachable)
    details = error.as_result()
    result: Result = to_builtins({"changed": False, "operations": []} | error.progress)
    result |= {"failed": not unreachable, "msg": error.message, "error": details}
    if unreachable:
        result["unreachable"] = True
    return result


def without_origin(value: t.Any) -> t.Any:
    """`value` in Python's own texts, numbers and containers.

    Ansible's own also know where in which file they come from, and whether they may be templates: all of it would be
    copied with them.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__int__(value)
    if isinstance(value, Mapping):
        return {without_origin(key): without_origin(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_origin(item) for item in value]
    return value


def to_builtins(value: t.Any) -> t.Any:
    """Plain values for a result, which Ansible turns into JSON.

    Dataclasses become dictionaries, codes their numbers, moments ISO 8601 in UTC (without a zone if they have none),
    sets sorted lists. Raises `TypeError` for what has no plain form.
    """
    if isinstance(value, enum.Enum):
        return to_builtins(value.value)
    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dt.datetime):
        return _iso_8601(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_builtins(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(to_builtins(key)): to_builtins(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted((to_builtins(item) for item in value), key=lambda item: (str(type(item)), item))
    if isinstance(value, (list, tuple)):
        return [to_builtins(item) for item in value]
    if isinstance(value, (pathlib.PurePath, uuid.UUID, ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a result")


def _iso_8601(moment: dt.datetime) -> str:
    if moment.tzinfo is None:
        return moment.isoformat(timespec="seconds")
    return moment.astimezone(dt.timezone.utc).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def secrets_of(spec: Mapping[str, t.Any], arguments: t.Any) -> Iterator[str]:
    """The text of every value that `arguments` gives to an option with no_log, also in suboptions."""
    if isinstance(arguments, (list, tuple)):
        for item in arguments:
            yield from secrets_of(spec, item)
    if not isinstance(arguments, Mapping):
        return
    for name, option in spec.items():
        for given in (name, *option.get("aliases", ())):
            if given not in arguments:
                continue
            if option.get("no_log"):
                yield from _texts(arguments[given])
            elif "options" in option:
                yield from secrets_of(option["options"], arguments[given])


def _texts(value: t.Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple, Set)):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


def masked(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets`, neither as they are nor as a Python literal shows them."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        for form in (secret, repr(secret)[1:-1]):
            if form:
                text = text.replace(form, _MASK)
    return text
