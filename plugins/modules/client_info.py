# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: client_info
short_description: Read how Windows and Office are activated
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Reads licences, channels, expiry and KMS settings of one Windows machine, and changes nothing. Windows takes three
    small queries, Office one more, and a fifth where Office has licensing classes of its own.
  - Where the registry or a Group Policy names a KMS host, and what the last request to one came to, is read when
    O(include) asks for it.
  - Works in every display language. Nothing of it is secret.
  - A value that is null is absent. Where it could not be told, C(unknown) beside it has the reason.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.windows
options:
  product:
    description:
      - Of which products licences are read.
      - By default of all, because a machine whose Office is not activated is not activated. V(windows) saves a query.
    type: str
    choices: [windows, office, all]
    default: all
  include:
    description:
      - What is read beyond the licences, each with queries of its own.
      - V(registry) reads the KMS hosts that the registry has for the machine, for an application, for a licence and by
        Group Policy, with one query for each place. Windows obeys some of them without showing them elsewhere.
      - V(events) reads the newest request to a KMS host of each licence from the Application log, and its answer. A log
        that does not answer in time is no failure.
      - V(dns) reads in which DNS domains the machine looks for KMS hosts, from the registry.
    type: list
    elements: str
    choices: [registry, events, dns]
    default: []
  event_days:
    description:
      - How many days of the log V(events) reads, from 1 to 366. More take longer.
      - The default covers one renewal of a client, which asks every seven days.
    type: int
    default: 8
seealso:
  - module: volact.kms.client
  - module: volact.kms.host_info
"""

EXAMPLES = r"""
- name: Read the activation state
  volact.kms.client_info:
  register: activation

- name: Fail on machines that are not activated
  volact.kms.client_info:
    product: windows
  register: activation
  failed_when: activation.products | rejectattr('license_status', 'eq', 1) | length > 0

- name: Fail on machines whose activation by KMS ends within 30 days, which means that they don't renew it
  volact.kms.client_info:
  register: activation
  failed_when: >-
    activation.products | selectattr('channel', 'eq', 'kms_client')
    | selectattr('grace_minutes', 'lt', 30 * 24 * 60) | length > 0

- name: See what the last requests to a KMS host came to, and where its name is from
  volact.kms.client_info:
    include: [registry, events]
  register: activation
"""

RETURN = r"""
products:
  description:
    - The licences that have a key, one of Windows and those of Office, Project and Visio.
    - Office may have two for the same product, for example of a MAK and of a client setup key.
  returned: success
  type: list
  elements: dict
  sample:
    - activation_id: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
      application_id: 55c92734-d682-4d71-983e-d6ec3f16059f
      application: windows
      family: spp
      license_family: Enterprise
      name: "Windows(R), Enterprise edition"
      description: "Windows(R) Operating System, VOLUME_KMSCLIENT channel"
      channel: kms_client
      partial_product_key: 2YT43
      license_status: 1
      license_status_name: Licensed
      license_status_reason: 1074065472
      license_status_reason_code: "0x4004F040"
      license_status_reason_name: SL_E_VL_INFO_PRODUCT_USER_RIGHT
      license_status_reason_meaning: "activated; the product use rights apply"
      grace_minutes: 259200
      grace_ends: "2027-05-21T10:00:00Z"
      activation_type: 2
      activation_type_name: KMS
      activation_type_enabled: 0
      activation_type_enabled_name: Any
      kms_host: kms01.corp.example.test
      kms_port: 1688
      lookup_domain: corp.example.test
      discovered_kms_host: kms01.corp.example.test
      discovered_kms_port: 1688
      discovered_kms_address: "192.0.2.10"
      activation_interval_minutes: 120
      renewal_interval_minutes: 10080
      ad_activation_object_name: null
      ad_activation_object_dn: null
      remaining_app_rearms: 5
      remaining_sku_rearms: 1001
      unknown: {}
  contains:
    activation_id:
      description: Activation ID (SKU) of the licence. It changes with the channel of the key.
      returned: success
      type: str
      sample: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
    application_id:
      description: ID of the application that the licence belongs to. Office 2010 has another one than later versions.
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
        - Which classes hold the licence. V(ospp) is Office 2010, and Office 2013 and later on Windows 7 and 2008 R2.
        - Everything else is V(spp).
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
addons:
  description:
    - Licences that add to another one, for example extended security updates, with the same keys as RV(products).
    - This collection changes one only when it is named by its activation ID.
  returned: success
  type: list
  elements: dict
  sample: []
