# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: client
short_description: Manage how Windows and Office are activated
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Manages how Windows and Office (2010 to LTSC 2024, with Project and Visio) are activated on one machine. Reads their
    state, works out what differs, changes only that, and reads the state again.
  - From a MAK to KMS, the published client setup key of the machine's edition, or of the product of Office, is chosen
    and installed. Whatever can be checked is checked before, because from the key change on Windows 8 and later may be
    in Notification at once, and the MAK activation is used up.
  - Nothing is activated that is activated already, and no key is installed that is there already.
  - Products of Office that are retail, OEM or Microsoft 365, and add-ons such as extended security updates, are left
    alone unless they are named. What may happen to Windows is limited by O(from_channels).
  - If one product of several fails, the others are still worked on. Then the task fails, and names each failure.
  - No key ever leaves the module, except its last five characters.
  - An option that is left out, or an empty text, leaves what it is about as it is.
  - How often a client asks its KMS host cannot be set on a client. It takes the intervals of the host, which
    RV(products[].activation_interval_minutes) and RV(products[].renewal_interval_minutes) show.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.windows
options:
  state:
    description:
      - V(present) manages keys, addresses and activation.
      - V(absent) takes away the key of the licence with O(activation_id), and does nothing else. A licence without a
        key is left as it is.
    type: str
    choices: [present, absent]
    default: present
  product:
    description:
      - Which products are managed. V(office) is every volume product of Office on the machine, V(all) is Windows too.
      - V(office) fails on a machine without such a product, V(all) does not.
      - O(product_name) and O(activation_id) look at all products instead.
    type: str
    choices: [windows, office, all]
    default: windows
  product_name:
    description:
      - A shell pattern such as V(*VisioPro*). Products whose RV(products[].name) or RV(products[].license_family) is
        like it are managed, of any channel. Upper and lower case are the same.
    type: str
  activation_id:
    description:
      - The activation ID of a licence, as RV(products[].activation_id) has it. Of an add-on for extended security
        updates it is published with its key.
    type: str
  channel:
    description:
      - How the products are to be activated.
      - V(kms) takes the client setup key, by which Active Directory may activate as well. Where both are possible,
        Windows asks Active Directory first. To force KMS add O(activation_type=kms).
      - V(ad) takes the client setup key and allows Active Directory alone. V(token) allows only tokens, and changes no
        key. Tokens need a certificate on the machine itself, so nothing is activated.
      - V(mak) takes a multiple activation key.
      - V(unmanaged) is the same as leaving the option out.
    type: str
    choices: [kms, mak, ad, token, unmanaged]
  from_channels:
    description:
      - The channels of products that may be changed. A product of another channel is left alone and listed in
        RV(skipped_products), unless it has the wanted channel already. By default any.
      - V(kms) is a client setup key, V(kms_host) the key of a KMS host.
    type: list
    elements: str
    choices: [kms, mak, retail, oem, avma, evaluation, subscription, kms_host, unknown]
  activation_type:
    description:
      - Which kind of volume activation is allowed for the products that have a client setup key. V(any) allows all.
      - A product that is activated by another kind is activated again, with O(activate=if_needed).
      - Windows 7 and 2008 R2, and the service that Office 2010 has of its own, know no types.
    type: str
    choices: [any, ad, kms, token]
  product_key:
    description:
      - The key to install, if it is not there already. Keep a MAK in a vault.
      - With O(channel=kms) it is mostly left out. The client setup key is then chosen by edition or product, and a
        published one of another edition is refused.
      - It is one key, for Windows or for one product of Office. Which product of Office a MAK is for shows only after
        it was installed.
      - What kind of key an unpublished one is shows only after its installation. If it is not of the O(channel), it
        is not activated, and the former client setup key is installed again, or the key removed.
    type: str
  old_keys:
    description:
      - The MAK and the client setup key of a product of Office are different licences and stay beside each other.
      - V(remove) takes the other one away once the licence of O(channel) is activated. It needs O(channel).
    type: str
    choices: [keep, remove]
    default: keep
  clear_key_from_registry:
    description:
      - Whether a key that was installed is then removed from the registry, where programs could read it. The
        activation stays.
    type: bool
    default: false
  remove_windows_key:
    description: Whether O(state=absent) may take the key of Windows itself, which is then not activated any more.
    type: bool
    default: false
  automatic_activation:
    description:
      - Whether Windows may activate a MAK or the key of a KMS host by itself. V(false) is set before a key is
        installed, so that only O(activate) spends an activation.
      - It is the registry value C(Manual) of the key C(SoftwareProtectionPlatform\Activation).
      - Use V(false) where the number of activations is guarded. Set it to V(true) again for machines that may
        activate by themselves after a change of hardware. KMS clients always activate by themselves.
    type: bool
  kms_host:
    description:
      - Name or address of a KMS host that the machine is pinned to, instead of looking in DNS. Give a port as
        O(kms_port).
      - Where a managed product has a KMS host of its own, that one is removed, because it would win.
      - If a Group Policy sets another one, the task fails, because the policy would win.
    type: str
  kms_port:
    description: TCP port of O(kms_host).
    type: int
  discovery:
    description:
      - V(true) removes a pinned KMS host and port, so that the machine looks in DNS. Of the service, of each managed
        product, and what a script wrote into the registry for the whole application.
      - The registry is read unless each product is activated and shows that it found its KMS host in DNS.
      - V(false) is the same as leaving the option out. To pin a machine, use O(kms_host).
    type: bool
  lookup_domain:
    description:
      - The DNS domain in which the machine looks for KMS hosts, instead of its own. It has no effect while a KMS host
        is pinned.
      - Windows 8, Windows Server 2012 and later.
    type: str
  clear_lookup_domain:
    description: V(true) lets the machine look in its own DNS domains again.
    type: bool
    default: false
  address_level:
    description:
      - Where O(kms_host), O(kms_port) and O(lookup_domain) are set. V(service) is for all products of the licensing
        service, V(product) for each managed product alone, which then wins.
      - With V(product), O(discovery) leaves what is set at the service.
    type: str
    choices: [service, product]
    default: service
  host_caching:
    description:
      - Whether the machine remembers the KMS host that it used. Turn it off where priority and weight of SRV records
        are to be followed each time.
    type: bool
  force:
    description:
      - Whether a machine may lose the KMS host of its cloud provider, to which it is pinned on purpose. Without that it
        may never activate again.
    type: bool
    default: false
  activate:
    description:
      - V(if_needed) activates what is not activated.
      - V(renew) also asks the KMS host for what is activated by KMS, which starts its 180 days again and costs
        nothing. It reports a change each time. A MAK that is activated is never activated again.
      - V(never) is the same as leaving the option out.
    type: str
    choices: [if_needed, renew, never]
  below_threshold:
    description:
      - A KMS host activates clients once 25 machines have asked, servers and products of Office once 5 have. Until
        then an activation is pending.
      - V(fail) makes that an error. V(accept) returns RV(pending=true), for a later task that asks again when all
        machines have asked once.
    type: str
    choices: [fail, accept]
    default: fail
  convert_host:
    description: Whether a machine that is a KMS host may get a client key, which ends its service.
    type: bool
    default: false
  diagnose:
    description:
      - Whether the controller looks, after a KMS activation that failed, if the name of the KMS host resolves, if its
        port takes a connection, and if the clocks agree. It takes a few seconds, and what it finds is in
        RV(error.next_check).
      - Nothing is sent to the KMS host. It only sees a connection that is closed again.
    type: bool
    default: true
