# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that start warm: a Python has imported what they need, and forks for each of them.

Most of the time of a short program of Ansible's goes to imports, which are the same each time. Tests use `programs` in
place of `subprocess`; `server` is the other process; `warmth` knows what to import.
"""
