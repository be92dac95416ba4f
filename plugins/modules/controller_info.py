# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of volact.kms.controller_info; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: controller_info
short_description: Report which Python libraries the controller has
version_added: 0.1.0
author:
  - The volact.kms authors (@volact)
description:
  - Reports which libraries the Python interpreter that runs Ansible has, whether they are new enough, what each of them
    is needed for, and how to install what is missing.
  - The modules of this collection that work on Windows machines do so from the controller. So their libraries must be
    there, or in the execution environment, and not on the machines.
  - The module never fails because of a missing library. Check RV(ok) to stop a play early.
extends_documentation_fragment:
  - volact.kms.attributes.info
  - volact.kms.attributes
  - volact.kms.attributes.controller
seealso:
  - module: volact.kms.client
  - module: volact.kms.host
  - module: volact.kms.srv_record
"""

EXAMPLES = r"""
- name: See what the controller has
  volact.kms.controller_info:

- name: Stop before the first machine is touched if a library is missing
  volact.kms.controller_info:
  register: controller
  failed_when: not controller.ok
  run_once: true

- name: Read whether Kerberos can be used
  volact.kms.controller_info:
  register: controller
  run_once: true

- name: Say what is missing for Kerberos
  ansible.builtin.assert:
    that:
      - kerberos.ok
    fail_msg: "{{ kerberos.problem }} Install it with: {{ kerberos.fix }}"
  vars:
    kerberos: "{{ controller.libraries | selectattr('name', '==', 'pykerberos') | first }}"
"""

RETURN = r"""
ok:
  description: Whether all libraries with RV(libraries[].required=true) are there and new enough.
  returned: always
  type: bool
  sample: true
python:
  description: Version of the Python interpreter that runs Ansible.
  returned: always
  type: str
  sample: 3.12.8
interpreter:
  description: Path of the Python interpreter that runs Ansible. The libraries must be installed for it.
  returned: always
  type: str
  sample: /usr/bin/python3
ansible_core:
  description: Version of ansible-core.
  returned: always
  type: str
  sample: 2.19.14
libraries:
  description: One item for each library, whether it is there or not.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the package, as C(pip) knows it.
      returned: always
      type: str
      sample: pywinrm
    version:
      description: The version that is installed. V(null) if it is not installed.
      returned: always
      type: str
      sample: 0.5.0
    minimum:
      description: The oldest version that works.
      returned: always
      type: str
      sample: 0.4.3
    ok:
      description: Whether the library is there, new enough, and can be imported.
      returned: always
      type: bool
      sample: true
    required:
      description: Whether every user of the collection needs it. The others are for some settings only.
      returned: always
      type: bool
      sample: true
    needed_for:
      description: What the library is needed for.
      returned: always
      type: str
      sample: Windows machines with ansible_connection=winrm
    problem:
      description: What is wrong with it, as a sentence. V(null) if RV(libraries[].ok=true).
      returned: always
      type: str
      sample: It is not installed.
    fix:
      description: A command that installs it. V(null) if RV(libraries[].ok=true).
      returned: always
      type: str
      sample: /usr/bin/python3 -m pip install 'pywinrm>=0.4.3'
  sample:
    - name: pywinrm
      version: 0.5.0
      minimum: 0.4.3
      ok: true
      required: true
      needed_for: Windows machines with ansible_connection=winrm
      problem: null
      fix: null
"""
