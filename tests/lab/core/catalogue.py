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
KMS_HOST_PREFIX = "VOLUME_KMS_"

#: Ids of rows are made from names, so that a site looks the same in every run.
_ROWS = uuid.UUID("6a1a2f38-9c0e-5b55-8a3c-3f6b1a0c7d11")

_LANGUAGES = {"en-US": 1033, "de-DE": 1031, "ja-JP": 1041}


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
    revision: int = 1
    evaluation: bool = False

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


def _server(
    name: str, caption: str, edition: str, sku: int, build: int, generation: int, channel: str
) -> OperatingSystem:
    return OperatingSystem(name, caption, edition, sku, build, 3, generation, channel)


def _client(
    name: str, caption: str, edition: str, sku: int, build: int, generation: int, channel: str
) -> OperatingSystem:
    return OperatingSystem(name, caption, edition, sku, build, 1, generation, channel)


_ALL = (
    _client("windows-7-enterprise", "Microsoft Windows 7 Enterprise ", "Enterprise", 4, 7601, 7, "VOLUME_KMS_W7"),
    _client("windows-10-enterprise", "Microsoft Windows 10 Enterprise", "Enterprise", 4, 19045, 16, "VOLUME_KMS_W10"),
    _client("windows-10-pro", "Microsoft Windows 10 Pro", "Professional", 48, 19045, 16, "VOLUME_KMS_W10"),
    _client("windows-11-enterprise", "Microsoft Windows 11 Enterprise", "Enterprise", 4, 22631, 22, "VOLUME_KMS_W10"),
    _client("windows-11-pro", "Microsoft Windows 11 Pro", "Professional", 48, 22631, 22, "VOLUME_KMS_W10"),
    _client("windows-11-education", "Microsoft Windows 11 Education", "Education", 121, 22631, 22, "VOLUME_KMS_W10"),
    _client("windows-11-home", "Microsoft Windows 11 Home", "Core", 101, 22631, 22, "VOLUME_KMS_W10"),
    _client(
        "windows-11-enterprise-ltsc-2024",
        "Microsoft Windows 11 Enterprise LTSC",
        "EnterpriseS",
        125,
        26100,
        25,
        "VOLUME_KMS_W10",
    ),
    _server(
        "windows-server-2008-r2-standard",
        "Microsoft Windows Server 2008 R2 Standard ",
        "ServerStandard",
        7,
        7601,
        7,
        "VOLUME_KMS_R2_B",
    ),
    _server(
        "windows-server-2012-r2-standard",
        "Microsoft Windows Server 2012 R2 Standard",
        "ServerStandard",
        7,
        9600,
        13,
        "VOLUME_KMS_2012-R2_WIN10",
    ),
    _server(
        "windows-server-2016-standard",
        "Microsoft Windows Server 2016 Standard",
        "ServerStandard",
        7,
        14393,
        16,
        "VOLUME_KMS_WS16",
    ),
    _server(
        "windows-server-2016-datacenter",
        "Microsoft Windows Server 2016 Datacenter",
        "ServerDatacenter",
        8,
        14393,
        16,
        "VOLUME_KMS_WS16",
    ),
    _server(
        "windows-server-2019-standard",
        "Microsoft Windows Server 2019 Standard",
        "ServerStandard",
        7,
        17763,
        19,
        "VOLUME_KMS_WS19",
    ),
    _server(
        "windows-server-2019-datacenter",
        "Microsoft Windows Server 2019 Datacenter",
        "ServerDatacenter",
        8,
        17763,
        19,
        "VOLUME_KMS_WS19",
    ),
    _server(
        "windows-server-2022-standard",
        "Microsoft Windows Server 2022 Standard",
        "ServerStandard",
        7,
        20348,
        22,
        "VOLUME_KMS_WS22",
    ),
    _server(
        "windows-server-2022-datacenter",
        "Microsoft Windows Server 2022 Datacenter",
        "ServerDatacenter",
        8,
        20348,
        22,
        "VOLUME_KMS_WS22",
    ),
    OperatingSystem(
        "windows-server-2022-datacenter-eval",
        "Microsoft Windows Server 2022 Datacenter Evaluation",
        "ServerDatacenterEval",
        80,
        20348,
        3,
        22,
        "VOLUME_KMS_WS22",
        evaluation=True,
    ),
    _server(
        "windows-server-2025-standard",
        "Microsoft Windows Server 2025 Standard",
        "ServerStandard",
        7,
        26100,
        25,
        "VOLUME_KMS_WS25",
    ),
    _server(
        "windows-server-2025-datacenter",
        "Microsoft Windows Server 2025 Datacenter",
        "ServerDatacenter",
        8,
        26100,
        25,
        "VOLUME_KMS_WS25",
    ),
)

OPERATING_SYSTEMS: dict[str, OperatingSystem] = {system.name: system for system in _ALL}

#: What a host key of a channel activates up to; a channel not named here serves up to its own operating systems.
_CHANNEL_GENERATION = {
    "VOLUME_KMS_W7": 7,
    "VOLUME_KMS_R2_B": 7,
    "VOLUME_KMS_R2_C": 7,
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
