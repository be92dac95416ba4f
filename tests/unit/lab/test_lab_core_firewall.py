# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall of a machine: its rules by WMI, what Group Policy makes of them, and who gets in."""

from __future__ import annotations

import typing as t
from functools import partial

import pytest

from lab.core import SiteError
from lab.core.example_company import CSVLK, company, failure, machine_state
from lab.core.firewall import checked_addresses, checked_ports
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse, rule_keys

NAMESPACE = "root/StandardCimv2"
POLICY = "SOFTWARE\\Policies\\Microsoft\\WindowsFirewall"
NOT_SUPPORTED, INVALID_PARAMETER = 0x8004100C, 0x80041008
RULE, ADDRESSES, PORTS = "MSFT_NetFirewallRule", "MSFT_NetAddressFilter", "MSFT_NetProtocolPortFilter"
BUILT_IN = "SPPSVC-In-TCP"


def host(system: str = "windows-server-2022-datacenter", *dialects: str, **machine: t.Any) -> Rehearsal:
    """kms01, an activated KMS host whose built-in rules are still off."""
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {
                "kms01": {"os": system, "products": [{"key": CSVLK, "activated": True}], **machine},
                "pc1": {"os": "windows-11-enterprise"},
            },
            "microsoft": {"keys": [{"key": CSVLK, "kind": "kms_host", "for": [system]}]},
            "behaviour": {"products_without_key": 1, "dialects": list(dialects)},
        }
    )


def rules(
    lab: Rehearsal, columns: str = "InstanceID, Profiles, Enabled", machine: str = "kms01"
) -> list[dict[str, t.Any]]:
    where = "InstanceID LIKE 'SPPSVC%' OR InstanceID LIKE 'volact.%'"
    return lab.query(machine, f"SELECT {columns} FROM {RULE} WHERE {where}", NAMESPACE)


def filter_of(lab: Rehearsal, class_name: str, name: str = BUILT_IN) -> dict[str, t.Any]:
    (row,) = lab.query("kms01", f"SELECT * FROM {class_name} WHERE InstanceID = '{name}'", NAMESPACE)
    return row


def put(lab: Rehearsal, class_name: str, properties: dict[str, object], name: str = BUILT_IN) -> None:
    keys = rule_keys(name) if class_name == RULE else {"CreationClassName": f"MSFT|FW|FirewallRule|{name}"}
    lab.transfer("kms01", "Put", class_name, keys, properties)


def is_open(lab: Rehearsal) -> bool:
    return lab.site.kms_listeners() == {"kms01": 1688}


def code_of(call: t.Callable[[], object]) -> int:
    with pytest.raises(RehearsedFault) as caught:
        call()
    return caught.value.code


def test_a_server_has_one_rule_of_the_kms_and_a_client_windows_has_two() -> None:
    server, client = host(), host("windows-10-enterprise")
    assert rules(server) == [{"InstanceID": BUILT_IN, "Profiles": "0", "Enabled": "2"}]
    assert filter_of(server, ADDRESSES)["RemoteAddress"] == "Any"
    assert [(row["InstanceID"], row["Profiles"]) for row in rules(client)] == [
        (BUILT_IN, "6"),
        (f"{BUILT_IN}-NoScope", "1"),
    ]
    assert filter_of(client, ADDRESSES)["RemoteAddress"] == "LocalSubnet"
    assert filter_of(client, ADDRESSES, f"{BUILT_IN}-NoScope")["RemoteAddress"] == "Any"
    assert len(rules(host("windows-server-2022-datacenter", "firewall-server-no-scope"))) == 2


def test_a_filter_has_the_names_of_its_rule() -> None:
    ports = filter_of(host(), PORTS)
    assert (ports["Protocol"], ports["LocalPort"], ports["RemotePort"]) == ("TCP", "1688", "Any")
    assert (ports["InstanceID"], ports["CreationClassName"]) == (BUILT_IN, f"MSFT|FW|FirewallRule|{BUILT_IN}")


def test_windows_7_has_none_of_the_classes() -> None:
    lab = host("windows-7-enterprise")
    for class_name in (RULE, ADDRESSES, PORTS):
        query = partial(lab.query, "kms01", f"SELECT * FROM {class_name}", NAMESPACE)
        assert code_of(query) == 0x80041010