kms_client:
  description: Settings of the machine as a KMS client.
  returned: success
  type: dict
  sample:
    cmid: 9f0d3c4e-6d3c-4d3a-8b4e-5f1f0a6a2b11
    kms_host: kms01.corp.example.test
    kms_port: 1688
    lookup_domain: corp.example.test
    host_caching: true
    discovered_kms_host: kms01.corp.example.test
    discovered_kms_port: 1688
    discovered_kms_address: "192.0.2.10"
    remaining_windows_rearms: 1001
    unknown: {}
  contains:
    cmid:
      description: Client machine ID, by which KMS hosts count machines. Null until the machine has one.
      returned: success
      type: str
      sample: 9f0d3c4e-6d3c-4d3a-8b4e-5f1f0a6a2b11
    kms_host:
      description: The KMS host that the machine is pinned to, or null when it uses DNS.
      returned: success
      type: str
      sample: kms01.corp.example.test
    kms_port:
      description: The port that is used with a pinned host.
      returned: success
      type: int
      sample: 1688
    lookup_domain:
      description: The DNS domain in which the machine looks for KMS hosts, or null for its own.
      returned: success
      type: str
      sample: corp.example.test
    host_caching:
      description: Whether the machine remembers the KMS host that it used.
      returned: success
      type: bool
      sample: true
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
    remaining_windows_rearms:
      description: How often the grace period of Windows can still be reset.
      returned: success
      type: int
      sample: 1001
    unknown:
      description: Names of values here that are null because they could not be told, each with the reason.
      returned: success
      type: dict
      sample: {}
office_kms_client:
  description:
    - The same settings of the licensing service that Office 2010 has on every Windows, and later versions have on
      Windows 7 and 2008 R2. Its CMID is another one.
    - Null where Office has no service of its own, or was not read.
  returned: success
  type: dict
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
registry:
  description: What the registry has about activation. Its values are null where it could not be read.
  returned: when O(include) has V(registry)
  type: dict
  sample:
    kms_hosts:
      - level: policy
        key: 'HKLM\SOFTWARE\Policies\Microsoft\Windows NT\CurrentVersion\Software Protection Platform'
        kms_host: kms01.corp.example.test
        kms_port: null
    automatic_activation: true
    user_operations: false
    reason: null
  contains:
    kms_hosts:
      description:
        - Each key that holds a KMS host or port. An empty list means that DNS decides.
      returned: when O(include) has V(registry)
      type: list
      elements: dict
      sample: []
      contains:
        level:
          description:
            - One of V(policy), V(service), V(application), V(product).
            - A Group Policy is stronger than the others.
          returned: when O(include) has V(registry)
          type: str
          sample: policy
        key:
          description: The key below HKLM that holds them.
          returned: when O(include) has V(registry)
          type: str
          sample: 'HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform'
        kms_host:
          description: The KMS host, or null.
          returned: when O(include) has V(registry)
          type: str
          sample: kms01.corp.example.test
        kms_port:
          description: The port, or null.
          returned: when O(include) has V(registry)
          type: int
          sample: 1688
    automatic_activation:
      description: Whether Windows activates a MAK or host key by itself, which spends an activation.
      returned: when O(include) has V(registry)
      type: bool
      sample: true
    user_operations:
      description: Whether users without rights of an administrator may change keys.
      returned: when O(include) has V(registry)
      type: bool
      sample: false
    reason:
      description: Why the registry could not be read. Null where it was.
      returned: when O(include) has V(registry)
      type: str
      sample: null
dns:
  description: The DNS domains in which the machine looks for KMS hosts. Its values are null where it could not be read.
  returned: when O(include) has V(dns)
  type: dict
  sample:
    suffixes: [corp.example.test]
    source: domains
    reason: null
  contains:
    suffixes:
      description: The domains, in the order in which they are asked.
      returned: when O(include) has V(dns)
      type: list
      elements: str
      sample: [corp.example.test]
    source:
      description:
        - Which setting decides. V(lookup_domain) is one of the licensing service.
        - V(policy) and V(search_list) are lists of the DNS client.
        - V(domains) are the machine's own and those of its network interfaces.
      returned: when O(include) has V(dns)
      type: str
      sample: domains
    reason:
      description: Why the registry could not be read. Null where it was.
      returned: when O(include) has V(dns)
      type: str
      sample: null
