# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong below WS-Management, one sentence each: errors of requests, urllib3, pywinrm, pyspnego as ours."""

from __future__ import annotations

import contextlib
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadInput,
    KmsError,
    NotSupported,
    TransportLost,
    TransportTimeout,
)

# What a login may raise. KeyError: requests_ntlm expects a header that only a server which goes on with it sends.
_LOGIN_ERRORS: tuple[type[Exception], ...] = (PermissionError, KeyError)

# _connection names a missing library before anything here is used.
with contextlib.suppress(ImportError):
    import requests.exceptions
    import urllib3.exceptions
    from winrm.exceptions import AuthenticationError, WinRMError

    _LOGIN_ERRORS += (requests.exceptions.RequestException,)
with contextlib.suppress(ImportError):
    from spnego.exceptions import SpnegoError

    _LOGIN_ERRORS += (SpnegoError,)

METHODS_HINT: t.Final = "Check ansible_winrm_transport: basic, ntlm, kerberos, credssp or certificate."
CREDENTIALS_HINT: t.Final = "Check ansible_user, ansible_password and ansible_winrm_transport."
_PROXY_HINT: t.Final = "Check ansible_winrm_proxy, and the proxy variables of the environment."
_TLS_HINT: t.Final = (
    "Set ansible_winrm_ca_trust_path to the certificate of the authority, or ansible_winrm_scheme to http if the port "
    "has no TLS; ansible_winrm_server_cert_validation=ignore trusts any machine in between."
)


@contextlib.contextmanager
def named_errors(endpoint: str, read_timeout: float | None) -> t.Iterator[None]:
    """Name the errors of requests, urllib3, pywinrm and pyspnego; `read_timeout` is None while only logging in."""
    try:
        yield
    except AuthenticationError as error:
        response = getattr(error.__context__, "response", None)
        raise refused(endpoint, () if response is None else offered_methods(response)) from error
    except WinRMError as error:
        raise NotSupported(f"{endpoint}: {error}. {METHODS_HINT}", operation="log in", hint=METHODS_HINT) from error
    except (requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError, TimeoutError) as error:
        if read_timeout is None:
            raise _lost(endpoint, error) from error
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
        raise _lost(endpoint, error) from error
    except requests.exceptions.InvalidURL as error:
        raise BadInput(f"{endpoint} is not an address: {error}. Check ansible_host.", operation="connect") from error
    except _LOGIN_ERRORS as error:
        raise refused(endpoint, (), f"the login broke off: {error}") from error
    except OSError as error:
        raise BadInput(f"Could not connect to {endpoint}: {error}", operation="connect") from error


def refused(endpoint: str, offered: tuple[str, ...], reason: str = "HTTP 401") -> AuthenticationRefused:
    offer = f"; the server offers {', '.join(offered)}" if offered else ""
    return AuthenticationRefused(
        f"{endpoint} refused the credentials ({reason}{offer}). {CREDENTIALS_HINT}",
        operation="log in",
        target=endpoint,
        hint=CREDENTIALS_HINT,
    )


def _lost(endpoint: str, error: BaseException) -> TransportLost:
    chain = tuple(_causes(error))
    hint = f"Check that the machine is on, that WinRM listens on port {urlsplit(endpoint).port}, and firewalls between."
    if _any(chain, requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        what, hint = "Could not agree on TLS with", _TLS_HINT
    elif _any(chain, requests.exceptions.ProxyError):
        what, hint = "Could not get through the proxy to", _PROXY_HINT
    elif _any(chain, urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        what = "Could not connect to"
    else:
        what = "Lost the connection before a whole reply came from"
    return TransportLost(
        f"{what} {endpoint}: {_reason(chain)}. {hint}", operation="connect", target=endpoint, hint=hint
    )


def _causes(error: BaseException | None) -> t.Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _any(chain: tuple[BaseException, ...], *kinds: type[BaseException]) -> bool:
    return any(isinstance(error, kinds) for error in chain)


def _reason(chain: tuple[BaseException, ...]) -> str:
    """The operating system's own words, from below what requests and urllib3 wrap around them."""
    for error in reversed(chain):
        if isinstance(error, OSError) and not isinstance(error, requests.exceptions.RequestException):
            return error.strerror or str(error) or type(error).__name__
    return type(chain[-1]).__name__


def none_worked(endpoint: str, failed: dict[str, KmsError]) -> KmsError:
    """The error of the only method, or one that tells what happened with each."""
    errors = list(failed.values())
    if len(errors) == 1:
        return errors[0]
    any_refused = any(isinstance(error, AuthenticationRefused) for error in errors)
    reasons = " ".join(f"{method}: {error.message}" for method, error in failed.items())
    return (AuthenticationRefused if any_refused else NotSupported)(
        f"No method in ansible_winrm_transport worked for {endpoint}. {reasons}",
        operation="log in",
        target=endpoint,
        hint=CREDENTIALS_HINT,
    )


def offered_methods(response: requests.Response) -> tuple[str, ...]:
    """The authentication methods that the server names; of an untrusted header, only words that we know."""
    header = response.headers.get("WWW-Authenticate", "")
    return tuple(dict.fromkeys(re.findall(r"\b(Negotiate|Kerberos|NTLM|CredSSP|Basic)\b", header)))
