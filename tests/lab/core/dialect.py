# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every choice the lab made where no public source says what Windows does, in one place.

A field here is a fact that a real capture may correct; variants of the site (another Windows, another guess) replace
single fields and leave the code alone. The variants that matter have names: `dialects.KNOWN`.
"""

from __future__ import annotations

from dataclasses import dataclass

#: FILETIME zero, which the licensing service shows where there is no date.
NO_DATE_TEXT = "1601-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the simulated Windows speaks. All codes are unsigned HRESULTs, all times minutes unless named otherwise."""

    #: 1: WSManFault, the HRESULT in its text only; 2: ProviderFault with a nested WSManFault; 3: MSFT_WmiError. No
    #: capture of a failing SPP call over WS-Man exists.
    fault_shape: int = 2
    #: "fault": a failing SPP method is a SOAP fault; "return_value": its HRESULT is in ReturnValue of a normal answer.
    failure_form: str = "fault"
    #: What a good SPP method answers: "zero" (ReturnValue 0), "nil" (ReturnValue nil), or "empty" (an empty output).
    success_form: str = "zero"
    #: The same for Enable and Disable of a firewall rule, which real machines answer with an empty output.
    firewall_success_form: str = "empty"
    #: Put, Create and Delete of the firewall: "accepted", "refused" (not supported), or "silent" (without effect).
    firewall_writes: str = "accepted"
    #: Create and CloneObject of a firewall rule: "accepted" or "refused".
    firewall_creates: str = "accepted"
    #: Which selectors name a filter of a rule: "any" (the four keys of the base class, CreationClassName alone, or
    #: InstanceID), "four", or "instance_id".
    firewall_filter_keys: str = "any"
    #: Whether a plain request for firewall rules shows those of Group Policy, too.
    firewall_shows_all_stores: bool = False
    #: Whether an IPv4 prefix of a rule comes back with a mask (10.0.0.0/255.0.0.0).
    firewall_shows_masks: bool = False
    #: Whether servers have the two rules of the KMS that client Windows has.
    firewall_server_no_scope: bool = False
    #: RelatesTo of a fault: "echoed", "missing", or "malformed" (as in a capture: uuid.761c...).
    fault_relates_to: str = "echoed"
    #: Whether codes of WS-Management itself are cut to their low word, as in the example of MS-WSMV 4.10.
    short_fault_codes: bool = False
    #: Whether the details of a fault are in the namespace of the CIM namespace, not in that of the CIM schema.
    fault_details_by_namespace: bool = False
    #: Whether the HRESULT stands in StatusCode of __ExtendedStatus, too.
    extended_status_code: bool = False
    #: Whether responses carry headers that nobody asked for (ActivityId, OperationID, SequenceId).
    extra_headers: bool = False
    #: Whether resource URIs, class, method and property names come back in lower case.
    lower_case_echo: bool = False
    #: Rows of the first response of an optimised enumeration: 0, 1, or as many as were asked for (any larger number).
    first_rows: int = 1
    #: "omitted" or "nil".
    null_array: str = "omitted"
    #: What stands for FILETIME zero; an empty text is nil.
    no_date: str = NO_DATE_TEXT
    #: The zone of the machines. Dates are in UTC with a Z where it is 0, else in local time with the offset.
    zone_minutes: int = 0
    #: Whether the licensing classes have only what Windows 7 has of them.
    oldest_property_lists: bool = False
    #: Whether ID and ApplicationID are in upper case.
    upper_case_ids: bool = False
    #: Whether a product without a KMS host of its own shows the one of the service.
    product_shows_service_host: bool = False
    #: LicenseIsAddon of an ESU licence.
    addon_is_marked: bool = True
    #: KeyManagementServiceCurrentCount of a host that nobody has asked yet.
    fresh_host_count: int = 0
    #: Whether Activate succeeds when the host's count is too low, and only LicenseStatusReason tells.
    low_count_is_success: bool = False
    #: Whether clock skew comes back to the caller of Activate as what the event says (F06C), not as F074.
    clock_skew_is_told: bool = False
    #: Access denied: the code of the fault, and the HRESULT of a provider inside (0: none).
    access_denied: int = 5
    access_denied_inside: int = 0
    #: Code of the outer WSManFault when a provider failed (shape 2): ERROR_WSMAN_PROVIDER_FAILURE.
    provider_failure: int = 0x80338003
    #: LicenseStatusReason after InstallProductKey. Seen on real machines with a GVLK: F056 (Windows 11), F00F (2019).
    reason_new_gvlk: int = 0xC004F056
    reason_new_key: int = 0xC004F034
    #: LicenseStatusReason of a row without a key.
    reason_no_key: int = 0xC004F014
    #: Activate on a row without a key.
    activate_without_key: int = 0xC004F014
    #: Whether a MAK that this machine had activated is licensed again at RefreshLicenseStatus, without an activation.
    mak_activation_comes_back: bool = False
    #: A failed attempt leaves its HRESULT in LicenseStatusReason of a product that is not licensed.
    failure_becomes_reason: bool = True
    #: A key that belongs to another edition or release, and any volume key on an evaluation.
    wrong_edition: int = 0xC004F069
    unknown_key: int = 0xC004F050
    #: The host answers, but its key serves older products only.
    host_cannot_activate_product: int = 0xC004F042
    #: The host has a key, but is not activated itself.
    host_not_activated: int = 0xC004F041
    no_host_answers: int = 0xC004F074
    #: Clocks more than four hours apart: F06C in the events, F074 to the caller.
    clock_skew_event: int = 0xC004F06C
    clock_skew_hours: int = 4
    #: Methods that only make sense on a KMS host.
    not_a_kms_host: int = 0xC004F039
    #: Whether intervals can be set with a host key that is not activated.
    intervals_with_key_only: bool = False
    #: InstallLicense with a text that is no licence.
    invalid_licence: int = 0xC004F01F
    #: A zone that takes no dynamic update of a host, and one whose records another host owns (event 12293).
    dns_refused: int = 0x8007232D
    dns_not_owner: int = 0x80072338
    #: Whether DnsDomainPublishList replaces the home domain of a host, or adds to it.
    publish_list_replaces: bool = False
    #: InsertionStrings of 12293: "fields" (HRESULT, domain) or "text" (one, joined by a comma and a blank).
    event_12293_strings: str = "fields"
    #: Whether the 32-bit view of a 64-bit registry has the key of the licensing service.
    wow6432_key_is_there: bool = True
    invalid_argument: int = 0x80070057
    #: VLActivationTypeEnabled 1 (Active Directory only) without an activation object; 3 (token) without a licence.
    no_activation_object: int = 0xC004F081
    no_token_licence: int = 0xC004F011
    #: The same when no domain controller can be reached: ERROR_NO_SUCH_DOMAIN.
    no_directory: int = 0x8007054B
    #: Rearms are used up.
    no_rearms_left: int = 0xC004D307
    #: Whether Office has 30 days of LicenseStatus 2 with a new key; else it is in Notification at once.
    office_initial_grace: bool = True
    #: Whether rows of Office 2010 say "Microsoft Office 2010" and have families as 2013 has. No row was ever seen.
    office_2010_long_names: bool = False
    #: Whether the MAK rows of Office 2021 and 2024 are of the family AE2, not AE1.
    office_mak_ae2: bool = False
    #: Whether a key of another channel of the same Office takes the former key away.
    office_key_replaces: bool = False
    #: Whether Office releases of one application ID share one count of a KMS host.
    office_counts_by_application: bool = False
    #: Whether the service object shows the figures of an Office host where there is no host of Windows.
    service_shows_office_host: bool = False
    #: Whether the Office classes have only the members that ospp.vbs uses; the rest is derived from Windows 7.
    ospp_verified_members_only: bool = False
    #: Whether a product without a KMS host of its own shows the one that the registry has for its application.
    product_shows_application_host: bool = False
    #: Whether the registry has the key Activation below the one of the service.
    activation_key_is_there: bool = True
    #: InsertionStrings of 12290: "text_and_fields" (index 0 is the joined text), "fields", or "text".
    event_12290_strings: str = "text_and_fields"
    #: InsertionStrings of 12288 and 12289: "text" (one), or "fields".
    event_client_strings: str = "text"
    #: Whether the last field of 12288, the count that the product needs, is empty.
    event_12288_without_count: bool = False
    #: SourceName of the events of licensing, and of those in the log of a KMS host.
    event_source: str = "Microsoft-Windows-Security-SPP"
    event_host_source: str = "Microsoft-Windows-Security-SPP"
    #: Whether Message of an event is there; without the text of the provider it is null.
    event_message: bool = True
    #: The Microsoft activation service cannot be reached.
    no_internet: int = 0x80072EE7
    #: Minutes of LicenseStatus 3 after a KMS activation ran out, then LicenseStatus 5.
    out_of_tolerance_minutes: int = 43200
    #: Minutes of LicenseStatus 2 on Windows 7 and Server 2008 R2.
    initial_grace_minutes: int = 43200
    kms_validity_minutes: int = 259200
    #: RequiredClientCount that a Windows host shows (it cannot express that it serves clients and servers).
    required_client_count: int = 5
    #: Rows of a PullResponse: real servers sent between 32 and 52.
    pull_rows: tuple[int, int] = (32, 52)
    #: StdRegProv: a key that is missing, a value that is missing in a key that is there.
    registry_missing_key: int = 2
    registry_missing_value: int = 1
    #: Win32_Service: StopService when it is already stopped.
    stop_when_stopped: int = 5
    #: StartService when the service is disabled. Source: Win32_Service, StartService.
    start_when_disabled: int = 14
    #: A licensing class while sppsvc is stopped and disabled: ERROR_SERVICE_DISABLED.
    service_disabled: int = 0x80070422
    #: SPP classes under a filtered token of a local administrator.
    filtered_token: int = 0x80070005
    #: KeyManagementServicePort of the service object, nothing configured (0 in the documents, 1688 in a capture).
    service_port_unset: int = 1688


#: What the lab speaks unless it is told otherwise.
STANDARD = Dialect()
