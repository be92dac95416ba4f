#!/bin/sh
# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Serves ZONE from HOST_IP. The file /etc/lab/tsig.key defines the TSIG key KEY_NAME; HOSTS has one NAME=ADDRESS per word.
set -eu
: "${ZONE:?}" "${KEY_NAME:?}" "${HOST_IP:?}" "${HOSTS:=}"
work=/run/named
cat >$work/named.conf <<CONF
include "/etc/lab/tsig.key";
options {
    directory "$work";
    listen-on { any; }; listen-on-v6 { none; };
    recursion no; dnssec-validation no; minimal-responses yes; notify no;
    allow-transfer { key "$KEY_NAME"; };
    pid-file none; session-keyfile none;
};
controls { };
logging {
    channel out { stderr; severity info; print-time yes; print-category yes; };
    category default { out; }; category update { out; }; category update-security { out; };
};
zone "$ZONE" {
    type primary;
    file "$work/db.zone";
    update-policy { grant "$KEY_NAME" zonesub SRV A AAAA TXT; };
};
CONF
cat >$work/db.zone <<ZONE
\$TTL 300
@ IN SOA ns.$ZONE. hostmaster.$ZONE. 1 900 300 86400 60
@ IN NS ns.$ZONE.
ns IN A $HOST_IP
ZONE
for host in $HOSTS; do
  echo "${host%%=*} IN A ${host#*=}" >>$work/db.zone
done
exec named -g -n 1 -c $work/named.conf
