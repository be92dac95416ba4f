# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of a KMS host, as plain values: count, thresholds, products, the lab's own payload, the order of hosts."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta, timezone

import pytest

from lab.core.activation import srv_order
from lab.core.catalogue import OPERATING_SYSTEMS
from lab.core.kms import CountPool, RequestCounters, activates, serves
from lab.core.kms_payload import MAGIC, KmsAnswer, KmsRequest, open_answer, open_request, seal
from lab.core.licence import LicenseStatus
from lab.effects import ServiceRecord

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
REQUEST = KmsRequest("n1", "cmid", "win001.corp.example.test", "windows-11-enterprise", "id", 5, 0, NOON.isoformat())


def pool_of(clients: int, when: datetime = NOON) -> CountPool:
    pool = CountPool()
    for number in range(clients):
        pool = pool.with_request(f"cmid-{number}", when)
    return pool


def test_a_client_known_to_the_host_adds_nothing() -> None:
    assert pool_of(3).with_request("cmid-1", NOON).count == 3


def test_the_count_never_exceeds_fifty_and_the_newest_are_kept() -> None:
    pool = pool_of(60)
    assert pool.count == 50
    assert pool.clients[0][0] == "cmid-10"
    assert pool.clients[-1][0] == "cmid-59"


def test_a_client_is_forgotten_after_thirty_days_without_a_request() -> None:
    pool = pool_of(2).with_request("cmid-0", NOON + timedelta(days=20))
    assert pool.at(NOON + timedelta(days=29, hours=23)).count == 2
    assert [cmid for cmid, _seen in pool.at(NOON + timedelta(days=30)).clients] == ["cmid-0"]


@pytest.mark.parametrize(
    ("system", "count", "expected"),
    [
        ("windows-11-enterprise", 24, False),
        ("windows-11-enterprise", 25, True),
        ("windows-server-2022-standard", 4, False),
        ("windows-server-2022-standard", 5, True),
    ],
)
def test_the_request_that_reaches_the_threshold_activates(system: str, count: int, expected: bool) -> None:
    assert activates(count, OPERATING_SYSTEMS[system].threshold) is expected


@pytest.mark.parametrize(
    ("host", "host_is_client", "client", "expected"),
    [
        (22, False, "windows-11-enterprise", True),
        (22, False, "windows-7-enterprise", True),
        (22, False, "windows-server-2025-datacenter", False),
        (22, False, "windows-11-enterprise-ltsc-2024", False),
        (22, True, "windows-11-enterprise", True),
        (22, True, "windows-server-2016-standard", False),
    ],
)
def test_a_host_key_serves_its_own_and_older_releases(
    host: int, host_is_client: bool, client: str, expected: bool
) -> None:
    system = OPERATING_SYSTEMS[client]
    assert serves(host, host_is_client, system.generation, system.is_server) is expected


def test_requests_are_counted_by_the_state_of_the_requester() -> None:
    counters = (
        RequestCounters().with_request(LicenseStatus.NOTIFICATION).with_request(LicenseStatus.LICENSED).with_failure()
    )
    assert (counters.total, counters.failed) == (2, 1)
    assert counters.by_status[LicenseStatus.NOTIFICATION] == 1


def test_a_payload_comes_back_whole() -> None:
    answer = KmsAnswer("n1", 0, "kms01", "pid", 25, 120, 10080)
    assert open_request(seal(REQUEST, b"s"), b"s") == REQUEST
    assert open_answer(seal(answer, b"s"), b"s") == answer


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x05\x00\x0b\x03",
        MAGIC,
        seal(REQUEST, b"another secret"),
        seal(REQUEST, b"s").replace(b"win001", b"win002"),
        seal(KmsAnswer("n1", 0, "kms01", "pid", 25, 120, 10080), b"s"),
    ],
    ids=["nothing", "foreign bytes", "magic alone", "another secret", "changed", "an answer"],
)
def test_a_payload_of_anyone_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="payload"):
        open_request(payload, b"s")


def test_hosts_are_tried_by_priority_then_by_weight() -> None:
    last = ServiceRecord(10, 0, 1688, "last.example.test.")
    heavy, light = ServiceRecord(0, 90, 1688, "heavy.example.test."), ServiceRecord(0, 9, 1688, "light.example.test.")
    orders = [srv_order([last, light, heavy], random.Random(seed)) for seed in range(200)]
    assert {order[2].target for order in orders} == {"last.example.test."}
    first = Counter(order[0].target for order in orders)
    assert first["heavy.example.test."] > 150
    assert first["light.example.test."] > 2


def test_hosts_of_no_weight_share_the_load() -> None:
    records = [ServiceRecord(0, 0, 1688, f"kms{number}.example.test.") for number in range(2)]
    first = Counter(srv_order(records, random.Random(seed))[0].target for seed in range(200))
    assert min(first.values()) > 60
