# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_record` with GSS-TSIG, against the secure-only zone of a real Active Directory domain controller."""

from __future__ import annotations

import json
import typing as t
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from dns_relay import Interceptor
from dns_servers import NAME, Bind, Interpreter, ServedZone, Zone, only_zone, run_module
from samba_server import HOST, PUBLISHER, REALM, STRANGER, ZONE, DomainController, kinit, samba, what_is_missing

KMS01, KMS02 = f"kms01.{ZONE}", f"kms02.{ZONE}"


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DomainController]:
    if missing := what_is_missing():
        pytest.skip(missing)
    with samba(tmp_path_factory.mktemp("samba")) as running:
        yield running


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """A name of its own for each test: in this zone, records belong to who made them, and stay."""
    return f"_kms{zlib.crc32(request.node.name.encode())}._tcp"


def records(controller: DomainController, service: str) -> list[str]:
    """The records of a service as "ttl priority weight port target", sorted."""
    answer = controller.query(f"{service}.{ZONE}", "SRV").answer
    return sorted(f"{rrset.ttl} {each}" for rrset in answer for each in rrset)


def run(controller: DomainController, options: dict[str, t.Any], *, check: bool = False) -> dict[str, t.Any]:
    return run_module(options, check=check, python=controller.python)


def stranger(**more: t.Any) -> dict[str, t.Any]:
    """Options that make the other account the one that asks."""
    return {"gss_principal": STRANGER.principal, "gss_password": STRANGER.password, **more}


def test_four_runs_are_changed_changed_ok_ok_and_what_is_there_is_refreshed(
    controller: DomainController, service: str
) -> None:
    options = controller.options(KMS01, {"target": KMS02, "priority": 10}, service=service)
    runs = [run(controller, options, check=check) for check in (True, False, False, True)]
    assert [each["changed"] for each in runs] == [True, True, False, False], runs
    assert [only_zone(each)["refreshed"] for each in runs] == [False, False, True, False]
    assert runs[0]["diff"] == runs[1]["diff"]
    assert runs[1]["diff"]["after"] == (
        f"{service}.{ZONE}. 3600 IN SRV 0 0 1688 {KMS01}.\n{service}.{ZONE}. 3600 IN SRV 10 0 1688 {KMS02}.\n"
    )
    assert records(controller, service) == [f"3600 0 0 1688 {KMS01}.", f"3600 10 0 1688 {KMS02}."]


def test_records_change_their_ttl_and_go_away_again(controller: DomainController, service: str) -> None:
    run(controller, controller.options(KMS01, KMS02, service=service))
    slower = run(controller, controller.options({"target": KMS01, "weight": 7}, service=service, ttl=600))
    assert slower["changed"] is True
    assert records(controller, service) == [f"600 0 0 1688 {KMS02}.", f"600 0 7 1688 {KMS01}."]
    only = run(controller, controller.options(KMS01, service=service, ttl=600, exclusive=True))
    assert only["changed"] is True
    assert records(controller, service) == [f"600 0 0 1688 {KMS01}."]
    gone = [run(controller, controller.options(KMS01, service=service, state="absent")) for _run in range(2)]
    assert [each["changed"] for each in gone] == [True, False]
    assert records(controller, service) == []


def test_the_name_server_is_found_and_asked(controller: DomainController, service: str) -> None:
    (only,) = only_zone(run(controller, controller.options(KMS01, service=service)))["servers"]
    assert only == {"server": f"{controller.address} port {controller.port}", "agrees": True, "problem": None}


def files(*folders: Path) -> set[Path]:
    return {path for folder in folders for path in folder.iterdir() if "krb5cc" in path.name or "cache" in path.name}


@pytest.mark.parametrize("way", ["password", "keytab", "keytab without a principal"])
def test_no_ticket_is_left_behind(controller: DomainController, service: str, way: str) -> None:
    cache = Path(controller.python.environment["KRB5CCNAME"].removeprefix("FILE:"))
    cache.unlink(missing_ok=True)
    folders = (cache.parent, Path("/tmp"))
    before = files(*folders)
    login: dict[str, t.Any] = {}
    if way != "password":
        login = {"gss_password": None, "gss_keytab": str(controller.keytab(PUBLISHER.name))}
    if way == "keytab without a principal":
        login["gss_principal"] = None
    result = run(controller, controller.options(KMS01, service=service, **login))
    assert result["changed"] is True, result
    assert files(*folders) == before


