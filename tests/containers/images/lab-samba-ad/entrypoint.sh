#!/bin/sh
# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# A new domain ZONE on HOST_IP, with the accounts and machines of /etc/lab/domain.json; each machine's key goes to
# /keytabs/MACHINE.keytab, and the file /keytabs/ready is there when all are.
set -eu
: "${ZONE:?}" "${HOST_IP:?}"
realm=$(echo "$ZONE" | tr '[:lower:]' '[:upper:]')
samba-tool domain provision --server-role=dc --dns-backend=SAMBA_INTERNAL --realm="$realm" --domain="${realm%%.*}" \
  --host-name=dc1 --host-ip="$HOST_IP" \
  --option='acl_xattr:security_acl_name=user.NTACL' --option='dns forwarder=' --option='server services=kdc, dns, ldap, cldap' \
  --option="interfaces=$HOST_IP/24" --option='bind interfaces only=yes' \
  >/var/log/samba/provision.log 2>&1 || { cat /var/log/samba/provision.log; exit 1; }
python3 /provision.py /etc/lab/domain.json /keytabs
exec samba --interactive --no-process-group --debug-stdout --model=single
