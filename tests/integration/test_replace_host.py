# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.replace_host`, interrupted wherever it matters: a host serves all the time, and the last run finishes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from dns_servers import DnsServer, Key
from running_lab import RunningLab, running_lab

ZONE = "corp.example.test"
WINDOWS_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
OFFICE_KEY = "PPPPP-QQQQQ-RRRRR-TTTTT-KNHFF"
SITE = {
    "domain": ZONE,
    "dns": {"software": "builtin", "records": [{"target": "kms01", "port": 1688, "priority": 10, "weight": 3}]},
    "machines": {
        "kms01": {
            "os": "windows-server-2022-datacenter",
            "groups": ["kms_hosts"],
            "products": [
                {"key": WINDOWS_KEY, "activated": True},
                {"office_host": "2021", "key": OFFICE_KEY, "activated": True},
            ],
            "clients": {"windows": 30, "office-2021": 6},
        },
        "kms02": {
            "os": "windows-server-2022-datacenter",
            "products": [{"channel": "gvlk"}, {"office_host": "2021"}],
        },
    },
    "microsoft": {
        "keys": [
            {"key": WINDOWS_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            {"key": OFFICE_KEY, "kind": "kms_host", "for": ["office-2021"]},
        ]
    },
    "behaviour": {"products_without_key": 30},
}
OLD = f"10 3 1688 kms01.{ZONE}."
NEW = f"0 0 1688 kms02.{ZONE}."


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp("replace")
    site = folder / "site.yml"
    site.write_text(yaml.safe_dump(SITE, sort_keys=False), "utf-8")
    with running_lab(site, folder) as lab:
        lab("set", "kms01", "firewall=on")
        yield lab


@pytest.fixture(scope="module")
def server(lab: RunningLab) -> DnsServer:
    given = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]["vars"]
    key = Key(given["lab_tsig_name"], given["lab_tsig_algorithm"], given["lab_tsig_secret"])
    return DnsServer(given["lab_dns_server"], given["lab_dns_port"], given["lab_dns_zone"], key)


def records(server: DnsServer) -> list[str]:
    """The SRV records without their TTL."""
    return [record.partition(" ")[2] for record in server.records()]


