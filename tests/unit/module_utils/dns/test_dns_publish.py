# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task with several zones: what is read before anything is changed, who is asked afterwards, and what failed."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import dns.update
import pytest
from unit.module_utils.dns.dns_script import KEY, SECRET, Reply, Script, falls_silent, says, soa

from ansible_collections.volact.kms.plugins.module_utils._dns import _publish
from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import NoAnswer
from ansible_collections.volact.kms.plugins.module_utils._dns._gss import KerberosSession
from ansible_collections.volact.kms.plugins.module_utils._dns._publish import Task, publish
from ansible_collections.volact.kms.plugins.module_utils._errors import DnsError, KmsError, NotConverged
from ansible_collections.volact.kms.plugins.modules.srv_record import ARGUMENT_SPEC

ONE, TWO = "one.example.test.", "two.example.test."
PRIMARY, SECONDARY = "192.0.2.1", "192.0.2.2"
YES = says()


def zone(name: str, secondary: str = "") -> Reply:
    """The zone's name servers: the one that is told, and perhaps another."""
    servers = {f"ns1.{name}": PRIMARY, **({f"ns2.{name}": secondary} if secondary else {})}
    return says(
        answer="\n".join(f"{name} 60 IN NS {server}" for server in servers),
        additional="\n".join(f"{server} 60 IN A {address}" for server, address in servers.items()),
    )


def has(name: str, *, key: t.Any = KEY) -> Reply:
    return says(answer=f"_vlmcs._tcp.{name} 3600 IN SRV 0 0 1688 kms01.example.test.", key=key)


def empty(name: str, *, key: t.Any = KEY) -> Reply:
    return says(rcode="NXDOMAIN", authority=soa(name), key=key)


class Servers:
    """Stands where `SocketExchange` stands: a script for each address."""

    def __init__(self, scripts: dict[str, Script]) -> None:
        self.scripts = scripts

    def __call__(self, name: str, port: int, _timeout: float, **how: t.Any) -> t.Any:
        address = (how.get("addresses") or [name])[0]
        script = self.scripts[address]
        script.server = f"{name} port {port}"
        script.addresses = [address]  # type: ignore[attr-defined]
        return script

    def updates(self) -> int:
        asked = [question for script in self.scripts.values() for question in script.questions]
        return sum(isinstance(each, dns.update.UpdateMessage) for each in asked)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., t.Any]:
    """Runs a task against the primary's and the secondary's replies: the result or the error, and the servers."""

    def run_with(
        primary: list[Reply], secondary: list[Reply] | None = None, *, check: bool = False, **given: t.Any
    ) -> t.Any:
        servers = Servers({PRIMARY: Script(*primary), SECONDARY: Script(*(secondary or []))})
        monkeypatch.setattr(_publish, "SocketExchange", servers)
        options = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
        record = {"target": "kms01.example.test", "port": 1688, "priority": 0, "weight": 0}
        options |= {"zones": [ONE, TWO], "server": PRIMARY, "records": [record], "wait_timeout": 0}
        task = Task.from_options({**options, "tsig_name": "kms-update", "tsig_secret": SECRET, **given})
        try:
            outcome: t.Any = publish(task, check_mode=check)
        except KmsError as error:
            outcome = error
        assert [script.replies for script in servers.scripts.values()] == [[], []]
        return outcome, servers

    return run_with


def test_all_zones_are_read_before_the_first_is_changed(run: Callable[..., t.Any]) -> None:
    error, servers = run([zone(ONE), empty(ONE), says(rcode="REFUSED")])
    assert isinstance(error, DnsError)
    assert "Could not read the zone two.example.test." in error.message
    assert error.progress == {}
    assert servers.updates() == 0


def test_every_server_of_every_zone_is_asked_and_the_one_that_was_told_not_twice(run: Callable[..., t.Any]) -> None:
    result, servers = run(
        [zone(ONE, SECONDARY), empty(ONE), zone(TWO), has(TWO), YES, has(ONE)],
        [has(ONE, key=None)],
    )
    assert result["changed"] is True
    assert [each["changed"] for each in result["zones"]] == [True, False]
    assert [[view["server"] for view in each["servers"]] for each in result["zones"]] == [
        ["192.0.2.1 port 53", "ns2.one.example.test port 53"],
        ["192.0.2.1 port 53"],
    ]
    assert servers.updates() == 1
    assert result["diff"]["after"] == "".join(
        f"_vlmcs._tcp.{each} 3600 IN SRV 0 0 1688 kms01.example.test.\n" for each in (ONE, TWO)
    )


