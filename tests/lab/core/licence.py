# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One licence row of a machine (an instance of SoftwareLicensingProduct) and how it ages."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum

from .catalogue import (
    EVALUATION,
    KMS_CLIENT,
    KMS_HOST_PREFIX,
    MAK,
    OEM,
    OFFICE_HOST,
    OFFICE_MAK,
    RETAIL,
    SUBSCRIPTION,
    WINDOWS_APPLICATION_ID,
    OperatingSystem,
    row_id,
)
from .clock import whole_minutes
from .dialect import Dialect
from .product_key import KeyMark


class LicenseStatus(IntEnum):
    """SoftwareLicensingProduct.LicenseStatus. Source: sppwmi, SoftwareLicensingProduct; slmgr.vbs for 6."""

    UNLICENSED = 0
    LICENSED = 1
    OOB_GRACE = 2
    OOT_GRACE = 3
    NON_GENUINE_GRACE = 4
    NOTIFICATION = 5
    EXTENDED_GRACE = 6


#: LicenseStatusReason of states that have a documented or captured one.
REASON_KMS_LICENSED = 0x4004F040
REASON_OOB_GRACE = 0x4004F00C
REASON_OOT_GRACE = 0x4004F00D
REASON_GRACE_EXPIRED = 0xC004F009
REASON_EVALUATION_EXPIRED = 0xC004FC07

#: The count that every Windows adds to, clients and servers alike.
WINDOWS_POOL = "windows"

_CHANNEL_NAMES = {
    KMS_CLIENT: "Volume:GVLK",
    MAK: "Volume:MAK",
    OFFICE_MAK: "Volume:MAK",
    RETAIL: "Retail",
    EVALUATION: "Retail:TB:Eval",
    OEM: "OEM:DM",
    SUBSCRIPTION: "Retail:TB:Sub",
}


@dataclass(frozen=True, slots=True)
class ActivationObject:
    """An activation object of Active Directory, and which host key it was made with.

    `channel` is that of the key; with `office_release` it is an Office key. Source: kms_rules.yaml, adba.
    """

    name: str
    dn: str
    channel: str
    office_release: str = ""