def play(lab: RunningLab, playbook: str, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    given = {
        "kms_host_product_keys": [WINDOWS_KEY, OFFICE_KEY],
        "kms_dns_server": "{{ lab_dns_server }}",
        "kms_dns_server_port": "{{ lab_dns_port }}",
        "kms_dns_zone": "{{ lab_dns_zone }}",
        "kms_dns_tsig_name": "{{ lab_tsig_name }}",
        "kms_dns_tsig_secret": "{{ lab_tsig_secret }}",
        # What will be, as a user has it in the inventory. As an extra variable it wins over a variable of a play.
        "kms_dns_hosts": ["kms02"],
        **variables,
    }
    path = lab.state_folder.parent / "variables.json"
    path.write_text(json.dumps(given), "utf-8")
    return lab.playbook(f"volact.kms.{playbook}", "-e", f"@{path}", *arguments)


def replace(lab: RunningLab, *arguments: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    return play(lab, "replace_host", *arguments, replace_host_old="kms01", replace_host_new="kms02", **variables)


def words(run: subprocess.CompletedProcess[str]) -> str:
    """What was printed, in one line."""
    return " ".join((run.stdout + run.stderr).split())


def changed(run: subprocess.CompletedProcess[str]) -> dict[str, int]:
    return {name: int(count) for name, count in re.findall(r"^(\S+) .*changed=(\d+)", run.stdout, re.MULTILINE)}


def channels(lab: RunningLab, machine: str) -> set[tuple[str, int]]:
    """Channel and status of the keys of a machine, as its own state has them."""
    products = lab.module(machine, "client_info")["products"]
    return {(product["channel"], product["license_status"]) for product in products}


def serves(lab: RunningLab, machine: str) -> bool:
    host = lab.machine(machine)["kms_host"]
    return bool(host and host["activated"] and host["listening"])


def reads(lab: RunningLab, machine: str, module: str, *flags: str, **options: Any) -> int:
    """How many requests of a module a machine answers, when nothing is changed."""
    lab("stats", "--reset")
    assert lab.module(machine, module, *flags, **options)["status"] in {"SUCCESS", "CHANGED"}
    counted = lab("stats")["machines"][machine].items()
    return sum(each["requests"] for name, each in counted if name != "Identify")


def without_time(state: dict[str, Any]) -> str:
    return re.sub(r'"(clock|grace_minutes|now)": [^,}]+', "", json.dumps(state, sort_keys=True))


def test_names_that_are_wrong_are_refused_before_anything(lab: RunningLab) -> None:
    before = without_time(lab("state")["machines"])
    same = play(lab, "replace_host", replace_host_old="kms01", replace_host_new="kms01")
    assert "have to name two machines of this inventory. Nothing was changed." in words(same)
    last = play(lab, "retire_host", retire_host_name="kms01")
    assert "there is nobody else in the group kms_hosts" in words(last)
    assert "The last KMS host of a site is retired by the module volact.kms.host with state: absent." in words(last)
    assert (same.returncode, last.returncode) == (2, 2)
    assert without_time(lab("state")["machines"]) == before


def test_check_mode_shows_the_way_and_changes_nothing(lab: RunningLab, server: DnsServer) -> None:
    before = without_time(lab("state")["machines"])
    run = replace(lab, "--check", "--diff")
    assert run.returncode == 0, words(run)
    assert '"product_key (KMNHT)": "kms_host, key ending in KMNHT"' in run.stdout
    assert f"IN SRV {NEW}" in run.stdout
    assert without_time(lab("state")["machines"]) == before
    assert records(server) == [OLD]


def test_interrupted_wherever_it_matters_a_host_serves_and_the_last_run_finishes(
    lab: RunningLab, server: DnsServer
) -> None:
    # The new host loses its connection when it gets its first key.
    wanted = {"product_keys": [WINDOWS_KEY, OFFICE_KEY], "activate": "if_needed", "dns_publishing": False}
    opened = {"state": "enabled", "profiles": ["domain", "private"]}
    planned = reads(lab, "kms02", "host", "--check", **wanted, listening_port=1688, firewall=opened)
    lab("set", "kms02", f"drop_after={2 * planned + 1}")
    cut_off = replace(lab)
    assert "Whether KMS02 carried out InstallProductKey is unknown." in words(cut_off)
    assert cut_off.returncode != 0
    assert records(server) == [OLD]
    assert serves(lab, "kms01")

    # DNS refuses the new record.
    refused = replace(lab, kms_dns_tsig_secret="bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBzaXRl")
    assert refused.returncode != 0
    assert serves(lab, "kms01")
    assert serves(lab, "kms02")
    assert records(server) == [OLD]

    # Published, as declared; and not asked often enough.
    lab("set", "kms02", "clients=windows:24")
    waiting = replace(lab)
    assert waiting.returncode == 0, words(waiting)
    assert (
        "kms01 stays: for windows_client (Windows(R), ServerDatacenter edition) kms02 has counted 24 of 25; for "
        in (words(waiting))
    )
    assert "for office" in words(waiting)
    assert "kms02 has counted 0 of 5. Nothing was changed on it" in words(waiting)
    assert records(server) == [NEW, OLD]
    assert serves(lab, "kms01")
    again = replace(lab)
    assert (again.returncode, set(changed(again).values())) == (0, {0}), words(again)

    # Ready. The old one loses its connection with the first thing that is done to it: its record is gone by then.
    lab("set", "kms02", "clients=windows:25")
    lab("set", "kms02", "clients=office-2021:5")
    until_then = reads(lab, "kms01", "host_info") + reads(lab, "kms01", "host", "--check", state="absent")
    lab("set", "kms01", f"drop_after={until_then + 1}")
    half = replace(lab)
    assert "Run again: the next run reads the state first, and does nothing twice." in words(half)
    assert half.returncode != 0
    assert records(server) == [NEW]
    assert serves(lab, "kms02")

    last = replace(lab)
    assert last.returncode == 0, words(last)
    assert channels(lab, "kms01") == {("kms_client", 1)}, words(last)
    assert not serves(lab, "kms01")
    assert lab.module("kms01", "host_info", include=["firewall"])["host"]["firewall"]["open_in"] == []
    assert serves(lab, "kms02")
    assert records(server) == [NEW]
    assert [key["activations_used"] for key in lab("state")["microsoft"]["keys"]] == [2, 2]
    done = replace(lab)
    assert (done.returncode, set(changed(done).values())) == (0, {0}), words(done)


def test_a_host_that_is_gone_for_good_loses_its_record_only(lab: RunningLab, server: DnsServer) -> None:
    server.set_records(3600, "0 0 1688 kms02", "0 0 1690 kms01")
    lab("set", "kms01", "network=refused")
    names: dict[str, Any] = {"retire_host_name": "kms01", "retire_host_successors": ["kms02"]}
    unread = play(lab, "retire_host", **names)
    assert unread.returncode == 0, words(unread)
    assert "kms01 stays: it could not be read, and what it does is unknown" in words(unread)
    assert len(server.records()) == 2
    gone = play(lab, "retire_host", **names, retire_host_is_gone=True)
    assert gone.returncode == 0, words(gone)
    assert records(server) == [f"0 0 1688 kms02.{ZONE}."]
