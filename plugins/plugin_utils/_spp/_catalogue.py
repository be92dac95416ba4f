# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published client setup keys (GVLK), and which edition of Windows takes which of them."""

from __future__ import annotations

import functools
import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.volact.kms.plugins.module_utils._errors import NotSupported

from ._keys import ProductKey
from ._office import suite_of
from ._rows import OperatingSystem, Product

_AZURE_EDITIONS = frozenset({407, 408, 409})


@dataclass(frozen=True, slots=True)
class Gvlk:
    """One published client setup key. Source: KMS client activation and product keys."""

    product: str
    edition: str
    key: ProductKey
    application_id: str
    suites: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the key is for, in Microsoft's words. The edition of an Office says its release itself."""
        return self.edition if self.suites else f"{self.product} {self.edition}"


@dataclass(frozen=True, slots=True)
class _Rule:
    skus: frozenset[int]
    first_build: int
    last_build: int | None
    server: bool
    gvlk: int

    def covers(self, system: OperatingSystem) -> bool:
        return (
            system.sku in self.skus
            and system.is_server == self.server
            and self.first_build <= system.build
            and (self.last_build is None or system.build <= self.last_build)
        )


@dataclass(frozen=True, slots=True)
class _Catalogue:
    gvlks: tuple[Gvlk, ...]
    rules: tuple[_Rule, ...]
    skus: t.Mapping[int, t.Mapping[str, t.Any]]


@functools.cache
def _catalogue() -> _Catalogue:
    data = json.loads((Path(__file__).parent / "data" / "gvlk_catalogue.json").read_text("utf-8"))
    return _Catalogue(
        gvlks=tuple(
            Gvlk(**{**row, "key": ProductKey(row["key"]), "suites": tuple(row["suites"])}) for row in data["gvlks"]
        ),
        rules=tuple(_Rule(**{**rule, "skus": frozenset(rule["skus"])}) for rule in data["rules"]),
        skus={int(sku): row for sku, row in data["skus"].items()},
    )


def gvlks() -> tuple[Gvlk, ...]:
    """All published client setup keys, the newest products first."""
    return _catalogue().gvlks


def published(key: ProductKey) -> Gvlk | None:
    """The catalogue's row of `key`, or None: then only the machine can tell what kind of key it is."""
    return next((gvlk for gvlk in _catalogue().gvlks if gvlk.key == key), None)


def published_by_last_five(last_five: str) -> Gvlk | None:
    """The client setup key that ends like an installed one; the endings of the published keys are unique."""
    return next((gvlk for gvlk in _catalogue().gvlks if gvlk.key.last_five == last_five.upper()), None)


def edition_name(system: OperatingSystem) -> str:
    """The edition in words, from its SKU number (a caption is localised), for example "Enterprise"."""
    row = _catalogue().skus.get(system.sku)
    return row["name"] if row else f"an edition with SKU number {system.sku}"


def why_no_volume_key(system: OperatingSystem) -> str | None:
    """Why Microsoft publishes no volume key for the machine's edition, for example of Home; None where it may."""
    row = _catalogue().skus.get(system.sku)
    return row["no_gvlk"] if row else None


def gvlk_for(system: OperatingSystem) -> Gvlk:
    """The client setup key of the machine's edition. Raises NotSupported, with the reason, where there is none."""
    refuse_evaluation(system)
    catalogue = _catalogue()
    for rule in catalogue.rules:
        if rule.covers(system):
            return catalogue.gvlks[rule.gvlk]
    row = catalogue.skus.get(system.sku)
    if row and row["no_gvlk"]:
        raise _no_key(
            system,
            f"Microsoft publishes no client setup key for it ({row['no_gvlk']})",
            "Use a volume edition such as Pro, Enterprise or Education, or another kind of key.",
        )
    raise _no_key(
        system,
        "the catalogue has no client setup key for it",
        "Check that the release is a volume edition, and whether a newer collection knows it.",
    )


def office_gvlk(product: Product, machine: str) -> Gvlk:
    """The client setup key of a product of Office, told by its licence. Raises NotSupported where there is none."""
    suite = suite_of(product)
    for gvlk in _catalogue().gvlks:
        if suite in gvlk.suites:
            return gvlk
    hint = "Give its client setup key as product_key, or leave this product out."
    raise NotSupported(
        f"{product.name} on {machine} is no volume product of Office that the catalogue has a client setup key for. "
        f"Nothing was changed. {hint}",
        operation="choose_key",
        target=product.name,
        hint=hint,
    )


def refuse_evaluation(system: OperatingSystem) -> None:
    """Raise NotSupported for an evaluation edition: no volume key fits it, and converting it is a person's decision."""
    row = _catalogue().skus.get(system.sku)
    if row and row["evaluation"]:
        raise _no_key(
            system,
            "an evaluation edition takes no volume key",
            "Convert it first: DISM /Online /Set-Edition:<edition> /ProductKey:<key> /AcceptEula, then restart.",
        )


def is_azure_edition(system: OperatingSystem) -> bool:
    """Whether it is Datacenter: Azure Edition, which can never be a KMS host. Source: kms-activation-planning."""
    return system.sku in _AZURE_EDITIONS


def _no_key(system: OperatingSystem, reason: str, hint: str) -> NotSupported:
    return NotSupported(
        f"{system.computer_name} runs {edition_name(system)} (SKU {system.sku}, build {system.build}), and {reason}. "
        f"Nothing was changed. {hint}",
        operation="choose_key",
        target=system.computer_name,
        hint=hint,
    )


# Read once, before Ansible forks: each worker would read it again.
_catalogue()
