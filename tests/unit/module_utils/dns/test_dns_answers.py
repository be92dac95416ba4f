# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which answers are believed, and what the others are taken for."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.tsig
import dns.update
import pytest
from unit.module_utils.dns.dns_script import (
    EMPTY,
    KEY,
    KMS01,
    NAME,
    SECRET,
    WRONG_KEY,
    ZONE,
    Reply,
    Script,
    says,
    soa,
    srv,
    wanted,
)

from ansible_collections.volact.kms.plugins.module_utils._dns._answers import Conversation
from ansible_collections.volact.kms.plugins.module_utils._dns._query import (
    read_name_servers,
    read_primary,
    read_records,
)
from ansible_collections.volact.kms.plugins.module_utils._dns._records import SrvSet, plan
from ansible_collections.volact.kms.plugins.module_utils._dns._update import build_update, make_key, send_update
from ansible_collections.volact.kms.plugins.module_utils._errors import (
    DnsError,
)


def update_answered(reply: Reply, *, key: dns.tsig.Key | None = KEY) -> bool:
    update = build_update(ZONE, NAME, plan(SrvSet(), wanted()))
    return send_update(Conversation(Script(reply), key), update, NAME)


def test_questions_go_out_without_recursion_and_signed() -> None:
    script = Script(EMPTY)
    assert read_records(Conversation(script, KEY), ZONE, NAME) == SrvSet()
    assert not script.questions[0].flags & dns.flags.RD
    assert script.questions[0].had_tsig


def test_a_set_is_read_with_its_ttl() -> None:
    script = Script(says(answer=srv(KMS01, "1 2 3 Other.example.test.", ttl=77)))
    found = read_records(Conversation(script, KEY), ZONE, NAME)
    assert found.ttl == 77
    assert [each.rdata for each in found.ordered()] == [KMS01, "1 2 3 Other.example.test."]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (says(answer=srv(KMS01), authoritative=False), "is not authoritative for it"),
        (says(authority="_tcp.corp.example.test. 60 IN NS ns.other.test.", authoritative=False), "refers to other"),
        (says(authority=". 60 IN NS a.root-servers.net.", authoritative=False), "is not authoritative for it"),
        (says(answer=f"{NAME} 60 IN CNAME elsewhere.test."), r"is an alias of elsewhere\.test\."),
        (says(authority=soa("_tcp.corp.example.test.")), r"belongs to the zone _tcp\.corp\.example\.test\."),
        (says(rcode="SERVFAIL"), r"failed inside; often the zone is not loaded.* \(SERVFAIL\)"),
        (says(rcode="REFUSED", key=None), r"refused it \(REFUSED\)"),
        (says(answer=srv(KMS01), key=None), "cannot be believed, because it is not signed, although"),
        (says(rcode="NXDOMAIN", key=None), "cannot be believed, because it is not signed, although"),
        (says(answer=srv(KMS01), key=WRONG_KEY), "cannot be believed, because its signature was not made with our key"),
    ],
)
def test_an_answer_that_is_not_the_zones_own_fails_the_read(reply: Reply, message: str) -> None:
    with pytest.raises(DnsError, match=message) as caught:
        read_records(Conversation(Script(reply), KEY), ZONE, NAME)
    assert caught.value.operation == "read"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (says(authority=soa("example.test.")), r"has no zone corp\.example\.test\.; the nearest one it has is example"),
        (says(rcode="NXDOMAIN"), r"has no zone corp\.example\.test\. Give zone the name"),
        (says(rcode="REFUSED"), r"Could not read the zone corp\.example\.test\.: .* refused it"),
        (says(rcode="NOTAUTH"), "is not authoritative for the zone"),
    ],
)
def test_a_zone_that_the_server_does_not_have_is_said(reply: Reply, message: str) -> None:
    with pytest.raises(DnsError, match=message):
        read_name_servers(Conversation(Script(reply), KEY), ZONE)


def test_an_update_is_a_success_only_with_a_valid_signature() -> None:
    assert update_answered(says())
    for reply, why in (
        (says(key=None), "it is not signed, although the question was"),
        (says(key=WRONG_KEY), "its signature was not made with our key"),
        (says(key=make_key("other", SECRET, "hmac-sha256")), "its signature was not made with our key"),
        (says(key=make_key("kms-update", SECRET, "hmac-sha512")), "its signature was not made with our key"),
        (lambda question: says()(question)[:-1], "it is not a DNS message"),
        (lambda question: says()(question) + b"x", "it is not a DNS message"),
    ):
        with pytest.raises(DnsError, match=f"cannot be believed, because {why}") as caught:
            update_answered(reply)
        assert caught.value.code is None


def test_an_answer_that_was_signed_long_ago_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    def old(question: dns.message.Message) -> bytes:
        message = dns.message.make_response(question)
        message.use_tsig(KEY)
        message.request_mac = question.mac or b""
        with monkeypatch.context() as patch:
            patch.setattr("time.time", lambda: 1_000_000_000.0)
            return message.to_wire()

    with pytest.raises(DnsError, match="too old or from the future"):
        update_answered(old)


def test_an_unsigned_question_wants_an_unsigned_answer() -> None:
    assert update_answered(says(key=None), key=None)
    with pytest.raises(DnsError, match="it is signed, although the question was not"):
        update_answered(says(key=KEY), key=None)


