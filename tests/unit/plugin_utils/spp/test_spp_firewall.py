# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall of a KMS host against the lab: four runs, refused and silent writes, Group Policy, other ports."""

from __future__ import annotations

import pytest
from spp_lab import CLIENT_HOST_KEY, HOST_KEY, InProcessLab, Plant, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    CimFault,
    KmsError,
    NotConverged,
    NotSupported,
    TransportTimeout,
    Unreachable,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    DesiredHost,
    converge_host,
    host_result,
    observe_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall import DesiredFirewall, Profile

INSIDE = frozenset({Profile.DOMAIN, Profile.PRIVATE})
OPEN_INSIDE = DesiredFirewall(True, INSIDE)
FROM_THE_LAB = DesiredFirewall(True, INSIDE, ("127.0.0.0/8", "LocalSubnet"))
SETTING = ["SetFirewallProfiles", "SetFirewallAddresses"]

DOCUMENT: dict[str, object] = {
    "domain": "corp.example.test",
    "machines": {
        "kms01": {"os": "windows-server-2022-datacenter", "products": [{"key": HOST_KEY, "activated": True}]},
        "kms11": {"os": "windows-11-enterprise", "products": [{"key": CLIENT_HOST_KEY, "activated": True}]},
    },
    "microsoft": {
        "keys": [
            {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            {"key": CLIENT_HOST_KEY, "kind": "kms_host", "for": ["windows-11-enterprise"]},
        ]
    },
    "behaviour": {"products_without_key": 3},
}


def lab_with(firewall: dict[str, object] | None = None, *dialects: str) -> InProcessLab:
    """A site whose host has this Group Policy, and speaks these dialects."""
    machines = DOCUMENT["machines"]
    assert isinstance(machines, dict)
    machine = {**machines["kms01"], **({"firewall": firewall} if firewall else {})}
    return new_lab({**DOCUMENT, "machines": {**machines, "kms01": machine}}, dialects=list(dialects))


def run(lab: InProcessLab, firewall: DesiredFirewall, *, check: bool = False, port: int | None = None) -> list[str]:
    """What one run of module `host` does to the firewall."""
    desired = DesiredHost(firewall=firewall, listening_port=port)
    operations = converge_host(lab.licensing("kms01"), desired, check_mode=check).operations
    return [operation for operation in operations if operation in ("Enable", "Disable") or "Firewall" in operation]


def shown(lab: InProcessLab, machine: str = "kms01") -> dict[str, object]:
    """The result that a user sees of the firewall."""
    found: dict[str, object] = host_result(observe_host(lab.licensing(machine), firewall=True))["host"]["firewall"]
    return found


def failure(
    lab: InProcessLab, firewall: DesiredFirewall, expected: type[KmsError], port: int | None = None
) -> KmsError:
    """The error of a run that fails."""
    with pytest.raises(expected) as caught:
        run(lab, firewall, port=port)
    return caught.value


@pytest.mark.parametrize(
    "dialect",
    ["", "firewall-masks", "firewall-return-value", "firewall-filter-four-keys", "firewall-filter-instance-id"],
)
def test_a_host_is_opened_in_four_runs_check_apply_apply_check(dialect: str) -> None:
    lab = lab_with(None, *filter(None, [dialect]))
    before = lab.site.state()
    assert run(lab, FROM_THE_LAB, check=True) == [*SETTING, "Enable"]
    assert lab.site.state() == before
    assert lab.site.kms_listeners() == {}
    assert run(lab, FROM_THE_LAB) == [*SETTING, "Enable"]
    assert run(lab, FROM_THE_LAB) == []
    assert run(lab, FROM_THE_LAB, check=True) == []
    assert lab.site.kms_listeners() == {"kms01": 1688}
    assert shown(lab)["rules"] == [
        {
            "name": "SPPSVC-In-TCP",
            "built_in": True,
            "enabled": True,
            "action": "allow",
            "profiles": ["domain", "private"],
            "remote_addresses": ["127.0.0.0/8", "LocalSubnet"],
            "port": 1688,
        }
    ]
    assert (shown(lab)["open_in"], shown(lab)["exposed"]) == (["domain", "private"], False)


def test_a_host_is_closed_in_four_runs() -> None:
    lab = lab_with()
    run(lab, FROM_THE_LAB)
    closed = DesiredFirewall(False)
    assert run(lab, closed, check=True) == ["Disable"]
    assert run(lab, closed) == ["Disable"]
    assert run(lab, closed) == run(lab, closed, check=True) == []
    assert lab.site.kms_listeners() == {}


def test_client_windows_is_opened_by_both_of_its_rules() -> None:
    lab, host = lab_with(), DesiredHost(firewall=OPEN_INSIDE)
    opened = converge_host(lab.licensing("kms11"), host, check_mode=False)
    assert opened.operations == ["SetFirewallProfiles", "Enable", "Enable"]
    assert lab.site.kms_listeners() == {"kms11": 1688}
    assert converge_host(lab.licensing("kms11"), host, check_mode=False).operations == []
    assert shown(lab, "kms11")["open_in"] == ["domain", "private"]


def test_a_server_with_both_rules_keeps_each_to_its_networks() -> None:
    lab = lab_with(None, "firewall-server-no-scope")
    run(lab, OPEN_INSIDE)
    assert run(lab, OPEN_INSIDE) == []
    assert shown(lab)["open_in"] == ["domain", "private"]


def test_another_port_gets_a_rule_of_our_own_in_four_runs() -> None:
    lab = lab_with()
    operations = ["CreateFirewallRule", "SetFirewallPort", "SetFirewallAddresses", "Enable"]
    assert run(lab, FROM_THE_LAB, check=True, port=1700) == operations
    assert run(lab, FROM_THE_LAB, port=1700) == operations
    assert run(lab, FROM_THE_LAB, port=1700) == run(lab, FROM_THE_LAB, check=True, port=1700) == []
    assert lab.site.kms_listeners() == {"kms01": 1700}
    rules = {rule["name"]: rule["enabled"] for rule in shown(lab)["rules"]}  # type: ignore[attr-defined]
    assert rules == {"SPPSVC-In-TCP": False, "volact.kms.1700": True}


def test_a_host_that_goes_back_to_1688_closes_its_own_rule() -> None:
    lab = lab_with()
    run(lab, FROM_THE_LAB, port=1700)
    assert run(lab, FROM_THE_LAB, port=1688) == [*SETTING, "Enable", "Disable"]
    assert lab.site.kms_listeners() == {"kms01": 1688}


def test_a_refused_write_names_the_command_and_leaves_the_port_closed() -> None:
    lab = lab_with(None, "firewall-writes-refused")
    error = failure(lab, FROM_THE_LAB, CimFault)
    assert "SetFirewallProfiles failed for the firewall rule SPPSVC-In-TCP of KMS01" in error.message
    assert error.message.endswith(
        'netsh advfirewall firewall set rule name="Key Management Service (TCP-In)" new profile=domain,private'
    )
    assert error.progress == {"changed": False, "operations": []}
    assert lab.site.kms_listeners() == {}


@pytest.mark.parametrize(("disturbed", "operations"), [(b"transfer/Get", []), (b"transfer/Put", SETTING[:1])])
def test_a_read_before_a_write_that_times_out_is_not_told_as_a_write(disturbed: bytes, operations: list[str]) -> None:
    lab = lab_with()
    lab.plants.append(Plant(disturbed, TransportTimeout("No answer within 75 s."), after=False))
    error = failure(lab, FROM_THE_LAB, Unreachable)
    assert error.progress["operations"] == operations
    assert ("Whether KMS01 carried out SetFirewallProfiles is unknown." in error.message) is bool(operations)
    assert run(lab, FROM_THE_LAB) == [*SETTING, "Enable"]


def test_a_refused_rule_of_our_own_names_the_command_that_adds_it() -> None:
    lab = lab_with(None, "firewall-create-refused")
    error = failure(lab, OPEN_INSIDE, CimFault, port=1700)
    assert "and leave the option firewall out: netsh advfirewall firewall add rule" in error.message
    assert error.progress["changed"], "the port was set before the firewall, and the error does not say so"
    assert lab.site.kms_listeners() == {}


def test_a_write_without_effect_never_opens_a_rule_for_everybody() -> None:
    lab = lab_with(None, "firewall-writes-silent")
    error = failure(lab, FROM_THE_LAB, NotConverged)
    assert "was left switched off" in error.message
    assert "it has other profiles" in error.message
    assert lab.site.kms_listeners() == {}


def test_a_rule_that_was_created_without_effect_is_reported_before_anything_else_is_written() -> None:
    lab = lab_with(None, "firewall-writes-silent")
    error = failure(lab, FROM_THE_LAB, CimFault, port=1700)
    assert "SetFirewallPort failed for the firewall rule volact.kms.1700 of KMS01" in error.message


def test_local_rules_that_a_policy_ignores_are_shown_and_not_touched() -> None:
    lab = lab_with({"local_rules": "ignored"})
    error = failure(lab, FROM_THE_LAB, NotSupported)
    assert "Apply local firewall rules: No" in error.message
    policy = shown(lab)["policy"]
    assert isinstance(policy, dict)
    assert policy["local_rules_ignored_in"] == ["domain", "private", "public"]


@pytest.mark.parametrize("dialect", ["", "firewall-all-stores"])
def test_a_policy_that_opens_the_port_is_shown_and_enough(dialect: str) -> None:
    rule = {"name": "gpo-kms", "port": 1688, "profiles": ["domain", "private"]}
    lab = lab_with({"local_rules": "ignored", "policy_rules": [rule]}, *filter(None, [dialect]))
    assert run(lab, FROM_THE_LAB) == []
    assert shown(lab)["open_in"] == ["domain", "private"]
    assert (
        "the rule gpo-kms of a Group Policy lets clients in"
        in failure(lab, DesiredFirewall(False), NotSupported).message
    )


@pytest.mark.parametrize("dialect", ["", "firewall-all-stores"])
def test_a_policy_that_blocks_the_port_refuses_a_useless_change(dialect: str) -> None:
    lab = lab_with(
        {"policy_rules": [{"name": "SPPSVC-In-TCP", "port": 1688, "action": "block"}]}, *filter(None, [dialect])
    )
    assert "the rule SPPSVC-In-TCP of a Group Policy blocks it" in failure(lab, FROM_THE_LAB, NotSupported).message
    assert shown(lab)["open_in"] == []


def test_an_observed_firewall_costs_three_requests() -> None:
    lab = lab_with()
    without, complete = lab.licensing("kms01"), lab.licensing("kms01")
    observe_host(without)
    observe_host(complete, firewall=True)
    assert complete.session.requests - without.session.requests == 3
