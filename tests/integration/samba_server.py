# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Active Directory domain controller (Samba) for the tests: its DNS and its KDC, on free ports of loopback.

Nothing of the machine's own Samba or Kerberos is read or changed: everything is in one folder. Only the services that
the tests need are run, and they forward nothing, so that nothing leaves the machine.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import ansible
import dns
from dns_servers import COLLECTIONS, PROGRAM_FOLDERS, Interpreter, ServedZone, free_port, is_ready, wait_until

REALM = "CORP.EXAMPLE.TEST"
ZONE = "corp.example.test"
HOST = f"dc1.{ZONE}"
#: Samba never publishes 127.0.0.1.
ADDRESS = "127.0.0.2"
SYSTEM_PYTHON = "/usr/bin/python3"

PROVISION = [
    "domain",
    "provision",
    "--server-role=dc",
    "--dns-backend=SAMBA_INTERNAL",
    f"--realm={REALM}",
    "--domain=CORP",
    f"--host-name={HOST.partition('.')[0]}",
    f"--host-ip={ADDRESS}",
    # Without the privilege that security.* attributes of files need.
    "--option=acl_xattr:security_acl_name=user.NTACL",
    "--option=dns forwarder=",
    f"--option=interfaces={ADDRESS}/8",
    "--option=bind interfaces only=yes",
]

KRB5_CONF = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 0
[realms]
    {realm} = {{
        kdc = {address}:{port}
    }}
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the domain. Any user may add records to the zone; records belong to who added them."""

    name: str
    password: str

    @property
    def principal(self) -> str:
        return f"{self.name}@{REALM}"


PUBLISHER = Account("svc-kms", "Publisher-of-KMS-1")
STRANGER = Account("svc-other", "Stranger-to-KMS-1")


def what_is_missing() -> str:
    """Why these tests cannot run here, naming the packages; empty: they can."""
    missing = [
        f"{program} (Debian package {package})"
        for program, package in (
            ("samba", "samba-ad-dc"),
            ("samba-tool", "samba-ad-provision, python3-samba"),
            ("kinit", "krb5-user"),
        )
        if shutil.which(program, path=PROGRAM_FOLDERS) is None
    ]
    if not Path("/usr/share/samba/setup").is_dir():
        missing.append("the templates of a domain (Debian package samba-ad-provision)")
    if python_with_gssapi() is None:
        missing.append(f"gssapi for {sys.executable} or {SYSTEM_PYTHON} (Debian package python3-gssapi)")
    return "not found: " + ", ".join(missing) if missing else ""


def python_with_gssapi() -> str | None:
    """The Python of the tests if it has gssapi; otherwise the system's, where a package has it ready compiled."""
    if find_spec("gssapi") is not None:
        return sys.executable
    found = subprocess.run([SYSTEM_PYTHON, "-c", "import gssapi"], capture_output=True, check=False)
    return SYSTEM_PYTHON if found.returncode == 0 else None


@dataclass(frozen=True, slots=True)
class DomainController(ServedZone):
    """The running server, and how the module is run against it."""

    folder: Path
    python: Interpreter

    def options(self, *targets: str | dict[str, t.Any], **changed: t.Any) -> dict[str, t.Any]:
        """Module options for this server and `PUBLISHER`; an option that is None is left out."""
        options: dict[str, t.Any] = {
            "zone": self.zone,
            "server": self.address,
            "server_port": self.port,
            "gss_tsig": True,
            "gss_principal": PUBLISHER.principal,
            "gss_password": PUBLISHER.password,
            "records": [each if isinstance(each, dict) else {"target": each} for each in targets],
            **changed,
        }
        return {option: value for option, value in options.items() if value is not None}

    def tool(self, *arguments: str) -> str:
        """Run samba-tool on the domain's own files."""
        return samba_tool(self.folder, *arguments)

    def keytab(self, principal: str) -> Path:
        path = self.folder / f"{principal.replace('/', '_')}.keytab"
        if not path.exists():
            self.tool("domain", "exportkeytab", str(path), f"--principal={principal}")
        return path

    def script(self, text: str, *arguments: str) -> str:
        """Run a script with Samba's own Python library; its first argument is the domain's smb.conf."""
        command = [SYSTEM_PYTHON, "-c", text, str(configuration(self.folder)), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout


def configuration(folder: Path) -> Path:
    return folder / "etc" / "smb.conf"


def samba_tool(folder: Path, *arguments: str) -> str:
    options = ["-s", str(configuration(folder))] if configuration(folder).exists() else []
    command = ["samba-tool", *arguments, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextlib.contextmanager
def samba(folder: Path) -> Iterator[DomainController]:
    """A new domain with the two accounts, served until the end. Takes 10 to 30 seconds."""
    samba_tool(folder, *PROVISION, "--adminpass=Admin-of-the-lab-1", f"--targetdir={folder}")
    for account in (PUBLISHER, STRANGER):
        samba_tool(folder, "user", "create", account.name, account.password)
    dns_port, kdc_port, password_port = (free_port(ADDRESS) for _service in range(3))
    krb5 = folder / "client-krb5.conf"
    krb5.write_text(KRB5_CONF.format(realm=REALM, address=ADDRESS, port=kdc_port), encoding="ascii")
    settings = {
        "server services": "kdc, dns",
        "dns port": dns_port,
        "krb5 port": kdc_port,
        "kpasswd port": password_port,
        "pid directory": folder / "run",
        "ncalrpc dir": folder / "ncalrpc",
        "cache directory": folder / "cache",
    }
    for made in ("run", "ncalrpc", "cache"):
        (folder / made).mkdir(exist_ok=True)
    program = shutil.which("samba", path=PROGRAM_FOLDERS)
    assert program is not None
    log = folder / "samba.log"
    command = [program, "-s", str(configuration(folder)), "--interactive", "--no-process-group", "--debug-stdout"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--model=single", *[f"--option={name}={value}" for name, value in settings.items()]],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(
            lambda: is_ready(ADDRESS, dns_port, ZONE) and listens(ADDRESS, kdc_port),
            lambda: log.read_text(encoding="utf-8", errors="replace"),
            seconds=60,
        )
        python = interpreter(folder).with_variables(
            KRB5_CONFIG=str(krb5), KRB5CCNAME=f"FILE:{folder / 'ticket-cache'}", KRB5_KTNAME="FILE:/nonexistent"
        )
        yield DomainController(ADDRESS, dns_port, ZONE, folder, python)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdin is not None
        process.stdin.close()


def interpreter(folder: Path) -> Interpreter:
    """A Python with gssapi. The system's gets what the module needs beside it from the environment of the tests."""
    program = python_with_gssapi()
    assert program is not None
    if program == sys.executable:
        return Interpreter()
    path = folder / "python"
    path.mkdir()
    for package in (Path(ansible.__file__).parent, Path(dns.__file__).parent, COLLECTIONS / "ansible_collections"):
        (path / package.name).symlink_to(package)
    return Interpreter(program, {"PYTHONPATH": str(path)})


def listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
        return True
    return False


def kinit(controller: DomainController, account: Account) -> None:
    """Fill the ticket cache that `controller.python` uses."""
    environment = {**os.environ, **controller.python.environment}
    command = ["kinit", "-k", "-t", str(controller.keytab(account.name)), account.principal]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
