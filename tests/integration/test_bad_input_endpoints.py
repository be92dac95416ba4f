# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that cannot be reached, and answers that no machine gives: the whole message, in time, and no harm done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bad_input_play import Case, host_variables, run_cases, without_time
from hostile_endpoint import ANSWERS, HUGE, HostileEndpoint, black_hole, hostile_endpoint, silent_listener
from running_lab import RunningLab, running_lab

pytestmark = pytest.mark.bad_input

SITE = Path(__file__).with_name("bad_input_site.yml")
SWITCH = {"channel": "kms", "kms_host": "kms01.corp.example.test", "activate": "if_needed"}
MIB = 2**20
#: What the operating system holds of a reply that nobody reads, and the reply's first 16 MiB.
TAKEN_AT_MOST = 16 * MIB + 12 * MIB

IN_TWO_SECONDS = {"ansible_winrm_read_timeout_sec": 2, "ansible_winrm_operation_timeout_sec": 1}
#: Ansible makes a time-out of 11 s of it.
IN_ELEVEN_SECONDS = {"ansible_winrm_connection_timeout": 1}

CREDENTIALS = "Check ansible_user, ansible_password and ansible_winrm_transport."
WHO_ANSWERS = "Is that the WinRM service of a Windows machine, or does something else answer in its place?"

#: What the path answers with, as the message says it.
HOSTILE = {
    "/not-xml": "Enumerate of Win32_OperatingSystem with what is not well-formed XML at line 1, column 38",
    "/nothing": "Enumerate of Win32_OperatingSystem with nothing",
    "/other-xml": "Enumerate of Win32_OperatingSystem with something that is not a SOAP 1.2 envelope",
    "/truncated": "Enumerate of Win32_OperatingSystem with what is not well-formed XML at line 1, column 339",
    "/dtd": "Enumerate of Win32_OperatingSystem with a document type or entities, which SOAP forbids",
    "/entity-bomb": "Enumerate of Win32_OperatingSystem with a document type or entities, which SOAP forbids",
    "/deep": "Enumerate of Win32_OperatingSystem with elements nested deeper than 64 levels",
    "/charset": (
        "Enumerate of Win32_OperatingSystem with a declaration of another character set than UTF-8, which it is in"
    ),
    "/latin-1": "Enumerate of Win32_OperatingSystem with what is not valid UTF-8",
    "/another-answer": "Enumerate of Win32_OperatingSystem with the answer to another request",
    "/endless-pull": "Pull of Win32_OperatingSystem with a result without end: 20100 rows on 201 pages so far",
}
HUGE_PATHS = ("/huge", "/huge-declared")


@dataclass(frozen=True)
class Site:
    """Everything that runs while the cases do."""

    lab: RunningLab
    hostile: HostileEndpoint
    hole: int
    silent: int


@dataclass(frozen=True)
class Batch:
    """What was printed for each case, how long all of them took, and whether the lab is as it was."""

    results: dict[str, dict[str, Any]]
    seconds: float
    is_unchanged: bool


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with (
        running_lab(SITE, tmp_path_factory.mktemp("endpoints")) as lab,
        hostile_endpoint() as hostile,
        black_hole() as hole,
        silent_listener() as silent,
    ):
        yield Site(lab, hostile, hole, silent)


def run(lab: RunningLab, cases: list[Case], folder: Path) -> Batch:
    before = without_time(lab("state"))
    start = time.monotonic()
    results = run_cases(lab, cases, folder)
    seconds = time.monotonic() - start
    return Batch(results, seconds, without_time(lab("state")) == before)


