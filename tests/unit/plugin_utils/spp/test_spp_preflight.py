# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked at before a KMS host key is spent: the matrix of hosts, updates, editions and the clock."""

from __future__ import annotations

import pytest
from spp_lab import HOST_KEY, START, InProcessLab, Plant, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadInput,
    KmsError,
    NotSupported,
    OperationTimedOut,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Activate, DesiredHost, ProductKey, converge_host
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_matrix import known_names, look_up, system_of
from ansible_collections.volact.kms.plugins.plugin_utils._spp._preflight import (
    Updates,
    check_clock,
    check_serves,
    read_updates,
    refuse_host,
    serves_option,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import OperatingSystem

SERVER, CLIENT = 3, 1
SERVER_2022 = OperatingSystem("KMS01", "10.0.20348", 20348, 8, SERVER, 1033, START)
SERVER_2019 = OperatingSystem("KMS19", "10.0.17763", 17763, 8, SERVER, 1033, START)
SERVER_2016 = OperatingSystem("KMS16", "10.0.14393", 14393, 8, SERVER, 1033, START)
SERVER_2012_R2 = OperatingSystem("KMS12", "6.3.9600", 9600, 8, SERVER, 1033, START)
SERVER_2008_R2 = OperatingSystem("KMS08", "6.1.7601", 7601, 8, SERVER, 1033, START)
WINDOWS_10 = OperatingSystem("PC10", "10.0.19045", 19045, 4, CLIENT, 1033, START)
WINDOWS_11 = OperatingSystem("PC11", "10.0.26100", 26100, 4, CLIENT, 1033, START)
NOW = START.timestamp()


def refusal(system: OperatingSystem, name: str, updates: Updates | None = None) -> str:
    """The sentence that refuses it."""
    with pytest.raises(NotSupported) as caught:
        check_serves(system, [name], updates or Updates())
    assert "Nothing was changed." in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("system", "name"),
    [
        (SERVER_2022, "Windows Server 2022"),
        (SERVER_2019, "Windows Server 2019"),
        (SERVER_2016, "Windows Server 2016"),
        (SERVER_2012_R2, "Windows Server 2012 R2"),
        (SERVER_2008_R2, "Windows Server 2008 R2"),
        (WINDOWS_10, "Windows 10"),
        (WINDOWS_11, "Windows 11"),
    ],
)
def test_the_release_of_windows_is_told_by_its_build(system: OperatingSystem, name: str) -> None:
    found = system_of(system)
    assert found is not None
    assert found.name == name


def test_a_host_serves_its_own_generation_and_all_before_it_without_an_update() -> None:
    newer = {"Windows Server 2025", "Windows 11 LTSC 2024"}
    older = [name for name in known_names() if name.startswith("Windows") and name not in newer]
    assert check_serves(SERVER_2022, older, Updates()) == ()
    assert all(look_up(SERVER_2022, name).update for name in newer)


@pytest.mark.parametrize(
    ("system", "name", "update"),
    [
        (SERVER_2022, "Windows Server 2025", "KB5034770"),
        (SERVER_2019, "Windows Server 2025", "KB5034768"),
        (SERVER_2019, "Windows 11", "KB5003646"),
        (SERVER_2016, "Windows Server 2022", "KB5003638"),
        (SERVER_2016, "Windows Server 2019", "KB4478877"),
        (SERVER_2012_R2, "Windows Server 2019", "KB4467695"),
        (SERVER_2012_R2, "Windows 10", "KB3172614"),
        (SERVER_2008_R2, "Windows Server 2012 R2", "KB3079821"),
        (SERVER_2008_R2, "Office 2013", "KB2757817"),
    ],
)
def test_newer_ones_need_the_update_that_microsoft_names(system: OperatingSystem, name: str, update: str) -> None:
    assert str(look_up(system, name).update).startswith(update)


@pytest.mark.parametrize(
    ("system", "name", "why"),
    [
        (SERVER_2016, "Windows Server 2025", "has it for no update of Windows Server 2016"),
        (SERVER_2012_R2, "Windows Server 2022", "has it for no update of Windows Server 2012 R2"),
        (WINDOWS_10, "Windows Server 2016", "a KMS host on a client activates clients only"),
        (WINDOWS_11, "Windows 11", "no KMS host key for Windows can be hosted on Windows 11"),
        (SERVER_2019, "Office LTSC 2024", "a host for it is Windows Server 2022 or later"),
        (SERVER_2012_R2, "Office LTSC 2021", "a host for it is Windows Server 2016 or later"),
    ],
)
def test_what_no_update_makes_possible_is_refused_with_the_reason(system: OperatingSystem, name: str, why: str) -> None:
    message = refusal(system, name)
    assert f"{system.computer_name} cannot be a KMS host for {name}" in message
    assert why in message


def test_a_client_can_be_host_for_office() -> None:
    assert check_serves(WINDOWS_11, ["Office LTSC 2024", "Office 2016"], Updates()) == ()


def test_the_revision_of_the_build_decides_where_it_is_known() -> None:
    name = "Windows Server 2025"
    assert check_serves(SERVER_2022, [name], Updates(revision=2322)) == ()
    message = refusal(SERVER_2022, name, Updates(revision=2321))
    assert "KMS01 (build 20348.2321) cannot be a KMS host for Windows Server 2025 yet" in message
    assert message.endswith("Install KB5034770 or a later cumulative update, restart, and run again.")


