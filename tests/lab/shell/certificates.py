# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""X.509 certificates of a lab: its own authority, its machines, and accounts that log in with a certificate.

Source: RFC 5280, 4.2 (extensions). WinRM maps a client certificate by its user principal name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

LIFETIME = timedelta(days=2)
"""No lab lives longer."""

USER_PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key; `repr` shows neither."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def __repr__(self) -> str:
        return f"<KeyPair of {self.certificate.subject.rfc4514_string()}>"

    @property
    def certificate_pem(self) -> str:
        """The certificate, as TLS libraries read it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def certificate_der(self) -> bytes:
        """The certificate, as it is on the wire."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> str:
        """The private key, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


class Authority:
    """A certificate authority that lives as long as the lab; its key is never written down."""

    def __init__(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(name)
        certificate = (
            _builder(subject, subject, key, expired=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.own = KeyPair(certificate, key)

    def server(self, names: Sequence[str], address: str, *, expired: bool = False) -> KeyPair:
        """A certificate for a machine with these DNS names and this address."""
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        alternatives.append(x509.IPAddress(ipaddress.ip_address(address)))
        return self._issue(names[0], alternatives, ExtendedKeyUsageOID.SERVER_AUTH, expired=expired)

    def client(self, user: str, domain: str) -> KeyPair:
        """A certificate for a user."""
        principal = f"{user}@{domain}".encode()
        # A UTF8String in DER; a lab's names are short enough for a length of one byte.
        encoded = bytes((0x0C, len(principal))) + principal
        return self._issue(
            user, [x509.OtherName(USER_PRINCIPAL_NAME, encoded)], ExtendedKeyUsageOID.CLIENT_AUTH, expired=False
        )

    def _issue(
        self, name: str, alternatives: Sequence[x509.GeneralName], purpose: ObjectIdentifier, *, expired: bool
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.own.certificate
        certificate = (
            _builder(_subject(name), issuer.subject, key, expired=expired)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.own.key.public_key()), critical=False
            )
            .sign(self.own.key, hashes.SHA256())
        )
        return KeyPair(certificate, key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, expired: bool
) -> x509.CertificateBuilder:
    end = datetime.now(timezone.utc) + (-LIFETIME / 2 if expired else LIFETIME)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - 2 * LIFETIME)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
