# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole task: the module's options made into requests, the zones put in order one by one, and the result."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .._errors import BadInput, KmsError, NotConverged
from ._agreement import Clock, Peer, View, Wanted, await_agreement
from ._answers import Conversation
from ._converge import Outcome, Request, converge, observe
from ._exchange import Exchange, NoAnswer, SocketExchange
from ._gss import KerberosSession, Login, require_gssapi
from ._names import is_address, parse_service, parse_target, parse_zone
from ._query import NameServer, read_name_servers, read_primary
from ._records import Desired, SrvRecord, State
from ._update import make_key

if t.TYPE_CHECKING:
    import dns.name

MAXIMUM_WAIT = 86400


@dataclass(frozen=True, slots=True)
class Verification:
    """How the zones' other servers are asked: the given ones (None: each zone's own), their port, and seconds."""

    servers: tuple[str, ...] | None
    port: int
    timeout: float
    wait: float

    @classmethod
    def from_options(cls, options: Mapping[str, t.Any]) -> Verification:
        wait, servers = options["wait_timeout"], options["verify_servers"]
        if not 0 <= wait <= MAXIMUM_WAIT:
            raise BadInput(f"The wait_timeout {wait} is not between 0 and {MAXIMUM_WAIT} seconds.")
        if servers is not None and not all(each.strip("[]") for each in servers):
            raise BadInput("An item of verify_servers is empty. Give names or addresses of DNS servers.")
        listed = None if servers is None else tuple(servers)
        return cls(listed, options["server_port"], options["timeout"], wait)

    def peers(self, zones_own: list[NameServer], told: SocketExchange) -> list[Peer]:
        """Those to ask beside the server that was told, which has been asked already."""
        if self.servers is None:
            known = [(each.name.to_text(omit_final_dot=True), each.addresses) for each in zones_own]
        else:
            known = [(each, ()) for each in dict.fromkeys(self.servers)]
        return [
            Peer(name, self._connector(name, addresses))
            for name, addresses in known
            if not set(told.addresses).intersection([*addresses, name.strip("[]")])
        ]

    def _connector(self, name: str, addresses: tuple[str, ...]) -> t.Callable[[float], Exchange]:
        return lambda timeout: SocketExchange(name, self.port, timeout, addresses=addresses)


@dataclass(frozen=True, slots=True)
class Task:
    """What one run of the module is to do. All requests go to the same server."""

    requests: tuple[Request, ...]
    exchange: SocketExchange
    verification: Verification

    @classmethod
    def from_options(cls, options: Mapping[str, t.Any]) -> Task:
        """The checked form of the module's options.

        Raises `BadInput`, `MissingLibrary`, and `NoAnswer` for an unknown server name.
        """
        verification = Verification.from_options(options)
        zones = list(dict.fromkeys(parse_zone(each) for each in options["zones"]))
        if not zones:
            raise BadInput("The list of zones is empty. Name at least one zone.")
        wanted = [(zone, parse_service(options["service"], zone), _desired(options, zone)) for zone in zones]
        exchange = SocketExchange(
            options["server"], options["server_port"], options["timeout"], stream=options["gss_tsig"]
        )
        conversation = _conversation(options, exchange, zones[0])
        refresh = options["gss_tsig"] if options["refresh"] is None else options["refresh"]
        requests = tuple(Request(zone, name, desired, conversation, refresh) for zone, name, desired in wanted)
        return cls(requests, exchange, verification)


def _desired(options: Mapping[str, t.Any], zone: dns.name.Name) -> Desired:
    records = [
        SrvRecord(item["priority"], item["weight"], item["port"], parse_target(item["target"], zone))
        for item in options["records"]
    ]
    return Desired.of(records, options["ttl"], State(options["state"]), exclusive=options["exclusive"])


