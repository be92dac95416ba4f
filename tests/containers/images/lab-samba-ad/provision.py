# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fill a new domain: users, a service account for each machine with its SPN and keytab, the machines' addresses.

`python3 provision.py DOMAIN.JSON FOLDER`, where the file has {"users": {name: password}, "machines": {name: address}}.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from pathlib import Path

from samba.auth import system_session
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.provision.sambadns import ARecord
from samba.samdb import SamDB


def main(file: str, folder: str) -> None:
    """Do it all on the database itself, before the domain is served."""
    domain = json.loads(Path(file).read_text(encoding="utf-8"))
    settings = LoadParm()
    settings.load_default()
    directory = SamDB(lp=settings, session_info=system_session())
    zone = settings.get("realm").lower()
    root = directory.domain_dn()
    for name, password in domain["users"].items():
        directory.newuser(name, password)
    for name, address in domain["machines"].items():
        account, principal = f"http-{name}", f"HTTP/{name}.{zone}"
        directory.newuser(account, secrets.token_urlsafe(24) + "aA1")
        directory.modify_ldif(
            f"dn: CN={account},CN=Users,{root}\nchangetype: modify\nadd: servicePrincipalName\n"
            f"servicePrincipalName: {principal}\n"
        )
        directory.add(
            {
                "dn": f"DC={name},DC={zone},CN=MicrosoftDNS,DC=DomainDnsZones,{root}",
                "objectClass": ["top", "dnsNode"],
                "dnsRecord": ndr_pack(ARecord(address)),
            }
        )
        keytab = Path(folder) / f"{name}.keytab"
        subprocess.run(["samba-tool", "domain", "exportkeytab", str(keytab), f"--principal={principal}"], check=True)
        # The machine's container reads it as another user; the folder outside is closed to others.
        keytab.chmod(0o644)
    (Path(folder) / "ready").touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
