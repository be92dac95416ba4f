# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks `verify` and `report` with a thousand machines: each planted fault is found, and nothing else."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from defusedxml.ElementTree import parse
from migration_runs import left_for_others
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("report_site.yml")
MACHINES = 1000
HEALTHY = ("license_status=1", "grace_minutes=258000")
PIN = r"registry=SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform\KeyManagementServiceName="
PLANTED = {
    "win*": HEALTHY,
    "office01": ("license_status=1",),
    "pinned01": (*HEALTHY, f"{PIN}old-kms.corp.example.test"),
    "stray01": (*HEALTHY, f"{PIN}rogue.example.test"),
    "late01": ("license_status=1", "grace_minutes=10000"),
    "skewed01": (*HEALTHY, "clock_offset_minutes=-300"),
    "clone*": (*HEALTHY, "cmid=00000000-0000-4000-8000-000000000001"),
    "off01": ("network=refused",),
    "newest01": HEALTHY,
    "silent01": ("license_status=5",),
    "kms01": ("firewall=on", "clients=50"),
}
FOUND = {
    "notification": ["silent01"],
    "unreachable": ["off01"],
    "duplicate_cmid": ["clone01", "clone02"],
    "clock_skew": ["skewed01"],
    "pinned_to_retired_host:old-kms.corp.example.test": ["pinned01"],
    "unservable_windows": ["newest01"],
    "expiring": ["late01"],
    "wrong_channel": ["mak01", "mak02"],
    "office_on_mak": ["office01"],
    "evaluation": ["eval01"],
    "undeclared_host_in_use:rogue.example.test": ["stray01"],
}
VARIABLES = {
    # A thousand machines and the lab share the processors of the tests.
    "activation_report_timeout": 300,
    "ansible_winrm_connection_timeout": 300,
    "activation_report_kms_hosts": ["kms01"],
    "activation_report_retired_hosts": ["old-kms.corp.example.test"],
}


@contextmanager
def planted(site: Path, folder: Path) -> Iterator[RunningLab]:
    with running_lab(site, folder) as lab:
        for machine, settings in PLANTED.items():
            lab("set", machine, *settings)
        yield lab


@pytest.fixture
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with planted(SITE, tmp_path_factory.mktemp("thousand")) as lab:
        yield lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """The same with nine machines that are as they should be: each start of Ansible reads the whole inventory."""
    folder = tmp_path_factory.mktemp("report")
    few = folder / "few.yml"
    few.write_text(SITE.read_text("utf-8").replace("win[0001:0986]", "win[0001:0009]"), "utf-8")
    with planted(few, folder) as lab:
        yield lab


def paths(folder: Path) -> dict[str, str]:
    files = {"html": "html", "json": "json", "csv": "csv", "junit": "xml", "prometheus": "prom", "records": "jsonl"}
    return {f"activation_report_{name}_path": str(folder / f"report.{suffix}") for name, suffix in files.items()}


def words(**variables: Any) -> tuple[str, str]:
    return "-e", json.dumps({**VARIABLES, **variables})


