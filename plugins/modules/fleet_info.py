# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_info
short_description: Read how all machines of a play are activated, in one task
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Reads what M(volact.kms.client_info) reads, of all machines of the play at the same time, and changes nothing.
  - One task on the controller does that, and not one for each machine. For a thousand machines it takes seconds.
  - Each machine is asked with its own connection variables, in the way Ansible would. It does not matter where they
    come from - the inventory, group_vars, the play, a vault, a lookup, or the variables of another host. No machine is
    ever offered the password of another one.
  - What goes wrong with one machine is in its record, and spoils no other one. So the task succeeds even when
    machines do not answer. Look at RV(counts).
requirements:
  - pywinrm >= 0.4.3 on the controller, or pypsrp >= 0.8.0 for machines with C(ansible_connection=psrp)
  - defusedxml on the controller
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
attributes:
  check_mode:
    details:
      - The module does the same in C(check_mode). It writes O(dest), too, because that is its result.
  action_group:
    description:
      - Use C(group/volact.kms.kms) in C(module_defaults) to set options for this module.
    support: full
    membership:
      - volact.kms.kms
  async:
    description: Can be used with the C(async) keyword.
    support: none
    details:
      - The work is done on the controller. The task is refused with C(async).
  become:
    description: Can be used with the C(become) keywords.
    support: none
    details:
      - The requests run as the users of the connections, so C(become) is ignored, with one warning per run.
  connection:
    description: Uses the connection settings of the machines, but runs nothing on them.
    support: partial
    details:
      - The machines must have C(ansible_connection=winrm) or C(ansible_connection=psrp), as for
        M(volact.kms.client_info).
      - A machine that is found behind no proxy has to accept a TCP connection within 10 seconds, or within O(timeout)
        if that is less.
      - With Kerberos there is one login for each user and not one for each machine.
  delegation:
    description: Can be used with C(delegate_to).
    support: partial
    details:
      - Needs C(delegate_to=localhost) and C(run_once=true) in a play whose hosts are the machines, and neither in a
        play for localhost. Anything else is refused, and no machine is asked.
      - With the C(free) strategy Ansible ignores C(run_once). Use C(linear) in the play.
  platform:
    description: The machines that are read.
    platforms: windows
    support: full
    details:
      - Windows 7 and Windows Server 2008 R2 to Windows 11 and Windows Server 2025, in every display language.
options:
  machines:
    description:
      - Inventory names of the machines to read.
      - By default all hosts of the play, those of other batches and those that failed before included. Machines that
        C(--limit) leaves out are not among them.
    type: list
    elements: str
  dest:
    description:
      - A file on the controller for the records, with one JSON object on each line, in the order of the machines. Only
        the user who runs Ansible can read it. RV(records) has the keys.
      - It is written when all machines were read, at once or not at all.
    type: path
  product:
    description: Of which products licences are read. V(windows) saves a request for each machine.
    type: str
    choices: [windows, office, all]
    default: all
  include:
    description:
      - What is read beyond the licences, each with requests of its own.
      - V(registry), V(events) and V(dns) are those of M(volact.kms.client_info).
      - V(host) reads machines that are KMS hosts as M(volact.kms.host_info) does.
    type: list
    elements: str
    choices: [registry, events, dns, host]
    default: []
  event_days:
    description: How many days of the log V(events) reads, from 1 to 366.
    type: int
    default: 8
  timeout:
    description:
      - How many seconds one machine may take, from 1 to 3600. Then its record says that it did not answer.
      - With V(events) in O(include) a machine may need more than a minute.
    type: int
    default: 60
  workers:
    description:
      - How many processes read, from 1 to 64.
      - By default as many as the controller has processors, and at most 8.
    type: int
  concurrency:
    description: How many machines are read at the same time, by all processes together. From 1 to 2000.
    type: int
    default: 300
  records:
    description:
      - Whether the records are returned as well.
      - For more than some hundred machines use O(dest), because Ansible keeps results in memory, and automation
        controllers drop large ones.
    type: bool
    default: false
  progress_seconds:
    description: How often the number of machines that were read is shown. 0 for never.
    type: int
    default: 5
seealso:
  - module: volact.kms.client_info
  - module: volact.kms.host_info
"""

EXAMPLES = r"""
- name: Read all machines of the play
  volact.kms.fleet_info:
    dest: ./fleet.jsonl
  run_once: true
  delegate_to: localhost
  register: fleet

