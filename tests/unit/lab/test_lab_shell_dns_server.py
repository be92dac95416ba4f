# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built-in DNS server, messages in and messages out: TSIG, truncation, refusals."""

from __future__ import annotations

import random
import time

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.tsig
import dns.update
import pytest
from dns.rdatatype import RdataType

from lab.shell.dns_server import Authority
from lab.shell.dns_zone import new_zone
from lab.shell.settings import TSIG_ALGORITHMS

ORIGIN = dns.name.from_text("corp.example.test")
KMS = dns.name.from_text("_vlmcs._tcp", ORIGIN)
SRV = "0 0 1688 kms01.corp.example.test."
KEY = dns.tsig.Key("lab-update.", b"0123456789abcdef0123456789abcdef", dns.tsig.HMAC_SHA256)


@pytest.fixture
def authority() -> Authority:
    return Authority(new_zone(ORIGIN, "127.20.0.1", {dns.name.from_text("kms01", ORIGIN): "127.20.0.10"}), KEY)


def adding(count: int = 1) -> dns.update.UpdateMessage:
    message = dns.update.UpdateMessage(ORIGIN)
    for number in range(count):
        message.add(KMS, 3600, "SRV", f"0 0 {1688 + number} kms01.corp.example.test.")
    return message


def ask(authority: Authority, message: dns.message.Message, *, udp: bool = False) -> dns.message.Message:
    answer = authority.respond(message.to_wire(), udp=udp)
    assert answer is not None
    return dns.message.from_wire(answer, keyring=message.keyring, request_mac=message.mac or b"")


def raw(authority: Authority, message: dns.message.Message) -> dns.message.Message:
    answer = authority.respond(message.to_wire(), udp=False)
    assert answer is not None
    return dns.message.from_wire(answer, keyring=lambda _message, _name: False)


def test_a_query_is_answered_with_authority(authority: Authority) -> None:
    answer = ask(authority, dns.message.make_query("kms01.corp.example.test", "A"))
    assert answer.flags & dns.flags.AA
    assert not answer.flags & dns.flags.RA
    assert answer.answer[0][0].to_text() == "127.20.0.10"


def test_a_name_outside_the_zone_is_refused_without_authority(authority: Authority) -> None:
    answer = ask(authority, dns.message.make_query("www.example.org", "A"))
    assert answer.rcode() == dns.rcode.REFUSED
    assert not answer.flags & dns.flags.AA


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR"])
def test_zone_transfers_are_refused(authority: Authority, rdtype: str) -> None:
    assert ask(authority, dns.message.make_query(ORIGIN, rdtype)).rcode() == dns.rcode.REFUSED


def test_another_class_is_refused(authority: Authority) -> None:
    assert ask(authority, dns.message.make_query(ORIGIN, "TXT", "CH")).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("name", sorted(TSIG_ALGORITHMS))
def test_a_signed_update_is_applied_and_its_answer_is_signed(authority: Authority, name: str) -> None:
    key = dns.tsig.Key("lab-update.", b"secret", TSIG_ALGORITHMS[name])
    server = Authority(authority.zone, key)
    message = adding()
    message.use_tsig(key)
    answer = ask(server, message)
    assert answer.rcode() == dns.rcode.NOERROR
    assert answer.had_tsig
    assert server.zone.soa.serial == 2
    assert {rdata.to_text() for rdata in server.zone.rdatas(KMS, RdataType.SRV)} == {SRV}


def test_an_unsigned_update_is_refused_and_changes_nothing(authority: Authority) -> None:
    before = authority.zone
    answer = ask(authority, adding())
    assert answer.rcode() == dns.rcode.REFUSED
    assert not answer.had_tsig
    assert authority.zone is before


def test_a_signed_refusal_is_signed(authority: Authority) -> None:
    message = adding()
    message.present(KMS)
    message.use_tsig(KEY)
    answer = ask(authority, message)
    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.had_tsig


def test_an_update_for_another_zone_is_notauth(authority: Authority) -> None:
    message = dns.update.UpdateMessage("example.org")
    message.use_tsig(KEY)
    answer = ask(authority, message)
    assert (answer.rcode(), answer.tsig_error) == (dns.rcode.NOTAUTH, 0)


@pytest.mark.parametrize(
    "key",
    [
        dns.tsig.Key("other-key.", KEY.secret, KEY.algorithm),
        dns.tsig.Key("lab-update.", KEY.secret, dns.tsig.HMAC_SHA512),
    ],
    ids=["name", "algorithm"],
)
def test_an_unknown_key_is_badkey_without_a_signature(authority: Authority, key: dns.tsig.Key) -> None:
    before, message = authority.zone, adding()
    message.use_tsig(key)
    answer = raw(authority, message)
    assert (answer.rcode(), answer.tsig_error, answer.mac) == (dns.rcode.NOTAUTH, dns.rcode.BADKEY, b"")
    assert authority.zone is before
    with pytest.raises(dns.tsig.PeerBadKey):
        ask(authority, message)