@pytest.mark.parametrize("named", [True, False])
def test_the_ticket_cache_is_used(controller: DomainController, service: str, named: bool) -> None:
    kinit(controller, PUBLISHER)
    principal = PUBLISHER.principal if named else None
    options = controller.options(KMS01, service=service, gss_principal=principal, gss_password=None)
    assert run(controller, options)["changed"] is True
    assert records(controller, service) == [f"3600 0 0 1688 {KMS01}."]


def test_a_record_of_another_account_is_denied_with_the_reason(controller: DomainController, service: str) -> None:
    run(controller, controller.options(KMS01, service=service))
    for options in (
        controller.options(KMS02, service=service, **stranger()),
        controller.options(KMS01, service=service, state="absent", **stranger()),
        controller.options(KMS01, service=service, **stranger()),
    ):
        result = run(controller, options)
        assert result["failed"] is True
        assert result["changed"] is False
        # Samba 4.17 says SERVFAIL, later versions REFUSED; neither is signed.
        assert result["error"]["name"] in ("SERVFAIL", "REFUSED")
        assert f"Could not change the SRV records of {service}.{ZONE}." in result["msg"]
        assert f"The request was signed as {STRANGER.principal} (GSS-TSIG)." in result["msg"]
        assert result["error"]["hint"] == (
            "In a zone of Active Directory records belong to the account that made them. Publish all KMS hosts with "
            f"one account, or give {STRANGER.principal} the right to write this record."
        )
    assert records(controller, service) == [f"3600 0 0 1688 {KMS01}."]
    unchanged = run(controller, controller.options(KMS01, service=service, refresh=False, **stranger()))
    assert unchanged["changed"] is False
    assert unchanged.get("failed") is not True


def test_an_unsigned_update_is_refused_and_gss_tsig_named(controller: DomainController, service: str) -> None:
    unsigned = {"gss_tsig": None, "gss_principal": None, "gss_password": None}
    result = run(controller, controller.options(KMS01, service=service, **unsigned))
    assert result["error"]["name"] == "REFUSED"
    assert "or gss_tsig if it is one of Active Directory" in result["error"]["hint"]
    assert records(controller, service) == []


CHECK = "Check that gss_principal and gss_password are right,"
WRONG_LOGINS: dict[str, tuple[dict[str, t.Any], str, str]] = {
    "a wrong password": (
        {"gss_password": "guessed"},
        f"Could not get a Kerberos ticket for {PUBLISHER.principal}: ",
        CHECK,
    ),
    "an unknown account": (
        {"gss_principal": f"nobody@{REALM}"},
        f"Could not get a Kerberos ticket for nobody@{REALM}: ",
        CHECK,
    ),
    "an unknown realm": (
        {"gss_principal": "svc-kms@ELSEWHERE.TEST"},
        "Could not get a Kerberos ticket for svc-kms@ELSEWHERE.TEST: ",
        CHECK,
    ),
    "no ticket": (
        {"gss_principal": None, "gss_password": None},
        "Could not get a Kerberos ticket for the account of the ticket cache: ",
        "Run kinit for the user who runs the module,",
    ),
    "a keytab that is not there": (
        {"gss_password": None, "gss_keytab": "/nonexistent.keytab"},
        f"Could not get a Kerberos ticket for {PUBLISHER.principal}: No such file or directory.",
        "Check that gss_keytab can be read",
    ),
    "another host": (
        {"gss_server_name": f"dc9.{ZONE}"},
        f"Could not get a Kerberos ticket for the DNS server's principal DNS/dc9.{ZONE}: ",
        "Check that gss_server_name is the DNS server's own full host name",
    ),
}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("wrong", WRONG_LOGINS)
def test_a_wrong_login_fails_even_in_check_mode_and_says_what_to_check(
    controller: DomainController, service: str, wrong: str, check: bool
) -> None:
    Path(controller.python.environment["KRB5CCNAME"].removeprefix("FILE:")).unlink(missing_ok=True)
    changed, message, hint = WRONG_LOGINS[wrong]
    result = run(controller, controller.options(KMS01, service=service, **changed), check=check)
    assert result["error"]["kind"] == "kerberos_error"
    assert result["msg"].startswith(message)
    assert len(result["msg"]) > len(message) + 10
    assert hint in result["msg"]
    assert "Major" not in result["msg"]
    assert result["changed"] is False
    assert records(controller, service) == []


