# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report for programs: JSON, CSV, JUnit XML and the text of Prometheus. Pure: a document in, bytes in pieces out."""

from __future__ import annotations

import csv
import functools
import io
import json
import re
import typing as t
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from xml.sax.saxutils import escape, quoteattr

from ._document import Document
from ._kinds import Severity, State

CSV_COLUMNS: t.Final = (
    "machine",
    "computer_name",
    "state",
    "windows",
    "edition",
    "version",
    "kms_host",
    "pinned",
    "is_kms_host",
    "clock_skew_seconds",
    "application",
    "product",
    "channel",
    "license_status_name",
    "license_status_reason_code",
    "license_status_reason_name",
    "partial_product_key",
    "days_left",
    "ends",
    "problem",
    "findings",
    "collected",
)
_BEFORE_LICENCE: t.Final = CSV_COLUMNS[:10]
_OF_LICENCE: t.Final = CSV_COLUMNS[10:19]
_AFTER_LICENCE: t.Final = CSV_COLUMNS[19:]

# What a spreadsheet takes for a formula, also behind blanks, and in the wide forms of East Asian writing.
_FORMULA: t.Final = re.compile(r"\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
# What XML 1.0 cannot hold at all.
_NOT_IN_XML: t.Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_EXPIRY_DAYS: t.Final = (7, 30, 90)


def as_json(document: Document) -> Iterator[bytes]:
    """The document itself, one machine and one finding on a line, so that two reports can be compared line by line."""
    yield b"{\n"
    lists = {"findings", "machines"}
    for position, name in enumerate(sorted(document)):
        yield b"" if position == 0 else b",\n"
        yield f"{_json(name)}: ".encode("ascii")
        if name in lists and document[name]:
            yield b"[\n" + ",\n".join(_json(each) for each in document[name]).encode("ascii") + b"\n]"
        else:
            yield _json(document[name]).encode("ascii")
    yield b"\n}\n"


def _json(value: t.Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def as_csv(document: Document) -> Iterator[bytes]:
    """A line for each licence, and for each machine without one (RFC 4180). No cell is a formula."""
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(CSV_COLUMNS)
    for machine in document["machines"]:
        row = {**machine, "findings": " ".join(machine["findings"])}
        before, after = ([_cell(row[name]) for name in names] for names in (_BEFORE_LICENCE, _AFTER_LICENCE))
        for licence in machine["licences"] or [{}]:
            own = {**licence, "product": licence.get("name")}
            lines.writerow([*before, *[_cell(own.get(name)) for name in _OF_LICENCE], *after])
    # A lone surrogate is what a machine may say, and what UTF-8 cannot.
    yield text.getvalue().encode("utf-8", errors="replace")


def _cell(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return _text_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


@functools.lru_cache(maxsize=4096)
def _text_cell(value: str) -> str:
    """Most texts of a fleet are those of other machines as well."""
    # No cell holds the character 0: readers end there, and Python 3.10 does not write it.
    text = value.replace("\0", "\ufffd")
    return f"'{text}" if _FORMULA.match(text) else text


def as_junit(document: Document) -> Iterator[bytes]:
    """A test case for each machine, and for each finding about hosts and DNS. What is not bad enough is output."""
    limit = document["expected"]["fail_on"]
    findings = document["findings"]
    bad = {each["id"] for each in findings if limit and Severity(each["severity"]).reaches(Severity(limit))}
    by_id = {finding["id"]: finding for finding in findings}
    told = {finding["id"]: _told_by_machine(finding) for finding in findings}
    machines = [
        (machine["machine"], [(by_id[each], told[each][machine["machine"]]) for each in machine["findings"]])
        for machine in document["machines"]
    ]
    site = [
        (finding["title"], [(finding, f"{machine}: {text}") for machine, text in told[finding["id"]].items()])
        for finding in findings
        if finding["subject"] != "machines"
    ]
    suites = [("machines", machines), ("hosts and DNS", site)]

    counts = [_junit_counts(cases, bad) for _name, cases in suites]
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n'
    yield _xml(f"<testsuites name={_quoted(document['title'])} {_numbers(map(sum, zip(*counts, strict=True)))}>\n")
    for (suite, cases), numbers in zip(suites, counts, strict=True):
        stamp = f" timestamp={_quoted(document['generated'].rstrip('Z'))}" if document["generated"] else ""
        yield _xml(f"<testsuite name={_quoted(suite)} {_numbers(numbers)}{stamp}>\n")
        for name, told_of in cases:
            yield _xml("".join(_junit_case(suite, name, told_of, bad)))
        yield b"</testsuite>\n"
    yield b"</testsuites>\n"


def _told_by_machine(finding: Mapping[str, t.Any]) -> dict[str, str]:
    told: dict[str, str] = {}
    for each in finding["evidence"]:
        known = told.get(each["machine"])
        told[each["machine"]] = f"{known} {each['text']}" if known else each["text"]
    return told


def _junit_counts(cases: Iterable[tuple[str, list[t.Any]]], bad: Container[str]) -> tuple[int, int, int]:
    tests = failures = errors = 0
    for _name, told in cases:
        kinds = {_junit_element(finding) for finding, _text in told if finding["id"] in bad}
        tests += 1
        errors += "error" in kinds
        failures += "error" not in kinds and bool(kinds)
    return tests, failures, errors


def _junit_element(finding: Mapping[str, t.Any]) -> str:
    """What could not be verified is an error of the test, all else a failure."""
    return (
        "error" if finding["kind"] in ("unreachable", "unreadable", "host_unreadable", "dns_unreadable") else "failure"
    )


def _numbers(counts: Iterable[int]) -> str:
    tests, failures, errors = counts
    return f'tests="{tests}" failures="{failures}" errors="{errors}"'


def _junit_case(suite: str, name: str, told: list[t.Any], bad: Container[str]) -> Iterator[str]:
    yield f"<testcase classname={_quoted(f'volact.kms.{suite}')} name={_quoted(name)}>"
    failing = [(finding, text) for finding, text in told if finding["id"] in bad]
    # One element for each case, an error before a failure: some readers count elements.
    for element in ("error", "failure"):
        own = [(finding, text) for finding, text in failing if _junit_element(finding) == element]
        if own:
            finding, _text = own[0]
            lines = "\n".join(f"{each['severity']} {each['id']}: {text} {each['remedy']}" for each, text in failing)
            yield f"<{element} type={_quoted(finding['id'])} message={_quoted(finding['title'])}>"
            yield f"{escape(lines)}</{element}>"
            break
    others = [f"{finding['severity']} {finding['id']}: {text}" for finding, text in told if finding["id"] not in bad]
    if others:
        yield f"<system-out>{escape(chr(10).join(others))}</system-out>"
    yield "</testcase>\n"


def _quoted(text: str) -> str:
    return quoteattr(text, {"\n": " ", "\r": " ", "\t": " "})


def _xml(text: str) -> bytes:
    return _NOT_IN_XML.sub("\ufffd", text).encode("utf-8")


def as_prometheus(document: Document) -> Iterator[bytes]:
    """Metrics for a textfile collector: of the fleet and of its KMS hosts, not of each machine."""
    summary = document["summary"]
    yield _metric("report_timestamp_seconds", "When the newest machine of the report was read.", _time(document))
    yield _metric("report_passed", "1 if no finding is as bad as the limit.", [({}, int(summary["passed"]))])
    states = [({"state": state.value}, summary["states"][state.value]) for state in State]
    yield _metric("machines", "Machines by how they are activated.", states)
    channels = [
        ({"application": application, "channel": channel}, count)
        for application, found in sorted(summary["channels"].items())
        for channel, count in found.items()
    ]
    yield _metric("licences", "Licences by application and channel.", channels)
    findings = [
        ({"id": each["id"], "kind": each["kind"], "severity": each["severity"]}, len(each["machines"]))
        for each in document["findings"]
    ]
    yield _metric("finding_machines", "Machines that a finding is about.", findings)
    yield _metric("expiring_licences", "KMS activations that end within so many days.", _expiring(document))
    hosts = document["hosts"]
    up = [({"host": host["name"]}, int(host["answers"])) for host in hosts if host["answers"] is not None]
    yield _metric("host_up", "1 if a KMS host answers.", up)
    used = [({"host": host["name"]}, host["machines"]) for host in hosts]
    yield _metric("host_machines", "Machines of the report that use a KMS host.", used)
    keys = [
        ({"host": host["name"], "product": key["product"], "partial_product_key": key["partial_product_key"]}, key)
        for host in hosts
        for key in host["keys"]
    ]
    counted = [(labels, key["current_count"]) for labels, key in keys]
    yield _metric("host_current_count", "Machines that a KMS host key counts.", counted)
    licensed = [(labels, int(key["license_status"] == 1)) for labels, key in keys]
    yield _metric("host_licensed", "1 if a KMS host key is activated.", licensed)


def _time(document: Document) -> list[tuple[dict[str, t.Any], int]]:
    try:
        moment = datetime.strptime(document["generated"] or "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return []
    return [({}, int(moment.timestamp()))]


def _expiring(document: Document) -> list[tuple[dict[str, t.Any], int]]:
    left = [
        licence["days_left"]
        for machine in document["machines"]
        for licence in machine["licences"]
        if licence["channel"] == "kms_client" and licence["state"] == "activated" and licence["days_left"] is not None
    ]
    return [({"within_days": str(days)}, sum(each <= days for each in left)) for days in _EXPIRY_DAYS]


def _metric(name: str, description: str, samples: Iterable[tuple[Mapping[str, t.Any], int]]) -> bytes:
    full = f"volact_kms_{name}"
    lines = [f"# HELP {full} {description}", f"# TYPE {full} gauge"]
    for labels, value in samples:
        told = ",".join(f'{label}="{_label(text)}"' for label, text in labels.items())
        lines.append(f"{full}{{{told}}} {value}" if told else f"{full} {value}")
    return ("\n".join(lines) + "\n").encode("utf-8", errors="replace")


def _label(text: t.Any) -> str:
    escaped = str(text or "").replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("\r", " ").replace("\n", "\\n")
