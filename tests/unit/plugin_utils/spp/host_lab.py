# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site for what KMS hosts do: keys for Windows and three releases of Office, and clients that can ask."""

from __future__ import annotations

from typing import Any

from spp_lab import OPEN_FIREWALL, InProcessLab, new_lab

from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    DesiredHost,
    LicenseFile,
    ProductKey,
    converge_host,
)
from lab.core.licence_files import licence_text

SYSTEM = "windows-server-2022-datacenter"
WINDOWS_KEY = ProductKey("MMMMM-PPPPP-QQQQQ-RRRRR-KHWHT")
OTHER_WINDOWS_KEY = ProductKey("PPPPP-QQQQQ-RRRRR-TTTTT-KHWXP")
SERVER_MAK = ProductKey("DDDDD-FFFFF-GGGGG-HHHHH-MKWHR")
OFFICE_2021 = ProductKey("RRRRR-TTTTT-VVVVV-WWWWW-KHRRT")
OFFICE_2019 = ProductKey("TTTTT-VVVVV-WWWWW-XXXXX-KHTTV")
UNKNOWN_KEY = ProductKey("BBBBB-CCCCC-DDDDD-FFFFF-KHBBC")

_KINDS = {"kind": "kms_host"}

DOCUMENT: dict[str, object] = {
    "domain": "corp.example.test",
    "machines": {
        "kms[01:08]": {
            "os": SYSTEM,
            "products": [{"channel": "gvlk"}, {"office_host": "2021"}, {"office_host": "2019"}],
        },
        "bare01": {"os": SYSTEM, "products": [{"channel": "gvlk"}]},
        "old01": {"os": "windows-server-2008-r2-enterprise", "products": [{"channel": "gvlk"}]},
        "win01": {"os": "windows-11-enterprise", "products": [{"channel": "gvlk"}]},
        "srv[01:05]": {"os": "windows-server-2022-standard", "products": [{"channel": "gvlk"}]},
    },
    "microsoft": {
        "keys": [
            {"key": WINDOWS_KEY.reveal(), **_KINDS, "for": [SYSTEM]},
            {"key": OTHER_WINDOWS_KEY.reveal(), **_KINDS, "for": [SYSTEM]},
            {"key": SERVER_MAK.reveal(), "kind": "mak", "for": [SYSTEM], "activations": 10},
            {"key": OFFICE_2021.reveal(), **_KINDS, "for": ["office-2021"]},
            {"key": OFFICE_2019.reveal(), **_KINDS, "for": ["office-2019"]},
        ]
    },
    "behaviour": {"products_without_key": 3},
}

WINDOWS_AND_OFFICE = DesiredHost(
    product_keys=(WINDOWS_KEY, OFFICE_2021),
    activate=Activate.IF_NEEDED,
    dns_publishing=False,
    firewall=OPEN_FIREWALL,
)
RETIRED = DesiredHost(absent=True, activate=Activate.IF_NEEDED)


def host_site(**behaviour: Any) -> InProcessLab:
    """The site without any host."""
    return new_lab(DOCUMENT, **behaviour)


def site_with_host(**behaviour: Any) -> InProcessLab:
    """The same with kms01 as host of Windows and Office 2021, which serves whoever asks."""
    lab = host_site(**behaviour)
    converge_host(lab.licensing("kms01"), WINDOWS_AND_OFFICE, check_mode=False)
    lab.publish("kms01")
    lab.site.set("kms01", "clients", "50")
    return lab


def site_with_two_hosts() -> InProcessLab:
    """The same with kms02 as a second one."""
    lab = site_with_host()
    converge_host(lab.licensing("kms02"), WINDOWS_AND_OFFICE, check_mode=False)
    return lab


def license_file(release: str = "2021", part: str = "product", kilobytes: int = 0) -> LicenseFile:
    """A licence file of the lab's own."""
    return LicenseFile(f"{release}-{part}.xrm-ms", licence_text(release, part, kilobytes))
