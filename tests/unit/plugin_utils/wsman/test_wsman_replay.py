# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The replaying transport itself: it must notice what differs in meaning, and nothing else."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

SOAP = "http://www.w3.org/2003/05/soap-envelope"


def test_another_value_in_a_request_is_noticed(replayed: t.Any) -> None:
    transport = replayed("get")
    with pytest.raises(AssertionError):
        CimSession(transport).get("Win32_Volume", {"DeviceID": "E:\\", "Label": ""})


def test_a_request_too_few_is_noticed(replayed: t.Any) -> None:
    transport = replayed("identify")
    assert transport.exchanges
    transport.exchanges.clear()


def test_a_request_too_many_is_noticed(scripted: t.Any) -> None:
    with pytest.raises(AssertionError, match="a request more than expected: Get"):
        CimSession(scripted()).get("Win32_Volume")


def test_prefixes_order_of_attributes_and_order_of_headers_have_no_meaning(meaning: t.Any) -> None:
    one = f'<a:Header xmlns:a="{SOAP}"><x k="1" l="2"/><y/></a:Header>'
    other = f'<Header xmlns="{SOAP}"><y xmlns=""/><x xmlns="" l="2" k="1"/></Header>'
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize("other", ["<x><y>2</y><z/></x>", "<x><z/><y>1</y></x>", "<x><y k='1'>1</y><z/></x>", "<x/>"])
def test_text_attributes_and_order_of_other_elements_have_meaning(other: str, meaning: t.Any) -> None:
    assert meaning("<x><y>1</y><z/></x>") != meaning(other)
