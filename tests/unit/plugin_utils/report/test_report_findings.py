# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings: each fault is found once, with the machines that have it, and what is healthy is not a finding."""

from __future__ import annotations

import json
from typing import Any

import pytest
from unit.plugin_utils.report.report_site import (
    CLIENT,
    DOMAIN,
    FAULTS,
    KMS01,
    KMS02,
    SERVER,
    Row,
    answered,
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

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._record import SCHEMA
from ansible_collections.volact.kms.plugins.plugin_utils._report import Kind, Severity, read_document, read_machines
from ansible_collections.volact.kms.plugins.plugin_utils._report._formats import as_json
from ansible_collections.volact.kms.plugins.plugin_utils._report._machines import RECORD_SCHEMA

HEALTHY: dict[str, Any] = {
    "hosts": [host("kms01", host_key(50))],
    "srv": srv(KMS01, KMS02),
    "endpoints": endpoints(kms01="kms", kms02="kms"),
}


def found(document: Row) -> dict[str, list[str]]:
    """Finding -> its machines."""
    return {finding["id"]: finding["machines"] for finding in document["findings"]}


def told(document: Row, finding: str) -> list[str]:
    """The evidence of one finding."""
    return [each["text"] for found in document["findings"] if found["id"] == finding for each in found["evidence"]]


def of_site(**differences: Any) -> dict[str, list[str]]:
    """What is found at a healthy site with differences."""
    return found(page(fleet(), **{**HEALTHY, **differences}))


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    document = page(fleet(100), **HEALTHY)
    assert document["findings"] == []
    assert (document["summary"]["passed"], document["summary"]["worst"]) == (True, None)
    assert document["summary"]["states"]["activated"] == 100


def test_every_fault_of_a_machine_is_found_and_nothing_else() -> None:
    silent = endpoints(kms01="kms", kms02="timeout")
    document = page(faulty_fleet(970), **{**HEALTHY, "endpoints": silent})
    expected = {name: [machine["machine"] for machine in machines] for name, machines in FAULTS.items()}
    assert found(document) == {**expected, "host_not_answering": [KMS02]}
    assert document["summary"]["machines"] == 970 + len(FAULTS) + 1
    assert not document["summary"]["passed"]


def test_each_kind_has_texts_and_evidence_that_names_what_was_seen() -> None:
    document = page(faulty_fleet(), **{**HEALTHY, "endpoints": endpoints(kms02="timeout")})
    for finding in document["findings"]:
        assert finding["title"]
        assert finding["remedy"]
        assert all(each["text"] and "{" not in each["text"] for each in finding["evidence"]), finding["id"]
    assert " ".join(told(document, "notification:0xC004F074")) == (
        "Windows(R), Enterprise edition: 0xC004F074 SL_E_VL_BINDING_SERVICE_UNAVAILABLE (no KMS host could be "
        "contacted). What to do: read the 12288 events of the attempt in the Application log and treat the HRESULT "
        "there."
    )
    assert told(document, "clock_skew") == ["-300 minutes from the controller."]
    assert told(document, "duplicate_cmid") == ["2 machines share the CMID cmid-image."] * 2


def test_the_worst_finding_is_first() -> None:
    document = page(faulty_fleet(), **{**HEALTHY, "endpoints": endpoints(kms02="timeout")})
    ranks = [Severity(finding["severity"]).rank for finding in document["findings"]]
    assert ranks == sorted(ranks)
    assert document["summary"]["worst"] == "critical"


@pytest.mark.parametrize(
    ("fail_on", "passed"), [(Severity.WARNING, False), (Severity.ERROR, True), (Severity.CRITICAL, True), (None, True)]
)
def test_a_report_fails_from_the_given_severity_on(fail_on: Severity | None, passed: bool) -> None:
    document = page([*fleet(), *FAULTS["clock_drift"]], fail_on=fail_on, **HEALTHY)
    assert document["summary"]["passed"] is passed


@pytest.mark.parametrize("channel", ["oem", "retail", "subscription", "avma"])
def test_licences_that_are_not_ours_are_no_findings(channel: str) -> None:
    oem = record("oem01", licence(channel=channel, status=5))
    beside = record("win9999", licence(), licence("office", channel, status=0))
    document = page([*fleet(), oem, beside], **HEALTHY)
    assert document["findings"] == []
    assert [machine["state"] for machine in document["machines"] if machine["machine"] == "oem01"] == ["notification"]
    assert [machine["state"] for machine in document["machines"] if machine["machine"] == "win9999"] == ["activated"]


def test_add_ons_are_no_findings() -> None:
    extended = licence(channel="mak", status=0)
    assert found(page([*fleet(), record("win7", addons=[extended])], **HEALTHY)) == {}


def test_without_wishes_a_mak_is_right_and_nobody_is_a_stranger() -> None:
    machines = [record("mak01", licence(channel="mak")), *FAULTS["undeclared_host_in_use:rogue.example.test"]]
    assert found(page(machines, kms_hosts=(), channel=None)) == {}


def test_office_on_mak_beside_windows_on_kms_is_a_finding_without_wishes() -> None:
    assert list(found(page(FAULTS["office_on_mak"], channel=None))) == ["office_on_mak"]
    both = record("mak01", licence(channel="mak"), licence("office", "mak"))
    assert found(page([both], channel=None)) == {}


def test_a_request_that_failed_is_the_reason_rather_than_what_windows_says() -> None:
    machine = record("win01", licence(status=0), events=answered("windows-kms_client", 0xC004F074))
    assert list(found(page([machine]))) == ["not_activated:0xC004F074"]


def test_an_answer_that_does_not_activate_is_pending() -> None:
    events = answered("windows-kms_client", 0)
    events["kms_requests"][0]["response"] = {"code": "0x00000000", "activated": False, "current_count": 3}
    assert list(found(page([record("win01", licence(status=2), events=events)]))) == ["pending:0xC004F038"]


@pytest.mark.parametrize(("days", "is_found"), [(31, False), (30, True), (1, True)])
def test_an_activation_by_kms_that_is_not_renewed_is_found_in_time(days: int, is_found: bool) -> None:
    assert ("expiring" in found(page([record("win01", licence(days=days))]))) is is_found


def test_the_newest_record_of_a_machine_counts() -> None:
    old = {**FAULTS["unreachable"][0], "collected": "2026-11-21T10:00:00Z"}
    new = record("bad16")
    for records in ([old, new], [new, old]):
        document = page(records)
        assert (document["findings"], document["summary"]["machines"]) == ([], 1)


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b"[1]",
        b"{}",
        b'{"machine": "a", "status": "ok"}',
        b'{"schema": 1, "machine": "a"}',
        b'{"schema": 1, "machine": "a", "status": "ok", "products": 3}',
    ],
)
def test_what_is_no_record_is_refused_by_its_line(line: bytes) -> None:
    with pytest.raises(BadInput, match=r"Line 2 of fleet\.jsonl is no record of a machine\. Nothing was written"):
        list(read_machines([b"\n", line], "fleet.jsonl"))