def test_the_list_of_updates_decides_where_no_later_one_replaces_it() -> None:
    kb = "KB3079821"
    assert check_serves(SERVER_2008_R2, ["Windows 10"], Updates(frozenset({kb}))) == ()
    assert kb in refusal(SERVER_2008_R2, "Windows 10", Updates(frozenset({"KB1"})))


def test_what_nobody_can_tell_is_a_warning_and_no_refusal() -> None:
    [warning] = check_serves(SERVER_2012_R2, ["Windows 10"], Updates(frozenset({"KB1"})))
    assert "needs KB3172614 or a later cumulative update" in warning
    assert "could not be told" in warning
    [warning] = check_serves(SERVER_2022, ["Windows Server 2025"], Updates(reason="The machine did not answer."))
    assert warning.endswith("could not be told: The machine did not answer.")
    [warning] = check_serves(SERVER_2022, ["Office 2010"], Updates())
    assert "no page of Microsoft says" in warning


def test_names_are_taken_in_any_case_and_unknown_ones_are_refused() -> None:
    assert serves_option(["windows server 2022", "Office  2019", "Windows Server 2022"]) == (
        "Windows Server 2022",
        "Office 2019",
    )
    assert serves_option(None) == ()
    with pytest.raises(BadInput, match="serves has 'Windows 12'") as caught:
        serves_option(["Windows 12"])
    assert "Windows Server 2025, " in caught.value.message


@pytest.mark.parametrize(
    ("sku", "product_type", "part"),
    [
        (407, SERVER, "Azure Edition"),
        (80, SERVER, "evaluation"),
        (101, CLIENT, "which can never be a KMS host (Home"),
        (42, SERVER, "free product"),
    ],
)
def test_editions_that_take_no_host_key_are_refused(sku: int, product_type: int, part: str) -> None:
    system = OperatingSystem("X01", "10.0.20348", 20348, sku, product_type, 1033, START)
    with pytest.raises(NotSupported) as caught:
        refuse_host(system)
    assert part in caught.value.message


def test_a_clock_is_compared_with_half_the_round_trip_taken_off() -> None:
    assert check_clock(SERVER_2022, NOW - 10, NOW + 10) == 0
    assert check_clock(SERVER_2022, NOW - 3 * 3600, NOW - 3 * 3600) == 3 * 3600
    with pytest.raises(NotSupported, match="is 4 hours 1 minutes ahead of that of the controller") as caught:
        check_clock(SERVER_2022, NOW - 14460, NOW - 14460)
    assert "0xC004F06C" in caught.value.message
    with pytest.raises(NotSupported, match="5 hours 0 minutes behind"):
        check_clock(SERVER_2022, NOW + 18000, NOW + 18000)
    unknown = OperatingSystem("KMS01", "10.0.20348", 20348, 8, SERVER, 1033, None)
    assert check_clock(unknown, NOW, NOW) is None


@pytest.fixture
def lab() -> InProcessLab:
    """A fresh site."""
    return new_lab()


def test_updates_are_only_read_where_they_decide_something(lab: InProcessLab) -> None:
    licensing = lab.licensing("kms01")
    system = licensing.system()
    before = licensing.session.requests
    assert read_updates(licensing, system, ["Windows Server 2022", "Office 2019"]) == Updates()
    assert licensing.session.requests == before
    assert read_updates(licensing, system, ["Windows Server 2025"]) == Updates(revision=1001)
    assert licensing.session.requests == before + 1


def test_a_list_of_updates_that_takes_too_long_is_unknown(lab: InProcessLab) -> None:
    licensing = lab.licensing("old01")
    system = licensing.system()
    late = OperationTimedOut("The server gave up.")
    lab.plants.append(Plant(b"Win32_QuickFixEngineering", late, after=False))
    updates = read_updates(licensing, system, ["Windows 10"])
    assert updates.kbs is None
    assert updates.reason == "The list of updates was not read: the machine did not answer in time."
    assert len(check_serves(system, ["Windows 10"], updates)) == 1


def host(lab: InProcessLab, *serves: str, check: bool = False) -> list[str]:
    """The operations of a run that gives the machine its host key."""
    desired = DesiredHost(product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, serves=serves)
    return converge_host(lab.licensing("kms01"), desired, check_mode=check).operations


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_spent_on_a_host_that_lacks_its_update(lab: InProcessLab, check: bool) -> None:
    before = lab.site.state()
    with pytest.raises(NotSupported, match="Windows Server 2025 yet"):
        host(lab, "Windows Server 2025", check=check)
    assert lab.site.state() == before
    lab.site.set("kms01", "revision", "2322")
    assert "Activate" in host(lab, "Windows Server 2025", check=check)


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_spent_on_a_host_whose_clock_is_wrong(lab: InProcessLab, check: bool) -> None:
    lab.site.set("kms01", "clock_offset_minutes", "300")
    before = lab.site.state()
    with pytest.raises(KmsError, match="5 hours 0 minutes ahead"):
        host(lab, check=check)
    assert lab.site.state() == before
    lab.site.set("kms01", "clock_offset_minutes", "200")
    assert "Activate" in host(lab, check=check)
