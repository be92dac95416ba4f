# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""observe -> plan -> apply -> observe against the rules of the lab: switches, thresholds, wrong keys, lost answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spp_lab import (
    CLIENT_HOST_KEY,
    HOST_IS_SET_UP,
    HOST_KEY,
    OPEN_FIREWALL,
    OTHER_MAK,
    SERVER_MAK,
    InProcessLab,
    Plant,
    copied,
    new_lab,
)

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    ActivationFailed,
    BadInput,
    NotConverged,
    OutcomeUnknown,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    DesiredHost,
    Outcome,
    ProductKey,
    converge_client,
    converge_host,
    observe_client,
    observe_host,
)

TO_KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
HOST = DesiredHost(
    product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, dns_publishing=False, firewall=OPEN_FIREWALL
)
SWITCH = ["InstallProductKey", "Activate"]


@pytest.fixture
def lab() -> InProcessLab:
    return new_lab()


@copied
def site_that_counts_enough() -> InProcessLab:
    lab = new_lab()
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    for number in range(1, 25):
        converge_client(lab.licensing(f"win{number:02}"), TO_KMS, check_mode=False)
    return lab


@pytest.fixture
def ready() -> InProcessLab:
    """A site whose KMS host already counts enough for everybody."""
    return site_that_counts_enough()


def test_a_host_is_set_up_in_four_runs_check_apply_apply_check(lab: InProcessLab) -> None:
    fresh = lab.site.state()
    predicted = converge_host(lab.licensing("kms01"), HOST, check_mode=True)
    assert lab.site.state() == fresh
    applied = converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    assert predicted.operations == applied.operations
    assert applied.operations == HOST_IS_SET_UP
    assert applied.outcome is Outcome.LICENSED
    assert lab.site.kms_listeners() == {"kms01": 1688}
    for check_mode in (False, True):
        again = converge_host(lab.licensing("kms01"), HOST, check_mode=check_mode)
        assert (again.operations, again.outcome) == ([], Outcome.LICENSED)
    assert lab.microsoft("KHWHT") == 1


def test_a_client_is_switched_in_four_runs_check_apply_apply_check(ready: InProcessLab) -> None:
    before = ready.site.state()
    assert converge_client(ready.licensing("win25"), TO_KMS, check_mode=True).operations == SWITCH
    assert ready.site.state() == before
    applied = converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    assert applied.operations == SWITCH
    assert applied.outcome is Outcome.LICENSED
    assert applied.state.windows is not None
    assert applied.state.windows.channel is Channel.KMS_CLIENT
    assert applied.state.windows.grace_minutes == 259200
    for check_mode in (False, True):
        assert not converge_client(ready.licensing("win25"), TO_KMS, check_mode=check_mode).operations


