# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SRV record sets in DNS: what they should be (pure), and how a server is asked and told (RFC 1035, 2136, 8945).

`_names` and `_records` decide, `_answers` judges what a server said, `_query` and `_update` build messages,
`_exchange` is the only file with a socket, and `_converge` puts them in order. Nothing here knows Ansible.
"""
