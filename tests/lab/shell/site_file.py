# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a site file from disk: the part of the core, and the parts of the shell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lab.core import SiteError, SiteSpec, parse_site

from .errors import UsageError
from .settings import Account, DnsSettings, own_account, read_account, read_dns


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A checked site file, with what is new in each lab: the TSIG key, and a password that the file leaves out.

    `accounts` are of the machines that have one of their own.
    """

    spec: SiteSpec
    account: Account
    dns: DnsSettings
    accounts: Mapping[str, Account] = field(default_factory=dict)

    def account_of(self, machine: str) -> Account:
        """The account that a machine accepts."""
        return self.accounts.get(machine, self.account)


def read_site_file(path: Path) -> SiteFile:
    """Read and check a site file. Raises UsageError with the file's name and one sentence."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The site file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The site file {path} is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"The site file {path} is not YAML{line}: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise UsageError(f"The site file {path} is not YAML: {error}.") from error
    try:
        spec = parse_site(document)
        account = read_account(spec.account)
        own = {
            machine.name: own_account(account, machine.account, machine.name)
            for machine in spec.machines
            if machine.account
        }
        return SiteFile(spec, account, read_dns(spec.dns, spec.domain), own)
    except (SiteError, UsageError) as error:
        raise UsageError(f"{path}: {error}") from error