seealso:
  - module: volact.kms.client_info
  - module: volact.kms.host
  - name: KMS client activation and product keys
    description: The published client setup keys, by edition.
    link: https://learn.microsoft.com/windows-server/get-started/kms-client-activation-keys
  - name: GVLKs for KMS and Active Directory-based activation of Office
    description: The published client setup keys of Office, Project and Visio.
    link: https://learn.microsoft.com/office/volume-license-activation/gvlks
"""

EXAMPLES = r"""
- name: Switch to KMS and activate
  volact.kms.client:
    channel: kms
    activate: if_needed

- name: Switch a fleet to a new KMS host, whose first clients have to wait for the others
  volact.kms.client:
    channel: kms
    discovery: true
    activate: if_needed
    below_threshold: accept
  register: switched

- name: Ask again after all have asked
  volact.kms.client:
    channel: kms
    activate: if_needed
  when: switched.pending

- name: Switch Windows and every volume product of Office, and take the MAKs of Office away
  volact.kms.client:
    product: all
    channel: kms
    from_channels: [mak]
    old_keys: remove
    activate: if_needed

- name: Pin machines of a branch office to their KMS host, and renew there
  volact.kms.client:
    kms_host: kms-branch.corp.example.test
    kms_port: 1688
    activate: renew

- name: Let machines of another domain find the KMS hosts of the main one
  volact.kms.client:
    discovery: true
    lookup_domain: corp.example.test
    host_caching: false

- name: Give Visio alone another KMS host
  volact.kms.client:
    product_name: "*VisioPro*"
    address_level: product
    kms_host: kms-office.corp.example.test