- name: Show which machines could not be read
  ansible.builtin.debug:
    var: fleet.failed_machines
  run_once: true

- name: Read where machines have their KMS host from, and KMS hosts as such
  volact.kms.fleet_info:
    include: [registry, host]
    dest: ./fleet.jsonl
    timeout: 120
  run_once: true
  delegate_to: localhost

- name: Stop when more than a tenth of the machines cannot be read
  volact.kms.fleet_info:
    product: windows
    records: true
  run_once: true
  delegate_to: localhost
  register: fleet
  failed_when: fleet.counts.ok < 0.9 * fleet.counts.total

- name: Name the machines that are not activated
  ansible.builtin.debug:
    msg: >-
      {{ fleet.records | selectattr('status', 'eq', 'ok')
         | rejectattr('products.0.license_status', 'eq', 1) | map(attribute='machine') | list }}
  run_once: true
"""

RETURN = r"""
counts:
  description: Numbers of machines by what became of them.
  returned: success
  type: dict
  sample:
    total: 1000
    ok: 985
    failed: 3
    unreachable: 12
  contains:
    total:
      description: Machines that were to be read.
      returned: success
      type: int
      sample: 1000
    ok:
      description: Machines that were read.
      returned: success
      type: int
      sample: 985
    failed:
      description: Machines whose variables could not be made up, or that refused to tell.
      returned: success
      type: int
      sample: 3
    unreachable:
      description: Machines that did not answer, or that refused the credentials.
      returned: success
      type: int
      sample: 12
failed_machines:
  description: The first 50 machines that could not be read.
  returned: success
  type: list
  elements: dict
  sample:
    - machine: win017
      status: unreachable
      msg: "Could not connect to http://win017.corp.example.test:5985/wsman: nothing answered within 10 s."
  contains:
    machine:
      description: Inventory name.
      returned: success
      type: str
      sample: win017
    status:
      description: V(failed) or V(unreachable).
      returned: success
      type: str
      sample: unreachable
    msg:
      description: The reason.
      returned: success
      type: str
      sample: "Could not connect to http://win017.corp.example.test:5985/wsman: nothing answered within 10 s."
dest:
  description: The file that has the records. Null without O(dest).
  returned: success
  type: str
  sample: ./fleet.jsonl
duration_seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 8.2
records:
  description:
    - The record of each machine, as O(dest) has it.
    - A machine that was read also has all that M(volact.kms.client_info) returns for it - C(products), C(addons),
      C(kms_client), C(office_kms_client), C(operating_system), and C(registry), C(events) and C(dns) when included.
    - With V(host) in O(include) a KMS host has C(host), as M(volact.kms.host_info) returns it.
  returned: with O(records)
  type: list
  elements: dict
  sample:
    - schema: 1
      machine: win017
      collected: "2026-11-22T10:00:00Z"
      status: unreachable
      msg: "Could not connect to http://win017.corp.example.test:5985/wsman: nothing answered within 10 s."
      error:
        kind: connection_lost
        code: null
        name: null
        operation: connect
        hint: Check that the machine is on, that WinRM listens on port 5985, and firewalls between.
      clock_skew_seconds: null
      is_kms_host: null
  contains:
    schema:
      description: Version of the form of the record.
      returned: with O(records)
      type: int
      sample: 1
    machine:
      description: Inventory name.
      returned: with O(records)
      type: str
      sample: win017
    collected:
      description: When the machine was read, in UTC by the clock of the controller.
      returned: with O(records)
      type: str
      sample: "2026-11-22T10:00:00Z"
    status:
      description: V(ok), V(failed) or V(unreachable).
      returned: with O(records)
      type: str
      sample: ok
    msg:
      description: Why the machine could not be read, or null.
      returned: with O(records)
      type: str
      sample: null
    error:
      description: The reason as data, as modules return it when they fail, or null.
      returned: with O(records)
      type: dict
      sample: null
    clock_skew_seconds:
      description:
        - By how many seconds the machine's clock is ahead of the controller's. Negative when it is behind.
        - Null where the machine did not tell its clock.
      returned: with O(records)
      type: float
      sample: 0.3
    is_kms_host:
      description: Whether Windows on the machine serves others as a KMS host. Null where it is unknown.
      returned: with O(records)
      type: bool
      sample: false
"""
