# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activations of host keys, counted over a site: who holds one, who would get it, and what a run spent."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.volact.kms.plugins.filter.host_key_ledger import FilterModule as LedgerFilter
from ansible_collections.volact.kms.plugins.filter.host_key_ledger import host_key_ledger
from ansible_collections.volact.kms.plugins.filter.host_key_refusal import FilterModule as RefusalFilter
from ansible_collections.volact.kms.plugins.filter.host_key_refusal import host_key_refusal
from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._host_budget import (
    HostKeys,
    Limits,
    checked_ledger,
    host_keys,
    last_fives,
    refusal,
    spent_keys,
)

NEW = HostKeys(frozenset(), frozenset({"KMNHT"}))
SET_UP = HostKeys(frozenset({"KMNHT"}))
NOT_ACTIVATED = HostKeys(frozenset({"KMNHT"}), frozenset({"KMNHT"}))


def result(operations: list[str], **status: int) -> dict[str, t.Any]:
    """A result of the module `host`: its operations, and the license status of each key."""
    products = [{"partial_product_key": key, "license_status": number} for key, number in status.items()]
    return {"operations": operations, "host": {"products": products}}


def machines(count: int, keys: HostKeys) -> dict[str, HostKeys | None]:
    return {f"kms{number:02d}": keys for number in range(1, count + 1)}


def test_six_machines_may_have_a_key_and_the_seventh_may_not() -> None:
    assert refusal(machines(6, NEW), {}, Limits()) == ""
    sentence = refusal(machines(6, SET_UP) | {"kms07": NEW}, {}, Limits())
    assert sentence.startswith("The host key ending in KMNHT would be on 7 machines (kms01, kms02, ")
    assert "Nothing was changed." in sentence
    assert "Not read" not in sentence
    assert refusal(machines(6, SET_UP) | {"kms07": NEW}, {}, Limits(machines=7)) == ""


def test_a_machine_that_could_not_be_read_counts_as_one_that_holds_the_key() -> None:
    hosts = machines(5, SET_UP) | {"kms06": None, "kms07": NEW}
    assert "Not read, and counted because they may hold it: kms06. Nothing was changed." in refusal(hosts, {}, Limits())


def test_machines_of_the_ledger_count_although_they_are_gone_and_nobody_counts_twice() -> None:
    ledger = {"KMNHT": {f"old{number}": 1 for number in range(5)}}
    assert refusal({"kms01": NEW}, ledger, Limits()) == ""
    assert "would be on 7 machines" in refusal({"kms01": NEW, "kms02": NEW}, ledger, Limits())
    assert refusal({"kms01": NOT_ACTIVATED}, {"KMNHT": {"kms01": 3} | ledger["KMNHT"]}, Limits()) == ""
    assert refusal({"kms01": NEW}, {"KNHFF": {f"old{number}": 1 for number in range(6)}}, Limits()) == ""


def test_the_eleventh_activation_of_a_machine_is_refused() -> None:
    assert refusal({"kms01": NOT_ACTIVATED}, {"KMNHT": {"kms01": 9}}, Limits()) == ""
    sentence = refusal({"kms01": NOT_ACTIVATED}, {"KMNHT": {"kms01": 10}}, Limits())
    assert "was activated 10 times on kms01 by kms_host_activations_used" in sentence
    assert refusal({"kms01": NOT_ACTIVATED}, {"KMNHT": {"kms01": 10}}, Limits(activations=11)) == ""


def test_where_nothing_is_spent_nothing_is_refused() -> None:
    assert refusal(machines(9, SET_UP) | {"kms10": None}, {"KMNHT": {"kms01": 12}}, Limits()) == ""


@pytest.mark.parametrize(
    ("operations", "status", "holds", "spends"),
    [
        (["InstallProductKey", "Activate"], {}, set(), {"KMNHT", "KNHFF"}),
        (["InstallProductKey"], {"KMNHT": 1}, {"KMNHT"}, {"KNHFF"}),
        (["SetKeyManagementServiceListeningPort"], {"KMNHT": 0}, {"KMNHT"}, set()),
        (["Activate"], {"KMNHT": 5, "KNHFF": 1}, {"KMNHT", "KNHFF"}, {"KMNHT"}),
    ],
)
def test_what_a_host_spends_is_read_from_its_plan(
    operations: list[str], status: dict[str, int], holds: set[str], spends: set[str]
) -> None:
    given = last_fives(["MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT", " ppppp-qqqqq-rrrrr-ttttt-knhff "])
    assert host_keys(given, result(operations, **status)) == HostKeys(frozenset(holds), frozenset(spends))