- name: Activate by Active Directory only
  volact.kms.client:
    channel: ad
    activate: if_needed

- name: Activate a machine outside the company network by MAK, which is spent only when this task says so
  volact.kms.client:
    channel: mak
    product_key: "{{ vault_mak }}"
    automatic_activation: false
    clear_key_from_registry: true
    activate: if_needed

- name: Install and activate the key for extended security updates
  volact.kms.client:
    activation_id: f520e45e-7413-4a34-a497-d2765967d094
    channel: mak
    product_key: "{{ vault_esu_key }}"
    activate: if_needed

- name: Take the key of one product away
  volact.kms.client:
    state: absent
    activation_id: 44a07f51-8263-4b2f-b2a5-70340055c646
"""

RETURN = r"""
operations:
  description:
    - The operations that were carried out, in order, or that would be in check mode. A failed task lists those that
      were done before, and one more that may have been, if the connection was lost in its middle.
    - With O(old_keys=remove) the old key goes only if the new one is activated, so a run may do less than check mode
      says.
  returned: success
  type: list
  elements: str
  sample: [InstallProductKey, Activate]
outcome:
  description:
    - V(licensed), V(pending) or V(failed). Of several products the worst. Null when no activation was asked for. In
      check mode, what is expected.
  returned: success
  type: str
  sample: licensed
outcome_reason:
  description: Why the activation is pending or has failed, or null.
  returned: success
  type: str
  sample: "the KMS host's count is below the threshold (0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT)"
pending:
  description: Whether a product has to be asked again later.
  returned: success
  type: bool
  sample: false
products:
  description:
    - The licences that have a key, of the applications of O(product). Of Windows mostly one.
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
      outcome: licensed
      outcome_reason: null
  contains:
    activation_id:
      description: Activation ID (SKU) of the licence. It changes with the channel of the key.
      type: str
    application_id:
      description: ID of the application that the licence belongs to. Office 2010 has another one than later versions.
      type: str
    application:
      description: V(windows) or V(office), or null for another application.
      type: str
    family:
      description:
        - Which classes hold the licence. V(ospp) is Office 2010, and Office 2013 and later on Windows 7 and 2008 R2.
        - Everything else is V(spp).
      type: str
    license_family:
      description: Name of the edition or suite, as Microsoft calls it in licences. Null where the machine has none.
      type: str
    name:
      description: Name of the licence, the same in every display language.
      type: str
    description:
      description: Description of the licence, which holds the channel. The same in every display language.
      type: str
    channel:
      description:
        - How the licence is activated, one of V(kms_client), V(kms_host), V(mak), V(oem), V(evaluation),
          V(subscription), V(avma), V(retail), V(unknown).
      type: str
    partial_product_key:
      description: The last five characters of the installed key.
      type: str
    license_status:
      description: LicenseStatus as a number.
      type: int
    license_status_name:
      description: LicenseStatus as Microsoft names it.
      type: str
    license_status_reason:
      description: LicenseStatusReason as an unsigned number.
      type: int
    license_status_reason_code:
      description: The reason as Microsoft prints it.
      type: str
    license_status_reason_name:
      description: The symbol of the reason, or null for an unknown one.
      type: str
    license_status_reason_meaning:
      description: What the reason means, or null where nothing is published.
      type: str
    grace_minutes:
      description: Minutes until the activation, or the grace period, ends. 0 for a permanent activation.
      type: int
    grace_ends:
      description: When they end, in UTC and by the clock of the machine. Null for a permanent activation.
      type: str
    activation_type:
      description:
        - The kind of volume activation that activated the licence. Null on Windows 7 and 2008 R2, which do not
          tell.
      type: int
    activation_type_name:
      description: The same as a word.
      type: str
    activation_type_enabled:
      description: The kind of volume activation that is allowed. 0 is any.
      type: int
    activation_type_enabled_name:
      description: The same as a word.
      type: str
    kms_host:
      description: KMS host that is fixed for this licence alone, or null.
      type: str
    kms_port:
      description: Port that is fixed for this licence alone, or null.
      type: int
    lookup_domain:
      description: The DNS domain in which KMS hosts are looked up for this licence alone, or null.
      type: str
    discovered_kms_host:
      description: KMS host that was last found in DNS, or null.
      type: str
    discovered_kms_port:
      description: Port that was last found in DNS, or null.
      type: int
    discovered_kms_address:
      description: Address of the KMS host that was last used. Null on Windows 7 and 2008 R2, which do not tell.
      type: str
    activation_interval_minutes:
      description: Minutes between attempts while not activated, as the KMS host told.
      type: int
    renewal_interval_minutes:
      description: Minutes between renewals, as the KMS host told.
      type: int
    ad_activation_object_name:
      description: The object of Active Directory that activated the licence, or null.
      type: str
    ad_activation_object_dn:
      description: Its distinguished name, or null.
      type: str
    remaining_app_rearms:
      description: How often the grace period of the application can still be reset.
      type: int
    remaining_sku_rearms:
      description: How often the grace period of the licence can still be reset.
      type: int
    unknown:
      description: Names of values here that are null because they could not be told, each with the reason.
      type: dict
    outcome:
      description:
        - What became of the activation of this licence, V(licensed), V(pending) or V(failed). Null where none was
          asked for.
      type: str
    outcome_reason:
      description: Why the licence is not activated, or null.
      type: str
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
      type: str
    kms_host:
      description: The KMS host that the machine is pinned to, or null when it uses DNS.
      type: str
    kms_port:
      description: The port that is used with a pinned host.
      type: int
    lookup_domain:
      description: The DNS domain in which the machine looks for KMS hosts, or null for its own.
      type: str
    host_caching:
      description: Whether the machine remembers the KMS host that it used.
      type: bool
    discovered_kms_host:
      description: KMS host that was last found in DNS, or null.
      type: str
    discovered_kms_port:
      description: Port that was last found in DNS, or null.
      type: int
    discovered_kms_address:
      description: Address of the KMS host that was last used. Null on Windows 7 and 2008 R2, which do not tell.
      type: str
    remaining_windows_rearms:
      description: How often the grace period of Windows can still be reset.
      type: int
    unknown:
      description: Names of values here that are null because they could not be told, each with the reason.
      type: dict
