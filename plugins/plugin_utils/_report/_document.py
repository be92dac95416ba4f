# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one document of builtins, in the form of docs/report-schema-1.json. Every other format is made of it.

Pure, and without a clock: the same input gives the same document.
"""

from __future__ import annotations

import collections
import json
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_matrix import system_of
from ansible_collections.volact.kms.plugins.plugin_utils._spp._hresult import explain

from ._finding import Finding, gather
from ._findings_machines import Expectations, machine_observations
from ._findings_site import Counts, dns_observations, host_observations
from ._kinds import Severity, State
from ._machines import Licence, Machine, Row
from ._site import KmsHost, Site
from ._texts import words

SCHEMA: t.Final = 1
KIND: t.Final = "volact.kms.report"

Document = dict[str, t.Any]

_TREND_AT_MOST: t.Final = 365
_USED_LATER: t.Final[dict[str, type]] = {
    "summary": dict,
    "findings": list,
    "resolved": list,
    "trend": list,
    "hosts": list,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a report is called, and when it is not passed: a finding of `fail_on` or worse; None: never."""

    title: str = "KMS"
    fail_on: Severity | None = Severity.ERROR


@dataclass(frozen=True, slots=True)
class _Earlier:
    """An earlier report. `is_this_one`: it is of the same readings, so what was new in it is new still."""

    document: Row
    is_this_one: bool

    @property
    def counts(self) -> Counts:
        """What host keys counted then."""
        if self.is_this_one:
            return {}
        return {
            f"{host['name']} {key['partial_product_key']}": key["current_count"]
            for host in self.document["hosts"]
            for key in host["keys"]
        }

    @property
    def trend(self) -> list[Document]:
        """All earlier reports, the oldest first."""
        before: list[Document] = self.document["trend"]
        if self.is_this_one:
            return before
        summary = self.document["summary"]
        last = {"generated": self.document.get("generated")}
        last |= {key: summary[key] for key in ("machines", "states", "findings")}
        return [*before, last][-_TREND_AT_MOST:]

    def new_in(self, finding: Finding) -> tuple[bool | None, list[str] | None]:
        """Whether the finding is new, and which of its machines are."""
        known = next((each for each in self.document["findings"] if each["id"] == finding.id), None)
        if self.is_this_one and known is not None:
            return known["new"], known["new_machines"]
        if self.is_this_one and not self.document["trend"]:
            return None, None
        return known is None, sorted(set(finding.machines) - set(known["machines"] if known else ()))

    def resolved(self, findings: Iterable[Finding]) -> list[Document]:
        """Findings that are no more."""
        if self.is_this_one:
            return list(self.document["resolved"])
        now = {finding.id for finding in findings}
        return [
            {key: each[key] for key in ("id", "kind", "severity", "title")} | {"machines": len(each["machines"])}
            for each in self.document["findings"]
            if each["id"] not in now
        ]


def make_document(
    machines: Sequence[Machine],
    site: Site,
    expectations: Expectations,
    frame: Frame,
    previous: Row | None = None,
) -> Document:
    """The document. `previous`: that of an earlier report, for the trend and for what is new."""
    generated = max((machine.collected for machine in machines), default=None) or None
    earlier = None if previous is None else _Earlier(previous, previous.get("generated") == generated)
    findings = gather(
        [
            *host_observations(site, machines, earlier.counts if earlier else {}),
            *dns_observations(site),
            *machine_observations(machines, site, expectations),
        ]
    )
    of_machine: dict[str, list[str]] = collections.defaultdict(list)
    for finding in findings:
        for name in finding.machines:
            of_machine[name].append(finding.id)
    users = _users(machines, site)
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "title": frame.title,
        "generated": generated,
        "expected": {
            "channel": expectations.channel.value if expectations.channel else None,
            "expiry_days": expectations.expiry_days,
            "kms_hosts": list(site.declared_names),
            "retired_hosts": list(site.retired),
            "fail_on": frame.fail_on.value if frame.fail_on else None,
        },
        "summary": _summary(machines, findings, frame),
        "findings": [_finding(each, earlier) for each in findings],
        "resolved": earlier.resolved(findings) if earlier else [],
        "trend": earlier.trend if earlier else [],
        "hosts": [_host(host, users.get(host.name, 0)) for host in site.hosts],
        "machines": [_machine(each, of_machine.get(each.name, []), site) for each in machines],
    }


