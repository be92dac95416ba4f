# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a KMS activation failed: the next thing to check, and what the controller could check of it itself.

The order is that of the field: SRV record, name, port, clock, key, count. What the controller sees is a hint: the
machine may ask another DNS server, and a firewall may stand between it and the KMS host. Nothing is ever sent to a KMS
host: the port is connected to and closed. A DNS server is asked for the SRV record, as nslookup would.
"""

from __future__ import annotations

import socket
import threading
import typing as t
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError

from ._client_state import ClientState
from ._codes import DEFAULT_KMS_PORT, Channel
from ._hresult import BELOW_THRESHOLD, explain
from ._rows import Product

try:
    import dns.exception
    import dns.resolver
except ImportError:
    HAS_DNSPYTHON = False
else:
    HAS_DNSPYTHON = True

Suffixes = Callable[[], "tuple[str, ...]"]

LIMIT_SECONDS = 3.0
"""How long one question of the controller may take."""

CLOCK_LIMIT = timedelta(hours=4)
"""How far client and KMS host may be apart. Source: kms_rules.yaml, clock."""

_NO_NAME = frozenset({0x8007232B, 0x8007251D, 0x8007232A, 0x800705B4})
_NO_HOST = 0xC004F074
SERVICE = "_vlmcs._tcp"
"""What a KMS host is published as. Source: kms-create-host, "Configure DNS records"."""
_CLOCK = 0xC004F06C
_HOST_ANSWERED = frozenset({0xC004F041, 0xC004F042, _CLOCK, BELOW_THRESHOLD})
"""What only a KMS host can say: then its record, name and port are well, whatever the controller sees of them."""

_WHAT = {
    "srv": "Look whether _vlmcs._tcp of the machine's DNS domain has an SRV record, as that machine sees it.",
    "name": "Look whether the name of the KMS host resolves on the machine.",
    "port": "Look whether the machine reaches TCP port {port} of {host}: a firewall, or a KMS host that is off.",
    "clock": "Compare the clocks: client and KMS host may be at most 4 hours apart.",
    "key": "Look whether the KMS host has a key that activates this product, and is activated itself.",
    "count": "Wait until enough machines have asked the KMS host, and run again.",
}
_KEY_OF_MACHINE = "Compare the key with the agreement: whether it is for this product, and has activations left."


class Surroundings(t.Protocol):
    """What the controller can find out about the network."""

    def now(self) -> datetime:
        """The controller's time, with a zone."""

    def publishes(self, domain: str) -> bool | None:
        """Whether a DNS domain has an SRV record of a KMS host; None where that can't be told."""

    def resolves(self, name: str) -> bool:
        """Whether a name has an address."""

    def connects(self, host: str, port: int) -> bool:
        """Whether a TCP port takes connections."""


