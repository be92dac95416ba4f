# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.site` as a user runs it: with a typo, in check mode, for real, twice; and what it never prints."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from published_keys import published_key
from running_lab import ROOT, RunningLab, running_lab

SITE = Path(__file__).with_name("windows_site.yml")
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
VARIABLES = f"@{ROOT / 'tests' / 'demo' / 'vars.yml'}"
PLAY = ("volact.kms.site", "-e", VARIABLES)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("site")) as lab:
        yield lab if lab.dialects else lab.started_cold()


def without_time(state: dict[str, Any]) -> dict[str, Any]:
    """A state without what time alone changes."""
    text = re.sub(r'"(clock|grace_minutes)": [^,}]+', "", json.dumps(state, sort_keys=True))
    return {"state": text}


@pytest.mark.parametrize("name", ["kms_client", "nobody"])
def test_a_group_that_is_misspelt_is_an_error_that_names_the_groups(lab: RunningLab, name: str) -> None:
    run = lab.playbook(*PLAY, "-e", f"site_kms_clients={name}")
    assert run.returncode != 0
    assert f"The group {name} (site_kms_clients) has no machines in this inventory, so nothing was done." in run.stdout
    assert "Its groups are kms_clients, kms_hosts, servers, workplaces." in run.stdout


def test_check_mode_predicts_and_changes_nothing(lab: RunningLab) -> None:
    before = without_time(lab("state"))
    run = lab.playbook(*PLAY, "--check", "--diff")
    assert run.returncode == 0, run.stdout + run.stderr
    assert '"product_key": "kms_client, key ending in VMK7H"' in run.stdout
    assert '"product_key (KMNHT)": "kms_host, key ending in KMNHT"' in run.stdout
    assert "IN SRV 0 0 1688 kms01.corp.example.test." in run.stdout
    assert without_time(lab("state")) == before


@pytest.fixture(scope="module")
def two_runs(lab: RunningLab) -> list[Any]:
    """The real thing, twice, with everything that Ansible has to say."""
    return [lab.playbook(*PLAY, "-vvvv"), lab.playbook(*PLAY, "-vvvv")]


def test_five_servers_activate_each_other_and_the_second_run_changes_nothing(
    lab: RunningLab, two_runs: list[Any]
) -> None:
    assert [run.returncode for run in two_runs] == [0, 0], two_runs[0].stdout[-3000:] + two_runs[0].stderr
    machines = lab("state")["machines"]
    for name in ("srv01", "srv02", "srv03", "srv04", "srv05"):
        (product,) = machines[name]["products"]
        assert (product["license_status"], product["activated_by"]) == (1, "kms"), name
    assert machines["kms01"]["kms_host"]["pools"]["windows"]["count"] == 5
    assert re.findall(r"changed=(\d+)", two_runs[1].stdout) == ["0"] * 7


def test_machines_that_came_too_early_are_asked_again_by_a_second_task(two_runs: list[Any]) -> None:
    recap = dict(re.findall(r"^(srv\d\d) .*changed=(\d)", two_runs[0].stdout, re.MULTILINE))
    assert sorted(recap.values()) == ["1", "2", "2", "2", "2"]


def test_other_groups_stay_as_they_are(lab: RunningLab, two_runs: list[Any]) -> None:
    (product,) = lab.machine("win01")["products"]
    assert (product["activated_by"], product["partial_product_key"]) == ("microsoft", "MKNWC")


def test_no_secret_is_printed_or_kept_at_vvvv_also_when_tasks_fail(
    lab: RunningLab, two_runs: list[Any], tmp_path: Path
) -> None:
    failing = [
        lab.playbook(*PLAY, "-vvvv", "-e", in_a_file(tmp_path, extra))
        for extra in (
            {"kms_client_channel": "mak", "kms_client_product_key": "GGGGG-HHHHH-JJJJJ-KKKKK-MKNWW"},
            {"kms_client_product_key": HOST_KEY, "kms_host_product_keys": HOST_KEY + "X"},
            {"kms_dns_tsig_name": "nobody"},
            {"ansible_password": "Wrong-Password-For-The-Lab"},
        )
    ]
    assert all(run.returncode != 0 for run in failing)
    inventory = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]
    secrets = {
        HOST_KEY,
        "GGGGG-HHHHH-JJJJJ-KKKKK-MKNWW",
        published_key("Windows Server 2022", "Standard"),
        inventory["vars"]["lab_tsig_secret"],
        inventory["hosts"]["kms01"]["ansible_password"],
        "Wrong-Password-For-The-Lab",
    }
    forms = {form for secret in secrets for form in spellings(secret)}
    for run in [*two_runs, *failing]:
        printed = (run.stdout + run.stderr).lower()
        assert [form for form in forms if form.lower() in printed] == []


def in_a_file(folder: Path, variables: dict[str, str]) -> str:
    """Extra variables as a file: those of a command line are in its history, and Ansible prints them at -vvvv."""
    path = folder / "extra.json"
    path.write_text(json.dumps(variables), "utf-8")
    return f"@{path}"


def spellings(secret: str) -> list[str]:
    """How a secret may look in an output."""
    encoded = [base64.b64encode(secret.encode(encoding)).decode().rstrip("=") for encoding in ("utf-8", "utf-16-le")]
    return [secret, secret.replace("-", ""), *encoded]
