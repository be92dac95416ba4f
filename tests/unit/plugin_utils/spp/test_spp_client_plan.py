# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a client: what is changed, in which order, and what is refused beforehand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from published_keys import published_key
from spp_states import (
    DATACENTER_2022,
    ENTERPRISE_7,
    EVALUATION_2022,
    GVLK,
    HOME_11,
    HOST_KEY,
    MAK,
    UNKNOWN_EDITION,
    WINDOWS,
    client,
    licence,
)

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, KmsError, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp._client import DesiredClient, plan_client
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Activate, Channel, LicenseStatus
from ansible_collections.volact.kms.plugins.plugin_utils._spp._keys import ProductKey
from ansible_collections.volact.kms.plugins.plugin_utils._spp._plan import ProductTarget

KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
OTHER_MAK = ProductKey("CCCCC-DDDDD-FFFFF-GGGGG-MKXYY")
PRO_GVLK = published_key("Windows 11 / Windows 10", "Pro")


def test_a_machine_with_a_mak_gets_the_gvlk_of_its_edition_and_is_then_activated() -> None:
    plan = plan_client(client(MAK), KMS)
    assert plan.operations == ["InstallProductKey", "Activate"]
    assert plan.changes[1].target == ProductTarget(WINDOWS, "2YT43")
    assert plan.diff() == {
        "before": {"product_key": "mak, key ending in MKWHT", "license_status": "Unlicensed"},
        "after": {"product_key": "kms_client, key ending in 2YT43", "license_status": "Licensed"},
    }


def test_the_address_comes_first_because_a_new_key_may_activate_by_itself() -> None:
    plan = plan_client(client(MAK), replace(KMS, kms_host="kms.example.test", kms_port=1689))
    assert plan.operations == [
        "SetKeyManagementServiceMachine",
        "SetKeyManagementServicePort",
        "InstallProductKey",
        "Activate",
    ]


def test_a_licensed_kms_client_needs_nothing() -> None:
    assert not plan_client(client(GVLK), KMS)


@pytest.mark.parametrize("status", [LicenseStatus.NOTIFICATION, LicenseStatus.OOB_GRACE, LicenseStatus(42)])
def test_a_kms_client_that_is_not_licensed_is_only_activated(status: LicenseStatus) -> None:
    plan = plan_client(client(replace(GVLK, license_status=status)), KMS)
    assert plan.operations == ["Activate"]


def test_renewal_asks_the_kms_host_again_and_never_activates_a_mak_again() -> None:
    renew = DesiredClient(activate=Activate.RENEW)
    assert plan_client(client(GVLK), renew).operations == ["Activate"]
    assert not plan_client(client(MAK), renew)


def test_omitted_options_leave_everything_as_it_is() -> None:
    pinned = client(replace(MAK, license_status=LicenseStatus.NOTIFICATION), kms_machine="old.example.test")
    assert not plan_client(pinned, DesiredClient())


def test_a_machine_pinned_to_the_wanted_host_in_another_case_is_left_alone() -> None:
    assert not plan_client(client(GVLK, kms_machine="KMS.Example.Test"), replace(KMS, kms_host="kms.example.test"))


def test_discovery_clears_host_and_port() -> None:
    plan = plan_client(client(GVLK, kms_machine="old.example.test", kms_port=1700), DesiredClient(discovery=True))
    assert plan.operations == ["ClearKeyManagementServiceMachine", "ClearKeyManagementServicePort"]
    assert plan.diff()["after"] == {"kms_host": None, "kms_port": 1688}


def test_discovery_of_a_machine_that_already_looks_in_dns_changes_nothing() -> None:
    assert not plan_client(client(GVLK), DesiredClient(discovery=True))


@pytest.mark.parametrize("desired", [DesiredClient(discovery=True), DesiredClient(kms_host="kms.example.test")])
def test_a_cloud_machine_keeps_the_kms_host_of_its_provider(desired: DesiredClient) -> None:
    with pytest.raises(NotSupported, match=r"pinned to azkms\.core\.windows\.net.*Nothing was changed"):
        plan_client(client(GVLK, kms_machine="azkms.core.windows.net"), desired)


def test_an_add_on_is_not_taken_for_windows() -> None:
    add_on = licence(Channel.MAK, "4C6R8", is_addon=True)
    assert not plan_client(client(add_on, GVLK), KMS)


