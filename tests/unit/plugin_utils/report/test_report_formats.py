# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a report for programs: each is read back by what reads it elsewhere, and nothing escapes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from unit.plugin_utils.report.report_site import (
    FAULTS,
    KMS01,
    KMS02,
    Row,
    endpoints,
    faulty_fleet,
    fleet,
    host,
    host_key,
    licence,
    page,
    record,
    srv,
    unread,
)

from ansible_collections.volact.kms.plugins.plugin_utils._report import (
    Kind,
    Severity,
    State,
    as_csv,
    as_html,
    as_json,
    as_junit,
    as_prometheus,
)
from ansible_collections.volact.kms.plugins.plugin_utils._report._texts import LANGUAGES, asset
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Channel

KEY = "BBBBB-CCCCC-DDDDD-FFFFF-23456"
HOSTILE = "<script>alert(1)</script>"
SAMPLE = re.compile(r'[a-z_]+(?:\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\["\\n])*")*\})? -?\d+')


@pytest.fixture(scope="module")
def document() -> Row:
    """A site with every fault, and what a report before had."""
    before = page([*fleet(), *FAULTS["unreachable"]])
    later = [{**each, "collected": "2026-11-23T10:00:00Z"} for each in faulty_fleet()]
    return page(
        later,
        hosts=[host("kms01", host_key(40))],
        srv=srv(KMS01, KMS02),
        endpoints=endpoints(kms01="kms", kms02="timeout"),
        previous=before,
    )


def whole(parts: Iterator[bytes]) -> str:
    return b"".join(parts).decode("utf-8")


def test_json_is_the_document_itself_with_a_line_for_each_machine(document: Row) -> None:
    text = whole(as_json(document))
    assert json.loads(text) == document
    assert text.count('\n{"clock_skew_seconds"') == document["summary"]["machines"]


def test_csv_has_a_line_for_each_licence_and_for_each_machine_without_one(document: Row) -> None:
    lines = list(csv.DictReader(io.StringIO(whole(as_csv(document)), newline="")))
    assert len(lines) == sum(len(machine["licences"]) or 1 for machine in document["machines"])
    by_name = {line["machine"]: line for line in lines}
    assert by_name["bad01"]["license_status_name"] == "Notification"
    assert by_name["bad01"]["findings"] == "notification:0xC004F074"
    assert by_name["bad16"]["problem"] == "Nothing answered within 10 s."
    assert by_name["bad16"]["channel"] == ""
    assert by_name["win0001"]["is_kms_host"] == "false"


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://example.test")', "+1", "-1", "@SUM(A1)", " =1+1", "|cmd", "\t=1", "\r=1", "\n=1", "\uff1d1"],
)
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    machines = [record(text, licence(name=text, discovered_kms_host=text)), unread(f"x{text}", msg=text)]
    for line in csv.DictReader(io.StringIO(whole(as_csv(page(machines))), newline="")):
        for name, cell in line.items():
            assert not re.match(r"\s*[=+\-@|\uff1d]", cell), (name, cell)


def test_numbers_of_csv_stay_numbers() -> None:
    (line,) = csv.DictReader(io.StringIO(whole(as_csv(page([record("w", clock_skew_seconds=-18000.0)]))), newline=""))
    assert line["clock_skew_seconds"] == "-18000.0"


def test_junit_fails_what_is_bad_enough_and_tells_the_rest(document: Row) -> None:
    root: Any = fromstring(whole(as_junit(document)))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["bad01"].find("failure").get("type") == "notification:0xC004F074"
    assert "no KMS host could be contacted" in cases["bad01"].find("failure").text
    assert cases["bad16"].find("error").get("type") == "unreachable"
    assert cases["bad15"].find("failure") is None
    assert "clock_drift" in cases["bad15"].findtext("system-out")
    assert list(cases["win0001"]) == []
    assert cases["A KMS host does not answer"].find("failure") is not None
    for suite in root:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("errors")) == len(suite.findall("testcase/error"))
    assert int(root.get("failures")) == sum(int(suite.get("failures")) for suite in root)


def test_junit_of_a_report_that_never_fails_has_no_failures() -> None:
    root = fromstring(whole(as_junit(page(faulty_fleet(), fail_on=None))))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


def test_prometheus_text_is_well_formed(document: Row) -> None:
    text = whole(as_prometheus(document))
    assert [line for line in text.splitlines() if not line.startswith("# ") and not SAMPLE.fullmatch(line)] == []
    assert 'volact_kms_machines{state="unreachable"} 1' in text
    assert 'volact_kms_finding_machines{id="duplicate_cmid",kind="duplicate_cmid",severity="error"} 2' in text
    assert 'volact_kms_host_up{host="kms02.corp.example.test"} 0' in text
    assert 'volact_kms_expiring_licences{within_days="30"} 1' in text
    assert "volact_kms_report_timestamp_seconds 1795428000" in text
    names = re.findall(r"# TYPE (\S+) gauge", text)
    assert len(names) == len(set(names)), "each metric once"


