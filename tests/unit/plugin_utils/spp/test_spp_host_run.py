# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""KMS hosts against the lab: several keys, licence files, telephone, settings, and what goes wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from host_lab import (
    OFFICE_2019,
    OFFICE_2021,
    OTHER_WINDOWS_KEY,
    SERVER_MAK,
    UNKNOWN_KEY,
    WINDOWS_AND_OFFICE,
    WINDOWS_KEY,
    host_site,
    license_file,
    site_with_host,
)
from spp_lab import InProcessLab, Plant

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    ActivationFailed,
    BadInput,
    CimFault,
    KmsError,
    NotConverged,
    NotSupported,
    OutcomeUnknown,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Convergence,
    DesiredHost,
    HostState,
    LicenseFile,
    Outcome,
    converge_host,
    run_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._confirmation import ConfirmationId
from ansible_collections.volact.kms.plugins.plugin_utils._spp._publishing import PublishDomain

INSTALL = DesiredHost(product_keys=(WINDOWS_KEY, OFFICE_2021), activate=Activate.IF_NEEDED)
BY_TELEPHONE = DesiredHost(product_keys=(WINDOWS_KEY,))
OFFICE_ONLY = DesiredHost(product_keys=(OFFICE_2021,), activate=Activate.IF_NEEDED)


@pytest.fixture
def lab() -> InProcessLab:
    return host_site()


def apply(lab: InProcessLab, desired: DesiredHost, machine: str = "kms01") -> Convergence[HostState]:
    return converge_host(lab.licensing(machine), desired, check_mode=False)


def failed(lab: InProcessLab, desired: DesiredHost, machine: str = "kms01") -> tuple[KmsError, Convergence[HostState]]:
    """A run of which something failed, and what it left."""
    run = run_host(lab.licensing(machine), desired, check_mode=False)
    assert run.failure is not None, run.operations
    return run.failure, run


def keys_of(run: Convergence[HostState]) -> dict[str | None, str]:
    return {row.partial_product_key: row.license_status.label for row in run.state.host_products}


def licences(lab: InProcessLab, machine: str = "kms01") -> Any:
    return lab.state(machine)["licences"]


def four_runs(lab: InProcessLab, desired: DesiredHost, machine: str = "kms01") -> list[str]:
    """Check, apply, apply again, check: what was done, which the first must predict and the last two must not "
    "repeat."""
    before = lab.site.state()
    predicted = converge_host(lab.licensing(machine), desired, check_mode=True)
    assert lab.site.state() == before, "check mode changed something"
    applied = apply(lab, desired, machine)
    assert applied.operations == predicted.operations
    for check_mode in (False, True):
        again = converge_host(lab.licensing(machine), desired, check_mode=check_mode)
        assert again.operations == [], f"check_mode={check_mode}"
        assert again.outcome == applied.outcome
    return applied.operations


def test_a_host_for_windows_and_two_releases_of_office_is_set_up_in_four_runs(lab: InProcessLab) -> None:
    desired = replace(WINDOWS_AND_OFFICE, product_keys=(WINDOWS_KEY, OFFICE_2021, OFFICE_2019))
    operations = four_runs(lab, desired)
    assert operations == [
        *["InstallProductKey"] * 3,
        "DisableKeyManagementServiceDnsPublishing",
        *["Activate"] * 3,
        "RestartService",
        *["SetRegistryValue"] * 2,
        "Enable",
    ]
    assert lab.site.kms_listeners() == {"kms01": 1688}
    assert [lab.microsoft(key.last_five) for key in desired.product_keys] == [1, 1, 1]


def test_an_unchanged_host_takes_8_requests_and_one_more_for_a_second_key() -> None:
    lab = site_with_host()
    lab.site.stats(reset=True)
    assert not apply(lab, WINDOWS_AND_OFFICE).operations
    machines: Any = lab.site.stats()["machines"]
    assert sum(figures["requests"] for figures in machines["kms01"].values()) <= 9