def test_a_wrong_secret_is_badsig_without_a_signature(authority: Authority) -> None:
    before, message = authority.zone, adding()
    message.use_tsig(dns.tsig.Key("lab-update.", b"another secret", KEY.algorithm))
    answer = raw(authority, message)
    assert (answer.rcode(), answer.tsig_error, answer.mac) == (dns.rcode.NOTAUTH, dns.rcode.BADSIG, b"")
    assert authority.zone is before
    with pytest.raises(dns.tsig.PeerBadSignature):
        ask(authority, message)


def test_a_changed_byte_is_badsig(authority: Authority) -> None:
    message = adding()
    message.use_tsig(KEY)
    wire = bytearray(message.to_wire())
    wire[wire.index(b"kms01") + 4] = ord("2")
    answer = authority.respond(bytes(wire), udp=False)
    assert answer is not None
    assert dns.message.from_wire(answer, keyring=lambda _message, _name: False).tsig_error == dns.rcode.BADSIG


@pytest.mark.parametrize("shift", [-3600, 3600])
def test_a_clock_that_is_wrong_is_badtime_signed_and_with_the_servers_time(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    before, message, now = authority.zone, adding(), time.time()
    message.use_tsig(KEY)
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now + shift)
        wire = message.to_wire()
    answer = authority.respond(wire, udp=False)
    assert answer is not None
    parsed = dns.message.from_wire(answer, keyring=lambda _message, _name: False)
    assert (parsed.rcode(), parsed.tsig_error) == (dns.rcode.NOTAUTH, dns.rcode.BADTIME)
    assert parsed.mac
    assert parsed.tsig is not None
    assert abs(int.from_bytes(parsed.tsig[0].other, "big") - now) < 5
    assert authority.zone is before
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(answer, keyring=KEY, request_mac=message.mac)


def test_a_signed_query_gets_a_signed_answer(authority: Authority) -> None:
    query = dns.message.make_query("kms01.corp.example.test", "A")
    query.use_tsig(KEY)
    answer = ask(authority, query)
    assert answer.had_tsig
    assert answer.answer


def test_a_long_answer_is_truncated_over_udp_and_whole_over_tcp(authority: Authority) -> None:
    message = adding(60)
    message.use_tsig(KEY)
    ask(authority, message)
    query = dns.message.make_query(KMS, "SRV", use_edns=False)
    short = authority.respond(query.to_wire(), udp=True)
    assert short is not None
    assert len(short) <= 512
    assert dns.message.from_wire(short, raise_on_truncation=False).flags & dns.flags.TC
    whole = ask(authority, query)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 60


def test_edns_raises_the_limit_over_udp(authority: Authority) -> None:
    message = adding(30)
    message.use_tsig(KEY)
    ask(authority, message)
    query = dns.message.make_query(KMS, "SRV", use_edns=0, payload=4096)
    answer = ask(authority, query, udp=True)
    assert len(answer.answer[0]) == 30
    assert answer.edns == 0


def test_another_opcode_is_not_implemented(authority: Authority) -> None:
    message = dns.message.make_query(ORIGIN, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    assert ask(authority, message).rcode() == dns.rcode.NOTIMP


def test_a_query_without_a_question_is_malformed(authority: Authority) -> None:
    message = dns.message.QueryMessage()
    assert ask(authority, message).rcode() == dns.rcode.FORMERR


def test_an_answer_and_a_fragment_get_no_answer(authority: Authority) -> None:
    query = dns.message.make_query(ORIGIN, "SOA")
    assert authority.respond(dns.message.make_response(query).to_wire(), udp=True) is None
    assert authority.respond(query.to_wire()[:11], udp=True) is None


def test_no_garbled_message_breaks_the_server_or_changes_the_zone(authority: Authority) -> None:
    generator, before = random.Random(2), authority.zone
    message = adding()
    message.present(KMS, "SRV")
    message.use_tsig(KEY)
    good = message.to_wire()
    for _ in range(2000):
        wire = bytearray(good)
        for _ in range(generator.randint(1, 4)):
            wire[generator.randrange(len(wire))] = generator.randrange(256)
        authority.respond(bytes(wire[: generator.randint(0, len(wire))]), udp=bool(generator.getrandbits(1)))
    assert authority.zone is before
