# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action base classes inside a real ansible-playbook run, against an endpoint on loopback."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys
import typing as t

import pytest
import yaml

# The endpoint belongs to the tests of the transport.
sys.path.append(str(pathlib.Path(__file__).parents[1] / "connection"))
import winrm_endpoint

ROOT = pathlib.Path(__file__).parents[4]
COLLECTIONS = ROOT / ".venv" / "ansible"
FAKE_KEY = "BBBBB-CCCCC-DDDDD-FFFFF-KMSV1"

PROBE = """
import enum
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import KmsAction

class Code(enum.IntEnum):
    FINE = 7

class ActionModule(KmsAction):
    ARGUMENT_SPEC = {
        "key": {"type": "str", "no_log": True},
        "pin": {"type": "int", "no_log": True},
        "fail": {"type": "bool", "default": False},
    }

    def execute(self, session, parameters):
        identity = session.identify()
        if parameters["fail"]:
            error = BadInput("It failed as it should.")
            error.progress = {"changed": True, "operations": ["One"]}
            raise error
        return {"vendor": identity.vendor, "code": Code.FINE, "check": self.check_mode, "host": self.host_name,
                "names": frozenset({"b", "a"})}
"""

PLAYBOOK = """
- hosts: all
  gather_facts: false
  ignore_unreachable: true
  tasks:
    - {name: Good, probe: , register: good, ignore_errors: true}
    - {name: Check mode, probe: , check_mode: true, register: check, ignore_errors: true}
    - {name: Become, probe: , become: true, register: become, ignore_errors: true}
    - {name: Failing, probe: {fail: true}, register: failing, ignore_errors: true}
    - name: Secret
      probe:
        pin: FAKE_KEY
        key: "{{ fake_key }}"
      register: secret
      ignore_errors: true
    - {name: Async, probe: , async: 10, poll: 1, register: async_task, ignore_errors: true}
    - {name: Delegated to localhost, probe: , delegate_to: localhost, register: local, ignore_errors: true}
    - {name: Libraries, volact.kms.controller_info: , register: libraries}
    - {name: Libraries with become, volact.kms.controller_info: , delegate_to: localhost, become: true}
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Write what was registered
      ansible.builtin.copy:
        content: "{{ dict(groups['all'] | zip(groups['all'] | map('extract', hostvars) | map('to_json'))) | to_json }}"
        dest: "{{ result_file }}"
        mode: "0600"
"""

