# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slow machines, dead hosts, stopped and disabled services, lost connections: nothing twice, nothing left worse."""

from __future__ import annotations

import contextlib
import typing as t
from dataclasses import replace

import pytest
from spp_lab import CLIENT_MAK, HOST_KEY, OPEN_FIREWALL, InProcessLab, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    ActivationFailed,
    CimFault,
    NotSupported,
    OperationTimedOut,
    OutcomeUnknown,
    TransportLost,
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
)

TO_KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
HOST = DesiredHost(
    product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, dns_publishing=False, firewall=OPEN_FIREWALL
)
SWITCH = ["InstallProductKey", "Activate"]


@pytest.fixture
def lab() -> InProcessLab:
    """A site with a machine that is to be a host, and a client with a MAK."""
    return new_lab(
        {
            "domain": "corp.example.test",
            "machines": {
                "kms01": {"os": "windows-server-2022-datacenter"},
                "win01": {"os": "windows-11-enterprise", "products": [{"key": CLIENT_MAK, "activated": True}]},
            },
            "microsoft": {
                "keys": [
                    {"key": CLIENT_MAK, "kind": "mak", "for": ["windows-11-enterprise"]},
                    {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
                ]
            },
            "behaviour": {"products_without_key": 3},
        }
    )


@pytest.fixture
def ready(lab: InProcessLab) -> InProcessLab:
    """The same, with a KMS host that already counts enough."""
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    lab.site.set("kms01", "clients", "50")
    lab.site.stats(reset=True)
    return lab


def service_state(lab: InProcessLab) -> object:
    """Whether sppsvc of the host runs."""
    service = lab.state("kms01")["service"]
    assert isinstance(service, dict)
    return service["service_state"]


def sent(lab: InProcessLab, operation: str) -> int:
    """How often an operation was asked."""
    operations = t.cast("dict[str, dict[str, int]]", lab.site.stats()["operations"])
    return operations.get(operation, {}).get("requests", 0)


def test_a_key_that_takes_5_seconds_is_no_trouble(ready: InProcessLab) -> None:
    ready.site.set("win01", "slow_key_seconds", "5")
    assert converge_client(ready.licensing("win01"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED
    assert ready.clock.now == 5


@pytest.mark.parametrize("seconds", ["20", "60"])
def test_a_dead_host_is_a_failure_after_its_time(ready: InProcessLab, seconds: str) -> None:
    ready.site.set("kms01", "kms_service", "down")
    ready.site.set("win01", "dead_host_seconds", seconds)
    with pytest.raises(ActivationFailed, match="0xC004F074"):
        converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert sent(ready, "Invoke SoftwareLicensingProduct.Activate") == 1


def test_a_dead_host_that_outlasts_the_request_is_pending_and_asked_once(ready: InProcessLab) -> None:
    ready.site.set("kms01", "kms_service", "down")
    ready.site.set("win01", "dead_host_seconds", "61")
    run = converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert (run.outcome, run.outcome_reason) == (Outcome.PENDING, "the licensing service has not answered yet")
    assert sent(ready, "Invoke SoftwareLicensingProduct.Activate") == 1


def test_a_key_that_takes_longer_than_anyone_waits_is_unknown_and_the_next_run_goes_on(ready: InProcessLab) -> None:
    ready.site.set("win01", "slow_key_seconds", "200")
    with pytest.raises(OutcomeUnknown) as caught:
        converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert caught.value.message == (
        "WIN01 did not show within 90 seconds that the key ending in 2YT43 is installed. It may still happen; nothing "
        "was sent twice."
    )
    ready.site.advance(10)
    run = converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert (run.operations, run.outcome) == (["Activate"], Outcome.LICENSED)
    assert sent(ready, "Invoke SoftwareLicensingService.InstallProductKey") == 1


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_service_that_starts_slowly_is_waited_for(lab: InProcessLab, state: str) -> None:
    lab.site.set("kms01", "slow_service_seconds", "15")
    lab.site.set("kms01", "service_state", state)
    assert converge_host(lab.licensing("kms01"), HOST, check_mode=False).outcome is Outcome.LICENSED
    assert lab.site.kms_listeners() == {"kms01": 1688}


def test_a_service_that_starts_too_slowly_for_a_query_is_a_timeout_with_nothing_changed(lab: InProcessLab) -> None:
    lab.site.set("kms01", "slow_service_seconds", "25")
    lab.site.set("kms01", "service_state", "stopped")
    before = lab.state("kms01")["products"]
    with pytest.raises(OperationTimedOut):
        converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    assert lab.state("kms01")["products"] == before
    assert converge_host(lab.licensing("kms01"), HOST, check_mode=False).outcome is Outcome.LICENSED


def test_a_disabled_service_that_runs_is_not_stopped_for_good(ready: InProcessLab) -> None:
    ready.site.set("kms01", "service_start", "disabled")
    with pytest.raises(NotSupported) as caught:
        converge_host(ready.licensing("kms01"), replace(HOST, listening_port=1700), check_mode=False)
    assert caught.value.message == (
        "The start type of sppsvc on KMS01 is Disabled, so it could be stopped but not be started again, and what is "
        "to be changed takes effect with a restart only. Nothing was changed. Run there: sc config sppsvc start= "
        "delayed-auto"
    )
    assert caught.value.progress == {}
    assert service_state(ready) == "running"
    assert ready.site.kms_listeners() == {"kms01": 1688}


def test_a_disabled_service_that_is_stopped_is_named_by_its_code(lab: InProcessLab) -> None:
    lab.site.set("kms01", "service_start", "disabled")
    lab.site.set("kms01", "service_state", "stopped")
    with pytest.raises(CimFault) as caught:
        converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    assert caught.value.code == 0x80070422


def test_a_quota_fault_changes_nothing_and_is_over_with_the_next_run(ready: InProcessLab) -> None:
    before = ready.state("win01")
    ready.site.set("win01", "quota_faults", "1")
    with pytest.raises(CimFault) as caught:
        converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert caught.value.code == 0x803381A6
    assert ready.state("win01") == before
    assert converge_client(ready.licensing("win01"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED


@pytest.mark.parametrize("name", ["drop_before", "drop_after"])
@pytest.mark.parametrize("number", range(1, 10))
def test_a_switch_that_loses_its_connection_is_finished_by_the_next_run(
    ready: InProcessLab, name: str, number: int
) -> None:
    ready.site.set("win01", name, str(number))
    # A read that was lost may have been repeated: then the first run gets there.
    with contextlib.suppress(TransportLost):
        converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    state = observe_client(ready.licensing("win01"))
    assert state.windows is not None
    assert (state.windows.channel, state.windows.is_licensed) == (Channel.KMS_CLIENT, True)
    assert ready.microsoft("MKWHT") == 1


def test_a_remembered_dns_answer_ends_and_then_the_client_finds_its_host(ready: InProcessLab) -> None:
    ready.publish()
    ready.site.set("win01", "negative_dns_seconds", "900")
    for _ in range(2):
        with pytest.raises(ActivationFailed, match="0x8007232B"):
            converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
        ready.publish("kms01")
    ready.site.advance(16)
    assert converge_client(ready.licensing("win01"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED
