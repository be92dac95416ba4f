# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way to a machine: both connections, HTTP with encryption and HTTPS, each method; and what cannot work."""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from running_lab import PROGRAMS, RunningLab, running_lab

SITE = Path(__file__).with_name("transports_site.yml")
PASSWORD = "Canary-9f3c-password"
WRONG = "Canary-77aa-mistaken"
_RESULT = re.compile(r"^(?P<host>\S+) \| (?P<status>[A-Z]+)!? => (?=\{)", re.MULTILINE)
Variables = dict[str, Any]

# The site takes no unencrypted message, so what arrives over HTTP was encrypted.
HTTP: Variables = {"ansible_port": 5985, "ansible_winrm_scheme": "http", "ansible_psrp_protocol": "http"}
PSRP: Variables = {"ansible_connection": "psrp"}
WAYS: dict[str, Variables] = {
    "winrm-ntlm-http": HTTP | {"ansible_winrm_transport": "ntlm"},
    "winrm-ntlm-https": {"ansible_winrm_transport": "ntlm"},
    "winrm-ntlm-https-encrypted": {
        "ansible_winrm_transport": "ntlm",
        "ansible_winrm_message_encryption": "always",
    },
    "winrm-basic-https": {"ansible_winrm_transport": "basic"},
    "winrm-certificate-https": {"ansible_winrm_transport": "certificate", "ansible_password": "unused"},
    "psrp-ntlm-http": PSRP | HTTP | {"ansible_psrp_auth": "ntlm"},
    "psrp-negotiate-http": PSRP | HTTP | {"ansible_psrp_auth": "negotiate"},
    "psrp-ntlm-https": PSRP | {"ansible_psrp_auth": "ntlm"},
    "psrp-ntlm-https-encrypted": PSRP | {"ansible_psrp_auth": "ntlm", "ansible_psrp_message_encryption": "always"},
    "psrp-basic-https": PSRP | {"ansible_psrp_auth": "basic"},
    "psrp-certificate-https": PSRP | {"ansible_psrp_auth": "certificate", "ansible_password": "unused"},
}
MACHINES = {way: f"win{number:02}" for number, way in enumerate(WAYS, start=1)}
BOTH = pytest.mark.parametrize("variables", [{}, PSRP], ids=["winrm", "psrp"])


def site_with(folder: Path, **account: Any) -> Path:
    """The site with another account."""
    document = yaml.safe_load(SITE.read_text(encoding="utf-8")) | {"account": account}
    file = folder / "site.yml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