def read_document(text: str, where: str) -> Document:
    """An earlier report. Raises BadInput for what is none."""
    try:
        document = json.loads(text)
        is_report = document["kind"] == KIND and document["schema"] == SCHEMA
        if is_report and all(isinstance(document[name], kind) for name, kind in _USED_LATER.items()):
            return t.cast("Document", document)
    except (ValueError, TypeError, KeyError):
        pass
    raise BadInput(
        f"{where} is no JSON report of volact.kms.report with schema {SCHEMA}. Nothing was written. Give the file that "
        "an earlier run wrote to dest.json; for the role activation_report that is activation_report_json_path.",
        operation="read the earlier report",
        target=where,
        hint="Leave previous out for the first report. For the role activation_report it is the file at "
        "activation_report_json_path: give another path, or move that file away.",
    )


def _summary(machines: Sequence[Machine], findings: Sequence[Finding], frame: Frame) -> Document:
    states = collections.Counter(machine.state for machine in machines)
    severities = collections.Counter(finding.severity for finding in findings)
    worst = next((severity for severity in Severity if severities[severity]), None)
    failing = frame.fail_on is not None and worst is not None and worst.reaches(frame.fail_on)
    return {
        "machines": len(machines),
        "states": {state.value: states[state] for state in State},
        "channels": {
            "windows": _channels(machines, windows=True),
            "office": _channels(machines, windows=False),
        },
        "findings": {severity.value: severities[severity] for severity in Severity},
        "worst": worst.value if worst else None,
        "passed": not failing,
    }


def _channels(machines: Iterable[Machine], *, windows: bool) -> dict[str, int]:
    found = collections.Counter(
        licence.channel.value for machine in machines for licence in machine.licences if licence.is_windows == windows
    )
    return dict(sorted(found.items()))


def _finding(finding: Finding, earlier: _Earlier | None) -> Document:
    english = words("en")
    is_new, new_machines = earlier.new_in(finding) if earlier else (None, None)
    return {
        "id": finding.id,
        "kind": finding.kind.value,
        "about": finding.about or None,
        "severity": finding.severity.value,
        "subject": finding.kind.subject.value,
        "title": english.of(finding.kind, "title"),
        "meaning": english.of(finding.kind, "meaning"),
        "remedy": english.of(finding.kind, "remedy"),
        "machines": list(finding.machines),
        "evidence": [
            {"machine": each.machine, "text": english.evidence(finding.kind, each.values), "values": dict(each.values)}
            for each in finding.evidence
        ],
        "new": is_new,
        "new_machines": new_machines,
    }


def _users(machines: Iterable[Machine], site: Site) -> Mapping[str, int]:
    """Host -> the machines that use it."""
    found = collections.Counter[str]()
    for machine in machines:
        host = site.host_of(name) if (name := used_host(machine)) else None
        if host:
            found[host.name] += 1
    return found


def used_host(machine: Machine) -> str | None:
    """The KMS host that a machine asked last, or would ask."""
    return next(iter((*machine.hosts, *machine.pins)), None)


def _host(host: KmsHost, machines: int) -> Document:
    return {
        "name": host.name,
        "names": list(host.names),
        "port": host.port,
        "declared": host.is_declared,
        "problem": host.problem,
        "answers": None if host.silence is None else not host.silence,
        "service_state": host.service,
        "machines": machines,
        "keys": [
            {
                "product": key.name,
                "partial_product_key": key.last_five,
                "license_status": int(key.status),
                "license_status_name": key.status.label,
                "current_count": key.count,
                "required_client_count": key.required,
                "missing": {name: lacking for name, (lacking, _threshold) in key.missing.items()},
                "requests": key.requests,
                "failed_requests": key.failed_requests,
            }
            for key in host.keys
        ],
    }


def _machine(machine: Machine, findings: list[str], site: Site) -> Document:
    system = machine.system
    release = system_of(system) if system else None
    user_of = used_host(machine)
    host = site.host_of(user_of) if user_of else None
    return {
        "machine": machine.name,
        "computer_name": system.computer_name if system else None,
        "collected": machine.collected or None,
        "state": machine.state.value,
        "problem": machine.problem,
        "problem_code": machine.problem_code,
        "windows": release.name if release else None,
        "edition": machine.edition,
        "version": system.version if system else None,
        "is_kms_host": machine.is_kms_host,
        "kms_host": host.name if host else user_of,
        "pinned": bool(machine.pins),
        "clock_skew_seconds": machine.skew_seconds,
        "licences": [_licence(each) for each in machine.licences],
        "findings": findings,
    }


def _licence(licence: Licence) -> Document:
    reason = explain(licence.reason)
    return {
        "application": licence.application,
        "name": licence.name,
        "channel": licence.channel.value,
        "state": licence.state.value,
        "license_status": int(licence.status),
        "license_status_name": licence.status.label,
        "license_status_reason_code": reason.hexadecimal,
        "license_status_reason_name": reason.name,
        "partial_product_key": licence.last_five,
        "days_left": licence.days,
        "ends": licence.ends,
    }
