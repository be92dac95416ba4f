# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a site file that the shell reads itself: `account` and `dns`."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dns.exception
import dns.name
import dns.tsig

from lab.effects import ServiceRecord

from .errors import UsageError

TRANSPORTS = ("ntlm", "basic", "certificate", "kerberos")
DNS_SOFTWARE = ("auto", "bind", "builtin")
TSIG_ALGORITHMS = {
    name.to_text(omit_final_dot=True).lower(): name for name in dns.tsig.mac_sizes if name != dns.tsig.GSS_TSIG
}
TSIG_KEY_NAME = "lab-update."


@dataclass(frozen=True, slots=True)
class Account:
    """A local administrator: the one that every machine of the site accepts, or one of a machine's own."""

    user: str
    password: str = field(repr=False)
    transports: tuple[str, ...]
    https: bool = False
    """Whether the machines listen on port 5986, too."""
    unencrypted: bool = False
    """Whether they take messages that neither TLS nor the login encrypts (Windows: AllowUnencrypted)."""

    in_inventory: bool = True
    """Whether the inventory has the user and the password."""


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Which DNS server the lab starts, and the key that may update its zone."""

    software: str
    zone: dns.name.Name
    tsig: dns.tsig.Key
    services: tuple[ServiceRecord, ...] = ()
    """What `_vlmcs._tcp` of the zone has at first."""

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
    """Read `account: {user, password, transports, https, unencrypted, in_inventory}` of a site file.

    Without a password each lab invents one. Unencrypted messages are allowed where Basic could do nothing else.
    Raises UsageError with one sentence.
    """
    _refuse_unknown("account", section, ("user", "password", "transports", "https", "unencrypted", "in_inventory"))
    user = section.get("user", "labadmin")
    password = section.get("password") or secrets.token_urlsafe(18)
    transports = section.get("transports", ["ntlm"])
    _check_login("account", user, password)
    if not isinstance(transports, list) or not transports or any(name not in TRANSPORTS for name in transports):
        raise UsageError(f"`account.transports` has to be a list of {_either(TRANSPORTS)}.")
    https = section.get("https", False)
    unencrypted = section.get("unencrypted", "basic" in transports and not https)
    in_inventory = section.get("in_inventory", True)
    for name, value in (("https", https), ("unencrypted", unencrypted), ("in_inventory", in_inventory)):
        if not isinstance(value, bool):
            raise UsageError(f"`account.{name}` has to be true or false.")
    if "certificate" in transports and not https:
        raise UsageError("`account.transports` has certificate, which needs `account.https: true`.")
    return Account(user, password, tuple(transports), https, unencrypted, in_inventory)


def own_account(account: Account, section: Mapping[str, Any], machine: str) -> Account:
    """The account of one machine: that of the site but for what `account: {user, password}` of the machine says.

    Raises UsageError.
    """
    where = f"account` of `{machine}"
    _refuse_unknown(where, section, ("user", "password"))
    user, password = section.get("user", account.user), section.get("password", account.password)
    _check_login(where, user, password)
    return replace(account, user=user, password=password)


def _check_login(where: str, user: object, password: object) -> None:
    for name, value in (("user", user), ("password", password)):
        if not isinstance(value, str) or not value or any(letter in value for letter in ":\r\n"):
            raise UsageError(f"`{where}.{name}` has to be text without a colon and of one line.")


def read_dns(section: Mapping[str, Any], domain: str) -> DnsSettings:
    """Read `dns: {software, tsig_algorithm, records}` of a site file.

    The zone is the site's domain, the key is new each time. Raises UsageError with one sentence.
    """
    _refuse_unknown("dns", section, ("software", "tsig_algorithm", "records"))
    software = section.get("software", "auto")
    if software not in DNS_SOFTWARE:
        raise UsageError(f"`dns.software` has to be {_either(DNS_SOFTWARE)}, not {software!r}.")
    algorithm = section.get("tsig_algorithm", "hmac-sha256")
    if algorithm not in TSIG_ALGORITHMS:
        raise UsageError(f"`dns.tsig_algorithm` has to be {_either(sorted(TSIG_ALGORITHMS))}, not {algorithm!r}.")
    key = dns.tsig.Key(TSIG_KEY_NAME, secrets.token_bytes(32), TSIG_ALGORITHMS[algorithm])
    records = tuple(_service(entry, domain) for entry in section.get("records") or ())
    settings = DnsSettings(software, dns.name.from_text(domain), key, records)
    if software == "bind" and not settings.bind_can_serve:
        raise UsageError(f"BIND has no TSIG algorithm {algorithm}: choose another, or dns.software builtin.")
    return settings


def _service(entry: Any, domain: str) -> ServiceRecord:
    """One SRV record; a target without a dot is a machine of the site, or was."""
    if not isinstance(entry, Mapping):
        raise UsageError(f"`dns.records` has an entry that is not a mapping of names to values: {entry!r}.")
    _refuse_unknown("dns.records", entry, ("target", "port", "priority", "weight"))
    target = entry.get("target")
    if not isinstance(target, str) or not _is_name(target):
        raise UsageError(f"`dns.records` has a target that is no name: {target!r}.")
    priority, weight, port = (_number(entry, *named) for named in (("priority", 0), ("weight", 0), ("port", 1688)))
    return ServiceRecord(priority, weight, port, target if "." in target else f"{target}.{domain}")


def _number(entry: Mapping[str, Any], name: str, default: int) -> int:
    number = entry.get(name, default)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 65535:
        raise UsageError(f"`dns.records` has a {name} that is not a number from 0 to 65535: {number!r}.")
    return number


def _is_name(text: str) -> bool:
    try:
        dns.name.from_text(text)
    except dns.exception.DNSException:
        return False
    return bool(text)


def _either(names: list[str] | tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _refuse_unknown(where: str, section: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(section) - set(known))
    if unknown:
        raise UsageError(f"{unknown[0]!r} is not a name in `{where}`; valid names are {', '.join(known)}.")
