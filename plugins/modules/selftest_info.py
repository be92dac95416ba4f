# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: selftest_info
short_description: Do every read of this collection once on a real machine
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Does each read that the other modules do, by the same code, and tells of each whether it worked, how long it took
    and what error came. Nothing is changed on the machine; requests other than queries are not even sent.
  - With O(dest) it also writes a capture of the requests and replies, from which everything is removed that tells whose
    machine it is.
  - Use it to see beforehand whether this collection understands your Windows, and to report what differs.
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.windows
attributes:
  check_mode:
    description: Can run in C(check_mode) and returns what would change without changing anything.
    support: full
    details:
      - The module does the same reads in C(check_mode), and writes no capture.
options:
  dest:
    description:
      - File on the controller for the capture, a JSON document that only its owner may read. Its folder has to exist.
        A file that is there is replaced.
      - Computer names, domains, addresses, the client machine ID and the last characters of product keys are replaced,
        the same value by the same placeholder. Of faults only the codes are kept. What is not known to be harmless is
        removed.
      - Without it no capture is written.
    type: path
seealso:
  - module: volact.kms.client_info
  - module: volact.kms.host_info
"""

EXAMPLES = r"""
- name: See whether everything can be read
  volact.kms.selftest_info:

- name: Keep a capture that can be shown to others
  volact.kms.selftest_info:
    dest: ./capture.json

- name: Stop when something cannot be read
  volact.kms.selftest_info:
  register: selftest
  failed_when: not selftest.ok
"""

RETURN = r"""
ok:
  description: Whether everything could be read.
  returned: success
  type: bool
  sample: true
reads:
  description: The reads in their order.
  returned: success, and as far as it came when the machine was lost
  type: list
  elements: dict
  sample:
    - name: firewall_rule
      ok: false
      seconds: 0.021
      requests: 1
      found: null
      error:
        kind: cim_fault
        code: "0x80041001"
        name: null
        operation: Enumerate
        hint: null
  contains:
    name:
      description:
        - What was read, one of V(identify), V(operating_system), V(licensing_service), V(windows_products),
          V(host_service), V(host_products), V(licensing_service_6_1), V(windows_products_6_1), V(host_service_6_1),
          V(host_products_6_1), V(firewall_rule), V(windows_service).
        - The names that end in V(6_1) ask a newer Windows for the properties that Windows 7 has, as is done when it
          refuses the longer list.
      returned: success
      type: str
      sample: firewall_rule
    ok:
      description: Whether it could be read.
      returned: success
      type: bool
      sample: false
    seconds:
      description: How long it took.
      returned: success
      type: float
      sample: 0.021
    requests:
      description:
        - Requests that were sent. More than one means a long result, or that Windows refused a list of properties.
      returned: success
      type: int
      sample: 1
    found:
      description: What was found, in a few words that name nobody. Null when it could not be read.
      returned: success
      type: str
      sample: enabled
    error:
      description: What went wrong, with the keys of RV(error), or null.
      returned: success
      type: dict
      sample:
        kind: cim_fault
        code: "0x80041001"
        name: null
        operation: Enumerate
        hint: null
requests:
  description: Requests that were sent in all.
  returned: success
  type: int
  sample: 8
dest:
  description: The file with the capture, or null when none was written.
  returned: success
  type: str
  sample: ./capture.json
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
