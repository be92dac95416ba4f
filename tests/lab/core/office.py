# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulated site knows about Office: products, their licence rows, and which class family serves them.

Source: products_text.yaml, office_name and office_family; gvlk.yaml; cim_classes.yaml, only_on.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass

from .catalogue import DATA, KMS_CLIENT, OFFICE_HOST, OFFICE_MAK, RETAIL, OperatingSystem, row_id
from .dialect import Dialect
from .licence import LicenceRow

#: The count at which an Office activates. Source: kms_rules.yaml, thresholds.
OFFICE_THRESHOLD = 5

#: OfficeSoftwareProtectionService.Version: made up after the build of Office 2010.
OFFICE_SERVICE_VERSION = "14.0.370.400"

#: How a site file names an Office KMS host in `for` of a key.
HOST_PREFIX = "office-"

_CHANNELS = {"gvlk": KMS_CLIENT, "mak": OFFICE_MAK, "retail": RETAIL}


@dataclass(frozen=True, slots=True)
class OfficeHost:
    """The licence row that an Office volume licence pack adds to a KMS host."""

    name: str
    description: str
    family: str
    id: str


@dataclass(frozen=True, slots=True)
class OfficeRelease:
    """One release of Office. `label` begins the names of its rows."""

    year: str
    label: str
    application_id: str
    host: OfficeHost


@dataclass(frozen=True, slots=True)
class OfficeProduct:
    """One product of a release. `gvlk` is the SHA-256 of its key; `rows` are form -> (family, Id or "")."""

    name: str
    release: OfficeRelease
    gvlk: str
    rows: dict[str, tuple[str, str]]

    def is_ospp(self, system: OperatingSystem) -> bool:
        """Whether OfficeSoftwareProtection* serves it: 2010 everywhere, later ones on Windows 7 and 2008 R2 only.

        Source: DESIGN, "Facts about Windows"; cim_classes.yaml, OfficeSoftwareProtectionProduct, only_on.
        """
        return self.release.year == "2010" or system.is_windows_7


@functools.cache
def _table() -> tuple[dict[str, OfficeRelease], dict[str, OfficeProduct]]:
    releases: dict[str, OfficeRelease] = {}
    products: dict[str, OfficeProduct] = {}
    for year, entry in json.loads((DATA / "office.json").read_text(encoding="utf-8")).items():
        release = OfficeRelease(year, entry["label"], entry["application_id"], OfficeHost(**entry["host"]))
        releases[year] = release
        for name, facts in entry["products"].items():
            rows = {form: (family, number) for form, (family, number) in facts["rows"].items()}
            products[name] = OfficeProduct(name, release, facts["gvlk"], rows)
    return releases, products


def office_releases() -> dict[str, OfficeRelease]:
    """Year -> release."""
    return _table()[0]


def office_products() -> dict[str, OfficeProduct]:
    """Name, such as ProPlus2021 -> product."""
    return _table()[1]


@functools.cache
def _by_gvlk() -> dict[str, OfficeProduct]:
    return {product.gvlk: product for product in office_products().values()}


def office_of_gvlk(sha256: str) -> OfficeProduct | None:
    """The Office that a published key is for, None for any other key."""
    return _by_gvlk().get(sha256)


def office_row(product: OfficeProduct, form: str, system: OperatingSystem, dialect: Dialect) -> LicenceRow:
    """The licence row of a product for "gvlk", "mak" or "retail", without a key."""
    family, number = product.rows[form]
    label = product.release.label
    if dialect.office_mak_ae2:
        family = family.replace("_AE1", "_AE2")
    if product.release.year == "2010" and dialect.office_2010_long_names:
        label = product.release.host.name
        family = family.replace("-KMS_Client", "VL_KMS_Client").replace("-MAK", "VL_MAK")
    return LicenceRow(
        number if family == product.rows[form][0] and number else row_id("office", product.release.year, family),
        f"{label}, {family} edition",
        _CHANNELS[form],
        f"{label}, {_CHANNELS[form]} channel",
        family,
        reason=dialect.reason_no_key,
        application_id=product.release.application_id,
        office=product.name,
        office_release=product.release.year,
        is_ospp=product.is_ospp(system),
    )


def office_host_row(release: OfficeRelease, dialect: Dialect) -> LicenceRow:
    """The row of an Office KMS host: always of the SoftwareLicensing classes."""
    host = release.host
    return LicenceRow(
        host.id or row_id("office", release.year, host.family),
        f"{host.name}, {host.family} edition",
        OFFICE_HOST,
        f"{host.description}, {OFFICE_HOST} channel",
        host.family,
        reason=dialect.reason_no_key,
        application_id=release.application_id,
        office_release=release.year,
    )
