# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong below WS-Management, one sentence each: errors of requests, pywinrm, pypsrp and others as ours."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import re
import ssl
import typing as t
from urllib.parse import urlsplit

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadInput,
    KmsError,
    MissingLibrary,
    NotSupported,
    TransportLost,
    TransportTimeout,
)

# What a login may raise. KeyError: requests_ntlm expects a header that only a server which goes on with it sends.
_LOGIN_ERRORS: tuple[type[Exception], ...] = (PermissionError, KeyError)
_REFUSALS: tuple[type[Exception], ...] = ()
_LIBRARY_ERRORS: tuple[type[Exception], ...] = ()
_TLS_ERRORS: tuple[type[Exception], ...] = (ssl.SSLError,)

# The opener of a connection names a missing library before anything here is used.
with contextlib.suppress(ImportError):
    import requests.exceptions
    import urllib3.exceptions

    _LOGIN_ERRORS += (requests.exceptions.RequestException,)
    _TLS_ERRORS += (requests.exceptions.SSLError, urllib3.exceptions.SSLError)
with contextlib.suppress(ImportError):
    from winrm.exceptions import AuthenticationError, WinRMError

    _REFUSALS += (AuthenticationError,)
    _LIBRARY_ERRORS += (WinRMError,)
with contextlib.suppress(ImportError):
    import pypsrp.exceptions

    _REFUSALS += (pypsrp.exceptions.AuthenticationError,)
    _LIBRARY_ERRORS += (pypsrp.exceptions.WinRMError,)
with contextlib.suppress(ImportError):
    from spnego.exceptions import SpnegoError

    _LOGIN_ERRORS += (SpnegoError,)


_METHOD: t.Final = re.compile(r"\b(Negotiate|Kerberos|NTLM|CredSSP|Basic)\b")
# Where in Python's own source a timeout of TLS comes from.
_SOURCE_LINE: t.Final = re.compile(r"^_ssl\.c:\d+: ")
# TLS's words for a connection that broke.
_TLS_ENDS: t.Final = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


@dataclasses.dataclass(frozen=True, slots=True)
class Variables:
    """The variables by which a user sets up a connection, for hints."""

    methods: str
    known_methods: str
    proxy: str
    authority: str
    scheme: str
    no_validation: str
    certificate: str
    certificate_key: str

    @property
    def methods_hint(self) -> str:
        return f"Check {self.methods}: {self.known_methods}."

    def credentials_hint(self, method: str | None) -> str:
        """What to check when a login with `method` was refused; None: with several."""
        if method == "certificate":
            return (
                f"Check {self.certificate} and {self.certificate_key}, and that WinRM on the machine maps the "
                "certificate to an account."
            )
        return f"Check ansible_user, ansible_password and {self.methods}."


