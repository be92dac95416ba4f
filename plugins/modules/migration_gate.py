# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of volact.kms.migration_gate; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_gate
short_description: Decide whether the next wave of a migration may begin
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Says between two waves of a migration from MAK to KMS what became of the machines of the last one, which of them
    are to get their MAK back, and whether the next one may begin.
  - It knocks at the KMS host as M(volact.kms.endpoint_info) does, and once more two seconds later if there is no
    answer. The host counts nothing by that. All else it takes from what other modules have returned.
  - No wave may begin if the KMS host does not answer, or counts too few clients, if more machines of the last wave
    found no KMS host than were activated, or if too many machines have failed. Machines that are unreachable stop
    nothing.
  - The role C(mak_to_kms) asks it after each wave.
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.controller
attributes:
  check_mode:
    details:
      - The module only reads, and does the same in C(check_mode). A wave of check mode lifts no count, so after it
        counts that are too low are no reason to stop, and nobody gets a MAK back.
  connection:
    details:
      - No connection of Ansible's is made to any host. The module connects to the TCP port of the KMS host.
    description: Uses the connection settings of the host.
    support: none
options:
  plan:
    description:
      - What M(volact.kms.migration_plan) returned. Of it are needed C(verdict), C(sentence), C(host), C(pools),
        C(thresholds), C(seed), C(rollback), and for O(rollback) C(moves).
      - A plan that is not ready is an error, and so is one of which some machines cannot be moved, when it has no
        C(moves).
    type: dict
    required: true
  host:
    description:
      - The result of M(volact.kms.host_info) for the KMS host of the plan, also one that failed. Omitted or failed
        means that its counts are not looked at.
    type: dict
    default: {}
  address:
    description: Name or address by which the controller reaches the KMS host, if that is not the target of the plan.
    type: str
  timeout:
    description: Seconds for each knock, at most 600.
    type: float
    default: 5
  results:
    description:
      - What M(volact.kms.client) returned for each machine of the last wave, by its name in the inventory. A machine
        whose task was skipped, or that has no result, is not counted.
      - Empty before the first wave.
    type: dict
    default: {}
  second_results:
    description: The same for machines that have been asked once more, because their activation was pending.
    type: dict
    default: {}
  seed:
    description: Whether the last wave was the seed of the plan.
    type: bool
    default: false
  waves:
    description: RV(waves) of the last time, or empty.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: As in RV(waves[].name).
        type: str
        required: true
      switched:
        description: As in RV(waves[].switched).
        type: int
        required: true
      already:
        description: As in RV(waves[].already).
        type: int
        required: true
      pending:
        description: As in RV(waves[].pending).
        type: list
        elements: str
        required: true
      rolled_back:
        description: As in RV(waves[].rolled_back).
        type: list
        elements: str
        required: true
      no_mak_back:
        description: As in RV(waves[].no_mak_back).
        type: dict
        required: true
      failed:
        description: As in RV(waves[].failed).
        type: dict
        required: true
      unserved:
        description: As in RV(waves[].unserved).
        type: int
        required: true
      unreachable:
        description: As in RV(waves[].unreachable).
        type: list
        elements: str
        required: true
  max_failures:
    description: How many machines may have failed in all O(waves) and the last one together.
    type: int
    default: 5
  rollback:
    description: Whether machines that lost the activation of Windows are to get their MAK back.
    type: bool
    default: false
  given_back:
    description: How many have got one since the plan was made. So many activations less are left of its budget.
    type: int
    default: 0
seealso:
  - module: volact.kms.client
  - module: volact.kms.endpoint_info
  - module: volact.kms.host_info
  - module: volact.kms.migration_plan
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

- name: May the first wave begin?
  volact.kms.migration_gate:
    plan: "{{ plan }}"
    host: "{{ kms01_state }}"
    address: "{{ hostvars['kms01'].ansible_host }}"
  run_once: true
  register: gate
  when: plan.verdict != 'not_ready'

- name: Say why not
  ansible.builtin.debug:
    msg: "{{ gate.stop | default(plan.sentence, true) }}"
  run_once: true

- name: The same, without its counts, and with more patience
  volact.kms.migration_gate:
    plan: "{{ plan }}"
    address: "{{ hostvars['kms01'].ansible_host }}"
    timeout: 20
  run_once: true
  when: plan.verdict != 'not_ready'

- name: After a wave, with what became of its machines
  volact.kms.migration_gate:
    plan: "{{ plan }}"
    host: "{{ kms01_state }}"
    address: "{{ hostvars['kms01'].ansible_host }}"
    waves: "{{ gate.waves }}"
    max_failures: 2
    results:
      win001:
        changed: true
        pending: false
      win002:
        changed: true
        failed: true
        msg: No KMS host could be contacted.
        error:
          code: "0xC004F074"
  run_once: true
  register: gate
  when: plan.verdict != 'not_ready'
"""

RETURN = r"""
stop:
  description: Why no further wave may begin, in a sentence. Empty if one may.
  returned: success
  type: str
  sample: No KMS host answered 2 machines of the wave 2 (0xC004F074).
waves:
  description: O(waves), and the last one behind them if there was one.
  returned: success
  type: list
  elements: dict
  sample:
    - name: seed
      switched: 25
      already: 0
      pending: []
      rolled_back: []
      no_mak_back: {}
      failed: {}
      unserved: 0
      unreachable: [win017]
  contains:
    name:
      description: V(seed), or V(wave) and its number.
      type: str
    switched:
      description: How many machines were changed, and are activated.
      type: int
    already:
      description: How many machines were activated without a change.
      type: int
    pending:
      description: The machines whose KMS host waits for more of them.
      type: list
      elements: str
    rolled_back:
      description: Empty. The role puts those here that are activated by their MAK again.
      type: list
      elements: str
    no_mak_back:
      description: The machines that lost the activation of Windows and for which no MAK is left, with the reason.
      type: dict
    failed:
      description: The machines that failed, with the reason.
      type: dict
    unserved:
      description: How many of them found no KMS host.
      type: int
    unreachable:
      description: The machines that did not answer.
      type: list
      elements: str
subnets:
  description: The subnets of the seed whose first machine is activated. The others of them may follow.
  returned: success
  type: list
  elements: str
  sample: ["192.0.2.0/24"]
give_back:
  description: The machines that are to get their MAK back. Empty without O(rollback), and in check mode.
  returned: success
  type: list
  elements: str
  sample: [win003]
host:
  description: The KMS host as it is now, as M(volact.kms.migration_plan) tells of it.
  returned: success
  type: dict
  sample:
    name: kms01
    target: kms01.corp.example.test
    port: 1688
    usable: true
    problem: null
    answers: true
    in_dns: false
    priority: null
    office_only: false
    counts:
      windows: 26
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
      description: Whether it answered as a KMS host.
      type: bool
    in_dns:
      description: Always false. DNS is not looked at.
      type: bool
    priority:
      description: Always null.
      type: int
    office_only:
      description: Whether it has host keys of Office, and none of Windows.
      type: bool
    counts:
      description: What it counts, by pool. Only of keys that are activated.
      type: dict
error:
  description: What went wrong, for conditions in playbooks. RV(ignore:msg) says it in a sentence.
  returned: failure
  type: dict
  sample:
    kind: bad_input
    code: null
    name: null
    operation: read the plan
    hint: null
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
