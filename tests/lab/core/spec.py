# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site file: which machines, which keys, which behaviour.

    domain: corp.example.test                # required
    dns: {...}                               # the shell's business, handed through unread
    account: {...}                           # the shell's business, handed through unread
    machines:                                # required; `win[001:024]` is a range with leading zeros kept
      kms01: {os: windows-server-2022-datacenter}
      win[001:024]:
        os: windows-11-enterprise            # required
        language: [en-US, de-DE]             # one language, or a list that is cycled over the range; default en-US
        groups: [kms_clients]                # groups of the inventory
        products:                            # left out: the edition's GVLK, not activated, as volume media leave it
          - {key: BBBBB-CCCCC-DDDDD-FFFFF-MKWNH, activated: true}     # an activation that is already spent
          - {channel: gvlk}                  # the published key of the edition, without writing it down
          - {channel: retail}                # or oem_dm, avma: such a licence; as the next two `activated` unless told
          - {kind: esu}                      # an add-on for extended security updates, beside Windows' own licence
          - {kind: esu, channel: none}       # the same without a key; or with `key`, one of `microsoft.keys`
          - {kind: m365}                     # Microsoft 365 Apps: a subscription licence of Office
          - {office: ProPlus2021}            # volume Office with its GVLK; `office.yaml` in `data` has the names
          - {office: VisioPro2021, key: ...} # with a MAK; two entries of one product: keys side by side
          - {office: ProPlus2021, channel: none}      # without a key; `retail`: a retail row, and no volume rows
          - {office_host: "2021", key: ...}  # the licence pack of an Office KMS host, and maybe its key
        domain_joined: true                  # default; false: no activation by Active Directory
        architecture: 64-bit                 # default; 32-bit
        updates: [KB5034770]                 # Win32_QuickFixEngineering; default: two that matter to nobody
        revision: 2322                       # of the cumulative update: UBR; default 1001
        network_profile: domain              # or private, public; default: domain when joined, else private
        firewall:                            # of Group Policy; default: nothing
          local_rules: ignored               # default: applied
          policy_rules:                      # `addresses` and `profiles` default to any, `action` to allow
            - {name: SPPSVC-In-TCP, port: 1688, profiles: [domain], addresses: [10.0.0.0/8], action: block}
        cmid: GUID                           # of all machines of the range: clones
        clients: {windows: 24, office-2021: 3}  # made-up clients of a KMS host; a number: of its first count
        account: {user: ..., password: ...}  # of these machines only; the shell's business
        black_hole: true                     # nothing answers at their address; the shell's business
        registry:                            # values below HKEY_LOCAL_MACHINE: texts, numbers, and lists of texts
          SOFTWARE\\Policies\\Microsoft\\Windows NT\\CurrentVersion\\Software Protection Platform:
            KeyManagementServiceName: kms.example.test
        dialects: [dates-1601-nil]           # names of `dialects.KNOWN` for these machines, on top of the site's
    microsoft:
      keys:                                  # what the simulated activation service knows
        - {key: ..., kind: mak, for: [windows-11-enterprise], activations: 100, description: text, blocked: false}
        - {key: ..., kind: kms_host, for: [...], channel: VOLUME_KMS_WS22, hosts: 6, activations_per_host: 10}
        - {key: ..., kind: retail, for: [...]}
        - {key: ..., kind: kms_host, for: [...], used: {kms01: 10, elsewhere: 1}}   # spent before, by machine
        - {key: ..., kind: esu, for: [...], activations: 10}
        - {key: ..., kind: mak, for: [ProPlus2021, Standard2021]}       # of Office: products of one class family
        - {key: ..., kind: kms_host, for: [office-2021]}
    active_directory:
      activation_objects:                    # default none: nothing is activated by Active Directory
        - {name: text, channel: VOLUME_KMS_WS22}      # made with a host key of Windows
        - {name: text, office_host: "2021"}           # made with a host key of Office
    behaviour:
      background_activation_seconds: null    # after a key change the service activates by itself, n seconds later
      products_without_key: 300              # licence rows without a key, as every real machine has
      dns_updates: refused                   # of KMS hosts: refused, secure (0x80072338), owner (the first one), open
      request_seconds: 0                     # how long each HTTP request takes; the shell's business
      dialects: [first-response-empty]       # names of `dialects.KNOWN`, combined
      fault_shape: 2                         # any field of `Dialect` with a plain value; it wins over `dialects`

Every mistake is a `SiteError` with one sentence: what, where, and which names are valid.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .catalogue import OFFICE_HOST
from .dialect import STANDARD, Dialect
from .licence import ActivationObject
from .office import office_releases
from .site_checks import SiteError, check_names, choice_of, count_of, list_of, mapping_of, text_of
from .spec_keys import MicrosoftKey, microsoft_key
from .spec_machine import MachineSpec, chosen_dialect, machines_of

__all__ = ["Behaviour", "MachineSpec", "SiteError", "SiteSpec", "parse_site"]

_DOMAIN = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")