def _conversation(options: Mapping[str, t.Any], exchange: SocketExchange, zone: dns.name.Name) -> Conversation:
    """With whatever signs: a session, a key, or nothing."""
    gss = {name: options[name] for name in ("gss_principal", "gss_password", "gss_keytab", "gss_server_name")}
    if not options["gss_tsig"]:
        given = ", ".join(name for name, value in gss.items() if value is not None)
        if given:
            raise BadInput(f"These options have no meaning without gss_tsig: true: {given}.")
        if options["tsig_name"] is None:
            return Conversation(exchange)
        return Conversation(exchange, make_key(options["tsig_name"], options["tsig_secret"], options["tsig_algorithm"]))
    if options["tsig_name"] is not None:
        raise BadInput("The options tsig_name and gss_tsig exclude each other: an update is signed by one of them.")
    login = Login(gss["gss_principal"], gss["gss_password"], gss["gss_keytab"])
    require_gssapi()

    def host() -> str:
        given: str = gss["gss_server_name"] or options["server"]
        if gss["gss_server_name"] or not is_address(given):
            return given.rstrip(".")
        return read_primary(Conversation(exchange), zone).to_text(omit_final_dot=True)

    return Conversation(exchange, session=KerberosSession(exchange, login, host))


def publish(task: Task, *, check_mode: bool, clock: Clock | None = None) -> dict[str, t.Any]:
    """The module's result, after all zones are what they should be and all servers agree.

    All zones are read first, so that a zone that is not there fails the task before anything is changed. After that, a
    zone that fails does not keep the next ones from being put in order. Raises the first failure, whose `progress` is a
    result that tells what was done.
    """
    seen = [(read_name_servers(each.conversation, each.zone), observe(each)) for each in task.requests]
    outcomes: list[Outcome] = []
    failures: list[KmsError] = []
    for request, (name_servers, observed) in zip(task.requests, seen, strict=True):
        try:
            outcome = converge(request, observed, check_mode=check_mode)
        except KmsError as failure:
            failures.append(failure)
            if isinstance(failure, NoAnswer):
                # The other zones are on the same server.
                break
            continue
        if not check_mode:
            outcome = replace(outcome, servers=_views(outcome.request, name_servers, task, clock))
        outcomes.append(outcome)
    failures += [error for outcome in outcomes if (error := _disagreement(outcome, task.verification.wait))]
    if failures:
        raise _with_progress(failures, outcomes)
    return _result(outcomes)


def _views(request: Request, name_servers: list[NameServer], task: Task, clock: Clock | None) -> tuple[View, ...]:
    """What all servers have: the one that was told, which has just been asked, and the others."""
    how = task.verification
    peers = how.peers(name_servers, task.exchange)
    wanted = Wanted(request.zone, request.name, request.desired)
    others = await_agreement(peers, wanted, timeout=how.timeout, wait=how.wait, clock=clock)
    return View(task.exchange.server), *others


def _disagreement(outcome: Outcome, wait: float) -> NotConverged | None:
    lagging = [view.problem for view in outcome.servers if view.problem]
    if not lagging:
        return None
    told, count = outcome.servers[0].server, len(outcome.servers)
    hint = (
        "Check the zone transfer or replication to these servers. Give wait_timeout more time where they are only "
        "slow, and verify_servers the servers that count."
    )
    error = NotConverged(
        f"The records of {outcome.request.name} are the wanted ones on the DNS server {told}, and after {wait:g} s "
        f"{len(lagging)} of the zone's {count} servers still disagreed. {' '.join(lagging)} {hint}",
        operation="verify",
        target=outcome.request.name.to_text(),
        hint=hint,
    )
    error.progress = {"changed": bool(outcome.steps)}
    return error


def _with_progress(failures: list[KmsError], outcomes: list[Outcome]) -> KmsError:
    """The first failure, told with what was done in all zones; several are told one after the other."""
    first = failures[0]
    changed = any(each.progress.get("changed") for each in failures) or any(each.steps for each in outcomes)
    first.progress = {**(_result(outcomes) if outcomes else {}), "changed": changed}
    if len(failures) > 1:
        first.message = " ".join(failure.message for failure in failures)
    return first


def _result(outcomes: list[Outcome]) -> dict[str, t.Any]:
    return {
        "changed": any(each.steps for each in outcomes),
        "zones": [each.as_result() for each in outcomes],
        "diff": {
            "before": "".join(each.diff[0] for each in outcomes),
            "after": "".join(each.diff[1] for each in outcomes),
        },
    }