def test_a_record_of_another_schema_is_refused_with_both_numbers() -> None:
    line = json.dumps({**record("win0001"), "schema": 2}).encode()
    sentence = r"Line 1 of fleet\.jsonl is a record of schema 2, and this version of the collection reads schema 1\."
    with pytest.raises(BadInput, match=sentence):
        list(read_machines([line], "fleet.jsonl"))
    assert RECORD_SCHEMA == SCHEMA


def test_hosts_in_trouble_are_found() -> None:
    assert of_site(hosts=[host("kms01", host_key(status=5, license_status=5))])["host_not_licensed"] == ["kms01"]
    assert of_site(hosts=[host("kms01", host_key(50), state="Stopped")]) == {"host_service_down": ["kms01"]}
    assert of_site(hosts=[{"name": "kms01", "info": {"unreachable": True, "msg": "It is off."}}]) == {
        "host_unreadable": ["kms01"]
    }
    assert of_site(hosts=[host("kms01", host_key(50), firewall={"exposed": True})]) == {"host_exposed": ["kms01"]}
    refused = {"succeeded": False, "code": "0x80072338"}
    assert of_site(hosts=[host("kms01", host_key(50), last_publishing=refused)]) == {"srv_not_published": ["kms01"]}


def test_a_count_below_a_threshold_is_found_by_its_class() -> None:
    document = page([], **{**HEALTHY, "hosts": [host("kms01", host_key(12))]})
    assert found(document) == {"count_low:windows_client": ["kms01"]}
    assert told(document, "count_low:windows_client") == [
        "Windows(R), Enterprise edition, Windows clients: count 12 of 25, 13 missing."
    ]


def test_a_count_that_is_lower_than_the_machines_it_activated_is_found() -> None:
    assert of_site(hosts=[host("kms01", host_key(29))]) == {"count_stuck": ["kms01"]}
    assert of_site(hosts=[host("kms01", host_key(30))]) == {}


