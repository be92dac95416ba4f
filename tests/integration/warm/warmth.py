# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to import before the programs are asked for, and what a program needs anew.

Loaded by its path, in the environment of the programs: their own modules, and nothing of the tests, are at hand.
"""

from __future__ import annotations

import atexit
import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

# Everything that any playbook loads anyway: name in ansible.plugins.loader -> plugins.
PLUGINS = {
    "become_loader": ["sudo"],
    "cache_loader": ["memory"],
    "callback_loader": ["default", "junit", "minimal", "oneline", "tree"],
    "connection_loader": ["local", "winrm", "psrp"],
    "inventory_loader": ["host_list", "script", "auto", "yaml", "ini", "toml", "advanced_host_list"],
    "shell_loader": ["sh", "powershell"],
    "strategy_loader": ["linear", "free"],
    "action_loader": ["assert", "debug", "fail", "set_fact", "include_role", "import_role", "include_tasks", "normal"],
}
#: What a playbook asks of every plugin there is, for its options.
ASKED_OF_ALL = ("become_loader", "connection_loader", "shell_loader")
#: Decided by the environment of each program.
SETTINGS = ("DEFAULT_HOST_LIST", "DEFAULT_LOCAL_TMP")
#: Where Ansible keeps the modules that it has packed, below its folder for temporary files.
PACKED_MODULES = "ansiballz_cache"
COLLECTION = "ansible_collections.volact.kms"


@dataclass(frozen=True)
class Warmth:
    """`warm_up` is done once, `begin` in each child before the program."""

    warm_up: Callable[[], None]
    begin: Callable[[], None] = lambda: None


def _imported(*names: str) -> None:
    for name in names:
        importlib.import_module(name)


def _warm_up_ansible() -> None:
    """All that `ansible` and `ansible-playbook` import, and the documentation of plugins, which holds their options."""
    _imported("ansible.cli.adhoc", "ansible.cli.playbook", "winrm", "pypsrp.client")
    import spnego
    from ansible.plugins import loader
    from spnego._ntlm_raw.crypto import rc4init

    # The first login of a process loads OpenSSL's old algorithms.
    spnego.client("nobody", "nothing", protocol="ntlm").step()
    rc4init(bytes(16))
    loader.init_plugin_loader()
    for name in ASKED_OF_ALL:
        list(getattr(loader, name).all(class_only=True))
    for name, plugins in PLUGINS.items():
        for plugin in plugins:
            getattr(loader, name).get(plugin, class_only=True)
    folder = Path(importlib.import_module(COLLECTION).__path__[0])
    for path in folder.glob("plugins/action/*.py"):
        loader.action_loader.get(f"volact.kms.{path.stem}", class_only=True)


def _begin_ansible() -> None:
    """What the environment of this program decides, and its own folder for temporary files."""
    from ansible import constants
    from ansible.utils.path import cleanup_tmp_file

    # The server's folder is the server's to remove.
    atexit.unregister(cleanup_tmp_file)
    packed = _packed_modules(constants)
    for name in SETTINGS:
        # As constants itself does it: defaults are templates of other settings.
        setattr(constants, name, constants.config.get_config_value(name, variables=vars(constants)))
    # What one program has packed of a module is what the next one would.
    packed.mkdir(exist_ok=True)
    _packed_modules(constants).symlink_to(packed)
    # It has been, above.
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")


def _packed_modules(constants: ModuleType) -> Path:
    return Path(vars(constants)["DEFAULT_LOCAL_TMP"], PACKED_MODULES)


def _warm_up_lab() -> None:
    _imported("lab.shell.command_line", "lab.shell.session")


def _warm_up_modules() -> None:
    """The modules that are Python, each a program."""
    _imported("ansible.module_utils.basic", f"{COLLECTION}.plugins.modules.srv_record")


WARMTH = {
    "nothing": Warmth(lambda: None),
    "ansible": Warmth(_warm_up_ansible, _begin_ansible),
    "lab": Warmth(_warm_up_lab),
    "modules": Warmth(_warm_up_modules),
}
