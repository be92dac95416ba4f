# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the lab's own tables from the reference: `python tests/lab/data/generate.py` (needs PyYAML, at this time only).

`releases.yaml` and `office.yaml` beside this file say which editions of which release the lab has; their facts are the
reference's.

The lab must not share a misunderstanding with the collection it tests, so it knows a GVLK by its SHA-256 and reads
the classes from its own table.
"""

from __future__ import annotations

import hashlib
import json
import pathlib
import typing as t

import yaml

HERE = pathlib.Path(__file__).resolve().parent
REFERENCE = HERE.parents[2] / "docs" / "reference"

#: Classes the lab simulates. Others are invalid classes there.
CLASSES = (
    "SoftwareLicensingService",
    "SoftwareLicensingProduct",
    "SoftwareLicensingTokenActivationLicense",
    "OfficeSoftwareProtectionService",
    "OfficeSoftwareProtectionProduct",
    "OfficeSoftwareProtectionTokenActivationLicense",
    "Win32_OperatingSystem",
    "Win32_Service",
    "MSFT_NetFirewallRule",
    "StdRegProv",
    "Win32_NTLogEvent",
)

#: Members that real instances have and the reference leaves out, because the product does not use them.
MORE_PROPERTIES: dict[str, dict[str, str]] = {
    "Win32_OperatingSystem": {
        "Name": "string",
        "CSCreationClassName": "string",
        "CreationClassName": "string",
        "Manufacturer": "string",
        "Organization": "string",
        "RegisteredUser": "string",
        "SerialNumber": "string",
        "InstallDate": "datetime",
        "CSDVersion": "string",
        "CountryCode": "string",
        "Locale": "string",
        "CodeSet": "string",
        "NumberOfUsers": "uint32",
        "FreePhysicalMemory": "uint64",
        "TotalVisibleMemorySize": "uint64",
        "Primary": "boolean",
        "Status": "string",
        "SystemDirectory": "string",
        "WindowsDirectory": "string",
        "ServicePackMinorVersion": "uint16",
    },
    "Win32_Service": {
        "Caption": "string",
        "CreationClassName": "string",
        "Description": "string",
        "ServiceType": "string",
        "Status": "string",
        "SystemName": "string",
        "AcceptPause": "boolean",
    },
}

#: The keys of CIM_FilterEntryBase. Source: small_facts.yaml, firewall_address_filter.
FILTER_KEYS = ("CreationClassName", "Name", "SystemCreationClassName", "SystemName")
FILTER = {**dict.fromkeys(FILTER_KEYS, "string"), "InstanceID": "string", "IsNegated": "boolean", "Status": "string"}

#: Classes of which the reference has no entry, or not the keys: namespace, keys, properties.
OWN_CLASSES: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "Win32_ComputerSystem": (
        "root/cimv2",
        ("Name",),
        {
            "Name": "string",
            "DNSHostName": "string",
            "Domain": "string",
            "DomainRole": "uint16",
            "PartOfDomain": "boolean",
            "Manufacturer": "string",
            "Model": "string",
            "Caption": "string",
        },
    ),
    # Source: learn.microsoft.com, Win32_QuickFixEngineering.
    "Win32_QuickFixEngineering": (
        "root/cimv2",
        ("CSName", "HotFixID", "ServicePackInEffect"),
        {
            "CSName": "string",
            "HotFixID": "string",
            "ServicePackInEffect": "string",
            "Caption": "string",
            "Description": "string",
            "FixComments": "string",
            "InstallDate": "datetime",
            "InstalledBy": "string",
            "InstalledOn": "string",
            "Name": "string",
            "Status": "string",
        },
    ),
    # Source: small_facts.yaml, firewall_address_filter; cim_classes.yaml, MSFT_NetProtocolPortFilter.
    "MSFT_NetAddressFilter": (
        "root/StandardCimv2",
        FILTER_KEYS,
        {**FILTER, "LocalAddress": "string[]", "RemoteAddress": "string[]"},
    ),
    "MSFT_NetProtocolPortFilter": (
        "root/StandardCimv2",
        FILTER_KEYS,
        {
            **FILTER,
            "Protocol": "string",
            "LocalPort": "string[]",
            "RemotePort": "string[]",
            "IcmpType": "string[]",
            "DynamicTransport": "uint32",
        },
    ),
}


def since_of(member: dict[str, t.Any]) -> str:
    """The range of Windows versions with a member: "", "6.2" (8/2012 on), "6.1 only" or "25398" (23H2 on)."""
    text = str(member.get("since", ""))
    if text.startswith("Windows 8"):
        return "6.2"
    if text.startswith("Windows 7 only"):
        return "6.1 only"
    if text.startswith("23H2"):
        return "25398"
    if text:
        raise ValueError(f"The reference has a `since` the lab does not know: {text!r}.")
    return ""


def gvlk_table() -> dict[str, t.Any]:
    """SHA-256 of every published GVLK -> product, edition, last five, and the editions it installs on."""
    keys = yaml.safe_load((REFERENCE / "gvlk.yaml").read_text(encoding="utf-8"))["keys"]
    rules = yaml.safe_load((REFERENCE / "editions.yaml").read_text(encoding="utf-8"))["gvlk_rules"]
    table = {}
    for entry in keys:
        fits = [
            {"skus": rule["skus"], "build": rule["build"], "product_type": rule["product_type"]}
            for rule in rules
            if (rule["product"], rule["edition"]) == (entry["product"], entry["edition"])
        ]
        table[hashlib.sha256(entry["key"].encode("ascii")).hexdigest()] = {
            "product": entry["product"],
            "edition": entry["edition"],
            "last_five": entry["key"][-5:],
            "fits": fits,
        }
    return dict(sorted(table.items()))


def office_table() -> dict[str, t.Any]:
    """Office: releases with their host row, and products (ProPlus2021) with the SHA-256 of their GVLK and their rows.

    A row is (family, activation Id or "" where no source prints one).
    """
    document = yaml.safe_load((HERE / "office.yaml").read_text(encoding="utf-8"))
    gvlk: dict[str, dict[str, str]] = {}
    for digest, entry in gvlk_table().items():
        gvlk.setdefault(entry["product"], {})[plain_edition(entry["edition"])] = digest
    table: dict[str, t.Any] = {}
    for year, release in document["releases"].items():
        ids, host = release["ids"], release["host"]
        products = {}
        for product, edition in document["products"].items():
            if edition in gvlk[release["gvlk"]]:
                families = {form: name.format(product=product) for form, name in release["families"].items()}
                rows = {form: [family, ids.get(family, "")] for form, family in families.items()}
                products[f"{product}{year}"] = {"gvlk": gvlk[release["gvlk"]].pop(edition), "rows": rows}
        if gvlk[release["gvlk"]]:
            raise ValueError(f"office.yaml lacks products of {release['gvlk']}: {sorted(gvlk[release['gvlk']])}.")
        table[year] = {
            "label": release["label"],
            "application_id": release["application_id"],
            "host": {**host, "id": ids.get(host["family"], "")},
            "products": products,
        }
    return table


def plain_edition(edition: str) -> str:
    """The edition of an Office without its brand and year: Visio LTSC Standard 2021 is Visio Standard."""
    return " ".join(word for word in edition.split() if word not in ("Office", "LTSC") and not word.isdigit())


def class_table() -> dict[str, t.Any]:
    """Class name -> namespace, keys, properties and methods with types.

    `verified` are the members that a source confirms, where the rest of a class is derived; null: all of them.
    """
    document = yaml.safe_load((REFERENCE / "cim_classes.yaml").read_text(encoding="utf-8"))
    table: dict[str, t.Any] = {}
    for entry in document["classes"]:
        name = entry["name"]
        if name not in CLASSES:
            continue
        namespace = entry["namespace"].split(" ")[0]
        properties = {
            member["name"]: {"type": member["type"], "key": bool(member.get("key")), "since": since_of(member)}
            for member in entry.get("properties", [])
        }
        for more, kind in MORE_PROPERTIES.get(name, {}).items():
            properties.setdefault(more, {"type": kind, "key": False, "since": ""})
        methods = {
            method["name"]: {
                "in": {parameter["name"]: parameter["type"] for parameter in method["in"]},
                "since": since_of(method),
            }
            for method in entry.get("methods", [])
        }
        table[name] = {
            "namespace": namespace,
            "properties": properties,
            "methods": methods,
            "verified": entry.get("verified_members"),
        }
    for name, (namespace, keys, members) in OWN_CLASSES.items():
        table[name] = {
            "namespace": namespace,
            "properties": {
                member: {"type": kind, "key": member in keys, "since": ""} for member, kind in members.items()
            },
            "methods": {},
            "verified": None,
        }
    return table


def system_table() -> dict[str, t.Any]:
    """Name of an operating system -> what Win32_OperatingSystem says of it, and what a KMS host must be to serve it."""
    skus = {row["sku"]: row for row in yaml.safe_load((REFERENCE / "editions.yaml").read_text("utf-8"))["skus"]}
    document = yaml.safe_load((HERE / "releases.yaml").read_text(encoding="utf-8"))
    table: dict[str, t.Any] = {}
    for release in document["releases"]:
        for slug in release["editions"]:
            edition = document["editions"][slug]
            row = skus[edition["sku"]]
            name = release["name"].format(edition=edition.get("slug", slug))
            if name in table:
                raise ValueError(f"{name} is in releases.yaml twice.")
            table[name] = {
                "caption": release["caption"].format(edition=edition["caption"]),
                "edition_id": edition.get("edition_id") or row["edition_id"],
                "sku": edition["sku"],
                "build": release["build"],
                "product_type": edition.get("product_type", release["product_type"]),
                "generation": release["generation"],
                "host_channel": release["host_channel"],
                "evaluation": bool(row.get("evaluation")),
            }
    return table


def render(table: dict[str, t.Any]) -> str:
    """The JSON text of a table, one entry per line."""
    lines = [f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=True)}" for name, value in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Rewrite the tables beside this file."""
    (HERE / "gvlk.json").write_text(render(gvlk_table()), encoding="utf-8")
    (HERE / "office.json").write_text(render(office_table()), encoding="utf-8")
    (HERE / "operating_systems.json").write_text(render(system_table()), encoding="utf-8")
    (HERE / "cim_classes.json").write_text(render(class_table()), encoding="utf-8")


if __name__ == "__main__":
    main()
