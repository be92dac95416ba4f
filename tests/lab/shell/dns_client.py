# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the lab's machines ask the lab's DNS, with the error codes that Windows reports.

Source: Win32 "System Error Codes 9000-11999": DNS_ERROR_RCODE_SERVER_FAILURE (9002), DNS_ERROR_RCODE_NAME_ERROR (9003).
"""

from __future__ import annotations

import ipaddress

import dns.asyncquery
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rdatatype import RdataType
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.SRV import SRV

from lab.effects import Addresses, Failure, ServiceRecord, ServiceRecords

DNS_SERVER_FAILURE = 0x8007232A
DNS_NAME_DOES_NOT_EXIST = 0x8007232B
TIMEOUT_SECONDS = 5.0


class DnsClient:
    """Asks one server over UDP, and over TCP when the answer is truncated."""

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port

    async def service(self, name: str) -> ServiceRecords | Failure:
        """SRV records of a name."""
        answer = await self._ask(name, RdataType.SRV)
        if isinstance(answer, Failure):
            return answer
        records = tuple(
            ServiceRecord(rdata.priority, rdata.weight, rdata.port, rdata.target.to_text(omit_final_dot=True))
            for rrset in answer.answer
            for rdata in rrset
            if isinstance(rdata, SRV)
        )
        return ServiceRecords(records) if records else Failure(DNS_NAME_DOES_NOT_EXIST)

    async def addresses(self, name: str) -> Addresses | Failure:
        """IPv4 addresses of a name; an IPv4 literal is its own address."""
        try:
            return Addresses((str(ipaddress.IPv4Address(name)),))
        except ValueError:
            answer = await self._ask(name, RdataType.A)
        if isinstance(answer, Failure):
            return answer
        found = tuple(rdata.address for rrset in answer.answer for rdata in rrset if isinstance(rdata, A))
        return Addresses(found) if found else Failure(DNS_NAME_DOES_NOT_EXIST)

    async def _ask(self, name: str, rdtype: RdataType) -> dns.message.Message | Failure:
        try:
            query = dns.message.make_query(dns.name.from_text(name), rdtype)
        except dns.exception.DNSException:
            return Failure(DNS_NAME_DOES_NOT_EXIST)
        try:
            answer, _ = await dns.asyncquery.udp_with_fallback(
                query, self._address, timeout=TIMEOUT_SECONDS, port=self._port
            )
        except (OSError, EOFError, dns.exception.DNSException):
            return Failure(DNS_SERVER_FAILURE)
        if answer.rcode() in (dns.rcode.NXDOMAIN, dns.rcode.REFUSED):
            # The lab's server knows one zone and refuses the rest of the world: for a machine in it, there is no other.
            return Failure(DNS_NAME_DOES_NOT_EXIST)
        return answer if answer.rcode() == dns.rcode.NOERROR else Failure(DNS_SERVER_FAILURE)