IDENTITY = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    b'xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body>'
    b"<i:IdentifyResponse><i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</i:ProtocolVersion>"
    b"<i:ProductVendor>Example Vendor</i:ProductVendor><i:ProductVersion>OS: 1.2.3</i:ProductVersion>"
    b"</i:IdentifyResponse></s:Body></s:Envelope>"
)


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the playbook: what each host registered, all that was written, and what the endpoint saw."""

    registered: dict[str, dict[str, t.Any]]
    output: str
    messages: list[bytes]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Run]:
    folder = tmp_path_factory.mktemp("playbook")
    (folder / "action_plugins").mkdir()
    (folder / "library").mkdir()
    (folder / "action_plugins" / "probe.py").write_text(PROBE, encoding="utf-8")
    (folder / "library" / "probe.py").write_text("", encoding="utf-8")
    (folder / "playbook.yml").write_text(PLAYBOOK.replace("FAKE_KEY", FAKE_KEY), encoding="utf-8")
    users = folder / "users"
    users.write_text(f":{winrm_endpoint.USER}:{winrm_endpoint.PASSWORD}\n", encoding="utf-8")
    with (
        pytest.MonkeyPatch.context() as patch,
        winrm_endpoint.running_endpoint() as endpoint,
        socket.socket() as unused,
    ):
        patch.setenv("NTLM_USER_FILE", str(users))
        unused.bind(("127.0.0.1", 0))
        endpoint.respond = lambda _message: (200, IDENTITY)
        (folder / "hosts.yml").write_text(yaml.safe_dump(inventory(endpoint.port, unused.getsockname()[1])))
        output = play(folder)
        registered = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        yield Run({name: json.loads(text) for name, text in registered.items()}, output, endpoint.messages)


def inventory(port: int, dead_port: int) -> dict[str, t.Any]:
    machines: dict[str, dict[str, t.Any]] = {
        "good1": {},
        "good2": {"ansible_winrm_transport": ["basic", "ntlm"]},
        "refused": {"ansible_password": "Not-this-one"},
        "dead": {"ansible_port": dead_port},
        "shell": {"ansible_connection": "ssh"},
    }
    shared = {
        "ansible_connection": "winrm",
        "ansible_host": "127.0.0.1",
        "ansible_port": port,
        "ansible_user": winrm_endpoint.USER,
        "ansible_password": winrm_endpoint.PASSWORD,
        "ansible_winrm_scheme": "http",
        "ansible_winrm_transport": ["ntlm"],
        "fake_key": FAKE_KEY,
    }
    return {"all": {"children": {"machines": {"hosts": machines, "vars": shared}}}}


def play(folder: pathlib.Path) -> str:
    environment = os.environ | {
        "ANSIBLE_COLLECTIONS_PATH": os.environ.get("ANSIBLE_COLLECTIONS_PATH", str(COLLECTIONS)),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "COLUMNS": "1000",
    }
    environment.pop("NTLM_USER_FILE", None)
    command = [
        sys.executable, "-m", "ansible", "playbook", "-vvvv", "-i", "hosts.yml", "playbook.yml",
        "-e", f"result_file={folder / 'result.json'}",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=folder, env=environment, check=False, capture_output=True, text=True, timeout=120
    )
    output = done.stdout + done.stderr
    assert (folder / "result.json").exists(), output[-4000:]
    return output


@pytest.mark.parametrize("host", ["good1", "good2"])
def test_a_machine_is_asked_over_its_own_connection_settings(played: Run, host: str) -> None:
    good = played.registered[host]["good"]
    assert good["failed"] is False
    assert good["changed"] is False
    assert (good["vendor"], good["code"], good["host"], good["names"]) == ("Example Vendor", 7, host, ["a", "b"])
    assert good["check"] is False
    assert played.registered[host]["check"]["check"] is True


def test_no_shell_was_opened_and_nothing_was_run(played: Run) -> None:
    assert played.messages, "the endpoint was asked"
    assert all(b"Identify" in message for message in played.messages)


def test_a_result_holds_neither_the_invocation_nor_skipped(played: Run) -> None:
    assert {"invocation", "skipped", "module_args"}.isdisjoint(played.registered["good1"]["good"])


def test_a_failure_keeps_the_work_done_so_far_and_its_message(played: Run) -> None:
    failing = played.registered["good1"]["failing"]
    assert failing["failed"] is True
    assert failing["changed"] is True
    assert failing["operations"] == ["One"]
    assert failing["msg"] == "It failed as it should."
    assert failing["error"]["kind"] == "bad_input"


@pytest.mark.parametrize(
    ("host", "kind", "text"),
    [
        ("refused", "authentication_refused", "refused the credentials (HTTP 401; the server offers Negotiate)"),
        ("dead", "connection_lost", "Connection refused"),
    ],
)
def test_a_machine_out_of_reach_is_unreachable_with_a_reason(played: Run, host: str, kind: str, text: str) -> None:
    result = played.registered[host]["good"]
    assert result["unreachable"] is True
    assert result["error"]["kind"] == kind
    assert text in result["msg"]


@pytest.mark.parametrize(("host", "task", "name"), [("shell", "good", "ssh"), ("good1", "local", "local")])
def test_another_connection_fails_and_names_the_way_out(played: Run, host: str, task: str, name: str) -> None:
    result = played.registered[host][task]
    assert result["failed"] is True
    assert result["error"]["kind"] == "not_supported"
    assert f"has the connection '{name}'" in result["msg"]
    assert "ansible_connection" in result["msg"]
    assert "delegate_to" in result["msg"]


def test_async_is_refused(played: Run) -> None:
    assert "does not support async" in played.registered["good1"]["async_task"]["msg"]


def test_become_is_warned_of_once_for_all_hosts_and_modules(played: Run) -> None:
    assert played.registered["good1"]["become"]["vendor"] == "Example Vendor"
    assert played.output.count("[WARNING]: become is ignored by the modules of volact.kms") == 1


def test_no_secret_is_written_at_the_highest_verbosity(played: Run) -> None:
    secret = played.registered["good1"]["secret"]
    assert secret["failed"] is True
    assert "argument 'pin'" in secret["msg"]
    for hidden in (FAKE_KEY[:17], winrm_endpoint.PASSWORD, "Not-this-one", "Envelope"):
        leaks = [line for line in played.output.splitlines() if hidden in line]
        assert leaks == [], f"{hidden} was written"


def test_the_libraries_are_reported_whatever_the_connection_is(played: Run) -> None:
    for host in ("good1", "shell", "dead"):
        libraries = played.registered[host]["libraries"]
        assert libraries["failed"] is False
        assert {"pywinrm", "defusedxml"} <= {library["name"] for library in libraries["libraries"]}
