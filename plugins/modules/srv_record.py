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
  - Adds, changes and removes SRV records in DNS zones that accept dynamic updates (RFC 2136). The default
    O(service) is the one that volume activation clients look for.
  - A record belongs to this task when it has the target and port of one of the O(records). All other records of the
    same name stay as they are, unless O(exclusive=true). So each KMS host can be published by its own task, and adding
    the second never removes the first.
  - Each change of a zone is one atomic update, which the server applies only if the records are still those that were
    read before. When somebody else was faster, the module reads them again and starts over, 20 times at most.
  - Afterwards O(server), and then every authoritative server of the zone, is asked whether the records are there.
  - All zones are read before the first of them is changed. A zone that fails after that does not keep the others from
    being changed, and the task fails at its end.
  - Updates are signed with a TSIG key, with a Kerberos ticket (GSS-TSIG, for Active Directory), or not at all. What was
    signed needs an answer with a valid signature, and any other answer is never a success.
  - This is an ordinary Python module. It runs on the control node, or on any Linux host it is delegated to, and the
    zone's servers have to be reachable from there.
requirements:
  - dnspython >= 2.7 for the Python that runs the module
  - gssapi >= 1.8 for the Python that runs the module, only for O(gss_tsig=true). It is C(python3-gssapi) on Debian and
    in the family of Red Hat. pip compiles it, which needs a C compiler and the headers of MIT Kerberos (C(libkrb5-dev),
    C(krb5-devel)).
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.dns
options:
  zones:
    description:
      - The zones to change, for example V(corp.example.test). Each is always taken as a full name. A trailing dot makes
        no difference.
      - O(server) has to be authoritative for exactly these zones. Where V(_tcp.corp.example.test) is a zone of its own,
        name that one, and leave O(service) as it is.
    type: list
    elements: str
    aliases: [zone]
    required: true
  service:
    description:
      - Service and protocol, in the form V(_service._protocol). It is relative to each of the O(zones), unless it ends
        in a dot and then has to lie inside it.
    type: str
    default: _vlmcs._tcp
  records:
    description:
      - The records that are to be there, or not to be there. They share O(zones), O(service) and O(ttl).
      - Two items may not have the same target and port.
    type: list
    elements: dict
    required: true
    suboptions:
      target:
        description:
          - Name of the machine that offers the service, never an address.
          - A name without any dot is relative to the zone (for a zone V(_tcp.corp.example.test), to
            V(corp.example.test)). Every other name is a full name, with or without a trailing dot.
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
  exclusive:
    description:
      - Whether the O(records) are to be the only ones of the name. All other records of it are then removed, whoever
        published them, and also those that KMS hosts published by themselves.
      - Goes with O(state=present) only.
    type: bool
    default: false
  refresh:
    description:
      - Whether records that are there already are sent again. A zone with ageing then counts their age from now, and
        does not scavenge them. Nothing changes by that, and the task reports no change.
      - Only the O(records) are sent again. Samba makes the other records of the name younger with them.
      - Omitted, records are refreshed with O(gss_tsig=true), since zones of Active Directory are the ones that age.
    type: bool
  server:
    description:
      - Name or address (IPv4 or IPv6) of an authoritative DNS server that accepts updates for the O(zones), usually
        their primary, or any domain controller of Active Directory that serves DNS.
    type: str
    required: true
  server_port:
    description: Port of O(server) and of the servers that verify, for UDP and for TCP.
    type: int
    default: 53
  verify_servers:
    description:
      - Names or addresses of the authoritative servers that are asked afterwards, beside O(server).
      - Omitted, these are the name servers (NS records) of each zone. Their addresses are taken from O(server).
      - An empty list asks no other server.
      - They are asked without a signature.
    type: list
    elements: str
  wait_timeout:
    description:
      - Seconds to wait until every server has the records, at most 86400. Each server is asked at least once.
      - The task fails when a server still disagrees after that, and names it. The next run asks again.
      - Check mode asks O(server) only.
    type: int
    default: 60
  tsig_name:
    description:
      - Name of the TSIG key as the server has it. Goes together with O(tsig_secret).
      - Without a key and without O(gss_tsig) nothing is signed, which few servers accept.
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
  gss_tsig:
    description:
      - Whether updates are signed with a Kerberos ticket (GSS-TSIG, RFC 3645). Zones of Active Directory that take
        "secure only" updates want that. Excludes O(tsig_name).
      - Without O(gss_principal) and O(gss_keytab), the ticket is that of the user who runs the module, from the
        ticket cache that C(kinit) filled. The environment variable E(KRB5CCNAME) names another cache.
      - The Kerberos settings of the machine that runs the module (C(krb5.conf), or what E(KRB5_CONFIG) names) have to
        find the realm.
      - Only updates are signed, as by Windows itself. What was read before is part of the update, so that a wrong
        answer to a question changes nothing.
    type: bool
    default: false
  gss_principal:
    description:
      - The account that updates, for example V(svc-dns@CORP.EXAMPLE.TEST). The realm is written in capitals.
      - Alone, it chooses among the tickets of the ticket cache.
    type: str
  gss_password:
    description:
      - The password of O(gss_principal). Keep it in a vault.
      - The ticket stays in the memory of the module, and is gone when it ends.
    type: str
  gss_keytab:
    description:
      - Path of a keytab, on the machine that runs the module, with a key of O(gss_principal), or of the account whose
        ticket to get. Excludes O(gss_password).
      - The ticket stays in the memory of the module, and is gone when it ends.
    type: path
  gss_server_name:
    description:
      - The full host name of the DNS server, as its realm knows it. The ticket is for C(DNS/) and this name.
      - Omitted, it is O(server), or what the server names as the zone's primary when O(server) is an address.
    type: str
  timeout:
    description: Seconds to wait for each answer of a server, at most 600.
    type: int
    default: 10
