# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ansible inventory of a running lab."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from . import https
from .settings import Account, DnsSettings
from .state_folder import StateFolder
from .winrm import PORT


def inventory(
    *,
    addresses: Mapping[str, str],
    groups: Mapping[str, Iterable[str]],
    account: Account,
    domain: str,
    dns: DnsSettings,
    dns_address: str,
    dns_port: int,
    folder: StateFolder,
    accounts: Mapping[str, Account] | None = None,
) -> dict[str, Any]:
    """The inventory as a document: host variables for both connections, the lab's DNS as variables of `all`.

    `groups` maps a machine name to its groups, `accounts` to an account of its own. With ansible_connection=psrp the
    same machine answers.
    """
    members: dict[str, dict[str, Any]] = {}
    for name, its_groups in groups.items():
        for group in its_groups:
            members.setdefault(group, {"hosts": {}})["hosts"][name] = {}
    connection = _connection(account, folder)
    site: dict[str, Any] = {
        "lab_domain": domain,
        "lab_dns_server": dns_address,
        "lab_dns_port": dns_port,
        "lab_dns_zone": domain,
        "lab_tsig_name": dns.tsig_name,
        "lab_tsig_algorithm": dns.tsig_algorithm,
        "lab_tsig_secret": dns.tsig_secret,
    }
    if account.https:
        site |= {
            "lab_authority": str(folder.authority),
            "lab_unmapped_certificate": str(folder.unmapped_certificate),
            "lab_unmapped_key": str(folder.unmapped_key),
        }
    hosts = {
        name: {"ansible_host": address, **connection, **_login((accounts or {}).get(name, account))}
        for name, address in addresses.items()
    }
    return {"all": {"vars": site, "hosts": hosts, "children": members}}


def _connection(account: Account, folder: StateFolder) -> dict[str, Any]:
    scheme = "https" if account.https else "http"
    variables: dict[str, Any] = {
        "ansible_port": https.PORT if account.https else PORT,
        "ansible_connection": "winrm",
        "ansible_winrm_transport": account.transports[0] if len(account.transports) == 1 else list(account.transports),
        "ansible_winrm_scheme": scheme,
        "ansible_winrm_message_encryption": "auto",
        "ansible_psrp_auth": account.transports[0],
        "ansible_psrp_protocol": scheme,
    }
    if account.https:
        variables |= {
            "ansible_winrm_ca_trust_path": str(folder.authority),
            "ansible_psrp_ca_cert": str(folder.authority),
        }
    if "certificate" in account.transports:
        variables |= {
            "ansible_winrm_cert_pem": str(folder.client_certificate),
            "ansible_winrm_cert_key_pem": str(folder.client_key),
            "ansible_psrp_certificate_pem": str(folder.client_certificate),
            "ansible_psrp_certificate_key_pem": str(folder.client_key),
        }
    return variables


def _login(account: Account) -> dict[str, str]:
    if not account.in_inventory:
        return {}
    return {"ansible_user": account.user, "ansible_password": account.password}


def as_yaml(document: Mapping[str, Any]) -> str:
    """The inventory's text."""
    return yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, allow_unicode=False)


#: A thousand machines take libyaml a tenth of the time, where PyYAML was built with it.
_FastDumper: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _PlainDumper(_FastDumper):
    """Without anchors: an inventory is read by people too."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
