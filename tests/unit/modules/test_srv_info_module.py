# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_info`: what it finds in two DNS servers and at KMS hosts, and what it says when it cannot."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterator

import pytest
from ansible.module_utils import basic
from unit.modules.dns_site import KMS_HOSTS, ORIGIN, SERVERS, DnsSite

from ansible_collections.volact.kms.plugins.module_utils._dns import _dnspython
from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import SocketExchange
from ansible_collections.volact.kms.plugins.modules import srv_info

ZONE = str(ORIGIN)
Run = Callable[..., dict[str, t.Any]]


@pytest.fixture(scope="module")
def site() -> Iterator[DnsSite]:
    with DnsSite() as running:
        yield running


@pytest.fixture
def run(site: DnsSite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the module in this process against the site, with its options changed; None leaves one out."""

    def run_with(**changed: t.Any) -> dict[str, t.Any]:
        options = {"domains": [ZONE], "server": SERVERS[0], "server_port": site.port, "timeout": 2, **changed}
        given = {name: value for name, value in options.items() if value is not None}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        # The core keeps warnings for the whole process, each version of it in another place.
        warned: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warned.append(text))
        with pytest.raises(SystemExit):
            srv_info.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        return {**result, "warnings": warned}

    return run_with


def plain(target: str, port: int, priority: int = 0, weight: int = 0) -> dict[str, t.Any]:
    return {"target": f"{target}.{ZONE}", "port": port, "priority": priority, "weight": weight}


def test_a_client_finds_the_hosts_of_the_first_domain_that_has_records(site: DnsSite, run: Run) -> None:
    site.hold(f"10 0 {site.kms_port} kms01.{ZONE}", f"0 1 1688 kms02.{ZONE}", f"0 3 1690 kms02.{ZONE}")
    result = run(domains=[f"branch.{ZONE}", ZONE])
    assert result["changed"] is False
    assert result["domain"] == ZONE
    name = ZONE.rstrip(".")
    assert result["order"] == [f"kms02.{name}:1690", f"kms02.{name}:1688", f"kms01.{name}:{site.kms_port}"]
    empty, full = result["domains"]
    assert (empty["domain"], empty["name"], empty["zone"]) == (f"branch.{ZONE}", f"_vlmcs._tcp.branch.{ZONE}", ZONE)
    assert (empty["records"], empty["missing"], empty["unexpected"], empty["stale"]) == ([], None, None, None)
    assert [each["first_choice_percent"] for each in full["records"]] == [75.0, 25.0, 100.0]
    assert {each["ttl"] for each in full["records"]} == {300}
    assert full["records"][2]["addresses"] == [
        {
            "address": KMS_HOSTS["kms01"],
            "public": False,
            "status": None,
            "reason": None,
            "connect_milliseconds": None,
            "answer_milliseconds": None,
        }
    ]
    assert (result["as_expected"], result["all_kms"], result["servers_agree"]) == (None, None, True)


def test_no_records_at_all_are_no_error(site: DnsSite, run: Run) -> None:
    site.hold()
    result = run(check=True, expected=[])
    assert (result["domain"], result["order"], result["all_kms"], result["as_expected"]) == (None, [], False, True)


def test_each_authoritative_server_is_asked_and_the_one_that_lags_is_named(site: DnsSite, run: Run) -> None:
    site.hold(f"0 0 1688 kms01.{ZONE}", f"0 0 1688 kms02.{ZONE}", secondary=[f"0 0 1688 kms01.{ZONE}"])
    result = run()
    assert result["servers_agree"] is False
    first, second = result["domains"][0]["servers"]
    assert first["server"] == f"ns.{ZONE.rstrip('.')} ({SERVERS[0]}) port {site.port}"
    assert (first["agrees"], first["problem"], first["ttl"]) == (True, None, 300)
    assert first["records"] == [plain("kms01", 1688), plain("kms02", 1688)]
    assert (second["agrees"], second["lacks"], second["has_alone"]) == (False, [plain("kms02", 1688)], [])
    assert result["warnings"] == [
        f"The DNS servers of {ZONE} do not agree on _vlmcs._tcp.{ZONE}: {second['server']} lacks 0 0 1688 kms02.{ZONE}."
    ]


def test_another_ttl_is_a_difference(site: DnsSite, run: Run) -> None:
    site.hold(f"0 0 1688 kms01.{ZONE}", old_ttl=60)
    result = run()
    assert [each["agrees"] for each in result["domains"][0]["servers"]] == [True, False]
    assert result["warnings"][0].endswith("has another TTL, 60.")


def test_a_record_that_one_server_has_alone_is_named(site: DnsSite, run: Run) -> None:
    site.hold(secondary=[f"0 0 1688 kms02.{ZONE}"])
    second = run()["domains"][0]["servers"][1]
    assert (second["agrees"], second["lacks"], second["has_alone"]) == (False, [], [plain("kms02", 1688)])


def test_a_server_that_cannot_be_read_is_a_finding_and_no_failure(site: DnsSite, run: Run) -> None:
    site.hold(f"0 0 1688 kms01.{ZONE}")
    result = run(verify_servers=[SERVERS[1], "127.0.9.3"], timeout=1)
    answered, silent = result["domains"][0]["servers"]
    assert answered["agrees"] is True
    assert (silent["server"], silent["agrees"], silent["records"]) == ("127.0.9.3", False, None)
    assert silent["problem"] == f"The DNS server 127.0.9.3 port {site.port} cannot be asked: Connection refused."
    assert result["warnings"] == [
        f"The DNS servers of {ZONE} do not agree on _vlmcs._tcp.{ZONE}: {silent['problem']}",
    ]


def test_no_authoritative_server_is_asked_when_told_so(site: DnsSite, run: Run) -> None:
    site.hold(f"0 0 1688 kms01.{ZONE}", secondary=[])
    result = run(verify_servers=[])
    assert (result["servers_agree"], result["domains"][0]["servers_agree"], result["domains"][0]["servers"]) == (
        None,
        None,
        [],
    )
    assert result["warnings"] == []


def test_missing_unexpected_and_stale_records_are_told_apart(site: DnsSite, run: Run) -> None:
    site.hold(f"0 0 {site.kms_port} kms01.{ZONE}", f"0 0 1688 kms02.{ZONE}")
    expected = [{"target": "kms03"}]
    result = run(expected=expected, check=True, check_timeout=2)
    (domain,) = result["domains"]
    assert result["as_expected"] is False
    assert domain["missing"] == [{"target": f"kms03.{ZONE}", "port": 1688, "priority": None, "weight": None}]
    assert domain["unexpected"] == [plain("kms02", 1688), plain("kms01", site.kms_port)]
    assert domain["stale"] == [plain("kms02", 1688)]
    assert run(expected=expected)["domains"][0]["stale"] is None, "nobody was asked"
    wanted = [{"target": "kms01", "port": site.kms_port, "priority": 0}, {"target": f"kms02.{ZONE}", "weight": 0}]
    assert run(expected=wanted)["as_expected"] is True


def test_a_check_asks_each_host_that_is_named(site: DnsSite, run: Run) -> None:
    site.hold(
        f"0 0 {site.kms_port} kms01.{ZONE}",
        f"10 0 1688 kms02.{ZONE}",
        f"20 0 1688 nobody.{ZONE}",
        "30 0 1688 kms.elsewhere.invalid.",
    )
    result = run(check=True, check_timeout=2)
    assert result["all_kms"] is False
    found = {each["target"]: each for each in result["domains"][0]["records"]}
    assert found[f"kms01.{ZONE}"]["status"] == "kms"
    assert found[f"kms01.{ZONE}"]["addresses"][0]["answer_milliseconds"] > 0
    assert found[f"kms02.{ZONE}"]["status"] == "refused"
    assert (found[f"nobody.{ZONE}"]["status"], found[f"nobody.{ZONE}"]["reason"]) == (
        "name_not_found",
        "has no address in DNS",
    )
    assert found["kms.elsewhere.invalid."]["status"] == "name_not_found"
    site.hold(f"0 0 {site.kms_port} kms01.{ZONE}")
    assert run(check=True)["all_kms"] is True


def test_a_domain_that_says_it_has_no_kms_host_has_none(site: DnsSite, run: Run) -> None:
    site.hold("0 0 0 .")
    result = run(check=True)
    assert (result["domain"], result["order"]) == (None, [])
    (record,) = result["domains"][0]["records"]
    assert (record["target"], record["status"], record["first_choice_percent"]) == (".", None, 0.0)


def test_the_settings_of_this_machine_name_the_server_when_no_option_does(
    site: DnsSite, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.hold(f"0 0 1688 kms01.{ZONE}")
    here = SocketExchange(SERVERS[1], site.port, 2)
    monkeypatch.setattr("ansible_collections.volact.kms.plugins.module_utils._survey.system_resolver", lambda _s: here)
    assert run(server=None)["domain"] == ZONE


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"domains": []}, "bad_input", "The list of domains is empty. Name at least one."),
        ({"domains": ["a b"]}, "bad_input", "The zone 'a b' is empty, or holds blanks, quotes or backslashes."),
        ({"verify_servers": [""]}, "bad_input", "An item of verify_servers is empty."),
        ({"expected": [{"target": "192.0.2.1"}]}, "bad_input", "The target '192.0.2.1' is an address"),
        ({"check": True, "check_timeout": 0}, "bad_input", "The timeout 0 is not between 1 and 600 seconds."),
        (
            {"domains": ["elsewhere.test"]},
            "dns_error",
            "Could not look up the SRV records of _vlmcs._tcp.elsewhere.test.",
        ),
        ({"server": "127.0.9.3", "timeout": 1}, "dns_no_answer", "The DNS server 127.0.9.3 port"),
    ],
)
def test_what_cannot_be_looked_up_fails_in_one_sentence(
    site: DnsSite, run: Run, changed: dict[str, t.Any], kind: str, message: str
) -> None:
    site.hold(f"0 0 1688 kms01.{ZONE}")
    result = run(**changed)
    assert (result["failed"], result["changed"], result["error"]["kind"]) == (True, False, kind)
    assert result["msg"].startswith(message)


def test_a_missing_dnspython_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dnspython, "INSTALLED", None)
    assert run()["error"]["kind"] == "missing_library"
