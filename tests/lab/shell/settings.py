# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a site file that the shell reads itself: `account` and `dns`."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import dns.name
import dns.tsig

from .errors import UsageError

TRANSPORTS = ("ntlm", "basic", "certificate", "kerberos")
DNS_SOFTWARE = ("auto", "bind", "builtin")
TSIG_ALGORITHMS = {
    name.to_text(omit_final_dot=True).lower(): name for name in dns.tsig.mac_sizes if name != dns.tsig.GSS_TSIG
}
TSIG_KEY_NAME = "lab-update."


@dataclass(frozen=True, slots=True)
class Account:
    """The local administrator every machine of the site accepts."""

    user: str
    password: str = field(repr=False)
    transports: tuple[str, ...]
    https: bool = False
    """Whether the machines listen on port 5986, too."""
    unencrypted: bool = False
    """Whether they take messages that neither TLS nor the login encrypts (Windows: AllowUnencrypted)."""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Which DNS server the lab starts, and the key that may update its zone."""

    software: str
    zone: dns.name.Name
    tsig: dns.tsig.Key

    @property
    def tsig_secret(self) -> str:
        """The key's secret in base64, as configuration files and modules take it."""
        return base64.b64encode(self.tsig.secret).decode()

    @property
    def tsig_algorithm(self) -> str:
        """The key's algorithm without the final dot, as configuration files and modules take it."""
        return str(self.tsig.algorithm.to_text(omit_final_dot=True)).lower()

    @property
    def bind_can_serve(self) -> bool:
        """Whether BIND knows the key's algorithm: not by the names of the truncated ones, such as hmac-sha256-128."""
        return self.tsig_algorithm.count("-") == 1 or self.tsig.algorithm == dns.tsig.HMAC_MD5

    @property
    def tsig_name(self) -> str:
        """The key's name without the final dot."""
        return str(self.tsig.name.to_text(omit_final_dot=True))


def read_account(section: Mapping[str, Any]) -> Account:
    """Read `account: {user, password, transports, https, unencrypted}` of a site file.

    Without a password each lab invents one. Unencrypted messages are allowed where Basic could do nothing else.
    Raises UsageError with one sentence.
    """
    _refuse_unknown("account", section, ("user", "password", "transports", "https", "unencrypted"))
    user = section.get("user", "labadmin")
    password = section.get("password") or secrets.token_urlsafe(18)
    transports = section.get("transports", ["ntlm"])
    for name, value in (("user", user), ("password", password)):
        if not isinstance(value, str) or not value or any(letter in value for letter in ":\r\n"):
            raise UsageError(f"`account.{name}` has to be text without a colon and of one line.")
    if not isinstance(transports, list) or not transports or any(name not in TRANSPORTS for name in transports):
        raise UsageError(f"`account.transports` has to be a list of {_either(TRANSPORTS)}.")
    https = section.get("https", False)
    unencrypted = section.get("unencrypted", "basic" in transports and not https)
    for name, value in (("https", https), ("unencrypted", unencrypted)):
        if not isinstance(value, bool):
            raise UsageError(f"`account.{name}` has to be true or false.")
    if "certificate" in transports and not https:
        raise UsageError("`account.transports` has certificate, which needs `account.https: true`.")
    return Account(user, password, tuple(transports), https, unencrypted)


def read_dns(section: Mapping[str, Any], domain: str) -> DnsSettings:
    """Read `dns: {software, tsig_algorithm}` of a site file; the zone is the site's domain, the key is new each time.

    Raises UsageError with one sentence.
    """
    _refuse_unknown("dns", section, ("software", "tsig_algorithm"))
    software = section.get("software", "auto")
    if software not in DNS_SOFTWARE:
        raise UsageError(f"`dns.software` has to be {_either(DNS_SOFTWARE)}, not {software!r}.")
    algorithm = section.get("tsig_algorithm", "hmac-sha256")
    if algorithm not in TSIG_ALGORITHMS:
        raise UsageError(f"`dns.tsig_algorithm` has to be {_either(sorted(TSIG_ALGORITHMS))}, not {algorithm!r}.")
    key = dns.tsig.Key(TSIG_KEY_NAME, secrets.token_bytes(32), TSIG_ALGORITHMS[algorithm])
    settings = DnsSettings(software, dns.name.from_text(domain), key)
    if software == "bind" and not settings.bind_can_serve:
        raise UsageError(f"BIND has no TSIG algorithm {algorithm}: choose another, or dns.software builtin.")
    return settings


def _either(names: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _refuse_unknown(where: str, section: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(section) - set(known))
    if unknown:
        raise UsageError(f"{unknown[0]!r} is not a name in `{where}`; valid names are {', '.join(known)}.")