def test_one_key_that_is_refused_does_not_stop_the_others(lab: InProcessLab) -> None:
    error, run = failed(lab, replace(INSTALL, product_keys=(UNKNOWN_KEY, WINDOWS_KEY, OFFICE_2021)))
    assert keys_of(run) == {"KHWHT": "Licensed", "KHRRT": "Licensed"}
    assert error.message.startswith(
        "KMS01 refused the product key ending in KHBBC (0xC004F050 SL_E_INVALID_PRODUCT_KEY)"
    )
    assert error.progress["changed"] is True
    assert run.outcome is Outcome.FAILED
    assert {found.outcome for found in run.outcomes.values()} == {Outcome.LICENSED}


def test_where_every_key_is_refused_nothing_else_is_set_up(lab: InProcessLab) -> None:
    before = lab.state("kms01")
    error, run = failed(lab, replace(WINDOWS_AND_OFFICE, product_keys=(UNKNOWN_KEY,), listening_port=1700))
    assert run.operations == []
    assert error.progress == {"changed": False, "operations": []}
    assert lab.state("kms01") == before


def test_several_failures_are_one_sentence(lab: InProcessLab) -> None:
    lab.site.set("kms01", "internet", "off")
    error, run = failed(lab, INSTALL)
    assert error.message.startswith("2 of 2 products on KMS01 failed: (1) Could not activate Windows(R), Server")
    assert "(2) Could not activate Office 21" in error.message
    assert keys_of(run) == {"KHWHT": "Notification", "KHRRT": "OOBGrace"}
    lab.site.set("kms01", "internet", "on")
    assert apply(lab, INSTALL).operations == ["Activate", "Activate"]


def test_a_setting_that_fails_does_not_hide_the_key_that_failed_before(lab: InProcessLab) -> None:
    refused = CimFault("Access was denied.", code=0x80070005)
    lab.plants.append(Plant(b"SetKeyManagementServiceListeningPort_INPUT", refused, after=False))
    desired = replace(WINDOWS_AND_OFFICE, product_keys=(UNKNOWN_KEY, WINDOWS_KEY), listening_port=1700)
    with pytest.raises(CimFault) as caught:
        run_host(lab.licensing("kms01"), desired, check_mode=False)
    assert "Access was denied" in caught.value.message
    assert "Before that, one key failed: KMS01 refused the product key ending in KHBBC" in caught.value.message
    assert caught.value.progress == {"changed": True, "operations": ["InstallProductKey"]}


def test_a_host_that_is_refused_its_activation_stays_closed_until_the_next_run(lab: InProcessLab) -> None:
    lab.site.set("kms01", "internet", "off")
    _error, run = failed(lab, WINDOWS_AND_OFFICE)
    assert "Enable" not in run.operations
    lab.site.set("kms01", "internet", "on")
    assert apply(lab, WINDOWS_AND_OFFICE).operations == ["Activate", "Activate", "Enable"]


def test_a_mak_given_as_host_key_of_windows_gives_way_to_the_former_client_setup_key(lab: InProcessLab) -> None:
    error, run = failed(lab, replace(INSTALL, product_keys=(SERVER_MAK, OFFICE_2021)))
    assert isinstance(error, BadInput)
    assert "is a MAK, which only its installation on KMS01 could show, and a KMS host key was" in error.message
    assert "The former client setup key (ending in " in error.message
    assert keys_of(run) == {"KHRRT": "Licensed"}
    assert lab.microsoft(SERVER_MAK.last_five) == 0


def test_two_host_keys_of_windows_are_named_before_an_activation_is_spent(lab: InProcessLab) -> None:
    error, run = failed(lab, replace(INSTALL, product_keys=(WINDOWS_KEY, OTHER_WINDOWS_KEY)))
    assert "(ending in KHWXP) is a KMS host key of Windows like the one that ends in KHWHT, and both" in error.message
    assert [lab.microsoft(key.last_five) for key in (WINDOWS_KEY, OTHER_WINDOWS_KEY)] == [0, 0]
    assert apply(lab, replace(INSTALL, product_keys=(OTHER_WINDOWS_KEY,))).operations == ["Activate"]
    assert run.operations[:2] == ["InstallProductKey", "InstallProductKey"]


