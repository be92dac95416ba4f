# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What clients find in DNS: documentation, argument spec, and one call of the library."""

from __future__ import annotations

DOCUMENTATION = r"""
module: srv_info
short_description: Discover KMS hosts in DNS as a Windows client does
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Looks up the C(_vlmcs._tcp) records of one or more domains, their priorities, weights and addresses, and says in
    which order a client uses them.
  - Asks each authoritative server of the zone, too, and says where they differ. A client may get any of their answers.
  - Compares with a list of records that should be there, and asks each KMS host whether it is one, if told so.
  - Changes nothing, and requests no activation. See M(volact.kms.endpoint_info) for what a check sends.
requirements:
  - dnspython >= 2.7 for the Python that runs the module
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.dns
options:
  domains:
    description:
      - The domains to look in, in the order in which a client does. The first one that has records is the one whose KMS
        hosts it uses.
      - A Windows client looks in the domain set with C(slmgr /skms-domain), if there is one. Otherwise it looks in the
        suffixes of its search list, of which its own DNS domain is usually the first. The module
        M(volact.kms.client_info) reads both from a machine.
    type: list
    elements: str
    required: true
  service:
    description: Service and protocol, in the form V(_service._protocol), relative to each domain.
    type: str
    default: _vlmcs._tcp
  server:
    description:
      - Name or address of the DNS server to ask, as clients have it in their settings. It should look up names for
        others, or be authoritative for all O(domains).
      - Omitted means the name servers that the machine the module runs on is set to use.
    type: str
  server_port:
    description: Port of O(server) and of the authoritative servers.
    type: int
    default: 53
  verify_servers:
    description:
      - Names or addresses of the authoritative servers to ask. Omitted means those that the zone itself names (NS), an
        empty list means none.
    type: list
    elements: str
  timeout:
    description: Seconds to wait for each answer of a DNS server, at most 600.
    type: int
    default: 10
  expected:
    description:
      - The records that should be there, in each of the O(domains), and no others. Omitted means that nothing is
        compared.
      - They are compared with what O(server) answers, which may come from its cache. To compare with the zone itself,
        give an authoritative server as O(server).
    type: list
    elements: dict
    suboptions:
      target:
        description: Name of the machine. A name without any dot is relative to the domain.
        type: str
        required: true
      port:
        description: TCP port of the service.
        type: int
        default: 1688
      priority:
        description: Its priority. Omitted means any.
        type: int
      weight:
        description: Its weight. Omitted means any.
        type: int
  check:
    description: Whether to connect to each address of each KMS host found, as M(volact.kms.endpoint_info) does.
    type: bool
    default: false
  check_timeout:
    description: Seconds for each KMS host that is checked, at most 600.
    type: float
    default: 5
notes:
  - Old records of the resolver's cache are shown as clients see them. RV(domains[].servers) has what is in the zone
    now.
seealso:
  - module: volact.kms.srv_record
  - module: volact.kms.endpoint_info
  - module: volact.kms.client_info
  - name: RFC 2782
    description: SRV records, and the order in which clients use them.
    link: https://www.rfc-editor.org/rfc/rfc2782
"""

EXAMPLES = r"""
- name: See what clients of a domain find
  volact.kms.srv_info:
    domains: [corp.example.test]
  delegate_to: localhost

- name: Fail unless clients find the two KMS hosts, no others, and both answer
  volact.kms.srv_info:
    domains: [corp.example.test]
    expected:
      - target: kms01.corp.example.test
      - target: kms02.corp.example.test
        priority: 10
    check: true
  register: found
  failed_when: found is failed or not (found.as_expected and found.all_kms)
  delegate_to: localhost

- name: See what is in a zone now, past all caches
  volact.kms.srv_info:
    domains: [corp.example.test]
    server: ns1.corp.example.test
  delegate_to: localhost
  register: zone

- name: Fail if a secondary lags
  ansible.builtin.assert:
    that: zone.servers_agree
    fail_msg: "{{ zone.domains[0].servers | rejectattr('agrees') | map(attribute='server') | join(', ') }} lags."

- name: Read the DNS suffixes of a Windows machine
  volact.kms.client_info:
    include: [dns]
  register: machine

- name: Discover as that machine does, from a Linux host in its network, with the name server that it uses
  volact.kms.srv_info:
    domains: "{{ machine.dns.suffixes }}"
    server: 192.0.2.53
    verify_servers: []
    check: true
  delegate_to: gateway.branch.example.test
"""

