# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which DNS software a lab runs, and with which key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest
from lab_process import RunningLab, lab, running_lab, write_site

from lab.effects import Failure
from lab.shell.dns_client import DNS_SERVER_FAILURE, DnsClient


def send(site: RunningLab, message: dns.message.Message) -> dns.message.Message:
    return dns.query.udp(message, site.variables["lab_dns_server"], timeout=5, port=site.variables["lab_dns_port"])


def test_without_a_server_a_lookup_is_a_server_failure() -> None:
    machine = DnsClient("127.0.0.1", 9)
    assert asyncio.run(machine.service("_vlmcs._tcp.corp.example.test")) == Failure(DNS_SERVER_FAILURE)


@pytest.mark.bind
def test_bind_is_used_by_itself_when_it_is_installed(tmp_path: Path) -> None:
    with running_lab(tmp_path) as site:
        assert '"software": "bind"' in site.ask("state").stdout


@pytest.mark.parametrize("algorithm", ["hmac-sha512", pytest.param("hmac-md5.sig-alg.reg.int", marks=pytest.mark.bind)])
def test_the_site_file_chooses_the_keys_algorithm(tmp_path: Path, algorithm: str) -> None:
    with running_lab(tmp_path, write_site(tmp_path, dns={"tsig_algorithm": algorithm})) as site:
        variables = site.variables
        assert variables["lab_tsig_algorithm"] == algorithm
        key = dns.tsig.Key(variables["lab_tsig_name"], variables["lab_tsig_secret"], algorithm)
        message = dns.update.UpdateMessage("corp.example.test", keyring=key)
        message.add("www", 300, "A", "192.0.2.1")
        assert send(site, message).rcode() == dns.rcode.NOERROR


def test_a_key_that_bind_does_not_know_is_refused_for_bind(tmp_path: Path) -> None:
    site = write_site(tmp_path, dns={"software": "bind", "tsig_algorithm": "hmac-sha256-128"})
    done = lab("run", "--site", str(site), "--", "true")
    assert (done.returncode, done.stdout) == (125, "")
    assert "BIND has no TSIG algorithm hmac-sha256-128" in done.stderr