def test_on_a_client_windows_the_rule_for_the_domain_lets_a_domain_in() -> None:
    lab = host("windows-10-enterprise")
    lab.invoke("kms01", RULE, "Enable", None, rule_keys(BUILT_IN), NAMESPACE)
    assert not is_open(lab), "this one is for private and public networks"
    lab.site.set("kms01", "network_profile", "private")
    assert is_open(lab)
    lab.site.set("kms01", "network_profile", "domain")
    lab.invoke("kms01", RULE, "Enable", None, rule_keys(f"{BUILT_IN}-NoScope"), NAMESPACE)
    assert is_open(lab)


def test_profiles_and_remote_addresses_decide_who_gets_in() -> None:
    lab = host()
    lab.enable_firewall_rule("kms01")
    put(lab, RULE, {"Profiles": 6})
    assert not is_open(lab)
    put(lab, RULE, {"Profiles": 3})
    assert is_open(lab)
    put(lab, ADDRESSES, {"RemoteAddress": ["10.0.0.0/8", "192.0.2.1-192.0.2.9"]})
    assert not is_open(lab)
    put(lab, ADDRESSES, {"RemoteAddress": "127.9.0.2"})
    assert is_open(lab)
    assert machine_state(lab, "kms01")["firewall_rules"][0] == {
        "name": BUILT_IN,
        "enabled": True,
        "profiles": ["domain", "private"],
        "protocol": "TCP",
        "local_ports": ["1688"],
        "remote_addresses": ["127.9.0.2"],
    }


def test_a_client_whom_the_rule_keeps_out_gets_no_answer() -> None:
    lab = company(servers=2)
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", "firewall_remote_addresses", lab.site.machines["srv1"].address)
    assert failure(lab, "srv1") == 0xC004F038
    assert failure(lab, "srv2") == 0xC004F074
    assert machine_state(lab, "kms01")["kms_host"]["requests"]["total"] == 1


def test_a_whole_instance_with_one_change_is_taken() -> None:
    lab = host()
    for class_name, change in ((RULE, {"Profiles": "1"}), (ADDRESSES, {"RemoteAddress": "LocalSubnet"})):
        keys = rule_keys(BUILT_IN) if class_name == RULE else {"InstanceID": BUILT_IN}
        whole = lab.get("kms01", class_name, keys, NAMESPACE)
        lab.transfer("kms01", "Put", class_name, keys, {**whole, **change})
    assert rules(lab)[0]["Profiles"] == "1"
    assert filter_of(lab, ADDRESSES)["RemoteAddress"] == "LocalSubnet"


@pytest.mark.parametrize(
    ("class_name", "properties"),
    [
        (RULE, {"Action": "4"}),
        (RULE, {"Profiles": "9"}),
        (ADDRESSES, {"RemoteAddress": ["Any", "10.0.0.0/8"]}),
        (ADDRESSES, {"RemoteAddress": "kms.example.test"}),
        (ADDRESSES, {"RemoteAddress": "10.0.0.9-10.0.0.1"}),
        (PORTS, {"LocalPort": "99999"}),
        (PORTS, {"Colour": "green"}),
    ],
)
def test_what_is_no_value_is_refused_and_nothing_changes(class_name: str, properties: dict[str, object]) -> None:
    lab = host()
    before = machine_state(lab, "kms01")["firewall_rules"]
    assert code_of(lambda: put(lab, class_name, properties)) == INVALID_PARAMETER
    assert machine_state(lab, "kms01")["firewall_rules"] == before


def test_a_rule_of_ones_own_is_open_to_everything_until_its_filters_say_less() -> None:
    lab = host()
    lab.site.set("kms01", "registry", POLICY.replace("Policies", "Elsewhere") + "\\Unrelated=1")
    created = {"InstanceID": "volact.kms.1688", "DisplayName": "KMS", "Enabled": 2, "Direction": 1, "Action": 2}
    answer = lab.transfer("kms01", "Create", RULE, None, {**created, "Profiles": 1, "PolicyRuleName": ""})
    assert "MSFT|FW|FirewallRule|volact.kms.1688" in "".join(answer.itertext())
    assert filter_of(lab, PORTS, "volact.kms.1688")["LocalPort"] == "Any"
    lab.invoke("kms01", RULE, "Enable", None, rule_keys("volact.kms.1688"), NAMESPACE)
    assert is_open(lab)
    put(lab, PORTS, {"Protocol": "TCP", "LocalPort": "1689"}, "volact.kms.1688")
    assert not is_open(lab)
    lab.transfer("kms01", "Delete", RULE, rule_keys("volact.kms.1688"))
    assert [row["InstanceID"] for row in rules(lab)] == [BUILT_IN]


