# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site in which each machine speaks a dialect of its own: hosts and clients as a user sets them up, over sockets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from running_lab import RunningLab, running_lab

from lab.core import DIALECTS
from lab.core.dialects import combinable

HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
CLIENT_MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKNWC"
CLIENT = {"channel": "kms", "activate": "if_needed"}
HOST = {
    "product_keys": [HOST_KEY],
    "activate": "if_needed",
    "dns_publishing": False,
    "firewall": {"state": "enabled", "allow_public": True},
}

#: The last two speak as many dialects as go together.
SPOKEN = [*([name] for name in DIALECTS), combinable(), combinable(reversed(list(DIALECTS)))]
CLIENTS = {f"win{number:02}": dialects for number, dialects in enumerate(SPOKEN, 1)}
HOSTS = {f"kms{number:02}": dialects for number, dialects in enumerate(SPOKEN, 1)}

_STATUS = re.compile(r"^(\w+) \| (\w+)!? =>", re.MULTILINE)


def site() -> dict[str, Any]:
    """The site file: for each dialect a client with a MAK and an ESU licence, and a server that becomes a KMS host."""
    client, server = "windows-11-enterprise", "windows-server-2022-datacenter"
    mak = [{"key": CLIENT_MAK, "activated": True}, {"kind": "esu"}]
    machines: dict[str, Any] = {
        name: {"os": client, "groups": ["kms_clients"], "products": mak, "dialects": dialects}
        for name, dialects in CLIENTS.items()
    }
    machines |= {name: {"os": server, "groups": ["kms_hosts"], "dialects": spoken} for name, spoken in HOSTS.items()}
    keys = [
        {"key": CLIENT_MAK, "kind": "mak", "for": [client], "activations": 100},
        {"key": HOST_KEY, "kind": "kms_host", "for": [server], "hosts": 100},
    ]
    return {
        "domain": "corp.example.test",
        "machines": machines,
        "microsoft": {"keys": keys},
        "behaviour": {"products_without_key": 60},
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("dialects")
    path = folder / "site.yml"
    path.write_text(yaml.safe_dump(site(), sort_keys=False), encoding="utf-8")
    with running_lab(path, folder) as lab:
        yield lab


def statuses(lab: RunningLab, group: str, module: str, options: dict[str, Any]) -> dict[str, str]:
    """Run a module on all machines of a group; machine -> what Ansible prints for it."""
    run = lab.run("ansible", group, "-m", f"volact.kms.{module}", "-a", json.dumps(options), "-f", "8")
    return dict(_STATUS.findall(run.stdout))


@pytest.fixture(scope="module")
def hosts_set_up(lab: RunningLab) -> list[dict[str, str]]:
    """Two runs of `host` on every machine that is to be one."""
    return [statuses(lab, "kms_hosts", "host", HOST) for _ in range(2)]


def test_every_host_is_set_up_once(hosts_set_up: list[dict[str, str]]) -> None:
    first, second = hosts_set_up
    assert {name: first.get(name) for name in HOSTS} == dict.fromkeys(HOSTS, "CHANGED")
    assert {name: second.get(name) for name in HOSTS} == dict.fromkeys(HOSTS, "SUCCESS")


def test_every_host_listens_and_spent_one_activation(lab: RunningLab, hosts_set_up: list[dict[str, str]]) -> None:
    state = lab("state")
    assert [name for name in HOSTS if not state["machines"][name]["kms_host"]["listening"]] == []
    keys = {key["last_five"]: key for key in state["microsoft"]["keys"]}
    assert keys["KMNHT"]["activations_used"] == len(HOSTS)


def test_every_client_is_switched_once(lab: RunningLab, hosts_set_up: list[dict[str, str]]) -> None:
    lab("set", "kms01", "clients=50")
    options = {**CLIENT, "kms_host": "kms01.corp.example.test"}
    first, second = (statuses(lab, "kms_clients", "client", options) for _ in range(2))
    assert {name: first.get(name) for name in CLIENTS} == dict.fromkeys(CLIENTS, "CHANGED")
    assert {name: second.get(name) for name in CLIENTS} == dict.fromkeys(CLIENTS, "SUCCESS")
    machines = lab("state")["machines"]
    activated = {name: {row["activated_by"] for row in machines[name]["products"]} for name in CLIENTS}
    assert activated == {key: {"kms", "microsoft"} for key in CLIENTS}
