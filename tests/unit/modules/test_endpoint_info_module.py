# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `endpoint_info`: its result, its warnings, and its refusals."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Iterator

import pytest
from ansible.module_utils import basic
from unit.modules.dns_site import KMS_HOSTS, DnsSite

from ansible_collections.volact.kms.plugins.module_utils._rpc._bind import Status
from ansible_collections.volact.kms.plugins.module_utils._rpc._endpoints import Endpoint, Finding, Sighting
from ansible_collections.volact.kms.plugins.modules import endpoint_info

Run = Callable[..., dict[str, t.Any]]


@pytest.fixture(scope="module")
def site() -> Iterator[DnsSite]:
    with DnsSite() as running:
        yield running


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the module in this process, in check mode."""

    def run_with(*endpoints: str, **options: t.Any) -> dict[str, t.Any]:
        given = {"endpoints": list(endpoints), "_ansible_check_mode": True, **options}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": given}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        # The core keeps warnings for the whole process, each version of it in another place.
        warned: list[str] = []
        monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: warned.append(text))
        with pytest.raises(SystemExit):
            endpoint_info.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        return {**result, "warnings": warned}

    return run_with


def test_endpoints_are_reported_in_their_order_each_once(site: DnsSite, run: Run) -> None:
    there, nothing = f"{KMS_HOSTS['kms01']}:{site.kms_port}", KMS_HOSTS["kms02"]
    result = run(nothing, there, there, port=site.kms_port)
    assert result["changed"] is False
    assert [(each["endpoint"], each["status"]) for each in result["endpoints"]] == [
        (f"{nothing}:{site.kms_port}", "refused"),
        (there, "kms"),
    ]
    assert result["all_kms"] is False
    assert result["counts"] == {
        "kms": 1,
        "other_rpc": 0,
        "other_service": 0,
        "refused": 1,
        "timeout": 0,
        "unreachable": 0,
        "name_not_found": 0,
    }
    found = result["endpoints"][1]
    assert (found["host"], found["port"], found["reason"]) == (
        KMS_HOSTS["kms01"],
        site.kms_port,
        "accepts the KMS interface",
    )
    assert found["addresses"][0]["public"] is False
    assert result["warnings"] == []
    assert run(there)["all_kms"] is True


def test_a_public_address_is_warned_about(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(endpoints: list[Endpoint], **_limits: object) -> list[Finding]:
        return [Finding(endpoints[0], (Sighting("8.8.8.8", Status.TIMEOUT, "did not answer"),))]

    monkeypatch.setattr(endpoint_info, "probe_all", found)
    result = run("kms.example.test")
    assert result["endpoints"][0]["addresses"][0]["public"] is True
    (warning,) = result["warnings"]
    assert warning.startswith("A KMS host must never be reachable from the internet")
    assert "kms.example.test:1688 (8.8.8.8)" in warning


@pytest.mark.parametrize(
    ("endpoints", "options", "message"),
    [
        ([], {}, "The list of endpoints is empty. Name at least one KMS host."),
        (["kms01:x"], {}, "The endpoint 'kms01:x' has a port that is not a number between 1 and 65535."),
        (["127.0.0.1"], {"port": 0}, "The port 0 is not between 1 and 65535."),
        (["127.0.0.1"], {"timeout": -1}, "The timeout -1 is not between 1 and 600 seconds."),
        (["127.0.0.1"], {"concurrency": 1000}, "The concurrency 1000 is not between 1 and 512."),
    ],
)
def test_a_wrong_option_fails_with_one_sentence(
    run: Run, endpoints: list[str], options: dict[str, t.Any], message: str
) -> None:
    result = run(*endpoints, **options)
    assert (result["failed"], result["changed"], result["msg"]) == (True, False, message)
    assert result["error"]["kind"] == "bad_input"
