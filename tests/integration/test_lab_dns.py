# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's DNS, with BIND and with the lab's own server: the same questions, the same answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest
from dns.rdatatype import RdataType
from lab_process import RunningLab, running_lab, write_site

from lab.effects import Addresses, Failure, ServiceRecord, ServiceRecords
from lab.shell.dns_client import DNS_NAME_DOES_NOT_EXIST, DnsClient

ZONE = dns.name.from_text("corp.example.test")
KMS = dns.name.from_text("_vlmcs._tcp", ZONE)
FIRST = "0 0 1688 kms01.corp.example.test."
SECOND = "10 5 1689 kms02.corp.example.test."


@pytest.fixture(scope="module", params=["builtin", pytest.param("bind", marks=pytest.mark.bind)])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    folder = tmp_path_factory.mktemp(request.param)
    with running_lab(folder, write_site(folder, dns={"software": request.param})) as lab:
        yield lab


@pytest.fixture
def key(site: RunningLab) -> dns.tsig.Key:
    variables = site.variables
    return dns.tsig.Key(variables["lab_tsig_name"], variables["lab_tsig_secret"], variables["lab_tsig_algorithm"])


@pytest.fixture(autouse=True)
def empty_name(site: RunningLab, key: dns.tsig.Key) -> None:
    clear = dns.update.UpdateMessage(ZONE)
    clear.delete(KMS)
    assert update(site, clear, key).rcode() == dns.rcode.NOERROR


def send(site: RunningLab, message: dns.message.Message, *, tcp: bool = False) -> dns.message.Message:
    ask = dns.query.tcp if tcp else dns.query.udp
    return ask(message, site.variables["lab_dns_server"], timeout=5, port=site.variables["lab_dns_port"])


def update(site: RunningLab, message: dns.update.UpdateMessage, key: dns.tsig.Key) -> dns.message.Message:
    message.use_tsig(key)
    return send(site, message)


def query(site: RunningLab, name: dns.name.Name | str, rdtype: str, *, tcp: bool = False) -> dns.message.Message:
    return send(site, dns.message.make_query(dns.name.from_text(str(name), ZONE), rdtype), tcp=tcp)


def srv_records(site: RunningLab) -> set[str]:
    return {rdata.to_text() for rrset in query(site, KMS, "SRV").answer for rdata in rrset}


def serial(site: RunningLab) -> int:
    return int(query(site, ZONE, "SOA").answer[0][0].serial)


def adding(*records: str) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(ZONE)
    message.add(KMS, 3600, "SRV", *records)
    return message


def test_every_machine_has_its_address(site: RunningLab) -> None:
    for name, variables in site.inventory["all"]["hosts"].items():
        assert query(site, name, "A").answer[0][0].to_text() == variables["ansible_host"]


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_the_zone_has_its_authority(site: RunningLab, tcp: bool) -> None:
    assert query(site, ZONE, "NS", tcp=tcp).answer[0][0].to_text() == "ns.corp.example.test."
    missing = query(site, "nowhere", "A", tcp=tcp)
    assert missing.rcode() == dns.rcode.NXDOMAIN
    assert missing.authority[0].rdtype == RdataType.SOA


def test_a_name_of_another_zone_is_refused(site: RunningLab) -> None:
    assert query(site, "www.example.org.", "A").rcode() == dns.rcode.REFUSED


def test_a_signed_update_adds_and_keeps_the_others(site: RunningLab, key: dns.tsig.Key) -> None:
    before = serial(site)
    answer = update(site, adding(FIRST), key)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.had_tsig
    update(site, adding(SECOND), key)
    assert srv_records(site) == {FIRST, SECOND}
    assert serial(site) > before


def test_an_identical_add_leaves_the_serial(site: RunningLab, key: dns.tsig.Key) -> None:
    update(site, adding(FIRST), key)
    before = serial(site)
    assert update(site, adding(FIRST), key).rcode() == dns.rcode.NOERROR
    assert serial(site) == before


def test_a_failed_prerequisite_refuses_the_whole_update(site: RunningLab, key: dns.tsig.Key) -> None:
    update(site, adding(FIRST), key)
    message = adding(SECOND)
    message.absent(KMS, "SRV")
    answer = update(site, message, key)
    assert (answer.rcode(), answer.had_tsig) == (dns.rcode.YXRRSET, True)
    exact = adding(SECOND)
    exact.present(KMS, "SRV", SECOND)
    assert update(site, exact, key).rcode() == dns.rcode.NXRRSET
    assert srv_records(site) == {FIRST}


