# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names as people write them."""

from __future__ import annotations

import dns.name
import pytest

from ansible_collections.volact.kms.plugins.module_utils._dns._names import (
    parse_key_name,
    parse_service,
    parse_target,
    parse_zone,
)
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

ZONE = dns.name.from_text("corp.example.test")


@pytest.mark.parametrize("text", ["corp.example.test", "corp.example.test.", "CORP.Example.Test"])
def test_a_zone_is_absolute_with_or_without_its_dot(text: str) -> None:
    assert parse_zone(text) == ZONE


def test_other_alphabets_become_their_ascii_form() -> None:
    assert parse_zone("b\u00fccher.example.test").to_text() == "xn--bcher-kva.example.test."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty, or holds blanks"),
        (" corp.example.test", "is empty, or holds blanks"),
        ("corp example.test", "is empty, or holds blanks"),
        ("corp\\.example.test", "backslashes"),
        (".", "is the root of the DNS"),
        ("corp..example.test", r"is not a DNS name \(a DNS label is empty\)"),
        ("x" * 64 + ".test", "a DNS label is > 63 octets long"),
        (".".join(["x" * 60] * 5), "a DNS name is > 255 octets long"),
        ("stra\u00dfe.example.test", "IDNA 2003 and 2008 encode differently"),
        ("\u05d0a.test", "or has no form in IDNA"),
    ],
)
def test_a_zone_that_is_none_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=f"^The zone '.*' .*{why}"):
        parse_zone(text)


def test_an_overlong_name_is_shortened_in_the_message() -> None:
    with pytest.raises(BadInput) as caught:
        parse_zone("x" * 5000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("text", ["_vlmcs._tcp", "_VLMCS._TCP", "_vlmcs._tcp.corp.example.test."])
def test_a_service_is_relative_to_the_zone_unless_it_ends_in_a_dot(text: str) -> None:
    assert parse_service(text, ZONE) == dns.name.from_text("_vlmcs._tcp.corp.example.test")


def test_a_service_may_lie_below_the_zone() -> None:
    assert parse_service("_vlmcs._tcp.branch", ZONE) == dns.name.from_text("_vlmcs._tcp.branch.corp.example.test")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("_vlmcs._tcp.other.test.", r"lies outside the zone corp\.example\.test\."),
        ("_vlmcs._tcp.corp.example.test", "repeats the zone; leave it out, or end the name with a dot"),
        ("_vlmcs", "does not begin with a service and a protocol"),
        ("vlmcs._tcp", "does not begin with a service and a protocol"),
        ("corp.example.test.", "does not begin with a service and a protocol"),
    ],
)
def test_a_service_that_is_none_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=f"^The service '{text}' {why}"):
        parse_service(text, ZONE)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("kms01", "kms01.corp.example.test."),
        ("kms01.", "kms01."),
        ("kms01.corp.example.test", "kms01.corp.example.test."),
        ("kms01.other.test.", "kms01.other.test."),
        ("KMS_01.other.test", "KMS_01.other.test."),
    ],
)
def test_one_label_is_relative_to_the_zone_and_all_else_is_absolute(text: str, full: str) -> None:
    assert parse_target(text, ZONE).to_text() == full


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("192.0.2.10", "is an address"),
        ("192.0.2.10.", "is an address"),
        ("2001:db8::1", "is an address"),
        ("[2001:db8::1]", "is an address"),
        (".", "is the root of the DNS"),
        ("kms01:1688", "has the part 'kms01:1688', which no machine can have"),
        ("*.example.test", r"has the part '\*'"),
        ("-kms.example.test", "has the part '-kms'"),
    ],
)
def test_a_target_that_is_no_machine_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=f"^The target '.*' {why}"):
        parse_target(text, ZONE)


def test_a_key_name_is_absolute() -> None:
    assert parse_key_name("kms-update").to_text() == "kms-update."
    with pytest.raises(BadInput, match="The tsig_name 'a b'"):
        parse_key_name("a b")


@pytest.mark.parametrize("text", ["_vlmcs._tcp", "_vlmcs", "_VLMCS._TCP", "_vlmcs._tcp.corp.example.test."])
def test_in_a_zone_of_its_own_the_protocol_is_there_already(text: str) -> None:
    zone = dns.name.from_text("_tcp.corp.example.test")
    assert parse_service(text, zone) == dns.name.from_text("_vlmcs._tcp.corp.example.test")
    assert parse_target("kms01", zone) == dns.name.from_text("kms01.corp.example.test")


def test_another_protocol_is_not_taken_for_that_of_the_zone() -> None:
    zone = dns.name.from_text("_tcp.corp.example.test")
    assert parse_service("_vlmcs._udp", zone) == dns.name.from_text("_vlmcs._udp._tcp.corp.example.test")
