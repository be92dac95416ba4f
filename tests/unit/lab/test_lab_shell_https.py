# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS of the machines: handshakes in memory, with the strictest checks that Python's ssl module has."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509

from lab.shell.certificates import Authority
from lab.shell.https import MachineCertificates
from lab.shell.state_folder import StateFolder

ADDRESS = "127.30.40.11"
DOMAIN = "corp.example.test"


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path)


@pytest.fixture
def certificates(folder: StateFolder) -> MachineCertificates:
    return MachineCertificates({"win01": ADDRESS}, DOMAIN, "labadmin", folder)


def client_context(folder: StateFolder, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """A handshake, and the server's end afterwards; raises what either end raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [ours, theirs]
    for _flight in range(10):
        for end in list(waiting):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
                waiting.remove(end)
    assert not waiting, "the handshake did not end"
    return theirs


def user_of(certificates: MachineCertificates, end: ssl.SSLObject) -> str | None:
    transport: Any = SimpleNamespace(get_extra_info={"ssl_object": end}.get)
    return certificates.user_of(transport)


@pytest.mark.parametrize("name", [ADDRESS, "win01", f"win01.{DOMAIN}"])
def test_a_machine_is_trusted_by_its_address_and_its_names(
    folder: StateFolder, certificates: MachineCertificates, name: str
) -> None:
    end = shake_hands(client_context(folder), certificates.contexts["win01"], name)
    assert user_of(certificates, end) is None


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "certificate has expired"),
        ("other_name", "IP address mismatch"),
        ("other_authority", "unable to get local issuer certificate"),
    ],
)
def test_a_wrong_certificate_is_refused_for_one_reason_until_it_is_valid_again(
    folder: StateFolder, certificates: MachineCertificates, kind: str, reason: str
) -> None:
    certificates.show("win01", kind)
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        shake_hands(client_context(folder), certificates.contexts["win01"], ADDRESS)
    certificates.show("win01", "valid")
    shake_hands(client_context(folder), certificates.contexts["win01"], ADDRESS)


def test_a_client_certificate_is_mapped_to_the_account(folder: StateFolder, certificates: MachineCertificates) -> None:
    client = client_context(folder, folder.client_certificate, folder.client_key)
    assert user_of(certificates, shake_hands(client, certificates.contexts["win01"], ADDRESS)) == "labadmin"


def test_another_certificate_of_the_same_authority_is_nobodys(
    folder: StateFolder, certificates: MachineCertificates
) -> None:
    client = client_context(folder, folder.unmapped_certificate, folder.unmapped_key)
    assert user_of(certificates, shake_hands(client, certificates.contexts["win01"], ADDRESS)) is None


def test_a_connection_without_tls_is_nobodys(certificates: MachineCertificates) -> None:
    transport: Any = asyncio.BaseTransport()
    assert certificates.user_of(transport) is None


def test_only_the_owner_reads_the_keys_and_no_key_of_a_machine_is_kept(
    folder: StateFolder, certificates: MachineCertificates
) -> None:
    assert folder.tls.stat().st_mode & 0o777 == 0o700
    files = sorted(folder.tls.iterdir())
    assert [file.name for file in files] == [
        "authority.pem",
        "client-key.pem",
        "client.pem",
        "unmapped-key.pem",
        "unmapped.pem",
    ]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


def test_a_client_certificate_holds_the_user_principal_name() -> None:
    pair = Authority("Lab").client("labadmin", DOMAIN)
    names = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    (name,) = names.get_values_for_type(x509.OtherName)
    assert name.value == b"\x0c\x1alabadmin@corp.example.test"
    assert "PRIVATE" not in repr(pair)