notes:
  - In a zone of Active Directory a record belongs to the account that added it, and others may not change it. Publish
    all KMS hosts with the same account, or give it the right to write the records that are there. Where KMS hosts
    publish themselves, leave the records to them.
  - One record in one zone takes three questions to O(server), the update among them, and one to each server that
    verifies. A server that sends no addresses with its NS records (Samba) is asked for each of them once.
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

- name: Publish one KMS host in Active Directory, in two domains, with the password of a service account
  volact.kms.srv_record:
    zones:
      - corp.example.test
      - branch.example.test
    server: dc01.corp.example.test
    gss_tsig: true
    gss_principal: svc-dns@CORP.EXAMPLE.TEST
    gss_password: "{{ vault_dns_account_password }}"
    records:
      - target: kms01.corp.example.test
  delegate_to: localhost

- name: Publish with a keytab, remove everybody else's records, and give slow sites ten minutes to replicate
  volact.kms.srv_record:
    zones: corp.example.test
    server: dc01.corp.example.test
    gss_tsig: true
    gss_principal: svc-dns@CORP.EXAMPLE.TEST
    gss_keytab: /etc/volact/svc-dns.keytab
    exclusive: true
    wait_timeout: 600
    records:
      - target: kms01.corp.example.test
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
zones:
  description: Each of the O(zones) and what was done in it. When the task fails, those that were put in order.
  returned: success, and on failure after the first change
  type: list
  elements: dict
  contains:
    zone:
      description: Full name of the zone, with the trailing dot.
      type: str
      returned: always
      sample: corp.example.test.
    name:
      description: The full name of the records.
      type: str
      returned: always
      sample: _vlmcs._tcp.corp.example.test.
    changed:
      description: Whether the records of this zone were changed. In check mode, whether they would be.
      type: bool
      returned: always
      sample: true
    refreshed:
      description: Whether records that were there already were sent again. Never in check mode.
      type: bool
      returned: always
      sample: false
    records:
      description:
        - All SRV records of that name after the task, also those that are not ours, sorted by priority, weight, port
          and target. In check mode as they would be.
      type: list
      elements: dict
      returned: always
      contains:
        target:
          description: Full name of the machine, with the trailing dot.
          type: str
          returned: always
          sample: kms01.corp.example.test.
        port:
          description: TCP port of the service.
          type: int
          returned: always
          sample: 1688
        priority:
          description: Lower is asked first.
          type: int
          returned: always
          sample: 0
        weight:
          description: Share among records of the same priority.
          type: int
          returned: always
          sample: 0
        ttl:
          description: Seconds that resolvers may keep it.
          type: int
          returned: always
          sample: 3600
      sample:
        - target: kms01.corp.example.test.
          port: 1688
          priority: 0
          weight: 0
          ttl: 3600
    servers:
      description: The servers that were asked afterwards, O(server) first. Empty in check mode.
      type: list
      elements: dict
      returned: always
      contains:
        server:
          description: Name, address and port of the server.
          type: str
          returned: always
          sample: ns2.corp.example.test (192.0.2.54) port 53
        agrees:
          description: Whether it has the O(records), or has them no longer with O(state=absent).
          type: bool
          returned: always
          sample: false
        problem:
          description: A sentence that says what it has instead, or why it gave no answer. Null when it agrees.
          type: str
          returned: always
          sample: "The DNS server ns2.corp.example.test (192.0.2.54) port 53 has other records: there are none."
diff:
  description:
    - The whole set of records before and after, one line each, as in a zone file, all zones one after the other.
      Ansible shows it with C(--diff).
  returned: success, and on failure after the first change
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
        - V(bad_input), V(missing_library), V(dns_error), V(dns_no_answer), V(kerberos_error), V(outcome_unknown) or
          V(not_converged).
        - When several zones failed, this is the first failure, and RV(ignore:msg) has the sentences of all.
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

from ansible_collections.volact.kms.plugins.module_utils._dns._dnspython import require_dnspython
from ansible_collections.volact.kms.plugins.module_utils._dns._publish import Task, publish
from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError

ARGUMENT_SPEC: dict[str, Any] = {
    "zones": {"type": "list", "elements": "str", "aliases": ["zone"], "required": True},
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
    "exclusive": {"type": "bool", "default": False},
    "refresh": {"type": "bool"},
    "server": {"type": "str", "required": True},
    "server_port": {"type": "int", "default": 53},
    "verify_servers": {"type": "list", "elements": "str"},
    "wait_timeout": {"type": "int", "default": 60},
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
    "gss_tsig": {"type": "bool", "default": False},
    "gss_principal": {"type": "str"},
    "gss_password": {"type": "str", "no_log": True},
    "gss_keytab": {"type": "path", "no_log": False},
    "gss_server_name": {"type": "str"},
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
        result = publish(Task.from_options(module.params), check_mode=module.check_mode)
    except KmsError as error:
        failure = error
    # Outside the handler: fail_json would add the traceback of an exception that is being handled.
    if failure is not None:
        module.fail_json(msg=failure.message, error=failure.as_result(), **{"changed": False, **failure.progress})
    module.exit_json(**result)


if __name__ == "__main__":
    main()