def test_the_servers_name_may_be_given_as_people_write_it(controller: DomainController, service: str) -> None:
    options = controller.options(KMS01, service=service, gss_server_name=f"DC1.{ZONE.upper()}.")
    assert run(controller, options)["changed"] is True


def test_a_race_that_samba_reports_unsigned_is_lost_and_run_again(controller: DomainController, service: str) -> None:
    def somebody_is_faster(count: int) -> bool:
        if count == 1:
            run(controller, controller.options(KMS02, service=service))
        return True

    with Interceptor(controller, before=somebody_is_faster) as relay:
        options = controller.options(KMS01, service=service, gss_server_name=HOST, **relay.place)
        result = run(controller, options)
    assert result["changed"] is True, result
    assert relay.updates == 2
    assert records(controller, service) == [f"3600 0 0 1688 {KMS01}.", f"3600 0 0 1688 {KMS02}."]


def without_signature(answer: bytes) -> bytes:
    """The header of the answer alone: a success that anybody could have sent."""
    return answer[:4] + bytes(8)


def with_a_bad_signature(answer: bytes) -> bytes:
    """The last octets of the signature turned round; behind it stand 6 more (ID, error, length)."""
    return answer[:-10] + bytes(octet ^ 0xFF for octet in answer[-10:-6]) + answer[-6:]


def of_a_refusal(answer: bytes) -> bytes:
    """A refusal made a success: Samba signs neither."""
    return answer[:3] + bytes([answer[3] & 0xF0]) + answer[4:]


@pytest.mark.parametrize(
    ("change", "login", "why"),
    [
        (without_signature, {}, "it is not signed, although the question was"),
        (with_a_bad_signature, {}, "its signature was not made with our key"),
        (of_a_refusal, stranger(), "its signature was not made with our key"),
    ],
)
def test_a_success_with_a_missing_or_wrong_signature_is_none(
    controller: DomainController,
    service: str,
    change: t.Callable[[bytes], bytes],
    login: dict[str, t.Any],
    why: str,
) -> None:
    run(controller, controller.options(KMS01, service=service))
    with Interceptor(controller, change=change) as relay:
        options = controller.options(KMS02, service=service, gss_server_name=HOST, **relay.place, **login)
        result = run(controller, options)
    assert result["failed"] is True
    assert relay.updates == 1
    assert f"cannot be believed, because {why}" in result["msg"]


def test_check_mode_sends_no_update(controller: DomainController, service: str) -> None:
    with Interceptor(controller) as relay:
        options = controller.options(KMS01, service=service, gss_server_name=HOST, **relay.place)
        assert run(controller, options, check=True)["changed"] is True
    assert relay.queries > 0
    assert relay.updates == 0


@pytest.fixture(scope="module")
def bind_of_the_realm(controller: DomainController, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedZone]:
    """A BIND that accepts the realm's tickets; its signatures are those of the standard."""
    zone, host = "bind.example.test", "ns.bind.example.test"
    controller.tool("user", "create", "svc-bind", "Name-server-of-1")
    controller.tool("spn", "add", f"DNS/{host}", "svc-bind")
    options = f'tkey-gssapi-keytab "{controller.keytab(f"DNS/{host}")}";'
    policy = f"update-policy {{ grant {PUBLISHER.principal} zonesub SRV; }};"
    folder = tmp_path_factory.mktemp("bind")
    with Bind(folder, [Zone(zone, policy)], [], options=options, environment=controller.python.environment) as running:
        yield ServedZone(running.address, running.port, zone)


