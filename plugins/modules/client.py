# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: client
short_description: Switch Windows between MAK and KMS, and activate it
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Manages how one Windows machine is activated. Reads its state, works out what differs, changes only that, and reads
    the state again.
  - From a MAK to KMS, the published client setup key of the machine's edition is chosen and installed. Whatever can be
    checked is checked before, because from the key change on Windows 8 and later may be in Notification at once, and
    the MAK activation is used up.
  - Nothing is activated that is activated already, and no key is installed that is there already.
  - No key ever leaves the module, except its last five characters.
  - An option that is left out, or an empty text, leaves what it is about as it is.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.windows
options:
  channel:
    description:
      - How Windows is to be activated.
      - V(kms) takes a KMS client key, by which also Active Directory may activate. V(mak) takes a multiple activation
        key.
    type: str
    choices: [kms, mak]
  product_key:
    description:
      - The key to install, if it is not there already. Keep a MAK in a vault.
      - With O(channel=kms) it is mostly left out. The client setup key is then chosen by edition, and a published one
        of another edition is refused.
      - What kind of key an unpublished one is shows only after its installation. If it is not of the O(channel), it
        is not activated, and the former client setup key is installed again, or the key removed.
    type: str
  kms_host:
    description:
      - Name or address of a KMS host that the machine is pinned to, instead of looking in DNS.
    type: str
  kms_port:
    description: TCP port of O(kms_host).
    type: int
  discovery:
    description:
      - V(true) removes a pinned KMS host and port, so that the machine looks in DNS.
      - V(false) is the same as leaving the option out. To pin a machine, use O(kms_host).
    type: bool
  activate:
    description:
      - V(if_needed) activates Windows unless it is activated.
      - V(renew) also asks the KMS host when Windows is activated by KMS, which starts its 180 days again and costs
        nothing. It reports a change each time. A MAK that is activated is never activated again.
      - V(never) is the same as leaving the option out.
    type: str
    choices: [if_needed, renew, never]
  below_threshold:
    description:
      - A KMS host activates clients once 25 machines have asked, and servers once 5 have. Until then an activation is
        pending.
      - V(fail) makes that an error. V(accept) returns RV(pending=true), for a later task that asks again when all
        machines have asked once.
    type: str
    choices: [fail, accept]
    default: fail
  convert_host:
    description: Whether a machine that is a KMS host may get a client key, which ends its service.
    type: bool
    default: false
seealso:
  - module: volact.kms.client_info
  - module: volact.kms.host
  - name: KMS client activation and product keys
    description: The published client setup keys, by edition.
    link: https://learn.microsoft.com/windows-server/get-started/kms-client-activation-keys
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

- name: Pin machines of a branch office to their KMS host, and renew there
  volact.kms.client:
    kms_host: kms-branch.corp.example.test
    kms_port: 1688
    activate: renew

- name: Activate a machine outside the company network by MAK
  volact.kms.client:
    channel: mak
    product_key: "{{ vault_mak }}"
    activate: if_needed
"""

RETURN = r"""
operations:
  description:
    - The operations that were carried out, in order, or that would be in check mode. A failed task lists those that
      were done before, and one more that may have been, if the connection was lost in its middle.
  returned: success
  type: list
  elements: str
  sample: [InstallProductKey, Activate]
outcome:
  description: V(licensed) or V(pending). Null when no activation was asked for. In check mode, what is expected.
  returned: success
  type: str
  sample: licensed
outcome_reason:
  description: Why the activation is pending, or null.
  returned: success
  type: str
  sample: "the KMS host's count is below the threshold (0xC004F038 SL_E_VL_NOT_ENOUGH_COUNT)"
pending:
  description: Whether Windows has to be asked again later.
  returned: success
  type: bool
  sample: false
products:
  description: The Windows licences that have a key, add-ons left out. Mostly one.
  returned: success
  type: list
  elements: dict
  sample:
    - activation_id: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
      application_id: 55c92734-d682-4d71-983e-d6ec3f16059f
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
      kms_host: kms01.corp.example.test
      kms_port: 1688
      discovered_kms_host: kms01.corp.example.test
      discovered_kms_port: 1688
      discovered_kms_address: "192.0.2.10"
      activation_interval_minutes: 120
      renewal_interval_minutes: 10080
  contains:
    activation_id:
      description: Activation ID (SKU) of the licence. It changes with the channel of the key.
      returned: success
      type: str
      sample: 2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283
    application_id:
      description: ID of the application that the licence belongs to, here always Windows.
      returned: success
      type: str
      sample: 55c92734-d682-4d71-983e-d6ec3f16059f
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
