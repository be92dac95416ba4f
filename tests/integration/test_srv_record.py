# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_record` as Ansible runs it, against BIND and against the lab's own server."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from dns_relay import Interceptor
from dns_servers import COLLECTIONS, NAME, DnsServer, Key, Zone, bind, lab, only_zone, run_module

ZONE = "corp.example.test"


@pytest.fixture(scope="module")
def bind_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    key = Key("kms-update")
    zone = Zone(ZONE, f'update-policy {{ grant "{key.name}" zonesub SRV; }};')
    with bind(tmp_path_factory.mktemp("bind"), [zone], [key]) as (address, port):
        yield DnsServer(address, port, ZONE, key)


@pytest.fixture(scope="module")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    with lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(params=["lab_server", pytest.param("bind_server", marks=pytest.mark.bind)])
def server(request: pytest.FixtureRequest) -> DnsServer:
    """Each kind of server in turn, without any KMS record."""
    found: DnsServer = request.getfixturevalue(request.param)
    found.set_records(3600)
    return found


def line(server: DnsServer, ttl: int, rdata: str) -> str:
    return f"{NAME}.{server.zone}. {ttl} IN SRV {rdata}\n"


def test_a_missing_record_is_added_and_the_result_lists_it(server: DnsServer) -> None:
    result = run_module(server.options("kms01.corp.example.test"))
    assert result["changed"] is True
    zone = only_zone(result)
    assert (zone["zone"], zone["name"]) == (f"{server.zone}.", f"{NAME}.{server.zone}.")
    assert zone["records"] == [
        {"target": "kms01.corp.example.test.", "port": 1688, "priority": 0, "weight": 0, "ttl": 3600}
    ]
    assert result["diff"] == {"before": "", "after": line(server, 3600, "0 0 1688 kms01.corp.example.test.")}
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]


def test_four_runs_are_changed_changed_ok_ok_and_the_zone_keeps_its_serial(server: DnsServer) -> None:
    options = server.options("kms01.corp.example.test", {"target": "kms02", "priority": 10, "weight": 5})
    before = server.serial()
    predicted = run_module(options, check=True)
    assert server.serial() == before
    applied = run_module(options)
    after = server.serial()
    again = run_module(options)
    checked = run_module(options, check=True)
    assert [each["changed"] for each in (predicted, applied, again, checked)] == [True, True, False, False]
    assert predicted["diff"] == applied["diff"]
    assert only_zone(predicted)["records"] == only_zone(applied)["records"] == only_zone(again)["records"]
    assert again["diff"]["before"] == again["diff"]["after"] == applied["diff"]["after"]
    assert after > before
    assert server.serial() == after


def test_check_mode_sends_no_update(server: DnsServer) -> None:
    with Interceptor(server) as relay:
        assert run_module(server.options("kms01.corp.example.test", **relay.place), check=True)["changed"]
    assert relay.updates == 0
    assert server.records() == []


def test_a_second_host_leaves_the_first(server: DnsServer) -> None:
    run_module(server.options("kms01.corp.example.test"))
    result = run_module(server.options("kms02.corp.example.test"))
    assert [record["target"] for record in only_zone(result)["records"]] == [
        "kms01.corp.example.test.",
        "kms02.corp.example.test.",
    ]
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 0 0 1688 kms02.corp.example.test."]


def test_absent_removes_only_ours_whatever_its_priority(server: DnsServer) -> None:
    server.set_records(600, "7 3 1688 kms01.corp.example.test.", "0 0 1688 kms02.corp.example.test.")
    result = run_module(server.options("kms01.corp.example.test", state="absent"))
    assert result["changed"] is True
    assert result["diff"]["before"].count("\n") == 2
    assert server.records() == ["600 0 0 1688 kms02.corp.example.test."]
    assert run_module(server.options("kms01.corp.example.test", state="absent"))["changed"] is False


def test_absent_removes_the_last_record(server: DnsServer) -> None:
    server.set_records(600, "0 0 1688 kms01.corp.example.test.")
    result = run_module(server.options("KMS01.corp.example.test.", state="absent"))
    assert result["changed"] is True
    assert only_zone(result)["records"] == []
    assert server.records() == []


def test_another_port_of_the_same_machine_is_another_record(server: DnsServer) -> None:
    server.set_records(3600, "0 0 1690 kms01.corp.example.test.")
    run_module(server.options("kms01.corp.example.test"))
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 0 0 1690 kms01.corp.example.test."]


