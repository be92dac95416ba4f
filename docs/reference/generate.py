# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turn the sourced facts beside this file into the JSON that the collection loads (JSON loads in 1 ms, YAML in 265).

Run `python docs/reference/generate.py` after a fact changed; `--check` only says whether the JSON is up to date.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "plugins" / "plugin_utils" / "_spp" / "data"


def gvlk_catalogue(keys: dict[str, Any], editions: dict[str, Any]) -> dict[str, Any]:
    """Published client setup keys, which edition needs which of them, and what every SKU number means."""
    gvlks = [
        {
            "product": row["product"],
            "edition": row["edition"],
            "key": row["key"],
            "application_id": row["application_id"],
            "suites": office_suites(row, keys["office_families"]),
        }
        for row in keys["keys"]
    ]
    index = {(row["product"], row["edition"]): number for number, row in enumerate(gvlks)}
    rules = [
        {
            "skus": rule["skus"],
            "first_build": rule["build"][0],
            "last_build": rule["build"][1],
            "server": rule["product_type"] == "server",
            "gvlk": index[rule["product"], rule["edition"]],
        }
        for rule in editions["gvlk_rules"]
    ]
    skus = {
        str(row["sku"]): {
            "name": row["name"],
            "edition_id": row.get("edition_id"),
            "evaluation": bool(row.get("evaluation")),
            "no_gvlk": row.get("no_gvlk"),
        }
        for row in editions["skus"]
    }
    return {"gvlks": gvlks, "rules": rules, "skus": skus}


def office_suites(row: dict[str, Any], families: dict[str, Any]) -> list[str]:
    """What of a LicenseFamily tells that it is of this product of Office: release/product, in lower case.

    Raises LookupError for a product of Office that no family is of.
    """
    release = families["releases"].get(row["product"])
    if release is None:
        return []
    named = " ".join(word for word in row["edition"].split() if word not in ("Office", "LTSC", release))
    stems = [stem for stem, product in families["products"].items() if product == named]
    if not stems:
        raise LookupError(f"no family of Office is of {row['product']}, {row['edition']}")
    return [f"{release}/{stem}".lower() for stem in stems]


def hresults(errors: dict[str, Any]) -> dict[str, Any]:
    """Every documented code with its symbol and, where published, meaning, cause and remedy."""
    table: dict[str, Any] = {}
    for section in ("wsman", "wbem", "software_licensing", "generic"):
        for row in errors[section]:
            entry = {"name": row.get("symbol")}
            entry.update({field: row[field] for field in ("meaning", "cause", "remedy") if row.get(field)})
            table[f"0x{row['value']:08X}"] = entry
    return dict(sorted(table.items()))


def host_matrix(facts: dict[str, Any]) -> dict[str, Any]:
    """Which Windows can be KMS host for what, and with which update; newest first, as a reader looks for it."""
    systems = [
        {
            "name": row["name"],
            "server": kind == "server",
            "first_build": row["first_build"],
            "generation": row["generation"],
            "hosts_windows": row.get("hosts_windows", True),
        }
        for kind in ("server", "client")
        for row in reversed(facts["systems"][kind])
    ]
    windows = [
        {"name": row["name"], "generation": row["generation"], "server": row.get("server", False)}
        for row in (*systems, *facts["also_served"])
    ]
    updates = [
        {
            "host": row["host"],
            "generations": row["generations"],
            "kbs": row["kbs"],
            "or_later": row["or_later"],
            "build": row.get("build"),
            "revision": row.get("revision"),
            "only": row.get("only"),
        }
        for row in facts["updates"]["rows"]
    ]
    office = [
        {
            "name": row["name"],
            "server": row["server"],
            "client": row["client"],
            "documented_to": row.get("documented_to"),
            "update_generation": row.get("updates", {}).get("generation"),
            "kbs": row.get("updates", {}).get("kbs", []),
        }
        for row in facts["office"]
    ]
    return {"systems": systems, "windows": windows, "updates": updates, "office": office}


def render(document: dict[str, Any]) -> str:
    """Stable text: one line a row would hide nothing in a diff, and two runs write the same bytes."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def documents() -> dict[Path, str]:
    """Every generated file with its text."""
    facts = {
        name: yaml.safe_load((HERE / f"{name}.yaml").read_text("utf-8"))
        for name in ("gvlk", "editions", "errors", "host_matrix")
    }
    return {
        DATA / "gvlk_catalogue.json": render(gvlk_catalogue(facts["gvlk"], facts["editions"])),
        DATA / "host_matrix.json": render(host_matrix(facts["host_matrix"])),
        DATA / "hresults.json": render(hresults(facts["errors"])),
    }


def main() -> int:
    """Write the files, or with --check compare them; the exit status is 1 when one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when a file is stale")
    check = parser.parse_args().check
    stale = [path for path, text in documents().items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{'stale' if check else 'written'}: {path.relative_to(HERE.parents[1])}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(documents()[path], "utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    raise SystemExit(main())
