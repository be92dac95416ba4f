# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The installed ansible-core and pywinrm still have the private names and habits that _connection relies on."""

from __future__ import annotations

import importlib
import inspect
import pathlib
import re

import pytest
from ansible.plugins.connection import winrm as winrm_plugin
from winrm.transport import Transport

from ansible_collections.volact.kms.plugins.plugin_utils import _connection

ADVICE = "ansible-core or pywinrm moved it: adapt plugins/plugin_utils/_connection.py"


@pytest.mark.parametrize(("module", "name"), _connection.REQUIRED_PRIVATE_NAMES)
def test_the_installed_libraries_have_every_private_name(module: str, name: str) -> None:
    class_name, attribute = name.split(".")
    owner = getattr(importlib.import_module(module), class_name, None)
    assert owner is not None, f"{module} has no class {class_name}. {ADVICE}"
    assigned = re.search(rf"\bself\.{attribute}\b[^=\n]*=[^=]", inspect.getsource(owner))
    assert hasattr(owner, attribute) or assigned, f"{module}.{class_name} has no {attribute}. {ADVICE}"


def test_every_private_name_in_use_is_in_the_list() -> None:
    source = pathlib.Path(_connection.__file__).read_text(encoding="utf-8")
    used = {f"Connection.{name}" for name in re.findall(r"\bconnection\.(_\w+|protocol|shell_id)", source)}
    used |= {f"Transport.{name}" for name in re.findall(r"\btransport\.(?!transport\b)(\w+)", source)}
    used |= {f"Encryption.{name}" for name in re.findall(r"\bencryption\.(\w+)", source)}
    used -= {"Transport.py"}
    listed = {name for _module, name in _connection.REQUIRED_PRIVATE_NAMES}
    assert used <= listed, f"not in REQUIRED_PRIVATE_NAMES: {sorted(used - listed)}"


def test_ansible_opens_no_shell_when_it_seems_to_have_one() -> None:
    source = inspect.getsource(winrm_plugin.Connection._winrm_connect)
    guarded = re.search(r"if not self\.shell_id:\s*\n\s*self\.shell_id = protocol\.open_shell\(", source)
    assert guarded, f"_winrm_connect() no longer opens a shell only 'if not self.shell_id'. {ADVICE}"
    assert source.count("open_shell(") == 1, ADVICE


def test_pywinrm_logs_in_for_encryption_while_it_builds_the_session() -> None:
    source = inspect.getsource(Transport.build_session)
    assert "self.setup_encryption(" in source, ADVICE
    assert '"legacy_requests"' in source.replace("'", '"'), ADVICE
