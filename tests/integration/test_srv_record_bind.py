# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_record` against a BIND with the zones, keys and mishaps that users have."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from dns_servers import DnsServer, Key, Zone, bind, only_zone, run_module

pytestmark = pytest.mark.bind

HMACS = ["hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]
KEYS = {algorithm: Key(f"key-{algorithm}", algorithm) for algorithm in HMACS}
READER = Key("reader")

ZONES = [
    Zone(
        "corp.example.test",
        "update-policy { " + " ".join(f'grant "{key.name}" zonesub ANY;' for key in KEYS.values()) + " };",
        "\n".join(
            [
                "_alias._tcp IN CNAME _vlmcs._tcp",
                "*._udp 60 IN SRV 0 0 1688 anything",
                "delegated IN NS ns.elsewhere.test.",
                "_tcp.split IN NS ns",
                "",
            ]
        ),
    ),
    Zone("_tcp.split.corp.example.test", f'update-policy {{ grant "{KEYS["hmac-sha256"].name}" zonesub SRV; }};'),
    Zone("frozen.example.test"),
    Zone("xn--bcher-kva.example.test", f'update-policy {{ grant "{KEYS["hmac-sha256"].name}" zonesub SRV; }};'),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsServer]:
    with bind(tmp_path_factory.mktemp("bind"), ZONES, [*KEYS.values(), READER]) as (address, port):
        yield DnsServer(address, port, ZONES[0].name, KEYS["hmac-sha256"])


@pytest.fixture
def server(running: DnsServer) -> DnsServer:
    running.set_records(3600)
    return running


@pytest.mark.parametrize("algorithm", HMACS)
def test_every_hmac_that_bind_has_is_accepted(server: DnsServer, algorithm: str) -> None:
    key = KEYS[algorithm]
    signed = {"tsig_name": key.name, "tsig_secret": key.secret, "tsig_algorithm": algorithm}
    result = run_module(server.options("kms01", **signed))
    assert result["changed"] is True, result
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]


def test_the_wrong_algorithm_for_a_key_is_badkey(server: DnsServer) -> None:
    result = run_module(server.options("kms01", tsig_algorithm="hmac-sha512"))
    assert result["error"]["name"] == "BADKEY"
    assert "tsig_algorithm" in result["error"]["hint"]


def test_a_key_without_permission_is_refused_and_named(server: DnsServer) -> None:
    result = run_module(server.options("kms01", tsig_name=READER.name, tsig_secret=READER.secret))
    assert result["failed"] is True
    assert result["error"]["name"] == "REFUSED"
    assert "The request was signed with the key reader (hmac-sha256)." in result["msg"]
    assert "Let the key reader change SRV records of the zone" in result["error"]["hint"]
    assert server.records() == []


@pytest.mark.parametrize("check", [True, False])
def test_a_zone_without_updates_refuses_and_only_check_mode_cannot_know(server: DnsServer, check: bool) -> None:
    result = run_module(server.options("kms01", zone="frozen.example.test"), check=check)
    assert (result.get("failed") is True) is not check
    assert check or result["error"]["name"] == "REFUSED"


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("_alias._tcp", "this name is an alias of _vlmcs._tcp.corp.example.test."),
        ("_vlmcs._tcp.delegated", "refers to other servers for the zone delegated.corp.example.test."),
        ("_vlmcs._tcp.split", "this name belongs to the zone _tcp.split.corp.example.test."),
    ],
)
def test_a_name_that_is_not_the_zones_own_fails_with_the_reason(server: DnsServer, service: str, message: str) -> None:
    result = run_module(server.options("kms01", service=service))
    assert result["failed"] is True
    assert message in result["msg"]


def test_records_that_a_wildcard_makes_are_never_won(server: DnsServer) -> None:
    result = run_module(server.options("kms01", service="_vlmcs._udp"))
    assert result["failed"] is True
    assert "21 times in a row" in result["msg"]
    assert "wildcard" in result["error"]["hint"]


def test_a_zone_in_another_alphabet_is_found(server: DnsServer) -> None:
    result = run_module(server.options("kms01", zone="b\u00fccher.example.test"))
    assert result["changed"] is True, result
    assert only_zone(result)["records"][0]["target"] == "kms01.xn--bcher-kva.example.test."


def test_a_zone_of_its_own_below_the_domain_is_changed_with_the_same_service(server: DnsServer) -> None:
    result = run_module(server.options("kms01", zone="_tcp.split.corp.example.test"))
    assert result["changed"] is True, result
    assert only_zone(result)["name"] == "_vlmcs._tcp.split.corp.example.test."
    assert only_zone(result)["records"][0]["target"] == "kms01.split.corp.example.test."


def test_a_server_is_reached_over_ipv6(server: DnsServer) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 on loopback (kernel parameter net.ipv6.conf.lo.disable_ipv6)")
    for address in ("::1", "[::1]"):
        assert run_module(server.options("kms01", server=address)).get("failed") is not True
    assert server.records() == ["3600 0 0 1688 kms01.corp.example.test."]


def test_a_server_is_reached_by_its_name(server: DnsServer) -> None:
    assert run_module(server.options("kms01", server="localhost"))["changed"] is True


def test_a_server_name_that_nobody_knows_fails(server: DnsServer) -> None:
    result = run_module(server.options("kms01", server="nowhere.invalid"))
    assert result["error"]["kind"] == "dns_no_answer"
    assert "The name of the DNS server, 'nowhere.invalid', has no address here" in result["msg"]


def test_a_port_where_nothing_listens_fails_at_once(server: DnsServer) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    result = run_module(server.options("kms01", server_port=port))
    assert "Connection refused" in result["msg"]


def test_eight_writers_at_once_leave_eight_records(server: DnsServer) -> None:
    hosts = [f"kms{number:02}.corp.example.test" for number in range(8)]
    with ThreadPoolExecutor(len(hosts)) as pool:
        results = list(pool.map(lambda host: run_module(server.options(host)), hosts))
    assert [result.get("msg") for result in results if not result["changed"]] == []
    assert server.records() == [f"3600 0 0 1688 {host}." for host in hosts]


class TruncatingServer(threading.Thread):
    """Cuts every datagram off (TC), and closes each stream after half of an answer's length."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stream = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.stream.getsockname()[1]
        self.datagram = socket.socket(type=socket.SOCK_DGRAM)
        self.datagram.bind(("127.0.0.1", self.port))

    def run(self) -> None:
        message, sender = self.datagram.recvfrom(0xFFFF)
        self.datagram.sendto(b"noise", sender)
        self.datagram.sendto(message[:2] + b"\x86\x00" + message[4:], sender)
        connection, _address = self.stream.accept()
        with connection:
            connection.recv(0xFFFF)
            connection.sendall(b"\x00")


def test_a_stream_that_breaks_is_said() -> None:
    broken = TruncatingServer()
    broken.start()
    result = run_module(DnsServer("127.0.0.1", broken.port, "corp.example.test", READER).options("kms01"))
    broken.join(5)
    broken.stream.close()
    broken.datagram.close()
    assert "it closed the connection before its answer was complete" in result["msg"]