@pytest.fixture(scope="module")
def unreached(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    """In vain, and within the time that the variables give."""
    basic = site.hostile.variables("/nothing")
    cases = [
        Case("a wrong password", "win01", "client", SWITCH, {"ansible_password": "Wrong-Password"}),
        Case("a wrong password with Basic", "win01", "client", SWITCH, {**basic, "ansible_password": "Wrong-Password"}),
        Case("a dead port", "win01", "client", SWITCH, {"ansible_port": 5999}),
        Case("a black hole", "win01", "client", SWITCH, at(site.hole) | IN_TWO_SECONDS),
        Case("a black hole and connection_timeout", "win01", "client_info", {}, at(site.hole) | IN_ELEVEN_SECONDS),
        Case("silence", "win01", "client", SWITCH, at(site.silent) | IN_TWO_SECONDS),
        Case("silence with Basic", "win01", "client", SWITCH, basic | at(site.silent) | IN_TWO_SECONDS),
    ]
    return run(site.lab, cases, tmp_path_factory.mktemp("unreached"))


def at(port: int) -> dict[str, Any]:
    return {"ansible_host": "127.0.0.1", "ansible_port": port}


def unreachable(message: str, kind: str, operation: str, hint: str) -> dict[str, Any]:
    """The whole result of a task on a machine that was not reached."""
    return {
        "status": "UNREACHABLE",
        "unreachable": True,
        "changed": False,
        "operations": [],
        "msg": message,
        "error": {"kind": kind, "code": None, "name": None, "operation": operation, "hint": hint},
    }


def is_it_on(port: int) -> str:
    return f"Check that the machine is on, that WinRM listens on port {port}, and firewalls between."


def test_a_wrong_password_names_the_variables_to_check(site: Site, unreached: Batch) -> None:
    address = host_variables(site.lab, "win01")["ansible_host"]
    assert unreached.results["a wrong password"] == unreachable(
        f"http://{address}:5985/wsman refused the credentials (HTTP 401; the server offers Negotiate). {CREDENTIALS}",
        "authentication_refused",
        "log in",
        CREDENTIALS,
    )
    assert unreached.results["a wrong password with Basic"] == unreachable(
        f"{site.hostile.url('/nothing')} refused the credentials (HTTP 401; the server offers Basic). {CREDENTIALS}",
        "authentication_refused",
        "log in",
        CREDENTIALS,
    )


def test_a_dead_port_says_what_to_check(site: Site, unreached: Batch) -> None:
    address = host_variables(site.lab, "win01")["ansible_host"]
    assert unreached.results["a dead port"] == unreachable(
        f"Could not connect to http://{address}:5999/wsman: Connection refused. {is_it_on(5999)}",
        "connection_lost",
        "connect",
        is_it_on(5999),
    )


@pytest.mark.parametrize("case", ["a black hole", "a black hole and connection_timeout"])
def test_a_black_hole_is_unreachable(site: Site, unreached: Batch, case: str) -> None:
    assert unreached.results[case] == unreachable(
        f"Could not connect to http://127.0.0.1:{site.hole}/wsman: timed out. {is_it_on(site.hole)}",
        "connection_lost",
        "connect",
        is_it_on(site.hole),
    )


def test_a_machine_that_never_answers_the_login_is_unreachable(site: Site, unreached: Batch) -> None:
    assert unreached.results["silence"] == unreachable(
        f"Nobody answered the login to http://127.0.0.1:{site.silent}/wsman: timed out. {is_it_on(site.silent)}",
        "connection_lost",
        "connect",
        is_it_on(site.silent),
    )


def test_a_machine_that_never_answers_the_first_question_is_unreachable(site: Site, unreached: Batch) -> None:
    hint = "Check the load of the machine, and run again: what was done already is not done twice."
    assert unreached.results["silence with Basic"] == unreachable(
        f"http://127.0.0.1:{site.silent}/nothing did not answer within 2 s. The request was sent, so its outcome is "
        "unknown.",
        "connection_timeout",
        "wait for the reply",
        hint,
    )


def test_all_that_is_given_up_in_the_time_that_the_variables_give(unreached: Batch) -> None:
    """Three times two seconds and once eleven; the rest is Ansible's own, of which a slow machine may need much."""
    assert 17 <= unreached.seconds < 17 + 40


def test_nothing_that_was_not_reached_changed(unreached: Batch) -> None:
    assert unreached.is_unchanged


@pytest.fixture(scope="module")
def answered(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    cases = [Case(path, "win01", "client", SWITCH, site.hostile.variables(path)) for path in (*HOSTILE, *HUGE_PATHS)]
    return run(site.lab, cases, tmp_path_factory.mktemp("answered"))


def test_every_hostile_answer_is_tried() -> None:
    assert set(HOSTILE) == set(ANSWERS)


def bad_reply(message: str, operation: str) -> dict[str, Any]:
    return {
        "status": "FAILED",
        "changed": False,
        "operations": [],
        "msg": f"{message} {WHO_ANSWERS}",
        "error": {"kind": "bad_reply", "code": None, "name": None, "operation": operation, "hint": WHO_ANSWERS},
    }


@pytest.mark.parametrize("path", HOSTILE)
def test_a_hostile_answer_is_refused_with_its_reason_and_never_shown(site: Site, answered: Batch, path: str) -> None:
    what = HOSTILE[path]
    assert answered.results[path] == bad_reply(
        f"{site.hostile.url(path)} answered {what} (HTTP 200).", what.partition(" ")[0]
    )


@pytest.mark.parametrize("path", HUGE_PATHS)
def test_a_hundred_megabytes_are_not_taken(site: Site, answered: Batch, path: str) -> None:
    assert answered.results[path] == bad_reply(
        f"The reply of {site.hostile.url(path)} is larger than 16 MiB, and was not read to its end.", "read the reply"
    )
    assert site.hostile.visits[path].bytes_taken < TAKEN_AT_MOST < HUGE


def test_a_length_that_is_announced_is_believed_at_once(site: Site, answered: Batch) -> None:
    assert site.hostile.visits["/huge-declared"].bytes_taken < TAKEN_AT_MOST - 16 * MIB


def test_a_machine_that_answers_like_that_is_asked_one_question_and_told_nothing(site: Site, answered: Batch) -> None:
    asked = {path: visits.operations for path, visits in site.hostile.visits.items() if path in answered.results}
    endless = asked.pop("/endless-pull")
    assert set(map(json.dumps, asked.values())) == {'["Enumerate"]'}
    assert endless == ["Enumerate", *["Pull"] * 200, "Release"]


def test_no_hostile_answer_changed_anything(answered: Batch) -> None:
    assert answered.is_unchanged
