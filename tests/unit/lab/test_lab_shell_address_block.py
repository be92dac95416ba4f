# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which addresses a lab gives to whom, and how large a part of 127/8 it takes."""

from __future__ import annotations

import ipaddress

import pytest

from lab.shell.address_block import AddressBlock, prefix_length, usable_addresses
from lab.shell.errors import LabError


@pytest.mark.parametrize(
    ("machines", "length"), [(0, 24), (1, 24), (245, 24), (246, 23), (499, 23), (500, 22), (1000, 22), (65015, 16)]
)
def test_the_block_is_the_smallest_that_holds_the_machines(machines: int, length: int) -> None:
    assert prefix_length(machines) == length
    network = ipaddress.IPv4Network(f"127.64.0.0/{length}")
    assert len(usable_addresses(network)) >= machines


def test_more_machines_than_a_lab_can_hold_are_refused() -> None:
    with pytest.raises(LabError, match="at most 65015 machines, and this site has 65016"):
        prefix_length(65016)


def test_machines_get_addresses_in_the_order_of_the_site() -> None:
    names = [f"win{number:03d}" for number in range(300)]
    plan = AddressBlock(ipaddress.IPv4Network("127.30.40.0/23"), []).plan(names)
    assert plan.dns == "127.30.40.1"
    assert list(plan.machines) == names
    assert plan.machines["win000"] == "127.30.40.10"
    assert plan.machines["win244"] == "127.30.40.254"
    assert plan.machines["win245"] == "127.30.41.1"
    assert len(set(plan.machines.values())) == 300
