# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulated site knows about Windows: the operating systems, their licence rows and the published keys."""

from __future__ import annotations

import functools
import json
import pathlib
import uuid
from dataclasses import dataclass

DATA = pathlib.Path(__file__).resolve().parents[1] / "data"

WINDOWS_APPLICATION_ID = "55c92734-d682-4d71-983e-d6ec3f16059f"

KMS_CLIENT = "VOLUME_KMSCLIENT"
MAK = "VOLUME_MAK"
RETAIL = "RETAIL"
EVALUATION = "TIMEBASED_EVAL"
OEM = "OEM_DM"
SUBSCRIPTION = "TIMEBASED_SUB"
AVMA = "VIRTUAL_MACHINE_ACTIVATION"
KMS_HOST_PREFIX = "VOLUME_KMS_"

#: Channels of Office: a MAK says RETAIL, and a host key names no release. Source: products_text.yaml, office.
OFFICE_MAK = "RETAIL(MAK)"
OFFICE_HOST = "VOLUME_KMS"

#: SKUs that can never be a KMS host. Source: gvlk.yaml and kms_rules.yaml, "Datacenter: Azure Edition".
NEVER_HOSTS = frozenset({407, 408, 409})

#: Ids of rows are made from names, so that a site looks the same in every run.
_ROWS = uuid.UUID("6a1a2f38-9c0e-5b55-8a3c-3f6b1a0c7d11")

_LANGUAGES = {"en-US": 1033, "de-DE": 1031, "ja-JP": 1041, "fr-FR": 1036, "ru-RU": 1049}


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """One Windows edition and release.

    `generation` orders releases for "a KMS host key activates up to": a host key of generation 22 (VOLUME_KMS_WS22)
    serves generation 22 and older. Source: kms-activation-planning, "KMS host keys".
    """

    name: str
    caption: str
    edition_id: str
    sku: int
    build: int
    product_type: int
    generation: int
    host_channel: str
    evaluation: bool = False
    revision: int = 1

    @property
    def is_server(self) -> bool:
        """True for ProductType 2 and 3."""
        return self.product_type != 1

    @property
    def is_windows_7(self) -> bool:
        """True for the 6.1 family (Windows 7, Server 2008 R2): older classes, 30 days of initial grace."""
        return self.build < 9200

    @property
    def version(self) -> str:
        """Win32_OperatingSystem.Version."""
        family = {7601: "6.1", 9200: "6.2", 9600: "6.3"}.get(self.build, "10.0")
        return f"{family}.{self.build}"

    @property
    def threshold(self) -> int:
        """The count at which this Windows activates. Source: kms-activation-planning, "Activation threshold"."""
        return 5 if self.is_server else 25

    @property
    def product_name(self) -> str:
        """SoftwareLicensingProduct.Name, the same for every channel and language."""
        if not self.is_windows_7:
            return f"Windows(R), {self.edition_id} edition"
        return f"{'Windows Server(R)' if self.is_server else 'Windows(R) 7'}, {self.edition_id} edition"

    def description(self, channel: str) -> str:
        """SoftwareLicensingProduct.Description, which tells the channel."""
        if not self.is_windows_7:
            return f"Windows(R) Operating System, {channel} channel"
        family = "Windows Server(R)" if self.is_server else "Windows(R) 7"
        return f"Windows Operating System - {family}, {channel} channel"

    def activation_id(self, channel: str) -> str:
        """The Id of this edition's licence row in a channel."""
        return str(uuid.uuid5(_ROWS, f"{self.name}/{channel}"))


def _operating_systems() -> dict[str, OperatingSystem]:
    table = json.loads((DATA / "operating_systems.json").read_text(encoding="utf-8"))
    return {name: OperatingSystem(name, **facts) for name, facts in table.items()}


#: Every Windows of the lab by name, such as windows-10-education-n or windows-server-2019-datacenter.
OPERATING_SYSTEMS: dict[str, OperatingSystem] = _operating_systems()

#: What a host key of a channel activates up to; a channel not named here serves up to its own operating systems.
_CHANNEL_GENERATION = {
    "VOLUME_KMS_W7": 7,
    "VOLUME_KMS_R2_B": 7,
    "VOLUME_KMS_R2_C": 7,
    "VOLUME_KMS_W8": 12,
    "VOLUME_KMS_WS12": 12,
    "VOLUME_KMS_W8.1": 13,
    "VOLUME_KMS_2012-R2": 13,
    "VOLUME_KMS_2012-R2_WIN10": 16,
    "VOLUME_KMS_W10": 22,
    "VOLUME_KMS_WS16": 16,
    "VOLUME_KMS_WS19": 19,
    "VOLUME_KMS_WS22": 22,
    "VOLUME_KMS_WS25": 25,
}


def channel_generation(channel: str, fallback: int) -> int:
    """The newest generation that a host key of `channel` activates."""
    return _CHANNEL_GENERATION.get(channel, fallback)


def languages() -> dict[str, int]:
    """Display languages the lab speaks -> Windows LCID."""
    return dict(_LANGUAGES)


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A GVLK, known by its SHA-256 only; `fits` are (SKUs, first build, last build or None, is a server)."""

    product: str
    edition: str
    last_five: str
    fits: tuple[tuple[frozenset[int], int, int | None, bool], ...]

    def fits_system(self, system: OperatingSystem) -> bool:
        """Whether Windows has a licence row for this key. An evaluation has none. Source: editions.yaml, gvlk_rules."""
        return not system.evaluation and any(
            system.sku in skus
            and first <= system.build
            and (last is None or system.build <= last)
            and server == system.is_server
            for skus, first, last, server in self.fits
        )


@functools.cache
def published_keys() -> dict[str, PublishedKey]:
    """SHA-256 of a GVLK -> what it is for."""
    table = json.loads((DATA / "gvlk.json").read_text(encoding="utf-8"))
    return {
        digest: PublishedKey(
            entry["product"],
            entry["edition"],
            entry["last_five"],
            tuple(
                (frozenset(fit["skus"]), fit["build"][0], fit["build"][1], fit["product_type"] == "server")
                for fit in entry["fits"]
            ),
        )
        for digest, entry in table.items()
    }


@functools.cache
def published_key_of(system: OperatingSystem) -> tuple[str, PublishedKey] | None:
    """The SHA-256 and facts of the GVLK of an edition, None when Microsoft publishes none."""
    return next(((digest, key) for digest, key in published_keys().items() if key.fits_system(system)), None)


def channels_of(system: OperatingSystem) -> tuple[str, ...]:
    """The channels an edition has licence rows for, host keys aside: only volume editions have volume rows."""
    if system.evaluation:
        return (EVALUATION,)
    if published_key_of(system) is None:
        return (RETAIL,)
    return (KMS_CLIENT, MAK, RETAIL)


def row_id(*parts: str) -> str:
    """An activation Id for a row that is made up from its names."""
    return str(uuid.uuid5(_ROWS, "/".join(parts)))