def test_filters_may_come_with_the_rule_as_options() -> None:
    lab = host()
    options = {"Protocol": "TCP", "LocalPort": "1688", "RemoteAddress": "10.0.0.0/8,LocalSubnet"}
    lab.transfer("kms01", "Create", RULE, None, {"InstanceID": "volact.kms"}, options)
    assert filter_of(lab, ADDRESSES, "volact.kms")["RemoteAddress"] == "10.0.0.0/8,LocalSubnet"
    assert is_open(lab)


def test_a_clone_has_the_filters_of_its_original() -> None:
    lab = host()
    lab.invoke("kms01", RULE, "CloneObject", {"NewName": "volact.kms"}, rule_keys(BUILT_IN), NAMESPACE)
    assert filter_of(lab, PORTS, "volact.kms")["LocalPort"] == "1688"
    assert (
        code_of(lambda: lab.invoke("kms01", RULE, "CloneObject", {"NewName": BUILT_IN}, rule_keys(BUILT_IN), NAMESPACE))
        == INVALID_PARAMETER
    )


def test_a_windows_that_takes_no_writes_still_enables_a_rule() -> None:
    lab = host("windows-server-2022-datacenter", "firewall-writes-refused")
    assert code_of(lambda: put(lab, RULE, {"Profiles": 1})) == NOT_SUPPORTED
    assert code_of(lambda: put(lab, ADDRESSES, {"RemoteAddress": "LocalSubnet"})) == NOT_SUPPORTED
    assert code_of(lambda: lab.transfer("kms01", "Create", RULE, None, {"InstanceID": "x"})) == NOT_SUPPORTED
    assert code_of(lambda: lab.transfer("kms01", "Delete", RULE, rule_keys(BUILT_IN))) == NOT_SUPPORTED
    lab.enable_firewall_rule("kms01")
    assert is_open(lab)


def test_a_windows_that_creates_no_rules_changes_those_that_are_there() -> None:
    lab = host("windows-server-2022-datacenter", "firewall-create-refused")
    assert code_of(lambda: lab.transfer("kms01", "Create", RULE, None, {"InstanceID": "x"})) == NOT_SUPPORTED
    put(lab, ADDRESSES, {"RemoteAddress": "LocalSubnet"})
    assert filter_of(lab, ADDRESSES)["RemoteAddress"] == "LocalSubnet"


def test_writes_may_be_silent() -> None:
    lab = host("windows-server-2022-datacenter", "firewall-writes-silent")
    put(lab, ADDRESSES, {"RemoteAddress": "LocalSubnet"})
    lab.transfer("kms01", "Create", RULE, None, {"InstanceID": "volact.kms"})
    assert filter_of(lab, ADDRESSES)["RemoteAddress"] == "Any"
    assert [row["InstanceID"] for row in rules(lab)] == [BUILT_IN]


def test_a_prefix_may_come_back_with_a_mask() -> None:
    lab = host("windows-server-2022-datacenter", "firewall-masks")
    put(lab, ADDRESSES, {"RemoteAddress": ["10.1.0.0/16", "192.0.2.7", "2001:db8::/32"]})
    assert filter_of(lab, ADDRESSES)["RemoteAddress"] == "10.1.0.0/255.255.0.0,192.0.2.7,2001:db8::/32"
    put(lab, ADDRESSES, {"RemoteAddress": ["10.1.0.0/255.255.0.0", "192.0.2.7", "2001:db8::/32"]})


@pytest.mark.parametrize(
    ("dialect", "good", "bad"),
    [
        ("firewall-filter-instance-id", ("InstanceID",), ("CreationClassName",)),
        (
            "firewall-filter-four-keys",
            ("CreationClassName", "Name", "SystemCreationClassName", "SystemName"),
            ("InstanceID",),
        ),
    ],
)
def test_which_selectors_name_a_filter_depends(dialect: str, good: tuple[str, ...], bad: tuple[str, ...]) -> None:
    lab = host("windows-server-2022-datacenter", dialect)
    whole = filter_of(lab, ADDRESSES)
    assert lab.get("kms01", ADDRESSES, {name: str(whole[name] or "") for name in good}, NAMESPACE) == whole
    with pytest.raises(RehearsedFault) as caught:
        lab.get("kms01", ADDRESSES, {name: str(whole[name] or "") for name in bad}, NAMESPACE)
    assert caught.value.subcode == "w:InvalidSelectors"


