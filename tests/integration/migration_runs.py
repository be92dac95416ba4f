# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sites whose machines are to be moved from MAK to KMS, the playbooks against them, and what those print."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml
from running_lab import ROOT, RunningLab, running_lab

GUIDE = ROOT / "docs" / "migration.md"
CLIENT_MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKNWC"
SERVER_MAK = "GGGGG-HHHHH-JJJJJ-KKKKK-MKNWT"
SPENT_MAK = "HHHHH-JJJJJ-KKKKK-MMMMM-MKNXT"
OFFICE_MAK = "CCCCC-DDDDD-FFFFF-GGGGG-MKNFF"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
OFFICE_HOST_KEY = "PPPPP-QQQQQ-RRRRR-TTTTT-KNHFF"
LANGUAGES = ["en-US", "de-DE", "ja-JP"]

KMS_HOST: dict[str, Any] = {
    "os": "windows-server-2022-datacenter",
    "groups": ["kms_hosts"],
    "products": [{"key": HOST_KEY, "activated": True}],
}
OFFICE_HOST: dict[str, Any] = {
    **KMS_HOST,
    "products": [*KMS_HOST["products"], {"office_host": "2021", "key": OFFICE_HOST_KEY, "activated": True}],
}
CLIENT: dict[str, Any] = {
    "os": "windows-11-enterprise",
    "groups": ["kms_clients"],
    "language": LANGUAGES,
    "products": [{"key": CLIENT_MAK, "activated": True}],
}
SERVER: dict[str, Any] = {
    "os": "windows-server-2022-standard",
    "groups": ["kms_clients"],
    "language": LANGUAGES,
    "products": [{"key": SERVER_MAK, "activated": True}],
}
OFFICE_SERVER: dict[str, Any] = {
    **SERVER,
    "products": [*SERVER["products"], {"office": "ProPlus2021", "key": OFFICE_MAK, "activated": True}],
}
KEYS = [
    {"key": CLIENT_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 100},
    {"key": SERVER_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 100},
    {"key": SPENT_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 7},
    {"key": OFFICE_MAK, "kind": "mak", "for": ["ProPlus2021"], "activations": 100},
    {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
    {"key": OFFICE_HOST_KEY, "kind": "kms_host", "for": ["office-2021"]},
]


class Migration:
    """A site whose machines are to be moved, and the playbook against it."""

    def __init__(self, lab: RunningLab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.journal = folder / "journal.jsonl"

    def run(
        self, *words: str, playbook: str = "volact.kms.migrate", tells: bool = False, **variables: Any
    ) -> CompletedProcess[str]:
        """A playbook; if it `tells`, with what the job leaves for others printed at its end."""
        given = {
            "mak_to_kms_domains": ["corp.example.test"],
            "mak_to_kms_dns_server": "{{ lab_dns_server }}",
            "mak_to_kms_dns_port": "{{ lab_dns_port }}",
            "mak_to_kms_fleet_path": str(self.folder / "fleet.jsonl"),
            "mak_to_kms_journal_path": str(self.journal),
            **variables,
        }
        path = self.folder / "variables.json"
        path.write_text(json.dumps(given), "utf-8")
        environment = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"} if tells else {}
        return self.lab.run("ansible-playbook", playbook, "-e", f"@{path}", *words, **environment)

    def job(self, name: str) -> str:
        """A playbook of the guide's, as a job template of AWX has it."""
        blocks = re.findall(r"^```yaml\n(# .*?)^```$", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        (text,) = (block for block in blocks if block.startswith(f"# {name}: "))
        path = self.folder / name
        path.write_text(text, "utf-8")
        return str(path)

    def sliced(self, number: int, slices: int) -> str:
        """The inventory of a slice, as AWX makes it: every so many-th machine, whatever groups it is in."""
        inventory = yaml.safe_load((self.lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]
        kept = sorted(inventory["hosts"])[number - 1 :: slices]
        inventory["hosts"] = {name: inventory["hosts"][name] for name in kept}
        for group in inventory["children"].values():
            group["hosts"] = {name: None for name in group["hosts"] if name in kept}
        path = self.folder / f"slice{number}.yml"
        path.write_text(yaml.safe_dump({"all": inventory}), "utf-8")
        return str(path)

    def store(self) -> tuple[dict[str, Any], Path]:
        """Variables for a journal that another host keeps, and where it is there."""
        folder = self.folder / "store"
        folder.mkdir()
        host = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        (self.folder / "store.yml").write_text(yaml.safe_dump({"all": {"hosts": {"store": host}}}), "utf-8")
        journal = folder / "journal.jsonl"
        return {"mak_to_kms_journal_store_host": "store", "mak_to_kms_journal_path": str(journal)}, journal

    def machines(self, prefix: str) -> dict[str, Any]:
        return {name: each for name, each in self.lab("state")["machines"].items() if name.startswith(prefix)}

    def by_kms(self, prefix: str) -> list[str]:
        """The machines of which every product that can be is activated by KMS."""
        return [name for name, each in self.machines(prefix).items() if "kms" in windows_of(each)]

    def used(self, last_five: str) -> int:
        keys = {key["last_five"]: key for key in self.lab("state")["microsoft"]["keys"]}
        return int(keys[last_five]["activations_used"])

    def counts(self, host: str) -> list[int]:
        """Of Windows and of Office, whatever the host calls them."""
        return [int(pool["count"]) for pool in self.lab.machine(host)["kms_host"]["pools"].values()]


def windows_of(machine: dict[str, Any]) -> list[str | None]:
    """By whom the products with a key are activated, where they are: Windows first."""
    return [product["activated_by"] if product["license_status"] == 1 else None for product in machine["products"]]


def table(run: CompletedProcess[str]) -> dict[str, list[int]]:
    """The report: switched, already, pending, rolled back, failed, unreachable, by wave."""
    rows = re.findall(r'^\s+"(seed|wave \d+)\s+([\d ]+)",?$', run.stdout, re.MULTILINE)
    return {name: [int(number) for number in numbers.split()] for name, numbers in rows}


def left_for_others(run: CompletedProcess[str]) -> dict[str, Any]:
    """What a job left with set_stats."""
    found = re.search(r"^\s+RUN: (\{.*\})$", run.stdout, re.MULTILINE)
    assert found, run.stdout
    left: dict[str, Any] = json.loads(found[1])
    return left


def recap(run: CompletedProcess[str], column: str) -> dict[str, int]:
    return {name: int(n) for name, n in re.findall(rf"^(\S+)\s+: ok=.*{column}=(\d+)", run.stdout, re.MULTILINE)}


def without_time(state: dict[str, Any]) -> str:
    return re.sub(r'"(clock|grace_minutes|now|requests)": [^,}]+', "", json.dumps(state, sort_keys=True))


@contextmanager
def migrated_site(folder: Path, records: list[str], machines: dict[str, dict[str, Any]]) -> Iterator[Migration]:
    """A running site with these machines, and SRV records of those names."""
    document = {
        "domain": "corp.example.test",
        "machines": {range_of(name): each for name, each in machines.items()},
        "dns": {"software": "builtin", "records": [{"target": name} for name in records]},
        "microsoft": {"keys": KEYS},
        "behaviour": {"products_without_key": 10},
    }
    path = folder / "site.yml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    with running_lab(path, folder) as lab:
        for name in machines:
            if name.startswith("kms"):
                lab("set", name, "firewall=on")
        yield Migration(lab, folder)


def range_of(name: str) -> str:
    """win026 -> win[001:026]; a name without a number of two or three digits, or of a KMS host, is itself."""
    stem, number = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    return name if stem == "kms" else f"{stem}[{'1'.zfill(len(number))}:{number}]"
