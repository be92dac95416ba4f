# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation only: the work is done on the controller, by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Find what is wrong with the activation of a fleet, and write reports
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Takes what other modules have read of machines, KMS hosts and DNS, and says what is wrong, with which machines, why,
    and what to do about it. It asks no machine itself.
  - Writes the result as a page for people (HTML in English and German), and for programs as JSON, CSV, JUnit XML and
    metrics of Prometheus.
  - A report has no clock. The same input gives the same files, byte for byte, and RV(ignore:changed) says whether a
    file is another than before.
  - No product key is in a report but for its last five characters. Whatever a machine said is escaped.
  - Activation is not licensing. A report says nothing about how many licences you own.
extends_documentation_fragment:
  - volact.kms.attributes
  - volact.kms.attributes.controller
attributes:
  diff_mode:
    description: Returns what changes, or would change in C(check_mode), when in diff mode.
    support: none
    details:
      - RV(written) names the files.
requirements:
  - Nothing but what Ansible itself needs.
options:
  src:
    description:
      - Files with fleet records, which M(volact.kms.fleet_info) wrote to its O(volact.kms.fleet_info#module:dest).
      - At least one machine has to be in them. A report about nobody would be one that is passed.
      - They may be of several runs, for example of the slices of a job. Of a machine that is in more than one of them
        the newest record counts.
    type: list
    elements: path
    required: true
  dest:
    description:
      - Files on the controller to write. Only the user who runs Ansible can read them. Each is written at once or not
        at all.
      - Without any of them only the result of the task tells what was found.
    type: dict
    default: {}
    suboptions:
      html:
        description:
          - A page that needs no other file and no network. It has the findings, charts and a table of all machines
            that can be searched and sorted.
        type: path
      json:
        description:
          - All of it as data. C(docs/report-schema-1.json) of the collection is its JSON Schema. Keep it for
            O(previous).
        type: path
      csv:
        description: A line for each licence of each machine. No cell begins like a formula of a spreadsheet.
        type: path
      junit:
        description:
          - JUnit XML, which most build servers show. Each machine is a test. It fails with findings that are as bad as
            O(fail_on).
        type: path
      prometheus:
        description: Metrics of the fleet and its KMS hosts, for the textfile collector of the Prometheus node exporter.
        type: path
  hosts:
    description:
      - The KMS hosts, each as M(volact.kms.host_info) has read it, or failed to.
      - KMS hosts among the machines of O(src) are taken from there.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the host is called in the inventory.
        type: str
        required: true
      info:
        description: The result of M(volact.kms.host_info) for it.
        type: dict
        required: true
      target:
        description: The name or address by which machines find it, when O(srv) or its computer name does not tell.
        type: str
      port:
        description: Its TCP port, when neither O(srv) nor the host tells.
        type: int
  srv:
    description:
      - The result of M(volact.kms.srv_info). With O(volact.kms.srv_info#module:check) it also tells which records lead
        nowhere, and with O(volact.kms.srv_info#module:expected) which are missing.
    type: dict
  endpoints:
    description: The result of M(volact.kms.endpoint_info), which tells whether KMS hosts answer.
    type: dict
  kms_hosts:
    description:
      - Names of all KMS hosts that there should be. Other hosts that machines use or that DNS names are findings.
      - By default those of O(hosts). Without both nobody is a stranger.
    type: list
    elements: str
    default: []
  retired_hosts:
    description: Names of KMS hosts that are gone for good. Machines that are pinned to one are findings.
    type: list
    elements: str
    default: []
  activations_used:
    description:
      - The ledger of host keys that the role P(volact.kms.kms_host#role) keeps. It maps the last five characters of
        each host key to the machines that activated it and how often.
      - With it the report also counts hosts that are gone, and the 10 activations that a host has with each key.
        Windows tells neither.
    type: dict
    default: {}
  channel:
    description:
      - How machines should be activated. A volume licence of the other channel is then a finding.
      - When it is not set, any channel is right. OEM, retail, subscription and AVMA licences are never findings.
    type: str
    choices: [kms, mak]
  expiry_days:
    description:
      - An activation by KMS that ends within so many days is a finding, from 0 to 180. Machines renew their 180 days
        every week, so one that has few days left does not reach a KMS host any more.
    type: int
    default: 30
  previous:
    description:
      - The JSON file of an earlier report. It tells what is new and what is resolved, and gives a trend.
      - It may be the O(dest.json) of the same task. The file does not have to exist, because the first report has none
        before it.
    type: path
  fail_on:
    description:
      - How bad a finding has to be for RV(passed) to be false, and for a test of O(dest.junit) to fail. Worse ones
        count too. V(critical) is worse than V(error), and that is worse than V(warning).
      - The task itself does not fail.
    type: str
    choices: [critical, error, warning, never]
    default: error
  title:
    description: What the report is called, for example the name of the site.
    type: str
    default: KMS
  language:
    description: The language in which O(dest.html) opens. It has both, and can be switched.
    type: str
    choices: [en, de]
    default: en
seealso:
  - module: volact.kms.fleet_info
  - module: volact.kms.host_info
  - module: volact.kms.srv_info
"""

EXAMPLES = r"""
- name: Make a page of what fleet_info has read
  volact.kms.report:
    src: [./fleet.jsonl]
    dest:
      html: ./report.html

- name: Make all reports, with what is new since the last one
  volact.kms.report:
    src: [./fleet.jsonl]
    dest:
      html: ./report.html
      json: ./report.json
      csv: ./report.csv
      junit: ./report.xml
      prometheus: ./kms.prom
    previous: ./report.json
    channel: kms
    kms_hosts: [kms01.corp.example.test, kms02.corp.example.test]
    retired_hosts: [old-kms.corp.example.test]
    title: Example site

- name: Read who answers as a KMS host
  volact.kms.srv_info:
    domains: [corp.example.test]
    check: true
  delegate_to: localhost
  register: found

- name: Find what is wrong with machines, a KMS host and DNS, without writing anything
  volact.kms.report:
    src: [./fleet.jsonl]
    srv: "{{ found }}"
    hosts:
      - name: kms01
        info: "{{ kms01_state }}"
  vars:
    kms01_state: "{{ hostvars['kms01'].kms_state | default({}) }}"
  register: report
"""

RETURN = r"""
passed:
  description: Whether no finding is as bad as O(fail_on).
  returned: success
  type: bool
  sample: false
worst:
  description: The severity of the worst finding, or null when there is none.
  returned: success
  type: str
  sample: error
counts:
  description: Machines by state, and findings by severity.
  returned: success
  type: dict
  sample:
    machines: 1000
    states: {activated: 980, not_activated: 8, unreachable: 12, pending: 0, grace: 0, notification: 0}
    findings: {critical: 0, error: 2, warning: 1}
  contains:
    machines:
      description: Machines of O(src).
      returned: success
      type: int
      sample: 1000
    states:
      description:
        - Machines by how they are activated. Of several volume licences the one that is worst off counts.
        - V(pending) asked a KMS host whose count is too low. V(unreadable) answered and could not be read.
      returned: success
      type: dict
      sample: {activated: 980, not_activated: 8, unreachable: 12, pending: 0, grace: 0, notification: 0}
    findings:
      description: Findings by severity.
      returned: success
      type: dict
      sample: {critical: 0, error: 2, warning: 1}
findings:
  description: What was found, the worst first. O(dest.json) has all machines and all evidence.
  returned: success
  type: list
  elements: dict
  sample:
    - id: "not_activated:0xC004F056"
      kind: not_activated
      severity: error
      title: Not activated
      meaning: Windows or Office has a volume licence key and is not activated.
      remedy: Treat the reason below, then run the role kms_client.
      new: true
      count: 8
      machines: [win017, win018]
      evidence: "Windows(R), Enterprise edition: Unlicensed, 0xC004F056 SL_E_VL_MACHINE_NOT_BOUND."
  contains:
    id:
      description: The same in every report that has this finding.
      returned: success
      type: str
      sample: "not_activated:0xC004F056"
    kind:
      description: What it is, the first part of the ID. The guide on reports lists all kinds.
      returned: success
      type: str
      sample: not_activated
    severity:
      description: V(critical), V(error) or V(warning).
      returned: success
      type: str
      sample: error
    title:
      description: What it is, in words.
      returned: success
      type: str
      sample: Not activated
    meaning:
      description: What it means.
      returned: success
      type: str
      sample: Windows or Office has a volume licence key and is not activated.
    remedy:
      description: What to do about it.
      returned: success
      type: str
      sample: Treat the reason below, then run the role kms_client.
    new:
      description: Whether the report before did not have it. Null without O(previous).
      returned: success
      type: bool
      sample: true
    count:
      description: How many machines, KMS hosts or name servers it is about.
      returned: success
      type: int
      sample: 8
    machines:
      description: The first ten of them.
      returned: success
      type: list
      elements: str
      sample: [win017, win018]
    evidence:
      description: What was seen on the first of them.
      returned: success
      type: str
      sample: "Windows(R), Enterprise edition: Unlicensed, 0xC004F056 SL_E_VL_MACHINE_NOT_BOUND."
resolved:
  description: IDs of findings of O(previous) that are no more.
  returned: success
  type: list
  elements: str
  sample: ["unreachable"]
generated:
  description: When the newest record was read, in UTC. Null when there is none.
  returned: success
  type: str
  sample: "2026-11-22T10:00:00Z"
written:
  description: Names of the items of O(dest) that were written, or would be in check mode. Others are as they should be.
  returned: success
  type: list
  elements: str
  sample: [html, json]
dest:
  description: The files, by the names of O(dest).
  returned: success
  type: dict
  sample:
    html: ./report.html
error:
  description: What went wrong, for conditions in playbooks. RV(ignore:msg) says it in a sentence.
  returned: failure
  type: dict
  sample:
    kind: bad_input
    code: null
    name: null
    operation: read the records
    hint: Run volact.kms.fleet_info first.
  contains:
    kind:
      description: V(bad_input).
      returned: failure
      type: str
      sample: bad_input
    code:
      description: Always null.
      returned: failure
      type: str
      sample: null
    name:
      description: Always null.
      returned: failure
      type: str
      sample: null
    operation:
      description: What was being done.
      returned: failure
      type: str
      sample: read the records
    hint:
      description: What to look at next, or null.
      returned: failure
      type: str
      sample: Run volact.kms.fleet_info first.
"""