def test_a_count_that_stands_still_below_a_threshold_is_found() -> None:
    before = page([record("win01")], **{**HEALTHY, "hosts": [host("kms01", host_key(12))]})
    later = record("win01", collected="2026-11-23T10:00:00Z")
    still = page([later], previous=before, **{**HEALTHY, "hosts": [host("kms01", host_key(12))]})
    grown = page([later], previous=before, **{**HEALTHY, "hosts": [host("kms01", host_key(13))]})
    assert "count_stuck" in found(still)
    assert "count_stuck" not in found(grown)


def test_a_host_key_on_five_of_six_hosts_is_near_its_limit() -> None:
    names = [f"kms{number:02}" for number in range(1, 6)]
    hosts = [host(name, host_key(50)) for name in names]
    assert found(page([], hosts=hosts, kms_hosts=())) == {"host_key_limit:KHWHT": names}
    assert found(page([], hosts=hosts[:4], kms_hosts=())) == {}
    used_up = host("kms01", host_key(50, license_status_reason=0xC004C008))
    assert "host_key_limit:KHWHT" in found(page([], hosts=[used_up], kms_hosts=()))


def test_the_ledger_tells_hosts_that_are_gone_and_what_a_host_has_spent() -> None:
    hosts = [host(name, host_key(50)) for name in ("kms01", "kms02")]
    gone = {"old1": 1, "old2": 1, "KMS01": 1}
    assert found(page([], hosts=hosts, kms_hosts=(), activations={"KHWHT": gone})) == {}
    fifth = {"KHWHT": {**gone, "old3": 1}}
    assert found(page([], hosts=hosts, kms_hosts=(), activations=fifth)) == {
        "host_key_limit:KHWHT": ["kms01", "kms02", "old1", "old2", "old3"]
    }
    often = page([], hosts=hosts, kms_hosts=(), activations={"KHWHT": {"kms02": 9, "kms01": 8}})
    assert found(often) == {"host_key_limit:KHWHT": ["kms02"]}
    assert told(often, "host_key_limit:KHWHT") == [
        "The key that ends in KHWHT was activated 9 of 10 times on this host."
    ]


def test_a_kms_host_that_nobody_declared_is_found_among_the_machines_and_in_dns() -> None:
    rogue = record("pc17", licence(channel="kms_host"), is_kms_host=True)
    assert found(page([*fleet(), rogue], **HEALTHY)) == {"unmanaged_host": ["pc17"]}
    assert of_site(srv=srv(KMS01, KMS02, f"pc17.{DOMAIN}")) == {"unmanaged_host": [f"pc17.{DOMAIN}"]}


def test_a_declared_host_of_the_fleet_is_read_as_such() -> None:
    kms01 = record("kms01", licence(channel="kms_host"), system=SERVER, is_kms_host=True)
    state = host("kms01", host_key(50), state="Stopped")["info"]["host"]
    assert found(page([*fleet(), {**kms01, "host": state}], srv=srv(KMS01, KMS02))) == {"host_service_down": ["kms01"]}
    unlicensed = record("kms01", licence(channel="kms_host", status=5), is_kms_host=True)
    assert found(page([*fleet(), unlicensed], srv=srv(KMS01, KMS02))) == {"host_not_licensed": ["kms01"]}


def test_records_of_dns_in_trouble_are_found() -> None:
    assert of_site(srv=srv(KMS01)) == {f"srv_missing:{DOMAIN}": [KMS02]}
    assert of_site(srv=srv()) == {f"srv_missing:{DOMAIN}": [DOMAIN]}
    expected = srv(KMS01, KMS02, missing=[{"target": "kms03.corp.example.test."}])
    assert of_site(srv=expected) == {f"srv_missing:{DOMAIN}": [f"kms03.{DOMAIN}"]}
    gone = srv(KMS01, KMS02)
    gone["domains"][0]["records"].append({"target": "gone.", "port": 1688, "status": "timeout", "reason": "no answer"})
    assert of_site(srv=gone) == {f"srv_stale:{DOMAIN}": ["gone"]}
    assert of_site(srv=srv(KMS01, KMS02, f"old-kms.{DOMAIN}")) == {f"srv_stale:{DOMAIN}": [f"old-kms.{DOMAIN}"]}
    assert of_site(srv={"failed": True, "msg": "No server answered."}) == {"dns_unreadable": ["DNS"]}


