# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the shell reads of a site file, and what it writes for Ansible and for BIND."""

from __future__ import annotations

import base64
from pathlib import Path

import dns.name
import dns.tsig
import pytest
import yaml
from dns.rdatatype import RdataType

from lab.shell.dns_bind import named_conf, zone_text
from lab.shell.dns_zone import new_zone
from lab.shell.errors import UsageError
from lab.shell.inventory import as_yaml, inventory
from lab.shell.settings import TSIG_ALGORITHMS, Account, own_account, read_account, read_dns
from lab.shell.state_folder import StateFolder

DOMAIN = "corp.example.test"


def test_an_account_has_a_name_and_a_new_password_by_default() -> None:
    first, second = read_account({}), read_account({})
    assert (first.user, first.transports, first.https, first.unencrypted) == ("labadmin", ("ntlm",), False, False)
    assert len(first.password) >= 20
    assert first.password != second.password
    assert first.password not in repr(first)


def test_an_account_is_what_the_site_file_says() -> None:
    account = read_account({"user": "admin", "password": "secret", "transports": ["certificate"], "https": True})
    assert account == Account("admin", "secret", ("certificate",), https=True, unencrypted=False)


@pytest.mark.parametrize(
    ("section", "allowed"),
    [
        ({}, False),
        ({"transports": ["ntlm", "basic"]}, True),
        ({"transports": ["ntlm", "basic"], "https": True}, False),
        ({"transports": ["basic"], "https": True, "unencrypted": True}, True),
        ({"transports": ["ntlm", "basic"], "unencrypted": False}, False),
    ],
)
def test_unencrypted_messages_are_taken_where_basic_could_do_nothing_else_or_the_site_says_so(
    section: dict[str, object], allowed: bool
) -> None:
    assert read_account(section).unencrypted is allowed


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"user": 5}, "`account.user` has to be text"),
        ({"user": ""}, "`account.user` has to be text"),
        ({"password": "a:b"}, "`account.password` has to be text without a colon"),
        ({"password": "a\nb"}, "of one line"),
        ({"transports": "ntlm"}, "`account.transports` has to be a list of ntlm, basic, certificate or kerberos"),
        ({"transports": []}, "`account.transports` has to be a list"),
        ({"name": "x"}, "'name' is not a name in `account`; valid names are user, password, transports, https, unenc"),
        ({"https": "yes"}, "`account.https` has to be true or false"),
        ({"unencrypted": 1}, "`account.unencrypted` has to be true or false"),
        ({"transports": ["certificate"]}, "certificate, which needs `account.https: true`"),
    ],
)
def test_a_wrong_account_is_one_sentence(section: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_account(section)


def test_each_lab_has_its_own_dns_key() -> None:
    first, second = read_dns({}, DOMAIN), read_dns({}, DOMAIN)
    assert (first.software, first.tsig_name, first.tsig_algorithm) == ("auto", "lab-update", "hmac-sha256")
    assert len(base64.b64decode(first.tsig_secret)) == 32
    assert first.tsig_secret != second.tsig_secret
    assert first.zone == dns.name.from_text(DOMAIN)


@pytest.mark.parametrize("algorithm", sorted(TSIG_ALGORITHMS))
def test_every_hmac_algorithm_can_be_chosen(algorithm: str) -> None:
    settings = read_dns({"tsig_algorithm": algorithm}, DOMAIN)
    assert settings.tsig_algorithm == algorithm
    truncated = algorithm.rsplit("-", 1)[-1] in ("128", "192", "256") and algorithm.count("-") == 2
    assert settings.bind_can_serve is not truncated


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"software": "knot"}, "`dns.software` has to be auto, bind or builtin, not 'knot'"),
        ({"tsig_algorithm": "gss-tsig"}, "`dns.tsig_algorithm` has to be hmac-"),
        ({"software": "bind", "tsig_algorithm": "hmac-sha512-256"}, "BIND has no TSIG algorithm hmac-sha512-256"),
        ({"port": 53}, "'port' is not a name in `dns`; valid names are software, tsig_algorithm, records"),
        ({"records": ["kms01"]}, "`dns.records` has an entry that is not a mapping of names to values: 'kms01'"),
        ({"records": [{"target": 7}]}, "`dns.records` has a target that is no name: 7"),
        ({"records": [{"target": "a..b"}]}, "`dns.records` has a target that is no name: 'a..b'"),
        ({"records": [{"target": "a", "port": 70000}]}, "has a port that is not a number from 0 to 65535: 70000"),
    ],
)
def test_a_wrong_dns_section_is_one_sentence(section: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_dns(section, DOMAIN)


def test_the_zone_may_have_records_from_the_beginning() -> None:
    stale = {"target": "gone.example.test", "priority": 10, "weight": 5, "port": 1689}
    settings = read_dns({"records": [{"target": "kms01"}, stale]}, DOMAIN)
    text = zone_text(settings.zone, "127.0.0.1", {}, settings.services)
    assert "_vlmcs._tcp.corp.example.test. IN SRV 0 0 1688 kms01.corp.example.test.\n" in text
    assert "_vlmcs._tcp.corp.example.test. IN SRV 10 5 1689 gone.example.test.\n" in text
    zone = new_zone(settings.zone, "127.0.0.1", {}, settings.services)
    found = zone.rdatas(dns.name.from_text("_vlmcs._tcp", settings.zone), RdataType.SRV)
    assert sorted(map(str, found)) == ["0 0 1688 kms01.corp.example.test.", "10 5 1689 gone.example.test."]


def test_an_inventory_may_leave_the_account_out_or_have_one_of_a_machine(tmp_path: Path) -> None:
    def hosts(account: Account) -> dict[str, dict[str, object]]:
        names = {"win01": "127.30.40.11", "win02": "127.30.40.12"}
        document = inventory(
            addresses=names,
            groups={},
            account=account,
            domain=DOMAIN,
            dns=read_dns({}, DOMAIN),
            dns_address="127.30.40.1",
            dns_port=10053,
            folder=StateFolder(tmp_path),
            accounts={"win02": own_account(account, {"password": "own"}, "win02")},
        )
        found: dict[str, dict[str, object]] = document["all"]["hosts"]
        return found

    shown = hosts(read_account({"password": "of the site"}))
    assert [shown[name]["ansible_password"] for name in ("win01", "win02")] == ["of the site", "own"]
    hidden = hosts(read_account({"password": "of the site", "in_inventory": False}))
    assert not {"ansible_user", "ansible_password"} & {*hidden["win01"], *hidden["win02"]}


def test_the_inventory_is_yaml_that_ansible_reads_back(tmp_path: Path) -> None:
    settings = read_dns({}, DOMAIN)
    document = inventory(
        addresses={"kms01": "127.30.40.10", "win001": "127.30.40.11"},
        groups={"kms01": ["kms_hosts", "servers"], "win001": []},
        account=Account("labadmin", "*: {not yaml}", ("ntlm",)),
        domain=DOMAIN,
        dns=settings,
        dns_address="127.30.40.1",
        dns_port=10053,
        folder=StateFolder(tmp_path),
    )
    everything = yaml.safe_load(as_yaml(document))["all"]
    assert everything["hosts"]["win001"]["ansible_host"] == "127.30.40.11"
    assert everything["hosts"]["win001"]["ansible_password"] == "*: {not yaml}"
    assert everything["children"] == {"kms_hosts": {"hosts": {"kms01": {}}}, "servers": {"hosts": {"kms01": {}}}}
    assert everything["vars"] == {
        "lab_domain": DOMAIN,
        "lab_dns_server": "127.30.40.1",
        "lab_dns_port": 10053,
        "lab_dns_zone": DOMAIN,
        "lab_tsig_name": "lab-update",
        "lab_tsig_algorithm": "hmac-sha256",
        "lab_tsig_secret": settings.tsig_secret,
    }


def test_with_https_both_connections_find_authority_and_client_certificate(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    document = inventory(
        addresses={"win001": "127.30.40.11"},
        groups={"win001": []},
        account=Account("labadmin", "secret", ("ntlm", "certificate"), https=True),
        domain=DOMAIN,
        dns=read_dns({}, DOMAIN),
        dns_address="127.30.40.1",
        dns_port=10053,
        folder=folder,
    )["all"]
    host = document["hosts"]["win001"]
    assert (host["ansible_port"], host["ansible_winrm_scheme"], host["ansible_psrp_protocol"]) == (
        5986,
        "https",
        "https",
    )
    assert host["ansible_winrm_transport"] == ["ntlm", "certificate"]
    assert host["ansible_winrm_ca_trust_path"] == host["ansible_psrp_ca_cert"] == str(folder.authority)
    assert host["ansible_winrm_cert_pem"] == host["ansible_psrp_certificate_pem"] == str(folder.client_certificate)
    assert host["ansible_winrm_cert_key_pem"] == host["ansible_psrp_certificate_key_pem"] == str(folder.client_key)
    assert document["vars"]["lab_authority"] == str(folder.authority)


def test_binds_configuration_stays_in_its_folder_and_grants_the_key_four_types() -> None:
    settings = read_dns({}, DOMAIN)
    text = named_conf(Path("/state/dns"), settings, 20001, "identity", (9, 18))
    assert 'directory "/state/dns";' in text
    assert "listen-on port 20001 { 127.0.0.1; };" in text
    assert 'server-id "identity";' in text
    assert 'grant "lab-update" zonesub A AAAA SRV TXT;' in text
    assert f'secret "{settings.tsig_secret}"' in text
    assert "controls { };" in text
    assert "recursion no;" in text


@pytest.mark.parametrize(("version", "known"), [((9, 16), True), ((9, 20), True), ((9, 21), False), ((10, 0), False)])
def test_the_lock_file_is_switched_off_where_bind_has_one(version: tuple[int, int], known: bool) -> None:
    text = named_conf(Path("/state/dns"), read_dns({}, DOMAIN), 20001, "identity", version)
    assert ("lock-file none;" in text) is known


def test_the_zone_file_has_authority_and_addresses() -> None:
    zone = dns.name.from_text(DOMAIN)
    text = zone_text(zone, "127.0.0.1", {dns.name.from_text("kms01", zone): "127.30.40.10"})
    assert "corp.example.test. IN SOA ns.corp.example.test. hostmaster.corp.example.test. 1 900 300 86400 60\n" in text
    assert "corp.example.test. IN NS ns.corp.example.test.\n" in text
    assert "ns.corp.example.test. IN A 127.0.0.1\n" in text
    assert "kms01.corp.example.test. IN A 127.30.40.10\n" in text
