# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that break in the middle of a task, and replies that never come, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from running_lab import RunningLab, running_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import TransportTimeout
from ansible_collections.volact.kms.plugins.plugin_utils._connection import open_transport
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

SITE = Path(__file__).with_name("transports_site.yml")
HTTP: dict[str, Any] = {"ansible_port": 5985, "ansible_winrm_scheme": "http", "ansible_psrp_protocol": "http"}
PSRP: dict[str, Any] = {"ansible_connection": "psrp"}
WAYS: dict[str, dict[str, Any]] = {
    "winrm-ntlm-http": HTTP | {"ansible_winrm_transport": "ntlm"},
    "winrm-ntlm-https": {"ansible_winrm_transport": "ntlm"},
    "winrm-basic-https": {"ansible_winrm_transport": "basic"},
    "psrp-ntlm-http": PSRP | HTTP,
    "psrp-certificate-https": PSRP | {"ansible_psrp_auth": "certificate"},
}
MACHINES = {way: f"win{number:02}" for number, way in enumerate(WAYS, start=1)}
OPERATION = "Invoke SoftwareLicensingService.SetKeyManagementServiceMachine"
PIN: dict[str, Any] = {"kms_host": "kms01.corp.example.test"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("losses")) as lab:
        yield lab


@pytest.fixture(scope="module")
def reads(lab: RunningLab) -> int:
    """How many requests the module sends before its first change."""
    lab("stats", "--reset")
    assert lab.module("win16", "client", "--check", **PIN)["changed"] is True
    found: int = lab("stats")["total"]["requests"]
    assert found > 2
    return found


def kms_machine(lab: RunningLab, machine: str) -> str | None:
    found: str | None = lab.machine(machine)["service"]["kms_machine"]
    return found


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_read_whose_connection_breaks_is_done_once_more(lab: RunningLab, way: str, fault: str) -> None:
    lab("set", MACHINES[way], f"{fault}=2")
    info = lab.module(MACHINES[way], "client_info", variables=WAYS[way])
    assert info["status"] == "SUCCESS", info["msg"]
    assert len(info["products"]) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_change_whose_connection_breaks_is_not_sent_again(lab: RunningLab, way: str, reads: int) -> None:
    machine, variables = MACHINES[way], WAYS[way]
    lab("set", machine, f"drop_before={reads + 1}")
    lab("stats", "--reset")
    lost = lab.module(machine, "client", variables=variables, **PIN)
    assert lost["status"] == "UNREACHABLE"
    assert lost["error"]["kind"] == "connection_lost"
    assert lab("stats")["machines"][machine].get(OPERATION) is None
    assert kms_machine(lab, machine) is None

    lab("set", machine, f"drop_after={reads + 1}")
    lost = lab.module(machine, "client", variables=variables, **PIN)
    assert lost["status"] == "UNREACHABLE"
    assert lost["operations"] == ["SetKeyManagementServiceMachine"], "it may have been done, and was"
    assert kms_machine(lab, machine) == PIN["kms_host"]
    assert lab.module(machine, "client", variables=variables, **PIN)["changed"] is False


@pytest.mark.parametrize("way", ["winrm-ntlm-http", "psrp-ntlm-http", "psrp-certificate-https"])
def test_a_reply_that_never_comes_is_a_timeout_and_the_next_request_logs_in_again(lab: RunningLab, way: str) -> None:
    machine = MACHINES[way]
    known = yaml.safe_load((lab.state_folder / "inventory.yml").read_text(encoding="utf-8"))["all"]["hosts"][machine]
    variables = known | WAYS[way]
    connection = connection_loader.get(variables["ansible_connection"], PlayContext(), "/dev/null")
    extras = {name: value for name, value in variables.items() if name.startswith("ansible_winrm_")}
    connection.set_options(var_options=variables | {"_extras": extras})
    transport = open_transport(connection, warn=lambda _message: None)
    try:
        session = CimSession(transport)
        assert session.identify().vendor == "Microsoft Corporation"
        lab("set", machine, "stall=1")
        with pytest.raises(TransportTimeout, match=r"did not answer within 0\.5 s") as caught:
            transport.send(b"<question/>", read_timeout=0.5)
        assert caught.value.sent is True
        assert session.get("Win32_OperatingSystem").text("CSName") == machine.upper()
    finally:
        transport.close()


def test_a_log_that_does_not_answer_is_unknown_with_a_reason_and_no_failure(lab: RunningLab) -> None:
    # Longer than Windows lets a query take.
    lab("set", "win16", "slow_events_seconds=40")
    info = lab.module("win16", "client_info", include=["events"])
    lab("set", "win16", "slow_events_seconds=0")
    assert info["status"] == "SUCCESS"
    assert info["products"]
    assert info["events"] == {
        "kms_requests": None,
        "reason": "The Application log was not read: the machine did not answer in time.",
    }
