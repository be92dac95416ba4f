# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example of the documentation runs: of each module, each role, the README and the guide.

One playbook holds them all, in the order of `STORY`: hosts, DNS, clients. A task that no machine ran is a failure.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from defusedxml.ElementTree import parse
from running_lab import ROOT, RunningLab, running_lab

SITE = Path(__file__).with_name("examples_site.yml")
PACKAGE = "ansible_collections.volact.kms.plugins.modules"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = [path for path in (ROOT / "docs").glob("*.md") if FENCE.search(path.read_text("utf-8"))]
TEXTS = sorted(
    path.relative_to(ROOT).as_posix() for path in [ROOT / "README.md", *GUIDES, *(ROOT / "roles").glob("*/README.md")]
)

#: What stands in the examples, and what it is called in the lab. The longer ones first.
SUBSTITUTIONS = {
    "kms-branch.corp.example.test": "kms01.corp.example.test",
    "gateway.branch.example.test": "localhost",
    "management.example.test": "localhost",
    "branch.example.test": '"{{ lab_dns_zone }}"',
    "ns1.corp.example.test": '"{{ lab_dns_server }}"',
    "192.0.2.53": '"{{ lab_dns_server }}"',
    "'192.0.2.'": "'127.0.2.'",
    "2001:db8::53": '"{{ lab_dns_server }}"',
    "kms-update": '"{{ lab_tsig_name }}"',
    "hmac-sha512": '"{{ lab_tsig_algorithm }}"',
    "hosts: laptops": "hosts: late_servers",
    "./migration.jsonl": '"{{ examples_folder }}/migration.jsonl"',
    "./fleet.jsonl": '"{{ examples_folder }}/fleet.jsonl"',
    **{f"./{name}": f'"{{{{ examples_folder }}}}/{name}"' for name in ("report.html", "report.json", "report.csv")},
    **{f"./{name}": f'"{{{{ examples_folder }}}}/{name}"' for name in ("report.xml", "kms.prom")},
    "./capture.json": '"{{ examples_folder }}/capture.json"',
    # Host names of the inventories, which the lab has without the domain.
    "    kms01.corp.example.test:\n": "    kms01:\n",
    "    win[001:024].corp.example.test:\n": "    srv[01:03]:\n",
    "    srv[01:06].corp.example.test:\n": "    srv[04:05]:\n",
}
#: What a user keeps in a vault, and what the lab needs and no user: a port of DNS that is not 53.
VARIABLES = {
    "vault_kms_host_key": "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT",
    "vault_kms_host_key_office": "PPPPP-QQQQQ-RRRRR-TTTTT-KNHFF",
    "vault_kms01_confirmation_id": "123456-123456-123456-123456-123456-123456-123456-123456",
    "vault_esu_key": "JJJJJ-KKKKK-MMMMM-PPPPP-XPNWB",
    "vault_dns_account_password": "Not-The-Password-Of-Anybody",
    "vault_mak": "HHHHH-JJJJJ-KKKKK-MMMMM-MKNXT",
    "vault_kms_update_secret": "{{ lab_tsig_secret }}",
    "kms_dns_server_port": "{{ lab_dns_port }}",
    "kms_dns_tsig_algorithm": "{{ lab_tsig_algorithm }}",
}
DEFAULTS = {
    "group/volact.kms.dns": {"server_port": "{{ lab_dns_port }}"},
    # Where an example leaves the server out, the user's own resolver is asked, which no test may do.
    "volact.kms.srv_info": {"server": "{{ lab_dns_server }}"},
}

#: The blocks in the order in which a site would need them; what is not named here comes last.
STORY = [
    "module controller_info",
    "module selftest_info",
    "module host",
    "module srv_record",
    "roles/kms_host/README.md",
    "roles/kms_dns/README.md",
    "module client",
    "roles/kms_client/README.md",
]
#: Where the tasks of a block run, and those of its tasks that need another machine.
HOSTS = {
    "README.md": "srv01",
    "docs/clients.md": "srv01",
    "docs/dns.md": "srv01",
    "docs/guide.md": "srv01",
    "docs/hosts.md": "kms01",
    "module client": "kms_clients",
    "module client_info": "srv01",
    "module controller_info": "localhost",
    "module endpoint_info": "localhost",
    "module fleet_info": "kms_clients",
    "module host": "kms02",
    "module host_info": "kms01",
    "module migration_gate": "kms_clients",
    "module migration_plan": "kms_clients",
    "module report": "localhost",
    "module selftest_info": "srv01",
    "module srv_info": "srv01",
    "module srv_record": "localhost",
}
ELSEWHERE = {
    "Switch to KMS and activate": "srv06",
    "Pin machines of a branch office to their KMS host, and renew there": "srv06",
    "Activate a machine outside the company network by MAK, which is spent only when this task says so": "srv07",
    "Activate by Active Directory only": "joined01",
    "Give Visio alone another KMS host": "visio01",
    "Install and activate the key for extended security updates": "extended01",
}
#: Examples whose point is to fail in this site, and what they say then.
FAILING = {
    "Fail unless clients can be activated now": "",
    # No name of the lab is known to the controller, whose own resolver is asked.
    "Fail unless a branch network reaches every KMS host": "",
    "Can the branch reach KMS?": "",
    # No lab is a domain controller: test_srv_record_samba.py has one.
    "Publish one KMS host in Active Directory, in two domains, with the password of a service account": "",
    "Publish with a keytab, remove everybody else's records, and give slow sites ten minutes to replicate": "",
} | ({} if find_spec("kerberos") else {"Say what is missing for Kerberos": "Install it with: "})
#: Examples that are to fail on some machines, run once more on one of those.
ALSO_FAILING = {"Fail on machines that are not activated": "win01"}

