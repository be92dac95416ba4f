# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DNS replies: no damage makes an answer believed that a key should prove, and reading ends in a value or an error."""

from __future__ import annotations

import contextlib
import struct
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update
from hypothesis import strategies as st

from ansible_collections.volact.kms.plugins.module_utils._dns._answers import Conversation, read_answer
from ansible_collections.volact.kms.plugins.module_utils._dns._discovery import find_addresses, find_zone, look_up
from ansible_collections.volact.kms.plugins.module_utils._dns._gss import KerberosError, KerberosSession, Login
from ansible_collections.volact.kms.plugins.module_utils._dns._query import read_name_servers, read_records
from ansible_collections.volact.kms.plugins.module_utils._dns._records import SrvPlan, SrvRecord, SrvSet
from ansible_collections.volact.kms.plugins.module_utils._dns._update import build_update, make_key, send_update
from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError
from fuzz.replies import Damage, apply, several

ZONE = dns.name.from_text("corp.example.test")
NAME = dns.name.from_text("_vlmcs._tcp", ZONE)
KEY = make_key("kms-update", "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlYw==", "hmac-sha256")

RECORDS = (
    f"{NAME} 3600 IN SRV 0 0 1688 kms01.corp.example.test.",
    f"{NAME} 3600 IN CNAME _vlmcs._tcp.elsewhere.test.",
    f"{NAME} 3600 IN CNAME {NAME}",
    "corp.example.test. 60 IN SOA ns.corp.example.test. hostmaster.corp.example.test. 1 900 300 86400 60",
    "corp.example.test. 60 IN NS ns.corp.example.test.",
    "ns.corp.example.test. 60 IN A 192.0.2.53",
    "kms01.corp.example.test. 60 IN AAAA 2001:db8::10",
    "kms01.corp.example.test. 60 IN CNAME kms01.corp.example.test.",
)


@dataclass(frozen=True)
class Recipe:
    """How a reply is made of the question that it answers."""

    rcode: int
    flags: int
    answer: tuple[str, ...]
    authority: tuple[str, ...]
    additional: tuple[str, ...]
    edits: tuple[Damage, ...]

    def reply(self, question: dns.message.Message) -> bytes:
        """Damaged, but with the ID and the QR bit that the exchange looks for: others are dropped by it."""
        whole = apply(self.valid(question), self.edits).ljust(12, b"\0")
        return struct.pack("!HB", question.id, whole[2] | 0x80) + whole[3:]

    def valid(self, question: dns.message.Message) -> bytes:
        """The reply before any damage, signed if the question was."""
        message = dns.message.make_response(question)
        message.flags |= self.flags
        message.set_rcode(dns.rcode.Rcode(self.rcode))
        for section, lines in (
            (message.answer, self.answer),
            (message.authority, self.authority),
            (message.additional, self.additional),
        ):
            for line in lines:
                name, ttl, _class, kind, data = line.split(maxsplit=4)
                section.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
        if question.had_tsig:
            message.use_tsig(KEY)
            message.request_mac = question.mac or b""
        return message.to_wire()


def _some(most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(RECORDS), max_size=most, unique=True).map(tuple)


recipes = st.builds(
    Recipe,
    # Most answers are no refusals, or nothing behind the code would be read.
    st.one_of(st.just(0), st.just(0), st.integers(0, 15)),
    st.sampled_from([0, dns.flags.AA, dns.flags.RA, dns.flags.AA | dns.flags.TC]),
    _some(4),
    _some(3),
    _some(3),
    several(0),
)


class Stranger:
    """An exchange that answers every question by a recipe. Fails when it is asked without end."""

    server = "ns1.example.test port 53"

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.asked = 0

    def ask(self, message: bytes) -> bytes:
        self.asked += 1
        assert self.asked < 40, "it is asked without end"
        question = dns.message.from_wire(message, keyring=lambda _message, _name: False)
        return self.recipe.reply(question)


def signed_answers(recipe: Recipe) -> None:
    """A question with a key: whatever is verified says what the server said, nothing else."""
    question = dns.message.make_query(NAME, "SRV", flags=0)
    question.use_tsig(KEY)
    asked = dns.message.from_wire(question.to_wire(), keyring=KEY)
    answer = read_answer(question, recipe.reply(asked), KEY)
    if answer.verified:
        original = dns.message.from_wire(recipe.valid(asked), keyring=KEY, request_mac=question.mac)
        assert answer.message is not None
        assert answer.rcode == original.rcode()
        assert answer.message.answer == original.answer
        assert answer.message.authority == original.authority


def unsigned_replies(recipe: Recipe) -> None:
    """Every question that is asked without a key ends with a value or one of our own errors."""
    for read in (
        lambda talk: look_up(talk, NAME),
        lambda talk: find_addresses(talk, dns.name.from_text("kms01", ZONE)),
        lambda talk: find_zone(talk, NAME),
        lambda talk: read_records(talk, ZONE, NAME),
        lambda talk: read_name_servers(talk, ZONE),
    ):
        with contextlib.suppress(KmsError):
            read(Conversation(Stranger(recipe)))


def updates(recipe: Recipe) -> None:
    """An update is done only when an answer says so: signed by our key, or at least with the code for it."""
    record = SrvRecord(0, 0, 1688, dns.name.from_text("kms01", ZONE))
    steps = SrvPlan(SrvSet(), SrvSet(frozenset({record}), 3600))
    for key in (KEY, None):
        stranger = Stranger(recipe)
        done = False
        with contextlib.suppress(KmsError):
            done = send_update(Conversation(stranger, key), build_update(ZONE, NAME, steps), NAME)
        assert not (done and recipe.rcode and key), "a damaged refusal is taken for a success"


class _Undecided:
    """A security context that no answer completes."""

    complete = False
    initiator_name = "nobody@EXAMPLE.TEST"

    def step(self, token: bytes | None = None) -> bytes:
        return b"token" + (token or b"")[:8]

    def get_signature(self, message: bytes) -> bytes:
        raise AssertionError("there is no key to sign with")

    def verify_signature(self, message: bytes, signature: bytes) -> object:
        raise AssertionError("there is no key to verify with")


def negotiations(recipe: Recipe) -> None:
    """No answer makes a session out of a negotiation that did not complete, and the tokens end."""
    session = KerberosSession(
        Stranger(recipe), Login(), lambda: "ns1.example.test", open_context=lambda _login, _host: _Undecided()
    )
    try:
        session.key()
    except KerberosError:
        return
    raise AssertionError("a session without a proof of the server")
