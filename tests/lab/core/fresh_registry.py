# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of a machine as far as licensing needs it: where the keys are, and what a fresh Windows has."""

from __future__ import annotations

from .catalogue import WINDOWS_APPLICATION_ID, OperatingSystem, languages
from .dialect import Dialect

#: Path (lower case) -> value name (lower case) -> (name, REG type, data).
Registry = dict[str, dict[str, tuple[str, int, "str | int"]]]

REG_SZ, REG_EXPAND_SZ, REG_DWORD = 1, 2, 4

CURRENT_VERSION = "software\\microsoft\\windows nt\\currentversion"
SPP_KEY = f"{CURRENT_VERSION}\\softwareprotectionplatform"
OSPP_KEY = "software\\microsoft\\officesoftwareprotectionplatform"
ACTIVATION_KEY = f"{SPP_KEY}\\activation"

#: Group Policy. Unverified: no public source names values of KMS below it.
POLICY_KEY = "software\\policies\\microsoft\\windows nt\\currentversion\\software protection platform"

KMS_NAME, KMS_PORT = "keymanagementservicename", "keymanagementserviceport"


def fresh_registry(
    system: OperatingSystem, language: str, machine_name: str, domain: str, dialect: Dialect
) -> Registry:
    """What a machine has before anybody changes anything."""
    registry: Registry = {
        CURRENT_VERSION: {
            "editionid": ("EditionID", REG_SZ, system.edition_id),
            "currentbuild": ("CurrentBuild", REG_SZ, str(system.build)),
        },
        SPP_KEY: {},
        f"{SPP_KEY}\\{WINDOWS_APPLICATION_ID}": {},
        "system\\currentcontrolset\\services\\tcpip\\parameters": {
            "domain": ("Domain", REG_SZ, domain),
            "nv domain": ("NV Domain", REG_SZ, domain),
            "hostname": ("Hostname", REG_SZ, machine_name),
        },
        "system\\currentcontrolset\\control\\nls\\language": {
            "default": ("Default", REG_SZ, f"{languages()[language]:04x}"),
        },
    }
    if dialect.activation_key_is_there:
        registry[ACTIVATION_KEY] = {}
    return registry


def text_value(registry: Registry, path: str, name: str) -> str | None:
    """A text of the registry that is not empty; `path` and `name` in lower case."""
    _, kind, data = registry.get(path, {}).get(name, ("", 0, ""))
    return str(data) if kind in (REG_SZ, REG_EXPAND_SZ) and data else None


def number_value(registry: Registry, path: str, name: str) -> int | None:
    """A number of the registry, also one that is written as text, as the ports are."""
    _, _kind, data = registry.get(path, {}).get(name, ("", 0, ""))
    return int(data) if str(data).isdigit() else None