def test_a_drifted_ttl_is_corrected_for_the_whole_set(server: DnsServer) -> None:
    server.set_records(60, "0 0 1688 kms01.corp.example.test.", "0 0 1688 other.corp.example.test.")
    result = run_module(server.options("kms01.corp.example.test"))
    assert result["changed"] is True
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 0 0 1688 other.corp.example.test."]


def test_another_priority_replaces_the_record(server: DnsServer) -> None:
    server.set_records(3600, "0 0 1688 kms01.corp.example.test.", "0 0 1688 other.corp.example.test.")
    result = run_module(server.options({"target": "kms01.corp.example.test", "priority": 20, "weight": 1}))
    assert result["changed"] is True
    assert server.records() == ["3600 0 0 1688 other.corp.example.test.", "3600 20 1 1688 kms01.corp.example.test."]
    assert line(server, 3600, "20 1 1688 kms01.corp.example.test.") in result["diff"]["after"]


def test_a_set_too_large_for_a_datagram_goes_over_tcp(server: DnsServer) -> None:
    names = [f"kms{number:02}.with-a-rather-long-subdomain.corp.example.test" for number in range(30)]
    first = run_module(server.options(*names))
    assert first["changed"] is True, first
    assert len(server.records()) == 30
    assert run_module(server.options(*names))["changed"] is False
    assert run_module(server.options("last.corp.example.test"))["changed"] is True
    assert len(server.records()) == 31


def test_records_that_changed_since_they_were_read_are_read_again(server: DnsServer) -> None:
    def somebody_is_faster(count: int) -> bool:
        if count == 1:
            server.set_records(3600, "0 0 1688 other.corp.example.test.")
        return True

    with Interceptor(server, before=somebody_is_faster) as relay:
        result = run_module(server.options("kms01.corp.example.test", **relay.place))
    assert result["changed"] is True
    assert relay.updates == 2
    assert line(server, 3600, "0 0 1688 other.corp.example.test.") == result["diff"]["before"]
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 0 0 1688 other.corp.example.test."]


def test_a_race_that_is_lost_every_time_ends(server: DnsServer) -> None:
    def somebody_is_always_faster(count: int) -> bool:
        server.set_records(3600, f"{count} 0 1688 other.corp.example.test.")
        return True

    with Interceptor(server, before=somebody_is_always_faster) as relay:
        result = run_module(server.options("kms01.corp.example.test", **relay.place))
    assert result["failed"] is True
    assert relay.updates == 21
    assert "changed by somebody else 21 times in a row" in result["msg"]
    assert server.records() == ["3600 21 0 1688 other.corp.example.test."]


def test_an_update_whose_answer_is_lost_is_not_applied_twice_and_counts_as_changed(server: DnsServer) -> None:
    with Interceptor(server, after=lambda count: count > 1) as relay:
        result = run_module(server.options("kms01.corp.example.test", **relay.place))
    assert result["changed"] is True
    assert relay.updates == 2
    assert result["diff"] == {"before": "", "after": line(server, 3600, "0 0 1688 kms01.corp.example.test.")}
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]


def test_an_update_that_is_never_answered_is_judged_by_the_records(server: DnsServer) -> None:
    with Interceptor(server, after=lambda _count: False) as relay:
        applied = run_module(server.options("kms01.corp.example.test", **relay.place, timeout=1))
    with Interceptor(server, before=lambda _count: False) as relay:
        swallowed = run_module(server.options("kms02.corp.example.test", **relay.place, timeout=1))
    assert applied["changed"] is True
    assert swallowed["failed"] is True
    assert swallowed["error"]["kind"] == "dns_no_answer"
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]


@pytest.mark.parametrize("check", [False, True])
def test_an_unknown_key_is_badkey(server: DnsServer, check: bool) -> None:
    result = run_module(server.options("kms01.corp.example.test", tsig_name="nobody"), check=check)
    assert result["failed"] is True
    assert result["error"]["name"] == "BADKEY"
    assert result["error"]["code"] == "0x00000011"
    assert "does not know a key of this name and algorithm (BADKEY)" in result["msg"]
    assert "nobody" in result["msg"]
    assert server.records() == []


@pytest.mark.parametrize("check", [False, True])
def test_a_wrong_secret_is_badsig(server: DnsServer, check: bool) -> None:
    secret = Key("kms-update").secret
    result = run_module(server.options("kms01.corp.example.test", tsig_secret=secret), check=check)
    assert result["failed"] is True
    assert result["error"]["name"] == "BADSIG"
    assert "the secret is not the one it has for this key (BADSIG)" in result["msg"]
    assert server.records() == []


