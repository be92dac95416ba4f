# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish KMS hosts in DNS: documentation, argument spec, and one call of the library."""

from __future__ import annotations

DOCUMENTATION = r"""
module: srv_record
short_description: Publish KMS hosts as SRV records by dynamic update
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Adds, changes and removes SRV records in a DNS zone that accepts dynamic updates (RFC 2136). The default
    O(service) is the one that volume activation clients look for.
  - A record belongs to this task when it has the target and port of one of the O(records). All other records of the
    same name stay as they are. So each KMS host can be published by its own task, and adding the second never removes
    the first.
  - Each change is one atomic update, which the server applies only if the records are still those that were read
    before. When somebody else was faster, the module reads them again and starts over, five times at most. Afterwards
    the server is asked whether the records are there.
  - With a TSIG key, questions and updates are signed, and an answer without a valid signature is never a success.
  - This is an ordinary Python module. It runs on the control node, or on any Linux host it is delegated to, and the
    zone's server has to be reachable from there.
requirements:
  - dnspython >= 2.7 for the Python that runs the module
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.dns
options:
  zone:
    description:
      - The zone to change, for example V(corp.example.test). It is always taken as a full name. A trailing dot makes
        no difference.
      - O(server) has to be authoritative for exactly this zone. Where V(_tcp.corp.example.test) is a zone of its own,
        name that one.
    type: str
    required: true
  service:
    description:
      - Service and protocol, in the form V(_service._protocol). It is relative to O(zone), unless it ends in a dot and
        then has to lie inside it.
    type: str
    default: _vlmcs._tcp
  records:
    description:
      - The records that are to be there, or not to be there. They share O(zone), O(service) and O(ttl).
      - Two items may not have the same target and port.
    type: list
    elements: dict
    required: true
    suboptions:
      target:
        description:
          - Name of the machine that offers the service, never an address.
          - A name without any dot is relative to O(zone). Every other name is a full name, with or without a trailing
            dot.
          - Other alphabets are allowed, and become their C(xn--) form.
        type: str
        required: true
      port:
        description: TCP port of the service, from 1 to 65535.
        type: int
        default: 1688
      priority:
        description:
          - From 0 to 65535. Clients ask targets with the lowest number first.
          - Not looked at when O(state=absent).
        type: int
        default: 0
      weight:
        description:
          - From 0 to 65535. The share that a target gets among those with the same priority.
          - Not looked at when O(state=absent).
        type: int
        default: 0
  ttl:
    description:
      - Seconds that resolvers may keep the records. All SRV records of one name have the same time to live, so it is
        corrected for other records of that name, too.
      - Not looked at when O(state=absent).
    type: int
    default: 3600
  state:
    description:
      - V(present) adds the O(records), and corrects priority and weight where the target and port are there already.
      - V(absent) removes all records that have the target and port of one of the O(records), whatever their priority
        and weight.
    type: str
    choices: [present, absent]
    default: present
  server:
    description:
      - Name or address (IPv4 or IPv6) of an authoritative DNS server that accepts updates for O(zone), usually its
        primary.
    type: str
    required: true
  server_port:
    description: Port of O(server), for UDP and for TCP.
    type: int
    default: 53
  tsig_name:
    description:
      - Name of the TSIG key as the server has it. Goes together with O(tsig_secret).
      - Without a key nothing is signed, which few servers accept.
    type: str
  tsig_secret:
    description:
      - The key itself, in Base64, as C(tsig-keygen) writes it. Keep it in a vault.
      - Goes together with O(tsig_name).
    type: str
  tsig_algorithm:
    description: The key's algorithm, which has to be the one the server has for it.
    type: str
    choices:
      - hmac-md5
      - hmac-sha1
      - hmac-sha224
      - hmac-sha256
      - hmac-sha256-128
      - hmac-sha384
      - hmac-sha384-192
      - hmac-sha512
      - hmac-sha512-256
    default: hmac-sha256
  timeout:
    description: Seconds to wait for each answer of O(server), at most 600.
    type: int
    default: 10
notes:
  - GSS-TSIG, which Active Directory's secure dynamic updates need, is not supported yet.
  - A zone's server may remove records that were added dynamically when they get old (ageing and scavenging). An
    unchanged set is not sent again.
seealso:
  - module: volact.kms.host
  - name: RFC 2136
    description: Dynamic updates in the Domain Name System.
    link: https://www.rfc-editor.org/rfc/rfc2136
  - name: RFC 8945
    description: Secret key transaction authentication for DNS (TSIG).
    link: https://www.rfc-editor.org/rfc/rfc8945
  - name: Plan for volume activation
    description: How clients find a KMS host.
    link: https://learn.microsoft.com/windows/deployment/volume-activation/plan-for-volume-activation-client
"""

