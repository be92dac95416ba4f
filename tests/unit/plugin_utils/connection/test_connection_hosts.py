# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection objects for other hosts of a play have exactly the variables that Ansible would give their own tasks."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible import context
from ansible.inventory.manager import InventoryManager
from ansible.parsing import vault
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.playbook import Playbook
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
from ansible.utils.context_objects import CLIArgs
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils import _connection_hosts
from ansible_collections.volact.kms.plugins.plugin_utils._connection import open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._connection_hosts import HostConnections

COMMAND_LINE = "Canary-command-line"
VAULT = VaultSecret(b"a vault password")

# Where each machine has its password from, which is `Canary-` and its name.
HOSTS: dict[str, dict[str, t.Any]] = {
    "inventory": {"ansible_password": "Canary-inventory"},
    "group": {},
    "host-vars": {},
    "vault": {},
    "lookup": {"ansible_password": "{{ lookup('ansible.builtin.file', secret_file) }}"},
    "another": {"ansible_password": "{{ hostvars['inventory'].ansible_password | replace('inventory', 'another') }}"},
    "extra-form": {"ansible_winrm_password": "Canary-extra-form"},
    "command-line": {},
    "keyword": {"ansible_password": "Canary-keyword"},
    "undefined": {"ansible_password": "{{ a_variable_that_nobody_has }}"},
    "broken-template": {"ansible_password": "{{ Canary | }}"},
    "broken-braces": {"ansible_password": "Canary{{Canary Canary"},
    "broken-lookup": {"ansible_password": "{{ lookup('ansible.builtin.file', '/nowhere/at/all') }}"},
    "no-port": {"ansible_port": "no number"},
    "no-plugin": {"ansible_connection": "carrier_pigeon"},
    "kerberos": {
        "ansible_winrm_transport": "kerberos",
        "ansible_winrm_kerberos_delegation": "{{ delegate | default(true) }}",
    },
}
SHARED = {
    "ansible_connection": "winrm",
    "ansible_host": "127.0.0.1",
    "ansible_port": 5985,
    "ansible_winrm_transport": "basic",
}
GOOD = [name for name in HOSTS if not name.startswith(("undefined", "broken", "no-"))]

Make = t.Callable[..., HostConnections]