@pytest.mark.bind
def test_bind_takes_tickets_too(controller: DomainController, bind_of_the_realm: ServedZone) -> None:
    bind = bind_of_the_realm
    place: dict[str, t.Any] = {"zone": bind.zone, "server_port": bind.port, "server": bind.address}
    runs = [run(controller, controller.options("kms01", **place), check=check) for check in (True, False, False, True)]
    assert [each["changed"] for each in runs] == [True, True, False, False], runs
    assert bind.records() == ["3600 0 0 1688 kms01.bind.example.test."]
    denied = run(controller, controller.options("kms02", **place, **stranger()))
    assert denied["error"]["name"] == "REFUSED"
    assert f"The request was signed as {STRANGER.principal} (GSS-TSIG)." in denied["msg"]


#: Turns ageing on in the zone, or prints when the records of a name were last refreshed, in hours since 1601.
AGEING = """
import sys
from samba.auth import system_session
from samba.dcerpc import dnsp
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
import ldb
configuration, what, name = sys.argv[1:4]
parameters = LoadParm(configuration)
database = SamDB(session_info=system_session(parameters), lp=parameters)
zone = f"DC={sys.argv[4]},CN=MicrosoftDNS,DC=DomainDnsZones,{database.domain_dn()}"
if what == "enable":
    stored = dnsp.DnsProperty()
    stored.wDataLength, stored.version, stored.id, stored.data = 4, 1, dnsp.DSPROPERTY_ZONE_AGING_STATE, 1
    change = ldb.Message(ldb.Dn(database, zone))
    kept = [each for each in database.search(zone, ldb.SCOPE_BASE)[0].get("dNSProperty", [])
            if ndr_unpack(dnsp.DnsProperty, each).id != dnsp.DSPROPERTY_ZONE_AGING_STATE]
    change["p"] = ldb.MessageElement([*kept, ndr_pack(stored)], ldb.FLAG_MOD_REPLACE, "dNSProperty")
    database.modify(change)
else:
    node = f"DC={name},{zone}"
    found = [ndr_unpack(dnsp.DnssrvRpcRecord, each) for each in database.search(node, ldb.SCOPE_BASE)[0]["dnsRecord"]]
    if what == "age":
        for each in found:
            each.dwTimeStamp -= 24 * 30
        change = ldb.Message(ldb.Dn(database, node))
        change["r"] = ldb.MessageElement([ndr_pack(each) for each in found], ldb.FLAG_MOD_REPLACE, "dnsRecord")
        database.modify(change)
    print({each.data.nameTarget: each.dwTimeStamp for each in found})
"""


def test_a_refresh_makes_our_records_young_again(controller: DomainController, service: str) -> None:
    def ages(what: str) -> dict[str, int]:
        printed = controller.script(AGEING, what, service, ZONE)
        found: dict[str, int] = json.loads(printed.replace("'", '"')) if printed else {}
        return found

    ages("enable")
    run(controller, controller.options(KMS01, KMS02, service=service))
    young = ages("show")
    assert all(hours > 0 for hours in young.values()), young
    old = ages("age")
    assert all(hours == young[target] - 24 * 30 for target, hours in old.items())
    idle = run(controller, controller.options(KMS01, service=service, refresh=False))
    assert idle["changed"] is False
    assert ages("show") == old
    refreshed = run(controller, controller.options(KMS01, service=service))
    assert refreshed["changed"] is False
    assert only_zone(refreshed)["refreshed"] is True
    # Samba makes the other records of the name young as well.
    assert ages("show")[KMS01] == pytest.approx(young[KMS01], abs=1)


def test_without_gssapi_the_library_is_named(service: str, tmp_path: Path) -> None:
    (tmp_path / "gssapi.py").write_text("raise ImportError\n", encoding="ascii")
    python = Interpreter()
    hidden = python.with_variables(PYTHONPATH=f"{tmp_path}:{python.environment['PYTHONPATH']}")
    options = {
        "zone": ZONE,
        "server": "127.0.0.1",
        "gss_tsig": True,
        "service": service,
        "records": [{"target": KMS01}],
    }
    result = run_module(options, python=hidden)
    assert result["error"]["kind"] == "missing_library"
    assert "The Python library gssapi (1.8 or later) is needed for GSS-TSIG" in result["msg"]
    assert NAME not in result["msg"]
