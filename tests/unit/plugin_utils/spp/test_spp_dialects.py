# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The important flows under every dialect of the lab: no outcome and no sentence may depend on an unverified form."""

from __future__ import annotations

import functools
import typing as t
from dataclasses import replace

import pytest
from spp_lab import (
    CLIENT_HOST_KEY,
    CLIENT_MAK,
    HOST_IS_SET_UP,
    HOST_KEY,
    OPEN_FIREWALL,
    OTHER_MAK,
    SERVER_MAK,
    START,
    InProcessLab,
    copied,
    new_lab,
)

from ansible_collections.volact.kms.plugins.module_utils._errors import ActivationFailed, BadInput, CimFault
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    DesiredFirewall,
    DesiredHost,
    LicenseStatus,
    Outcome,
    ProductKey,
    client_result,
    converge_client,
    converge_host,
    host_result,
    observe_client,
    observe_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._catalogue import published_by_last_five
from lab.core import DIALECTS
from lab.core.dialects import combinable

pytestmark = pytest.mark.combinations

TO_KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
HOST = DesiredHost(
    product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, dns_publishing=False, firewall=OPEN_FIREWALL
)
SWITCH = ["InstallProductKey", "Activate"]

#: win01 has what a real machine may have beside Windows; so its queries have several rows, with keys.
DOCUMENT: dict[str, object] = {
    "domain": "corp.example.test",
    "machines": {
        "kms01": {"os": "windows-server-2022-datacenter"},
        "win01": {
            "os": "windows-11-enterprise",
            "language": "ru-RU",
            "products": [{"key": CLIENT_MAK, "activated": True}, {"kind": "esu"}, {"kind": "m365"}],
        },
        "win02": {"os": "windows-11-enterprise", "language": "fr-FR", "products": [{"channel": "oem_dm"}]},
        "srv01": {
            "os": "windows-server-2022-standard",
            "language": "ja-JP",
            "products": [{"key": SERVER_MAK, "activated": True}],
        },
        "old01": {"os": "windows-7-enterprise", "language": "de-DE", "products": [{"channel": "retail"}]},
    },
    "microsoft": {
        "keys": [
            {"key": CLIENT_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 100},
            {"key": OTHER_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 1},
            {"key": SERVER_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 100},
            {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            {"key": CLIENT_HOST_KEY, "kind": "kms_host", "for": ["windows-11-enterprise"]},
        ]
    },
    "behaviour": {"products_without_key": 3},
}

#: Every dialect alone, none, and as many as go together at once: from the first on, and from the last on.
SPOKEN = [
    pytest.param((), id="standard"),
    *(pytest.param((name,), id=name) for name in DIALECTS),
    pytest.param(tuple(combinable()), id="many-at-once"),
    pytest.param(tuple(combinable(reversed(list(DIALECTS)))), id="many-others-at-once"),
]


@functools.cache
def new_site(spoken: tuple[str, ...]) -> t.Callable[[], InProcessLab]:
    """Gives sites that speak these dialects."""
    return copied(lambda: new_lab(DOCUMENT, dialects=list(spoken)))


@functools.cache
def ready_site(spoken: tuple[str, ...]) -> t.Callable[[], InProcessLab]:
    """The same, with a KMS host that already counts enough for everybody."""

    def prepare() -> InProcessLab:
        lab = new_site(spoken)()
        converge_host(lab.licensing("kms01"), HOST, check_mode=False)
        lab.publish("kms01")
        lab.site.set("kms01", "clients", "50")
        return lab

    return copied(prepare)


@pytest.fixture(params=SPOKEN)
def spoken(request: pytest.FixtureRequest) -> tuple[str, ...]:
    dialects: tuple[str, ...] = request.param
    return dialects


@pytest.fixture
def lab(spoken: tuple[str, ...]) -> InProcessLab:
    """A site of this test alone."""
    return new_site(spoken)()


@pytest.fixture
def ready(spoken: tuple[str, ...]) -> InProcessLab:
    """A ready site of this test alone."""
    return ready_site(spoken)()


def switched(lab: InProcessLab, machine: str) -> None:
    """Switch a machine, which must succeed at once."""
    assert converge_client(lab.licensing(machine), TO_KMS, check_mode=False).outcome is Outcome.LICENSED


def test_a_host_is_set_up_in_four_runs_check_apply_apply_check(lab: InProcessLab) -> None:
    fresh = lab.site.state()
    predicted = converge_host(lab.licensing("kms01"), HOST, check_mode=True)
    assert lab.site.state() == fresh
    applied = converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    assert predicted.operations == applied.operations
    # Some dialects have two firewall rules, or no registry of 32-bit programs.
    assert list(dict.fromkeys(applied.operations)) == list(dict.fromkeys(HOST_IS_SET_UP))
    assert applied.outcome is Outcome.LICENSED
    assert lab.site.kms_listeners() == {"kms01": 1688}
    for check_mode in (False, True):
        again = converge_host(lab.licensing("kms01"), HOST, check_mode=check_mode)
        assert (again.operations, again.outcome) == ([], Outcome.LICENSED)
    assert lab.microsoft("KHWHT") == 1


def test_a_host_that_nobody_has_asked_counts_none(lab: InProcessLab) -> None:
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    host = host_result(observe_host(lab.licensing("kms01")))["host"]
    assert host["is_kms_host"]
    assert [product["current_count"] for product in host["products"]] == [0]


def test_a_host_listens_on_another_port_after_one_restart(lab: InProcessLab) -> None:
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    moved = converge_host(lab.licensing("kms01"), replace(HOST, listening_port=1700, firewall=None), check_mode=False)
    assert moved.operations == [
        "DeleteRegistryValue",
        "SetKeyManagementServiceListeningPort",
        "RestartService",
        "SetRegistryValue",
    ]
    assert moved.state.service.listening_port == 1700


def test_a_stopped_service_is_started_by_the_restart(lab: InProcessLab) -> None:
    lab.site.set("kms01", "service_state", "stopped")
    assert "RestartService" in converge_host(lab.licensing("kms01"), HOST, check_mode=False).operations
    assert lab.site.kms_listeners() == {"kms01": 1688}


def test_the_firewall_rule_is_closed_and_opened(lab: InProcessLab) -> None:
    for operation, wanted in (("Enable", True), ("Disable", False), ("Enable", True)):
        desired = DesiredHost(firewall=DesiredFirewall(enabled=wanted, allow_public=True))
        # One for each built-in rule, of which some servers are said to have two.
        assert set(converge_host(lab.licensing("kms01"), desired, check_mode=False).operations) == {operation}
        assert not converge_host(lab.licensing("kms01"), desired, check_mode=True).operations


def test_a_client_is_switched_in_four_runs_check_apply_apply_check(ready: InProcessLab) -> None:
    before = ready.site.state()
    assert converge_client(ready.licensing("win01"), TO_KMS, check_mode=True).operations == SWITCH
    assert ready.site.state() == before
    applied = converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert (applied.operations, applied.outcome) == (SWITCH, Outcome.LICENSED)
    assert applied.state.windows is not None
    assert applied.state.windows.channel is Channel.KMS_CLIENT
    assert applied.state.windows.grace_minutes == 259200
    for check_mode in (False, True):
        assert not converge_client(ready.licensing("win01"), TO_KMS, check_mode=check_mode).operations


def test_a_client_below_the_threshold_is_pending_and_licensed_when_asked_again(lab: InProcessLab) -> None:
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    lab.site.set("kms01", "clients", "23")
    first = converge_client(lab.licensing("win01"), TO_KMS, check_mode=False)
    assert (first.operations, first.outcome) == (SWITCH, Outcome.PENDING)
    assert first.outcome_reason == "the KMS host's count is below the threshold (0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT)"
    assert converge_client(lab.licensing("win02"), TO_KMS, check_mode=False).outcome is Outcome.LICENSED
    second = converge_client(lab.licensing("win01"), TO_KMS, check_mode=False)
    assert (second.operations, second.outcome) == (["Activate"], Outcome.LICENSED)


def test_the_clock_of_a_machine_is_read_in_utc(lab: InProcessLab) -> None:
    shown = client_result(observe_client(lab.licensing("win01")))["operating_system"]["clock"]
    assert shown == START.isoformat().replace("+00:00", "Z")


def test_windows_7_is_switched(ready: InProcessLab) -> None:
    switched(ready, "old01")
    firewall = observe_host(ready.licensing("old01"), firewall=True).firewall
    assert firewall is not None
    assert firewall.rules is None


def test_other_licences_beside_windows_are_left_alone(ready: InProcessLab) -> None:
    others = other_products(ready, "win01")
    assert len(others) == 2
    switched(ready, "win01")
    assert other_products(ready, "win01") == others
    shown = client_result(observe_client(ready.licensing("win01")))["products"]
    assert [(row["channel"], row["license_status_name"]) for row in shown] == [("kms_client", "Licensed")]


def test_a_mak_is_activated_once_and_its_limit_is_named(lab: InProcessLab) -> None:
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
    with pytest.raises(BadInput) as caught:
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert caught.value.message.startswith(f"WIN01 refused the product key ending in {key[-5:]} (0xC0")
    assert "it is mistyped, or for another edition than Enterprise (build 22631)" in caught.value.message
    assert "(ending in MKWHT) is still in place" in caught.value.message
    assert caught.value.progress == {"changed": False, "operations": []}
    assert lab.state("win01") == before


def test_the_gvlk_of_another_edition_is_refused_before_anything_is_sent(lab: InProcessLab) -> None:
    before = lab.site.state()
    published = published_by_last_five("KHKQY")
    assert published is not None
    foreign = DesiredClient(channel=Channel.KMS_CLIENT, product_key=published.key)
    with pytest.raises(BadInput) as caught:
        converge_client(lab.licensing("win01"), foreign, check_mode=False)
    assert caught.value.message == (
        "product_key (ending in KHKQY) is the client setup key of Windows Server 2016 Standard, and WIN01 takes the "
        "one of Windows 11 / Windows 10 Enterprise. Nothing was changed. Leave product_key out: the right key (ending "
        "in 2YT43) is chosen by edition."
    )
    assert lab.site.state() == before


def test_a_host_key_given_as_mak_is_taken_back(lab: InProcessLab) -> None:
    desired = DesiredClient(channel=Channel.MAK, product_key=ProductKey(CLIENT_HOST_KEY), activate=Activate.IF_NEEDED)
    with pytest.raises(BadInput, match=r"is a KMS host key, .* and a MAK was asked for") as caught:
        converge_client(lab.licensing("win01"), desired, check_mode=False)
    assert caught.value.progress["operations"] == ["InstallProductKey", "UninstallProductKey"]
    assert lab.microsoft("KHWXP") == 0
    assert observe_client(lab.licensing("win01")).windows is None


def test_a_renewal_is_sent_and_its_failure_reported_although_the_licence_goes_on(ready: InProcessLab) -> None:
    switched(ready, "win01")
    renew = replace(TO_KMS, activate=Activate.RENEW)
    assert converge_client(ready.licensing("win01"), renew, check_mode=False).operations == ["Activate"]
    ready.site.set("kms01", "kms_service", "down")
    with pytest.raises(ActivationFailed, match="0xC004F074"):
        converge_client(ready.licensing("win01"), renew, check_mode=False)
    state = observe_client(ready.licensing("win01"))
    assert state.windows is not None
    assert state.windows.license_status is LicenseStatus.LICENSED


def test_a_machine_is_pinned_and_unpinned(ready: InProcessLab) -> None:
    switched(ready, "win01")
    pin = DesiredClient(kms_host="kms01.corp.example.test", kms_port=1700)
    assert converge_client(ready.licensing("win01"), pin, check_mode=False).operations == [
        "SetKeyManagementServiceMachine",
        "SetKeyManagementServicePort",
    ]
    assert not converge_client(ready.licensing("win01"), pin, check_mode=False).operations
    free = DesiredClient(discovery=True)
    after = converge_client(ready.licensing("win01"), free, check_mode=False)
    assert after.operations == ["ClearKeyManagementServiceMachine", "ClearKeyManagementServicePort"]
    assert after.state.service.kms_machine is None
    assert after.state.service.kms_port == 1688
    assert not converge_client(ready.licensing("win01"), free, check_mode=False).operations


def test_a_missing_srv_record_is_told_in_english(lab: InProcessLab) -> None:
    with pytest.raises(ActivationFailed) as caught:
        converge_client(lab.licensing("srv01"), TO_KMS, check_mode=False)
    assert caught.value.message.startswith(
        "Could not activate Windows(R), ServerStandard edition on SRV01: DNS name does not exist "
        "(0x8007232B DNS_ERROR_RCODE_NAME_ERROR). Usual cause: no _vlmcs SRV record."
    )
    assert caught.value.progress == {"changed": True, "operations": SWITCH}


def test_a_wrong_clock_is_a_failure_with_a_code_that_names_it_or_the_log(ready: InProcessLab) -> None:
    ready.site.set("win01", "clock_offset_minutes", "241")
    with pytest.raises(ActivationFailed) as caught:
        converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert caught.value.code in (0xC004F06C, 0xC004F074)
    assert "0xC004F06C" in str(ready.state("win01")["events"])


def test_denied_access_names_the_token_policy_and_changes_nothing(lab: InProcessLab) -> None:
    before = lab.state("win01")
    lab.site.set("win01", "access", "denied")
    with pytest.raises(CimFault) as caught:
        converge_client(lab.licensing("win01"), TO_KMS, check_mode=False)
    assert "LocalAccountTokenFilterPolicy" in str(caught.value.hint)
    assert lab.state("win01") == before


def test_a_filtered_token_names_the_policy_and_changes_nothing(lab: InProcessLab) -> None:
    before = lab.state("win01")
    lab.site.set("win01", "token", "filtered")
    with pytest.raises(CimFault) as caught:
        converge_client(lab.licensing("win01"), TO_KMS, check_mode=False)
    assert caught.value.code == 0x80070005
    assert "LocalAccountTokenFilterPolicy" in str(caught.value.hint)
    assert lab.state("win01") == before


@pytest.mark.parametrize(("slow", "seconds"), [("slow_key_seconds", 61), ("slow_activation_seconds", 65)])
def test_what_outlasts_the_operation_timeout_is_waited_for_and_never_sent_twice(
    ready: InProcessLab, slow: str, seconds: int
) -> None:
    ready.site.set("win01", slow, str(seconds))
    ready.site.stats(reset=True)
    run = converge_client(ready.licensing("win01"), TO_KMS, check_mode=False)
    assert (run.operations, run.outcome) == (SWITCH, Outcome.LICENSED)
    operations = t.cast("dict[str, t.Any]", ready.site.stats()["operations"])
    assert operations["Invoke SoftwareLicensingService.InstallProductKey"]["requests"] == 1
    assert operations["Invoke SoftwareLicensingProduct.Activate"]["requests"] == 1


def other_products(lab: InProcessLab, machine: str) -> list[object]:
    """Licences with a key that are no licences of Windows itself."""
    rows = lab.state(machine)["products"]
    assert isinstance(rows, list)
    return [row for row in rows if "add-on" in row["name"] or "Office" in row["name"]]
