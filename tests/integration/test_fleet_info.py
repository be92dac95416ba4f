# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""fleet_info in a real run of Ansible: every machine gets its own credentials, wherever they are from, and no others'.

Each machine of the lab has a password of its own, and the lab records what it was offered.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from running_lab import RunningLab, running_lab

PASSWORD = "Canary-of-{}"
VAULT_PASSWORD = "Canary-of-the-vault"
#: From where each machine's password comes. `trap`: the task runs for this one.
READABLE = ("trap", "inventory", "group", "hostvars", "vault", "lookup", "another", "play", "task", "cli", "psrp")
UNREADABLE = {
    "undefined": ("failed", "undefined: ansible_password cannot be made up: 'nowhere_at_all' is undefined"),
    "broken": ("failed", "broken: ansible_password cannot be made up: it is no valid template"),
    "refused": ("unreachable", "refused the credentials (HTTP 401"),
    "off": ("unreachable", "Connection refused"),
    "hole": ("unreachable", "nothing answered within 3 s"),
    "shell": ("failed", "has the connection 'ssh'"),
}
SITE = {
    "domain": "corp.example.test",
    "dns": {"software": "builtin"},
    "account": {"transports": ["basic"], "in_inventory": False},
    "behaviour": {"products_without_key": 5},
    "machines": {
        name: {"os": "windows-11-enterprise", "account": {"user": "admin", "password": PASSWORD.format(name)}}
        for name in (*READABLE, *UNREADABLE)
    },
}
#: What a user adds to the inventory of the lab, which has addresses and no credentials.
HOSTS: dict[str, dict[str, Any]] = {
    "trap": {"ansible_password": PASSWORD.format("trap")},
    "inventory": {"ansible_password": PASSWORD.format("inventory")},
    "group": {},
    "hostvars": {},
    "vault": {},
    "lookup": {"ansible_password": "{{ lookup('ansible.builtin.file', playbook_dir ~ '/password') }}"},
    "another": {"ansible_password": "{{ hostvars['inventory'].ansible_password | replace('inventory', 'another') }}"},
    "play": {"ansible_password": "{{ password_of_the_play }}"},
    "task": {"ansible_password": "{{ password_of_the_task }}"},
    "cli": {},
    "psrp": {
        "ansible_connection": "psrp",
        "ansible_psrp_message_encryption": "never",
        "ansible_password": PASSWORD.format("psrp"),
    },
    "undefined": {"ansible_password": "{{ nowhere_at_all }}"},
    "broken": {"ansible_password": "{{ Canary | }}"},
    "refused": {"ansible_password": "Canary-that-is-wrong"},
    "off": {"ansible_password": PASSWORD.format("off")},
    "hole": {"ansible_password": PASSWORD.format("hole")},
    "shell": {"ansible_connection": "ssh", "ansible_password": PASSWORD.format("shell")},
}
PLAYBOOK = """
- name: The fleet
  hosts: fleet
  gather_facts: false
  vars:
    password_of_the_play: Canary-of-play
  tasks:
    - name: Read all
      volact.kms.fleet_info:
        dest: "{{ playbook_dir }}/fleet.jsonl"
        timeout: 3
        progress_seconds: 1
        records: true
      vars:
        password_of_the_task: Canary-of-{{ inventory_hostname }}
      run_once: true
      delegate_to: localhost
      register: fleet

    - name: For the machine itself
      volact.kms.fleet_info:
      run_once: true
      register: undelegated
      ignore_errors: true

    - name: On another machine
      volact.kms.fleet_info:
      run_once: true
      delegate_to: inventory
      register: elsewhere
      ignore_errors: true

    - name: For each machine
      volact.kms.fleet_info:
      delegate_to: localhost
      register: for_each
      ignore_errors: true

    - name: Write what was registered
      ansible.builtin.copy:
        content: "{{ [fleet, undelegated, elsewhere, for_each] | to_json }}"
        dest: "{{ playbook_dir }}/registered.json"
        mode: "0600"
      check_mode: false
      run_once: true
      delegate_to: localhost
"""


@dataclass(frozen=True)
class Played:
    """One run: what it wrote, registered and printed, and the passwords that each machine was offered."""

    folder: Path
    fleet: dict[str, Any]
    refusals: list[dict[str, Any]]
    output: str
    offered: dict[str, set[str]]

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        lines = (self.folder / "fleet.jsonl").read_text("utf-8").splitlines()
        return {record["machine"]: record for record in map(json.loads, lines)}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("fleet")
    site = folder / "site.yml"
    site.write_text(yaml.safe_dump(SITE, sort_keys=False), "utf-8")
    with running_lab(site, folder) as running:
        running("set", "off", "network=refused")
        running("set", "hole", "network=black_hole")
        write_playbook(folder)
        yield running


