# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is played: a site's whole way, all bad input that is about keys, wrong secrets, and two crashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from bad_input_play import Case
from running_lab import RunningLab, running_lab
from test_bad_input_keys import LEFTOVERS, UNCHANGED

from gates.leaks.workshop import PLANTED, CheckFailed, Workshop
from gates.tree import ROOT, copy_collection

DEMO_SITE = ROOT / "tests" / "lab" / "sites" / "demo.yml"
DEMO_VARIABLES = ROOT / "tests" / "demo" / "vars.yml"
BAD_SITE = ROOT / "tests" / "integration" / "bad_input_site.yml"
WINDOWS_SITE = ROOT / "tests" / "integration" / "windows_site.yml"
PSRP = {"ansible_connection": "psrp", "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm"}

# Appended to a copy of the collection: a defect in the middle of a change, with the key on the stack.
DEFECT = """

_whole = CimSession.invoke


def _broken(self, class_name, method, *arguments, **named):
    result = _whole(self, class_name, method, *arguments, **named)
    if method == "InstallProductKey":
        raise RuntimeError("a defect planted in the middle of a change")
    return result


CimSession.invoke = _broken
"""

# What leaks on purpose: the search has to find it.
CARELESS = [
    {
        "name": "A careless playbook",
        "hosts": "kms01",
        "gather_facts": False,
        "tasks": [
            {"name": "Say too much", "ansible.builtin.debug": {"msg": "{{ kms_host_product_keys | b64encode }}"}},
            {"name": "Say all of it", "ansible.builtin.debug": {"msg": "{{ kms_host_product_keys }}"}},
        ],
    }
]


def keys_of(site: Path) -> set[str]:
    """Every product key of a site file."""
    document = yaml.safe_load(site.read_text("utf-8"))
    machines = document["machines"].values()
    found = {key["key"] for key in document["microsoft"]["keys"]}
    return found | {row["key"] for machine in machines for row in machine.get("products", ()) if "key" in row}


def keys_of_cases() -> dict[str, str]:
    """Name of a vault variable -> key, for every key that a case of bad input has."""
    given = (refusal.case.options.get("product_key") for refusal in [*UNCHANGED, *LEFTOVERS])
    return {f"vault_key_{number}": key for number, key in enumerate(sorted({key for key in given if key}))}


def through_vault(case: Case, names: dict[str, str]) -> dict[str, Any]:
    """The play of a case whose key comes from the vault, with its whole result registered and shown."""
    play = case.play()
    options = play["tasks"][0][f"volact.kms.{case.module}"]
    if "product_key" in options:
        options["product_key"] = f"{{{{ {names[options['product_key']]} }}}}"
    play["tasks"][0]["register"] = "case_result"
    shown = {"connection": "{{ ansible_connection }}", "result": "{{ case_result }}"}
    play["tasks"].append({"name": "Show all of it", "ansible.builtin.debug": {"msg": shown}})
    return play


def psrp_inventory(lab: RunningLab, folder: Path) -> list[str]:
    """Arguments that reach every machine of the lab over psrp."""
    hosts = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]["hosts"]
    overlay = folder / "psrp.yml"
    overlay.write_text(json.dumps({"all": {"hosts": dict.fromkeys(hosts, PSRP)}}), "utf-8")
    return ["--inventory", str(lab.state_folder / "inventory.yml"), "--inventory", str(overlay)]


def whole_site(workshop: Workshop, folder: Path) -> None:
    """The demo: from MAK to KMS over winrm, once more over psrp, and to a MAK again. Everything by roles."""
    variables = yaml.safe_load(DEMO_VARIABLES.read_text("utf-8"))
    (mak,) = (key for key in keys_of(DEMO_SITE) if key.endswith("MKNWC"))
    with running_lab(DEMO_SITE, folder / "demo") as lab:
        workshop.learn(lab.state_folder / "inventory.yml")
        keys = workshop.vault("demo", {**variables, "vault_mak": mak})
        expect(workshop.play(lab, "site-winrm", "volact.kms.site", *keys), 0)
        over_psrp = psrp_inventory(lab, folder)
        back = ["--extra-vars", json.dumps({"kms_client_channel": "mak", "kms_client_product_key": "{{ vault_mak }}"})]
        limited = ["--limit", "localhost,kms01,win001,win002,win003"]
        expect(workshop.play(lab, "site-psrp", "volact.kms.site", *keys, *over_psrp, *back, *limited), 0)


