# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the containers of a scenario, and Ansible, are told: addresses, secrets, certificates, the inventory.

All of it is new in each run, and below `build/molecule/SCENARIO/site`, which only its owner can enter. Inside, files
are readable to all, as the users in the containers are others.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.shell.container import Network
from lab.shell.https import MachineCertificates
from lab.shell.inventory import as_yaml, inventory
from lab.shell.site_file import SiteFile, read_site_file
from lab.shell.state_folder import StateFolder, write_private

from .fence import NETWORK
from .places import site_file, work_folder

GATEWAY, DNS, MICROSOFT = (str(NETWORK.network_address + number) for number in (1, 2, 3))
FIRST_MACHINE = 11


@dataclass(frozen=True, slots=True)
class ContainerSite:
    """A prepared site. `folder` holds its files."""

    scenario: str
    folder: Path
    domain: str
    addresses: Mapping[str, str]
    tsig_name: str
    https: bool
    active_directory: bool

    @property
    def inventory(self) -> Path:
        """The inventory; Ansible's, and readable by its owner only."""
        return inventory_of(self.scenario)


def inventory_of(scenario: str) -> Path:
    """Where the inventory of a scenario is while its containers are there."""
    return work_folder(scenario) / "inventory.yml"


def prepare(scenario: str) -> ContainerSite:
    """Write everything anew. Raises LabError for a wrong site file."""
    work = work_folder(scenario)
    folder = work / "site"
    forget(scenario)
    folder.mkdir(mode=0o700, parents=True)
    site = read_site_file(site_file(scenario))
    names = [machine.name for machine in site.spec.machines]
    addresses = {name: str(NETWORK.network_address + number) for number, name in enumerate(names, FIRST_MACHINE)}
    network = Network(addresses, DNS, MICROSOFT, secrets.token_bytes(32))
    (folder / "network.json").write_text(network.as_json(), encoding="utf-8")
    (folder / "site.yml").write_text(_site_with_password(scenario, site), encoding="utf-8")
    (folder / "tsig.key").write_text(
        f'key "{site.dns.tsig_name}" {{ algorithm {site.dns.tsig_algorithm}; secret "{site.dns.tsig_secret}"; }};\n',
        encoding="ascii",
    )
    active_directory = "kerberos" in site.account.transports
    if active_directory:
        _write_domain(folder, site, addresses)
    state = StateFolder(work / "site")
    if site.account.https:
        certificates = MachineCertificates(addresses, site.spec.domain, site.account.user, state)
        for name in names:
            shown = folder / "machines" / name
            shown.mkdir(parents=True)
            certificates.hand_over(name, shown)
    document = _inventory(site, addresses, state)
    if active_directory:
        _know_kerberos(document, folder, site.spec.domain)
    write_private(inventory_of(scenario), as_yaml(document))
    domain, https = site.spec.domain, site.account.https
    return ContainerSite(scenario, folder, domain, addresses, site.dns.tsig_name, https, active_directory)


def forget(scenario: str) -> None:
    """Remove all secrets of a run."""
    shutil.rmtree(work_folder(scenario) / "site", ignore_errors=True)
    inventory_of(scenario).unlink(missing_ok=True)


def _site_with_password(scenario: str, site: SiteFile) -> str:
    document: dict[str, Any] = yaml.safe_load(site_file(scenario).read_text(encoding="utf-8"))
    document["account"] = {**(document.get("account") or {}), "password": site.account.password}
    return yaml.safe_dump(document, sort_keys=False)


PUBLISHER, STRANGER = "svc-kms", "svc-other"
"""Accounts of a domain: the one that is to publish KMS hosts, and one that has no rights to what the other made."""

_KRB5_CONF = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    rdns = false
    dns_canonicalize_hostname = false
    udp_preference_limit = 0
[realms]
    {realm} = {{
        kdc = {address}
    }}
[domain_realm]
    .{domain} = {realm}
    {domain} = {realm}
"""


def _write_domain(folder: Path, site: SiteFile, addresses: Mapping[str, str]) -> None:
    """What the domain controller makes of its new domain, and how this machine finds it."""
    passwords = {name: secrets.token_urlsafe(18) + "aA1" for name in (PUBLISHER, STRANGER)}
    users = {site.account.user: site.account.password, **passwords}
    document = {"users": users, "machines": dict(addresses)}
    (folder / "domain.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "keytabs").mkdir()
    domain = site.spec.domain
    configuration = _KRB5_CONF.format(realm=domain.upper(), domain=domain, address=DNS)
    (folder / "krb5.conf").write_text(configuration, encoding="ascii")


def _know_kerberos(document: dict[str, Any], folder: Path, domain: str) -> None:
    """Let Ansible log in with tickets that it gets itself, and know the accounts that write to DNS."""
    users = json.loads((folder / "domain.json").read_text(encoding="utf-8"))["users"]
    realm = domain.upper()
    document["all"]["vars"] |= {
        "lab_krb5_config": str(folder / "krb5.conf"),
        "lab_publisher": f"{PUBLISHER}@{realm}",
        "lab_publisher_password": users[PUBLISHER],
        "lab_stranger": f"{STRANGER}@{realm}",
        "lab_stranger_password": users[STRANGER],
    }
    for name, variables in document["all"]["hosts"].items():
        variables |= {
            "ansible_user": f"{variables['ansible_user']}@{realm}",
            "ansible_winrm_kinit_mode": "managed",
            "ansible_winrm_kinit_env_vars": ["KRB5_CONFIG"],
            "ansible_winrm_kerberos_hostname_override": f"{name}.{domain}",
            "ansible_winrm_message_encryption": "always",
        }


def _inventory(site: SiteFile, addresses: Mapping[str, str], state: StateFolder) -> dict[str, Any]:
    return inventory(
        addresses=addresses,
        groups={machine.name: machine.groups for machine in site.spec.machines},
        account=site.account,
        domain=site.spec.domain,
        dns=site.dns,
        dns_address=DNS,
        dns_port=53,
        folder=state,
    )