def test_an_unsigned_update_is_refused(server: DnsServer) -> None:
    unsigned = {"tsig_name": None, "tsig_secret": None}
    result = run_module(server.options("kms01.corp.example.test", **unsigned))
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["error"]["name"] == "REFUSED"
    assert result["error"]["operation"] == "update"
    assert "not signed" in result["error"]["hint"]
    assert server.records() == []


@pytest.mark.parametrize("zone", ["elsewhere.test", "sub.corp.example.test", "example.test"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_zone_that_is_not_served_fails_before_anything_is_sent(server: DnsServer, zone: str, state: str) -> None:
    with Interceptor(server) as relay:
        result = run_module(server.options("kms01.corp.example.test", **relay.place, zone=zone, state=state))
    assert result["failed"] is True
    assert result["error"]["kind"] == "dns_error"
    assert f"Could not read the zone {zone}." in result["msg"] or f"has no zone {zone}." in result["msg"]
    assert relay.updates == 0


def test_a_silent_server_fails_within_the_timeout(server: DnsServer) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address, port = silent.getsockname()
        started = time.monotonic()
        result = run_module(server.options("kms01", server=address, server_port=port, timeout=1))
    assert time.monotonic() - started < 5
    assert result["failed"] is True
    assert "did not answer within 1 s" in result["msg"]
    assert result["error"]["kind"] == "dns_no_answer"


def ansible_playbook(play: list[dict[str, t.Any]], variables: dict[str, t.Any], folder: Path, *arguments: str) -> str:
    """Everything that a play on localhost writes to the terminal and to Ansible's log."""
    playbook, settings, log = folder / "play.json", folder / "settings.json", folder / "ansible.log"
    playbook.write_text(json.dumps(play), encoding="utf-8")
    settings.write_text(json.dumps(variables), encoding="utf-8")
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "ansible", "playbook", str(playbook), "--extra-vars", f"@{settings}", "--diff"]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "ANSIBLE_LOG_PATH": str(log),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    done = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    return done.stdout + done.stderr + log.read_text(encoding="utf-8")


@pytest.mark.parametrize("good", [True, False])
def test_the_secret_is_never_written_at_the_highest_verbosity(server: DnsServer, tmp_path: Path, good: bool) -> None:
    canary = server.key.secret if good else Key("kms-update").secret
    options = server.options("kms01.corp.example.test", tsig_secret="{{ canary }}")
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": [{"volact.kms.srv_record": options}]}]
    written = ansible_playbook(play, {"canary": canary}, tmp_path, "-vvvv")
    assert ("changed=1" if good else "failed=1") in written, written
    assert ("0 0 1688 kms01.corp.example.test." if good else "BADSIG") in written
    assert canary not in written


def run_role(server: DnsServer, folder: Path, *arguments: str, **variables: t.Any) -> str:
    """What a play with the role writes; the recap at its end tells what happened."""
    given = {
        "kms_dns_server": server.address,
        "kms_dns_server_port": server.port,
        "kms_dns_zone": server.zone,
        "kms_dns_tsig_name": server.key.name,
        "kms_dns_tsig_secret": server.key.secret,
        "kms_dns_tsig_algorithm": server.key.algorithm,
        **variables,
    }
    play = [{"hosts": "localhost", "gather_facts": False, "roles": ["volact.kms.kms_dns"]}]
    written = ansible_playbook(play, given, folder, *arguments)
    assert server.key.secret not in written
    return written


def test_the_role_publishes_an_explicit_list_and_then_changes_nothing(lab_server: DnsServer, tmp_path: Path) -> None:
    lab_server.set_records(3600)
    hosts = ["kms01.corp.example.test", {"target": "kms02.corp.example.test", "priority": 10, "port": 1690}]
    first = run_role(lab_server, tmp_path, "-vvvv", kms_dns_hosts=hosts)
    assert "changed=1" in first, first
    assert lab_server.records() == ["3600 0 0 1688 kms01.corp.example.test.", "3600 10 0 1690 kms02.corp.example.test."]
    second = run_role(lab_server, tmp_path, kms_dns_hosts=hosts)
    assert "changed=0" in second
    assert "failed=0" in second
    gone = run_role(lab_server, tmp_path, kms_dns_hosts=hosts[:1], kms_dns_state="absent")
    assert "changed=1" in gone
    assert lab_server.records() == ["3600 10 0 1690 kms02.corp.example.test."]


def test_the_role_says_what_is_missing(lab_server: DnsServer, tmp_path: Path) -> None:
    written = run_role(lab_server, tmp_path)
    assert "missing required arguments: kms_dns_hosts" in written
    assert "failed=1" in written