office_kms_client:
  description:
    - The same settings of the licensing service that Office 2010 has on every Windows, and later versions have on
      Windows 7 and 2008 R2. Its CMID is another one.
    - Null where Office has no service of its own, or was not read.
  returned: success
  type: dict
  sample: null
skipped_products:
  description: Licences that were left alone, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - activation_id: 3f1afc82-f8ac-4f6c-8005-1d233e606eee
      name: "Windows(R), Professional edition"
      channel: retail
      reason: its channel is retail, not in from_channels
  contains:
    activation_id:
      description: Activation ID of the licence.
      type: str
    name:
      description: Name of the licence.
      type: str
    channel:
      description: How it is activated, as in RV(products[].channel).
      type: str
    reason:
      description: Why it was left alone.
      type: str
operating_system:
  description: The Windows that was worked on.
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
      type: str
    version:
      description: Version of Windows.
      type: str
    build:
      description: Build number.
      type: int
    sku:
      description: OperatingSystemSKU, which tells the edition in every display language.
      type: int
    edition:
      description: What the SKU number stands for.
      type: str
    product_type:
      description: 1 for a client, 2 for a domain controller, 3 for a server.
      type: int
    language:
      description: LCID of the display language, for example 1031 for German.
      type: int
    clock:
      description: The clock of the machine, in UTC.
      type: str
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
    cause: "host not found or not reachable"
    remedy: "read the 12288 events of the attempt in the Application log and treat the HRESULT there"
    next_check:
      check: port
      target: kms01.corp.example.test:1688
      checked: true
      result: TCP port 1688 of kms01.corp.example.test takes no connection from the controller.
      what: Look whether the machine reaches TCP port 1688 of kms01.corp.example.test.
  contains:
    kind:
      description:
        - The kind of error, for example V(bad_input), V(activation_failed), V(below_threshold), V(unreachable).
      type: str
    code:
      description: HRESULT, or null.
      type: str
    name:
      description: Symbol of the code, or null.
      type: str
    operation:
      description: What was being done.
      type: str
    hint:
      description: What to look at next, or null.
      type: str
    cause:
      description: The usual cause of the code, or null where none is published. Only after an activation.
      type: str
    remedy:
      description: The published remedy, or null. Only after an activation.
      type: str
    next_check:
      description:
        - The next thing to check, in the order SRV record, name, port, clock, key, count. Only after an activation.
      type: dict
      contains:
        check:
          description: One of V(srv), V(name), V(port), V(clock), V(key), V(count).
          type: str
        target:
          description: The host, port or product that it is about, or null.
          type: str
        checked:
          description: Whether the controller looked, and found it wrong.
          type: bool
        result:
          description: What the controller found, or null.
          type: str
        what:
          description: What to do, in a sentence.
          type: str
"""
