# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing SRV records by one atomic update, and refreshing them by one that changes nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from .._errors import BadInput
from ._answers import NOERROR, NXRRSET, YXRRSET, Conversation, refusal
from ._names import parse_key_name
from ._records import SrvPlan, SrvRecord, SrvSet

try:
    import dns.name
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.IN.SRV
    import dns.tsig
    import dns.update
except ImportError:  # `require_dnspython` says so in time
    pass

#: Algorithm names on the wire differ from what people write for one of them. Source: RFC 8945, "TSIG Algorithms".
_WIRE_NAMES = {"hmac-md5": "hmac-md5.sig-alg.reg.int."}


def make_key(name: str, secret: str, algorithm: str) -> dns.tsig.Key:
    """A TSIG key from its name, its secret in Base64 and its algorithm (`hmac-sha256`).

    Raises `BadInput`, which never holds any of the secret.
    """
    owner = parse_key_name(name)
    try:
        octets = base64.b64decode(secret.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeError):
        octets = b""
    if not octets:
        # The cause is left out on purpose: it may quote what was decoded.
        raise BadInput(
            f"The tsig_secret for the key '{name}' is empty or not Base64. Give it as tsig-keygen wrote it.",
            operation="check the options",
            target=name,
        )
    return dns.tsig.Key(owner, octets, _WIRE_NAMES.get(algorithm, f"{algorithm}."))


def build_update(zone: dns.name.Name, name: dns.name.Name, steps: SrvPlan) -> dns.update.UpdateMessage:
    """The update that makes `steps.after` of `steps.before`, and does nothing when anything else is there.

    Adding a record that exists sets its TTL, so a changed TTL needs no removal, and no record is ever missing in
    between. Source: RFC 2136, "Add To An RRset".
    """
    message = _on_condition(zone, name, steps.before)
    for record in steps.remove:
        message.delete(name, _rdata(record))
    for record in steps.after.ordered() if steps.ttl_changes else steps.add:
        message.add(name, steps.after.ttl, _rdata(record))
    return message


def build_refresh(
    zone: dns.name.Name, name: dns.name.Name, observed: SrvSet, ours: Iterable[SrvRecord]
) -> dns.update.UpdateMessage:
    """The update that adds those of `observed` that are `ours` once more, which changes nothing but their age.

    Where records age, the server then counts from today, and does not scavenge them. What becomes of other people's
    records is the server's affair. Source: MS-DNSP, "Aging and Scavenging".
    """
    message = _on_condition(zone, name, observed)
    for record in sorted(observed.records.intersection(ours)):
        message.add(name, observed.ttl, _rdata(record))
    return message


def _on_condition(zone: dns.name.Name, name: dns.name.Name, before: SrvSet) -> dns.update.UpdateMessage:
    """An update without steps that wants exactly these records to be there.

    The prerequisite names every record of the set, so that a set that another writer changed fails it. Source: RFC
    2136, "RRset Exists (Value Dependent)", "RRset Does Not Exist".
    """
    message = dns.update.UpdateMessage(zone)
    if before.records:
        message.present(name, *[_rdata(record) for record in before.ordered()])
    else:
        message.absent(name, dns.rdatatype.SRV)
    return message


def send_update(conversation: Conversation, update: dns.update.UpdateMessage, name: dns.name.Name) -> bool:
    """Whether the server made the change to `name`; False when its prerequisite failed (a lost race).

    A lost race needs no signature to be believed: it only makes us read again. Raises `DnsError` for every other
    answer.
    """
    answer = conversation.tell(update)
    if answer.verified and answer.rcode == NOERROR:
        return True
    if answer.rcode in (YXRRSET, NXRRSET):
        return False
    raise refusal(answer, conversation, operation="update", what=f"change the SRV records of {name}")


def _rdata(record: SrvRecord) -> dns.rdata.Rdata:
    return dns.rdtypes.IN.SRV.SRV(
        dns.rdataclass.IN, dns.rdatatype.SRV, record.priority, record.weight, record.port, record.target
    )
