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
  - Reads licence, client count, port, DNS publishing and firewall rule of a KMS host for Windows, with four small
    queries, and changes nothing. Reading never raises the count of the host.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.windows
options: {}
seealso:
  - module: volact.kms.host
  - module: volact.kms.client_info
"""

EXAMPLES = r"""
- name: Read the state of the host
  volact.kms.host_info:
  register: kms

- name: Fail unless clients can be activated now
  volact.kms.host_info:
  register: kms
  failed_when: kms.host.current_count | default(0, true) < 25

- name: Fail if the host publishes itself, where its record is managed by srv_record
  volact.kms.host_info:
  register: kms
  failed_when: kms.host.dns_publishing
"""

RETURN = r"""
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