RETURN = r"""
domain:
  description: The first of the O(domains) that has records, so the one a client uses. Null if none has.
  returned: success
  type: str
  sample: corp.example.test.
order:
  description:
    - The KMS hosts of RV(domain) in the order in which a client most likely asks them, by priority and then by weight.
      Among records of one priority clients choose by lot.
    - A client that has been activated first asks the host that did it, unless the caching of hosts is turned off.
  returned: success
  type: list
  elements: str
  sample: ["kms01.corp.example.test:1688", "kms02.corp.example.test:1688"]
servers_agree:
  description: Whether all authoritative servers could be read and have the same records. Null if none was asked.
  returned: success
  type: bool
  sample: true
as_expected:
  description: Whether each domain has the O(expected) records and no others. Null without O(expected).
  returned: success
  type: bool
  sample: true
all_kms:
  description:
    - Whether there are records, and each of them leads to a KMS host that answers. Null without O(check).
  returned: success
  type: bool
  sample: true
domains:
  description: What was found in each domain, in the order of O(domains).
  returned: success
  type: list
  elements: dict
  contains:
    domain:
      description: The domain, with the trailing dot.
      type: str
      returned: success
      sample: corp.example.test.
    name:
      description: The full name of the records.
      type: str
      returned: success
      sample: _vlmcs._tcp.corp.example.test.
    zone:
      description: The zone that holds the records, or would. Null if the answers do not tell.
      type: str
      returned: success
      sample: corp.example.test.
    records:
      description: The records as O(server) answers, in the order of RV(order).
      type: list
      elements: dict
      returned: success
      contains:
        target:
          description: Full name of the machine. A single dot says that the domain has no KMS host on purpose.
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
          description: Seconds that the answer may still be kept.
          type: int
          returned: success
          sample: 3600
        first_choice_percent:
          description: Of the clients that get to this priority, how many ask this KMS host first.
          type: float
          returned: success
          sample: 100.0
        status:
          description: As in RV(volact.kms.endpoint_info#module:endpoints[].status). Null without O(check).
          type: str
          returned: success
          sample: kms
        reason:
          description: The same in words. Null without O(check).
          type: str
          returned: success
          sample: accepts the KMS interface
        addresses:
          description:
            - The addresses of the machine, with what was found there. Everything but C(address) and C(public) is null
              without O(check).
          type: list
          elements: dict
          returned: success
          contains:
            address:
              description: The address, IPv4 or IPv6.
              type: str
              returned: success
              sample: "192.0.2.10"
            public:
              description: Whether the internet routes this address.
              type: bool
              returned: success
              sample: false
            status:
              description: What was found there.
              type: str
              returned: success
              sample: kms
            reason:
              description: The same in words.
              type: str
              returned: success
              sample: accepts the KMS interface
            connect_milliseconds:
              description: How long it took to connect.
              type: float
              returned: success
              sample: 0.8
            answer_milliseconds:
              description: How long the answer took.
              type: float
              returned: success
              sample: 1.1
    servers:
      description: What each authoritative server has.
      type: list
      elements: dict
      returned: success
      contains:
        server:
          description: The server.
          type: str
          returned: success
          sample: ns1.corp.example.test (192.0.2.53) port 53
        agrees:
          description: Whether it has what most of the servers have, with the same TTL.
          type: bool
          returned: success
          sample: true
        problem:
          description: Why it could not be read, or null.
          type: str
          returned: success
          sample: null
        ttl:
          description: TTL of its records in seconds, null if it has none.
          type: int
          returned: success
          sample: 3600
        records:
          description: Its records, with C(target), C(port), C(priority) and C(weight). Null if it could not be read.
          type: list
          elements: dict
          returned: success
          sample:
            - target: kms01.corp.example.test.
              port: 1688
              priority: 0
              weight: 0
        lacks:
          description: Records that most of the servers have, and this one does not.
          type: list
          elements: dict
          returned: success
          sample: []
        has_alone:
          description: Records that this server has, and most of the servers do not.
          type: list
          elements: dict
          returned: success
          sample: []
    servers_agree:
      description: Whether all of these servers agree. Null if none was asked.
      type: bool
      returned: success
      sample: true
    missing:
      description: Records of O(expected) that are not there. Null without O(expected).
      type: list
      elements: dict
      returned: success
      sample: []
    unexpected:
      description: Records that are there and not in O(expected). Null without O(expected).
      type: list
      elements: dict
      returned: success
      sample:
        - target: old-kms.corp.example.test.
          port: 1688
          priority: 0
          weight: 0
    stale:
      description:
        - Records of RV(domains[].unexpected) that lead to no KMS host that answers. Null without O(expected) and
          O(check).
      type: list
      elements: dict
      returned: success
      sample:
        - target: old-kms.corp.example.test.
          port: 1688
          priority: 0
          weight: 0
  sample:
    - domain: corp.example.test.
      name: _vlmcs._tcp.corp.example.test.
      zone: corp.example.test.
      records:
        - target: kms01.corp.example.test.
          port: 1688
          priority: 0
          weight: 0
          ttl: 3600
          first_choice_percent: 100.0
          status: kms
          reason: accepts the KMS interface
          addresses:
            - address: "192.0.2.10"
              public: false
              status: kms
              reason: accepts the KMS interface
              connect_milliseconds: 0.8
              answer_milliseconds: 1.1
      servers:
        - server: ns1.corp.example.test (192.0.2.53) port 53
          agrees: true
          problem: null
          ttl: 3600
          records:
            - target: kms01.corp.example.test.
              port: 1688
              priority: 0
              weight: 0
          lacks: []
          has_alone: []
      servers_agree: true
      missing: []
      unexpected: []
      stale: []
error:
  description: What went wrong, for conditions in playbooks. RV(ignore:msg) says it in a sentence.
  returned: failure
  type: dict
  contains:
    kind:
      description: V(bad_input), V(missing_library), V(dns_error) or V(dns_no_answer).
      type: str
      returned: failure
      sample: dns_error
    code:
      description: The DNS error code in hexadecimal, or null.
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
      sample: read
    hint:
      description: What to look at next, or null.
      type: str
      returned: failure
      sample: Check that this server has the zone, and that it answers queries from here.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.volact.kms.plugins.module_utils._dns._dnspython import require_dnspython
from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Finding, warnings_about
from ansible_collections.volact.kms.plugins.module_utils._survey import Survey, disagreements, survey

ARGUMENT_SPEC: dict[str, Any] = {
    "domains": {"type": "list", "elements": "str", "required": True},
    "service": {"type": "str", "default": "_vlmcs._tcp"},
    "server": {"type": "str"},
    "server_port": {"type": "int", "default": 53},
    "verify_servers": {"type": "list", "elements": "str"},
    "timeout": {"type": "int", "default": 10},
    "expected": {
        "type": "list",
        "elements": "dict",
        "options": {
            "target": {"type": "str", "required": True},
            "port": {"type": "int", "default": 1688},
            "priority": {"type": "int"},
            "weight": {"type": "int"},
        },
    },
    "check": {"type": "bool", "default": False},
    "check_timeout": {"type": "float", "default": 5},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    failure: KmsError | None = None
    result: dict[str, Any] = {}
    findings: list[Finding] = []
    try:
        require_dnspython()
        result, findings = survey(Survey.from_options(module.params))
    except KmsError as error:
        failure = error
    # Outside the handler: fail_json would add the traceback of an exception that is being handled.
    if failure is not None:
        module.fail_json(msg=failure.message, error=failure.as_result(), changed=False)
    for warning in [*warnings_about(findings), *disagreements(result)]:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