Task = dict[str, Any]


@dataclass(frozen=True)
class Block:
    """The tasks, the playbook or the variables of one fenced block or EXAMPLES section."""

    source: str
    number: int
    text: str

    @property
    def content(self) -> Any:
        """As YAML, with what the lab has in the place of what the documentation names."""
        text = self.text
        for documented, own in SUBSTITUTIONS.items():
            text = text.replace(documented, own)
        return yaml.safe_load(text)

    @property
    def name(self) -> str:
        return f"{self.source} #{self.number}"

    @property
    def is_variables(self) -> bool:
        return isinstance(self.content, dict)

    @property
    def is_of_playbooks(self) -> bool:
        """Whether it only names playbooks: then a test of those runs it."""
        return not self.is_variables and all("ansible.builtin.import_playbook" in item for item in self.content)

    @property
    def is_inventory(self) -> bool:
        return self.text.startswith("# inventory.yml\n")

    @property
    def rank(self) -> int:
        return STORY.index(self.source) if self.source in STORY else len(STORY)

    def plays(self) -> list[dict[str, Any]]:
        """The block as plays whose names begin with the block's."""
        if all("hosts" in item for item in self.content):
            return [play | {"name": f"{self.name}, {play['name']}"} for play in self.content]
        plays: list[dict[str, Any]] = []
        for task in self.content:
            hosts = ELSEWHERE.get(task["name"], HOSTS[self.source])
            if not plays or plays[-1]["hosts"] != hosts:
                plays.append(self._play(hosts))
            plays[-1]["tasks"].append(task | {"ignore_errors": True})
            if task["name"] in ALSO_FAILING:
                again = self._play(ALSO_FAILING[task["name"]])
                again["name"] += ", failing"
                again["tasks"].append(task | {"ignore_errors": True})
                plays += [again, self._play(hosts)]
        # One machine alone gets no answer from a new KMS host: what runs elsewhere comes after those who ask together.
        return sorted((play for play in plays if play["tasks"]), key=lambda play: play["hosts"] != HOSTS[self.source])

    def _play(self, hosts: str) -> dict[str, Any]:
        return {"name": self.name, "hosts": hosts, "gather_facts": False, "module_defaults": DEFAULTS, "tasks": []}


def documented_blocks() -> list[Block]:
    """All examples, in the order of the documentation."""
    blocks = [
        Block(f"module {module}", 1, importlib.import_module(f"{PACKAGE}.{module}").EXAMPLES) for module in MODULES
    ]
    for path in TEXTS:
        found = FENCE.findall((ROOT / path).read_text("utf-8"))
        blocks += [Block(path, number, text) for number, text in enumerate(found, 1)]
    return blocks


BLOCKS = documented_blocks()
RUN = sorted(
    (block for block in BLOCKS if not block.is_variables and not block.is_of_playbooks), key=lambda block: block.rank
)


@dataclass
class Report:
    """What happened to each task: host to status (ok, failed, skipped), and what those said that failed."""

    tasks: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    messages: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Report:
        """From what the junit callback of Ansible wrote."""
        report = cls()
        (path,) = folder.glob("*.xml")
        for case in parse(path).iter("testcase"):
            host, play, task = re.fullmatch(r"\[([^\]]+)\] (.*?): (.*)", case.get("name", ""), re.DOTALL).groups()  # type: ignore[union-attr]
            bad = [*case.iter("failure"), *case.iter("error")]
            status = "failed" if bad else "skipped" if case.find("skipped") is not None else "ok"
            report.tasks.setdefault((play, task), {})[host] = status
            report.messages.setdefault((play, task), []).extend(item.get("message", "") for item in bad)
        return report