def test_name_servers_that_differ_are_found() -> None:
    servers = [
        {"server": "ns1", "agrees": True, "problem": None, "lacks": [], "has_alone": []},
        {"server": "ns2", "agrees": False, "problem": None, "lacks": [{"target": f"{KMS02}."}], "has_alone": []},
        {"server": "ns3", "agrees": False, "problem": "ns3 does not answer.", "lacks": [], "has_alone": []},
    ]
    document = page(fleet(), **{**HEALTHY, "srv": srv(KMS01, KMS02, servers=servers, servers_agree=False)})
    assert found(document) == {f"srv_differs:{DOMAIN}": ["ns2", "ns3"]}
    assert told(document, f"srv_differs:{DOMAIN}") == [
        f"{DOMAIN}: lacks {KMS02}, has alone -.",
        f"{DOMAIN}: ns3 does not answer.",
    ]


def test_a_windows_that_no_declared_host_can_activate_is_found() -> None:
    old_key = host_key(50, description="Windows(R) Operating System, VOLUME_KMS_WS16 channel")
    newest = record("srv2025", system={**SERVER, "version": "10.0.26100", "build": 26100})
    document = page([newest], **{**HEALTHY, "hosts": [host("kms01", old_key)]})
    assert found(document) == {"unservable_windows": ["srv2025"]}
    assert found(page([newest], **{**HEALTHY, "hosts": [host("kms01", old_key), host("kms02", host_key(50))]})) == {}


def test_an_evaluation_edition_is_told_by_its_sku_too() -> None:
    system = {**SERVER, "sku": 80, "edition": "Datacenter Evaluation"}
    assert "evaluation" in found(page([record("eval", licence(channel="retail"), system=system)]))
    assert "evaluation" not in found(page([record("real", system=CLIENT)]))


def test_a_cloud_that_activates_its_own_machines_is_no_stranger() -> None:
    cloud = record("vm01", licence(discovered_kms_host="azkms.core.windows.net"), pin="169.254.169.250")
    assert found(page([cloud])) == {}


def test_what_is_new_and_what_is_resolved_is_told_and_the_trend_goes_on() -> None:
    first = page([*fleet(), *FAULTS["unreachable"], *FAULTS["no_key"]])
    later = [{**each, "collected": "2026-11-23T10:00:00Z"} for each in (*fleet(), *FAULTS["unreachable"])]
    worse = {**unread("bad99"), "collected": "2026-11-23T10:00:00Z"}
    second = page([*later, worse, *FAULTS["clock_skew"]], previous=first)
    told = {finding["id"]: (finding["new"], finding["new_machines"]) for finding in second["findings"]}
    assert told == {"unreachable": (False, ["bad99"]), "clock_skew": (True, ["bad14"])}
    assert [each["id"] for each in second["resolved"]] == ["no_key"]
    assert [each["generated"] for each in second["trend"]] == [first["generated"]]
    third = page([{**record("win01"), "collected": "2026-11-24T10:00:00Z"}], previous=second)
    assert [each["machines"] for each in third["trend"]] == [32, 33]


def test_a_report_of_the_same_readings_is_the_same_report() -> None:
    first = page(faulty_fleet())
    assert first["findings"][0]["new"] is None
    later = [{**each, "collected": "2026-11-23T10:00:00Z"} for each in faulty_fleet()]
    second = page(later, previous=first)
    assert page(later, previous=second) == second
    assert page(faulty_fleet(), previous=first) == first


def test_the_same_input_in_another_order_gives_the_same_bytes() -> None:
    records = faulty_fleet()
    assert b"".join(as_json(page(records))) == b"".join(as_json(page(records[::-1])))


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"kind": "volact.kms.report", "schema": 2}', '{"kind": "volact.kms.report", "schema": 1}']
)
def test_what_is_no_earlier_report_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"old\.json is no JSON report of volact\.kms\.report with schema 1"):
        read_document(text, "old.json")


def test_every_kind_can_be_found() -> None:
    """The list of tests above is complete: a kind that nothing yields would be a promise that nobody keeps."""
    source = {kind.value for kind in Kind}
    hosts = {
        "host_not_licensed",
        "host_service_down",
        "host_not_answering",
        "host_exposed",
        "host_unreadable",
        "host_key_limit",
        "count_low",
        "count_stuck",
        "unmanaged_host",
        "dns_unreadable",
        "srv_missing",
        "srv_stale",
        "srv_differs",
        "srv_not_published",
        "unservable_windows",
    }
    assert source == hosts | {name.partition(":")[0] for name in FAULTS}
