# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether KMS hosts can be reached from here: documentation, argument spec, and one call of the library."""

from __future__ import annotations

DOCUMENTATION = r"""
module: endpoint_info
short_description: Find out whether KMS hosts can be reached from a network
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Connects to each endpoint and asks whether it is a KMS host, by a bind of the KMS interface (DCE/RPC). It stops
    there. No activation is ever requested, no key is involved, and no KMS host counts anything.
  - The answer is that of the machine the module runs on. Delegated to a Linux host in a branch network, it tells
    whether clients of that network can reach KMS.
  - All addresses of a name are asked, since a client may use any of them.
  - An endpoint that is no KMS host is a result and not a failure. See the examples for how to fail then.
  - Warns about public addresses. A KMS host must never be reachable from the internet.
requirements: []
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.dns
attributes:
  action_group:
    description: Use C(group/volact.kms.kms) in C(module_defaults) to set options for this module.
    support: full
    membership:
      - volact.kms.kms
  connection:
    description: Uses the connection of the host to run Python code on it.
    support: full
    details:
      - The module runs on any host with Python 3.10 or later, and tells what can be reached from there. It does not run
        on Windows.
options:
  endpoints:
    description:
      - What to ask. Each item is a name or an address, and a port if it is another than O(port), as in
        V(kms01.corp.example.test), V(192.0.2.10:1690), V(2001:db8::10) or V([2001:db8::10]:1690).
      - Names are resolved as on the machine the module runs on. An item that is there twice is asked once.
      - For what SRV records name, use M(volact.kms.srv_info) with its option O(volact.kms.srv_info#module:check).
    type: list
    elements: str
    required: true
  port:
    description: TCP port of endpoints that have none of their own.
    type: int
    default: 1688
  timeout:
    description:
      - Seconds for each endpoint, at most 600, from resolving its name to the answer of its addresses. Waiting for a
        turn does not count.
    type: float
    default: 5
  concurrency:
    description: How many connections there are at a time, from 1 to 512.
    type: int
    default: 64
notes:
  - With many endpoints, O(timeout) times their number divided by O(concurrency) is the longest that a task can take.
seealso:
  - module: volact.kms.srv_info
  - module: volact.kms.host_info
"""

EXAMPLES = r"""
- name: Ask one KMS host
  volact.kms.endpoint_info:
    endpoints: [kms01.corp.example.test]
  delegate_to: localhost

- name: Fail unless a branch network reaches every KMS host
  volact.kms.endpoint_info:
    endpoints:
      - kms01.corp.example.test
      - kms02.corp.example.test:1690
    timeout: 3
  register: reached
  failed_when: not reached.all_kms
  delegate_to: gateway.branch.example.test

- name: Ask every address of a network, and list what answers as a KMS host
  volact.kms.endpoint_info:
    endpoints: "{{ range(1, 251) | map('regex_replace', '^', '192.0.2.') }}"
    timeout: 1
    concurrency: 128
  register: swept
  delegate_to: localhost

- name: Show them
  ansible.builtin.debug:
    msg: "{{ swept.endpoints | selectattr('status', 'eq', 'kms') | map(attribute='endpoint') }}"
"""