EXAMPLES = r"""
- name: Publish one KMS host
  volact.kms.srv_record:
    zone: corp.example.test
    server: ns1.corp.example.test
    tsig_name: kms-update
    tsig_secret: "{{ vault_kms_update_secret }}"
    records:
      - target: kms01.corp.example.test
  delegate_to: localhost

- name: Publish two KMS hosts, the second for when the first is down
  volact.kms.srv_record:
    zone: corp.example.test
    server: 192.0.2.53
    tsig_name: kms-update
    tsig_secret: "{{ vault_kms_update_secret }}"
    tsig_algorithm: hmac-sha512
    ttl: 600
    records:
      - target: kms01.corp.example.test
        priority: 0
      - target: kms02.corp.example.test
        priority: 10
  delegate_to: localhost

- name: Take a KMS host out of service and leave the others
  volact.kms.srv_record:
    zone: corp.example.test
    server: ns1.corp.example.test
    tsig_name: kms-update
    tsig_secret: "{{ vault_kms_update_secret }}"
    records:
      - target: kms01.corp.example.test
    state: absent
  delegate_to: localhost

- name: Show what would change, from a management host inside the server network
  volact.kms.srv_record:
    zone: branch.example.test
    server: 2001:db8::53
    tsig_name: kms-update
    tsig_secret: "{{ vault_kms_update_secret }}"
    records:
      - target: kms01.corp.example.test
        port: 1690
  delegate_to: management.example.test
  check_mode: true
  diff: true
"""

RETURN = r"""
name:
  description: The full name of the records.
  returned: success
  type: str
  sample: _vlmcs._tcp.corp.example.test.
records:
  description:
    - All SRV records of that name after the task, also those that are not ours, sorted by priority, weight, target
      and port. In check mode as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    target:
      description: Full name of the machine, with the trailing dot.
      type: str
      returned: success
      sample: kms01.corp.example.test.
    port:
      description: TCP port of the service.
      type: int
      returned: success
      sample: 1688
    priority:
      description: Lower is asked first.
      type: int
      returned: success
      sample: 0
    weight:
      description: Share among records of the same priority.
      type: int
      returned: success
      sample: 0
    ttl:
      description: Seconds that resolvers may keep it.
      type: int
      returned: success
      sample: 3600
  sample:
    - target: kms01.corp.example.test.
      port: 1688
      priority: 0
      weight: 0
      ttl: 3600
diff:
  description:
    - The whole set of records before and after, one line each, as in a zone file. Ansible shows it with C(--diff).
  returned: success
  type: dict
  contains:
    before:
      description: The records that were read.
      type: str
      returned: success
      sample: ""
    after:
      description: The records that replace them.
      type: str
      returned: success
      sample: "_vlmcs._tcp.corp.example.test. 3600 IN SRV 0 0 1688 kms01.corp.example.test.\n"
error:
  description: What went wrong, for conditions in playbooks. RV(ignore:msg) says it in a sentence.
  returned: failure
  type: dict
  contains:
    kind:
      description:
        - V(bad_input), V(missing_library), V(dns_error), V(dns_no_answer), V(outcome_unknown) or V(not_converged).
      type: str
      returned: failure
      sample: dns_error
    code:
      description: The DNS or TSIG error code in hexadecimal, or null.
      type: str
      returned: failure
      sample: "0x00000005"
    name:
      description: Symbol of the code, or null.
      type: str
      returned: failure
      sample: REFUSED
    operation:
      description: What was being done.
      type: str
      returned: failure
      sample: update
    hint:
      description: What to look at next, or null.
      type: str
      returned: failure
      sample: Let the key kms-update change SRV records of the zone, and look at the server's log.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.volact.kms.plugins.module_utils._dns._converge import Request, converge
from ansible_collections.volact.kms.plugins.module_utils._dns._dnspython import require_dnspython
from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError

ARGUMENT_SPEC: dict[str, Any] = {
    "zone": {"type": "str", "required": True},
    "service": {"type": "str", "default": "_vlmcs._tcp"},
    "records": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "target": {"type": "str", "required": True},
            "port": {"type": "int", "default": 1688},
            "priority": {"type": "int", "default": 0},
            "weight": {"type": "int", "default": 0},
        },
    },
    "ttl": {"type": "int", "default": 3600},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "server": {"type": "str", "required": True},
    "server_port": {"type": "int", "default": 53},
    "tsig_name": {"type": "str"},
    "tsig_secret": {"type": "str", "no_log": True},
    "tsig_algorithm": {
        "type": "str",
        "choices": [
            "hmac-md5",
            "hmac-sha1",
            "hmac-sha224",
            "hmac-sha256",
            "hmac-sha256-128",
            "hmac-sha384",
            "hmac-sha384-192",
            "hmac-sha512",
            "hmac-sha512-256",
        ],
        "default": "hmac-sha256",
    },
    "timeout": {"type": "int", "default": 10},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_together=[("tsig_name", "tsig_secret")],
        supports_check_mode=True,
    )
    failure: KmsError | None = None
    result: dict[str, Any] = {}
    try:
        require_dnspython()
        result = converge(Request.from_options(module.params), check_mode=module.check_mode).as_result()
    except KmsError as error:
        failure = error
    # Outside the handler: fail_json would add the traceback of an exception that is being handled.
    if failure is not None:
        module.fail_json(msg=failure.message, error=failure.as_result(), **{"changed": False, **failure.progress})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
