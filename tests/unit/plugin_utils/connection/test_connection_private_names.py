# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The installed ansible-core, pywinrm and pypsrp still have the private names and habits that _connection relies on."""

from __future__ import annotations

import importlib
import inspect
import re
import types

import pypsrp.wsman
import pytest
from ansible.executor.process import worker
from ansible.executor.task_executor import TaskExecutor
from ansible.playbook.play_context import PlayContext
from ansible.plugins.connection import psrp as psrp_plugin
from ansible.plugins.connection import winrm as winrm_plugin
from ansible.plugins.loader import connection_loader
from ansible.release import __version__ as ansible_version
from pypsrp.negotiate import HTTPNegotiateAuth
from winrm.transport import Transport

from ansible_collections.volact.kms.plugins.plugin_utils import (
    _connection,
    _connection_errors,
    _connection_hosts,
    _connection_link,
    _connection_psrp,
    _connection_winrm,
    _connection_wire,
)

ADVICE = "ansible-core or a library moved it: adapt plugin_utils/_connection_{winrm,psrp,link,wire,hosts}"

# What a name stands before a dot for, by file.
OWNERS = {
    _connection_winrm: {"connection": "Connection", "transport": "Transport", "encryption": "Encryption"},
    _connection_psrp: {
        "connection": "Connection",
        "transport": "_TransportHTTP",
        "wsman": "WSMan",
        "encryption": "WinRMEncryption",
        "WinRMEncryption": "WinRMEncryption",
        "runspace": "RunspacePool",
    },
    _connection_hosts: {
        "connection": "ConnectionBase",
        "hostvars": "HostVars",
        "inventory": "InventoryManager",
        "process": "WorkerProcess",
        "task": "Task",
        "variable_manager": "VariableManager",
        "connection_loader": "PluginLoader",
    },
    _connection_wire: {"pool": "HTTPConnectionPool", "_pool": "HTTPConnectionPool"},
}
# Public, or ours.
DOCUMENTED = {"Connection.get_option", "Connection.transport", "ConnectionBase.set_options"}
# The loader gives it to every plugin; a test of its own looks for it.
DOCUMENTED |= {"ConnectionBase._load_name"}


@pytest.mark.parametrize(("module", "name"), _connection.REQUIRED_PRIVATE_NAMES)
def test_the_installed_libraries_have_every_private_name(module: str, name: str) -> None:
    class_name, attribute = name.split(".")
    owner = getattr(importlib.import_module(module), class_name, None)
    assert owner is not None, f"{module} has no class {class_name}. {ADVICE}"
    assigned = re.search(rf"\bself\.{attribute}\b[^=\n]*=[^=]", inspect.getsource(owner))
    assert hasattr(owner, attribute) or assigned, f"{module}.{class_name} has no {attribute}. {ADVICE}"


@pytest.mark.parametrize("adapter", OWNERS)
def test_every_private_name_in_use_is_in_the_list(adapter: types.ModuleType) -> None:
    source = inspect.getsource(adapter).split("\nclass ", 1)[1]
    listed = {name for _module, name in adapter.REQUIRED_PRIVATE_NAMES}
    assert listed, "the test compares with nothing"
    used = {
        f"{owner}.{name}"
        for variable, owner in OWNERS[adapter].items()
        for name in re.findall(rf"(?<!\.)\b_?{variable}\.(\w+)", source) + re.findall(rf"\.{variable}\.(\w+)", source)
    }
    assert used, "the test looks for nothing"
    assert used - DOCUMENTED <= listed, f"not in REQUIRED_PRIVATE_NAMES: {sorted(used - listed)}"


def test_only_the_adapters_touch_private_names_of_a_connection_object() -> None:
    for module in (_connection, _connection_link, _connection_wire, _connection_errors):
        found = re.findall(r"\bconnection\.(_\w+|protocol|runspace|shell_id)", inspect.getsource(module))
        assert not found, f"{module.__name__} uses {found}"


def test_connection_plugins_know_their_name_and_how_to_make_up_their_variables() -> None:
    plugin = connection_loader.get("winrm", PlayContext(), "/dev/null")
    assert plugin._load_name == "winrm", ADVICE
    # New in ansible-core 2.17, and done without before.
    if tuple(map(int, ansible_version.split(".")[:2])) >= (2, 17):
        assert inspect.signature(plugin._resolve_option_variables).parameters.keys() == {"variables", "templar"}, ADVICE


def test_the_executor_hands_over_what_other_hosts_connections_get_here() -> None:
    source = inspect.getsource(TaskExecutor._set_connection_options)
    for line in (
        "task_keys = self._task.dump_attrs()",
        "task_keys['timeout'] = self._play_context.timeout",
        "task_keys['password'] = self._play_context.password",
        "del task_keys['retries']",
    ):
        assert line in source, ADVICE
    assert "self._connection.set_options(task_keys=task_keys, var_options=" in source, ADVICE


def test_a_worker_keeps_the_play_context_that_no_host_has_changed() -> None:
    assert "current_worker = self" in inspect.getsource(worker.WorkerProcess._run), ADVICE
    source = inspect.getsource(TaskExecutor)
    assert "self._play_context = self._play_context.set_task_and_variable_override(" in source, ADVICE
    assert "new_info = self.copy()" in inspect.getsource(PlayContext.set_task_and_variable_override), ADVICE


def test_pypsrp_keeps_the_name_of_what_was_negotiated_at_the_context() -> None:
    assert 'setattr(context, "response_auth_header"' in inspect.getsource(HTTPNegotiateAuth.handle_401), ADVICE


def test_pypsrp_encrypts_by_what_the_session_logged_in_with() -> None:
    source = inspect.getsource(pypsrp.wsman._TransportHTTP.send)
    assert "self.session.auth.contexts[hostname]" in source, ADVICE
    assert "self.session = self._build_session()" in source, ADVICE


def test_ansibles_psrp_plugin_gives_its_settings_to_pypsrp_as_they_are() -> None:
    source = inspect.getsource(psrp_plugin.Connection._connect)
    assert "self._build_kwargs()" in source, ADVICE
    assert "WSMan(**self._psrp_conn_kwargs)" in source, ADVICE


def test_ansible_opens_no_shell_when_it_seems_to_have_one() -> None:
    source = inspect.getsource(winrm_plugin.Connection._winrm_connect)
    guarded = re.search(r"if not self\.shell_id:\s*\n\s*self\.shell_id = protocol\.open_shell\(", source)
    assert guarded, f"_winrm_connect() no longer opens a shell only 'if not self.shell_id'. {ADVICE}"
    assert source.count("open_shell(") == 1, ADVICE


def test_pywinrm_logs_in_for_encryption_while_it_builds_the_session() -> None:
    source = inspect.getsource(Transport.build_session)
    assert "self.setup_encryption(" in source, ADVICE
    assert '"legacy_requests"' in source.replace("'", '"'), ADVICE
