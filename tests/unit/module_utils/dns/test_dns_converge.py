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
from ansible_collections.volact.kms.plugins.module_utils._dns._converge import RETRIES, Request, converge, observe
from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import NoAnswer
from ansible_collections.volact.kms.plugins.module_utils._dns._records import State
from ansible_collections.volact.kms.plugins.module_utils._errors import (
    DnsError,
    KmsError,
    NotConverged,
    OutcomeUnknown,
)


def updates(script: Script) -> list[dns.update.UpdateMessage]:
    return [each for each in script.questions if isinstance(each, dns.update.UpdateMessage)]


def run(
    *replies: Reply,
    check_mode: bool = False,
    refresh: bool = False,
    state: State = State.PRESENT,
    pauses: list[int] | None = None,
) -> tuple[t.Any, Script]:
    """Observe and converge on KMS01; the outcome and what was asked. Every scripted reply has to be used."""
    script = Script(*replies)
    request = Request(ZONE, NAME, wanted(state=state), Conversation(script, KEY), refresh=refresh)
    pause = (pauses if pauses is not None else []).append
    try:
        outcome: t.Any = converge(request, observe(request), check_mode=check_mode, pause=pause)
    except KmsError as error:
        outcome = error
    assert script.replies == []
    return outcome, script


def test_a_change_takes_three_questions_one_of_them_the_update() -> None:
    outcome, script = run(EMPTY, says(), says(answer=srv(KMS01)))
    assert outcome.as_result()["changed"] is True
    assert len(updates(script)) == 1


def test_what_is_there_already_is_only_read() -> None:
    outcome, script = run(says(answer=srv(KMS01)))
    assert outcome.as_result()["changed"] is False
    assert updates(script) == []


def test_check_mode_only_reads_and_predicts() -> None:
    outcome, script = run(EMPTY, check_mode=True)
    result = outcome.as_result()
    assert result["changed"] is True
    assert [each["target"] for each in result["records"]] == ["kms01.corp.example.test."]
    assert updates(script) == []


def test_a_yes_without_the_records_is_a_failure() -> None:
    error, _script = run(EMPTY, says(), EMPTY)
    assert isinstance(error, NotConverged)
    assert "accepted the change of _vlmcs._tcp.corp.example.test." in error.message
    assert "there are none" in error.message
    assert error.progress == {"changed": True}


def test_a_yes_with_other_records_names_them() -> None:
    error, _script = run(EMPTY, says(), says(answer=srv("9 0 1688 kms01.corp.example.test.")))
    assert isinstance(error, NotConverged)
    assert "9 0 1688 kms01.corp.example.test. with a TTL of 3600" in error.message


def test_a_change_that_cannot_be_read_back_is_a_failure_that_changed() -> None:
    error, _script = run(EMPTY, says(), says(rcode="SERVFAIL"))
    assert isinstance(error, DnsError)
    assert error.progress == {"changed": True}


def test_a_lost_race_is_run_again_from_what_is_there_now() -> None:
    other = "0 0 1688 other.corp.example.test."
    pauses: list[int] = []
    lost = says(rcode="YXRRSET")
    outcome, script = run(EMPTY, lost, says(answer=srv(other)), says(), says(answer=srv(other, KMS01)), pauses=pauses)
    assert outcome.diff[0] == srv(other) + "\n"
    assert pauses == [0]
    assert [each.to_text() for each in updates(script)[1].prerequisite] == [f"{NAME} 0 IN SRV {other}"]


def test_a_race_is_not_run_for_ever() -> None:
    pauses: list[int] = []
    error, script = run(*[EMPTY, says(rcode="YXRRSET")] * (RETRIES + 1), pauses=pauses)
    assert isinstance(error, DnsError)
    assert "21 times in a row" in error.message
    assert pauses == list(range(RETRIES))
    assert len(updates(script)) == RETRIES + 1


def test_silence_over_the_update_is_judged_by_the_records() -> None:
    there, _script = run(EMPTY, falls_silent(), says(answer=srv(KMS01)))
    assert there.as_result()["changed"] is True
    not_there, _script = run(EMPTY, falls_silent(), EMPTY)
    assert isinstance(not_there, NoAnswer)


def test_silence_over_everything_is_an_unknown_outcome() -> None:
    error, _script = run(EMPTY, falls_silent(), falls_silent())
    assert isinstance(error, OutcomeUnknown)
    assert "Whether the records were changed is not known" in error.message


def test_an_update_that_was_never_sent_changed_nothing() -> None:
    error, _script = run(EMPTY, falls_silent(sent=False))
    assert isinstance(error, NoAnswer)


def test_what_is_there_is_sent_again_with_refresh_and_that_changes_nothing() -> None:
    other = "0 0 1688 other.corp.example.test."
    outcome, script = run(says(answer=srv(KMS01, other)), says(), refresh=True)
    result = outcome.as_result()
    assert (result["changed"], result["refreshed"]) == (False, True)
    (update,) = updates(script)
    assert [each.to_text() for each in update.update] == [f"{NAME} 3600 IN SRV {KMS01}"]
    assert len(update.prerequisite) == 2


def test_nothing_is_refreshed_in_check_mode_or_where_a_record_should_not_be() -> None:
    for outcome, script in (
        run(says(answer=srv(KMS01)), refresh=True, check_mode=True),
        run(EMPTY, refresh=True, state=State.ABSENT),
    ):
        assert outcome.as_result()["refreshed"] is False
        assert updates(script) == []


def test_a_refresh_that_meets_other_records_puts_them_right() -> None:
    there = says(answer=srv(KMS01))
    outcome, script = run(there, says(rcode="NXRRSET"), EMPTY, says(), there, refresh=True)
    assert outcome.as_result()["changed"] is True
    assert len(updates(script)) == 2


def test_a_refresh_that_is_not_answered_has_failed_and_changed_nothing() -> None:
    error, _script = run(says(answer=srv(KMS01)), falls_silent(), refresh=True)
    assert isinstance(error, NoAnswer)
    assert error.progress == {}


def test_an_update_of_ours_that_was_counted_as_lost_is_found_and_not_sent_again() -> None:
    outcome, script = run(EMPTY, says(rcode="YXRRSET"), says(answer=srv(KMS01)), refresh=True)
    assert outcome.as_result()["changed"] is True
    assert len(updates(script)) == 1