def test_without_keys_of_the_task_those_of_the_host_are_activated() -> None:
    found = host_keys(last_fives(None), result(["DepositOfflineConfirmationId"], KMNHT=5))
    assert found == NOT_ACTIVATED
    assert last_fives("MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT, PPPPP-QQQQQ-RRRRR-TTTTT-KNHFF") == {"KMNHT", "KNHFF"}


@pytest.mark.parametrize(
    "plan", [None, {}, {"unreachable": True, "msg": "no answer"}, {"failed": True, "operations": []}]
)
def test_a_plan_that_is_none_may_be_of_a_machine_that_holds_anything(plan: dict[str, t.Any] | None) -> None:
    assert host_keys(frozenset(), plan) is None


@pytest.mark.parametrize(
    ("run", "spent"),
    [
        (result(["InstallProductKey", "Activate"], KMNHT=1), True),
        (result(["DepositOfflineConfirmationId"], KMNHT=1), True),
        # Refused by Microsoft: 0xC004C008.
        (result(["InstallProductKey", "Activate"], KMNHT=0) | {"error": {"kind": "activation_failed"}}, False),
        # Cut off: nobody knows.
        ({"operations": ["InstallProductKey", "Activate"], "unreachable": True}, True),
        (result(["Activate"], KMNHT=0) | {"failed": True, "error": {"kind": "outcome_unknown"}}, True),
        (result(["Activate"], KMNHT=0) | {"failed": True, "error": {"kind": "not_converged"}}, True),
        ({"operations": ["InstallProductKey"], "unreachable": True}, False),
        (result(["SetKeyManagementServiceListeningPort"], KMNHT=1), False),
        ({"operations": [], "failed": True}, False),
        (None, False),
    ],
)
def test_what_was_spent_is_read_from_the_run(run: dict[str, t.Any] | None, spent: bool) -> None:
    assert spent_keys(NEW.spends, run) == ({"KMNHT"} if spent else set())


def test_the_ledger_grows_by_what_was_spent_and_keeps_the_rest() -> None:
    plan = result(["InstallProductKey", "Activate"])
    hosts: dict[str, dict[str, t.Any]] = {
        "kms01": {"given": ["KMNHT"], "plan": plan, "run": result(plan["operations"], KMNHT=1)},
        "kms02": {"given": ["KMNHT"], "plan": plan, "run": result(plan["operations"], KMNHT=0)},
        "kms03": {"given": [], "plan": {}, "run": {}},
    }
    before = {"KMNHT": {"kms01": 1, "old": 2}, "KNHFF": {"old": 1}}
    after = host_key_ledger(before, hosts)
    assert after == {"KMNHT": {"kms01": 2, "old": 2}, "KNHFF": {"old": 1}}
    assert before["KMNHT"]["kms01"] == 1
    assert host_key_ledger({}, hosts) == {"KMNHT": {"kms01": 1}}


@pytest.mark.parametrize(
    "given",
    [
        {"KMNHT": 3},
        {"KMNHT": {"kms01": "two"}},
        {"KMNHT": {"kms01": -1}},
        ["KMNHT"],
        {"MMMMM-PPPPP-KMNHT": {"kms01": 1}},
    ],
)
def test_a_ledger_of_another_form_is_refused_and_never_quoted(given: object) -> None:
    with pytest.raises(BadInput, match=r"such as \{KMNHT: \{kms01: 2\}\}\. Nothing was changed\.") as caught:
        checked_ledger(given)
    assert "PPPPP" not in caught.value.message


def test_the_filters_take_what_ansible_gives_and_say_what_is_wrong() -> None:
    hosts = {f"kms0{number}": {"given": ["KMNHT"], "plan": result(["InstallProductKey"])} for number in range(1, 4)}
    assert host_key_refusal(hosts) == ""
    assert "would be on 3 machines" in host_key_refusal(hosts, max_hosts="2")
    with pytest.raises(AnsibleFilterError, match="kms_host_activations_used has to map"):
        host_key_refusal(hosts, used={"KMNHT": 3})
    with pytest.raises(AnsibleFilterError, match="kms_host_activations_used has to map"):
        host_key_ledger([1], {})
    assert RefusalFilter().filters() == {"host_key_refusal": host_key_refusal}
    assert LedgerFilter().filters() == {"host_key_ledger": host_key_ledger}