#: What DNS makes of the SRV record that a KMS host would publish itself.
DNS_UPDATES = ("refused", "secure", "owner", "open")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the site behaves where sites differ."""

    background_activation_seconds: float | None = None
    products_without_key: int = 300
    dialect: Dialect = STANDARD
    dns_updates: str = DNS_UPDATES[0]
    request_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SiteSpec:
    """A checked site file. `dns` and `account` are handed to the shell as they are."""

    domain: str
    machines: tuple[MachineSpec, ...]
    keys: tuple[MicrosoftKey, ...]
    behaviour: Behaviour
    dns: Mapping[str, t.Any]
    account: Mapping[str, t.Any]
    activation_objects: tuple[ActivationObject, ...] = ()


def parse_site(document: Mapping[str, t.Any]) -> SiteSpec:
    """Check a loaded site file and expand its ranges. Raises SiteError."""
    where = "the site file"
    top = mapping_of(document, where)
    check_names(top, ("domain", "dns", "account", "machines", "microsoft", "active_directory", "behaviour"), where)
    domain = text_of(top, "domain", where).lower()
    if _DOMAIN.fullmatch(domain) is None:
        raise SiteError(f"`domain` in {where} is not a DNS domain: {domain!r}.")
    behaviour = _behaviour(mapping_of(top.get("behaviour", {}), "`behaviour`"))
    machines = tuple(machines_of(mapping_of(top.get("machines"), "`machines`"), behaviour.dialect))
    if not machines:
        raise SiteError("`machines` in the site file names no machine.")
    directory = mapping_of(top.get("active_directory", {}), "`active_directory`")
    check_names(directory, ("activation_objects",), "`active_directory`")
    microsoft = mapping_of(top.get("microsoft", {}), "`microsoft`")
    check_names(microsoft, ("keys",), "`microsoft`")
    keys = tuple(
        microsoft_key(entry, number)
        for number, entry in enumerate(list_of(microsoft.get("keys", []), "`microsoft.keys`"), 1)
    )
    known = {key.mark.sha256 for key in keys}
    if len(known) != len(keys):
        raise SiteError("`microsoft.keys` names one product key twice.")
    return SiteSpec(
        domain,
        machines,
        keys,
        behaviour,
        mapping_of(top.get("dns") or {}, "`dns`"),
        mapping_of(top.get("account") or {}, "`account`"),
        tuple(_activation_objects(list_of(directory.get("activation_objects", []), "`activation_objects`"), domain)),
    )


def _activation_objects(entries: list[t.Any], domain: str) -> Iterable[ActivationObject]:
    """Source: kms_rules.yaml, adba, object."""
    naming_context = ",".join(f"DC={part}" for part in domain.split("."))
    container = f"CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,{naming_context}"
    for number, entry in enumerate(entries, 1):
        where = f"entry {number} of `active_directory.activation_objects`"
        fields = mapping_of(entry, where)
        check_names(fields, ("name", "channel", "office_host"), where)
        name = text_of(fields, "name", where)
        if ("channel" in fields) == ("office_host" in fields):
            raise SiteError(f"{where[0].upper()}{where[1:]} needs either `channel` or `office_host`.")
        year, channel = "", OFFICE_HOST
        if "channel" in fields:
            channel = text_of(fields, "channel", where)
        else:
            year = choice_of(str(fields["office_host"]), office_releases(), "release of Office", where).year
        yield ActivationObject(name, f"CN={name},{container}", channel, year)


def _behaviour(fields: Mapping[str, t.Any]) -> Behaviour:
    plain = {field.name: field for field in dataclasses.fields(Dialect) if field.name != "pull_rows"}
    own = (
        "background_activation_seconds",
        "products_without_key",
        "dialects",
        "dns_updates",
        "request_seconds",
    )
    check_names(fields, (*own, *plain), "`behaviour`")
    seconds = _seconds(fields, "background_activation_seconds", None)
    updates = fields.get("dns_updates", DNS_UPDATES[0])
    if updates not in DNS_UPDATES:
        raise SiteError(f"`behaviour.dns_updates` is {updates!r}; valid values are {', '.join(DNS_UPDATES)}.")
    chosen = {name: fields[name] for name in plain if name in fields}
    for name, value in chosen.items():
        if type(value) is not type(getattr(STANDARD, name)):
            raise SiteError(f"`behaviour.{name}` is {value!r}; it is a {type(getattr(STANDARD, name)).__name__}.")
    for name, valid in _CHOICES.items():
        if chosen.get(name, valid[0]) not in valid:
            raise SiteError(f"`behaviour.{name}` is {chosen[name]!r}; valid values are {', '.join(map(str, valid))}.")
    dialect = dataclasses.replace(chosen_dialect(STANDARD, fields.get("dialects", []), "`behaviour`"), **chosen)
    return Behaviour(
        seconds,
        count_of(fields, "products_without_key", 300, "`behaviour`"),
        dialect,
        updates,
        _seconds(fields, "request_seconds", 0.0) or 0.0,
    )


def _seconds(fields: Mapping[str, t.Any], name: str, default: float | None) -> float | None:
    seconds = fields.get(name, default)
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0):
        raise SiteError(f"`behaviour.{name}` is neither null nor seconds: {seconds!r}.")
    return seconds


#: Fields of `Dialect` that are one of a few words or numbers.
_CHOICES: dict[str, tuple[object, ...]] = {
    "fault_shape": (1, 2, 3),
    "failure_form": ("fault", "return_value"),
    "success_form": ("zero", "nil", "empty"),
    "firewall_success_form": ("empty", "zero", "nil"),
    "firewall_writes": ("accepted", "refused", "silent"),
    "firewall_creates": ("accepted", "refused"),
    "firewall_filter_keys": ("any", "four", "instance_id"),
    "event_12293_strings": ("fields", "text"),
    "fault_relates_to": ("echoed", "missing", "malformed"),
    "null_array": ("omitted", "nil"),
    "event_12290_strings": ("text_and_fields", "fields", "text"),
    "event_client_strings": ("text", "fields"),
}
