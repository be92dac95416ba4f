# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys, channels, codes and the catalogue: the facts that plans are made of."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from spp_states import ENTERPRISE_11, GVLK, HOST_KEY, MAK, client, host

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, CimFault
from ansible_collections.volact.kms.plugins.plugin_utils._spp import _catalogue
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import (
    ActivationType,
    Channel,
    LicenseStatus,
    activation_threshold,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_results import host_result
from ansible_collections.volact.kms.plugins.plugin_utils._spp._hresult import explain, name_fault
from ansible_collections.volact.kms.plugins.plugin_utils._spp._keys import ProductKey
from ansible_collections.volact.kms.plugins.plugin_utils._spp._results import client_result

ROOT = Path(__file__).resolve().parents[4]
FAKE = "BBBBB-CCCCC-DDDDD-FFFFF-MKWHT"


def test_a_key_is_taken_in_any_case_and_shows_only_its_end() -> None:
    key = ProductKey(f"  {FAKE.lower()} ")
    assert key.reveal() == FAKE
    assert key.last_five == "MKWHT"
    assert repr(key) == "ProductKey(*****-*****-*****-*****-MKWHT)"
    assert FAKE not in f"{key} {key!r} {[key]}"
    assert key == ProductKey(FAKE)
    assert hash(key) == hash(ProductKey(FAKE))


def test_a_key_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(ProductKey(FAKE))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("BBBBB-CCCCC-DDDDD-FFFFF", "its groups have the lengths 5-5-5-5"),
        ("BBBBB-CCCC-DDDDD-FFFFF-MKWHT", "its groups have the lengths 5-4-5-5-5"),
        ("BBBBBCCCCCDDDDDFFFFFMKWHT", "its groups have the lengths 25"),
        ("B-" * 30, "its groups have the lengths 31 groups"),
        ("BBBBB-CCCCC-DDDDD-FFFFF-MKWH0", "group 5 has a character that product keys never use"),
        ("NNNNN-CCCCC-DDDDD-FFFFF-MKWHT", "it has more than one letter N"),
        ("", "its groups have the lengths 0"),
    ],
)
def test_a_malformed_key_is_described_and_never_repeated(text: str, problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        ProductKey(text)
    assert problem in caught.value.message
    assert "Nothing was changed." in caught.value.message
    assert not text or text not in caught.value.message
    assert "MKWH" not in caught.value.message


@pytest.mark.parametrize(
    ("description", "channel"),
    [
        ("Windows(R) Operating System, VOLUME_KMSCLIENT channel", Channel.KMS_CLIENT),
        ("Windows(R) Operating System, VOLUME_KMS_WS22 channel", Channel.KMS_HOST),
        ("Windows Operating System - Windows Server(R), VOLUME_KMS_C channel", Channel.KMS_HOST),
        ("Windows(R) Operating System, VOLUME_MAK channel", Channel.MAK),
        ("Office 16, RETAIL(MAK) channel", Channel.MAK),
        ("Windows(R) Operating System, OEM_DM channel", Channel.OEM),
        ("Windows(R) Operating System, TIMEBASED_EVAL channel", Channel.EVALUATION),
        ("Office 16, TIMEBASED_SUB channel", Channel.SUBSCRIPTION),
        ("Windows(R) Operating System, VIRTUAL_MACHINE_ACTIVATION channel", Channel.AVMA),
        ("Windows(R) Operating System, RETAIL channel", Channel.RETAIL),
        ("something else", Channel.UNKNOWN),
        (None, Channel.UNKNOWN),
    ],
)
def test_the_channel_is_told_by_the_description(description: str | None, channel: Channel) -> None:
    assert Channel.from_description(description) is channel


def test_an_unknown_number_keeps_its_value() -> None:
    status = LicenseStatus(42)
    assert int(status) == 42
    assert status.label == "Unknown (42)"
    assert LicenseStatus.OOB_GRACE.label == "OOBGrace"
    assert ActivationType.ACTIVE_DIRECTORY.label == "ActiveDirectory"
    with pytest.raises(ValueError, match="is not a valid"):
        LicenseStatus("x")  # type: ignore[arg-type]


def test_servers_need_a_count_of_5_and_clients_of_25() -> None:
    assert (activation_threshold(is_server=True), activation_threshold(is_server=False)) == (5, 25)


def test_an_error_is_explained_signed_or_unsigned() -> None:
    unsigned = explain(0xC004F038)
    assert unsigned == explain(-1073418184)
    assert str(unsigned) == "0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT"
    assert unsigned.remedy
    assert str(explain(0x12345678)) == "0x12345678"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (
            CimFault("Zugriff verweigert", code=0x80070005, hint="Log in as an administrator."),
            "Read: access denied (0x80070005 E_ACCESSDENIED). Log in as an administrator.",
        ),
        (
            CimFault("Dienst deaktiviert", code=0x80070422),
            "Read: service disabled (0x80070422 ERROR_SERVICE_DISABLED). What to do: enable the licensing service.",
        ),
        (
            CimFault("Zu viele Vorg\u00e4nge.", code=0x803381A6),
            "Read: 0x803381A6 ERROR_WSMAN_QUOTA_MAX_OPERATIONS: Zu viele Vorg\u00e4nge.",
        ),
        (CimFault("Etwas anderes."), "Read: Etwas anderes."),
    ],
    ids=["our-hint", "published-remedy", "nothing-published", "no-code"],
)
def test_a_fault_becomes_an_english_sentence_where_its_code_is_published(fault: CimFault, message: str) -> None:
    assert name_fault(fault, "Read").message == message


def test_every_rule_of_the_catalogue_names_a_published_key_and_endings_are_unique() -> None:
    catalogue = _catalogue._catalogue()
    assert len(catalogue.gvlks) == len({gvlk.key.last_five for gvlk in catalogue.gvlks}) == 161
    assert {rule.gvlk for rule in catalogue.rules} <= set(range(len(catalogue.gvlks)))
    assert _catalogue.gvlk_for(ENTERPRISE_11).name == "Windows 11 / Windows 10 Enterprise"
    assert _catalogue.published_by_last_five("2yt43") is _catalogue.gvlk_for(ENTERPRISE_11)


def test_the_generated_data_is_what_the_facts_say() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "reference" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_result_has_numbers_names_minutes_and_times() -> None:
    from dataclasses import replace

    product = client_result(client(replace(GVLK, grace_minutes=259200, license_status_reason=0x4004F040)))["products"][
        0
    ]
    assert product["license_status"] == 1
    assert product["license_status_name"] == "Licensed"
    assert product["license_status_reason_code"] == "0x4004F040"
    assert product["license_status_reason_name"] == "SL_E_VL_INFO_PRODUCT_USER_RIGHT"
    assert product["grace_ends"] == "2027-05-21T10:00:00Z"


def test_a_permanent_licence_has_no_end() -> None:
    product = client_result(client(MAK))["products"][0]
    assert (product["grace_minutes"], product["grace_ends"]) == (0, None)


def test_a_fresh_host_counts_nobody_whether_it_says_0_or_minus_1() -> None:
    from dataclasses import replace

    for count in (0, None):
        (product,) = host_result(host(replace(HOST_KEY, current_count=count)))["host"]["products"]
        assert (product["current_count"], product["nobody_has_asked"]) == (0, True)
    assert host_result(host(GVLK))["host"]["products"] == []