def test_group_policy_can_make_local_rules_void() -> None:
    lab = host(firewall={"local_rules": "ignored"})
    lab.enable_firewall_rule("kms01")
    assert not is_open(lab)
    lab.site.set("kms01", "firewall_local_rules", "applied")
    assert is_open(lab)
    lab.site.set("kms01", "registry", f"{POLICY}\\DomainProfile\\AllowLocalPolicyMerge=0")
    assert not is_open(lab)


def test_a_rule_of_group_policy_opens_and_blocks_and_stands_in_the_registry() -> None:
    lab = host(firewall={"policy_rules": [{"name": "gpo-kms", "port": 1688, "profiles": ["domain"]}]})
    assert is_open(lab)
    key = {"hDefKey": 0x80000002, "sSubKeyName": f"{POLICY}\\FirewallRules", "sValueName": "gpo-kms"}
    text = lab.invoke("kms01", "StdRegProv", "GetStringValue", key)["sValue"]
    assert text == "v2.30|Action=Allow|Active=TRUE|Dir=In|Protocol=6|Profile=Domain|LPort=1688|Name=gpo-kms|"
    lab.site.set("kms01", "registry", f"{POLICY}\\FirewallRules\\no=v2.31|Action=Block|Active=TRUE|Dir=In|Name=no|")
    assert not is_open(lab)


def test_a_plain_request_shows_the_machines_own_rules_and_the_active_store_all() -> None:
    policy = {"policy_rules": [{"name": "SPPSVC-policy", "port": 1688}]}
    lab = host(firewall=policy)
    names = "InstanceID, PolicyStoreSource, PolicyStoreSourceType"
    assert [row["InstanceID"] for row in rules(lab, names)] == [BUILT_IN]
    shown = rules(host("windows-server-2022-datacenter", "firewall-all-stores", firewall=policy), names)
    assert [(row["InstanceID"], row["PolicyStoreSourceType"]) for row in shown] == [
        (BUILT_IN, "1"),
        ("SPPSVC-policy", "2"),
    ]
    uri = f"http://schemas.microsoft.com/wbem/wsman/1/wmi/{NAMESPACE}/{RULE}"
    keys = rule_keys("SPPSVC-policy")
    found = lab.request(
        "kms01",
        "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get",
        uri,
        "",
        keys,
        options={"PolicyStore": "ActiveStore"},
    )
    assert "Firewall Baseline" in "".join(found.itertext())


def test_a_rule_of_group_policy_cannot_be_changed() -> None:
    policy = {"policy_rules": [{"name": "gpo-kms", "port": 1688}]}
    lab = host("windows-server-2022-datacenter", "firewall-all-stores", firewall=policy)
    assert code_of(lambda: put(lab, RULE, {"Enabled": 2}, "gpo-kms")) == INVALID_PARAMETER
    assert (
        code_of(lambda: lab.invoke("kms01", RULE, "Disable", None, rule_keys("gpo-kms"), NAMESPACE))
        == INVALID_PARAMETER
    )


def test_nothing_gets_in_where_exceptions_are_forbidden() -> None:
    lab = host()
    lab.enable_firewall_rule("kms01")
    lab.site.set("kms01", "registry", f"{POLICY}\\DomainProfile\\DoNotAllowExceptions=1")
    assert not is_open(lab)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"name": "x", "profiles": ["home"]}, "has a profile or an address that is none: home."),
        ({"name": "x", "addresses": ["nowhere"]}, "has a profile or an address that is none:"),
        ({"name": "x", "action": "maybe"}, "`action` in `firewall.policy_rules`"),
    ],
)
def test_a_wrong_rule_in_a_site_file_is_refused(entry: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        host(firewall={"policy_rules": [entry]})
    assert sentence in str(caught.value)


def test_addresses_and_ports_are_checked() -> None:
    assert checked_addresses([" 10.0.0.0/255.0.0.0", "::1"]) == ("10.0.0.0/255.0.0.0", "::1")
    assert checked_ports(["1688", "2000-2010"]) == ("1688", "2000-2010")
    for wrong in ([], ["any", "10.0.0.1"], ["10.0.0.1-::1"]):
        with pytest.raises(ValueError):
            checked_addresses(wrong)
    with pytest.raises(ValueError):
        checked_ports(["any", "80"])
