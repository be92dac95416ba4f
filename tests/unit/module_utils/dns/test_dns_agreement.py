# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which servers are asked, how often and for how long, and what is said of those that lag."""

from __future__ import annotations

import dns.message
from unit.module_utils.dns.dns_script import KMS01, NAME, ZONE, Reply, Script, falls_silent, says, srv, wanted

from ansible_collections.volact.kms.plugins.module_utils._dns._agreement import (
    Clock,
    Peer,
    View,
    Wanted,
    await_agreement,
)
from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import Exchange, NoAnswer

HAS = says(answer=srv(KMS01), key=None)
NOT_YET = says(rcode="NXDOMAIN", authority="corp.example.test. 60 IN SOA ns. hm. 1 900 300 86400 60", key=None)


class Time:
    """A clock that goes on only when somebody sleeps, or asks a server."""

    def __init__(self, answer_takes: float = 0) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []
        self.patience: list[float] = []
        self.answer_takes = answer_takes

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.seconds, self.sleep)

    def peer(self, name: str, *replies: Reply) -> Peer:
        script = Script(*replies)

        def connect(timeout: float) -> Exchange:
            self.patience.append(timeout)
            self.seconds += min(self.answer_takes, timeout)
            return script

        return Peer(name, connect)


def views(time: Time, *peers: Peer, wait: float = 60) -> list[View]:
    return await_agreement(peers, Wanted(ZONE, NAME, wanted()), timeout=10, wait=wait, clock=time.clock)


def test_servers_that_agree_are_asked_once_and_unsigned() -> None:
    def unsigned(question: dns.message.Message) -> bytes:
        assert not question.had_tsig
        return HAS(question)

    time = Time()
    assert [view.problem for view in views(time, time.peer("a", unsigned), time.peer("b", unsigned))] == ["", ""]
    assert time.slept == []


def test_only_the_ones_that_lag_are_asked_again_until_they_agree() -> None:
    time = Time()
    found = views(time, time.peer("a", HAS), time.peer("b", NOT_YET, falls_silent(), says(rcode="SERVFAIL"), HAS))
    assert [view.problem for view in found] == ["", ""]
    assert time.slept == [0.1, 0.2, 0.4]


def test_who_lags_at_the_end_is_named_with_what_it_has() -> None:
    time = Time()
    old = says(answer=srv("9 0 1688 kms01.corp.example.test.", ttl=60), key=None)
    found = views(time, time.peer("a", HAS), time.peer("b", *[old] * 20), wait=10)
    assert found[1] == View(
        "ns1.example.test port 53",
        "The DNS server ns1.example.test port 53 has other records: "
        "9 0 1688 kms01.corp.example.test. with a TTL of 60.",
    )
    assert round(sum(time.slept), 6) == 10


def test_each_server_is_asked_at_least_once_and_with_some_patience() -> None:
    time = Time(answer_takes=3)
    found = views(time, *[time.peer(name, HAS) for name in "abc"], wait=0)
    assert [view.problem for view in found] == ["", "", ""]
    assert time.patience == [1.0, 1.0, 1.0]


def test_a_dead_server_does_not_use_up_the_time_of_the_others() -> None:
    time = Time(answer_takes=30)
    dead = time.peer("dead", *[falls_silent()] * 50)
    found = views(time, dead, time.peer("slow", NOT_YET, HAS))
    assert max(time.patience) == 5.0
    assert [bool(view.problem) for view in found] == [True, False]


def test_a_server_whose_name_nobody_knows_is_said_without_the_advice_for_the_update_server() -> None:
    def connect(_timeout: float) -> Exchange:
        raise NoAnswer("The name of the DNS server, 'ns9', has no address here.", sent=False, hint="Give its address.")

    time = Time()
    (view,) = views(time, Peer("ns9", connect), wait=0)
    assert view == View("ns9", "The name of the DNS server, 'ns9', has no address here.")
    assert view.as_result() == {"server": "ns9", "agrees": False, "problem": view.problem}


def test_no_servers_are_no_disagreement() -> None:
    time = Time()
    assert views(time) == []