@dataclass(frozen=True)
class Fleet:
    """The machines of a lab, with an inventory on top of the lab's."""

    lab: RunningLab
    inventory: Path

    def run(self, hosts: str, module: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a module on machines, as `ansible` does."""
        command = [hosts, "-m", f"volact.kms.{module}", "--forks", "4"]
        for file in (self.lab.state_folder / "inventory.yml", self.inventory):
            command += ["-i", str(file)]
        return self.lab.run("ansible", *command, *arguments, **environment)


def results(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The result of each machine, with the `status` that Ansible prints for it."""
    found = {}
    for match in _RESULT.finditer(run.stdout):
        result: dict[str, Any] = json.JSONDecoder().raw_decode(run.stdout, match.end())[0]
        found[match["host"]] = {"msg": "", **result, "status": match["status"]}
    assert found, run.stdout + run.stderr
    return found


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("transports")
    account = yaml.safe_load(SITE.read_text(encoding="utf-8"))["account"] | {"password": PASSWORD}
    with running_lab(site_with(folder, **account), folder) as lab:
        yield lab


@pytest.fixture(scope="module")
def basic_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Machines that speak HTTP and Basic only."""
    folder = tmp_path_factory.mktemp("basic")
    with running_lab(site_with(folder, transports=["basic"], password=PASSWORD), folder) as lab:
        yield lab


def inventory(lab: RunningLab) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((lab.state_folder / "inventory.yml").read_text(encoding="utf-8"))["all"]
    return found


@pytest.fixture(scope="module")
def fleet(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """All ways at once: an inventory in which each machine is reached in another one."""
    file = tmp_path_factory.mktemp("ways") / "ways.yml"
    ways = {machine: WAYS[way] for way, machine in MACHINES.items()}
    logging_in: dict[str, Variables] = {machine: {} for way, machine in MACHINES.items() if "certificate" not in way}
    children = {"ways": {"hosts": ways}, "with_password": {"hosts": logging_in}}
    file.write_text(yaml.safe_dump({"all": {"children": children}}), encoding="utf-8")
    return Fleet(lab, file)


@pytest.fixture(scope="module")
def read_and_changed(fleet: Fleet) -> tuple[dict[str, Any], ...]:
    """Read, change, and the same change again."""
    pin = ("-a", "kms_host=kms01.corp.example.test kms_port=1700")
    return (
        results(fleet.run("ways", "client_info")),
        results(fleet.run("ways", "client", *pin)),
        results(fleet.run("ways", "client", *pin)),
    )


@pytest.fixture(scope="module")
def refused(fleet: Fleet) -> dict[str, Any]:
    """What each way with a password says to a wrong one."""
    return results(fleet.run("with_password", "client_info", "-e", f"ansible_password={WRONG}"))


@pytest.mark.parametrize("way", WAYS)
def test_a_machine_is_read_and_changed(lab: RunningLab, read_and_changed: tuple[dict[str, Any], ...], way: str) -> None:
    machine = MACHINES[way]
    info, changed, unchanged = (run[machine] for run in read_and_changed)
    assert info["status"] == "SUCCESS", info["msg"]
    assert info["operating_system"]["computer_name"] == machine.upper()
    assert (changed["changed"], unchanged["changed"]) == (True, False)
    assert changed["operations"] == ["SetKeyManagementServiceMachine", "SetKeyManagementServicePort"]
    service = lab.machine(machine)["service"]
    assert (service["kms_machine"], service["kms_port"]) == ("kms01.corp.example.test", 1700)


@pytest.mark.parametrize("way", [way for way in WAYS if "certificate" not in way])
def test_a_wrong_password_is_unreachable_with_the_variables_to_check(refused: dict[str, Any], way: str) -> None:
    result = refused[MACHINES[way]]
    assert result["status"] == "UNREACHABLE"
    assert result["error"]["kind"] == "authentication_refused"
    methods = "ansible_psrp_auth" if way.startswith("psrp") else "ansible_winrm_transport"
    assert result["msg"].endswith(f"Check ansible_user, ansible_password and {methods}.")
    assert WRONG not in str(result)


def test_no_password_and_no_message_is_printed_or_logged(fleet: Fleet, tmp_path: Path) -> None:
    log, wrong = tmp_path / "ansible.log", tmp_path / "wrong.yml"
    wrong.write_text(yaml.safe_dump({"ansible_password": WRONG}), encoding="utf-8")
    noisy = {"ANSIBLE_LOG_PATH": str(log), "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "1", "ANSIBLE_LOG_VERBOSITY": "5"}
    runs = [
        fleet.run("ways", "client_info", "-vvvvv", **noisy),
        fleet.run("with_password", "client_info", "-vvvvv", "-e", f"@{wrong}", **noisy),
    ]
    assert runs[0].stdout.count("SUCCESS") == len(WAYS)
    assert runs[1].stdout.count("UNREACHABLE!") == len(WAYS) - 2
    logged = log.read_text(encoding="utf-8")
    assert logged.count("UNREACHABLE!") == len(WAYS) - 2
    said = "".join(run.stdout + run.stderr for run in runs) + logged
    for secret in (PASSWORD, f"labadmin:{PASSWORD}", WRONG, f"labadmin:{WRONG}"):
        for form in (secret.encode(), base64.b64encode(secret.encode()), secret.encode("utf-16-le")):
            assert form not in said.encode()
    assert "Envelope" not in said


def test_basic_works_over_http_where_the_machine_takes_unencrypted_messages(basic_lab: RunningLab) -> None:
    never = {"ansible_psrp_message_encryption": "never"}
    for variables in ({}, PSRP | never):
        assert basic_lab.module("win01", "client_info", variables=variables)["status"] == "SUCCESS"


def test_basic_over_http_is_failed_where_the_machine_takes_only_encrypted_messages(lab: RunningLab) -> None:
    result = lab.module("win01", "client_info", variables=HTTP | {"ansible_winrm_transport": "basic"})
    assert result["status"] == "FAILED"
    assert "refuses unencrypted messages (AllowUnencrypted is false)" in result["msg"]


@BOTH
def test_a_client_certificate_of_nobody_is_refused(lab: RunningLab, variables: Variables) -> None:
    known = inventory(lab)["vars"]
    certificate, key = known["lab_unmapped_certificate"], known["lab_unmapped_key"]
    settings = {
        "ansible_winrm_transport": "certificate",
        "ansible_winrm_cert_pem": certificate,
        "ansible_winrm_cert_key_pem": key,
        "ansible_psrp_auth": "certificate",
        "ansible_psrp_certificate_pem": certificate,
        "ansible_psrp_certificate_key_pem": key,
    }
    result = lab.module("win16", "client_info", variables=variables | settings)
    assert result["status"] == "UNREACHABLE"
    assert "maps the certificate to an account" in result["msg"]


@BOTH
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "certificate has expired"),
        ("other_name", "IP address mismatch, certificate is not valid for '{address}'"),
        ("other_authority", "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_is_not_the_machines_is_refused_and_nothing_sent(
    lab: RunningLab, variables: Variables, kind: str, reason: str
) -> None:
    address = inventory(lab)["hosts"]["win15"]["ansible_host"]
    lab("stats", "--reset")
    lab("set", "win15", f"certificate={kind}")
    try:
        result = lab.module("win15", "client_info", variables=variables)
        ignore = {
            "ansible_winrm_server_cert_validation": "ignore",
            "ansible_psrp_cert_validation": "ignore",
        }
        assert lab("stats")["machines"].get("win15") is None
        assert lab.module("win15", "client_info", variables=variables | ignore)["status"] == "SUCCESS"
    finally:
        lab("set", "win15", "certificate=valid")
    assert result["status"] == "UNREACHABLE"
    assert result["error"]["kind"] == "connection_lost"
    authority, no_validation = "ansible_winrm_ca_trust_path", "ansible_winrm_server_cert_validation=ignore"
    if variables:
        authority, no_validation = "ansible_psrp_ca_cert", "ansible_psrp_cert_validation=ignore"
    assert result["msg"] == (
        f"Did not trust the certificate of https://{address}:5986/wsman: {reason.format(address=address)}. The machine "
        f"needs a valid certificate for what ansible_host says, and {authority} the certificate of the authority that "
        f"it comes from; {no_validation} would trust any machine in between."
    )


@pytest.mark.skipif(importlib.util.find_spec("kerberos") is not None, reason="pykerberos is installed here")
def test_a_method_whose_library_is_missing_is_passed_over_with_a_warning(lab: RunningLab) -> None:
    run = lab.run(
        "ansible", "win14,win16", "-m", "volact.kms.client_info", "-e", "ansible_winrm_transport=kerberos,ntlm"
    )
    assert run.stdout.count("SUCCESS") == 2
    warning = "ansible_winrm_transport: kerberos did not work, and ntlm was used instead."
    assert (run.stdout + " ".join(run.stderr.split())).count(warning) == 1
    alone = lab.module("win16", "client_info", variables={"ansible_winrm_transport": "kerberos"})
    assert alone["status"] == "FAILED"
    assert alone["error"]["kind"] == "missing_library"
    assert "pykerberos" in alone["msg"]


def test_a_method_that_the_machine_refuses_is_passed_over_with_a_warning(basic_lab: RunningLab) -> None:
    both = json.dumps({"ansible_winrm_transport": ["ntlm", "basic"]})
    run = basic_lab.run("ansible", "win01", "-m", "volact.kms.client_info", "-e", both)
    assert "SUCCESS" in run.stdout
    warning = "ansible_winrm_transport: ntlm did not work, and basic was used instead."
    assert warning in " ".join(run.stderr.split())


@BOTH
def test_a_missing_library_is_named(lab: RunningLab, tmp_path: Path, variables: Variables) -> None:
    library = "pypsrp" if variables else "winrm"
    (tmp_path / f"{library}.py").write_text("raise ImportError('not here')\n", encoding="utf-8")
    command: list[str | Path] = [PROGRAMS / "ansible", "win16", "-m", "volact.kms.client_info"]
    environment = lab.environment() | {"PYTHONPATH": str(tmp_path)}
    run = subprocess.run(
        [*command, "-e", json.dumps(variables)], env=environment, capture_output=True, text=True, check=False
    )
    assert "FAILED!" in run.stdout
    assert f"The Python library {'pypsrp' if variables else 'pywinrm'} (" in run.stdout
    assert "-m pip install" in run.stdout
    assert "Traceback" not in run.stdout + run.stderr


def test_a_session_configuration_of_its_own_is_refused(lab: RunningLab) -> None:
    result = lab.module("win16", "client_info", variables=PSRP | {"ansible_psrp_configuration_name": "JEA.Desk"})
    assert result["status"] == "FAILED"
    assert result["error"]["kind"] == "not_supported"
    assert "volact.kms would bypass it" in result["msg"]


@BOTH
def test_a_proxy_of_the_environment_is_ignored_on_loopback(lab: RunningLab, variables: Variables) -> None:
    dead = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {name: value for name, value in lab.environment().items() if name.lower() != "no_proxy"} | dead
    command: list[str | Path] = [PROGRAMS / "ansible", "win16", "-m", "volact.kms.client_info"]
    run = subprocess.run(
        [*command, "-e", json.dumps(variables)], env=environment, capture_output=True, text=True, check=False
    )
    assert "SUCCESS" in run.stdout, run.stdout


@BOTH
def test_become_is_ignored_with_one_warning_for_all_machines(lab: RunningLab, variables: Variables) -> None:
    arguments = ["win14,win16", "-m", "volact.kms.client_info", "--become", "-e", json.dumps(variables)]
    run = lab.run("ansible", *arguments)
    assert run.stdout.count("SUCCESS") == 2
    assert run.stderr.count("become is ignored") == 1


def test_a_delegated_task_and_a_local_connection_are_explained(lab: RunningLab, tmp_path: Path) -> None:
    play = {
        "hosts": "win16",
        "gather_facts": False,
        "tasks": [{"name": "Delegated", "volact.kms.client_info": {}, "delegate_to": "localhost"}],
    }
    file = tmp_path / "play.yml"
    file.write_text(yaml.safe_dump([play]), encoding="utf-8")
    delegated = lab.playbook(str(file)).stdout
    sentence = "Set ansible_connection to winrm or psrp for the machine, and leave out delegate_to: localhost"
    assert sentence in " ".join(delegated.split())
    local = lab.module("win16", "client_info", variables={"ansible_connection": "local"})
    assert local["status"] == "FAILED"
    assert sentence in local["msg"]
