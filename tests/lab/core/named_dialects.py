# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each wire form that is unverified, or that differs between releases of Windows, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class NamedDialect:
    """A variant of `Dialect`: what it stands for, in one sentence; where that is written; the fields that differ."""

    name: str
    stands_for: str
    source: str
    fields: Mapping[str, object]


NAMED_DIALECTS = (
    # -- values
    NamedDialect(
        "null-arrays-nil",
        "A null array is one nil element, where captures leave it out.",
        "MS-WSMV 3.1.4.1.26",
        {"null_array": "nil"},
    ),
    NamedDialect("dates-1601-nil", "No date is nil, not the year 1601.", UNVERIFIED, {"no_date": ""}),
    NamedDialect(
        "dates-1601-east",
        "No date is 1601 shifted by the zone of a machine east of Greenwich.",
        UNVERIFIED,
        {"no_date": "1601-01-01T01:00:00Z"},
    ),
    NamedDialect(
        "dates-1601-west",
        "No date is FILETIME zero in the zone of a machine west of Greenwich: the last day of 1600.",
        UNVERIFIED,
        {"no_date": "1600-12-31T16:00:00Z"},
    ),
    NamedDialect(
        "dates-with-offset",
        "Dates are in local time with an offset, not in UTC with a Z.",
        "wsman_examples: Network Optix client; capture_01 leaves it open",
        {"zone_minutes": 120, "no_date": "1601-01-01T02:00:00+02:00"},
    ),
    NamedDialect(
        "upper-case-ids",
        "ID and ApplicationID are in upper case.",
        "sample_instances: GUIDs are printed in either case",
        {"upper_case_ids": True},
    ),
    # -- enumerations
    NamedDialect(
        "first-response-empty",
        "The first response of an optimised enumeration has no rows.",
        "MS-WSMV: items may be missing",
        {"first_rows": 0},
    ),
    NamedDialect(
        "first-response-full",
        "The first response of an optimised enumeration has as many rows as were asked for.",
        "DSP0226 8.2.3; captures of Windows 2008 R2 and later have one",
        {"first_rows": 32000},
    ),
    NamedDialect(
        "windows-7-property-lists",
        "The licensing classes lack what came after Windows 7, so a query that names it fails as a whole (0x80041017).",
        "SoftwareLicensing MOF of Windows 7; unverified for every release between",
        {"oldest_property_lists": True},
    ),
    # -- names, headers
    NamedDialect(
        "lower-case-echo",
        "Resource URIs, class, method and property names come back in lower case.",
        "wsman_examples: GLPI sends lower case and gets it back",
        {"lower_case_echo": True},
    ),
    NamedDialect(
        "extra-headers",
        "Responses carry ActivityId, OperationID and SequenceId.",
        "MS-WSMV 2.2.4; microsoft/omi",
        {"extra_headers": True},
    ),
    # -- method results
    NamedDialect(
        "empty-output",
        "A licensing method that succeeds answers with an empty _OUTPUT.",
        UNVERIFIED,
        {"success_form": "empty"},
    ),
    NamedDialect(
        "return-value-nil",
        "A licensing method that succeeds answers with a nil ReturnValue.",
        "wsman_examples: ReturnValue may be nil",
        {"success_form": "nil"},
    ),
    NamedDialect(
        "firewall-return-value",
        "Enable and Disable of a firewall rule answer with ReturnValue 0, not with an empty _OUTPUT.",
        "MSFT_NetFirewallRule, Enable",
        {"firewall_success_form": "zero"},
    ),
    NamedDialect(
        "failure-as-return-value",
        "A licensing method that fails answers normally, with its HRESULT in ReturnValue.",
        "SoftwareLicensingService: every method returns an HRESULT; unverified over WS-Man",
        {"failure_form": "return_value"},
    ),
    # -- faults
    NamedDialect(
        "fault-shape-1",
        "A failure is a WSManFault alone, and its HRESULT stands only in the localised text.",
        "Azure Stack documentation quotes the sentence; unverified for licensing",
        {"fault_shape": 1},
    ),
    NamedDialect(
        "fault-shape-2",
        "A failure is a ProviderFault with a nested WSManFault (how the lab speaks by default).",
        "microsoft/omi tests; unverified for licensing",
        {"fault_shape": 2},
    ),
    NamedDialect(
        "fault-shape-3",
        "A failure is an MSFT_WmiError.",
        "pywinrm tests; unverified for licensing",
        {"fault_shape": 3},
    ),
    NamedDialect(
        "fault-without-relates-to",
        "A fault does not say which request it answers.",
        "pywinrm tests",
        {"fault_relates_to": "missing"},
    ),
    NamedDialect(
        "fault-with-malformed-relates-to",
        "A fault names the request it answers in another form than the request did.",
        "pywinrm tests",
        {"fault_relates_to": "malformed"},
    ),
    NamedDialect(
        "fault-codes-short",
        "Codes of WS-Management itself are cut to their low word (Code 32768).",
        "MS-WSMV 4.10",
        {"short_fault_codes": True},
    ),
    NamedDialect(
        "fault-details-by-namespace",
        "Details of faults are in the XML namespace of root/cimv2 or root/standardcimv2, and name the HRESULT twice.",
        "wsman_examples: Network Optix client",
        {"fault_details_by_namespace": True, "extended_status_code": True},
    ),
    NamedDialect(
        "access-denied-hresult",
        "Access denied is 0x80070005, not a plain Windows 5.",
        UNVERIFIED,
        {"access_denied": 0x80070005},
    ),
    NamedDialect(
        "access-denied-by-wmi",
        "Access denied is 0x80338104 of WS-Management around 0x80041003 of WMI.",
        "errors.yaml, wsman and wbem codes; unverified as a pair",
        {"access_denied": 0x80338104, "access_denied_inside": 0x80041003},
    ),
    # -- which code
    NamedDialect(
        "foreign-gvlk-0xC004F050",
        "A GVLK of another edition is an invalid key.",
        "Microsoft activation error pages; which pair yields it is documented nowhere",
        {"wrong_edition": 0xC004F050},
    ),
    NamedDialect(
        "foreign-gvlk-0xC004E016",
        "A GVLK of another edition is a key with an invalid configuration.",
        "salt issue 64948, gsudo issue 114; unverified",
        {"wrong_edition": 0xC004E016},
    ),
    NamedDialect(
        "foreign-gvlk-0xC0000022",
        "A GVLK of another edition is refused with the NTSTATUS of access denied.",
        "EnterpriseGconvert issue 2: one report, unverified",
        {"wrong_edition": 0xC0000022},
    ),
    NamedDialect(
        "reason-0xC004F00F",
        "A GVLK that is not activated yet has the reason 0xC004F00F, not 0xC004F056.",
        "products_text: Server 2019",
        {"reason_new_gvlk": 0xC004F00F},
    ),
    NamedDialect(
        "failure-leaves-no-reason",
        "A failed activation does not change LicenseStatusReason.",
        UNVERIFIED,
        {"failure_becomes_reason": False},
    ),
    NamedDialect(
        "mak-activation-comes-back",
        "A MAK that a machine had activated before is licensed again when it is installed, and no activation is spent.",
        UNVERIFIED,
        {"mak_activation_comes_back": True},
    ),
    NamedDialect(
        "low-count-is-success",
        "Activate succeeds while the host's count is too low, and only LicenseStatusReason tells (0xC004F038).",
        UNVERIFIED,
        {"low_count_is_success": True},
    ),
    NamedDialect(
        "clock-skew-is-told",
        "Activate with a wrong clock fails with 0xC004F06C, not with 0xC004F074.",
        "SupportArticles, error 0xC004F06C; slmgr prints 0xC004F074",
        {"clock_skew_is_told": True},
    ),
    # -- what stands where nothing is set
    NamedDialect(
        "service-port-unset-0",
        "KeyManagementServicePort of the service is 0 when nothing is set, not 1688.",
        "SoftwareLicensingService; a capture has 1688",
        {"service_port_unset": 0},
    ),
    NamedDialect(
        "fresh-host-count-minus-1",
        "The count of a host that nobody has asked is 4294967295, not 0.",
        "volume activation table 12; slmgr outputs have 0",
        {"fresh_host_count": 0xFFFFFFFF},
    ),
    NamedDialect(
        "required-count-25",
        "RequiredClientCount of a server that is a KMS host is 25, not 5.",
        "license_status.yaml: both occur",
        {"required_client_count": 25},
    ),
    NamedDialect(
        "product-shows-service-host",
        "A product without a KMS host of its own shows the one that is set for the machine.",
        UNVERIFIED,
        {"product_shows_service_host": True},
    ),
    NamedDialect(
        "esu-not-marked",
        "LicenseIsAddon of an ESU licence is false: only its name tells that it is not Windows.",
        UNVERIFIED,
        {"addon_is_marked": False},
    ),
    NamedDialect(
        "stop-when-stopped-6",
        "StopService of a stopped service returns 6 (not started), not 5.",
        "Win32_Service, StopService",
        {"stop_when_stopped": 6},
    ),
    # -- Office
    NamedDialect(
        "office-2010-long-names",
        "Rows of Office 2010 begin with Microsoft Office 2010, and their families are as those of 2013.",
        "products_text.yaml, office_name: only the host row was seen",
        {"office_2010_long_names": True},
    ),
    NamedDialect(
        "office-mak-ae2",
        "The MAK of Office 2021 and 2024 is of a family that ends with AE2.",
        "products_text.yaml, office_family: both occur",
        {"office_mak_ae2": True},
    ),
    NamedDialect(
        "office-no-initial-grace",
        "Office with a new key is in Notification at once, without 30 days of grace.",
        UNVERIFIED,
        {"office_initial_grace": False},
    ),
    NamedDialect(
        "office-key-replaces",
        "A key takes the key of the other channels of the same Office away.",
        "ospp.vbs /inpkey: replaces existing key; other sources say that both stay",
        {"office_key_replaces": True},
    ),
    NamedDialect(
        "office-counts-by-application",
        "Office releases of one application ID share one count of a KMS host.",
        "kms_rules.yaml: both are said",
        {"office_counts_by_application": True},
    ),
    NamedDialect(
        "office-host-on-service",
        "The service of a machine that hosts Office alone shows the figures of that host.",
        UNVERIFIED,
        {"service_shows_office_host": True},
    ),
    NamedDialect(
        "office-classes-verified-only",
        "The classes of Office have no members but those that ospp.vbs uses.",
        "cim_classes.yaml: the others are derived from Windows 7",
        {"ospp_verified_members_only": True},
    ),
    # -- registry, Active Directory
    NamedDialect(
        "product-shows-application-host",
        "A product without a KMS host of its own shows the one that the registry has for its application.",
        UNVERIFIED,
        {"product_shows_application_host": True},
    ),
    NamedDialect(
        "no-activation-registry-key",
        "The registry key SoftwareProtectionPlatform\\Activation is not there until somebody makes it.",
        UNVERIFIED,
        {"activation_key_is_there": False},
    ),
    NamedDialect(
        "no-activation-object-0x8007267C",
        "Activation by Active Directory without an activation object fails with 0x8007267C, not with 0xC004F081.",
        UNVERIFIED,
        {"no_activation_object": 0x8007267C},
    ),
    # -- events
    NamedDialect(
        "event-12290-fields",
        "Event 12290 has nine strings, without the joined text before them.",
        "events.yaml: four parsers skip one string that none of them uses",
        {"event_12290_strings": "fields"},
    ),
    NamedDialect(
        "event-12290-text",
        "Event 12290 has one string with nine fields.",
        "events.yaml, documented shape",
        {"event_12290_strings": "text"},
    ),
    NamedDialect(
        "event-client-fields",
        "Events 12288 and 12289 have a string for each field, not one for all.",
        UNVERIFIED,
        {"event_client_strings": "fields"},
    ),
    NamedDialect(
        "event-12288-without-count",
        "The last field of event 12288 is empty.",
        "SupportArticles, error 0xC004F06C: a sample",
        {"event_12288_without_count": True},
    ),
    NamedDialect(
        "event-source-service",
        "SourceName of events is Software Protection Platform Service.",
        "events.yaml, display_names_seen",
        {"event_source": "Software Protection Platform Service"},
    ),
    NamedDialect(
        "event-source-short",
        "SourceName of events is Security-SPP.",
        "events.yaml, display_names_seen",
        {"event_source": "Security-SPP", "event_host_source": "Security-SPP"},
    ),
    NamedDialect(
        "event-source-slc",
        "SourceName of event 12290 is that of Windows Vista and Server 2008.",
        "events.yaml, provider, older: a sample of 2010 has it",
        {"event_host_source": "Microsoft-Windows-Security-Licensing-SLC"},
    ),
    NamedDialect(
        "event-message-nil",
        "Message of an event is nil.",
        UNVERIFIED,
        {"event_message": False},
    ),
)