def test_an_exact_prerequisite_lets_the_update_pass(site: RunningLab, key: dns.tsig.Key) -> None:
    update(site, adding(FIRST), key)
    message = dns.update.UpdateMessage(ZONE)
    message.present(KMS, "SRV", FIRST)
    message.delete(KMS, "SRV", FIRST)
    message.add(KMS, 3600, "SRV", SECOND)
    assert update(site, message, key).rcode() == dns.rcode.NOERROR
    assert srv_records(site) == {SECOND}


def test_an_unsigned_update_is_refused(site: RunningLab) -> None:
    assert send(site, adding(FIRST)).rcode() == dns.rcode.REFUSED
    assert srv_records(site) == set()


def test_the_key_may_not_change_the_zone_itself(site: RunningLab, key: dns.tsig.Key) -> None:
    message = dns.update.UpdateMessage(ZONE)
    message.add(ZONE, 300, "NS", "other.corp.example.test.")
    assert update(site, message, key).rcode() == dns.rcode.REFUSED


def test_an_update_for_another_zone_is_notauth(site: RunningLab, key: dns.tsig.Key) -> None:
    message = dns.update.UpdateMessage("example.org")
    message.add("www.example.org.", 300, "A", "192.0.2.1")
    assert update(site, message, key).rcode() == dns.rcode.NOTAUTH


def test_a_wrong_signature_says_what_is_wrong_with_it(
    site: RunningLab, key: dns.tsig.Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(dns.tsig.PeerBadKey):
        update(site, adding(FIRST), dns.tsig.Key("other.", key.secret, key.algorithm))
    with pytest.raises(dns.tsig.PeerBadSignature):
        update(site, adding(FIRST), dns.tsig.Key(key.name, b"another", key.algorithm))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 3600)
    with pytest.raises((dns.tsig.PeerBadTime, dns.tsig.BadTime)):
        update(site, adding(FIRST), key)
    monkeypatch.undo()
    assert srv_records(site) == set()


def test_a_zone_transfer_is_refused(site: RunningLab) -> None:
    assert query(site, ZONE, "AXFR", tcp=True).rcode() == dns.rcode.REFUSED


def test_a_machine_finds_services_and_addresses(site: RunningLab, key: dns.tsig.Key) -> None:
    update(site, adding(FIRST, SECOND), key)
    machine = DnsClient(site.variables["lab_dns_server"], site.variables["lab_dns_port"])

    async def look_up() -> tuple[ServiceRecords | Failure, list[Addresses | Failure]]:
        names = (
            "kms01.corp.example.test",
            "192.0.2.7",
            "nowhere.corp.example.test",
            "www.example.org",
            "a..b",
            "x" * 70,
        )
        return await machine.service(str(KMS)), [await machine.addresses(name) for name in names]

    services, addresses = asyncio.run(look_up())
    assert isinstance(services, ServiceRecords)
    assert set(services.records) == {
        ServiceRecord(0, 0, 1688, "kms01.corp.example.test"),
        ServiceRecord(10, 5, 1689, "kms02.corp.example.test"),
    }
    unknown = Failure(DNS_NAME_DOES_NOT_EXIST)
    kms01 = Addresses((site.host("kms01")["ansible_host"],))
    assert addresses == [kms01, Addresses(("192.0.2.7",)), unknown, unknown, unknown, unknown]


def test_a_service_without_records_does_not_exist(site: RunningLab) -> None:
    machine = DnsClient(site.variables["lab_dns_server"], site.variables["lab_dns_port"])
    assert asyncio.run(machine.service(str(KMS))) == Failure(DNS_NAME_DOES_NOT_EXIST)


def test_sixty_records_arrive_although_they_do_not_fit_a_datagram(site: RunningLab, key: dns.tsig.Key) -> None:
    update(site, adding(*(f"0 0 {port} kms01.corp.example.test." for port in range(2000, 2060))), key)
    machine = DnsClient(site.variables["lab_dns_server"], site.variables["lab_dns_port"])
    services = asyncio.run(machine.service(str(KMS)))
    assert isinstance(services, ServiceRecords)
    assert len(services.records) == 60


def test_the_state_tells_where_the_server_is(site: RunningLab) -> None:
    said = site.ask("state").stdout
    assert f'"port": {site.variables["lab_dns_port"]}' in said
    assert site.variables["lab_tsig_secret"] not in said
