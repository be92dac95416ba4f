# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a KMS host's own SRV record gets into the lab's zone: a dynamic update, with the error codes of Windows.

A real host would sign with its computer account. The lab has no accounts of computers: whether a host may is the core's
rule, and the lab's one key signs for all of them. Source: Win32 "System Error Codes 9000-11999".
"""

from __future__ import annotations

import dns.asyncquery
import dns.exception
import dns.name
import dns.rcode
import dns.update

from lab.effects import Failure, Published, PublishService

from .dns_zone import service_text
from .settings import DnsSettings

TTL = 3600
TIMEOUT_SECONDS = 2.0
UPDATE_REFUSED = 0x8007232D
_SERVER_FAILURE = 0x8007232A
_NOT_THE_OWNER = 0x80072338
_NOT_AUTHORITATIVE = 0x80072331

_CODES = {dns.rcode.REFUSED: UPDATE_REFUSED, dns.rcode.YXRRSET: _NOT_THE_OWNER}


async def add_service(address: str, port: int, settings: DnsSettings, effect: PublishService) -> Published | Failure:
    """Add one SRV record to a domain of the zone."""
    try:
        domain = dns.name.from_text(effect.domain)
        owner = dns.name.from_text("_vlmcs._tcp", domain)
    except dns.exception.DNSException:
        return Failure(_SERVER_FAILURE)
    if not domain.is_subdomain(settings.zone):
        return Failure(_NOT_AUTHORITATIVE)
    update = dns.update.UpdateMessage(settings.zone, keyring=settings.tsig)
    if effect.only_if_absent:
        update.absent(owner, "SRV")
    update.add(owner, TTL, "SRV", service_text(effect.record))
    try:
        answer = await dns.asyncquery.tcp(update, address, timeout=TIMEOUT_SECONDS, port=port)
    except (OSError, EOFError, dns.exception.DNSException):
        return Failure(_SERVER_FAILURE)
    if answer.rcode() == dns.rcode.NOERROR:
        return Published()
    return Failure(_CODES.get(answer.rcode(), _SERVER_FAILURE))