def test_an_answer_to_another_question_is_not_believed() -> None:
    def other(question: dns.message.Message) -> bytes:
        stranger = dns.message.make_query("stranger.test", "SRV", id=question.id)
        return says(key=None)(stranger)

    with pytest.raises(DnsError, match="because it belongs to another question"):
        read_records(Conversation(Script(other), None), ZONE, NAME)


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(
    ("rcode", "code", "says_what"),
    [
        ("FORMERR", 1, "could not read the request"),
        ("SERVFAIL", 2, "failed inside"),
        ("NOTIMP", 4, "may not support dynamic updates"),
        ("REFUSED", 5, "refused it"),
        ("YXDOMAIN", 6, "has a name there that should not exist"),
        ("NOTAUTH", 9, "is not authoritative for the zone"),
        ("NOTZONE", 10, "the name lies outside the zone"),
        ("DSOTYPENI", 11, "stateful"),
        ("15", 15, "a code that nobody has defined"),
    ],
)
def test_every_refusal_has_its_sentence_signed_or_not(rcode: str, code: int, says_what: str, signed: bool) -> None:
    with pytest.raises(DnsError) as caught:
        update_answered(says(rcode=rcode, key=KEY if signed else None))
    error = caught.value
    assert error.message.startswith("Could not change the SRV records of _vlmcs._tcp.corp.example.test.: ")
    assert says_what in error.message
    assert "The request was signed with the key kms-update (hmac-sha256)." in error.message
    assert error.code == code
    assert error.name == (rcode if rcode.isalpha() else "RCODE15")
    assert error.hint


def test_a_signed_name_error_is_a_refusal_of_an_update() -> None:
    with pytest.raises(DnsError, match=r"the name does not exist \(NXDOMAIN\)"):
        update_answered(says(rcode="NXDOMAIN"))


@pytest.mark.parametrize(
    ("tsig_error", "name", "says_what"),
    [
        (16, "BADSIG", "the secret is not the one it has for this key"),
        (17, "BADKEY", "does not know a key of this name and algorithm"),
        (18, "BADTIME", "its clock and the one here differ too much"),
        (22, "BADTRUNC", "cut this short"),
    ],
)
def test_every_tsig_error_has_its_sentence(tsig_error: int, name: str, says_what: str) -> None:
    with pytest.raises(DnsError) as caught:
        update_answered(says(rcode="NOTAUTH", tsig_error=tsig_error))
    assert says_what in caught.value.message
    assert (caught.value.name, caught.value.code) == (name, tsig_error)
    assert caught.value.hint


def test_an_unknown_tsig_error_falls_back_to_the_response_code() -> None:
    with pytest.raises(DnsError, match="NOTAUTH"):
        update_answered(says(rcode="NOTAUTH", tsig_error=21))


@pytest.mark.parametrize("rcode", ["YXRRSET", "NXRRSET"])
@pytest.mark.parametrize("key", [KEY, WRONG_KEY, None])
def test_a_failed_prerequisite_is_a_lost_race_even_unsigned(rcode: str, key: dns.tsig.Key | None) -> None:
    assert update_answered(says(rcode=rcode, key=key)) is False


NS1, NS2 = "ns1.corp.example.test.", "ns2.elsewhere.test."
TWO_SERVERS = f"corp.example.test. 60 IN NS {NS2}\ncorp.example.test. 60 IN NS {NS1}"


def test_name_servers_are_read_with_the_addresses_that_come_along() -> None:
    addresses = f"{NS1} 60 IN A 192.0.2.1\n{NS1} 60 IN AAAA 2001:db8::1\n{NS2} 60 IN A 192.0.2.2"
    script = Script(says(answer=TWO_SERVERS, additional=addresses))
    found = read_name_servers(Conversation(script, KEY), ZONE)
    assert [(each.name.to_text(), each.addresses) for each in found] == [
        (NS2, ("192.0.2.2",)),
        (NS1, ("192.0.2.1", "2001:db8::1")),
    ]
    assert len(script.questions) == 1


def test_addresses_in_the_zone_are_asked_for_where_they_do_not_come_along() -> None:
    script = Script(says(answer=TWO_SERVERS), EMPTY, says(answer=f"{NS1} 60 IN AAAA 2001:db8::1"))
    found = read_name_servers(Conversation(script, KEY), ZONE)
    assert [each.addresses for each in found] == [(), ("2001:db8::1",)]
    assert len(script.questions) == 3


def test_an_address_that_cannot_be_read_is_left_to_the_resolver() -> None:
    script = Script(says(answer=TWO_SERVERS), says(rcode="SERVFAIL"))
    assert [each.addresses for each in read_name_servers(Conversation(script, KEY), ZONE)] == [(), ()]


def test_a_zone_without_name_servers_has_none() -> None:
    script = Script(says(authority=soa("corp.example.test.")))
    assert read_name_servers(Conversation(script, KEY), ZONE) == []


def test_the_primary_is_read_from_the_zones_own_record() -> None:
    assert read_primary(Conversation(Script(says(answer=soa("corp.example.test."))), KEY), ZONE) == dns.name.from_text(
        "ns.corp.example.test"
    )
    with pytest.raises(DnsError, match=r"has no zone corp\.example\.test"):
        read_primary(Conversation(Script(says(rcode="NXDOMAIN")), KEY), ZONE)
