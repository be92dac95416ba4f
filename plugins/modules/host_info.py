# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: Read the state of a KMS host
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Reads the host keys of Windows and Office with their counts, and whether clients, servers and Office are activated
    now. Also reads the settings of the service and the firewall.
  - Changes nothing. Reading never raises the count of the host.
  - Takes five small requests, and three more for the firewall. A Group Policy for the firewall takes some more.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.windows
options:
  include:
    description:
      - What is read beside the host keys and the service.
      - V(firewall) is the rules for the KMS, whom they let in, and what Group Policy makes of them.
      - V(events) is how the host's last attempts to publish its SRV record went (events 12293 and 12294). Reading the
        log of a busy server can take a minute.
      - V(updates) is the updates of Windows, and for each product whether this machine can be a KMS host for it.
        Windows takes its time to list them.
    type: list
    elements: str
    choices: [firewall, events, updates]
    default: []
  event_days:
    description:
      - How many days of the log are read, with V(events) in O(include). From 1 to 366. A host publishes its record at
        each start of the service and once a day.
    type: int
    default: 8
seealso:
  - module: volact.kms.host
  - module: volact.kms.client_info
  - module: volact.kms.endpoint_info
"""

EXAMPLES = r"""
- name: Read the state of the host
  volact.kms.host_info:
  register: kms

- name: Fail unless clients can be activated now
  volact.kms.host_info:
  register: kms
  failed_when: not (kms.host.readiness.windows_client.ready | default(false))

- name: Fail if the host is open to everybody on public networks
  volact.kms.host_info:
    include: [firewall]
  register: kms
  failed_when: kms.host.firewall.exposed

- name: Fail if the host could not publish its record when it last tried
  volact.kms.host_info:
    include: [events]
  register: kms
  failed_when: not (kms.host.last_publishing.succeeded | default(true))

- name: See which products this machine can be a KMS host for
  volact.kms.host_info:
    include: [updates]
  register: kms