RETURN = r"""
endpoints:
  description: What was found, in the order of O(endpoints).
  returned: success
  type: list
  elements: dict
  contains:
    endpoint:
      description: The endpoint with its port.
      type: str
      returned: success
      sample: kms01.corp.example.test:1688
    host:
      description: Its name or address alone.
      type: str
      returned: success
      sample: kms01.corp.example.test
    port:
      description: Its TCP port.
      type: int
      returned: success
      sample: 1688
    status:
      description:
        - What the endpoint is. If its addresses differ, that of the address that gets furthest.
        - V(kms) accepts the KMS interface. V(other_rpc) speaks RPC and rejects it. V(other_service) is something else.
        - V(refused) means that nothing listens on the port, or that a firewall says so. V(timeout) means that nobody
          answered in time, often because of a firewall. V(unreachable) means that there is no way to the address.
        - V(name_not_found) means that the name has no address there.
      type: str
      returned: success
      sample: kms
    reason:
      description: The same in words, to be put behind the name of the endpoint.
      type: str
      returned: success
      sample: accepts the KMS interface
    resolve_milliseconds:
      description: How long it took to resolve the name.
      type: float
      returned: success
      sample: 1.2
    addresses:
      description: What was found at each of its addresses. Empty if the name has none.
      type: list
      elements: dict
      returned: success
      contains:
        address:
          description: The address, IPv4 or IPv6.
          type: str
          returned: success
          sample: "192.0.2.10"
        status:
          description: One of the values of RV(endpoints[].status), apart from V(name_not_found).
          type: str
          returned: success
          sample: kms
        reason:
          description: The same in words.
          type: str
          returned: success
          sample: accepts the KMS interface
        public:
          description: Whether the internet routes this address.
          type: bool
          returned: success
          sample: false
        connect_milliseconds:
          description: How long it took to connect, or null if there was no connection.
          type: float
          returned: success
          sample: 0.8
        answer_milliseconds:
          description: How long the answer to the bind took, or null if there was none.
          type: float
          returned: success
          sample: 1.1
  sample:
    - endpoint: kms01.corp.example.test:1688
      host: kms01.corp.example.test
      port: 1688
      status: kms
      reason: accepts the KMS interface
      resolve_milliseconds: 1.2
      addresses:
        - address: "192.0.2.10"
          status: kms
          reason: accepts the KMS interface
          public: false
          connect_milliseconds: 0.8
          answer_milliseconds: 1.1
all_kms:
  description: Whether every endpoint has the status V(kms).
  returned: success
  type: bool
  sample: true
counts:
  description: How many endpoints have each status. All statuses are there, with 0 too.
  returned: success
  type: dict
  sample:
    kms: 1
    other_rpc: 0
    other_service: 0
    refused: 0
    timeout: 0
    unreachable: 0
    name_not_found: 0
error:
  description: What went wrong, for conditions in playbooks. RV(ignore:msg) says it in a sentence.
  returned: failure
  type: dict
  contains:
    kind:
      description: V(bad_input).
      type: str
      returned: failure
      sample: bad_input
    code:
      description: Always null.
      type: str
      returned: failure
      sample: null
    name:
      description: Always null.
      type: str
      returned: failure
      sample: null
    operation:
      description: What was being done.
      type: str
      returned: failure
      sample: check the options
    hint:
      description: What to look at next, or null.
      type: str
      returned: failure
      sample: null
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, KmsError
from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Endpoint, Finding, warnings_about
from ansible_collections.volact.kms.plugins.module_utils._rpc._probe import probe_all

ARGUMENT_SPEC: dict[str, Any] = {
    "endpoints": {"type": "list", "elements": "str", "required": True},
    "port": {"type": "int", "default": 1688},
    "timeout": {"type": "float", "default": 5},
    "concurrency": {"type": "int", "default": 64},
}


def find(options: dict[str, Any]) -> list[Finding]:
    endpoints = list(dict.fromkeys(Endpoint.parse(each, options["port"]) for each in options["endpoints"]))
    if not endpoints:
        raise BadInput("The list of endpoints is empty. Name at least one KMS host.", operation="check the options")
    return probe_all(endpoints, timeout=options["timeout"], concurrency=options["concurrency"])


def result_of(findings: list[Finding]) -> dict[str, Any]:
    found = [finding.best.status for finding in findings]
    return {
        "changed": False,
        "endpoints": [finding.as_result() for finding in findings],
        "all_kms": set(found) == {Status.KMS},
        "counts": {status.value: found.count(status) for status in Status},
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    failure: KmsError | None = None
    findings: list[Finding] = []
    try:
        findings = find(module.params)
    except KmsError as error:
        failure = error
    # Outside the handler: fail_json would add the traceback of an exception that is being handled.
    if failure is not None:
        module.fail_json(msg=failure.message, error=failure.as_result(), changed=False)
    for warning in warnings_about(findings):
        module.warn(warning)
    module.exit_json(**result_of(findings))


if __name__ == "__main__":
    main()
