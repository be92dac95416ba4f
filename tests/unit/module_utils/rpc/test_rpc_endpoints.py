# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints as people write them, public addresses, and what is said about what was found."""

from __future__ import annotations

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import (
    Endpoint,
    Finding,
    Sighting,
    is_public,
    warnings_about,
)


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("kms01", "kms01", 1688, "kms01:1688"),
        ("kms01.corp.example.test.", "kms01.corp.example.test", 1688, "kms01.corp.example.test:1688"),
        ("kms01:1690", "kms01", 1690, "kms01:1690"),
        ("192.0.2.10:1690", "192.0.2.10", 1690, "192.0.2.10:1690"),
        ("2001:db8::10", "2001:db8::10", 1688, "[2001:db8::10]:1688"),
        ("[2001:db8::10]", "2001:db8::10", 1688, "[2001:db8::10]:1688"),
        ("[2001:db8::10]:1690", "2001:db8::10", 1690, "[2001:db8::10]:1690"),
        ("b\u00fccher.example.test", "b\u00fccher.example.test", 1688, "b\u00fccher.example.test:1688"),
    ],
)
def test_endpoints_are_read_as_people_write_them(text: str, host: str, port: int, shown: str) -> None:
    endpoint = Endpoint.parse(text, 1688)
    assert (endpoint.host, endpoint.port, str(endpoint)) == (host, port, shown)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is neither a name nor an address, with or without a port"),
        ("kms 01", "is neither a name nor an address, with or without a port"),
        ("http://kms01", "has a port that is not a number between 1 and 65535"),
        ("kms01:1688:1", "is neither a name nor an address, with or without a port"),
        (".", "has no name, or one that is too long"),
        ("a" * 255, "has no name, or one that is too long"),
        ("[kms01]:1688", "has brackets around something that is not an IPv6 address"),
        ("kms01:", "has a port that is not a number between 1 and 65535"),
        ("kms01:0", "has a port that is not a number between 1 and 65535"),
        ("kms01:65536", "has a port that is not a number between 1 and 65535"),
        ("kms01:rpc", "has a port that is not a number between 1 and 65535"),
        (
            "_vlmcs._tcp.corp.example.test",
            "is the name of SRV records; the module srv_info finds and checks what they name",
        ),
    ],
)
def test_what_is_no_endpoint_is_refused_in_one_sentence(text: str, why: str) -> None:
    with pytest.raises(BadInput) as refused:
        Endpoint.parse(text, 1688)
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    assert refused.value.message == f"The endpoint '{shown}' {why}."


@pytest.mark.parametrize("port", [0, 65536, -1])
def test_a_default_port_that_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(BadInput, match=f"The port {port} is not between 1 and 65535"):
        Endpoint.parse("kms01", port)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.250", False),
        ("192.0.2.10", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2001:db8::10", False),
    ],
)
def test_public_addresses_are_those_that_the_internet_routes(address: str, public: bool) -> None:
    assert is_public(address) is public


def finding(host: str, **found: Status) -> Finding:
    sightings = tuple(
        Sighting(address.replace("_", ".").removeprefix("a."), status, "reason") for address, status in found.items()
    )
    return Finding(Endpoint(host, 1688), sightings)


def test_an_endpoint_is_what_its_best_address_is() -> None:
    found = finding("kms01", a_10_0_0_1=Status.REFUSED, a_10_0_0_2=Status.KMS, a_10_0_0_3=Status.UNREACHABLE)
    assert found.best.address == "10.0.0.2"
    assert found.as_result()["status"] == "kms"
    assert [each["status"] for each in found.as_result()["addresses"]] == ["refused", "kms", "unreachable"]


def test_public_addresses_are_warned_about_once_and_not_all_listed() -> None:
    found = [finding(f"kms{number:02}", **{f"a_8_8_8_{number}": Status.KMS}) for number in range(7)]
    (warning,) = warnings_about(found)
    assert warning == (
        "A KMS host must never be reachable from the internet, and these have public addresses: kms00:1688 (8.8.8.0), "
        "kms01:1688 (8.8.8.1), kms02:1688 (8.8.8.2), kms03:1688 (8.8.8.3), kms04:1688 (8.8.8.4) and 2 more. Publish "
        "internal addresses only, and let no firewall open the port to the outside."
    )


def test_a_name_of_which_one_address_is_no_kms_host_is_warned_about() -> None:
    found = [
        finding("kms01", a_10_0_0_1=Status.KMS, a_10_0_0_2=Status.REFUSED),
        finding("kms02", a_10_0_0_3=Status.KMS, a_10_0_0_4=Status.UNREACHABLE),
        finding("kms03", a_10_0_0_5=Status.REFUSED, a_10_0_0_6=Status.TIMEOUT),
    ]
    assert warnings_about(found) == [
        "Clients may ask any address of a name, and not all of these are KMS hosts: kms01:1688 (10.0.0.2 refused)."
    ]


def test_nothing_is_warned_about_where_all_is_well() -> None:
    assert warnings_about([finding("kms01", a_10_0_0_1=Status.KMS)]) == []
