# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make demo`: the site playbook moves a simulated fleet from MAK to KMS, twice, and the site itself tells the result.

What is printed and written to build/demo/summary.json comes from the lab's own state and from a DNS query, never from
Ansible's recap. Exit status 0 only if all of it is as it should be. Arguments such as -vvvv go to ansible-playbook.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "demo"
SITE = ROOT / "tests" / "lab" / "sites" / "demo.yml"

# LicenseStatus of a product that is activated.
LICENSED = 1

# Operations that change nothing.
READING = (
    *("Enumerate ", "Pull ", "Get ", "Release ", "Identify"),
    *("Invoke StdRegProv.Get", "Invoke StdRegProv.Enum"),
)


@dataclass(frozen=True)
class Check:
    """One line of the table: what was looked at, what it is, what it should be."""

    what: str
    found: Any
    wanted: Any

    @property
    def holds(self) -> bool:
        """Whether it is as it should be."""
        return bool(self.found == self.wanted)


def main(arguments: list[str]) -> int:
    """Outside a lab: start one and run this again inside it. Inside: the demo."""
    if "LAB_STATE" not in os.environ:
        BUILD.mkdir(parents=True, exist_ok=True)
        return subprocess.call(
            [sys.executable, "-m", "lab", "run", "--site", str(SITE), "--", sys.executable, __file__, *arguments],
            env=environment(),
        )
    before = lab("state")
    say(f"A site with {len(clients(before))} clients activated by MAK. One KMS host: no key, no count, no SRV record.")
    first, first_seconds = play("first run", arguments)
    between, _ = lab("state"), lab("stats", "--reset")
    serial = zone_serial(between)
    second, _ = play("second run", arguments)
    after = lab("state")
    effects = changes(between, after, lab("stats")) + (zone_serial(after) != serial)
    summary = {
        "clients": len(clients(after)),
        "licensed_by_kms": sum(licensed_by_kms(machine) for machine in clients(after).values()),
        "kms_hosts": len(listening_hosts(after)),
        "srv_records": len(srv_records(after)),
        "first_run_seconds": round(first_seconds, 1),
        "second_run_changed": effects,
    }
    (BUILD / "summary.json").write_text(json.dumps(summary) + "\n", "utf-8")
    return report(summary, first, second, before, after)


def report(summary: dict[str, Any], first: int, second: int, before: dict[str, Any], after: dict[str, Any]) -> int:
    """Print the table; 0 when every check holds."""
    machines = len(clients(before))
    checks = [
        Check("ansible-playbook, first and second run: exit status", [first, second], [0, 0]),
        Check(
            "clients activated by MAK before",
            sum(activated_by(m) == "microsoft" for m in clients(before).values()),
            machines,
        ),
        Check("clients licensed by KMS", summary["licensed_by_kms"], machines),
        Check("KMS hosts that listen", summary["kms_hosts"], 1),
        Check("machines that the host counts", kms_count(after), machines),
        Check("clients that came too early and were asked again", *waited(after)),
        Check("SRV records in DNS", summary["srv_records"], 1),
        Check("activations of the host key", used(after, "kms_host"), 1),
        Check("MAK activations spent", used(after, "mak") - used(before, "mak"), 0),
        Check("changes by the second run", summary["second_run_changed"], 0),
    ]
    print()
    for check in checks:
        print(
            f"  {'ok  ' if check.holds else 'FAIL'} {check.what:54} {check.found!s:>8}"
            + ("" if check.holds else f"  (should be {check.wanted})")
        )
    print(f"\n  first run {summary['first_run_seconds']} s, written to build/demo/summary.json\n")
    return 0 if all(check.holds for check in checks) else 1


def play(name: str, arguments: list[str]) -> tuple[int, float]:
    """Run the site playbook; one progress line per play. Returns its exit status and seconds."""
    log = BUILD / f"{name.replace(' ', '-')}.log"
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        "volact.kms.site",
        "-e",
        f"@{ROOT / 'tests' / 'demo' / 'vars.yml'}",
        *arguments,
    ]
    start = time.monotonic()
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        for line in process.stdout or ():
            output.write(line)
            if arguments:
                print(line, end="", flush=True)
            elif line.startswith("PLAY ["):
                say(f"{name}, {time.monotonic() - start:5.1f} s: {line[6 : line.index(']')]}")
        status = process.wait()
    if status and not arguments:
        print("".join(log.read_text("utf-8").splitlines(keepends=True)[-40:]))
    return status, time.monotonic() - start


