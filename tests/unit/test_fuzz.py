# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few cases of every fuzz target with each run of the tests; `make fuzz` runs many."""

from __future__ import annotations

import dns.exception
import dns.message
import pytest

from ansible_collections.volact.kms.plugins.module_utils._dns._answers import Answer
from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status, Verdict
from fuzz import __main__ as program
from fuzz import dns_replies, rpc_replies, targets
from fuzz.targets import TARGETS, Target

CASES = 40


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_reply_breaks_a_promise(target: Target) -> None:
    assert target.run(CASES, 20261122) > 0


def test_a_broken_promise_is_found_and_is_no_success(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(reply: bytes) -> None:
        assert b"\0" not in reply, "holds a zero"

    monkeypatch.setattr(program, "TARGETS", [Target("broken", rpc_replies.anything, broken)])
    assert program.main(["--seconds", "5", "--seed", "7"]) == 1
    printed = capsys.readouterr()
    assert "FAILED with --seed 7: broken" in printed.err
    assert "holds a zero" in printed.err
    assert "FAILED" in printed.out


def test_bytes_that_a_fuzzer_made_up_choose_a_case_and_a_broken_promise_is_raised() -> None:
    seen: list[bytes] = []
    Target("seen", rpc_replies.anything, seen.append).from_bytes()(bytes(range(256)) * 8)
    assert seen

    def broken(reply: bytes) -> None:
        raise AssertionError("broken")

    with pytest.raises(AssertionError, match="broken"):
        Target("broken", rpc_replies.anything, broken).from_bytes()(bytes(range(256)) * 8)


def test_the_cases_are_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(program, "TARGETS", [targets.TARGETS[0]])
    assert program.main(["--seconds", "0.01", "--seed", "7"]) == 0
    assert f"{program.BATCH:9,}  RPC replies are judged" in capsys.readouterr().out


def test_believing_every_answer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def believe(_question: dns.message.Message, wire: bytes, _key: object) -> Answer:
        message = dns.message.from_wire(wire, ignore_trailing=True, keyring=lambda _message, _name: False)
        return Answer(message, message.rcode(), True)

    monkeypatch.setattr(dns_replies, "read_answer", believe)
    (signed,) = (target for target in TARGETS if target.check is dns_replies.signed_answers)
    with pytest.raises((AssertionError, dns.exception.DNSException)):
        signed.run(300, 1)


def test_judging_by_the_first_bytes_alone_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(reply: bytes) -> Verdict:
        accepts = reply[:3] == b"\x05\x00\x0c"
        return Verdict(Status.KMS if accepts else Status.OTHER_SERVICE, "begins like an acceptance")

    monkeypatch.setattr(rpc_replies, "judge", hasty)
    for check in (rpc_replies.judged, rpc_replies.not_taken_for_kms):
        (target,) = (each for each in TARGETS if each.check is check)
        with pytest.raises((AssertionError, IndexError)):
            target.run(300, 1)
