# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An endpoint on loopback, and Ansible's real connection plugins with its settings."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import winrm_endpoint
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

Connect = t.Callable[..., t.Any]


@pytest.fixture
def endpoint(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[winrm_endpoint.Endpoint]:
    users = tmp_path / "ntlm_users"
    users.write_text(f":{winrm_endpoint.USER}:{winrm_endpoint.PASSWORD}\n", encoding="utf-8")
    monkeypatch.setenv("NTLM_USER_FILE", str(users))
    with winrm_endpoint.running_endpoint() as running:
        yield running


@pytest.fixture
def connect() -> Connect:
    """Make a winrm connection object that isn't connected, with variables on top of those for the endpoint."""

    def make(port: int, **variables: t.Any) -> t.Any:
        connection = connection_loader.get("winrm", PlayContext(), "/dev/null")
        settings: dict[str, t.Any] = {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": winrm_endpoint.USER,
            "ansible_password": winrm_endpoint.PASSWORD,
            "ansible_winrm_scheme": "http",
            "ansible_winrm_transport": ["ntlm"],
        }
        settings |= variables
        # Ansible's executor passes on what the plugin doesn't document like this.
        extras = {name: value for name, value in settings.items() if name.startswith("ansible_winrm_")}
        connection.set_options(var_options=settings | {"_extras": extras})
        return connection

    return make


@pytest.fixture
def connect_psrp() -> Connect:
    """Make a psrp connection object that isn't connected, with variables on top of those for the endpoint."""

    def make(port: int, **variables: t.Any) -> t.Any:
        connection = connection_loader.get("psrp", PlayContext(), "/dev/null")
        settings: dict[str, t.Any] = {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": winrm_endpoint.USER,
            "ansible_password": winrm_endpoint.PASSWORD,
            "ansible_psrp_protocol": "http",
            "ansible_psrp_auth": "ntlm",
        }
        # Up to ansible-core 2.16 the plugin asks for what it doesn't document.
        connection.set_options(var_options=settings | variables | {"_extras": {}})
        return connection

    return make