events:
  description: What the Application log has about requests to KMS hosts, events 12288 and 12289.
  returned: when O(include) has V(events)
  type: dict
  sample:
    kms_requests: []
    reason: null
  contains:
    kms_requests:
      description:
        - The newest request of each licence within O(event_days) days, the newest first.
        - Null where the log could not be read, or not in time.
        - Values of an event that it does not have, or that make no sense, are null.
      returned: when O(include) has V(events)
      type: list
      elements: dict
      sample: []
      contains:
        activation_id:
          description: The licence that asked.
          returned: when O(include) has V(events)
          type: str
          sample: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
        recorded:
          description: When the machine wrote the event, in UTC.
          returned: when O(include) has V(events)
          type: str
          sample: "2026-11-22T09:58:00Z"
        succeeded:
          description: Whether the code is 0.
          returned: when O(include) has V(events)
          type: bool
          sample: false
        code:
          description: The HRESULT of the request, as Microsoft prints it.
          returned: when O(include) has V(events)
          type: str
          sample: "0xC004F074"
        code_name:
          description: The symbol of the code, or null for an unknown one.
          returned: when O(include) has V(events)
          type: str
          sample: SL_E_VL_KEY_MANAGEMENT_SERVICE_NOT_FOUND
        code_meaning:
          description: What the code means, or null where nothing is published.
          returned: when O(include) has V(events)
          type: str
          sample: no KMS host could be reached
        code_remedy:
          description: What to do about it, or null where nothing is published.
          returned: when O(include) has V(events)
          type: str
          sample: read the 12288 events of the attempt
        status_flags:
          description: Names of the flags of the event, mostly none.
          returned: when O(include) has V(events)
          type: list
          elements: str
          sample: []
        kms_host:
          description: The KMS host that was asked.
          returned: when O(include) has V(events)
          type: str
          sample: kms01.corp.example.test
        kms_port:
          description: Its port.
          returned: when O(include) has V(events)
          type: int
          sample: 1688
        cmid:
          description: The client machine ID that was sent.
          returned: when O(include) has V(events)
          type: str
          sample: 9f0d3c4e-6d3c-4d3a-8b4e-5f1f0a6a2b11
        client_time:
          description: The clock of the machine at the request, in UTC. More than four hours off, a KMS host refuses.
          returned: when O(include) has V(events)
          type: str
          sample: "2026-11-22T09:58:00Z"
        virtual_machine:
          description: Whether the machine says that it is virtual.
          returned: when O(include) has V(events)
          type: bool
          sample: true
        license_status:
          description: LicenseStatus before the request, as a number.
          returned: when O(include) has V(events)
          type: int
          sample: 1
        license_status_name:
          description: The same as Microsoft names it.
          returned: when O(include) has V(events)
          type: str
          sample: Licensed
        minutes_to_expiration:
          description: Minutes that were left of that status.
          returned: when O(include) has V(events)
          type: int
          sample: 259200
        required_client_count:
          description: The count that this licence needs of a KMS host.
          returned: when O(include) has V(events)
          type: int
          sample: 25
        response:
          description: What the KMS host answered to this request. Null where there is no answer in the log.
          returned: when O(include) has V(events)
          type: dict
          sample: null
          contains:
            recorded:
              description: When the machine wrote the event, in UTC.
              returned: when O(include) has V(events)
              type: str
              sample: "2026-11-22T09:58:01Z"
            succeeded:
              description: Whether the code is 0.
              returned: when O(include) has V(events)
              type: bool
              sample: false
            code:
              description: The HRESULT of the request, as Microsoft prints it.
              returned: when O(include) has V(events)
              type: str
              sample: "0xC004F074"
            code_name:
              description: The symbol of the code, or null for an unknown one.
              returned: when O(include) has V(events)
              type: str
              sample: SL_E_VL_KEY_MANAGEMENT_SERVICE_NOT_FOUND
            code_meaning:
              description: What the code means, or null where nothing is published.
              returned: when O(include) has V(events)
              type: str
              sample: no KMS host could be reached
            code_remedy:
              description: What to do about it, or null where nothing is published.
              returned: when O(include) has V(events)
              type: str
              sample: read the 12288 events of the attempt
            status_flags:
              description: Names of the flags of the event, mostly none.
              returned: when O(include) has V(events)
              type: list
              elements: str
              sample: []
            activated:
              description: Whether the licence was activated by it.
              returned: when O(include) has V(events)
              type: bool
              sample: true
            current_count:
              description: The count of the KMS host.
              returned: when O(include) has V(events)
              type: int
              sample: 50
            activation_interval_minutes:
              description: Minutes between attempts while not activated, as the host told.
              returned: when O(include) has V(events)
              type: int
              sample: 120
            renewal_interval_minutes:
              description: Minutes between renewals, as the host told.
              returned: when O(include) has V(events)
              type: int
              sample: 10080
            client_time:
              description: The time stamp of the request that it answers.
              returned: when O(include) has V(events)
              type: str
              sample: "2026-11-22T09:58:00Z"
    reason:
      description: Why RV(events.kms_requests) is null. Null where it is known.
      returned: when O(include) has V(events)
      type: str
      sample: null
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
