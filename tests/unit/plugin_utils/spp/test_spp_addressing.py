# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The KMS address at every level: service, product, registry and Group Policy, for both class families."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from office_lab import ready_office_site
from spp_lab import CLIENT_MAK, InProcessLab, copied

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    AddressLevel,
    Channel,
    DesiredClient,
    Outcome,
    ProductKey,
    Scope,
    converge_client,
    observe_client,
)

WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
POLICY = r"SOFTWARE\Policies\Microsoft\Windows NT\CurrentVersion\Software Protection Platform"
HOST, OLD = "kms01.corp.example.test", "old.corp.example.test"
DISCOVERY = DesiredClient(discovery=True)
ALL = DesiredClient(scope=Scope.ALL)


new_site = copied(ready_office_site)


@pytest.fixture
def lab() -> InProcessLab:
    return new_site()


def apply(lab: InProcessLab, machine: str, desired: DesiredClient) -> list[str]:
    """Check, apply, apply, check; the operations of the second."""
    predicted = converge_client(lab.licensing(machine), desired, check_mode=True)
    applied = converge_client(lab.licensing(machine), desired, check_mode=False)
    assert predicted.operations == applied.operations
    for check_mode in (False, True):
        assert converge_client(lab.licensing(machine), desired, check_mode=check_mode).operations == []
    return applied.operations


def plant(lab: InProcessLab, machine: str, key: str, name: str, data: str) -> None:
    lab.site.set(machine, "registry", rf"{key}\{name}={data}")


def hosts(lab: InProcessLab, machine: str) -> dict[str, str | None]:
    """The KMS host of the services and of each product."""
    state = observe_client(lab.licensing(machine), Scope.ALL)
    found = {product.license_family: product.kms_machine for product in state.products}
    return {"service": state.service.kms_machine, **found}


def test_a_machine_is_pinned_at_the_service_and_freed_in_four_runs_each(lab: InProcessLab) -> None:
    pin = DesiredClient(kms_host=OLD, kms_port=1700)
    assert apply(lab, "win01", pin) == ["SetKeyManagementServiceMachine", "SetKeyManagementServicePort"]
    assert hosts(lab, "win01")["service"] == OLD
    assert apply(lab, "win01", DISCOVERY) == ["ClearKeyManagementServiceMachine", "ClearKeyManagementServicePort"]
    assert hosts(lab, "win01")["service"] is None


def test_the_service_of_office_is_pinned_and_freed_too(lab: InProcessLab) -> None:
    pin = replace(ALL, kms_host=OLD, kms_port=1700)
    both = ["SetKeyManagementServiceMachine", "SetKeyManagementServicePort"]
    assert apply(lab, "old01", pin) == both * 2
    state = observe_client(lab.licensing("old01"), Scope.ALL)
    assert state.office_service is not None
    assert (state.service.kms_machine, state.office_service.kms_machine) == (OLD, OLD)
    freed = converge_client(lab.licensing("old01"), replace(ALL, discovery=True), check_mode=True)
    assert freed.plan.diff()["before"] == {
        "kms_host": OLD,
        "kms_port": 1700,
        "office_kms_host": OLD,
        "office_kms_port": 1700,
    }
    assert len(apply(lab, "old01", replace(ALL, discovery=True))) == 4


def test_one_product_gets_a_kms_host_of_its_own_and_loses_it(lab: InProcessLab) -> None:
    own = DesiredClient(
        product_name="*VisioPro*",
        address_level=AddressLevel.PRODUCT,
        kms_host=HOST,
        kms_port=1700,
    )
    assert apply(lab, "win01", own) == ["SetKeyManagementServiceMachine", "SetKeyManagementServicePort"]
    found = hosts(lab, "win01")
    assert (found["service"], found["Enterprise"], found["Office21VisioPro2021VL_KMS_Client_AE"]) == (None, None, HOST)
    free = replace(own, kms_host=None, kms_port=None, discovery=True)
    assert apply(lab, "win01", free) == ["ClearKeyManagementServiceMachine", "ClearKeyManagementServicePort"]


