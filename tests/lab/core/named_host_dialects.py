# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is unverified of KMS hosts and their firewall, by name; and what a Windows may not be able to do at all."""

from __future__ import annotations

from .named_dialects import UNVERIFIED, NamedDialect

NAMED_HOST_DIALECTS = (
    # -- firewall
    NamedDialect(
        "firewall-filter-four-keys",
        "A filter of a firewall rule is named by four selectors only.",
        "small_facts.yaml: keys of CIM_FilterEntryBase; unverified on the wire",
        {"firewall_filter_keys": "four"},
    ),
    NamedDialect(
        "firewall-filter-instance-id",
        "A filter of a firewall rule is named by InstanceID only.",
        "small_facts.yaml: providers of this family also accept it; unverified",
        {"firewall_filter_keys": "instance_id"},
    ),
    NamedDialect(
        "firewall-all-stores",
        "A plain request for firewall rules shows those of Group Policy, too.",
        "cim_classes.yaml: which stores answer is unverified",
        {"firewall_shows_all_stores": True},
    ),
    NamedDialect(
        "firewall-masks",
        "An IPv4 prefix in a firewall rule comes back with a mask.",
        "small_facts.yaml, firewall_address_filter: both are formats; unverified which one is stored",
        {"firewall_shows_masks": True},
    ),
    NamedDialect(
        "firewall-server-no-scope",
        "Servers have both built-in rules of the KMS, as client Windows has.",
        UNVERIFIED,
        {"firewall_server_no_scope": True},
    ),
    # -- KMS hosts
    NamedDialect(
        "intervals-with-key-only",
        "The intervals of a KMS host can be set before its key is activated.",
        "SetVLActivationInterval: fails when the computer is not a KMS host",
        {"intervals_with_key_only": True},
    ),
    NamedDialect(
        "publish-list-replaces",
        "DnsDomainPublishList replaces the home domain of a KMS host, where it otherwise adds to it.",
        "kms_rules.yaml: Microsoft says both",
        {"publish_list_replaces": True},
    ),
    NamedDialect(
        "event-12293-text",
        "Event 12293 has one string with the HRESULT and the domain.",
        "events.yaml has fields, its example one Info; unverified",
        {"event_12293_strings": "text"},
    ),
    NamedDialect(
        "no-wow6432-key",
        "The 32-bit view of the registry has no key of the licensing service until somebody makes it.",
        UNVERIFIED,
        {"wow6432_key_is_there": False},
    ),
)

#: A Windows on which something cannot be done, where the others only say it differently. Whoever needs that done fails
#: here, so these are no manners of speaking.
NAMED_LIMITS = (
    NamedDialect(
        "firewall-writes-refused",
        "Put, Create and Delete of firewall rules and filters are not supported; Enable and Disable work.",
        UNVERIFIED,
        {"firewall_writes": "refused", "firewall_creates": "refused"},
    ),
    NamedDialect(
        "firewall-create-refused",
        "A firewall rule cannot be created or cloned; Put works.",
        UNVERIFIED,
        {"firewall_creates": "refused"},
    ),
    NamedDialect(
        "firewall-writes-silent",
        "Put, Create and Delete of firewall rules and filters succeed without effect.",
        UNVERIFIED,
        {"firewall_writes": "silent"},
    ),
)