@pytest.fixture
def make(ready_for_plugins: None, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Connections for a play on all machines of a folder with an inventory, whose task runs for the first of them."""
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"timeout": 7}))
    write(tmp_path)
    loader = DataLoader()
    loader.set_basedir(str(tmp_path))
    loader.set_vault_secrets([("default", VAULT)])  # type: ignore[list-item]
    if hasattr(vault, "VaultSecretsContext"):  # new in ansible-core 2.19
        monkeypatch.setattr(vault.VaultSecretsContext, "_current", None)
        vault.VaultSecretsContext.initialize(vault.VaultSecretsContext([("default", VAULT)]))
    inventory = InventoryManager(loader=loader, sources=[str(tmp_path / "hosts.yml")])

    def connections(
        password: str | None = None, task: dict[str, t.Any] | None = None, **keywords: t.Any
    ) -> HostConnections:
        variable_manager = VariableManager(loader=loader, inventory=inventory)
        hostvars = HostVars(inventory, variable_manager, loader)
        document = {"hosts": "all", "gather_facts": False, "tasks": [{"debug": {}, **(task or {})}], **keywords}
        (tmp_path / "playbook.yml").write_text(yaml.safe_dump([document]), "utf-8")
        playbook = Playbook.load(str(tmp_path / "playbook.yml"), variable_manager=variable_manager, loader=loader)
        (play,) = playbook.get_plays()
        (its_task,) = play.tasks[0].block
        names = [host.name for host in inventory.get_hosts("all")]
        first = variable_manager.get_vars(play=play, host=inventory.get_host("inventory"), task=its_task)
        # As the executor does it before the action runs.
        templar = Templar(loader=loader, variables=first)
        its_task.post_validate(templar=getattr(templar, "_engine", templar))
        variables = {**first, "hostvars": hostvars, "ansible_play_hosts_all": names, "ansible_play_batch": names}
        return HostConnections(its_task, templar, variables, password)

    return connections


@pytest.fixture(scope="module")
def ready_for_plugins() -> t.Iterator[None]:
    """As Ansible's programs do before all else. Undone for the tests after these: they import as Python does."""
    init_plugin_loader()
    yield
    _AnsibleCollectionFinder._remove()


def write(folder: pathlib.Path) -> None:
    secret = folder / "secret"
    secret.write_text("Canary-lookup\n", "utf-8")
    groups: dict[str, t.Any] = {"grouped": {"hosts": {"group": {}}}}
    shared = {**SHARED, "secret_file": str(secret)}
    user = {"ansible_user": "{{ inventory_hostname }}-admin"}
    hosts = {name: variables if name == "keyword" else {**user, **variables} for name, variables in HOSTS.items()}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": shared, "children": groups}}))
    for kind, name, text in (
        ("group_vars", "grouped", "ansible_password: Canary-group\n"),
        ("host_vars", "host-vars", "ansible_password: Canary-host-vars\n"),
        ("host_vars", "vault", f"ansible_password: !vault |\n{encrypted('Canary-vault')}\n"),
    ):
        (folder / kind).mkdir(exist_ok=True)
        (folder / kind / f"{name}.yml").write_text(text, "utf-8")


def encrypted(text: str) -> str:
    library = VaultLib(secrets=[("default", VAULT)])
    return "\n".join(f"  {line}" for line in library.encrypt(text, VAULT).decode().splitlines())


@pytest.mark.parametrize("name", [name for name in GOOD if name not in {"command-line", "kerberos"}])
@pytest.mark.parametrize("password", [None, COMMAND_LINE])
def test_each_machine_has_its_own_password_wherever_it_is_from(make: Make, name: str, password: str | None) -> None:
    assert make(password).of(name).get_option("remote_password") == f"Canary-{name}"


def test_the_password_of_the_command_line_is_for_machines_that_have_none(make: Make) -> None:
    assert make(COMMAND_LINE).of("command-line").get_option("remote_password") == COMMAND_LINE
    assert make().of("command-line").get_option("remote_password") is None


@pytest.mark.parametrize("where", ["play", "task"])
def test_variables_of_play_and_task_count_and_are_templated_for_each_machine(make: Make, where: str) -> None:
    variables = {"vars": {"ansible_password": "From-{{ inventory_hostname }}"}}
    connections = make(task=variables) if where == "task" else make(**variables)
    for name in ("inventory", "group", "command-line"):
        assert connections.of(name).get_option("remote_password") == f"From-{name}"


def test_user_and_address_are_those_of_the_machine(make: Make) -> None:
    connection = make().of("group")
    assert connection.get_option("remote_user") == "group-admin"
    assert connection.get_option("remote_addr") == "127.0.0.1"
    assert open_transport(connection, warn=pytest.fail).endpoint == "http://127.0.0.1:5985/wsman"


def test_variables_that_a_plugin_only_passes_on_are_templated_too(make: Make) -> None:
    connection = make().of("kerberos")
    assert connection.get_option("_extras")["ansible_winrm_kerberos_delegation"] is True


def test_keywords_are_templated_for_each_machine_and_not_for_the_one_the_task_runs_for(make: Make) -> None:
    connections = make(task={"remote_user": "{{ inventory_hostname }}-by-keyword"}, remote_user="of-the-play")
    assert connections.of("keyword").get_option("remote_user") == "keyword-by-keyword"


def test_keywords_of_the_play_count(make: Make) -> None:
    assert make(remote_user="of-the-play").of("keyword").get_option("remote_user") == "of-the-play"
    assert make(remote_user="of-the-play").of("group").get_option("remote_user") == "group-admin"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("undefined", "ansible_password cannot be made up: 'a_variable_that_nobody_has' is undefined. The machine"),
        ("broken-template", "ansible_password cannot be made up: it is no valid template. The machine"),
        ("broken-braces", "ansible_password cannot be made up: it is no valid template. The machine"),
        ("broken-lookup", "/nowhere/at/all"),
        ("no-port", "the winrm settings cannot be made up: "),
        ("no-plugin", "no such connection plugin"),
        ("nobody", "nobody is not in the inventory"),
    ],
)
def test_a_machine_whose_variables_make_no_sense_is_named_with_the_variable(make: Make, name: str, what: str) -> None:
    connections = make(COMMAND_LINE)
    with pytest.raises(BadInput) as caught:
        connections.of(name)
    assert caught.value.message.startswith(name)
    assert what in caught.value.message
    assert "Canary" not in caught.value.message
    assert "\n" not in caught.value.message
    assert connections.of("inventory").get_option("remote_password") == "Canary-inventory", "the next machine is fine"


def test_without_a_worker_of_ansible_there_is_no_password_of_the_command_line() -> None:
    assert _connection_hosts.command_line_password() is None