def test_the_first_24_clients_are_pending_and_licensed_when_asked_again(ready: InProcessLab) -> None:
    first = converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert first.operations == ["Activate"]
    assert first.outcome is Outcome.PENDING
    assert first.outcome_reason == "the KMS host's count is below the threshold (0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT)"
    assert converge_client(ready.licensing("win25"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED
    assert converge_client(ready.licensing("win01"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED


def test_servers_are_licensed_from_a_count_of_5(lab: InProcessLab) -> None:
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    outcomes = [converge_client(lab.licensing(f"srv{n:02}"), TO_KMS, check_mode=False).outcome for n in range(1, 6)]
    assert outcomes == [Outcome.PENDING] * 4 + [Outcome.LICENSED]


def test_a_german_machine_without_a_kms_host_gets_our_sentence_in_english(lab: InProcessLab) -> None:
    with pytest.raises(ActivationFailed) as caught:
        converge_client(lab.licensing("srv01"), TO_KMS, check_mode=False)
    error = caught.value
    assert error.message.startswith(
        "Could not activate Windows(R), ServerStandard edition on SRV01: DNS name does not exist "
        "(0x8007232B DNS_ERROR_RCODE_NAME_ERROR). Usual cause: no _vlmcs SRV record."
    )
    assert error.progress == {"changed": True, "operations": SWITCH}
    assert error.as_result()["code"] == "0x8007232B"


def test_a_failed_switch_is_finished_by_the_next_run(lab: InProcessLab) -> None:
    with pytest.raises(ActivationFailed):
        converge_client(lab.licensing("srv01"), TO_KMS, check_mode=False)
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    assert converge_client(lab.licensing("srv01"), TO_KMS, check_mode=False).operations == ["Activate"]


def test_windows_7_is_read_with_its_smaller_schema_and_switched(ready: InProcessLab) -> None:
    converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    run = converge_client(ready.licensing("old01"), TO_KMS, check_mode=False)
    assert run.outcome is Outcome.LICENSED
    firewall = observe_host(ready.licensing("old01"), firewall=True).firewall
    assert firewall is not None
    assert firewall.rules is None


def test_a_machine_is_pinned_and_unpinned(ready: InProcessLab) -> None:
    pin = DesiredClient(kms_host="kms01.corp.example.test", kms_port=1700)
    assert converge_client(ready.licensing("win25"), pin, check_mode=False).operations == [
        "SetKeyManagementServiceMachine",
        "SetKeyManagementServicePort",
    ]
    assert not converge_client(ready.licensing("win25"), pin, check_mode=False).operations
    free = DesiredClient(discovery=True)
    after = converge_client(ready.licensing("win25"), free, check_mode=False)
    assert after.operations == ["ClearKeyManagementServiceMachine", "ClearKeyManagementServicePort"]
    assert after.state.service.kms_machine is None
    assert not converge_client(ready.licensing("win25"), free, check_mode=False).operations


def test_a_renewal_is_sent_and_its_failure_reported_although_the_licence_goes_on(ready: InProcessLab) -> None:
    converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    renew = replace(TO_KMS, activate=Activate.RENEW)
    assert converge_client(ready.licensing("win25"), renew, check_mode=False).operations == ["Activate"]
    ready.site.set("kms01", "kms_service", "down")
    with pytest.raises(ActivationFailed, match="0xC004F074"):
        converge_client(ready.licensing("win25"), renew, check_mode=False)
    state = observe_client(ready.licensing("win25"))
    assert state.windows is not None
    assert state.windows.is_licensed


def test_a_mak_is_activated_once_and_its_counter_shows_it(lab: InProcessLab) -> None:
    desired = DesiredClient(channel=Channel.MAK, product_key=ProductKey(OTHER_MAK), activate=Activate.IF_NEEDED)
    assert converge_client(lab.licensing("win01"), desired, check_mode=False).operations == SWITCH
    assert not converge_client(lab.licensing("win01"), desired, check_mode=False).operations
    assert lab.microsoft("MKXYY") == 1
    with pytest.raises(ActivationFailed, match="0xC004C020 SL_E_CHPA_DMAK_LIMIT_EXCEEDED"):
        converge_client(lab.licensing("win02"), desired, check_mode=False)


@pytest.mark.parametrize("key", [SERVER_MAK, "WWWWW-XXXXX-YYYYY-QQQQQ-MKWPP"])
def test_a_key_that_does_not_fit_changes_nothing(lab: InProcessLab, key: str) -> None:
    before = lab.state("win01")
    desired = DesiredClient(channel=Channel.MAK, product_key=ProductKey(key), activate=Activate.IF_NEEDED)
    with pytest.raises(
        BadInput, match=r"WIN01 refused the product key.*former key \(ending in MKWHT\) is still in place"
    ) as caught:
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert lab.state("win01") == before
    assert caught.value.progress == {"changed": False, "operations": []}


def test_a_host_key_given_as_mak_is_not_activated_and_removed(lab: InProcessLab) -> None:
    desired = DesiredClient(channel=Channel.MAK, product_key=ProductKey(CLIENT_HOST_KEY), activate=Activate.IF_NEEDED)
    with pytest.raises(BadInput) as caught:
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert caught.value.message == (
        "product_key (ending in KHWXP) is a KMS host key, which only its installation on WIN01 could show, and a MAK "
        "was asked for. Nothing was activated. The key was removed again, so Windows has no key now, and the former "
        "one (ending in MKWHT) is gone. Run again with a MAK as product_key."
    )
    assert caught.value.progress["operations"] == ["InstallProductKey", "UninstallProductKey"]
    assert lab.microsoft("KHWXP") == 0
    assert observe_client(lab.licensing("win01")).windows is None


def test_a_wrong_key_on_a_kms_client_gives_way_to_the_former_gvlk(lab: InProcessLab) -> None:
    converge_client(lab.licensing("win01"), DesiredClient(channel=Channel.KMS_CLIENT), check_mode=False)
    desired = DesiredClient(channel=Channel.MAK, product_key=ProductKey(CLIENT_HOST_KEY))
    with pytest.raises(BadInput, match=r"The former client setup key \(ending in 2YT43\) was installed again"):
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    state = observe_client(lab.licensing("win01"))
    assert state.windows is not None
    assert state.windows.partial_product_key == "2YT43"


def test_a_mak_given_as_host_key_is_not_activated(lab: InProcessLab) -> None:
    wrong = replace(HOST, product_keys=(ProductKey(SERVER_MAK),))
    for machine, message in (
        ("srv01", r"is installed on SRV01 already, as a MAK, and a KMS host key was asked for\. Nothing was changed\."),
        ("srv02", r"is a MAK, which only its installation on SRV02 could show, and a KMS host key was asked for\."),
    ):
        if machine == "srv02":
            converge_client(lab.licensing(machine), DesiredClient(channel=Channel.KMS_CLIENT), check_mode=False)
        with pytest.raises(BadInput, match=message):
            converge_host(lab.licensing(machine), wrong, check_mode=False)


LOST = TransportTimeout("No answer within 75 seconds.", operation="Activate")


@pytest.mark.parametrize("operation", [b"InstallProductKey_INPUT", b"Activate_INPUT"])
def test_an_answer_that_never_came_is_looked_up_and_nothing_is_sent_twice(
    ready: InProcessLab, operation: bytes
) -> None:
    ready.plants.append(Plant(operation, LOST))
    ready.site.stats(reset=True)
    run = converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    assert (run.operations, run.outcome) == (SWITCH, Outcome.LICENSED)
    sent = requests(ready, "win25")
    assert sent["Invoke SoftwareLicensingService.InstallProductKey"] == 1
    assert sent["Invoke SoftwareLicensingProduct.Activate"] == 1


def test_an_activation_that_got_lost_is_pending_and_not_failed(ready: InProcessLab) -> None:
    ready.plants.append(Plant(b"Activate_INPUT", LOST, after=False))
    run = converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    assert run.outcome is Outcome.PENDING
    assert run.outcome_reason == "the licensing service has not answered yet"


def test_a_key_whose_installation_got_lost_is_unknown_and_not_failed(ready: InProcessLab) -> None:
    ready.plants.append(Plant(b"InstallProductKey_INPUT", LOST, after=False))
    with pytest.raises(OutcomeUnknown, match=r"did not show within 90 seconds.*nothing was sent twice") as caught:
        converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    assert caught.value.progress == {"changed": True, "operations": ["InstallProductKey"]}


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("operation", [b"InstallProductKey_INPUT", b"RefreshLicenseStatus_INPUT", b"Activate_INPUT"])
def test_after_a_lost_connection_the_next_run_gets_there(ready: InProcessLab, operation: bytes, after: bool) -> None:
    ready.plants.append(Plant(operation, TransportLost("The connection broke."), after=after))
    with pytest.raises(TransportLost) as caught:
        converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    assert caught.value.progress["operations"] in ([], SWITCH[:1], SWITCH)
    assert converge_client(ready.licensing("win25"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED
    assert ready.microsoft("MKWHT") == 25


def test_a_service_that_activates_by_itself_first_is_a_success() -> None:
    lab = new_lab(background_activation_seconds=0)
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    for number in range(1, 25):
        converge_client(lab.licensing(f"win{number:02}"), TO_KMS, check_mode=False)
    run = converge_client(lab.licensing("win25"), TO_KMS, check_mode=False)
    assert (run.operations, run.outcome) == (["InstallProductKey"], Outcome.LICENSED)


def test_a_setting_that_something_sets_back_at_once_is_a_broken_promise(lab: InProcessLab) -> None:
    def set_back() -> None:
        converge_client(lab.licensing("win01"), DesiredClient(discovery=True), check_mode=False)

    lab.plants.append(Plant(b"SetKeyManagementServiceMachine_INPUT", then=set_back))
    with pytest.raises(NotConverged) as caught:
        converge_client(lab.licensing("win01"), DesiredClient(kms_host="kms01.corp.example.test"), check_mode=False)
    assert caught.value.message.startswith(
        "All operations on WIN01 reported success, and yet kms_host is None instead of 'kms01.corp.example.test'."
    )
    assert caught.value.progress == {"changed": True, "operations": ["SetKeyManagementServiceMachine"]}


def test_a_slow_restart_is_waited_for(lab: InProcessLab) -> None:
    lab.site.set("kms01", "service_state", "stopped")
    run = converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    assert "RestartService" in run.operations
    assert lab.site.kms_listeners() == {"kms01": 1688}


def test_a_switch_needs_at_most_20_requests_with_its_second_task(lab: InProcessLab) -> None:
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    lab.site.stats(reset=True)
    converge_client(lab.licensing("win01"), TO_KMS, check_mode=False)
    converge_client(lab.licensing("win01"), TO_KMS, check_mode=False)
    assert sum(requests(lab, "win01").values()) <= 20


def test_an_unchanged_client_needs_three_requests(ready: InProcessLab) -> None:
    converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    ready.site.stats(reset=True)
    converge_client(ready.licensing("win25"), TO_KMS, check_mode=False)
    assert sum(requests(ready, "win25").values()) == 3


def requests(lab: InProcessLab, machine: str) -> dict[str, int]:
    """How often each operation was asked of a machine."""
    machines = lab.site.stats()["machines"]
    assert isinstance(machines, dict)
    return {operation: figures["requests"] for operation, figures in machines[machine].items()}
