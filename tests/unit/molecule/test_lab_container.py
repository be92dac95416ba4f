# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One machine of the lab in a container of its own: what it knows, and how it asks the activation service."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from pathlib import Path

import pytest

from lab.core import Site
from lab.core.example_company import CSVLK, company
from lab.core.product_key import mark_key
from lab.core.rehearsal import Rehearsal, RehearsedFault
from lab.effects import AskMicrosoft, Effect, Failure, MicrosoftAnswer, Outcome
from lab.shell import container
from lab.shell.errors import UsageError
from lab.shell.site_file import SiteFile, read_site_file

ADDRESSES = {"kms01": "198.19.129.11", "win001": "198.19.129.12", "srv01": "198.19.129.13"}
HOST_KEY_LIMIT = 0xC004C008
NO_NAME = 0x80072EE7


@pytest.fixture
def site() -> SiteFile:
    return read_site_file(Path(container.__file__).parents[1] / "sites" / "small.yml")


@pytest.fixture
def network() -> container.Network:
    return container.Network(ADDRESSES, "127.0.0.1", "127.0.0.1", bytes(32))


def test_a_network_file_is_read_as_it_was_written(tmp_path: Path, network: container.Network) -> None:
    file = tmp_path / "network.json"
    file.write_text(network.as_json(), encoding="utf-8")
    assert container.Network.read(file) == network


@pytest.mark.parametrize("text", ["", "[]", '{"addresses": {}}'])
def test_a_wrong_network_file_is_one_sentence_with_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "network.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"The network file .*network\.json cannot be read"):
        container.Network.read(file)


def test_a_machine_knows_of_no_other_but_of_all_keys(site: SiteFile) -> None:
    alone = container.only(site, "srv01")
    assert [machine.name for machine in alone.spec.machines] == ["srv01"]
    assert alone.spec.keys == site.spec.keys


def test_a_machine_that_is_not_in_the_site_file_is_said_with_those_that_are(site: SiteFile) -> None:
    with pytest.raises(UsageError, match="no machine 'srv09'; it has kms01, win001, srv01"):
        container.only(site, "srv09")


def test_machines_do_not_all_make_the_same_choices(network: container.Network) -> None:
    seeds = {container.OneMachine(name, network, "labadmin", None).seed for name in ADDRESSES}
    assert len(seeds) == len(ADDRESSES)


def alone(answer: Outcome) -> tuple[Rehearsal, list[AskMicrosoft]]:
    """A site whose activation service is elsewhere, and answers so; what it was asked."""
    spec = company().site.spec
    addresses = {machine.name: f"127.9.0.{number}" for number, machine in enumerate(spec.machines, 1)}
    now = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)
    asked: list[AskMicrosoft] = []

    class Elsewhere(Rehearsal):
        def _perform(self, effect: Effect) -> Outcome:
            if isinstance(effect, AskMicrosoft):
                asked.append(effect)
                return answer
            return super()._perform(effect)

    site = Site(spec, addresses=addresses, kms_secret=b"lab", now=lambda: now, microsoft_elsewhere=True)
    return Elsewhere(site), asked


def test_an_activation_service_elsewhere_is_asked_by_the_digest_of_the_key() -> None:
    rehearsal, asked = alone(MicrosoftAnswer(0))
    rehearsal.install_key("kms01", CSVLK)
    rehearsal.activate("kms01")
    mark = mark_key(CSVLK)
    assert mark is not None
    assert asked == [AskMicrosoft(mark.sha256, "kms01")]
    (licence,) = rehearsal.site.state()["machines"]["kms01"]["products"]  # type: ignore[index]
    assert licence["license_status"] == 1
    # Nothing was counted here: the one count is elsewhere.
    assert rehearsal.site.state()["microsoft"]["requests"] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("answer", "code"), [(MicrosoftAnswer(HOST_KEY_LIMIT), HOST_KEY_LIMIT), (Failure(NO_NAME), None)]
)
def test_its_refusal_and_its_silence_are_the_machines(answer: Outcome, code: int | None) -> None:
    rehearsal, _asked = alone(answer)
    rehearsal.install_key("kms01", CSVLK)
    with pytest.raises(RehearsedFault) as fault:
        rehearsal.activate("kms01")
    assert fault.value.code == (code or rehearsal.site.machines["kms01"].dialect.no_internet)


def test_without_an_answer_the_machine_has_no_internet(network: container.Network) -> None:
    # Nothing listens on loopback at the service's port.
    machine = container.OneMachine("kms01", network, "labadmin", None)
    outcome = asyncio.run(machine.ask_microsoft(AskMicrosoft("00", "kms01"), company().site))
    assert outcome == Failure(container.SERVICE_UNREACHABLE)


def test_the_service_counts_for_all_machines(site: SiteFile, tmp_path: Path, network: container.Network) -> None:
    from lab.shell.state_folder import StateFolder

    service = container.MicrosoftLab(site, StateFolder(tmp_path), network)
    key = next(key for key in site.spec.keys if key.kind == "kms_host").mark.sha256

    async def ask_twice() -> list[Outcome]:
        await service.start()
        try:
            return [
                await container.OneMachine(name, network, "labadmin", None).ask_microsoft(
                    AskMicrosoft(key, name), company().site
                )
                for name in ("kms01", "srv01")
            ]
        finally:
            await service.stop()

    assert asyncio.run(ask_twice()) == [MicrosoftAnswer(0), MicrosoftAnswer(0)]
    used = service._site.state()["microsoft"]["keys"]  # type: ignore[index]
    assert [(each["hosts_used"], each["activations_used"]) for each in used if each["kind"] == "kms_host"] == [(2, 2)]