def test_labels_of_prometheus_are_escaped() -> None:
    wicked = 'a"b\\c\nd'
    text = whole(as_prometheus(page([], hosts=[host("kms01", host_key(name=wicked))])))
    assert 'product="a\\"b\\\\c\\nd"' in text
    assert all(SAMPLE.fullmatch(line) for line in text.splitlines() if not line.startswith("# "))


HTML_FORMATS: list[Callable[[Row], Iterator[bytes]]] = [as_html, lambda document: as_html(document, "de")]


@pytest.mark.parametrize("render", HTML_FORMATS)
@pytest.mark.parametrize("text", [HOSTILE, '"><img src=x onerror=alert(1)>', "</script><!--", "{{ 7*7 }}", "&lt;b&gt;"])
def test_whatever_a_machine_says_is_text_in_the_page(render: Callable[[Row], Iterator[bytes]], text: str) -> None:
    machines = [
        record(
            text, licence(status=5, name=text, discovered_kms_host=text), pin=text, system={"edition": text, "build": 1}
        ),
        unread(f"unread{text}", msg=text),
    ]
    wicked = page(machines, hosts=[host(text, host_key(name=text))], endpoints=endpoints(kms01="kms"), title=text)
    html = whole(render(wicked))
    # Between a machine's word and the page there are only these: < as an entity, or as an escape of JSON.
    assert "<script>alert" not in html
    assert "<img" not in html
    assert html.count("<script") == 2
    assert html.count("</script") == 2
    assert html.count("<!--") == 0
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert data
    assert json.loads(data[1])["rows"][0][0] == sorted(each["machine"] for each in machines)[0]


def test_names_with_control_characters_and_lone_surrogates_are_written_in_every_format() -> None:
    wicked = page([record("a\x00\x1b\ud800b", licence(status=5)), record("\u202egnp.exe")])
    for render in (as_json, as_csv, as_junit, as_prometheus, as_html):
        assert whole(render(wicked))
    fromstring(whole(as_junit(wicked)))


def test_the_page_needs_nothing_else_and_lets_nothing_else_in(document: Row) -> None:
    html = whole(as_html(document))
    assert re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?!#)[^\"'>) ]+", html) == []
    assert "default-src &#39;none&#39;; style-src &#39;sha256-" in html
    assert " style=" not in html
    assert " onclick=" not in html
    assert "http://" not in html.replace("http-equiv", "")
    assert "innerHTML" not in asset("report.js")


def test_the_page_has_all_findings_in_both_languages_and_opens_in_the_given_one(document: Row) -> None:
    english, german = whole(as_html(document)), whole(as_html(document, "de"))
    assert '<html lang="en">' in english
    assert '<html lang="de">' in german
    for text in ("Machines with the same CMID", "Rechner mit gleicher CMID"):
        assert text in english
        assert text in german


def test_both_languages_have_the_same_texts() -> None:
    english, german = (json.loads(asset(f"texts.{language}.json")) for language in LANGUAGES)
    assert english["labels"].keys() == german["labels"].keys()
    assert english["kinds"].keys() == german["kinds"].keys() == {kind.value for kind in Kind}
    fields = re.compile(r"\{(\w+)\}")
    for kind, texts in english["kinds"].items():
        other = german["kinds"][kind]
        assert texts.keys() == other.keys() == {"title", "meaning", "remedy", "evidence"}
        assert [fields.findall(part[-1]) for part in texts["evidence"]] == [
            fields.findall(part[-1]) for part in other["evidence"]
        ], kind
    assert all(f"state.{state.value}" in english["labels"] for state in State)
    assert all(f"channel.{channel.value}" in english["labels"] for channel in Channel)
    assert all(f"severity.{severity.value}" in english["labels"] for severity in Severity)


def test_the_same_document_gives_the_same_bytes(document: Row) -> None:
    for render in (as_json, as_csv, as_junit, as_prometheus, as_html):
        assert b"".join(render(document)) == b"".join(render(json.loads(json.dumps(document))))


def test_of_a_key_five_characters_are_left_whatever_a_record_has() -> None:
    leaky = licence(partial_product_key=KEY)
    written = page([record("w", leaky)], hosts=[host("kms01", host_key(partial_product_key=KEY))])
    for render in (as_json, as_csv, as_junit, as_prometheus, as_html):
        text = whole(render(written))
        assert KEY not in text
        assert KEY[:11] not in text


def test_a_report_of_nothing_is_a_report() -> None:
    empty = page([], kms_hosts=(), retired=())
    assert empty["generated"] is None
    for render in (as_json, as_csv, as_junit, as_prometheus, as_html):
        assert whole(render(empty))