def bad_input(workshop: Workshop, folder: Path) -> None:
    """Every case of bad input that has to do with keys, over both connections; and secrets that are wrong."""
    keys = keys_of_cases()
    names = {key: name for name, key in keys.items()}
    playbook = folder / "bad_input.yml"
    playbook.write_text(
        json.dumps([through_vault(refusal.case, names) for refusal in [*UNCHANGED, *LEFTOVERS]]), "utf-8"
    )
    for connection in ("winrm", "psrp"):
        with running_lab(BAD_SITE, folder / f"bad-{connection}") as lab:
            workshop.learn(lab.state_folder / "inventory.yml")
            vault = workshop.vault("bad-input", keys)
            inventory = psrp_inventory(lab, folder) if connection == "psrp" else []
            expect(workshop.play(lab, f"bad-input-{connection}", str(playbook), *vault, *inventory), 0)
            if f'"connection": "{connection}"' not in workshop.printed(f"bad-input-{connection}"):
                raise CheckFailed(f"The cases of bad input were not played over {connection}.")


def wrong_secrets_and_crashes(workshop: Workshop, folder: Path) -> None:
    """A password, a TSIG secret and a host key that are wrong; a defect in the middle of a change; a sudden end."""
    variables = yaml.safe_load(DEMO_VARIABLES.read_text("utf-8"))
    wrong = {
        "password": {"ansible_password": "Wrong-Password-For-The-Lab"},
        "tsig": {"kms_dns_tsig_secret": "d3Jvbmctc2VjcmV0LWZvci10aGUtbGFiLW9ubHk="},
        "key": {"kms_host_product_keys": variables["kms_host_product_keys"] + "X"},
    }
    workshop.secrets |= {f"wrong {name}": next(iter(values.values())) for name, values in wrong.items()}
    with running_lab(WINDOWS_SITE, folder / "wrong") as lab:
        workshop.learn(lab.state_folder / "inventory.yml")
        vault = workshop.vault("site", variables)
        for name in ("password", "key"):
            given = workshop.vault(f"wrong-{name}", wrong[name])
            expect(workshop.play(lab, f"wrong-{name}", "volact.kms.site", *vault, *given), failure=True)
        broken = copy_collection(folder / "broken")
        with (broken / "plugins/plugin_utils/_wsman/_session.py").open("a", encoding="utf-8") as file:
            file.write(DEFECT)
        crashed = workshop.play(lab, "defect", "volact.kms.site", *vault, collections=folder / "broken")
        expect(crashed, failure=True)
        if "a defect planted" not in workshop.printed("defect"):
            raise CheckFailed("The planted defect was not reached.")
        given = workshop.vault("wrong-tsig", wrong["tsig"])
        expect(workshop.play(lab, "wrong-tsig", "volact.kms.site", *vault, *given), failure=True)
        workshop.play(lab, "killed", "volact.kms.site", *vault, kill_after="Manage the keys, and ask to be activated")
        careless = folder / "careless.yml"
        careless.write_text(json.dumps(CARELESS), "utf-8")
        expect(workshop.play(lab, "careless", str(careless), *vault, output=PLANTED))


def expect(status: int, wanted: int = 0, *, failure: bool = False) -> None:
    """Raise CheckFailed when a playbook ended in another way than its scenario wants."""
    if (status != 0) if not failure else (status == 0):
        raise CheckFailed(f"ansible-playbook ended with status {status}; see build/leaks/output.")