def test_a_newer_host_key_of_windows_takes_the_place_of_the_older_one() -> None:
    lab = site_with_host()
    run = apply(lab, replace(INSTALL, product_keys=(OTHER_WINDOWS_KEY, OFFICE_2021)))
    assert run.operations == ["InstallProductKey", "Activate"]
    assert keys_of(run) == {"KHWXP": "Licensed", "KHRRT": "Licensed"}


def test_a_key_that_got_in_without_an_answer_is_not_installed_again(lab: InProcessLab) -> None:
    lab.plants.append(Plant(b"InstallProductKey_INPUT", TransportTimeout("No answer.")))
    assert apply(lab, INSTALL).outcome is Outcome.LICENSED
    assert [lab.microsoft(key.last_five) for key in (WINDOWS_KEY, OFFICE_2021)] == [1, 1]


def test_the_seventh_host_is_told_the_limits_and_whom_to_call(lab: InProcessLab) -> None:
    desired = DesiredHost(product_keys=(WINDOWS_KEY,), activate=Activate.IF_NEEDED)
    for number in range(1, 7):
        apply(lab, desired, f"kms{number:02}")
    error, run = failed(lab, desired, "kms07")
    assert isinstance(error, ActivationFailed)
    assert error.as_result()["code"] == "0xC004C008"
    assert "6 machines, and 10 times on each" in error.message
    assert "call the Microsoft Licensing Activation Center" in error.message
    assert lab.microsoft("KHWHT") == 6
    assert run.operations[:2] == ["InstallProductKey", "Activate"]


def test_an_activation_without_effect_is_a_broken_promise_that_is_not_repeated(lab: InProcessLab) -> None:
    lab.site.set("kms01", "activation", "hollow")
    error, run = failed(lab, DesiredHost(product_keys=(WINDOWS_KEY,), activate=Activate.IF_NEEDED))
    assert isinstance(error, NotConverged)
    assert error.message.startswith("Activate reported success on KMS01, and Windows(R), ServerDatacenter edition is")
    assert "An activation of the key may be spent all the same" in error.message
    assert run.operations.count("Activate") == 1


def test_an_office_host_key_leaves_the_key_of_windows_alone(lab: InProcessLab) -> None:
    before = {row.partial_product_key for row in apply(lab, DesiredHost()).state.products}
    run = apply(lab, OFFICE_ONLY)
    assert {row.partial_product_key for row in run.state.products} == before | {"KHRRT"}
    assert run.state.host_product is None


class TestLicenceFiles:
    """license_files, which bring the licence that an Office key needs."""

    def test_a_machine_without_the_licence_pack_gets_its_files_once(self, lab: InProcessLab) -> None:
        files = (license_file(part="pkeyconfig", kilobytes=100), license_file(), license_file())
        operations = four_runs(lab, replace(OFFICE_ONLY, license_files=files), "bare01")
        assert operations[:4] == ["InstallLicense", "InstallLicense", "InstallProductKey", "Activate"]
        assert licences(lab, "bare01") == ["office-2021/pkeyconfig", "office-2021/product"]

    def test_a_machine_that_has_the_licence_takes_none(self, lab: InProcessLab) -> None:
        apply(lab, replace(OFFICE_ONLY, license_files=(license_file(),)))
        assert licences(lab) == []

    def test_a_file_of_another_release_is_no_hindrance(self, lab: InProcessLab) -> None:
        lab.site.set("kms01", "internet", "on")
        apply(lab, replace(OFFICE_ONLY, license_files=(license_file("2016"),)))
        assert licences(lab) == ["office-2016/product"]

    def test_without_them_the_key_is_refused_with_what_it_needs(self, lab: InProcessLab) -> None:
        error, run = failed(lab, OFFICE_ONLY, "bare01")
        assert "for an Office whose licence pack is not installed there" in error.message
        assert run.operations == []

    @pytest.mark.parametrize(("machine", "kilobytes", "limit"), [("bare01", 500, 500), ("old01", 150, 150)])
    def test_a_file_above_the_limit_names_the_installer(
        self, lab: InProcessLab, machine: str, kilobytes: int, limit: int
    ) -> None:
        files = (license_file(), license_file(part="pkeyconfig", kilobytes=kilobytes))
        desired = replace(OFFICE_ONLY, license_files=files)
        with pytest.raises(NotSupported) as caught:
            apply(lab, desired, machine)
        assert "2021-pkeyconfig.xrm-ms makes a request of" in caught.value.message
        assert f"takes at most {limit} KB. Nothing was changed." in caught.value.message
        assert "Office Volume License Pack" in caught.value.message
        assert licences(lab, machine) == []

    def test_what_is_no_licence_stops_before_any_key(self, lab: InProcessLab) -> None:
        wrong = LicenseFile("readme.xrm-ms", "<html/>")
        with pytest.raises(ActivationFailed, match="Could not install a licence file on BARE01") as caught:
            apply(lab, replace(OFFICE_ONLY, license_files=(wrong,)), "bare01")
        assert caught.value.progress == {"changed": False, "operations": []}

    def test_files_that_were_left_out_are_installed_when_the_key_finds_no_licence(self, lab: InProcessLab) -> None:
        apply(lab, DesiredHost(product_keys=(OFFICE_2019,), license_files=(license_file("2019"),)), "bare01")
        text = re.sub(r"<(productName|description|activationId)>.*?</\1>", "", license_file().text)
        unnamed = replace(OFFICE_ONLY, license_files=(LicenseFile("unnamed.xrm-ms", text),))
        assert apply(lab, unnamed, "bare01").operations == ["InstallLicense", "InstallProductKey", "Activate"]
        assert licences(lab, "bare01") == ["office-2019/product", "office-2021/product"]

    def test_a_licence_file_without_an_answer_is_unknown(self, lab: InProcessLab) -> None:
        lab.plants.append(Plant(b"InstallLicense_INPUT", TransportTimeout("No answer.")))
        desired = replace(OFFICE_ONLY, license_files=(license_file(),))
        with pytest.raises(OutcomeUnknown, match="did not say in time whether it took a licence file"):
            apply(lab, desired, "bare01")
        assert "InstallLicense" not in apply(lab, desired, "bare01").operations


