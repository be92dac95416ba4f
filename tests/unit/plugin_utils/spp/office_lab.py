# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site with Office in the lab of one process: both class families, MAK beside GVLK, and hosts for all of it."""

from __future__ import annotations

from typing import Any

from spp_lab import CLIENT_MAK, HOST_KEY, OPEN_FIREWALL, InProcessLab, new_lab

from ansible_collections.volact.kms.plugins.plugin_utils._spp import Activate, DesiredHost, ProductKey, converge_host

SUITE_MAK = "FFFFF-GGGGG-HHHHH-JJJJJ-MKFFG"
OTHER_SUITE_MAK = "GGGGG-HHHHH-JJJJJ-KKKKK-MKGGH"
VISIO_MAK = "HHHHH-JJJJJ-KKKKK-MMMMM-MKHHJ"
ESU_MAK = "JJJJJ-KKKKK-MMMMM-PPPPP-MKJJK"
OFFICE_HOST_KEYS = {
    "2010": "KKKKK-MMMMM-PPPPP-QQQQQ-KHKKM",
    "2016": "QQQQQ-RRRRR-TTTTT-VVVVV-KHQQR",
    "2021": "RRRRR-TTTTT-VVVVV-WWWWW-KHRRT",
}

SUITE, VISIO = "ProPlus2021", "VisioPro2021"

DOCUMENT: dict[str, object] = {
    "domain": "corp.example.test",
    "machines": {
        "kms01": {
            "os": "windows-server-2022-datacenter",
            "products": [
                {"channel": "gvlk"},
                *({"office_host": release, "key": key, "activated": True} for release, key in OFFICE_HOST_KEYS.items()),
            ],
        },
        "win[01:06]": {
            "os": "windows-11-enterprise",
            "products": [
                {"key": CLIENT_MAK, "activated": True},
                {"office": SUITE, "key": SUITE_MAK, "activated": True},
                {"office": VISIO},
            ],
        },
        "plain01": {"os": "windows-11-enterprise", "language": "de-DE", "products": [{"channel": "gvlk"}]},
        "mixed01": {
            "os": "windows-11-enterprise",
            "products": [
                {"channel": "gvlk"},
                {"office": "ProPlus2010"},
                {"office": "VisioStd2016"},
                {"kind": "esu"},
                {"kind": "m365"},
            ],
        },
        "old01": {
            "os": "windows-7-enterprise",
            "language": "ja-JP",
            "products": [{"channel": "gvlk"}, {"office": "Standard2016", "key": VISIO_MAK, "activated": True}],
        },
        "bare01": {
            "os": "windows-11-enterprise",
            "products": [{"channel": "gvlk"}, {"office": SUITE, "channel": "none"}],
        },
    },
    "microsoft": {
        "keys": [
            {"key": CLIENT_MAK, "kind": "mak", "for": ["windows-11-enterprise"], "activations": 100},
            {"key": SUITE_MAK, "kind": "mak", "for": [SUITE], "activations": 100},
            {"key": OTHER_SUITE_MAK, "kind": "mak", "for": [SUITE], "activations": 1},
            {"key": VISIO_MAK, "kind": "mak", "for": [VISIO, "Standard2016"], "activations": 100},
            {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
            *(
                {"key": key, "kind": "kms_host", "for": [f"office-{release}"]}
                for release, key in OFFICE_HOST_KEYS.items()
            ),
        ]
    },
    "behaviour": {"products_without_key": 3},
}


def office_site(**behaviour: Any) -> InProcessLab:
    """The site before anybody asked its KMS host."""
    lab = new_lab(DOCUMENT, **behaviour)
    host = DesiredHost(
        product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, dns_publishing=False, firewall=OPEN_FIREWALL
    )
    converge_host(lab.licensing("kms01"), host, check_mode=False)
    lab.publish("kms01")
    return lab


def ready_office_site(**behaviour: Any) -> InProcessLab:
    """The same, with enough counted for everybody."""
    lab = office_site(**behaviour)
    for pool, count in (("", 50), *((f"office-{release}:", 10) for release in OFFICE_HOST_KEYS)):
        lab.site.set("kms01", "clients", f"{pool}{count}")
    return lab