def test_a_mak_is_installed_and_activated_once() -> None:
    desired = DesiredClient(channel=Channel.MAK, product_key=OTHER_MAK, activate=Activate.IF_NEEDED)
    plan = plan_client(client(GVLK), desired)
    assert plan.operations == ["InstallProductKey", "Activate"]
    installed = licence(Channel.MAK, OTHER_MAK.last_five)
    assert not plan_client(client(installed), desired)


def test_any_mak_will_do_when_none_is_given() -> None:
    assert not plan_client(client(MAK), DesiredClient(channel=Channel.MAK, activate=Activate.IF_NEEDED))


def test_a_key_that_is_installed_as_another_kind_is_refused_before_it_is_taken_out_again() -> None:
    retail = licence(Channel.RETAIL, OTHER_MAK.last_five)
    with pytest.raises(BadInput) as caught:
        plan_client(client(retail), DesiredClient(channel=Channel.MAK, product_key=OTHER_MAK))
    assert caught.value.message == (
        f"product_key (ending in {OTHER_MAK.last_five}) is installed on WIN001 already, as a retail key, and a MAK was "
        f"asked for. Nothing was changed. Give a MAK as product_key."
    )


def test_windows_7_gets_its_own_gvlk() -> None:
    plan = plan_client(client(MAK, system=ENTERPRISE_7), KMS)
    assert plan.changes[1].target == ProductTarget(WINDOWS, "HVTHH")


REFUSALS = [
    (
        client(MAK, system=HOME_11),
        KMS,
        NotSupported,
        r"WIN001 runs Home \(SKU 101, build 26100\), and Microsoft publishes",
    ),
    (
        client(MAK, system=UNKNOWN_EDITION),
        KMS,
        NotSupported,
        r"SKU number 99999.*the catalogue has no client setup key",
    ),
    (client(MAK, system=EVALUATION_2022), KMS, NotSupported, r"an evaluation edition takes no volume key.*DISM"),
    (
        client(licence(Channel.RETAIL, "3V66T"), system=EVALUATION_2022),
        DesiredClient(channel=Channel.MAK, product_key=OTHER_MAK),
        NotSupported,
        r"an evaluation edition takes no volume key",
    ),
    (client(HOST_KEY, system=DATACENTER_2022), KMS, BadInput, r"KMS01 is a KMS host.*set convert_host to true"),
    (client(MAK, is_kms_host=True), KMS, BadInput, r"WIN001 is a KMS host"),
    (
        client(GVLK),
        DesiredClient(channel=Channel.MAK),
        BadInput,
        r"channel is mak, WIN001 has no MAK, and no product_key",
    ),
    (
        client(MAK),
        replace(KMS, product_key=ProductKey(PRO_GVLK)),
        BadInput,
        r"ending in T83GX\) is the client setup key of Windows 11 / Windows 10 Pro, and WIN001 takes .*Enterprise",
    ),
    (
        client(GVLK),
        DesiredClient(channel=Channel.MAK, product_key=ProductKey(PRO_GVLK)),
        BadInput,
        r"is the published client setup key of .* Pro, not a MAK",
    ),
    (client(), DesiredClient(activate=Activate.IF_NEEDED), BadInput, r"WIN001 has no Windows product key"),
]


@pytest.mark.parametrize(("state", "desired", "kind", "message"), REFUSALS, ids=lambda value: "")
def test_what_can_be_known_beforehand_is_refused_beforehand(
    state: object, desired: DesiredClient, kind: type[KmsError], message: str
) -> None:
    with pytest.raises(kind, match=f"(?s){message}.*Nothing was changed|{message}") as caught:
        plan_client(state, desired)  # type: ignore[arg-type]
    assert "Nothing was changed." in caught.value.message
    assert caught.value.as_result()["kind"] in ("bad_input", "not_supported")


def test_a_kms_host_becomes_a_client_when_that_is_asked_for() -> None:
    plan = plan_client(client(HOST_KEY, system=DATACENTER_2022), replace(KMS, convert_host=True))
    assert plan.operations == ["InstallProductKey", "Activate"]


def test_no_plan_shows_more_of_a_key_than_its_last_five_characters() -> None:
    plan = plan_client(client(GVLK), DesiredClient(channel=Channel.MAK, product_key=OTHER_MAK))
    assert OTHER_MAK.reveal() not in repr(plan) + repr(plan.diff())
    assert OTHER_MAK.last_five in repr(plan)
