# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published client setup keys for tests, from the catalogue of facts: no other file spells one out."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml

CATALOGUE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "gvlk.yaml"


@functools.cache
def published_key(product: str, edition: str) -> str:
    """The key that Microsoft publishes for an edition; both names as the catalogue has them."""
    rows = yaml.safe_load(CATALOGUE.read_text("utf-8"))["keys"]
    (key,) = [row["key"] for row in rows if (row["product"], row["edition"]) == (product, edition)]
    return str(key)
