# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is around the machines of a lab: their addresses, DNS, certificates, and the rest of the world."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Protocol

from lab.core import Site
from lab.effects import AskMicrosoft, MicrosoftAnswer, Outcome, PublishService

from .address_block import claim
from .dns_client import DnsClient
from .dns_publisher import add_service
from .dns_service import DnsService
from .errors import UsageError
from .https import Certificates, MachineCertificates
from .inventory import as_yaml, inventory
from .site_file import SiteFile
from .state_folder import StateFolder, write_private


class Surroundings(Protocol):
    """Started before the site is made, and stopped after everything else."""

    microsoft_elsewhere: bool
    """Whether the site is to ask `ask_microsoft` before it activates at Microsoft."""

    seed: int
    """Fixes the site's random choices."""

    kms_secret: bytes
    addresses: Mapping[str, str]
    """Machine name -> address; known once started, as are the resolver and the certificates."""

    resolver: DnsClient
    certificates: Certificates | None

    async def start(self) -> None:
        """Make ready what the site needs. Raises LabError."""

    async def stop(self) -> None:
        """Give everything back. Harmless when repeated."""

    async def ask_microsoft(self, effect: AskMicrosoft, site: Site) -> Outcome:
        """Let the activation service decide."""

    async def publish_service(self, effect: PublishService) -> Outcome:
        """Let a KMS host add its SRV record."""

    def publish(self) -> None:
        """Tell the world, once everything answers."""

    def describe_dns(self) -> dict[str, str | int]:
        """The DNS server that the machines ask, for `lab state`."""


class Loopback:
    """A whole site in one process, on addresses of 127/8 of its own, with a DNS server of its own."""

    microsoft_elsewhere = False
    seed = 0

    def __init__(self, site: SiteFile, folder: StateFolder) -> None:
        self._site, self._folder = site, folder
        self._names = [machine.name for machine in site.spec.machines]
        self.kms_secret = secrets.token_bytes(32)
        self.addresses: Mapping[str, str] = {}
        self.certificates: Certificates | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Claim addresses, start DNS, make certificates. Raises LabError."""
        if "kerberos" in self._site.account.transports:
            raise UsageError("`account.transports` has kerberos, which needs a domain controller: see molecule/.")
        block = claim(len(self._names))
        self._stack.callback(block.release)
        plan = block.plan(self._names)
        self.addresses = plan.machines
        self._dns = DnsService(self._site.dns, self._folder, plan.dns)
        self._stack.push_async_callback(self._dns.stop)
        await self._dns.start(plan.machines)
        self.resolver = DnsClient(self._dns.address, self._dns.port)
        if self._site.account.https:
            domain, user = self._site.spec.domain, self._site.account.user
            self.certificates = MachineCertificates(plan.machines, domain, user, self._folder)

    async def stop(self) -> None:
        """Stop DNS, release the addresses."""
        await self._stack.aclose()

    async def ask_microsoft(self, effect: AskMicrosoft, site: Site) -> Outcome:
        """The site's own service."""
        return MicrosoftAnswer(site.microsoft_answer(effect.key, effect.machine))

    async def publish_service(self, effect: PublishService) -> Outcome:
        """Update the lab's own zone with the lab's key: the core has decided whether the host may."""
        return await add_service(self._dns.address, self._dns.port, self._site.dns, effect)

    def publish(self) -> None:
        """Write the inventory."""
        document = inventory(
            addresses=self.addresses,
            groups={machine.name: machine.groups for machine in self._site.spec.machines},
            account=self._site.account,
            domain=self._site.spec.domain,
            dns=self._site.dns,
            dns_address=self._dns.address,
            dns_port=self._dns.port,
            folder=self._folder,
            accounts=self._site.accounts,
        )
        write_private(self._folder.inventory, as_yaml(document))

    def describe_dns(self) -> dict[str, str | int]:
        """The lab's own server."""
        return self._dns.describe()