class TestTelephone:
    """An installation ID out, a confirmation ID in."""

    def test_a_host_is_activated_by_telephone_in_four_runs(self, lab: InProcessLab) -> None:
        first = apply(lab, BY_TELEPHONE)
        (installation_id,) = first.state.installation_ids.values()
        assert len(installation_id) == 63
        told = lab.site.confirmation_id("kms01", "KHWHT")
        spaced = " ".join(told[start : start + 6] for start in range(0, 48, 6))
        desired = replace(BY_TELEPHONE, confirmation_id=ConfirmationId(spaced))
        assert four_runs(lab, desired) == ["DepositOfflineConfirmationId"]
        assert lab.microsoft("KHWHT") == 1
        assert apply(lab, desired).state.installation_ids == {}

    def test_a_confirmation_id_of_another_machine_is_explained(self, lab: InProcessLab) -> None:
        for machine in ("kms01", "kms02"):
            apply(lab, BY_TELEPHONE, machine)
        other = ConfirmationId(lab.site.confirmation_id("kms02", "KHWHT"))
        error, run = failed(lab, replace(BY_TELEPHONE, confirmation_id=other))
        assert error.code == 0xC004F031
        assert error.message.startswith("Could not activate Windows(R), ServerDatacenter edition on KMS01: ")
        assert keys_of(run) == {"KHWHT": "Notification"}

    def test_a_deposit_without_an_answer_is_looked_up(self, lab: InProcessLab) -> None:
        apply(lab, BY_TELEPHONE)
        desired = replace(BY_TELEPHONE, confirmation_id=ConfirmationId(lab.site.confirmation_id("kms01", "KHWHT")))
        lab.plants.append(Plant(b"DepositOfflineConfirmationId_INPUT", TransportTimeout("No answer.")))
        assert apply(lab, desired).outcome is Outcome.LICENSED

    @pytest.mark.parametrize(
        ("text", "problem"), [("1" * 47, "has 47 digits"), ("1" * 47 + "x", "has a character that is no digit")]
    )
    def test_another_form_is_refused_and_never_repeated(self, text: str, problem: str) -> None:
        with pytest.raises(BadInput, match=problem) as caught:
            ConfirmationId(text)
        assert text not in str(caught.value.as_result()) + caught.value.message
        assert "1111" not in repr(ConfirmationId("1" * 48))


