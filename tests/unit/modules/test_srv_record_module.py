# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `srv_record`: its options, its refusals, and what it says without its library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils import basic

from ansible_collections.volact.kms.plugins.module_utils._dns import _dnspython, _gss
from ansible_collections.volact.kms.plugins.modules import srv_record

COLLECTIONS = Path(__file__).resolve().parents[3] / ".venv" / "ansible"
SECRET = "Y2FuYXJ5IGNhbmFyeSBjYW5hcnkgY2FuYXJ5IGNhbg=="
GOOD: dict[str, t.Any] = {
    "zone": "corp.example.test",
    "server": "127.0.0.1",
    "server_port": 9,
    "records": [{"target": "kms01.corp.example.test"}],
    "tsig_name": "kms-update",
    "tsig_secret": SECRET,
}
GSS = {"tsig_name": None, "tsig_secret": None, "gss_tsig": True, "gss_principal": "svc@CORP.EXAMPLE.TEST"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    """Runs the module in this process with the options that are good, apart from those given."""

    def run_with(**changed: t.Any) -> dict[str, t.Any]:
        options = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        with pytest.raises(SystemExit):
            srv_record.main()
        written = capsys.readouterr()
        assert SECRET not in written.out + written.err
        result: dict[str, t.Any] = json.loads(written.out)
        return result

    return run_with


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"zone": "."}, "The zone '.' is the root of the DNS; name the zone that holds the records."),
        ({"service": "kms"}, "The service 'kms' does not begin with a service and a protocol, such as _vlmcs._tcp."),
        ({"records": []}, "The list of records is empty. Name at least one target."),
        (
            {"records": [{"target": "192.0.2.10"}]},
            "The target '192.0.2.10' is an address; SRV records point to names.",
        ),
        ({"records": [{"target": "kms01", "port": 0}]}, "The port 0 of kms01.corp.example.test. is not between 1 and"),
        ({"records": [{"target": "kms01", "weight": -1}]}, "The weight -1 of kms01.corp.example.test. is not between"),
        ({"ttl": -5}, "The ttl -5 is not between 0 and 2147483647 seconds."),
        ({"timeout": 0}, "The timeout 0 is not between 1 and 600 seconds."),
        ({"server_port": 70000}, "The server_port 70000 is not between 1 and 65535."),
        ({"server": ""}, "The server is empty."),
        ({"zone": None, "zones": []}, "The list of zones is empty. Name at least one zone."),
        ({"exclusive": True, "state": "absent"}, "The option exclusive goes with state: present only."),
        ({"wait_timeout": -1}, "The wait_timeout -1 is not between 0 and 86400 seconds."),
        ({"verify_servers": ["ns1", ""]}, "An item of verify_servers is empty."),
        ({"gss_tsig": True}, "The options tsig_name and gss_tsig exclude each other"),
        (
            {"gss_principal": "svc@CORP.EXAMPLE.TEST", "gss_keytab": "/k"},
            "These options have no meaning without gss_tsig: true: gss_principal, gss_keytab.",
        ),
        ({**GSS, "gss_password": "canary", "gss_keytab": "/k"}, "The options gss_password and gss_keytab exclude"),
        ({**GSS, "gss_principal": None, "gss_password": "canary"}, "The option gss_password needs gss_principal"),
        ({"tsig_name": ""}, "The tsig_name '' is empty"),
        ({"tsig_secret": "no base64 at all"}, "The tsig_secret for the key 'kms-update' is empty or not Base64."),
    ],
)
def test_a_wrong_option_fails_with_one_sentence(
    run: t.Callable[..., dict[str, t.Any]], changed: dict[str, t.Any], message: str
) -> None:
    result = run(**changed)
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["msg"].startswith(message)
    assert result["error"]["kind"] == "bad_input"


def test_a_secret_that_is_not_base64_is_not_shown(run: t.Callable[..., dict[str, t.Any]]) -> None:
    assert "no base64 at all" not in json.dumps(run(tsig_secret="no base64 at all"))


def test_a_missing_gssapi_is_named_with_the_interpreter_and_only_where_it_is_needed(
    run: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_gss, "gssapi", None)
    result = run(**GSS)
    assert result["error"]["kind"] == "missing_library"
    assert "gssapi (1.8 or later)" in result["msg"]
    assert sys.executable in result["msg"]
    assert run(server="nowhere.invalid")["error"]["kind"] == "dns_no_answer"


@pytest.mark.parametrize("missing", ["tsig_name", "tsig_secret"])
def test_a_key_needs_its_name_and_its_secret(run: t.Callable[..., dict[str, t.Any]], missing: str) -> None:
    assert run(**{missing: None})["msg"] == "parameters are required together: tsig_name, tsig_secret"


@pytest.mark.parametrize("installed", [None, (2, 6)])
def test_a_missing_or_old_dnspython_is_named_with_the_interpreter(
    run: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch, installed: tuple[int, int] | None
) -> None:
    monkeypatch.setattr(_dnspython, "INSTALLED", installed)
    result = run()
    assert result["error"]["kind"] == "missing_library"
    assert "dnspython (2.7 or later)" in result["msg"]
    assert sys.executable in result["msg"]


def test_the_module_can_be_loaded_and_fails_cleanly_where_dnspython_is_not_installed() -> None:
    program = f"""
import json, sys
sys.modules["dns"] = None
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({{"ANSIBLE_MODULE_ARGS": {GOOD!r}}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from ansible_collections.volact.kms.plugins.modules import srv_record
srv_record.main()
"""
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60, env=environment
    )
    assert json.loads(done.stdout)["error"]["kind"] == "missing_library", done.stderr
