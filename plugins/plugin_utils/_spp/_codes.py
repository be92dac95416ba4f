# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The numbers and words of the licensing service, by their own names."""

from __future__ import annotations

import enum
import typing as t

WINDOWS_APPLICATION = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE_APPLICATION = "0ff1ce15-a989-479d-af46-f275c6370663"
OFFICE_2010_APPLICATION = "59a52881-a989-479d-af46-f275c6370663"

NOT_APPLICABLE = 0xFFFFFFFF
"""uint32 -1: nearly every counter, limit and interval says so when it does not apply."""

DEFAULT_KMS_PORT = 1688


class _Code(enum.IntEnum):
    """An enumeration that keeps a number it does not know instead of failing on it."""

    @classmethod
    def _missing_(cls, value: object) -> t.Any:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    @property
    def label(self) -> str:
        """The word that Microsoft prints for the number, or "Unknown (n)"."""
        return _LABELS.get(self.name, f"Unknown ({int(self)})")


class Family(str, enum.Enum):
    """Which classes a product lives in.

    Office 2010 has classes of its own on every Windows, Office 2013 and later on Windows 7 and 2008 R2 only; everything
    else is SPP. Source: cim_classes.yaml, OfficeSoftwareProtectionService.
    """

    SPP = "spp"
    OSPP = "ospp"


class Scope(str, enum.Enum):
    """Of which applications products are read and managed."""

    WINDOWS = "windows"
    OFFICE = "office"
    ALL = "all"


class AddressLevel(str, enum.Enum):
    """Where a KMS address is kept: for all products of a service, or for one product, which then wins."""

    SERVICE = "service"
    PRODUCT = "product"


class LicenseStatus(_Code):
    """`SoftwareLicensingProduct.LicenseStatus`. Source: SoftwareLicensingProduct class; slmgr.vbs for 6."""

    UNLICENSED = 0
    LICENSED = 1
    OOB_GRACE = 2
    OOT_GRACE = 3
    NON_GENUINE_GRACE = 4
    NOTIFICATION = 5
    EXTENDED_GRACE = 6


class ActivationType(_Code):
    """`VLActivationType` and `VLActivationTypeEnabled`. Source: slmgr.vbs options, "/act-type"."""

    ANY = 0
    ACTIVE_DIRECTORY = 1
    KMS = 2
    TOKEN = 3


_LABELS = {
    "UNLICENSED": "Unlicensed",
    "LICENSED": "Licensed",
    "OOB_GRACE": "OOBGrace",
    "OOT_GRACE": "OOTGrace",
    "NON_GENUINE_GRACE": "NonGenuineGrace",
    "NOTIFICATION": "Notification",
    "EXTENDED_GRACE": "ExtendedGrace",
    "ANY": "Any",
    "ACTIVE_DIRECTORY": "ActiveDirectory",
    "KMS": "KMS",
    "TOKEN": "Token",
}


class Channel(str, enum.Enum):
    """How a product is licensed, told by its Description, which is the same in every display language."""

    KMS_CLIENT = "kms_client"
    KMS_HOST = "kms_host"
    MAK = "mak"
    OEM = "oem"
    EVALUATION = "evaluation"
    SUBSCRIPTION = "subscription"
    AVMA = "avma"
    RETAIL = "retail"
    UNKNOWN = "unknown"

    @classmethod
    def from_description(cls, description: str | None) -> Channel:
        """The channel of a product row. The order decides: Office MAKs call themselves "RETAIL(MAK) channel"."""
        text = (description or "").upper()
        return next((channel for marker, channel in _CHANNEL_MARKERS if marker in text), cls.UNKNOWN)

    @property
    def key(self) -> str:
        """What a product key of this channel is called in a sentence, with its article."""
        return _KEYS[self]


_KEYS = {
    Channel.KMS_CLIENT: "a client setup key",
    Channel.KMS_HOST: "a KMS host key",
    Channel.MAK: "a MAK",
    Channel.OEM: "an OEM key",
    Channel.EVALUATION: "an evaluation key",
    Channel.SUBSCRIPTION: "a subscription key",
    Channel.AVMA: "an AVMA key",
    Channel.RETAIL: "a retail key",
    Channel.UNKNOWN: "a key of an unknown kind",
}

_CHANNEL_MARKERS = (
    ("KMSCLIENT", Channel.KMS_CLIENT),
    ("VOLUME_KMS", Channel.KMS_HOST),
    ("MAK", Channel.MAK),
    ("VIRTUAL_MACHINE_ACTIVATION", Channel.AVMA),
    ("OEM", Channel.OEM),
    ("EVAL", Channel.EVALUATION),
    ("TIMEBASED_SUB", Channel.SUBSCRIPTION),
    ("RETAIL", Channel.RETAIL),
)


class Activate(str, enum.Enum):
    """What a user wants of an activation."""

    IF_NEEDED = "if_needed"
    RENEW = "renew"
    NEVER = "never"


class Outcome(str, enum.Enum):
    """The three kinds of outcome of an activation."""

    LICENSED = "licensed"
    PENDING = "pending"
    FAILED = "failed"


def activation_threshold(is_server: bool, is_office: bool = False) -> int:
    """How many machines must have asked a KMS host before it activates one of this class.

    Servers 5, clients 25, Office 5. Source: kms-activation-planning, "Activation threshold" (F05).
    """
    return 5 if is_server or is_office else 25
