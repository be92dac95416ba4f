# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes that modules of one kind share.

A module lists DOCUMENTATION and one of WINDOWS, DNS and CONTROLLER. A module that only reads lists INFO before these,
since the first text about an attribute wins, and its own text before all.
"""

from __future__ import annotations


class ModuleDocFragment:
    """For volact.kms.attributes, and its sections .windows, .dns, .controller and .info."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and returns what would change without changing anything.
    support: full
  diff_mode:
    description: Returns what changes, or would change in C(check_mode), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside C(check_mode) with the same options, the second run changes nothing.
    support: full
    details:
      - This assumes that nothing else makes changes in between.
"""

    WINDOWS = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/volact.kms.kms) or C(group/volact.kms.windows) in C(module_defaults) to set options for this module.
    support: full
    membership:
      - volact.kms.kms
      - volact.kms.windows
  async:
    description: Can be used with the C(async) keyword.
    support: none
    details:
      - The work is done on the controller. The task is refused with C(async), and nothing is changed.
      - Give the play more C(forks) instead, or slice the job.
  become:
    description: Can be used with the C(become) keywords.
    support: none
    details:
      - The requests run as the user of the connection, so C(become) is ignored, with one warning per run.
      - Connect as a user who is a local administrator of the machine.
  connection:
    description: Uses the connection settings of the host, but runs nothing on it.
    support: partial
    details:
      - The host must have C(ansible_connection=winrm) or C(ansible_connection=psrp). All its settings are used (user,
        password, port, scheme, certificates, proxy, Kerberos, and every other C(ansible_winrm_*) or C(ansible_psrp_*)
        variable), and neither a remote shell nor a PowerShell session is opened.
      - Several methods in C(ansible_winrm_transport) are tried in their order.
      - With C(ansible_psrp_configuration_name) other than the default the task is refused, because the requests would
        bypass what that configuration restricts.
      - Machines that are reachable over SSH only are not supported. If WinRM is enabled on them too, set
        C(ansible_connection) and C(ansible_port) in the C(vars) of the task.
  delegation:
    description: Can be used with C(delegate_to).
    support: partial
    details:
      - C(delegate_to) another Windows machine works on that machine.
      - C(delegate_to=localhost) fails, because the connection is then a local one. The module already runs on the
        controller, so leave C(delegate_to) out.
  platform:
    description: The machines that are worked on.
    platforms: windows
    support: full
    details:
      - Windows 7 and Windows Server 2008 R2 to Windows 11 and Windows Server 2025, in every display language.
      - No PowerShell and no VBScript is used, and nothing is copied to the machine.
"""

    DNS = r"""
options: {}
attributes:
  action_group:
    description:
      - Use C(group/volact.kms.kms) or C(group/volact.kms.dns) in C(module_defaults) to set options for this module.
    support: full
    membership:
      - volact.kms.kms
      - volact.kms.dns
  async:
    description: Can be used with the C(async) keyword.
    support: full
  become:
    description: Can be used with the C(become) keywords.
    support: full
    details:
      - No privileges are needed.
  connection:
    description: Uses the connection of the host to run Python code on it.
    support: full
    details:
      - The module runs on any host with Python 3.10 or later that reaches the DNS server, mostly on the controller.
        It does not run on Windows.
  delegation:
    description: Can be used with C(delegate_to).
    support: full
    details:
      - Use C(delegate_to=localhost) in plays whose hosts are Windows machines.
  platform:
    description: The machines that the module runs on.
    platforms: posix
    support: full
"""

    CONTROLLER = r"""
options: {}
attributes:
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
      - The module runs inside Ansible itself, as the user who started it, so C(become) is ignored, with one warning
        per run.
  connection:
    description: Uses the connection settings of the host.
    support: none
    details:
      - No connection is made to any host.
  delegation:
    description: Can be used with C(delegate_to).
    support: full
    details:
      - C(delegate_to) makes no difference. The module always runs on the controller.
  platform:
    description: The machines that the module runs on.
    platforms: posix
    support: full
    details:
      - The Ansible controller, or the execution environment that Ansible runs in.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and returns what would change without changing anything.
    support: full
    details:
      - The module only reads, and does the same in C(check_mode).
  diff_mode:
    description: Returns what changes, or would change in C(check_mode), when in diff mode.
    support: N/A
    details:
      - The module only reads.
  idempotent:
    description:
      - When run twice in a row outside C(check_mode) with the same options, the second run changes nothing.
    support: full
    details:
      - The module only reads, and never reports a change.
"""