class TestSettings:
    """What is set beside the keys."""

    EVERYTHING = replace(
        WINDOWS_AND_OFFICE,
        listening_port=1700,
        activation_interval=60,
        renewal_interval=20160,
        low_priority=True,
        publish_domains=(PublishDomain("corp.example.test"), PublishDomain("other.example.test", 10, 20)),
    )

    def test_everything_is_set_in_four_runs_with_one_restart(self, lab: InProcessLab) -> None:
        operations = four_runs(lab, self.EVERYTHING)
        assert operations.count("RestartService") == 1
        assert lab.site.kms_listeners() == {"kms01": 1700}
        state = apply(lab, self.EVERYTHING).state
        service = state.service
        assert (service.low_priority, service.activation_interval, service.renewal_interval) == (True, 60, 20160)
        assert state.publish_domains == self.EVERYTHING.publish_domains

    def test_the_list_of_domains_is_cleared(self, lab: InProcessLab) -> None:
        apply(lab, self.EVERYTHING)
        assert apply(lab, replace(self.EVERYTHING, publish_domains=())).state.publish_domains == ()

    def test_intervals_of_a_host_that_waits_for_the_telephone_are_left_with_a_warning(self, lab: InProcessLab) -> None:
        run = apply(lab, replace(BY_TELEPHONE, activation_interval=60))
        (warning,) = run.warnings
        assert warning == (
            "activation_interval and renewal_interval of KMS01 were left as they are: Windows takes them only once a "
            "KMS host key is activated. Run again when it is."
        )

    def test_a_stopped_service_is_started(self) -> None:
        lab = site_with_host()
        lab.site.set("kms01", "service_state", "stopped")
        assert apply(lab, WINDOWS_AND_OFFICE).operations == ["StartService"]
        assert lab.site.kms_listeners() == {"kms01": 1688}

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ("refused", "Windows refused StopService for sppsvc on KMS01 with return code 3"),
            ("never", "sppsvc on KMS01 does not stop: it was asked once, and is still stopping."),
        ],
    )
    def test_a_service_that_does_not_stop_is_told(self, how: str, message: str) -> None:
        lab = site_with_host()
        lab.site.set("kms01", "service_stop", how)
        desired = replace(WINDOWS_AND_OFFICE, low_priority=True)
        with pytest.raises(KmsError) as caught:
            apply(lab, desired)
        assert caught.value.message.startswith(message)
        lab.site.set("kms01", "service_stop", "works")
        lab.site.set("kms01", "service_state", "stopped")
        again = apply(lab, desired)
        assert again.operations == ["RestartService", "SetRegistryValue", "SetRegistryValue"]

    def test_a_slow_stop_is_waited_for(self) -> None:
        lab = site_with_host()
        lab.site.set("kms01", "slow_stop_seconds", "30")
        apply(lab, replace(WINDOWS_AND_OFFICE, low_priority=True))
        assert lab.site.kms_listeners() == {"kms01": 1688}


def skewed(lab: InProcessLab) -> None:
    lab.site.set("kms01", "clock_offset_minutes", "300")


@pytest.mark.parametrize(
    ("prepare", "serves", "message"),
    [
        (skewed, (), r"clock.*Nothing was changed"),
        (lambda lab: None, ("Windows Server 2025",), r"the update KB\d+ or a later .*Nothing was changed"),
    ],
)
def test_what_would_waste_an_activation_is_refused_before_the_first_key(
    lab: InProcessLab, prepare: Callable[[InProcessLab], None], serves: tuple[str, ...], message: str
) -> None:
    prepare(lab)
    before = lab.state("kms01")
    for check_mode in (True, False):
        with pytest.raises(KmsError, match=message):
            converge_host(lab.licensing("kms01"), replace(INSTALL, serves=serves), check_mode=check_mode)
    assert lab.state("kms01") == before


def test_a_host_with_a_wrong_clock_that_spends_nothing_is_still_managed() -> None:
    lab = site_with_host()
    skewed(lab)
    run = apply(lab, replace(WINDOWS_AND_OFFICE, low_priority=True))
    assert run.operations[1] == "EnableKeyManagementServiceLowPriority"
