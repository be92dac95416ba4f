# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply, observe: what is sent, how often, and what comes out."""

from __future__ import annotations

import typing as t

import dns.flags
import dns.message
import dns.name
import dns.tsig
import dns.update
from unit.module_utils.dns.dns_script import (
    EMPTY,
    HAS_ZONE,
    KEY,
    KMS01,
    NAME,
    ZONE,
    Reply,
    Script,
    falls_silent,
    says,
    srv,
    wanted,
)

from ansible_collections.volact.kms.plugins.module_utils._dns._answers import Conversation
from ansible_collections.volact.kms.plugins.module_utils._dns._converge import RETRIES, Request, converge
from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import NoAnswer
from ansible_collections.volact.kms.plugins.module_utils._errors import (
    DnsError,
    KmsError,
    NotConverged,
    OutcomeUnknown,
)


def updates(script: Script) -> list[dns.update.UpdateMessage]:
    return [each for each in script.questions if isinstance(each, dns.update.UpdateMessage)]


def run(*replies: Reply, check_mode: bool = False, pauses: list[int] | None = None) -> tuple[t.Any, Script]:
    """Converge on KMS01; the outcome and what was asked. Every scripted reply has to be used."""
    script = Script(*replies)
    request = Request(ZONE, NAME, wanted(), Conversation(script, KEY))
    pause = (pauses if pauses is not None else []).append
    try:
        outcome: t.Any = converge(request, check_mode=check_mode, pause=pause)
    except KmsError as error:
        outcome = error
    assert script.replies == []
    return outcome, script


def test_a_change_takes_four_questions_one_of_them_the_update() -> None:
    outcome, script = run(HAS_ZONE, EMPTY, says(), says(answer=srv(KMS01)))
    assert outcome.as_result()["changed"] is True
    assert len(updates(script)) == 1


def test_what_is_there_already_is_only_read() -> None:
    outcome, script = run(HAS_ZONE, says(answer=srv(KMS01)))
    assert outcome.as_result()["changed"] is False
    assert updates(script) == []


def test_check_mode_only_reads_and_predicts() -> None:
    outcome, script = run(HAS_ZONE, EMPTY, check_mode=True)
    result = outcome.as_result()
    assert result["changed"] is True
    assert [each["target"] for each in result["records"]] == ["kms01.corp.example.test."]
    assert updates(script) == []


def test_a_yes_without_the_records_is_a_failure() -> None:
    error, _script = run(HAS_ZONE, EMPTY, says(), EMPTY)
    assert isinstance(error, NotConverged)
    assert "accepted the change of _vlmcs._tcp.corp.example.test." in error.message
    assert "there are none" in error.message
    assert error.progress == {"changed": True}


def test_a_yes_with_other_records_names_them() -> None:
    error, _script = run(HAS_ZONE, EMPTY, says(), says(answer=srv("9 0 1688 kms01.corp.example.test.")))
    assert isinstance(error, NotConverged)
    assert "9 0 1688 kms01.corp.example.test. with a TTL of 3600" in error.message


def test_a_change_that_cannot_be_read_back_is_a_failure_that_changed() -> None:
    error, _script = run(HAS_ZONE, EMPTY, says(), says(rcode="SERVFAIL"))
    assert isinstance(error, DnsError)
    assert error.progress == {"changed": True}


def test_a_lost_race_is_run_again_from_what_is_there_now() -> None:
    other = "0 0 1688 other.corp.example.test."
    pauses: list[int] = []
    lost = says(rcode="YXRRSET")
    outcome, script = run(
        HAS_ZONE, EMPTY, lost, says(answer=srv(other)), says(), says(answer=srv(other, KMS01)), pauses=pauses
    )
    assert outcome.as_result()["diff"]["before"] == srv(other) + "\n"
    assert pauses == [0]
    assert [each.to_text() for each in updates(script)[1].prerequisite] == [f"{NAME} 0 IN SRV {other}"]


def test_a_race_is_not_run_for_ever() -> None:
    pauses: list[int] = []
    error, script = run(HAS_ZONE, *[EMPTY, says(rcode="YXRRSET")] * (RETRIES + 1), pauses=pauses)
    assert isinstance(error, DnsError)
    assert "6 times in a row" in error.message
    assert pauses == list(range(RETRIES + 1))
    assert len(updates(script)) == RETRIES + 1


def test_silence_over_the_update_is_judged_by_the_records() -> None:
    there, _script = run(HAS_ZONE, EMPTY, falls_silent(), says(answer=srv(KMS01)))
    assert there.as_result()["changed"] is True
    not_there, _script = run(HAS_ZONE, EMPTY, falls_silent(), EMPTY)
    assert isinstance(not_there, NoAnswer)


def test_silence_over_everything_is_an_unknown_outcome() -> None:
    error, _script = run(HAS_ZONE, EMPTY, falls_silent(), falls_silent())
    assert isinstance(error, OutcomeUnknown)
    assert "Whether the records were changed is not known" in error.message


def test_an_update_that_was_never_sent_changed_nothing() -> None:
    error, _script = run(HAS_ZONE, EMPTY, falls_silent(sent=False))
    assert isinstance(error, NoAnswer)
