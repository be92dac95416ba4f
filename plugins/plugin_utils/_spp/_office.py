# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which product of Office a licence is of: its client setup key and its MAK are licences of different names."""

from __future__ import annotations

import re

from ._codes import OFFICE_2010_APPLICATION
from ._rows import Product

_RELEASES = {"14": "2010", "15": "2013", "16": "2016", "19": "2019", "21": "2021", "24": "2024"}

_FAMILY_IN_NAME = re.compile(r", (?P<family>\S+) edition")
# Before "_" stand the first letters of the channel ("VL_KMS_Client", "R_Retail"), before "-" they may not.
_FAMILY = re.compile(
    r"(?:office)?(?P<number>1[4569]|2[14])?(?P<stem>[a-z0-9]+?)(?P<year>20\d\d)?(?:(?:vl|r)_|(?:vl)?-)", re.IGNORECASE
)
_LABEL = re.compile(r"Office (?P<number>\d+),")


def suite_of(product: Product) -> str | None:
    """The product of Office as release/product, for example "2021/visiopro"; None for what is no product of Office.

    Source: products_text.yaml, pattern office_family: Office21VisioPro2021VL_KMS_Client_AE. Office 2013 has no number
    in it. What Office 2010 calls its clients was not seen: its application ID tells the release, and "VL_" and "-"
    are both taken for the end of the product's name.
    """
    if not product.is_office:
        return None
    named = _FAMILY_IN_NAME.search(product.name)
    family = product.license_family or (named["family"] if named else "")
    found = _FAMILY.match(family)
    if found is None:
        return None
    label = _LABEL.search(product.name)
    number = found["number"] or (label["number"] if label else "")
    release = found["year"] or _RELEASES.get(number, "2013")
    if product.application_id == OFFICE_2010_APPLICATION:
        release = "2010"
    return f"{release}/{found['stem'].lower()}"


def release_of(product: Product) -> str | None:
    """The release of Office that a licence of a KMS host is of, for example "2021"; None where it doesn't tell.

    The name of a client's licence says more (see suite_of). Source: products_text.yaml, "... VL_KMS_Host edition"
    """
    if product.application_id == OFFICE_2010_APPLICATION:
        return "2010"
    label = _LABEL.search(product.name) or _LABEL.search(product.description)
    return _RELEASES.get(label["number"]) if label else None
