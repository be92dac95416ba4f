# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A DNS server made of prepared answers, for tests without a socket."""

from __future__ import annotations

from collections.abc import Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig

from ansible_collections.volact.kms.plugins.module_utils._dns._exchange import NoAnswer
from ansible_collections.volact.kms.plugins.module_utils._dns._records import Desired, SrvRecord, State
from ansible_collections.volact.kms.plugins.module_utils._dns._update import make_key

ZONE = dns.name.from_text("corp.example.test")
NAME = dns.name.from_text("_vlmcs._tcp", ZONE)
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlYw=="
OTHER_SECRET = "YW5vdGhlciBzZWNyZXQgYW5vdGhlciBzZWNyZXQgYW4="
KEY = make_key("kms-update", SECRET, "hmac-sha256")
WRONG_KEY = make_key("kms-update", OTHER_SECRET, "hmac-sha256")

Reply = Callable[[dns.message.Message], bytes]


class Script:
    """An exchange that answers from a list, one entry for each question. It fails when it is asked more."""

    server = "ns1.example.test port 53"

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.questions: list[dns.message.Message] = []

    def ask(self, message: bytes) -> bytes:
        # Signatures of questions are the business of real servers; here they only have to be there.
        signed = message[11] != 0
        question = dns.message.from_wire(message, keyring=KEY if signed else None)
        self.questions.append(question)
        return self.replies.pop(0)(question)


def says(
    *,
    rcode: str = "NOERROR",
    answer: str = "",
    authority: str = "",
    additional: str = "",
    authoritative: bool = True,
    key: dns.tsig.Key | None = KEY,
    tsig_error: int = 0,
) -> Reply:
    """A reply with these records ("name ttl IN type data", one a line), signed with `key`."""

    def reply(question: dns.message.Message) -> bytes:
        message = dns.message.make_response(question)
        message.set_rcode(dns.rcode.from_text(rcode))
        message.flags |= dns.flags.AA if authoritative else 0
        parts = ((message.answer, answer), (message.authority, authority), (message.additional, additional))
        for section, text in parts:
            for line in text.splitlines():
                name, ttl, _class, kind, data = line.split(maxsplit=4)
                section.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
        if key is None:
            message.tsig = None
        else:
            message.use_tsig(key, tsig_error=tsig_error)
            message.request_mac = question.mac or b""
        return message.to_wire()

    return reply


def falls_silent(*, sent: bool = True) -> Reply:
    def reply(_question: dns.message.Message) -> bytes:
        raise NoAnswer("The DNS server ns1.example.test port 53 cannot be asked: it did not answer.", sent=sent)

    return reply


def soa(zone: str) -> str:
    return f"{zone} 60 IN SOA ns.{zone} hostmaster.{zone} 1 900 300 86400 60"


def srv(*rdata: str, ttl: int = 3600) -> str:
    return "\n".join(f"{NAME} {ttl} IN SRV {each}" for each in rdata)


EMPTY = says(rcode="NXDOMAIN", authority=soa("corp.example.test."))
KMS01 = "0 0 1688 kms01.corp.example.test."


def wanted(*, state: State = State.PRESENT, target: str = "kms01", exclusive: bool = False) -> Desired:
    records = [SrvRecord(0, 0, 1688, dns.name.from_text(target, ZONE))]
    return Desired.of(records, 3600, state, exclusive=exclusive)
