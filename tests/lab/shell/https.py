# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""TLS of the machines: which certificate each one shows, and which client certificate is whose."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from .certificates import Authority, KeyPair
from .state_folder import StateFolder, write_private

PORT = 5986

CERTIFICATES = ("valid", "other_name", "other_authority", "expired")
"""What a machine may show: its own certificate, or one that a client has to refuse for one reason each."""

OTHER_ADDRESS = "192.0.2.1"


class Certificates(Protocol):
    """The TLS side of some machines."""

    @property
    def contexts(self) -> Mapping[str, ssl.SSLContext]:
        """By machine name."""

    def show(self, machine: str, kind: str) -> None:
        """Let a machine show another certificate to those who connect from now on (see CERTIFICATES)."""

    def user_of(self, transport: asyncio.BaseTransport) -> str | None:
        """The account that the connection's client certificate is mapped to."""


class MachineCertificates:
    """Certificates of all machines, made here by an authority whose key never leaves the process."""

    def __init__(self, machines: Mapping[str, str], domain: str, user: str, folder: StateFolder) -> None:
        self._machines, self._domain, self._folder = machines, domain, folder
        self._authority = Authority(f"Lab of {domain}")
        self._stranger = Authority(f"Another authority than the lab of {domain}")
        client = self._authority.client(user, domain)
        self._users = {client.certificate_der: user}
        folder.tls.mkdir(mode=0o700)
        write_private(folder.authority, self._authority.own.certificate_pem)
        write_private(folder.client_certificate, client.certificate_pem)
        write_private(folder.client_key, client.key_pem)
        unmapped = self._authority.client("nobody", domain)
        write_private(folder.unmapped_certificate, unmapped.certificate_pem)
        write_private(folder.unmapped_key, unmapped.key_pem)
        self.contexts = {name: _context(folder.authority) for name in machines}
        for name in machines:
            self.show(name, "valid")

    def show(self, machine: str, kind: str) -> None:
        """Let a machine show another certificate to those who connect from now on (see CERTIFICATES)."""
        pair = self._pair(machine, kind)
        # The ssl module reads files only.
        file = self._folder.tls / "server.pem"
        write_private(file, pair.certificate_pem + pair.key_pem)
        try:
            self.contexts[machine].load_cert_chain(file)
        finally:
            file.unlink()

    def user_of(self, transport: asyncio.BaseTransport) -> str | None:
        """The account that the connection's client certificate is mapped to."""
        return self._users.get(_shown_certificate(transport))

    def hand_over(self, machine: str, folder: Path) -> None:
        """Write everything that a machine in a container of its own may show, as `CertificateFiles` reads it."""
        for kind in CERTIFICATES:
            pair = self._pair(machine, kind)
            (folder / f"{kind}.pem").write_text(pair.certificate_pem + pair.key_pem, encoding="ascii")
        for file in (self._folder.authority, self._folder.client_certificate):
            (folder / file.name).write_bytes(file.read_bytes())

    def _pair(self, machine: str, kind: str) -> KeyPair:
        names, address = [f"{machine}.{self._domain}", machine], self._machines[machine]
        if kind == "other_name":
            return self._authority.server([f"other.{self._domain}"], OTHER_ADDRESS)
        authority = self._stranger if kind == "other_authority" else self._authority
        return authority.server(names, address, expired=kind == "expired")


class CertificateFiles:
    """Certificates of one machine, from the files that `MachineCertificates.hand_over` wrote elsewhere."""

    def __init__(self, machine: str, user: str, folder: Path) -> None:
        self._folder = folder
        client = ssl.PEM_cert_to_DER_cert((folder / "client.pem").read_text(encoding="ascii"))
        self._users = {client: user}
        self.contexts = {machine: _context(folder / "authority.pem")}
        self.show(machine, "valid")

    def show(self, machine: str, kind: str) -> None:
        """Let the machine show another certificate to those who connect from now on (see CERTIFICATES)."""
        self.contexts[machine].load_cert_chain(self._folder / f"{kind}.pem")

    def user_of(self, transport: asyncio.BaseTransport) -> str | None:
        """The account that the connection's client certificate is mapped to."""
        return self._users.get(_shown_certificate(transport))


def _shown_certificate(transport: asyncio.BaseTransport) -> bytes:
    """The client certificate of a connection in DER, empty without one."""
    connection = transport.get_extra_info("ssl_object")
    return (connection.getpeercert(binary_form=True) if connection is not None else None) or b""


def _context(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(authority)
    # A resumed session would not show the certificate that the machine has by now.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context