"""

RETURN = r"""
host:
  description: State of the machine as a KMS host.
  returned: success
  type: dict
  sample:
    is_kms_host: true
    clock_skew_seconds: 0.4
  contains:
    is_kms_host:
      description: Whether the machine is a KMS host.
      returned: success
      type: bool
      sample: true
    products:
      description:
        - The KMS host keys that are installed, the one of Windows first, then those of Office.
        - What is null is absent, unless RV(host.products[].unknown) gives a reason.
      returned: success
      type: list
      elements: dict
      sample: [{channel: kms_host, partial_product_key: KHWHT, license_status_name: Licensed, current_count: 31}]
      contains:
        activation_id:
          description: Activation ID (SKU) of the licence. It changes with the channel of the key.
          returned: success
          type: str
          sample: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
        application_id:
          description: ID of the application that the licence belongs to. Office 2010 has one of its own.
          returned: success
          type: str
          sample: 55c92734-d682-4d71-983e-d6ec3f16059f
        application:
          description: V(windows) or V(office), or null for another application.
          returned: success
          type: str
          sample: windows
        family:
          description:
            - Which classes hold the licence. KMS host keys, also those of Office, are in V(spp).
          returned: success
          type: str
          sample: spp
        license_family:
          description: Name of the edition or suite, as Microsoft calls it in licences. Null where the machine has none.
          returned: success
          type: str
          sample: Enterprise
        name:
          description: Name of the licence, the same in every display language.
          returned: success
          type: str
          sample: "Windows(R), Enterprise edition"
        description:
          description: Description of the licence, which holds the channel. The same in every display language.
          returned: success
          type: str
          sample: "Windows(R) Operating System, VOLUME_KMSCLIENT channel"
        channel:
          description:
            - How the licence is activated, one of V(kms_client), V(kms_host), V(mak), V(oem), V(evaluation),
              V(subscription), V(avma), V(retail), V(unknown).
          returned: success
          type: str
          sample: kms_client
        partial_product_key:
          description: The last five characters of the installed key.
          returned: success
          type: str
          sample: 2YT43
        license_status:
          description: LicenseStatus as a number.
          returned: success
          type: int
          sample: 1
        license_status_name:
          description: LicenseStatus as Microsoft names it.
          returned: success
          type: str
          sample: Licensed
        license_status_reason:
          description: LicenseStatusReason as an unsigned number.
          returned: success
          type: int
          sample: 1074065472
        license_status_reason_code:
          description: The reason as Microsoft prints it.
          returned: success
          type: str
          sample: "0x4004F040"
        license_status_reason_name:
          description: The symbol of the reason, or null for an unknown one.
          returned: success
          type: str
          sample: SL_E_VL_INFO_PRODUCT_USER_RIGHT
        license_status_reason_meaning:
          description: What the reason means, or null where nothing is published.
          returned: success
          type: str
          sample: "activated; the product use rights apply"
        grace_minutes:
          description: Minutes until the activation, or the grace period, ends. 0 for a permanent activation.
          returned: success
          type: int
          sample: 259200
        grace_ends:
          description: When they end, in UTC and by the clock of the machine. Null for a permanent activation.
          returned: success
          type: str
          sample: "2027-05-21T10:00:00Z"
        activation_type:
          description:
            - The kind of volume activation that activated the licence. Null on Windows 7 and 2008 R2, which do not
              tell.
          returned: success
          type: int
          sample: 2
        activation_type_name:
          description: The same as a word.
          returned: success
          type: str
          sample: KMS
        activation_type_enabled:
          description: The kind of volume activation that is allowed. 0 is any.
          returned: success
          type: int
          sample: 0
        activation_type_enabled_name:
          description: The same as a word.
          returned: success
          type: str
          sample: Any
        kms_host:
          description: KMS host that is fixed for this licence alone, or null.
          returned: success
          type: str
          sample: kms01.corp.example.test
        kms_port:
          description: Port that is fixed for this licence alone, or null.
          returned: success
          type: int
          sample: 1688
        lookup_domain:
          description: The DNS domain in which KMS hosts are looked up for this licence alone, or null.
          returned: success
          type: str
          sample: corp.example.test
        discovered_kms_host:
          description: KMS host that was last found in DNS, or null.
          returned: success
          type: str
          sample: kms01.corp.example.test
        discovered_kms_port:
          description: Port that was last found in DNS, or null.
          returned: success
          type: int
          sample: 1688
        discovered_kms_address:
          description: Address of the KMS host that was last used. Null on Windows 7 and 2008 R2, which do not tell.
          returned: success
          type: str
          sample: "192.0.2.10"
        activation_interval_minutes:
          description: Minutes between attempts while not activated, as the KMS host told.
          returned: success
          type: int
          sample: 120
        renewal_interval_minutes:
          description: Minutes between renewals, as the KMS host told.
          returned: success
          type: int
          sample: 10080
        ad_activation_object_name:
          description: The object of Active Directory that activated the licence, or null.
          returned: success
          type: str
          sample: Volume Activation
        ad_activation_object_dn:
          description: Its distinguished name, or null.
          returned: success
          type: str
          sample: "CN=Volume Activation,CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,DC=corp"
        remaining_app_rearms:
          description: How often the grace period of the application can still be reset.
          returned: success
          type: int
          sample: 5
        remaining_sku_rearms:
          description: How often the grace period of the licence can still be reset.
          returned: success
          type: int
          sample: 1001
        unknown:
          description: Names of values here that are null because they could not be told, each with the reason.
          returned: success
          type: dict
          sample: {}
        current_count:
          description: How many machines this host key counts. 0 when none has asked yet.
          returned: success
          type: int
          sample: 31
        required_client_count:
          description:
            - The count from which the host activates, as the host itself says. It can't tell clients from servers;
              RV(host.products[].readiness) does.
          returned: success
          type: int
          sample: 5
        nobody_has_asked:
          description: Whether no client has asked this host key yet. The machine then says 0 or -1.
          returned: success
          type: bool
          sample: false
        readiness:
          description:
            - Whether machines are activated now, by class. A host key for Windows has V(windows_client), on a server
              also V(windows_server); one for Office has V(office).
          returned: success
          type: dict
          sample: {windows_client: {threshold: 25, current_count: 31, missing: 0, ready: true}}
          contains:
            windows_client:
              description: Clients of Windows.
              returned: success
              type: dict
              sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
              contains:
                threshold:
                  description:
                    - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5
                      for Office.
                  returned: success
                  type: int
                  sample: 25
                current_count:
                  description: The count of the host key that serves the class.
                  returned: success
                  type: int
                  sample: 31
                missing:
                  description: How many machines must still ask.
                  returned: success
                  type: int
                  sample: 0
                ready:
                  description: Whether such a machine would be activated now, which needs an activated host key too.
                  returned: success
                  type: bool
                  sample: true
            windows_server:
              description: Servers.
              returned: success
              type: dict
              sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
              contains:
                threshold:
                  description:
                    - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5
                      for Office.
                  returned: success
                  type: int
                  sample: 25
                current_count:
                  description: The count of the host key that serves the class.
                  returned: success
                  type: int
                  sample: 31
                missing:
                  description: How many machines must still ask.
                  returned: success
                  type: int
                  sample: 0
                ready:
                  description: Whether such a machine would be activated now, which needs an activated host key too.
                  returned: success
                  type: bool
                  sample: true
            office:
              description: Office, Project and Visio.
              returned: success
              type: dict
              sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
              contains:
                threshold:
                  description:
                    - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5
                      for Office.
                  returned: success
                  type: int
                  sample: 25
                current_count:
                  description: The count of the host key that serves the class.
                  returned: success
                  type: int
                  sample: 31
                missing:
                  description: How many machines must still ask.
                  returned: success
                  type: int
                  sample: 0
                ready:
                  description: Whether such a machine would be activated now, which needs an activated host key too.
                  returned: success
                  type: bool
                  sample: true
        counters:
          description:
            - Requests since the service started, by the licence status of the client that asked. Null where the
              machine does not tell.
          returned: success
          type: dict
          sample: {total: 61, failed: 0}
          contains:
            total:
              description: All requests that were valid.
              returned: success
              type: int
              sample: 0
            failed:
              description: Requests that were not valid.
              returned: success
              type: int
              sample: 0
            unlicensed:
              description: From clients that were unlicensed.
              returned: success
              type: int
              sample: 0
            licensed:
              description: From clients that were licensed, which renewed.
              returned: success
              type: int
              sample: 0
            initial_grace:
              description: From clients in their first grace period.
              returned: success
              type: int
              sample: 0
            additional_grace:
              description: From clients in the grace period after an activation ran out or hardware changed.
              returned: success
              type: int
              sample: 0
            non_genuine_grace:
              description: From clients in the grace period of non-genuine Windows.
              returned: success
              type: int
              sample: 0
            notification:
              description: From clients in notification mode.
              returned: success
              type: int
              sample: 0
        installation_id:
          description: What the telephone service asks for. Null when the host key is activated.
          returned: success
          type: str
          sample: null
    readiness:
      description:
        - The readiness of the whole host by class. Of several host keys of Office it is that of the one that lacks
          most.
        - Null for a class that no installed key serves.
      returned: success
      type: dict
      sample: {windows_client: {threshold: 25, current_count: 31, missing: 0, ready: true}, office: null}
      contains:
        windows_client:
          description: Clients of Windows.
          returned: success
          type: dict
          sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
          contains:
            threshold:
              description:
                - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5 for
                  Office.
              returned: success
              type: int
              sample: 25
            current_count:
              description: The count of the host key that serves the class.
              returned: success
              type: int
              sample: 31
            missing:
              description: How many machines must still ask.
              returned: success
              type: int
              sample: 0
            ready:
              description: Whether such a machine would be activated now, which needs an activated host key too.
              returned: success
              type: bool
              sample: true
        windows_server:
          description: Servers.
          returned: success
          type: dict
          sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
          contains:
            threshold:
              description:
                - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5 for
                  Office.
              returned: success
              type: int
              sample: 25
            current_count:
              description: The count of the host key that serves the class.
              returned: success
              type: int
              sample: 31
            missing:
              description: How many machines must still ask.
              returned: success
              type: int
              sample: 0
            ready:
              description: Whether such a machine would be activated now, which needs an activated host key too.
              returned: success
              type: bool
              sample: true
        office:
          description: Office, Project and Visio.
          returned: success
          type: dict
          sample: {threshold: 25, current_count: 31, missing: 0, ready: true}
          contains:
            threshold:
              description:
                - The count from which the host activates this class, 25 for Windows clients, 5 for servers, 5 for
                  Office.
              returned: success
              type: int
              sample: 25
            current_count:
              description: The count of the host key that serves the class.
              returned: success
              type: int
              sample: 31
            missing:
              description: How many machines must still ask.
              returned: success
              type: int
              sample: 0
            ready:
              description: Whether such a machine would be activated now, which needs an activated host key too.
              returned: success
              type: bool
              sample: true
    service:
      description: Settings of the licensing service as a KMS host.
      returned: success
      type: dict
      sample: {state: Running, start_mode: Auto, listening_port: 1688, dns_publishing: true}
      contains:
        state:
          description:
            - State of the Windows service C(sppsvc). It stops by itself when it has nothing to do, which on a KMS
              host it has.
          returned: success
          type: str
          sample: Running
        start_mode:
          description: How Windows starts it.
          returned: success
          type: str
          sample: Auto
        listening_port:
          description: TCP port of the KMS host.
          returned: success
          type: int
          sample: 1688
        activation_interval_minutes:
          description:
            - How often clients that are not activated try, as the host tells them. Null where it was never set and
              the machine does not tell.
          returned: success
          type: int
          sample: 120
        renewal_interval_minutes:
          description: How often activated clients renew.
          returned: success
          type: int
          sample: 10080
        low_priority:
          description: Whether the KMS runs at low priority.
          returned: success
          type: bool
          sample: false
        dns_publishing:
          description: Whether the host publishes its own SRV record.
          returned: success
          type: bool
          sample: true
        publish_domains:
          description: The further DNS domains it publishes its record in.
          returned: success
          type: list
          elements: dict
          sample: [{domain: branch.example.test, priority: 0, weight: 0}]
          contains:
            domain:
              description: DNS domain.
              returned: success
              type: str
              sample: branch.example.test
            priority:
              description: Priority of the record.
              returned: success
              type: int
              sample: 0
            weight:
              description: Weight of the record.
              returned: success
              type: int
              sample: 0
    firewall:
      description: The firewall, as far as it is about the KMS. Null without V(firewall) in O(include).
      returned: success
      type: dict
      sample: {supported: true, open_in: [domain, private], exposed: false}
      contains:
        supported:
          description:
            - Whether Windows has classes that manage its firewall over CIM. Windows 7 and Server 2008 R2 have none.
          returned: success
          type: bool
          sample: true
        open_in:
          description: On which kinds of network clients are let in, by local rules or by Group Policy.
          returned: success
          type: list
          elements: str
          sample: [domain, private]
        exposed:
          description:
            - Whether an enabled local rule lets any address in on public networks, or public addresses anywhere.
          returned: success
          type: bool
          sample: false
        rules:
          description: The local rules, both those built in and those of this collection for a port other than 1688.
          returned: success
          type: list
          elements: dict
          sample: [{name: SPPSVC-In-TCP, enabled: true, profiles: [domain, private], remote_addresses: [Any]}]
          contains:
            name:
              description: Name of the rule. One of this collection is C(volact.kms.) and a port.
              returned: success
              type: str
              sample: SPPSVC-In-TCP
            built_in:
              description: Whether the rule came with Windows.
              returned: success
              type: bool
              sample: true
            enabled:
              description: Whether the rule is in use.
              returned: success
              type: bool
              sample: true
            action:
              description: V(allow) or V(block).
              returned: success
              type: str
              sample: allow
            profiles:
              description: The kinds of network that it applies to, of V(domain), V(private) and V(public).
              returned: success
              type: list
              elements: str
              sample: [domain, private]
            remote_addresses:
              description:
                - Who is let in, in one spelling, for example C(192.0.2.0/24), V(LocalSubnet) or V(Any). Null where
                  the machine did not tell.
              returned: success
              type: list
              elements: str
              sample: [Any]
            port:
              description: TCP port that the rule is for.
              returned: success
              type: int
              sample: 1688
        policy:
          description: What Group Policy has to say about it.
          returned: success
          type: dict
          sample: {local_rules_ignored_in: [], everything_blocked_in: [], rules: []}
          contains:
            local_rules_ignored_in:
              description: Kinds of network on which a Group Policy makes local rules void.
              returned: success
              type: list
              elements: str
              sample: []
            everything_blocked_in:
              description: Kinds of network on which a Group Policy lets nothing in at all.
              returned: success
              type: list
              elements: str
              sample: []
            rules:
              description: Inbound rules of a Group Policy for TCP that are not for another program or service.
              returned: success
              type: list
              elements: dict
              sample: [{name: SPPSVC-In-TCP, enabled: true, action: allow, profiles: [domain]}]
              contains:
                name:
                  description: Name of the rule. One of this collection is C(volact.kms.) and a port.
                  returned: success
                  type: str
                  sample: SPPSVC-In-TCP
                enabled:
                  description: Whether the rule is in use.
                  returned: success
                  type: bool
                  sample: true
                action:
                  description: V(allow) or V(block).
                  returned: success
                  type: str
                  sample: allow
                profiles:
                  description: The kinds of network that it applies to, of V(domain), V(private) and V(public).
                  returned: success
                  type: list
                  elements: str
                  sample: [domain, private]
                remote_addresses:
                  description: Whom the rule is about.
                  returned: success
                  type: list
                  elements: str
                  sample: [Any]
                ports:
                  description: Ports and ranges of ports that it is for. Null for any.
                  returned: success
                  type: list
                  elements: str
                  sample: ["1688"]
            unread_rules:
              description: How many rules a Group Policy has beyond the first 100, which are read.
              returned: success
              type: int
              sample: 0
    clock_skew_seconds:
      description:
        - How far the clock of the machine is ahead of that of the controller, corrected for half the round trip. A
          host refuses clients whose time differs by more than 4 hours. Null where the machine did not tell its
          clock.
      returned: success
      type: float
      sample: 0.4
    last_publishing:
      description:
        - The newest attempt of the host to publish its SRV record, from the Application log. Null when there was
          none within O(event_days). Only with V(events) in O(include).
      returned: success
      type: dict
      sample: {event: 12294, domain: corp.example.test, succeeded: true}
      contains:
        event:
          description: 12294 for a record that was published, 12293 for one that was not.
          returned: success
          type: int
          sample: 12293
        recorded:
          description: When it was written, in UTC and by the clock of the machine.
          returned: success
          type: str
          sample: "2026-11-22T09:00:00Z"
        domain:
          description: The DNS domain, or null where the event doesn't tell it.
          returned: success
          type: str
          sample: corp.example.test
        succeeded:
          description: Whether the record was published.
          returned: success
          type: bool
          sample: false
        code:
          description: HRESULT of the attempt, or null where the event doesn't tell it.
          returned: success
          type: str
          sample: "0x80072338"
        code_name:
          description: Symbol of the code. Null after a success.
          returned: success
          type: str
          sample: DNS_ERROR_RCODE_BADSIG
        code_meaning:
          description: What the code means. Null where nothing is published about it.
          returned: success
          type: str
          sample: "DNS signature failed to verify (event 12293 on the host)"
        code_cause:
          description: The usual cause, or null.
          returned: success
          type: str
          sample: "host has no permission to change the existing _VLMCS SRV record"
        code_remedy:
          description: What to do, or null.
          returned: success
          type: str
          sample: "give the host computer account Full Control on the record/group, restart sppsvc (slsvc)"
    publishing:
      description:
        - The newest attempt in each domain, the newest first. Null when the log could not be read. Only with
          V(events) in O(include).
      returned: success
      type: list
      elements: dict
      sample: [{event: 12294, domain: corp.example.test, succeeded: true}]
      contains:
        event:
          description: 12294 for a record that was published, 12293 for one that was not.
          returned: success
          type: int
          sample: 12293
        recorded:
          description: When it was written, in UTC and by the clock of the machine.
          returned: success
          type: str
          sample: "2026-11-22T09:00:00Z"
        domain:
          description: The DNS domain, or null where the event doesn't tell it.
          returned: success
          type: str
          sample: corp.example.test
        succeeded:
          description: Whether the record was published.
          returned: success
          type: bool
          sample: false
        code:
          description: HRESULT of the attempt, or null where the event doesn't tell it.
          returned: success
          type: str
          sample: "0x80072338"
        code_name:
          description: Symbol of the code. Null after a success.
          returned: success
          type: str
          sample: DNS_ERROR_RCODE_BADSIG
        code_meaning:
          description: What the code means. Null where nothing is published about it.
          returned: success
          type: str
          sample: "DNS signature failed to verify (event 12293 on the host)"
        code_cause:
          description: The usual cause, or null.
          returned: success
          type: str
          sample: "host has no permission to change the existing _VLMCS SRV record"
        code_remedy:
          description: What to do, or null.
          returned: success
          type: str
          sample: "give the host computer account Full Control on the record/group, restart sppsvc (slsvc)"
    publishing_reason:
      description: Why the log could not be read, or null. Only with V(events) in O(include).
      returned: success
      type: str
      sample: null
    updates:
      description: Updates of the machine, and what it can be a KMS host for. Only with V(updates) in O(include).
      returned: success
      type: dict
      sample: {revision: 2322, reason: null}
      contains:
        revision:
          description: The number behind the build (UBR), or null on Windows before 10 and Server 2016.
          returned: success
          type: int
          sample: 2322
        installed:
          description:
            - Numbers of the updates that Windows lists. A cumulative update takes the place of those before it. Null
              where they could not be read.
          returned: success
          type: list
          elements: str
          sample: [KB5034770]
        reason:
          description: Why they could not be read, or null.
          returned: success
          type: str
          sample: null
        can_host:
          description: Every product that KMS hosts activate, as Microsoft documents it for this Windows.
          returned: success
          type: list
          elements: dict
          sample: [{name: Windows Server 2025, possible: true, reason: null}]
          contains:
            name:
              description: The product.
              returned: success
              type: str
              sample: Windows Server 2025
            possible:
              description: Whether this machine can be a KMS host for it now. Null where nobody can tell.
              returned: success
              type: bool
              sample: true
            required_update:
              description: The update that is needed for it, or null.
              returned: success
              type: str
              sample: KB5034770 or a later cumulative update
            reason:
              description: Why it is not possible, or what is in doubt.
              returned: success
              type: str
              sample: null