def test_a_new_key_gets_the_kms_host_of_its_product_before_it_is_activated(lab: InProcessLab) -> None:
    lab.records.clear()
    own = DesiredClient(
        channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED, address_level=AddressLevel.PRODUCT, kms_host=HOST
    )
    assert apply(lab, "win01", own) == ["InstallProductKey", "SetKeyManagementServiceMachine", "Activate"]


def test_a_pin_of_the_service_takes_away_what_would_win_over_it(lab: InProcessLab) -> None:
    own = DesiredClient(address_level=AddressLevel.PRODUCT, kms_host=OLD, kms_port=1700)
    converge_client(lab.licensing("win01"), own, check_mode=False)
    assert apply(lab, "win01", DesiredClient(kms_host=HOST)) == [
        "SetKeyManagementServiceMachine",
        "ClearKeyManagementServiceMachine",
        "ClearKeyManagementServicePort",
    ]
    assert hosts(lab, "win01")["Enterprise"] is None


def test_a_host_that_the_product_and_the_service_have_is_cleared_at_both(lab: InProcessLab) -> None:
    for level in AddressLevel:
        pin = DesiredClient(kms_host=OLD, address_level=level)
        converge_client(lab.licensing("win01"), pin, check_mode=False)
    run = converge_client(lab.licensing("win01"), DISCOVERY, check_mode=False)
    assert run.operations == ["ClearKeyManagementServiceMachine"] * 2
    assert hosts(lab, "win01")["Enterprise"] is None


def test_a_host_that_shows_only_with_its_new_key_is_cleared_too(lab: InProcessLab) -> None:
    """Its client setup key had a KMS host of its own, and then a MAK was installed."""
    switch = DesiredClient(channel=Channel.KMS_CLIENT, address_level=AddressLevel.PRODUCT, kms_host=OLD)
    converge_client(lab.licensing("win01"), switch, check_mode=False)
    back = DesiredClient(channel=Channel.MAK, product_key=ProductKey(CLIENT_MAK))
    converge_client(lab.licensing("win01"), back, check_mode=False)
    run = converge_client(
        lab.licensing("win01"), DesiredClient(channel=Channel.KMS_CLIENT, discovery=True), check_mode=False
    )
    assert run.operations == ["InstallProductKey", "ClearKeyManagementServiceMachine"]
    assert hosts(lab, "win01")["Enterprise"] is None


def test_discovery_clears_what_a_script_wrote_for_the_whole_application(lab: InProcessLab) -> None:
    plant(lab, "win01", rf"{SPP}\{WINDOWS}", "KeyManagementServiceName", OLD)
    plant(lab, "win01", rf"{SPP}\{WINDOWS}", "KeyManagementServicePort", "1700")
    desired = DesiredClient(channel=Channel.KMS_CLIENT, discovery=True, activate=Activate.IF_NEEDED)
    run = converge_client(lab.licensing("win01"), desired, check_mode=True)
    assert run.plan.diff()["before"]["registry_kms_host"] == OLD
    assert apply(lab, "win01", desired) == [
        "DeleteRegistryValue",
        "DeleteRegistryValue",
        "InstallProductKey",
        "Activate",
    ]


def test_a_machine_that_found_its_host_in_dns_is_read_in_three_requests(lab: InProcessLab) -> None:
    desired = DesiredClient(channel=Channel.KMS_CLIENT, discovery=True, activate=Activate.IF_NEEDED)
    converge_client(lab.licensing("win01"), desired, check_mode=False)
    lab.site.stats(reset=True)
    converge_client(lab.licensing("win01"), desired, check_mode=False)
    machines: Any = lab.site.stats()["machines"]
    assert sum(figures["requests"] for figures in machines["win01"].values()) == 3


