# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection objects for other hosts of a play, as Ansible would make them for tasks of these hosts.

The one file that touches private names of Ansible's executor and its variables; REQUIRED_PRIVATE_NAMES lists them.
Templates are not for threads: all of this belongs to the thread that runs the task.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping

from ansible import constants as C
from ansible import context
from ansible.executor.process import worker
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.utils.sentinel import Sentinel  # type: ignore[attr-defined]
from jinja2.exceptions import TemplateSyntaxError

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

if t.TYPE_CHECKING:
    from ansible.plugins.connection import ConnectionBase

# (module, name): methods and attributes that are not documented, and that a later release may rename.
# ConnectionBase._resolve_option_variables is new in ansible-core 2.17, and done without where it isn't there.
REQUIRED_PRIVATE_NAMES: t.Final = (
    ("ansible.vars.hostvars", "HostVars._inventory"),
    ("ansible.vars.hostvars", "HostVars._variable_manager"),
    ("ansible.executor.process.worker", "WorkerProcess._play_context"),
    ("ansible.inventory.manager", "InventoryManager.get_host"),
    ("ansible.playbook.task", "Task._get_parent_attribute"),
    ("ansible.playbook.task", "Task.dump_attrs"),
    ("ansible.playbook.task", "Task.get_ds"),
    ("ansible.playbook.task", "Task.get_play"),
    ("ansible.plugins.connection", "ConnectionBase.allow_extras"),
    ("ansible.plugins.connection", "ConnectionBase.extras_prefix"),
    ("ansible.plugins.loader", "PluginLoader.get_with_context"),
    ("ansible.vars.manager", "VariableManager.get_vars"),
)

_KEYWORDS: t.Final = ("remote_user", "port")
_LONGEST_REASON: t.Final = 300

Variables = Mapping[str, t.Any]


class HostConnections:
    """Connection objects for the hosts of the play that `task` belongs to.

    `variables` are those that the task's action got, and `password` is the one of the command line. It belongs to
    machines without one of their own; the task's PlayContext is no place to look for it, since there the host that
    the task runs for may have put its own.
    """

    def __init__(self, task: t.Any, templar: t.Any, variables: Variables, password: str | None) -> None:
        self._task = task
        self._templar = templar.copy_with_new_env(available_variables={})
        hostvars = variables["hostvars"]
        self._inventory = hostvars._inventory
        self._variable_manager = hostvars._variable_manager
        self._hosts_all = list(variables["ansible_play_hosts_all"])
        self._batch = list(variables["ansible_play_batch"])
        self._task_keys = _task_keys(task, password)
        self._keywords = {name: _unfinished(task, name) for name in (*_KEYWORDS, "connection")}
        # One for all: it holds nothing of anybody. The plugins read whether to become another user from it.
        self._play_context = PlayContext()

    def of(self, name: str) -> ConnectionBase:
        """The connection object of a machine, not connected.

        Raises `BadInput` for a machine that isn't in the inventory, or whose variables cannot be made up.
        """
        host = self._inventory.get_host(name)
        if host is None:
            raise BadInput(
                f"{name} is not in the inventory. Check machines for a misspelt name.",
                operation="read the variables",
                target=name,
                hint="See ansible-inventory --graph.",
            )
        variables = _explained(name, "the variables", lambda: self._variables_of(host))
        self._templar.available_variables = variables
        return self._connection(name, variables)

    def _variables_of(self, host: t.Any) -> Variables:
        found: Variables = self._variable_manager.get_vars(
            play=self._task.get_play(), host=host, task=self._task, _hosts=self._batch, _hosts_all=self._hosts_all
        )
        return found

    def _connection(self, name: str, variables: Variables) -> ConnectionBase:
        kind = self._kind(name, variables)
        connection, _context = connection_loader.get_with_context(kind, self._play_context, new_stdin=None)
        if connection is None:
            raise BadInput(
                f"{name} has the connection '{kind}', and there is no such connection plugin.",
                operation="connect",
                target=name,
                hint="Set ansible_connection to winrm or psrp.",
            )
        options = self._options(name, connection, variables)
        keys = self._task_keys | {
            keyword: self._made_up(name, keyword, self._keywords[keyword]) for keyword in _KEYWORDS
        }
        _explained(name, f"the {kind} settings", lambda: connection.set_options(task_keys=keys, var_options=options))
        return connection

    def _kind(self, name: str, variables: Variables) -> str:
        named = variables.get("ansible_connection")
        if named is None:
            return str(self._made_up(name, "connection", self._keywords["connection"]))
        return str(self._made_up(name, "ansible_connection", named))

    def _options(self, name: str, connection: t.Any, variables: Variables) -> dict[str, t.Any]:
        """The connection variables of a machine, as values."""
        resolve = getattr(connection, "_resolve_option_variables", None)
        # A lookup raises whatever it likes. Which variable it was for shows below.
        with contextlib.suppress(Exception):
            if resolve is not None:
                resolved: dict[str, t.Any] = resolve(variables, self._templar)
                return resolved
        known, others = _connection_variables(connection, variables)
        return {variable: self._made_up(name, variable, variables[variable]) for variable in known} | {
            "_extras": {variable: self._made_up(name, variable, variables[variable]) for variable in others}
        }

    def _made_up(self, name: str, what: str, value: t.Any) -> t.Any:
        return _explained(name, what, lambda: self._templar.template(value), written=str(value))