class ReportingLab(RunningLab):
    """A lab whose playbooks are reported task by task, by a callback that every ansible-core has."""

    @property
    def report_folder(self) -> Path:
        return self.state_folder.parent / "report"

    def environment(self) -> dict[str, str]:
        return super().environment() | {
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit",
            "JUNIT_OUTPUT_DIR": str(self.report_folder),
            "JUNIT_FAIL_ON_IGNORE": "true",
            "JUNIT_HIDE_TASK_ARGUMENTS": "true",
        }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("examples")) as lab:
        yield lab


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file with what the examples take from a vault."""
    folder = tmp_path_factory.mktemp("variables")
    path = folder / "vault.json"
    path.write_text(json.dumps(VARIABLES | {"examples_folder": str(folder)}), "utf-8")
    return f"@{path}"


@pytest.fixture(scope="module")
def report(lab: RunningLab, variables: str, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """All examples that are tasks or playbooks, run once."""
    playbook = tmp_path_factory.mktemp("playbook") / "examples.yml"
    playbook.write_text(yaml.safe_dump([play for block in RUN for play in block.plays()], sort_keys=False), "utf-8")
    reporting = ReportingLab(lab.state_folder)
    run = reporting.playbook(str(playbook), "-e", variables)
    assert list(reporting.report_folder.glob("*.xml")), run.stdout + run.stderr
    return Report.read(reporting.report_folder)


def test_there_are_examples_of_everything() -> None:
    sources = {block.source for block in BLOCKS}
    assert sources == {*TEXTS, *(f"module {module}" for module in MODULES)}
    assert len(RUN) >= 12


def test_substitutions_and_tables_name_what_is_there() -> None:
    everything = "".join(block.text for block in BLOCKS)
    assert [documented for documented in SUBSTITUTIONS if documented not in everything] == []
    named = {task["name"] for block in RUN for play in block.plays() for task in play.get("tasks", [])}
    assert (ELSEWHERE.keys() | FAILING.keys() | ALSO_FAILING.keys()) - named == set()


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.name)
def test_an_example_runs(block: Block, report: Report) -> None:
    for play in block.plays():
        # Ansible puts the tasks of an imported role in the place of the task that imports it.
        tasks = [task for task in play.get("tasks", []) if "ansible.builtin.import_role" not in task]
        for task in tasks:
            key = (play["name"], task["name"])
            ran = {host: status for host, status in report.tasks.get(key, {}).items() if status != "skipped"}
            assert ran, f"no machine ran: {key}"
            failing = task["name"] in FAILING or play["name"].endswith(", failing")
            assert set(ran.values()) == {"failed" if failing else "ok"}, f"{key}: {ran}, {report.messages[key]}"
            for message in report.messages[key]:
                assert FAILING.get(task["name"], "") in message
        if "roles" in play or len(tasks) < len(play.get("tasks", [])):
            of_roles = {key: hosts for key, hosts in report.tasks.items() if key[0] == play["name"]}
            assert "ok" in {status for hosts in of_roles.values() for status in hosts.values()}, play["name"]
            failed = {key: report.messages[key] for key, hosts in of_roles.items() if "failed" in hosts.values()}
            assert failed == {}


@pytest.mark.parametrize("source", sorted({block.source for block in BLOCKS if block.is_inventory}))
def test_an_inventory_and_its_variables_are_what_the_site_playbook_takes(
    source: str, lab: RunningLab, report: Report, variables: str, tmp_path: Path
) -> None:
    inventories, extra = [], []
    for block in BLOCKS:
        if block.source == source and block.is_variables:
            path = tmp_path / f"{block.number}.yml"
            path.write_text(yaml.safe_dump(block.content), "utf-8")
            if block.is_inventory:
                inventories += ["-i", str(path)]
            else:
                extra += ["-e", f"@{path}"]
    lab_inventory = str(lab.state_folder / "inventory.yml")
    run = lab.playbook(
        "volact.kms.site", *inventories, "-i", lab_inventory, "-e", variables, *extra, "--check", "--diff"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert re.findall(r"^(\S+) .*failed=0", run.stdout, re.MULTILINE) == [
        "kms01",
        "kms02",
        "localhost",
        *(f"srv0{number}" for number in range(1, 6)),
    ]


def test_a_task_that_no_machine_ran_would_be_noticed(report: Report) -> None:
    block = Block("module client_info", 1, "- name: Never there\n  volact.kms.client_info:\n  when: false\n")
    with pytest.raises(AssertionError, match="no machine ran"):
        test_an_example_runs(block, report)
    report.tasks[block.name, "Never there"] = {"srv01": "skipped"}
    with pytest.raises(AssertionError, match="no machine ran"):
        test_an_example_runs(block, report)


def test_playbooks_of_playbooks_are_run_by_the_test_of_the_migration() -> None:
    named = [block.text.removeprefix("# ").partition(":")[0] for block in BLOCKS if block.is_of_playbooks]
    assert len(named) >= 2
    source = Path(__file__).with_name("test_migrate.py").read_text("utf-8")
    assert [name for name in named if f'job("{name}")' not in source] == []


def test_variables_in_examples_are_options_of_a_role() -> None:
    specs = [yaml.safe_load(path.read_text("utf-8")) for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")]
    options = {option for spec in specs for entry in spec["argument_specs"].values() for option in entry["options"]}
    variables = {name for block in BLOCKS if block.is_variables and not block.is_inventory for name in block.content}
    assert {name for name in variables if name.startswith(("kms_", "mak_to_kms_"))} - options == set()
