# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every Windows of the lab: the right client setup key by edition, end to end, and a sentence where there is none."""

from __future__ import annotations

import typing as t

import pytest
from spp_lab import HOST_KEY, OPEN_FIREWALL, InProcessLab, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    DesiredHost,
    Outcome,
    ProductKey,
    converge_client,
    converge_host,
)
from lab.core.catalogue import OPERATING_SYSTEMS, languages, published_key_of

pytestmark = pytest.mark.combinations

TO_KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
HOST = DesiredHost(product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, firewall=OPEN_FIREWALL)

KEYS = {name: found[1].last_five for name, system in OPERATING_SYSTEMS.items() if (found := published_key_of(system))}
REFUSED = sorted(set(OPERATING_SYSTEMS) - set(KEYS))
EVALUATIONS = sorted(name for name, system in OPERATING_SYSTEMS.items() if system.evaluation)
AZURE = ("windows-server-2022-datacenter-azure-edition", "windows-server-2025-datacenter-azure-edition")


def machine_of(system: str) -> str:
    """The machine of the site that runs `system`; its name is short enough for NetBIOS."""
    return f"pc{list(OPERATING_SYSTEMS).index(system):03d}"


def display_language(system: str) -> str:
    """One of the lab's languages, a different one from system to system."""
    spoken = sorted(languages())
    return spoken[list(OPERATING_SYSTEMS).index(system) % len(spoken)]


@pytest.fixture(scope="module")
def site() -> InProcessLab:
    """A machine of every operating system, each with a retail licence, and a KMS host that serves all of them."""
    machines: dict[str, t.Any] = {
        machine_of(name): {"os": name, "language": display_language(name), "products": [{"channel": "retail"}]}
        for name in OPERATING_SYSTEMS
    }
    for name in EVALUATIONS:
        del machines[machine_of(name)]["products"]
    hosts = ["windows-server-2025-datacenter", *AZURE, *EVALUATIONS]
    lab = new_lab(
        {
            "domain": "corp.example.test",
            "machines": {"kms01": {"os": hosts[0]}, **machines},
            "microsoft": {
                "keys": [{"key": HOST_KEY, "kind": "kms_host", "for": hosts, "channel": "VOLUME_KMS_WS25"}],
            },
            "behaviour": {"products_without_key": 2},
        }
    )
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.publish("kms01")
    lab.site.set("kms01", "clients", "50")
    return lab


@pytest.mark.parametrize("system", sorted(KEYS))
def test_a_volume_edition_gets_its_own_key_and_is_licensed(site: InProcessLab, system: str) -> None:
    run = converge_client(site.licensing(machine_of(system)), TO_KMS, check_mode=False)
    assert (run.operations, run.outcome) == (["InstallProductKey", "Activate"], Outcome.LICENSED)
    assert run.state.windows is not None
    assert run.state.windows.partial_product_key == KEYS[system]
    assert not converge_client(site.licensing(machine_of(system)), TO_KMS, check_mode=False).operations


@pytest.mark.parametrize("system", sorted(KEYS))
def test_a_product_is_named_in_english_in_every_language(site: InProcessLab, system: str) -> None:
    (product,) = t.cast("list[dict[str, t.Any]]", site.state(machine_of(system))["products"])
    assert product["name"].isascii()
    assert product["name"].startswith("Windows")
    assert product["name"].endswith(" edition")
    assert product["description"].isascii()


@pytest.mark.parametrize("system", REFUSED)
def test_an_edition_without_a_volume_key_is_refused_and_left_as_it_is(site: InProcessLab, system: str) -> None:
    before = site.state(machine_of(system))
    with pytest.raises(NotSupported) as caught:
        converge_client(site.licensing(machine_of(system)), TO_KMS, check_mode=False)
    facts = OPERATING_SYSTEMS[system]
    message = caught.value.message
    assert message.startswith(f"{machine_of(system).upper()} runs ")
    assert f"(SKU {facts.sku}, build {facts.build}), and " in message
    assert "Nothing was changed." in message
    assert caught.value.progress == {}
    assert site.state(machine_of(system)) == before


NO_VOLUME_KEY = "and an evaluation edition takes no volume key"
CONVERT = "Convert it first: DISM /Online /Set-Edition:<edition> /ProductKey:<key> /AcceptEula, then restart."
NONE_PUBLISHED = "and Microsoft publishes no client setup key for it"
OTHER_EDITION = "Use a volume edition such as Pro, Enterprise or Education, or another kind of key."


@pytest.mark.parametrize(
    ("system", "edition", "reason", "remedy"),
    [
        (
            "windows-server-2022-datacenter-eval",
            "Server Datacenter Evaluation (SKU 80, build 20348)",
            NO_VOLUME_KEY,
            CONVERT,
        ),
        (
            "windows-10-enterprise-ltsc-2021-eval",
            "Enterprise LTSB/LTSC Evaluation (SKU 129, build 19044)",
            NO_VOLUME_KEY,
            CONVERT,
        ),
        (
            "windows-11-home",
            "Home (SKU 101, build 22631)",
            f"{NONE_PUBLISHED} (Home/Starter/RT family: not a volume edition)",
            OTHER_EDITION,
        ),
        (
            "windows-11-enterprise-multi-session",
            "Enterprise multi-session / Enterprise for Virtual Desktops (SKU 175, build 22631)",
            f"{NONE_PUBLISHED} (multi-session: Azure Virtual Desktop only; no published GVLK)",
            OTHER_EDITION,
        ),
        (
            "azure-stack-hci",
            "Azure Stack HCI / Azure Local (SKU 406, build 20348)",
            f"{NONE_PUBLISHED} (subscription billed through Azure; no published GVLK)",
            OTHER_EDITION,
        ),
    ],
)
def test_a_refusal_says_why_and_what_to_do(
    site: InProcessLab, system: str, edition: str, reason: str, remedy: str
) -> None:
    with pytest.raises(NotSupported) as caught:
        converge_client(site.licensing(machine_of(system)), TO_KMS, check_mode=False)
    name = machine_of(system).upper()
    assert caught.value.message == f"{name} runs {edition}, {reason}. Nothing was changed. {remedy}"


@pytest.mark.parametrize("system", [*AZURE, *EVALUATIONS])
def test_what_can_never_be_a_kms_host_spends_no_activation(site: InProcessLab, system: str) -> None:
    before, spent = site.state(machine_of(system)), site.microsoft("KHWHT")
    with pytest.raises(NotSupported) as caught:
        converge_host(site.licensing(machine_of(system)), HOST, check_mode=False)
    assert "Nothing was changed." in caught.value.message
    assert site.state(machine_of(system)) == before
    assert site.microsoft("KHWHT") == spent


@pytest.mark.parametrize(("system", "build"), [(AZURE[0], 20348), (AZURE[1], 26100)])
def test_azure_edition_is_told_why_it_cannot_be_a_kms_host(site: InProcessLab, system: str, build: int) -> None:
    with pytest.raises(KmsError) as caught:
        converge_host(site.licensing(machine_of(system)), HOST, check_mode=False)
    assert caught.value.message == (
        f"{machine_of(system).upper()} runs Server Datacenter: Azure Edition (SKU 407, build {build}), which can never "
        "be a KMS host (Datacenter: Azure Edition can never be a KMS host). Nothing was changed. Give the KMS host key "
        "to a server, or to a volume edition such as Pro or Enterprise."
    )
