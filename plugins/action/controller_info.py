# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which libraries the Python that runs Ansible has, and what is missing for what."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import platform
import re
import sys
import typing as t

from ansible.release import __version__ as ansible_version

from ansible_collections.volact.kms.plugins.plugin_utils._action import ControllerAction


@dataclasses.dataclass(frozen=True, slots=True)
class Library:
    """A package, the module that proves it works, and what the collection needs it for."""

    name: str
    module: str
    minimum: str
    required: bool
    needed_for: str


LIBRARIES: t.Final = (
    Library("ansible-core", "ansible", "2.16.0", True, "everything"),
    Library("pywinrm", "winrm", "0.4.3", True, "Windows machines with ansible_connection=winrm"),
    Library("requests", "requests", "2.27.0", True, "Windows machines with ansible_connection=winrm"),
    Library("defusedxml", "defusedxml", "0.7.1", True, "reading what Windows machines answer"),
    Library("cryptography", "cryptography", "42", True, "NTLM, and certificates of Windows machines"),
    Library("dnspython", "dns", "2.7", True, "the modules that read and change DNS, where they run on the controller"),
    Library("requests-ntlm", "requests_ntlm", "1.1.0", False, "ansible_winrm_transport=ntlm"),
    Library("pykerberos", "kerberos", "1.2.1", False, "ansible_winrm_transport=kerberos"),
    Library("requests-credssp", "requests_credssp", "1.0.0", False, "ansible_winrm_transport=credssp"),
    Library("pypsrp", "pypsrp", "0.8.0", False, "Windows machines with ansible_connection=psrp"),
    Library(
        "gssapi", "gssapi", "1.8.0", False, "secure DNS updates of Active Directory (GSS-TSIG), in a later release"
    ),
)


def examine(library: Library) -> dict[str, t.Any]:
    """One item of RV(libraries)."""
    version = _version(library.name)
    problem = _problem(library, version)
    return {
        "name": library.name,
        "version": version,
        "minimum": library.minimum,
        "ok": problem is None,
        "required": library.required,
        "needed_for": library.needed_for,
        "problem": problem,
        "fix": None if problem is None else f"{sys.executable} -m pip install '{library.name}>={library.minimum}'",
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _problem(library: Library, version: str | None) -> str | None:
    if version is None:
        return "It is not installed."
    if _release(version) < _release(library.minimum):
        return f"It is older than {library.minimum}."
    try:
        importlib.import_module(library.module)
    except Exception as error:  # a package whose system libraries are missing raises whatever it likes
        return f"It is installed, but cannot be imported: {error}"
    return None


def _release(version: str) -> tuple[int, ...]:
    """The numbers at the start of a version: an alpha of a release counts as that release."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(number) for number in found.group().split(".")] if found else []
    return tuple(numbers + [0] * (4 - len(numbers)))


class ActionModule(ControllerAction):
    def execute(self, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        libraries = [examine(library) for library in LIBRARIES]
        return {
            "ok": all(library["ok"] for library in libraries if library["required"]),
            "python": platform.python_version(),
            "interpreter": sys.executable,
            "ansible_core": ansible_version,
            "libraries": libraries,
        }
