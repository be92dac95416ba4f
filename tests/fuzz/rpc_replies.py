# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""RPC replies: whatever answers a bind, only a KMS host is ever taken for one, and reading it ends."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import uuid

from hypothesis import strategies as st

from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import MOST_BYTES, Status, judge, missing
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Endpoint
from ansible_collections.volact.kms.plugins.module_utils._rpc._probe import probe_all
from fuzz.replies import damaged, random_bytes, truncated
from lab.shell import rpc

NDR = uuid.UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
REJECTION = rpc.ContextVerdict(
    rpc.ContextResult.PROVIDER_REJECTION, rpc.RejectionReason.ABSTRACT_SYNTAX_NOT_SUPPORTED, rpc.NO_SYNTAX
)
ACCEPTANCE = rpc.ContextVerdict(rpc.ContextResult.ACCEPTANCE, rpc.RejectionReason.NOT_SPECIFIED, rpc.NDR)


def _acknowledgement(address: str, verdict: rpc.ContextVerdict) -> bytes:
    return rpc.encode(rpc.BindAck((verdict,), address), 1)


# The lab's encoder, which shares no code with the probe.
acceptances = st.builds(_acknowledgement, st.sampled_from(["", "1688", "49664"]), st.just(ACCEPTANCE))
refusals = st.one_of(
    st.builds(_acknowledgement, st.just("1688"), st.just(REJECTION)),
    st.builds(lambda reason: rpc.encode(rpc.BindNak(reason), 1), st.integers(0, 0xFFFF)),
    st.builds(lambda status: rpc.encode(rpc.Fault(0, status), 1), st.integers(0, 0xFFFFFFFF)),
)

anything = st.one_of(random_bytes, damaged(acceptances), damaged(refusals), truncated(acceptances))
never_kms = st.one_of(random_bytes, truncated(acceptances), truncated(refusals), refusals)


def _accepts(reply: bytes) -> bool:
    """Whether these bytes hold everything that an acceptance takes, wherever it stands."""
    little = reply[4] & 0xF0 == 0x10
    syntax = NDR.bytes_le if little else NDR.bytes
    return reply[0] == 5 and reply[2] == 12 and syntax in reply and int.from_bytes(reply[8:12], "little") != 0


def judged(reply: bytes) -> None:
    """Judging ends without an exception, and takes nothing for a KMS host that lacks a part of its answer."""
    if judge(reply).status is Status.KMS:
        assert len(reply) >= 56
        assert _accepts(reply)


def not_taken_for_kms(reply: bytes) -> None:
    """What is cut off, refused or random is no KMS host."""
    assert judge(reply).status in {Status.OTHER_RPC, Status.OTHER_SERVICE}


def read_to_an_end(reply: bytes) -> None:
    """Reading asks for a bounded number of bytes, and never for none when it goes on."""
    taken = 0
    while (wanted := missing(reply[:taken])) and taken < len(reply):
        taken = min(taken + wanted, len(reply))
    assert wanted <= MOST_BYTES
    assert taken <= max(MOST_BYTES, 16)


class _Server:
    """Answers one connection with prepared bytes, in two parts, and then closes it or says no more."""

    def __init__(self, reply: bytes, *, silent: bool) -> None:
        self._reply = reply
        self._silent = silent
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> _Server:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        connection, _peer = self._listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(100)
            half = len(self._reply) // 2
            connection.sendall(self._reply[:half])
            connection.sendall(self._reply[half:])
            if self._silent:
                self._done.wait(5)


served = st.tuples(anything, st.booleans())


def probed(case: tuple[bytes, bool]) -> None:
    """Over a socket: in time, and the same verdict as on the bytes alone, or silence."""
    reply, silent = case
    with _Server(reply, silent=silent) as server:
        started = time.monotonic()
        (finding,) = probe_all([Endpoint("127.0.0.1", server.port)], timeout=0.05, concurrency=1)
    assert time.monotonic() - started < 3
    if finding.best.status is Status.KMS:
        judged(reply)
        assert judge(reply).status is Status.KMS