@pytest.mark.parametrize(
    ("desired", "data"),
    [(DesiredClient(kms_host=HOST), OLD), (DesiredClient(discovery=True), OLD)],
    ids=["pin", "discovery"],
)
def test_a_group_policy_that_would_win_is_named_and_nothing_is_changed(
    lab: InProcessLab, desired: DesiredClient, data: str
) -> None:
    converge_client(lab.licensing("win01"), DesiredClient(kms_host="other.corp.example.test"), check_mode=False)
    plant(lab, "win01", POLICY, "KeyManagementServiceName", data)
    before = lab.state("win01")
    with pytest.raises(BadInput) as caught:
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert caught.value.message == (
        f"A Group Policy sets KeyManagementServiceName to {OLD} on WIN01 (HKLM\\{POLICY}), which wins over every "
        "setting of the machine. Nothing was changed. Change the policy, or leave kms_host, kms_port and discovery out "
        "for this machine."
    )
    assert lab.state("win01") == before


def test_a_group_policy_that_agrees_is_no_obstacle(lab: InProcessLab) -> None:
    plant(lab, "win01", POLICY, "KeyManagementServiceName", HOST.upper())
    run = converge_client(lab.licensing("win01"), DesiredClient(kms_host=HOST), check_mode=False)
    assert run.state.service.kms_machine == HOST


@pytest.mark.parametrize("pin", ["169.254.169.250", "169.254.169.251", "azkms.core.windows.net"])
@pytest.mark.parametrize("level", AddressLevel)
def test_the_pin_of_a_cloud_is_lost_only_by_force(lab: InProcessLab, pin: str, level: AddressLevel) -> None:
    converge_client(lab.licensing("win01"), DesiredClient(kms_host=pin, address_level=level), check_mode=False)
    for desired in (DISCOVERY, DesiredClient(kms_host=HOST)):
        with pytest.raises(NotSupported, match=rf"pinned to {pin}.*Nothing was changed.*set force to true"):
            converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert apply(lab, "win01", replace(DISCOVERY, force=True)) == ["ClearKeyManagementServiceMachine"]


def test_the_lookup_domain_is_set_and_cleared_at_both_levels(lab: InProcessLab) -> None:
    for level in AddressLevel:
        domain = DesiredClient(lookup_domain="hq.example.test", address_level=level)
        assert apply(lab, "win01", domain) == ["SetKeyManagementServiceLookupDomain"]
    for level in AddressLevel:
        clear = DesiredClient(lookup_domain="", address_level=level)
        assert apply(lab, "win01", clear) == ["ClearKeyManagementServiceLookupDomain"]
    state = observe_client(lab.licensing("win01"))
    assert (state.service.lookup_domain, state.products[0].lookup_domain) == (None, None)


def test_windows_7_has_no_lookup_domain(lab: InProcessLab) -> None:
    with pytest.raises(NotSupported, match=r"OLD01 \(Windows 6\.1\.7601\) has no lookup domain.*Nothing was changed\."):
        converge_client(lab.licensing("old01"), DesiredClient(lookup_domain="hq.example.test"), check_mode=False)


@pytest.mark.parametrize(("machine", "count"), [("win01", 1), ("old01", 2)])
def test_host_caching_is_switched_off_and_on_for_each_service(lab: InProcessLab, machine: str, count: int) -> None:
    operations = ["DisableKeyManagementServiceHostCaching"] * count
    assert apply(lab, machine, replace(ALL, host_caching=False)) == operations
    assert apply(lab, machine, replace(ALL, host_caching=True)) == operations


def test_a_service_of_office_that_does_not_tell_its_host_is_read_in_the_registry() -> None:
    lab = ready_office_site(dialects=["office-classes-verified-only"])
    pin = replace(ALL, kms_host=HOST)
    assert apply(lab, "old01", pin) == ["SetKeyManagementServiceMachine"] * 2
    assert apply(lab, "old01", replace(ALL, discovery=True)) == ["ClearKeyManagementServiceMachine"] * 2
    run = converge_client(
        lab.licensing("old01"),
        replace(ALL, channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED),
        check_mode=False,
    )
    assert run.outcome is Outcome.LICENSED