def test_a_server_that_lags_fails_the_task_that_changed(run: Callable[..., t.Any]) -> None:
    error, _servers = run([zone(ONE, SECONDARY), empty(ONE), YES, has(ONE)], [empty(ONE, key=None)], zones=[ONE])
    assert isinstance(error, NotConverged)
    assert "after 0 s 1 of the zone's 2 servers still disagreed. The DNS server ns2.one" in error.message
    assert error.progress["changed"] is True
    assert [view["agrees"] for view in error.progress["zones"][0]["servers"]] == [True, False]


def test_given_servers_are_asked_instead_of_the_zones_own(run: Callable[..., t.Any]) -> None:
    result, _servers = run(
        [zone(ONE), has(ONE)], [has(ONE, key=None)], zones=[ONE], verify_servers=[SECONDARY, PRIMARY, SECONDARY]
    )
    assert [view["server"] for view in result["zones"][0]["servers"]] == ["192.0.2.1 port 53", "192.0.2.2 port 53"]


def test_check_mode_asks_the_update_server_only(run: Callable[..., t.Any]) -> None:
    result, servers = run([zone(ONE, SECONDARY), empty(ONE), zone(TWO), has(TWO)], check=True)
    assert [each["changed"] for each in result["zones"]] == [True, False]
    assert [each["servers"] for each in result["zones"]] == [[], []]
    assert servers.updates() == 0


def test_a_refused_zone_leaves_the_others_to_be_changed_and_every_failure_is_told(run: Callable[..., t.Any]) -> None:
    refused = says(rcode="REFUSED")
    error, _servers = run([zone(ONE), empty(ONE), zone(TWO), empty(TWO), refused, YES, has(TWO)])
    assert (error.name, error.progress["changed"]) == ("REFUSED", True)
    assert [each["zone"] for each in error.progress["zones"]] == [TWO]
    both, _servers = run([zone(ONE), empty(ONE), zone(TWO), empty(TWO), refused, refused])
    assert both.message.count("refused it (REFUSED)") == 2
    assert both.progress == {"changed": False}


def test_a_server_that_falls_silent_is_not_asked_for_the_other_zones(run: Callable[..., t.Any]) -> None:
    error, _servers = run([zone(ONE), empty(ONE), zone(TWO), empty(TWO), falls_silent(sent=False)])
    assert isinstance(error, NoAnswer)
    assert error.progress == {"changed": False}


def test_a_zone_that_is_named_twice_is_one(run: Callable[..., t.Any]) -> None:
    result, _servers = run([zone(ONE), has(ONE)], zones=[ONE, ONE.upper(), ONE.rstrip(".")])
    assert [each["zone"] for each in result["zones"]] == [ONE]


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({"server": "DC1.corp.example.test."}, "DC1.corp.example.test"),
        ({"gss_server_name": "dc2.corp.example.test."}, "dc2.corp.example.test"),
        ({}, "ns.one.example.test"),
    ],
)
def test_the_ticket_is_for_the_given_name_the_servers_name_or_the_primary(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, str], host: str
) -> None:
    found: list[str] = []
    script = Script(says(answer=soa(ONE), key=None))
    servers = Servers({PRIMARY: script, "DC1.corp.example.test.": script})
    monkeypatch.setattr(_publish, "SocketExchange", servers)
    monkeypatch.setattr(_publish, "require_gssapi", lambda: None)
    monkeypatch.setattr(
        _publish,
        "KerberosSession",
        lambda exchange, login, name: KerberosSession(exchange, login, lambda: keep(name())),
    )

    def keep(name: str) -> str:
        found.append(name)
        raise NoAnswer("far enough", sent=False)

    defaults = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    record = {"target": "kms01", "port": 1688, "priority": 0, "weight": 0}
    given = {**defaults, "zones": [ONE], "server": PRIMARY, "records": [record], "gss_tsig": True, **options}
    task = Task.from_options(given)
    assert task.requests[0].refresh is True
    with pytest.raises(NoAnswer):
        task.requests[0].conversation.prepare()
    assert found == [host]