WINRM: t.Final = Variables(
    methods="ansible_winrm_transport",
    known_methods="basic, ntlm, kerberos, credssp or certificate",
    proxy="ansible_winrm_proxy",
    authority="ansible_winrm_ca_trust_path",
    scheme="ansible_winrm_scheme",
    no_validation="ansible_winrm_server_cert_validation=ignore",
    certificate="ansible_winrm_cert_pem",
    certificate_key="ansible_winrm_cert_key_pem",
)
PSRP: t.Final = Variables(
    methods="ansible_psrp_auth",
    known_methods="basic, certificate, credssp, kerberos, negotiate or ntlm",
    proxy="ansible_psrp_proxy",
    authority="ansible_psrp_ca_cert",
    scheme="ansible_psrp_protocol",
    no_validation="ansible_psrp_cert_validation=ignore",
    certificate="ansible_psrp_certificate_pem",
    certificate_key="ansible_psrp_certificate_key_pem",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Peer:
    """The other end: its URL, and the variables that led there."""

    endpoint: str
    variables: Variables


#: Authentication method -> (import name, package as pip takes it, minimum version).
Libraries = t.Mapping[str, tuple[str, str, str]]


def require_library(libraries: Libraries, method: str, variables: Variables) -> None:
    """Raise `MissingLibrary` when `method` needs a library that isn't there."""
    if method in libraries:
        module, package, minimum = libraries[method]
        if importlib.util.find_spec(module) is None:
            raise MissingLibrary(package, minimum, f"for {variables.methods}={method}")


@contextlib.contextmanager
def named_errors(peer: Peer, read_timeout: float | None, method: str | None = None) -> t.Iterator[None]:
    """Name the errors of all libraries below; `read_timeout` (seconds) is None while only logging in."""
    endpoint = peer.endpoint
    try:
        yield
    except _REFUSALS as error:
        response = getattr(error.__context__, "response", None)
        raise refused(peer, method, () if response is None else offered_methods(response.headers)) from error
    except _LIBRARY_ERRORS as error:
        hint = peer.variables.methods_hint
        raise NotSupported(f"{endpoint}: {error}. {hint}", operation="log in", hint=hint) from error
    except (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError) as error:
        if read_timeout is None:
            raise _lost(peer, method, error, asked=False) from error
        raise TransportTimeout(
            f"{endpoint} did not answer within {read_timeout:g} s. The request was sent, so its outcome is unknown.",
            operation="wait for the reply",
            target=endpoint,
            hint="Check the load of the machine, and run again: what was done already is not done twice.",
        ) from error
    except (
        requests.exceptions.ConnectionError,
        requests.exceptions.ChunkedEncodingError,
        urllib3.exceptions.HTTPError,
    ) as error:
        raise _lost(peer, method, error, asked=read_timeout is not None) from error
    except requests.exceptions.InvalidURL as error:
        raise BadInput(f"{endpoint} is not an address: {error}. Check ansible_host.", operation="connect") from error
    except _LOGIN_ERRORS as error:
        raise refused(peer, method, (), f"the login broke off: {error}") from error
    except OSError as error:
        raise BadInput(f"Could not connect to {endpoint}: {error}", operation="connect") from error


def refused(
    peer: Peer, method: str | None, offered: tuple[str, ...], reason: str = "HTTP 401"
) -> AuthenticationRefused:
    """The error that `method` was refused by a server that offers other ones."""
    offer = f"; the server offers {', '.join(offered)}" if offered else ""
    hint = peer.variables.credentials_hint(method)
    return AuthenticationRefused(
        f"{peer.endpoint} refused the credentials ({reason}{offer}). {hint}",
        operation="log in",
        target=peer.endpoint,
        hint=hint,
    )


def out_of_time(peer: Peer) -> TransportTimeout:
    """The error that the time for all requests together is over; nothing more was sent."""
    return TransportTimeout(
        f"{peer.endpoint} took longer than the time limit for one machine.",
        operation="wait for the reply",
        target=peer.endpoint,
        hint="Raise timeout, or look why the machine is slow.",
    )


def not_logged_in(peer: Peer, method: str, reason: str) -> AuthenticationRefused:
    """The error that a login could not even be tried."""
    hint = peer.variables.credentials_hint(method)
    return AuthenticationRefused(
        f"Could not log in to {peer.endpoint} with {method}: {reason.rstrip('.')}. {hint}",
        operation="log in",
        target=peer.endpoint,
        hint=hint,
    )


def none_worked(peer: Peer, failed: dict[str, KmsError]) -> KmsError:
    """The error of the only method, or one that tells what happened with each."""
    errors = list(failed.values())
    if len(errors) == 1:
        return errors[0]
    any_refused = any(isinstance(error, AuthenticationRefused) for error in errors)
    reasons = " ".join(f"{method}: {error.message}" for method, error in failed.items())
    return (AuthenticationRefused if any_refused else NotSupported)(
        f"No method in {peer.variables.methods} worked for {peer.endpoint}. {reasons}",
        operation="log in",
        target=peer.endpoint,
        hint=peer.variables.credentials_hint(None),
    )


def unusable_settings(kind: str, variables: Variables, error: Exception) -> NotSupported:
    """The error that the connection plugin does not accept its own variables."""
    reason = str(error).rstrip(".")
    return NotSupported(
        f"The {kind} settings of the machine cannot be used: {reason}. {variables.methods_hint}",
        operation="connect",
        hint=variables.methods_hint,
    )


def _lost(peer: Peer, method: str | None, error: BaseException, *, asked: bool) -> TransportLost:
    """The error that the connection broke, or never was; `asked`: with more on the way than a login."""
    chain = tuple(_causes(error))
    endpoint, variables = peer.endpoint, peer.variables
    hint = f"Check that the machine is on, that WinRM listens on port {urlsplit(endpoint).port}, and firewalls between."
    sent = False
    if _any(chain, ssl.SSLCertVerificationError):
        what, hint = "Did not trust the certificate of", _untrusted_hint(variables)
    elif _any(chain, *_TLS_ERRORS) and not _any(chain, *_TLS_ENDS):
        # It may also end a connection that has carried the request.
        what, hint, sent = "Could not agree on TLS with", _tls_hint(variables, chain), asked
    elif _any(chain, requests.exceptions.ProxyError):
        what, hint = "Could not get through the proxy to", _proxy_hint(variables)
    elif _any(chain, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        what = "Could not connect to"
    elif not asked and _any(chain, requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError):
        what = "Nobody answered the login to"
    else:
        what, sent = "Lost the connection before a whole reply came from", asked
        if method == "certificate":
            # With TLS 1.3 that is all one sees when the other end refuses the client certificate.
            hint += f" Does it trust the authority that {variables.certificate} comes from?"
    message = f"{what} {endpoint}: {_reason(chain)}. {hint}"
    return TransportLost(message, sent=sent, operation="connect", target=endpoint, hint=hint)


def _untrusted_hint(variables: Variables) -> str:
    return (
        f"The machine needs a valid certificate for what ansible_host says, and {variables.authority} the certificate "
        f"of the authority that it comes from; {variables.no_validation} would trust any machine in between."
    )


def _tls_hint(variables: Variables, chain: tuple[BaseException, ...]) -> str:
    if any(isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "") for error in chain):
        return (
            f"The machine broke it off: check {variables.certificate} if it is set, and which TLS versions both have."
        )
    return f"Set {variables.scheme} to http if the port has no TLS."


def _proxy_hint(variables: Variables) -> str:
    return f"Check {variables.proxy}, and the proxy variables of the environment."


def _causes(error: BaseException | None) -> t.Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _any(chain: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(error, kinds) for error in chain)


def _reason(chain: tuple[BaseException, ...]) -> str:
    """The operating system's own words, from below what requests and urllib3 wrap around them."""
    for error in reversed(chain):
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message.rstrip(".")
        if isinstance(error, OSError) and not isinstance(error, requests.exceptions.RequestException):
            return error.strerror or _SOURCE_LINE.sub("", str(error)) or type(error).__name__
    return type(chain[-1]).__name__


def offered_methods(headers: t.Mapping[str, str]) -> tuple[str, ...]:
    """The authentication methods that the server names; of an untrusted header, only words that we know."""
    return tuple(dict.fromkeys(_METHOD.findall(headers.get("WWW-Authenticate", ""))))