def test_a_thousand_machines_are_verified_and_each_planted_fault_is_found_and_nothing_else(
    thousand: RunningLab, tmp_path: Path
) -> None:
    run = thousand.playbook("volact.kms.verify", *words(**paths(tmp_path)))
    assert run.returncode == 2, run.stdout
    assert "The worst finding is of the severity error, and verify_fail_on is error." in run.stdout
    assert "error    duplicate_cmid Machines with the same CMID (2: clone01, clone02)." in run.stdout

    records = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text("utf-8").splitlines()]
    unread = {record["machine"]: record["msg"] for record in records if record["status"] != "ok"}
    assert list(unread) == ["off01"], unread
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert {finding["id"]: finding["machines"] for finding in report["findings"]} == FOUND
    assert report["summary"]["machines"] == MACHINES
    assert [host["name"] for host in report["hosts"]] == ["kms01"]

    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == [
        f"report.{end}" for end in ("csv", "html", "json", "jsonl", "prom", "xml")
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    cases = list(parse(tmp_path / "report.xml").iter("testcase"))
    assert len(cases) == MACHINES
    assert len([case for case in cases if case.find("failure") is not None or case.find("error") is not None]) == 7


def test_machines_that_are_as_they_should_be_pass_and_check_mode_stores_nothing(
    lab: RunningLab, tmp_path: Path
) -> None:
    nobody_strange = words(verify_hosts="kms01:win000?", **paths(tmp_path))
    told = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
    check = lab.run("ansible-playbook", "volact.kms.verify", "--check", *nobody_strange, **told)
    assert check.returncode == 0, check.stdout
    assert list(tmp_path.iterdir()) == []
    left = left_for_others(check)
    assert (left["activation_report_passed"], left["activation_report_counts"]["machines"]) == (True, 10)
    assert left["activation_report_worst"] is None
    run = lab.playbook("volact.kms.verify", *nobody_strange)
    assert run.returncode == 0, run.stdout
    assert "10 machines: 10 activated" in run.stdout
    assert not re.search(r"(?:unreachable|failed)=[1-9]", run.stdout)


def test_reports_are_stored_on_another_machine_and_the_earlier_one_is_found_there(
    lab: RunningLab, tmp_path: Path
) -> None:
    inventory = tmp_path / "inventory.yml"
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"files01": local}}}), "utf-8")
    folder = tmp_path / "store"
    folder.mkdir()
    everywhere = ("-i", str(lab.state_folder / "inventory.yml"), "-i", str(inventory))
    for hosts in ("late01", "late01:silent01"):
        variables = words(
            report_hosts=hosts,
            activation_report_store_host="files01",
            activation_report_declared_hosts=[],
            **paths(folder),
        )
        run = lab.playbook("volact.kms.report", *everywhere, *variables)
        assert run.returncode == 0, run.stdout
        assert "-> files01" in run.stdout
    report = json.loads((folder / "report.json").read_text("utf-8"))
    assert {finding["id"]: finding["new"] for finding in report["findings"]} == {
        "expiring": False,
        "notification": True,
    }
    assert len(report["trend"]) == 1


def test_what_is_misspelt_is_said_before_anything_is_read(lab: RunningLab, tmp_path: Path) -> None:
    lab("stats", "--reset")
    limit = lab.playbook("volact.kms.verify", *words(verify_fail_on="erorr"))
    assert limit.returncode != 0
    assert "or activation_report_fail_on for the playbook report, is erorr. It is one of critical," in limit.stdout
    assert "argument_spec" not in limit.stdout
    folder = lab.playbook("volact.kms.verify", *words(activation_report_html_path=f"{tmp_path}/no/report.html"))
    assert folder.returncode != 0
    assert f"On localhost there is no folder {tmp_path}/no for the reports. Nothing was read." in folder.stdout
    assert lab("stats")["machines"] == {}


def test_a_kms_host_that_is_not_in_the_inventory_is_a_finding_and_a_relative_path_begins_where_one_is(
    lab: RunningLab, tmp_path: Path
) -> None:
    relative = os.path.relpath(tmp_path / "report.json")
    variables = words(
        report_hosts="late01",
        activation_report_kms_hosts=["kms77"],
        activation_report_json_path=relative,
        kms_host_activations_used={"KMNHT": {"kms01": 9}},
    )
    run = lab.playbook("volact.kms.report", *variables)
    assert run.returncode == 0, run.stdout
    assert "kms77: kms77 of activation_report_kms_hosts is no machine of this inventory. Read the reason" in run.stdout
    found = {each["id"] for each in json.loads((tmp_path / "report.json").read_text("utf-8"))["findings"]}
    assert found == {"host_unreadable", "host_key_limit:KMNHT", "expiring"}


def test_a_misspelt_group_is_an_error(lab: RunningLab) -> None:
    run = lab.playbook("volact.kms.verify", *words(verify_hosts="kms_client"))
    assert run.returncode != 0
    assert "kms_client names no machine of this inventory, so nothing was read." in run.stdout
    assert "kms_clients, kms_hosts" in run.stdout