class Network:
    """The surroundings of a real controller."""

    def now(self) -> datetime:
        """The controller's time."""
        return datetime.now(timezone.utc)

    def publishes(self, domain: str) -> bool | None:
        """Whether the controller's resolver finds a record, asked for LIMIT_SECONDS. It is None without dnspython."""
        if not HAS_DNSPYTHON:
            return None
        try:
            dns.resolver.resolve(f"{SERVICE}.{domain}.", "SRV", lifetime=LIMIT_SECONDS, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return False
        except (dns.exception.DNSException, OSError, UnicodeError):
            return None
        return True

    def resolves(self, name: str) -> bool:
        """Whether the controller's resolver has an address, asked for LIMIT_SECONDS."""
        found: list[object] = []

        def ask() -> None:
            try:
                found.extend(socket.getaddrinfo(name, None))
            except (OSError, UnicodeError):
                return

        # No time-out can be given to the resolver of the system: who gets no answer goes on without it.
        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        asking.join(LIMIT_SECONDS)
        return bool(found)

    def connects(self, host: str, port: int) -> bool:
        """Connect and close, within LIMIT_SECONDS."""
        try:
            socket.create_connection((host, port), timeout=LIMIT_SECONDS).close()
        except (OSError, UnicodeError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong. `ok` is None where the controller can't tell."""

    check: str
    target: str | None
    ok: bool | None
    result: str | None

    def as_result(self, what: str) -> dict[str, t.Any]:
        """What a user gets: builtins only."""
        return {
            "check": self.check,
            "target": self.target,
            "checked": self.ok is not None,
            "result": self.result,
            "what": what,
        }


def diagnose(
    error: KmsError,
    state: ClientState,
    product: Product | None,
    surroundings: Surroundings | None = None,
    skew: timedelta | None = None,
    suffixes: Suffixes | None = None,
) -> None:
    """Add cause, remedy and next check to the details of `error`. Without surroundings nothing is asked.

    `suffixes` gives the DNS domains in which the machine looks; it is called only where the machine found no KMS host.
    """
    known = explain(error.code) if error.code is not None else None
    error.details = {
        **error.details,
        "cause": known.cause if known else None,
        "remedy": known.remedy if known else None,
        "next_check": None,
    }
    if known is None or product is None:
        return
    if product.channel is not Channel.KMS_CLIENT:
        error.details["next_check"] = Check("key", product.name, None, None).as_result(_KEY_OF_MACHINE)
        return
    host, port = _address(state, product)
    if known.code in _HOST_ANSWERED:
        found = _wrong_clock(skew) if surroundings else None
    else:
        found = _wrong(host, port, surroundings, skew, suffixes) if surroundings else None
    check = found or Check(_by_code(known.code, host), _target(known.code, host, port), None, None)
    what = _WHAT[check.check].format(port=port, host=host or "the KMS host")
    error.details["next_check"] = check.as_result(what)
    if found is not None:
        error.message = f"{error.message} {found.result} {what}"


def _address(state: ClientState, product: Product) -> tuple[str | None, int]:
    """The KMS host that the machine asks, as far as it tells: of the product, of the service, found in DNS."""
    service = state.service_of(product.family)
    if product.kms_machine:
        return product.kms_machine, product.kms_port or DEFAULT_KMS_PORT
    if service and service.kms_machine:
        return service.kms_machine, service.kms_port
    if product.discovered_machine:
        return product.discovered_machine, product.discovered_port or DEFAULT_KMS_PORT
    if service and service.discovered_machine:
        return service.discovered_machine, service.discovered_port or DEFAULT_KMS_PORT
    return None, DEFAULT_KMS_PORT


def _wrong(
    host: str | None, port: int, surroundings: Surroundings, skew: timedelta | None, suffixes: Suffixes | None
) -> Check | None:
    """The first thing that the controller finds wrong, in the order of the field."""
    if host is None and suffixes is not None:
        domains = suffixes()
        # One domain that has a record, or that nobody could tell about, is enough for a machine to be well.
        if domains and all(surroundings.publishes(domain) is False for domain in domains):
            names = ", ".join(f"{SERVICE}.{domain}" for domain in domains)
            return Check("srv", names, False, f"The controller finds no SRV record {names}.")
    if host is not None:
        bare = host.strip("[]")
        if not surroundings.resolves(bare):
            return Check("name", host, False, f"The name {host} does not resolve on the controller.")
        if not surroundings.connects(bare, port):
            refused = f"TCP port {port} of {host} takes no connection from the controller."
            return Check("port", f"{host}:{port}", False, refused)
    return _wrong_clock(skew)


def _wrong_clock(skew: timedelta | None) -> Check | None:
    if skew is not None and abs(skew) > CLOCK_LIMIT:
        minutes = int(abs(skew).total_seconds() // 60)
        way = "ahead of" if skew > timedelta(0) else "behind"
        return Check("clock", None, False, f"The machine's clock is {minutes} minutes {way} the controller's.")
    return None


def _by_code(code: int, host: str | None) -> str:
    if code == BELOW_THRESHOLD:
        return "count"
    if code == _CLOCK:
        return "clock"
    if code in _NO_NAME:
        return "name" if host else "srv"
    if code == _NO_HOST:
        return "port" if host else "srv"
    return "key"


def _target(code: int, host: str | None, port: int) -> str | None:
    return f"{host}:{port}" if host and _by_code(code, host) == "port" else host
