# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host key activates by its channel, and the generation of each Windows and release of each Office."""

from __future__ import annotations

from dataclasses import replace

import pytest
from spp_states import DATACENTER_2022, ENTERPRISE_7, ENTERPRISE_11

from ansible_collections.volact.kms.plugins.plugin_utils._spp._host_reach import (
    KeyReach,
    generation_of,
    office_release,
    reach_of,
)


@pytest.mark.parametrize(
    ("channel", "reach"),
    [
        ("VOLUME_KMS_WS25", (8, 8)),
        ("VOLUME_KMS_WS22", (7, 7)),
        ("VOLUME_KMS_WS12_R2", (4, 4)),
        ("VOLUME_KMS_2012-R2_WIN10", (4, 5)),
        ("VOLUME_KMS_2012-R2", (4, 4)),
        ("VOLUME_KMS_WS12", (3, 3)),
        ("VOLUME_KMS_R2_C", (2, 2)),
        ("VOLUME_KMS_W10", (0, 5)),
        ("VOLUME_KMS_W8.1", (0, 4)),
        ("VOLUME_KMS_W7", (0, 2)),
        ("VOLUME_KMS_C", None),
    ],
)
def test_a_host_key_serves_its_own_release_and_older_ones(channel: str, reach: tuple[int, int] | None) -> None:
    found = reach_of(f"Windows(R) Operating System, {channel} channel")
    assert (found and (found.servers, found.clients)) == reach


def test_the_release_of_an_office_is_in_its_name() -> None:
    of_2010 = "59a52881-a989-479d-af46-f275c6370663"
    assert office_release("Office 16, Office16ProPlusVL_KMS_Client edition", "0ff1ce15") == "2016"
    assert office_release("Microsoft Office 2010, KMSHost edition", of_2010) == "2010"
    assert office_release("Office 99, Office99ProPlus edition", "0ff1ce15") is None


@pytest.mark.parametrize(
    ("build", "sku", "generation"),
    [(26100, 4, 7), (26100, 125, 8), (22631, 4, 7), (19045, 4, 5), (19044, 125, 7), (17763, 125, 6), (14393, 125, 5)],
)
def test_long_term_clients_are_of_the_generation_of_their_server(build: int, sku: int, generation: int) -> None:
    assert generation_of(replace(ENTERPRISE_11, build=build, sku=sku)) == generation


def test_a_key_of_a_client_activates_no_server_and_a_key_of_a_server_older_clients() -> None:
    of_10 = KeyReach(servers=0, clients=5)
    assert not of_10.serves(DATACENTER_2022)
    assert not of_10.serves(ENTERPRISE_11)
    assert of_10.serves(ENTERPRISE_7)
    of_2022 = KeyReach(servers=7, clients=7)
    assert of_2022.serves(DATACENTER_2022)
    assert of_2022.serves(ENTERPRISE_11)
    assert not of_2022.serves(replace(DATACENTER_2022, build=26100))
