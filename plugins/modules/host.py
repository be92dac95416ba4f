# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: Set up a KMS host for Windows
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Installs and activates a KMS host key, and manages port, DNS publishing and the built-in firewall rule of the
    host. Reads the state, works out what differs, changes only that, and reads the state again.
  - A host key can be activated on 6 machines, 10 times each. So a key that is there already is not installed again,
    and a host that is activated is not activated again.
  - The service C(sppsvc) is restarted when a setting needs it, once for all of them.
  - No key ever leaves the module, except its last five characters.
  - An option that is left out, or an empty text, leaves what it is about as it is.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.windows
options:
  product_key:
    description:
      - The KMS host key (CSVLK) of your agreement, which is installed if it is not there already. Keep it in a vault.
      - A published client setup key is refused. If another key turns out to be no host key, it is not activated, and
        the former client setup key is installed again, or the key removed.
    type: str
  activate:
    description:
      - V(if_needed) activates the host with Microsoft unless it is activated.
      - V(never) is the same as leaving the option out.
    type: str
    choices: [if_needed, never]
  listening_port:
    description: TCP port on which clients are served. Windows listens on 1688 unless told otherwise.
    type: int
  dns_publishing:
    description:
      - Whether the host publishes its own C(_vlmcs._tcp) record. Use either this or M(volact.kms.srv_record), not both.
    type: bool
  firewall_rule:
    description:
      - Whether the built-in rule C(SPPSVC-In-TCP), which lets clients in on port 1688, is enabled.
      - Windows 7 and Windows Server 2008 R2 have no such rule over CIM. The error names the C(netsh) command to use
        there.
    type: bool
notes:
  - Never let a KMS host be reached from a network that you do not control, such as the internet.
seealso:
  - module: volact.kms.host_info
  - module: volact.kms.srv_record
  - name: Create a KMS activation host
    description: What Microsoft says about setting one up.
    link: https://learn.microsoft.com/windows-server/get-started/kms-create-host
"""

EXAMPLES = r"""
- name: Install and activate a host key
  volact.kms.host:
    product_key: "{{ vault_kms_host_key }}"
    activate: if_needed

- name: Set up a KMS host whose DNS record is managed by a later task
  volact.kms.host:
    product_key: "{{ vault_kms_host_key }}"
    activate: if_needed
    dns_publishing: false
    firewall_rule: true

- name: Move the host to another port
  volact.kms.host:
    listening_port: 1689
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
  description: V(licensed). Null when no activation was asked for. In check mode, what is expected.
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
host:
  description: State of the machine as a KMS host.
  returned: success
  type: dict
  sample:
    is_kms_host: true
    current_count: 31
    required_client_count: 5
    total_requests: 61
    failed_requests: 0
    listening_port: 1688
    dns_publishing: false
  contains:
    is_kms_host:
      description: Whether the machine is a KMS host.
      returned: success
      type: bool
      sample: true
    current_count:
      description: How many machines the host counts. 0 when none has asked yet, null when it is no KMS host.
      returned: success
      type: int
      sample: 31
    required_client_count:
      description:
        - The count from which the host activates, as the host itself says. Servers need 5 and clients 25, whatever
          it says.
      returned: success
      type: int
      sample: 5
    total_requests:
      description: Requests that were received, or null.
      returned: success
      type: int
      sample: 61
    failed_requests:
      description: Requests that were refused, or null.
      returned: success
      type: int
      sample: 0
    listening_port:
      description: TCP port of the KMS host.
      returned: success
      type: int
      sample: 1688
    dns_publishing:
      description: Whether the host publishes its own SRV record.
      returned: success
      type: bool
      sample: false
    product:
      description:
        - The licence of the host key, as in RV(ignore:products) of M(volact.kms.client_info). Null when the machine
          is no KMS host.
      returned: success
      type: dict
      sample:
        channel: kms_client
        partial_product_key: 2YT43
        license_status_name: Licensed
        grace_minutes: 259200
        grace_ends: "2027-05-21T10:00:00Z"
      contains:
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
        license_status_name:
          description: LicenseStatus as Microsoft names it.
          returned: success
          type: str
          sample: Licensed
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
    firewall_rule:
      description: The built-in rule for the KMS. Null where Windows has none that can be managed over CIM.
      returned: success
      type: dict
      sample:
        name: SPPSVC-In-TCP
        enabled: true
        profiles: 0
      contains:
        name:
          description: Name of the rule.
          returned: success
          type: str
          sample: SPPSVC-In-TCP
        enabled:
          description: Whether the rule lets clients in.
          returned: success
          type: bool
          sample: true
        profiles:
          description: Profiles as a bit mask of 1 domain, 2 private, 4 public. 0 is any.
          returned: success
          type: int
          sample: 0
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