def write_playbook(folder: Path) -> None:
    """A playbook with its inventory and everything that has a password."""
    vault = VaultLib(secrets=[("default", VaultSecret(VAULT_PASSWORD.encode()))])
    encrypted = vault.encrypt(PASSWORD.format("vault")).decode().replace("\n", "\n  ")
    # Beside machines that have a user: one that has it, and its password, from the command line.
    hosts = {
        name: variables if name == "cli" else {"ansible_user": "admin", **variables}
        for name, variables in HOSTS.items()
    }
    files = {
        "playbook.yml": PLAYBOOK,
        "hosts.yml": yaml.safe_dump({"fleet": {"hosts": hosts}, "grouped": {"hosts": {"group": {}}}}, sort_keys=False),
        "group_vars/grouped.yml": f"ansible_password: {PASSWORD.format('group')}\n",
        "host_vars/hostvars.yml": f"ansible_password: {PASSWORD.format('hostvars')}\n",
        "host_vars/vault.yml": f"ansible_password: !vault |\n  {encrypted}\n",
        # The task is delegated to this one. Its password is nobody else's.
        "host_vars/localhost.yml": "ansible_password: Canary-of-localhost\n",
        "password": PASSWORD.format("lookup") + "\n",
        "cli_password": PASSWORD.format("cli") + "\n",
        "vault_password": VAULT_PASSWORD + "\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def play(lab: RunningLab, *arguments: str) -> Played:
    folder = lab.state_folder.parent
    lab("offered", "--reset")
    run = lab.playbook(
        str(folder / "playbook.yml"), "-vvvv", "-u", "admin",
        "--connection-password-file", str(folder / "cli_password"),
        "--vault-password-file", str(folder / "vault_password"),
        "-i", str(lab.state_folder / "inventory.yml"), "-i", str(folder / "hosts.yml"), *arguments,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    fleet, *refusals = json.loads((folder / "registered.json").read_text("utf-8"))
    offered = {machine: {offer["password"] for offer in offers} for machine, offers in lab("offered").items()}
    return Played(folder, fleet, refusals, run.stdout + run.stderr, offered)


@pytest.fixture(scope="module")
def played(lab: RunningLab) -> Played:
    return play(lab)


@pytest.mark.parametrize("name", READABLE)
def test_a_machine_is_read_with_its_own_credentials_wherever_they_are_from(played: Played, name: str) -> None:
    record = played.records[name]
    assert (record["status"], record["msg"]) == ("ok", None)
    assert record["operating_system"]["computer_name"] == name.upper()
    assert record["products"][0]["channel"] == "kms_client"


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_machine_that_cannot_be_read_says_why_and_spoils_no_other(played: Played, name: str) -> None:
    status, reason = UNREADABLE[name]
    record = played.records[name]
    assert record["status"] == status
    assert reason in record["msg"]


def test_no_machine_was_ever_offered_the_password_of_another(played: Played) -> None:
    expected = {name: {PASSWORD.format(name)} for name in READABLE} | {"refused": {"Canary-that-is-wrong"}}
    assert {name: offers for name, offers in played.offered.items() if offers} == expected


def test_the_summary_counts_and_names(played: Played) -> None:
    total = len(READABLE) + len(UNREADABLE)
    assert played.fleet["counts"] == {"total": total, "ok": len(READABLE), "failed": 3, "unreachable": 3}
    assert played.fleet["changed"] is False
    named = {machine["machine"]: machine["status"] for machine in played.fleet["failed_machines"]}
    assert named == {name: status for name, (status, _reason) in UNREADABLE.items()}
    assert f"of {total} machines read: " in played.output
    # The hole is looked for for as long as a machine may take, and everything else at the same time.
    assert 3 <= played.fleet["duration_seconds"] < 12


def test_the_records_are_for_the_owner_alone_and_returned_on_request(played: Played) -> None:
    file = Path(played.fleet["dest"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert played.fleet["records"] == list(played.records.values())
    assert list(played.records) == list(HOSTS), "in the order of the play"
    assert [path.name for path in file.parent.glob(".fleet*")] == []


def test_any_place_but_localhost_is_refused_and_so_is_a_task_for_each_machine(played: Played) -> None:
    for refusal, what in zip(played.refusals, ("runs for trap", "runs for inventory", "once for each"), strict=True):
        assert refusal["failed"] is True
        assert what in refusal["msg"]
        assert "run_once: true" in refusal["msg"]
        assert refusal["msg"].endswith("Nothing was read.")


def test_no_password_is_written_at_the_highest_verbosity(played: Played) -> None:
    for text in (played.output, json.dumps(played.fleet), (played.folder / "fleet.jsonl").read_text("utf-8")):
        assert [line for line in text.splitlines() if "Canary" in line and "{{" not in line] == []


def test_limit_leaves_the_others_alone_and_so_does_check_mode(lab: RunningLab, played: Played) -> None:
    again = play(lab, "--limit", "vault,cli", "--check")
    assert again.fleet["counts"] == {"total": 2, "ok": 2, "failed": 0, "unreachable": 0}
    assert set(again.records) == {"vault", "cli"}, "written in check mode, too"
    assert {name for name, offers in again.offered.items() if offers} == {"vault", "cli"}
