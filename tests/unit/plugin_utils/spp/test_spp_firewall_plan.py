# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan for the firewall of a KMS host: what is changed in which order, and what is refused with which sentence."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, KmsError, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall import (
    DesiredFirewall,
    FirewallState,
    Profile,
    desired_firewall,
    plan_firewall,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall_netsh import netsh
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall_read import rule_of_policy
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall_rules import (
    ALL_PROFILES,
    Policy,
    PolicyRule,
    Rule,
    mask_of,
    profiles_of,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._plan import Change, FirewallTarget, Plan

INSIDE = frozenset({Profile.DOMAIN, Profile.PRIVATE})
SERVER = Rule("SPPSVC-In-TCP", enabled=False, profiles=ALL_PROFILES)
CLIENT = Rule("SPPSVC-In-TCP", False, frozenset({Profile.PRIVATE, Profile.PUBLIC}), ("LocalSubnet",))
CLIENT_DOMAIN = Rule("SPPSVC-In-TCP-NoScope", False, frozenset({Profile.DOMAIN}))
OPEN_INSIDE = DesiredFirewall(True, INSIDE)
CLOSED = DesiredFirewall(False)


def plan(
    rules: t.Iterable[Rule], desired: DesiredFirewall, port: int = 1688, policy: Policy | None = None
) -> list[Change]:
    """The changes for a machine with `rules`."""
    return list(plan_firewall(FirewallState(tuple(rules), policy or Policy()), desired, port, "KMS01"))


def told(changes: list[Change]) -> list[tuple[str, str]]:
    """Operation and rule of each change."""
    return [(change.operation, t.cast("FirewallTarget", change.target).rule) for change in changes]


def refused(expected: type[KmsError], *arguments: t.Any, **named: t.Any) -> str:
    """The sentence of the refusal."""
    with pytest.raises(expected) as caught:
        plan(*arguments, **named)
    assert "Nothing was changed." in caught.value.message
    return caught.value.message


def test_profile_masks_are_read_and_written_as_windows_does() -> None:
    assert profiles_of(0) == profiles_of(7) == ALL_PROFILES
    assert (mask_of(ALL_PROFILES), mask_of(INSIDE)) == (0, 3)
    assert profiles_of(0x7FFFFFFF) == ALL_PROFILES


def test_a_server_is_opened_inside_only_after_its_profiles_are_narrowed() -> None:
    changes = plan([SERVER], OPEN_INSIDE)
    assert told(changes) == [("SetFirewallProfiles", "SPPSVC-In-TCP"), ("Enable", "SPPSVC-In-TCP")]
    assert changes[1].arguments == {"profiles": 3, "port": 1688, "addresses": ("Any",)}
    shown = Plan(tuple(changes)).diff()
    assert shown["before"] == {
        "firewall SPPSVC-In-TCP profiles": "domain,private,public",
        "firewall SPPSVC-In-TCP enabled": False,
    }
    assert shown["after"] == {
        "firewall SPPSVC-In-TCP profiles": "domain,private",
        "firewall SPPSVC-In-TCP enabled": True,
    }


def test_what_is_as_it_should_be_is_left_alone() -> None:
    rule = Rule("SPPSVC-In-TCP", True, INSIDE, ("10.0.0.0/8", "LocalSubnet"))
    assert plan([rule], OPEN_INSIDE) == []
    in_another_order = DesiredFirewall(True, INSIDE, ("LocalSubnet", "10.0.0.0/8"))
    assert plan([rule], in_another_order) == []


def test_client_windows_splits_the_networks_between_its_two_rules() -> None:
    changes = plan([CLIENT, CLIENT_DOMAIN], OPEN_INSIDE)
    assert told(changes) == [
        ("SetFirewallProfiles", "SPPSVC-In-TCP"),
        ("Enable", "SPPSVC-In-TCP"),
        ("Enable", "SPPSVC-In-TCP-NoScope"),
    ]
    assert changes[0].arguments == {"profiles": 2}


def test_a_rule_whose_networks_are_not_wanted_is_closed() -> None:
    rules = [Rule("SPPSVC-In-TCP", True, frozenset({Profile.PRIVATE}), ("LocalSubnet",)), CLIENT_DOMAIN]
    changes = plan(rules, DesiredFirewall(True, frozenset({Profile.DOMAIN})))
    assert told(changes) == [("Disable", "SPPSVC-In-TCP"), ("Enable", "SPPSVC-In-TCP-NoScope")]


def test_the_local_subnet_may_be_let_in_on_public_networks_too() -> None:
    assert told(plan([CLIENT], DesiredFirewall(True))) == [("Enable", "SPPSVC-In-TCP")]


def test_an_enabled_rule_is_narrowed_before_it_is_widened() -> None:
    rule = Rule("SPPSVC-In-TCP", True, ALL_PROFILES, ("10.0.0.0/8",))
    assert told(plan([rule], DesiredFirewall(True, INSIDE, ("192.168.0.0/16",))))[0][0] == "SetFirewallProfiles"
    rule = Rule("SPPSVC-In-TCP", True, INSIDE, ("Any",))
    changes = told(plan([rule], DesiredFirewall(True, ALL_PROFILES, ("192.168.0.0/16",))))
    assert [operation for operation, _rule in changes] == ["SetFirewallAddresses", "SetFirewallProfiles"]


def test_another_port_gets_a_rule_of_our_own_that_is_switched_on_last() -> None:
    desired = DesiredFirewall(True, INSIDE, ("10.0.0.0/8",))
    changes = plan([SERVER], desired, port=1700)
    assert told(changes) == [
        ("CreateFirewallRule", "volact.kms.1700"),
        ("SetFirewallPort", "volact.kms.1700"),
        ("SetFirewallAddresses", "volact.kms.1700"),
        ("Enable", "volact.kms.1700"),
    ]
    assert changes[-1].arguments == {"profiles": 3, "port": 1700, "addresses": ("10.0.0.0/8",)}


def test_an_interrupted_rule_of_our_own_is_finished() -> None:
    half = Rule("volact.kms.1700", False, INSIDE, port=1700, is_for_port=False)
    assert told(plan([SERVER, half], OPEN_INSIDE, port=1700)) == [
        ("SetFirewallPort", "volact.kms.1700"),
        ("Enable", "volact.kms.1700"),
    ]


def test_a_rule_of_our_own_for_a_port_of_earlier_is_closed() -> None:
    earlier = Rule("volact.kms.1700", True, INSIDE, port=1700)
    narrowed = Rule("SPPSVC-In-TCP", True, INSIDE)
    assert told(plan([narrowed, earlier], OPEN_INSIDE)) == [("Disable", "volact.kms.1700")]


def test_a_server_that_lost_its_built_in_rule_gets_one_of_ours() -> None:
    assert told(plan([], OPEN_INSIDE))[0] == ("CreateFirewallRule", "volact.kms.1688")


def test_closing_closes_every_rule_and_deletes_none() -> None:
    rules = [Rule("SPPSVC-In-TCP", True, ALL_PROFILES), Rule("volact.kms.1700", True, INSIDE, port=1700), CLIENT_DOMAIN]
    assert told(plan(rules, CLOSED)) == [("Disable", "SPPSVC-In-TCP"), ("Disable", "volact.kms.1700")]
    assert plan([SERVER], CLOSED) == []


def test_any_address_on_public_networks_is_refused_with_the_reason() -> None:
    message = refused(BadInput, [SERVER], DesiredFirewall(True))
    assert "open TCP 1688 of KMS01 to any address on public networks" in message
    assert "(F16)" in message
    assert message.endswith("or firewall.allow_public: true.")
    assert told(plan([SERVER], DesiredFirewall(True, allow_public=True))) == [("Enable", "SPPSVC-In-TCP")]


def test_a_rule_that_does_not_tell_its_addresses_counts_as_open_to_any() -> None:
    rule = Rule("SPPSVC-In-TCP", False, ALL_PROFILES, None)
    assert "to any address" in refused(BadInput, [rule], DesiredFirewall(True))


def test_public_ranges_are_refused_on_every_profile() -> None:
    desired = DesiredFirewall(True, frozenset({Profile.DOMAIN}), ("8.8.8.0/24", "10.0.0.0/8"))
    assert "to public addresses (8.8.8.0/24)" in refused(BadInput, [SERVER], desired)
    allowed = DesiredFirewall(True, frozenset({Profile.DOMAIN}), ("8.8.8.0/24",), allow_public=True)
    assert len(plan([SERVER], allowed)) == 3


def test_windows_7_is_refused_with_the_command_that_does_it() -> None:
    with pytest.raises(NotSupported) as caught:
        list(plan_firewall(FirewallState(None), OPEN_INSIDE, 1688, "KMS07"))
    assert caught.value.message.endswith(
        'netsh advfirewall firewall set rule group="Key Management Service" new enable=yes'
    )
    with pytest.raises(NotSupported) as caught:
        list(plan_firewall(FirewallState(None), DesiredFirewall(True, INSIDE, ("10.0.0.0/8",)), 1700, "KMS07"))
    assert caught.value.hint == (
        'netsh advfirewall firewall add rule name="Key Management Service (TCP-In, port 1700)" dir=in action=allow '
        "protocol=TCP localport=1700 profile=domain,private remoteip=10.0.0.0/8"
    )


def test_a_policy_that_makes_local_rules_void_is_named() -> None:
    policy = Policy(local_rules_void=INSIDE)
    message = refused(NotSupported, [SERVER], OPEN_INSIDE, policy=policy)
    assert "on domain,private networks would have no effect" in message
    assert "Apply local firewall rules: No" in message
    assert FirewallState((SERVER,), policy).open_in(1688) == frozenset()


def test_a_policy_for_some_of_the_networks_leaves_the_others_to_us() -> None:
    assert plan([SERVER], OPEN_INSIDE, policy=Policy(local_rules_void=frozenset({Profile.DOMAIN})))


def test_a_policy_that_opens_the_port_itself_is_enough() -> None:
    by_policy = PolicyRule("gpo-kms", True, True, INSIDE, ((1688, 1688),))
    state = FirewallState((SERVER,), Policy(local_rules_void=ALL_PROFILES, rules=(by_policy,)))
    assert list(plan_firewall(state, OPEN_INSIDE, 1688, "KMS01")) == []
    assert state.open_in(1688) == INSIDE
    assert state.open_in(1700) == frozenset()


def test_a_policy_that_blocks_the_port_is_named() -> None:
    rule = PolicyRule("no-kms", True, False, ALL_PROFILES)
    assert "the rule no-kms of a Group Policy blocks it" in refused(
        NotSupported, [SERVER], OPEN_INSIDE, policy=Policy(rules=(rule,))
    )
    everything = Policy(everything_blocked=ALL_PROFILES)
    assert "lets nothing in" in refused(NotSupported, [SERVER], OPEN_INSIDE, policy=everything)


def test_closing_against_a_policy_that_opens_is_refused() -> None:
    rule = PolicyRule("gpo-kms", True, True, frozenset({Profile.DOMAIN}), ((1000, 2000),))
    message = refused(NotSupported, [SERVER], CLOSED, policy=Policy(rules=(rule,)))
    assert "the rule gpo-kms of a Group Policy lets clients in on domain networks" in message


def test_a_rule_of_policy_is_read_as_microsoft_documents_it() -> None:
    text = (
        "v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|Profile=Private|LPort=1688|LPort2_10=1700-1710"
    )
    text += "|RA4=10.0.0.0/255.0.0.0|App=%SystemRoot%\\system32\\sppextcomobj.exe|Svc=sppsvc|Name=KMS|"
    assert rule_of_policy("gpo", text) == PolicyRule(
        "gpo", True, True, INSIDE, ((1688, 1688), (1700, 1710)), ("10.0.0.0/8",)
    )


@pytest.mark.parametrize(
    "other", ["Dir=Out", "Dir=In|Protocol=17", "Dir=In|Svc=termservice", "Dir=In|App=C:\\x\\y.exe", ""]
)
def test_rules_of_policy_for_something_else_are_left_out(other: str) -> None:
    assert rule_of_policy("gpo", f"v2.31|Action=Allow|Active=TRUE|{other}|") is None


def test_a_rule_of_policy_without_details_is_for_everything() -> None:
    assert rule_of_policy("gpo", "v2.10|Action=Block|Active=TRUE|Dir=In|") == PolicyRule(
        "gpo", True, False, ALL_PROFILES
    )


def test_options_become_a_desired_state() -> None:
    assert desired_firewall(None) is None
    assert desired_firewall({"state": "disabled"}) == CLOSED
    options = {
        "state": "enabled",
        "profiles": ["private", "domain"],
        "remote_addresses": ["10.0.0.0/255.0.0.0", "localsubnet", "10.0.0.0/8"],
        "allow_public": False,
    }
    assert desired_firewall(options) == DesiredFirewall(True, INSIDE, ("10.0.0.0/8", "LocalSubnet"))


@pytest.mark.parametrize(
    ("addresses", "part"),
    [
        (["kms.example.test"], "'kms.example.test', which is neither an address"),
        (["Any", "10.0.0.0/8"], "has Any beside other addresses"),
    ],
)
def test_addresses_that_windows_would_not_take_are_refused(addresses: list[str], part: str) -> None:
    with pytest.raises(BadInput, match=part):
        desired_firewall({"state": "enabled", "remote_addresses": addresses})


def test_every_change_has_the_command_that_does_the_same() -> None:
    desired = DesiredFirewall(True, INSIDE, ("10.0.0.0/8",))
    commands = [netsh(change) for change in plan([SERVER], desired)]
    assert commands == [
        'netsh advfirewall firewall set rule name="Key Management Service (TCP-In)" new profile=domain,private',
        'netsh advfirewall firewall set rule name="Key Management Service (TCP-In)" new remoteip=10.0.0.0/8',
        'netsh advfirewall firewall set rule group="Key Management Service" new enable=yes',
    ]
    own = [netsh(change) for change in plan([], desired, port=1700)]
    assert own[0].startswith("netsh advfirewall firewall add rule ")
    assert own[0] == own[1]
    assert own[-1].endswith('"Key Management Service (TCP-In, port 1700)" new enable=yes')