def command_line_password() -> str | None:
    """What --ask-pass or --connection-password-file gave to this run; None outside a task that Ansible runs."""
    process = worker.current_worker
    return None if process is None else process._play_context.password


def _task_keys(task: t.Any, password: str | None) -> dict[str, t.Any]:
    """The keywords of the task that connection plugins read, as Ansible's executor hands them over."""
    keys: dict[str, t.Any] = task.dump_attrs()
    # A task's own retries and timeout are not those of its connection.
    keys.pop("retries", None)
    keys["timeout"] = context.CLIARGS.get("timeout")
    if password:
        keys["password"] = password
    return keys


def _unfinished(task: t.Any, keyword: str) -> t.Any:
    """A keyword as it was written: on the task itself it is a value by now, for the host that the task runs for."""
    written = (task.get_ds() or {}).get(keyword)
    if written is None:
        written = task._get_parent_attribute(keyword, omit=True)
    # Nowhere in the playbook: it comes from the command line or the configuration, which have no templates.
    return getattr(task, keyword) if written is None or written is Sentinel else written


def _connection_variables(connection: t.Any, variables: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names of the variables that a plugin documents, and of those that it passes on."""
    known = [name for name in C.config.get_plugin_vars("connection", connection._load_name) if name in variables]
    if not getattr(connection, "allow_extras", False):
        return known, []
    prefix = f"ansible_{connection.extras_prefix}_"
    return known, [name for name in variables if name.startswith(prefix) and name not in known]


_Value = t.TypeVar("_Value")


def _explained(name: str, what: str, make: Callable[[], _Value], written: str = "") -> _Value:
    """What `make` gives; whatever it raises is one sentence. It doesn't quote what is `written`: it may be a secret."""
    try:
        return make()
    except Exception as error:  # templates, lookups and vaults have no common error
        raise BadInput(
            f"{name}: {what} cannot be made up: {_reason(error, written)}. The machine was not asked.",
            operation="read the variables",
            target=name,
            hint=f"Look at {what} of the machine: ansible-inventory --host {name}.",
        ) from None


def _reason(error: BaseException, written: str) -> str:
    """What an error says and what it comes from, without what Ansible's own texts quote of the playbook."""
    if any(isinstance(cause, TemplateSyntaxError) for cause in _behind(error)):
        # It may quote any part: a password with two braces in it is a template with a mistake.
        return "it is no valid template"
    reasons: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        said = " ".join(str(cause.args[0] if cause.args else type(cause).__name__).split()).rstrip(".")
        if not any(said in other for other in reasons):
            reasons.append(said)
        cause = cause.__cause__
    text = ": ".join(reasons)
    return (text.replace(written, "...") if written else text)[:_LONGEST_REASON]


def _behind(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
