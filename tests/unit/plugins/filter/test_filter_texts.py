# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters activation_error and mask_product_key."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from published_keys import published_key

from ansible_collections.volact.kms.plugins.filter.activation_error import FilterModule as ErrorFilters
from ansible_collections.volact.kms.plugins.filter.activation_error import activation_error
from ansible_collections.volact.kms.plugins.filter.mask_product_key import FilterModule as MaskFilters
from ansible_collections.volact.kms.plugins.filter.mask_product_key import mask_product_key

FAKE = "BBBBB-CCCCC-DDDDD-FFFFF-23456"
MASKED = "*****-*****-*****-*****-23456"
UNSIGNED = 0xC004F074


@pytest.mark.parametrize(
    "value",
    [
        "0xC004F074",
        "0xc004f074",
        "C004F074",
        " c004f074 ",
        UNSIGNED,
        UNSIGNED - (1 << 32),
        str(UNSIGNED),
        str(UNSIGNED - (1 << 32)),
        "Error: 0xC004F074 No KMS host could be contacted (0x80072EE7).",
    ],
)
def test_a_code_is_read_in_every_form_that_tools_print(value: str | int) -> None:
    found = activation_error(value)
    assert found["code"] == "0xC004F074"
    assert found["signed"] == UNSIGNED - (1 << 32)
    assert found["unsigned"] == UNSIGNED
    assert found["name"] == "SL_E_VL_BINDING_SERVICE_UNAVAILABLE"
    assert found["known"] is True
    assert found["meaning"]
    assert found["remedy"]


def test_eight_digits_that_begin_with_8_are_hexadecimal() -> None:
    assert activation_error("80070005")["code"] == "0x80070005"
    assert activation_error("10000000")["code"] == "0x00989680"


def test_of_an_unknown_code_the_numbers_are_left() -> None:
    found = activation_error("0xC0DEC0DE")
    assert (found["code"], found["known"]) == ("0xC0DEC0DE", False)
    assert {found[name] for name in ("name", "meaning", "cause", "remedy")} == {None}


@pytest.mark.parametrize("value", ["", "none", None, True, 1 << 32, -(1 << 31) - 1, "0x123456789", [UNSIGNED]])
def test_what_is_no_code_is_refused_with_the_forms_that_are(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"is no error code\. Give it as 0xC004F074"):
        activation_error(value)


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (FAKE, MASKED),
        (FAKE.lower(), MASKED),
        (FAKE.replace("-", ""), MASKED),
        (f"Installed {FAKE}, then {FAKE}.", f"Installed {MASKED}, then {MASKED}."),
        ("no key 12345-67890", "no key 12345-67890"),
        ("6F9619FF-8B86-D011-B42D-00C04FC964FF", "6F9619FF-8B86-D011-B42D-00C04FC964FF"),
        ([FAKE, {FAKE: (FAKE, 5)}, None], [MASKED, {MASKED: [MASKED, 5]}, None]),
    ],
)
def test_only_the_last_five_characters_of_keys_are_left(value: Any, masked: Any) -> None:
    assert mask_product_key(value) == masked


def test_published_keys_are_masked_as_well() -> None:
    key = published_key("Windows Server 2025", "Datacenter")
    assert mask_product_key(key) == f"*****-*****-*****-*****-{key[-5:]}"


def test_ansible_finds_the_filters_by_their_names() -> None:
    assert ErrorFilters().filters() == {"activation_error": activation_error}
    assert MaskFilters().filters() == {"mask_product_key": mask_product_key}