operating_system:
  description: The Windows that was read.
  returned: success
  type: dict
  sample:
    computer_name: WIN001
    version: "10.0.26100"
    build: 26100
    sku: 4
    edition: Enterprise
    product_type: 1
    language: 1033
    clock: "2026-11-22T10:00:00Z"
  contains:
    computer_name:
      description: Name of the machine.
      returned: success
      type: str
      sample: WIN001
    version:
      description: Version of Windows.
      returned: success
      type: str
      sample: "10.0.26100"
    build:
      description: Build number.
      returned: success
      type: int
      sample: 26100
    sku:
      description: OperatingSystemSKU, which tells the edition in every display language.
      returned: success
      type: int
      sample: 4
    edition:
      description: What the SKU number stands for.
      returned: success
      type: str
      sample: Enterprise
    product_type:
      description: 1 for a client, 2 for a domain controller, 3 for a server.
      returned: success
      type: int
      sample: 1
    language:
      description: LCID of the display language, for example 1031 for German.
      returned: success
      type: int
      sample: 1033
    clock:
      description: The clock of the machine, in UTC.
      returned: success
      type: str
      sample: "2026-11-22T10:00:00Z"
error:
  description: What went wrong, for conditions in playbooks.
  returned: failure or unreachable
  type: dict
  sample:
    kind: activation_failed
    code: "0xC004F074"
    name: SL_E_VL_BINDING_SERVICE_UNAVAILABLE
    operation: Activate
    hint: "read the 12288 events of the attempt in the Application log and treat the HRESULT there"
  contains:
    kind:
      description:
        - The kind of error, for example V(bad_input), V(activation_failed), V(below_threshold), V(unreachable).
      returned: failure or unreachable
      type: str
      sample: activation_failed
    code:
      description: HRESULT, or null.
      returned: failure or unreachable
      type: str
      sample: "0xC004F074"
    name:
      description: Symbol of the code, or null.
      returned: failure or unreachable
      type: str
      sample: SL_E_VL_BINDING_SERVICE_UNAVAILABLE
    operation:
      description: What was being done.
      returned: failure or unreachable
      type: str
      sample: Activate
    hint:
      description: What to look at next, or null.
      returned: failure or unreachable
      type: str
      sample: "read the 12288 events of the attempt in the Application log and treat the HRESULT there"
"""
