# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-test sanity over what users get, with a home of its own.

Its environments are kept in build/, the user's home stays as it is. What only developers have is left out: ruff and
mypy check that code more strictly, and ansible-test's pylint brings house rules of Ansible that make no sense there (it
allows nothing to be named `_`).
"""

from __future__ import annotations

import argparse
import configparser
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from gates.archive import DEVELOPERS
from gates.installer import uv_program, uv_settings
from gates.tree import ROOT

# Tests for kinds of file that the collection does not hold, which need programs of their own.
NOT_OURS = {"pslint": "PowerShell", "shellcheck": "shell scripts (*.sh)"}
# Tests that take long and judge the same text in the same way whatever ansible-core is around them.
SAME_WITH_EVERY_CORE = ("changelog", "pep8", "pylint", "yamllint")


def pip_versions() -> set[str]:
    """The versions of pip for which the installed ansible-test wants a bootstrap script."""
    package = find_spec("ansible_test")
    if package is None or package.origin is None:
        raise SystemExit("ansible-test is not installed beside " + sys.executable)
    source = Path(package.origin).parent / "_internal" / "python_requirements.py"
    return set(re.findall(r"pip=['\"]([\d.]+)['\"]", source.read_text(encoding="utf-8")))


def pip_configuration(environment: dict[str, str]) -> configparser.RawConfigParser:
    """What pip would use: the user's own file, then PIP_* variables, which ansible-test does not hand down."""
    home = Path(environment["HOME"])
    configuration = configparser.RawConfigParser()
    configuration.read([home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"], encoding="utf-8")
    if file := environment.get("PIP_CONFIG_FILE"):
        configuration.read(file, encoding="utf-8")
    if not configuration.has_section("global"):
        configuration.add_section("global")
    if not configuration.has_option("global", "cache-dir"):
        configuration.set("global", "cache-dir", str(home / ".cache" / "pip"))
    for name, value in environment.items():
        if name.startswith("PIP_") and name != "PIP_CONFIG_FILE":
            configuration.set("global", name.removeprefix("PIP_").lower().replace("_", "-"), value)
    return configuration


def prepare_home(home: Path, environment: dict[str, str]) -> None:
    """Put pip's configuration and the bootstrap scripts where ansible-test and pip look for them."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("get_pip.py").read_text("utf-8")
    if uv_program().is_file():
        script = script.replace("UV: list[str] = []", f"UV = {[str(uv_program())]!r}")
        script = script.replace("UV_SETTINGS: dict[str, str] = {}", f"UV_SETTINGS = {uv_settings(environment)!r}")
    for version in pip_versions():
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(script, "utf-8")
    settings = home / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.touch(mode=0o600)
    with settings.open("w", encoding="utf-8") as file:
        pip_configuration(environment).write(file)


def leave_out_developers(collection: Path) -> None:
    """Remove from a copy of the collection what its archive does not hold."""
    for name in DEVELOPERS:
        path = collection / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="sanity", description=__doc__)
    parser.add_argument("--of-the-core", action="store_true", help="leave out what is the same with every ansible-core")
    parser.add_argument("--home", default="test/home", help="folder below build/ for the environments")
    chosen = parser.parse_args(arguments)
    leave_out_developers(Path.cwd())
    home = ROOT / "build" / chosen.home
    environment = dict(os.environ)
    prepare_home(home, environment)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    command = ["ansible-test", "sanity", "--python", python, "--color", "no"]
    for name, kind in NOT_OURS.items():
        print(f"left out: {name}, the collection holds no {kind}", flush=True)
        command += ["--skip-test", name]
    for name in SAME_WITH_EVERY_CORE if chosen.of_the_core else ():
        print(f"left out: {name}, which `make test` runs", flush=True)
        command += ["--skip-test", name]
    environment["HOME"] = str(home)
    return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