@dataclass(frozen=True, slots=True)
class LicenceRow:
    """A row: what the licence is, which key is on it, and what came of it.

    `expires` is the site time at which the present status ends, None when it does not end. `next_attempt` is when the
    service asks its KMS host again by itself. `office` names the Office product of a client row, `office_release` the
    year of any Office row; both are empty for Windows. `is_ospp`: the Office classes serve it.
    """

    activation_id: str
    name: str
    channel: str
    description: str
    family: str
    key: KeyMark | None = None
    status: LicenseStatus = LicenseStatus.UNLICENSED
    reason: int = 0xC004F014
    expires: datetime | None = None
    next_attempt: datetime | None = None
    activated_by: str | None = None
    kms_host_used: str | None = None
    kms_product_key_id: str | None = None
    kms_machine: str | None = None
    kms_port: int = 0
    lookup_domain: str | None = None
    activation_type_enabled: int = 0
    activation_interval: int = 120
    renewal_interval: int = 10080
    discovered_name: str | None = None
    discovered_port: int = 0
    discovered_address: str | None = None
    application_id: str = WINDOWS_APPLICATION_ID
    is_addon: bool = False
    office: str = ""
    office_release: str = ""
    is_ospp: bool = False
    activation_object: ActivationObject | None = None
    rearms_left: int | None = None

    @property
    def is_kms_client(self) -> bool:
        """Whether this row activates against a KMS host."""
        return self.channel == KMS_CLIENT

    @property
    def is_kms_host(self) -> bool:
        """Whether a key on this row makes the machine a KMS host."""
        return self.channel == OFFICE_HOST or self.channel.startswith(KMS_HOST_PREFIX)

    def pool(self, dialect: Dialect) -> str:
        """The name of the count of a KMS host that clients of this licence add to.

        Source: kms_rules.yaml: "each product has its own count" (host_os_matrix), "one count per KMS application"
        (thresholds); a dialect has the latter.
        """
        if not self.office_release:
            return WINDOWS_POOL
        shared = dialect.office_counts_by_application and self.office_release != "2010"
        return "office" if shared else f"office-{self.office_release}"

    @property
    def is_windows(self) -> bool:
        """Whether this is a licence of Windows itself."""
        return self.application_id == WINDOWS_APPLICATION_ID and not self.is_addon

    @property
    def is_configured(self) -> bool:
        """Whether an administrator set something on this row alone."""
        return bool(self.kms_machine or self.kms_port or self.lookup_domain or self.activation_type_enabled)

    @property
    def key_channel(self) -> str:
        """ProductKeyChannel."""
        return "Volume:CSVLK" if self.is_kms_host else _CHANNEL_NAMES.get(self.channel, self.channel)

    def grace_minutes(self, now: datetime) -> int:
        """GracePeriodRemaining at site time `now`."""
        return 0 if self.expires is None else whole_minutes(self.expires - now)

    def without_key(self, dialect: Dialect) -> LicenceRow:
        """The same licence with its key removed; what an administrator configured on the row stays."""
        bare = LicenceRow(self.activation_id, self.name, self.channel, self.description, self.family)
        return replace(
            bare,
            application_id=self.application_id,
            is_addon=self.is_addon,
            office=self.office,
            office_release=self.office_release,
            is_ospp=self.is_ospp,
            rearms_left=self.rearms_left,
            reason=dialect.reason_no_key,
            kms_machine=self.kms_machine,
            kms_port=self.kms_port,
            lookup_domain=self.lookup_domain,
            activation_type_enabled=self.activation_type_enabled,
        )

    def with_new_key(self, key: KeyMark, windows_7: bool, now: datetime, dialect: Dialect) -> LicenceRow:
        """The row right after InstallProductKey.

        Windows 8 and later is in Notification at once; Windows 7, Server 2008 R2 and Office get 30 days of initial
        grace. Source: license_status.yaml, grace_periods; products_text.yaml, rows t2019, t11 and zh-o24mak.
        """
        row = replace(self.without_key(dialect), key=key)
        has_grace = dialect.office_initial_grace if self.office_release else windows_7
        if has_grace:
            end = now + timedelta(minutes=dialect.initial_grace_minutes)
            return replace(row, status=LicenseStatus.OOB_GRACE, reason=REASON_OOB_GRACE, expires=end)
        reason = dialect.reason_new_gvlk if self.is_kms_client else dialect.reason_new_key
        return replace(row, status=LicenseStatus.NOTIFICATION, reason=reason)

    def licensed_for_ever(self) -> LicenceRow:
        """Activated at Microsoft (MAK, host key, retail): permanent."""
        return replace(
            self,
            status=LicenseStatus.LICENSED,
            reason=0,
            expires=None,
            next_attempt=None,
            activated_by="microsoft",
            kms_host_used=None,
            activation_object=None,
        )

    def at(self, now: datetime, dialect: Dialect) -> LicenceRow:
        """The row at site time `now`: what has run out has run out. Source: kms_rules.yaml, intervals."""
        row = self
        while row.expires is not None and row.expires <= now:
            if row.status is LicenseStatus.LICENSED and row.is_kms_client:
                end = row.expires + timedelta(minutes=dialect.out_of_tolerance_minutes)
                row = replace(row, status=LicenseStatus.OOT_GRACE, reason=REASON_OOT_GRACE, expires=end)
            else:
                reason = REASON_EVALUATION_EXPIRED if row.channel == EVALUATION else REASON_GRACE_EXPIRED
                row = replace(
                    row,
                    status=LicenseStatus.NOTIFICATION,
                    reason=reason,
                    expires=None,
                    activated_by=None,
                    activation_object=None,
                )
        return row


def row_of(system: OperatingSystem, channel: str, dialect: Dialect) -> LicenceRow:
    """The licence row of an edition in a channel, without a key."""
    return LicenceRow(
        system.activation_id(channel),
        system.product_name,
        channel,
        system.description(channel),
        system.edition_id,
        reason=dialect.reason_no_key,
    )


#: Editions whose licences lie in the store of every machine beside its own.
_OTHER_FAMILIES = (
    "Professional",
    "ProfessionalN",
    "EnterpriseN",
    "Education",
    "EducationN",
    "ServerRdsh",
    "IoTEnterprise",
)
_OTHER_CHANNELS = ("OEM_DM", "OEM_COA_NSLP", "RETAIL", "VOLUME_KMSCLIENT", "VOLUME_MAK")


@functools.cache
def rows_without_key(system: OperatingSystem, count: int) -> tuple[LicenceRow, ...]:
    """`count` rows of other editions that no key is ever installed on; shared by all machines of an edition."""
    rows = []
    for number in range(count):
        family = _OTHER_FAMILIES[number % len(_OTHER_FAMILIES)]
        channel = _OTHER_CHANNELS[number // len(_OTHER_FAMILIES) % len(_OTHER_CHANNELS)]
        rows.append(
            LicenceRow(
                row_id(system.name, family, channel, str(number)),
                f"Windows(R), {family} edition",
                channel,
                system.description(channel),
                family,
            )
        )
    return tuple(rows)
