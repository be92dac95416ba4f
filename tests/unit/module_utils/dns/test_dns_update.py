# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The update message, and the key that signs it."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.name
import dns.tsig
import dns.update
import pytest
from unit.module_utils.dns.dns_script import KMS01, NAME, SECRET, ZONE, wanted

from ansible_collections.volact.kms.plugins.module_utils._dns._records import SrvRecord, SrvSet, plan
from ansible_collections.volact.kms.plugins.module_utils._dns._update import build_update, make_key
from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadInput,
)


def test_the_update_of_an_empty_set_wants_it_empty() -> None:
    message = build_update(ZONE, NAME, plan(SrvSet(), wanted()))
    assert [each.to_text() for each in message.prerequisite] == [f"{NAME} NONE SRV"]
    assert [each.to_text() for each in message.update] == [f"{NAME} 3600 IN SRV {KMS01}"]


def test_the_update_of_a_set_wants_exactly_that_set_and_removes_before_it_adds() -> None:
    old = SrvRecord(5, 0, 1688, dns.name.from_text("kms01", ZONE))
    other = SrvRecord(0, 0, 1688, dns.name.from_text("other", ZONE))
    message = build_update(ZONE, NAME, plan(SrvSet(frozenset([old, other]), 3600), wanted()))
    listed = sorted(line for each in message.prerequisite for line in each.to_text().splitlines())
    assert listed == [f"{NAME} 0 IN SRV {other.rdata}", f"{NAME} 0 IN SRV {old.rdata}"]
    assert [each.to_text() for each in message.update] == [
        f"{NAME} 0 NONE SRV {old.rdata}",
        f"{NAME} 3600 IN SRV {KMS01}",
    ]


def test_a_new_ttl_is_sent_with_every_record_and_removes_none() -> None:
    other = SrvRecord(0, 0, 1688, dns.name.from_text("other", ZONE))
    message = build_update(ZONE, NAME, plan(SrvSet(frozenset([other]), 60), wanted()))
    assert sorted(each.to_text() for each in message.update) == [
        f"{NAME} 3600 IN SRV {KMS01}",
        f"{NAME} 3600 IN SRV {other.rdata}",
    ]


@pytest.mark.parametrize(
    "algorithm",
    [
        "hmac-md5",
        "hmac-sha1",
        "hmac-sha224",
        "hmac-sha256",
        "hmac-sha256-128",
        "hmac-sha384",
        "hmac-sha384-192",
        "hmac-sha512",
        "hmac-sha512-256",
    ],
)
def test_every_algorithm_signs_and_verifies(algorithm: str) -> None:
    key = make_key("kms-update", SECRET, algorithm)
    message = build_update(ZONE, NAME, plan(SrvSet(), wanted()))
    message.use_tsig(key)
    assert dns.message.from_wire(message.to_wire(), keyring=key).had_tsig


@pytest.mark.parametrize("secret", ["", "not base64!", "c2VjcmV0I", "gehe\u00efm", "  "])
def test_a_secret_that_is_not_base64_is_not_repeated(secret: str) -> None:
    with pytest.raises(BadInput) as caught:
        make_key("kms-update", secret, "hmac-sha256")
    assert caught.value.message == (
        "The tsig_secret for the key 'kms-update' is empty or not Base64. Give it as tsig-keygen wrote it."
    )
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
