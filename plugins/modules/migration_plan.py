# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of volact.kms.migration_plan; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_plan
short_description: Plan how a fleet moves from MAK to KMS
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Says whether the machines of a fleet can be moved from MAKs to KMS now, in a word, in a sentence and as data. It
    works on what other modules have read, and asks no machine itself.
  - A KMS host activates clients once 25 machines have asked it, servers and each release of Office once 5 have. Before
    that, a machine that gave up its MAK would be left without an activation. So either the count is there, or a seed
    of machines that are pinned to one host lifts it, or nothing is to be changed.
  - The role C(mak_to_kms) and the playbook C(volact.kms.migrate) do what the plan says.
  - Windows has one count on each host, which servers and clients share. Each release of Office has one of its own.
    Machines with the same CMID are counted once, and machines that are counted already add nothing.
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.controller
attributes:
  check_mode:
    details:
      - The module changes no machine. In C(check_mode) it writes nothing to the O(journal) either.
    description: Can run in C(check_mode) and returns what would change without changing anything.
    support: full
  idempotent:
    details:
      - A machine that is in the O(journal) is not added to it again.
    description:
      - When run twice in a row outside C(check_mode) with the same options, the second run changes nothing.
    support: full
options:
  fleet:
    description:
      - The records of the machines that are to be moved. Either the path of the file that M(volact.kms.fleet_info)
        wrote, or the list of its records.
      - Machines that could not be read are left for the next time.
    type: raw
    required: true
  hosts:
    description:
      - The KMS hosts, each as M(volact.kms.host_info) has read it. A host that could not be read belongs into the list
        too, because machines may find it in DNS.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the host is called in the inventory.
        type: str
        required: true
      info:
        description: The result of M(volact.kms.host_info), also one that failed.
        type: dict
        required: true
      target:
        description:
          - The name by which machines reach it. Omitted means the name in DNS whose first part is that of the host, or
            else its O(hosts[].name).
        type: str
      port:
        description: Its TCP port. Omitted means the port in DNS, or else the one that it says it listens on.
        type: int
      address:
        description: Name or address by which O(endpoints) has it, if that is not its O(hosts[].target).
        type: str
  srv:
    description:
      - The result of M(volact.kms.srv_info). Omitted means that DNS is not looked at.
      - With O(volact.kms.srv_info#module:check) a host that is not among O(hosts) is told from a record that leads
        nowhere.
    type: dict
  endpoints:
    description: The result of M(volact.kms.endpoint_info) for the O(hosts). A host that does not answer is not used.
    type: dict
  host:
    description:
      - The host to move to, by its O(hosts[].name). Omitted means the one that serves most of the machines, then the
        one that DNS names first, then the one that counts most.
    type: str
  product:
    description: What is moved. V(office) is every volume product of Office, V(all) is Windows too.
    type: str
    choices: [windows, office, all]
    default: all
  from_channels:
    description: The channels of the licences that are moved. Others are left as they are.
    type: list
    elements: str
    choices: [mak, retail, oem, avma, unknown]
    default: [mak]
  unpin:
    description:
      - Whether machines that are pinned to another KMS host may be moved, and lose that pin. Pins of cloud providers
        are never taken away.
    type: bool
    default: false
  keep_pinned:
    description: Whether machines are to stay pinned to the host, instead of looking in DNS.
    type: bool
    default: false
  canaries:
    description: The machines that go first, by their names in the inventory.
    type: list
    elements: str
    default: []
  subnets:
    description:
      - The subnet of each machine, by its name. One machine of each goes before all others of it.
      - Any label will do. An address stands for its network, the first 24 bits of IPv4 or 64 of IPv6. Machines without
        one are together in a subnet without a name.
    type: dict
    default: {}
  batch:
    description: How many machines a wave has, as a number or as a share of those that are left after the seed.
    type: str
    default: 10%
  rollback:
    description: Whether machines that fail are to get their MAK back. The plan only says how many can.
    type: bool
    default: false
  mak_budget:
    description: How many activations the MAK has left for that, as Microsoft says.
    type: int
  journal:
    description:
      - A file on the controller. What each machine is before it is moved is added to it, as JSON Lines, once. A later
        run reads from it what an earlier one has set, and which activations rollbacks may have spent.
      - It holds no product key but the last five characters of each. It is created with the mode V(0600).
    type: path
seealso:
  - module: volact.kms.client
  - module: volact.kms.fleet_info
  - module: volact.kms.host_info
  - module: volact.kms.srv_info
  - module: volact.kms.endpoint_info
"""

EXAMPLES = r"""
- name: Read all machines of the play
  volact.kms.fleet_info:
    dest: ./fleet.jsonl
  run_once: true
  delegate_to: localhost

- name: Read the KMS host
  volact.kms.host_info:
  delegate_to: kms01
  run_once: true
  register: kms01_state

- name: Can these machines be moved?
  volact.kms.migration_plan:
    fleet: ./fleet.jsonl
    hosts:
      - name: kms01
        info: "{{ kms01_state }}"
  run_once: true
  register: plan

- name: Look where machines find KMS hosts, and whether these answer
  volact.kms.srv_info:
    domains: [corp.example.test]
    verify_servers: []
    check: true
  run_once: true
  delegate_to: localhost
  register: kms_records

- name: Plan with DNS, canaries first and one machine of each subnet, and note what each machine is
  volact.kms.migration_plan:
    fleet: ./fleet.jsonl
    hosts:
      - name: kms01
        info: "{{ kms01_state }}"
    srv: "{{ kms_records }}"
    canaries: "{{ groups['canaries'] | default([]) }}"
    subnets:
      win001: 192.0.2.17
      win002: Branch office
    batch: "20"
    journal: ./migration.jsonl
  run_once: true
  register: plan

- name: Windows alone, to machines that stay pinned, with 20 activations for a rollback
  volact.kms.migration_plan:
    fleet: ./fleet.jsonl
    hosts:
      - name: kms01
        info: "{{ kms01_state }}"
    product: windows
    keep_pinned: true
    rollback: true
    mak_budget: 20
  run_once: true

- name: Say what the plan is, and what to know before going on
  ansible.builtin.debug:
    msg: "{{ [plan.sentence] + plan.advice }}"
  run_once: true
"""

RETURN = r"""
verdict:
  description:
    - V(ready) when the counts are high enough, V(ready_after_seed) when a seed lifts them, V(not_ready) when nothing is
      to be changed.
    - A fleet of which nothing is left to be moved is V(ready), too.
  returned: success
  type: str
  sample: ready_after_seed
sentence:
  description: The verdict with its reason, and what comes next.
  returned: success
  type: str
  sample: >-
    Ready after a seed of 25 on kms01.corp.example.test: Windows clients need 25 and it has 0. 25 machines go first, and
    175 machines then follow in waves of 17.
missing:
  description: How many more machines it takes before anything can be moved. 0 when something can.
  returned: success
  type: int
  sample: 0
host:
  description: The host that machines are moved to. V(null) if none can be used.
  returned: success
  type: dict
  sample:
    name: kms01
    target: kms01.corp.example.test
    port: 1688
  contains:
    name:
      description: Its name in the inventory.
      type: str
    target:
      description: The name by which machines reach it.
      type: str
    port:
      description: Its TCP port.
      type: int
hosts:
  description: What is known of each of the O(hosts).
  returned: success
  type: list
  elements: dict
  sample:
    - name: kms01
      target: kms01.corp.example.test
      port: 1688
      usable: true
      problem: null
      answers: true
      in_dns: true
      priority: 0
      office_only: false
      counts:
        windows: 0
        office-2021: 7
  contains:
    name:
      description: Its name in the inventory.
      type: str
    target:
      description: The name by which machines reach it.
      type: str
    port:
      description: Its TCP port.
      type: int
    usable:
      description: Whether machines can be moved to it.
      type: bool
    problem:
      description: Why not, or null.
      type: str
    answers:
      description: Whether something answers there as a KMS host. Null if nobody asked.
      type: bool
    in_dns:
      description: Whether machines find it in DNS.
      type: bool
    priority:
      description: The priority of its record, or null.
      type: int
    office_only:
      description: Whether it has host keys of Office, and none of Windows.
      type: bool
    counts:
      description: What it counts, by pool. Only of keys that are activated.
      type: dict
pools:
  description: Each class of machines in each count, first those that can be moved.
  returned: success
  type: list
  elements: dict
  sample:
    - pool: windows
      class: windows_client
      host: kms01
      threshold: 25
      count: 0
      reach: 50
      missing: 0
      seed: 25
      machines: 200
      verdict: ready_after_seed
  contains:
    pool:
      description: The count, V(windows) or for example V(office-2021).
      type: str
    class:
      description: Who asks, V(windows_client), V(windows_server) or V(office).
      type: str
    host:
      description: The KMS host.
      type: str
    threshold:
      description: The count from which machines of this class are activated.
      type: int
    count:
      description: What the host counts now.
      type: int
    reach:
      description: What it would count when all machines of the pool that can be moved have asked, at most 50 or 10.
      type: int
    missing:
      description: How many machines it lacks then.
      type: int
    seed:
      description: How many new machines have to ask before the count is high enough.
      type: int
    machines:
      description: How many machines of this class want to be moved.
      type: int
    verdict:
      description: The same words as RV(verdict), for this class alone.
      type: str
thresholds:
  description: By pool, the count from which every machine that is moved is activated.
  returned: success
  type: dict
  sample:
    windows: 25
    office-2021: 5
seed:
  description:
    - The machines that go first. Canaries, one of each subnet, and as many as the counts lack.
    - Where the counts are high enough already, there are canaries alone, and they are not pinned.
  returned: success
  type: list
  elements: dict
  sample:
    - machine: win001
      subnet: 192.0.2.0/24
      why: canary
      kms_host: kms01.corp.example.test
      kms_port: 1688
  contains:
    machine:
      description: Its name in the inventory.
      type: str
    subnet:
      description: Its subnet.
      type: str
    why:
      description: Why it goes first.
      type: str
    kms_host:
      description: The KMS host that it is pinned to, or null.
      type: str
    kms_port:
      description: Its port, or null.
      type: int
moves:
  description:
    - By machine, what is to be moved, the seed included (C(is_first)). Empty if nothing is to be changed.
    - C(kms_host) and C(kms_port) are set on the machine; null where it looks in DNS.
  returned: success
  type: dict
  sample:
    win001:
      product: all
      subnet: 192.0.2.0/24
      is_first: true
      kms_host: kms01.corp.example.test
      kms_port: 1688
waves:
  description: What follows the seed.
  returned: success
  type: dict
  sample:
    machines: 175
    batch: 17
    sizes: [17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 5]
    pinned: false
  contains:
    machines:
      description: How many machines.
      type: int
    batch:
      description: How many of them in a wave.
      type: int
    sizes:
      description: The size of each wave.
      type: list
      elements: int
    pinned:
      description:
        - Whether machines stay pinned to the host, because they are wanted to, or because DNS names a host that could
          not activate them. RV(advice) says which.
      type: bool
unpin:
  description: Machines outside the seed that an earlier run has left pinned.
  returned: success
  type: list
  elements: str
  sample: []
already:
  description: How many machines are activated by their client setup key, with nothing left to move.
  returned: success
  type: int
  sample: 12
blocked:
  description: Machines that cannot be moved, or not all of them, with the reason.
  returned: success
  type: list
  elements: dict
  sample:
    - machine: win099
      reason: its Windows has a retail key, which is not to be moved
  contains:
    machine:
      description: Its name in the inventory.
      type: str
    reason:
      description: Why.
      type: str
unread:
  description: Machines that could not be read, with the reason.
  returned: success
  type: list
  elements: dict
  sample:
    - machine: win100
      reason: win100 does not answer.
  contains:
    machine:
      description: Its name in the inventory.
      type: str
    reason:
      description: Why.
      type: str
duplicate_cmids:
  description: CMIDs that several machines have. KMS hosts count them as one machine.
  returned: success
  type: list
  elements: dict
  sample: []
  contains:
    cmid:
      description: The CMID.
      type: str
    machines:
      description: The machines that have it.
      type: list
      elements: str
counts:
  description: How many machines there are, and what they are.
  returned: success
  type: dict
  sample:
    machines: 215
    moving: 200
    waiting: 0
    already: 12
    blocked: 2
    unread: 1
  contains:
    machines:
      description: All that were given.
      type: int
    moving:
      description: Those that are to be moved.
      type: int
    waiting:
      description: Those that have a client setup key, and are not activated.
      type: int
    already:
      description: Those with nothing left to move.
      type: int
    blocked:
      description: Those in RV(blocked).
      type: int
    unread:
      description: Those in RV(unread).
      type: int
rollback:
  description: Whether machines that fail can get their MAK back.
  returned: success
  type: dict
  sample:
    wanted: true
    budget: 20
    spent: 3
    left: 17
  contains:
    wanted:
      description: As in O(rollback).
      type: bool
    budget:
      description: As in O(mak_budget), or null.
      type: int
    spent:
      description: How many activations rollbacks may have spent, by the O(journal).
      type: int
    left:
      description: How many machines can still be rolled back. Null without a budget.
      type: int
advice:
  description: What to know before going on, in sentences.
  returned: success
  type: list
  elements: str
  sample: []
recorded:
  description: How many machines were added to the O(journal), or would be in check mode.
  returned: success
  type: int
  sample: 200
error:
  description: What went wrong, for conditions in playbooks. RV(ignore:msg) says it in a sentence.
  returned: failure
  type: dict
  sample:
    kind: bad_input
    code: null
    name: null
    operation: read the fleet
    hint: Run volact.kms.fleet_info first.
  contains:
    kind:
      description: V(bad_input).
      type: str
    code:
      description: Always null.
      type: str
    name:
      description: Always null.
      type: str
    operation:
      description: What was being done.
      type: str
    hint:
      description: What to do, or null.
      type: str
"""