def environment() -> dict[str, str]:
    """What ansible-playbook and the lab need: the collection as it is here, and nothing from the user's own set-up."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANSIBLE_", "PYTHON")) or name == "ANSIBLE_INVENTORY"
    }
    return kept | {
        "PYTHONPATH": str(ROOT / "tests"),
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "ansible"),
        "ANSIBLE_CONFIG": str(ROOT / "tests" / "demo" / "ansible.cfg"),
        "ANSIBLE_HOME": str(BUILD / "ansible"),
        # Else Ansible writes into the home folder, which not every user has.
        "ANSIBLE_REMOTE_TEMP": str(BUILD / "ansible" / "tmp"),
    }


def lab(*words: str) -> Any:
    """A command of the lab, and what it printed as JSON."""
    command = [sys.executable, "-m", "lab", *words]
    return json.loads(subprocess.run(command, env=environment(), stdout=subprocess.PIPE, check=True).stdout)


def clients(state: dict[str, Any]) -> dict[str, Any]:
    """Every machine that isn't a KMS host by its name."""
    return {name: machine for name, machine in state["machines"].items() if not name.startswith("kms")}


def licensed_by_kms(machine: dict[str, Any]) -> bool:
    """Whether all keyed products of a machine are activated by a KMS host."""
    return bool(machine["products"]) and all(
        product["license_status"] == LICENSED and product["activated_by"] == "kms" for product in machine["products"]
    )


def activated_by(machine: dict[str, Any]) -> str | None:
    """Who activated the machine's Windows."""
    return next((product["activated_by"] for product in machine["products"]), None)


def listening_hosts(state: dict[str, Any]) -> list[str]:
    """Machines on which a KMS listens."""
    return [
        name for name, machine in state["machines"].items() if machine["kms_host"] and machine["kms_host"]["listening"]
    ]


def kms_count(state: dict[str, Any]) -> int:
    """What the KMS hosts count for Windows."""
    return sum(
        machine["kms_host"]["pools"]["windows"]["count"]
        for machine in state["machines"].values()
        if machine["kms_host"]
    )


def waited(state: dict[str, Any]) -> tuple[int, int]:
    """How many clients were told 0xC004F038, by their own event logs; and how many should, by the host's log."""
    told = sum("0xC004F038" in str(machine["events"]) for machine in clients(state).values())
    names = {machine["cmid"]: name for name, machine in clients(state).items()}
    requests = (event for host in listening_hosts(state) for event in state["machines"][host]["events"])
    order = list(dict.fromkeys(cmid for event in requests for cmid in names if cmid in str(event)))
    thresholds = [5 if "server" in state["machines"][names[cmid]]["os"] else 25 for cmid in order]
    return told, max(1, sum(count < threshold for count, threshold in enumerate(thresholds, 1)))


def used(state: dict[str, Any], kind: str) -> int:
    """Activations that the simulated Microsoft service has given for keys of one kind."""
    return sum(key["activations_used"] for key in state["microsoft"]["keys"] if key["kind"] == kind)


def changes(before: dict[str, Any], after: dict[str, Any], stats: dict[str, Any]) -> int:
    """How much a run changed: operations that don't only read, and machines whose licences or settings differ."""
    operations: Counter[str] = Counter()
    for machine in stats["machines"].values():
        for operation, figures in machine.items():
            operations[operation] += figures["requests"]
    sent = sum(count for operation, count in operations.items() if not operation.startswith(READING))
    return sent + sum(
        lasting(before["machines"][name]) != lasting(machine) for name, machine in after["machines"].items()
    )


def lasting(machine: dict[str, Any]) -> dict[str, Any]:
    """A machine without what time alone changes."""
    products = [
        {name: value for name, value in product.items() if name != "grace_minutes"} for product in machine["products"]
    ]
    return {**machine, "products": products, "events": len(machine["events"])}


def srv_records(state: dict[str, Any]) -> list[str]:
    """What DNS answers for KMS hosts, asked as a client would."""
    reply = ask(state, f"_vlmcs._tcp.{state['dns']['zone']}", dns.rdatatype.SRV)
    return [item.to_text() for rrset in reply.answer for item in rrset]


def zone_serial(state: dict[str, Any]) -> int:
    """The serial number of the zone: it grows with every change."""
    return int(ask(state, state["dns"]["zone"], dns.rdatatype.SOA).answer[0][0].serial)


def ask(state: dict[str, Any], name: str, kind: dns.rdatatype.RdataType) -> dns.message.Message:
    """One question to the DNS server of the lab."""
    return dns.query.udp(
        dns.message.make_query(name, kind), state["dns"]["server"], port=state["dns"]["port"], timeout=5
    )


def say(text: str) -> None:
    """A progress line."""
    print(f"  {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
