# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action base classes, with a made-up task and transport."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import ipaddress
import json
import pathlib
import types
import typing as t
import uuid

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BelowThreshold,
    CimFault,
    KmsError,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils import _action
from ansible_collections.volact.kms.plugins.plugin_utils._action import (
    ControllerAction,
    KmsAction,
    masked,
    secrets_of,
    to_builtins,
    without_origin,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession

FAKE_KEY = "BBBBB-CCCCC-DDDDD-FFFFF-KMSV1"


class FakeTransport:
    endpoint = "http://192.0.2.5:5985/wsman"

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


class Color(enum.IntEnum):
    RED = 3


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    color: Color
    tags: frozenset[str]


class Probe(KmsAction):
    """Runs the function a test gives it."""

    ARGUMENT_SPEC: t.ClassVar[dict[str, t.Any]] = {
        "channel": {"type": "str", "choices": ["kms", "mak"]},
        "product_key": {"type": "str", "no_log": True},
        "pin": {"type": "int", "no_log": True},
        "port": {"type": "int", "default": 1688},
        "hosts": {"type": "list", "elements": "dict", "options": {"secret": {"type": "int", "no_log": True}}},
    }
    MUTUALLY_EXCLUSIVE = (("channel", "product_key"),)
    body: t.Callable[[Probe, CimSession, dict[str, t.Any]], dict[str, t.Any]] = lambda *_: {}

    def execute(self, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        return type(self).body(self, session, parameters)


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> FakeTransport:
    made = FakeTransport()
    monkeypatch.setattr(_action, "open_transport", lambda _connection, *, warn: made)
    return made


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    shown: list[str] = []
    monkeypatch.setattr(_action._Action, "warn", lambda _self, message: shown.append(message))
    return shown


def prepared(action_class: type[t.Any], arguments: dict[str, t.Any] | None = None, **task: t.Any) -> t.Any:
    settings = {"check_mode": False, "diff": False, "async_val": 0, "become": None, "delegate_to": None} | task
    fake_task = types.SimpleNamespace(args=arguments or {}, action="volact.kms.probe", **settings)
    connection = types.SimpleNamespace(_shell=types.SimpleNamespace(tmpdir=None), transport="winrm")
    return action_class(fake_task, connection, None, None, None, None)


def run(arguments: dict[str, t.Any] | None = None, body: t.Any = lambda *_: {}, **task: t.Any) -> dict[str, t.Any]:
    Probe.body = body
    result: dict[str, t.Any] = prepared(Probe, arguments, **task).run(task_vars={"inventory_hostname": "WIN01"})
    json.dumps(result)
    return result


def raising(error: Exception) -> t.Any:
    def body(*_: t.Any) -> dict[str, t.Any]:
        raise error

    return body


def test_a_result_says_explicitly_that_it_neither_changed_nor_failed(transport: FakeTransport) -> None:
    assert run() == {"changed": False, "failed": False}
    assert transport.closed == 1


def test_the_subclass_gets_validated_options_with_defaults_and_a_session(transport: FakeTransport) -> None:
    def body(action: Probe, session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        assert isinstance(session, CimSession)
        assert parameters == {"channel": "kms", "product_key": None, "pin": None, "port": 1689, "hosts": None}
        return {"changed": True, "host": action.host_name, "modes": [action.check_mode, action.diff_mode]}

    result = run({"channel": "kms", "port": "1689"}, body, check_mode=True, diff=True)
    assert result == {"changed": True, "failed": False, "host": "WIN01", "modes": [True, True]}


class Text(str):
    """As Ansible has texts, with more than their characters."""


class Number(int):
    """As Ansible has numbers."""


def test_options_arrive_as_plain_values_however_ansible_keeps_them(transport: FakeTransport) -> None:
    def body(_action: Probe, _session: CimSession, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        hosts = parameters["hosts"]
        return {"types": [type(value).__name__ for value in (parameters["channel"], parameters["port"], *hosts[0])]}

    result = run({Text("channel"): Text("kms"), "port": Number(1689), "hosts": ({Text("secret"): Number(1)},)}, body)
    assert result["types"] == ["str", "int", "str"]
    tagged = {Text("list"): [Text("a"), Number(2), True, None, 1.5]}
    plain = without_origin(tagged)
    assert plain == tagged
    assert [type(value) for value in (*plain, *plain["list"])] == [str, str, int, bool, type(None), float]


def test_the_machine_is_the_one_that_the_task_is_delegated_to(transport: FakeTransport) -> None:
    result = run(body=lambda action, *_: {"host": action.host_name}, delegate_to="WIN02")
    assert result["host"] == "WIN02"


def test_values_are_converted_at_the_boundary(transport: FakeTransport) -> None:
    result = run(body=lambda *_: {"row": Row("a", Color.RED, frozenset({"y", "x"}))})
    assert result["row"] == {"name": "a", "color": 3, "tags": ["x", "y"]}
    assert type(result["row"]["color"]) is int


def test_an_error_becomes_a_failed_result_with_the_work_done_so_far(transport: FakeTransport) -> None:
    error = BelowThreshold(
        "Not yet.", operation="Activate", hint="Run again.", code=0xC004F038, name="SL_E_VL_NOT_ENOUGH_COUNT"
    )
    error.progress = {"changed": True, "operations": ["InstallProductKey"], "color": Color.RED}
    assert run(body=raising(error)) == {
        "changed": True,
        "operations": ["InstallProductKey"],
        "color": 3,
        "failed": True,
        "msg": "Not yet.",
        "error": {
            "kind": "below_threshold",
            "code": "0xC004F038",
            "name": "SL_E_VL_NOT_ENOUGH_COUNT",
            "operation": "Activate",
            "hint": "Run again.",
        },
    }
    assert transport.closed == 1


@pytest.mark.parametrize("kind", [AuthenticationRefused, TransportTimeout])
def test_a_lost_machine_is_returned_as_unreachable_with_the_work_done_so_far(
    transport: FakeTransport, kind: type[KmsError]
) -> None:
    error = kind("Gone.")
    error.progress = {"changed": True, "operations": ["InstallProductKey"]}
    result = run(body=raising(error))
    assert result["unreachable"] is True
    assert result["failed"] is False
    assert result["changed"] is True
    assert result["operations"] == ["InstallProductKey"]
    assert result["error"]["kind"] == kind.kind


def test_a_bug_is_not_hidden_and_the_transport_is_closed(transport: FakeTransport) -> None:
    with pytest.raises(ZeroDivisionError):
        run(body=raising(ZeroDivisionError()))
    assert transport.closed == 1


def test_a_fault_that_nobody_handled_names_machine_operation_and_meaning(transport: FakeTransport) -> None:
    fault = CimFault("Zugriff verweigert", code=0x80070005, operation="Get", target="Win32_Service")
    result = run(body=raising(fault))
    assert result["msg"].startswith("Get of Win32_Service failed on ")
    assert ": access denied (0x80070005 E_ACCESSDENIED)." in result["msg"]
    assert (result["error"]["kind"], result["error"]["name"]) == ("cim_fault", "E_ACCESSDENIED")


def test_async_is_refused_in_a_sentence_before_anything_is_done(transport: FakeTransport) -> None:
    result = run(async_val=60)
    assert result["failed"] is True
    assert result["error"]["kind"] == "bad_input"
    assert "does not support async" in result["msg"]
    assert transport.closed == 0, "no transport was opened"


def test_become_is_ignored_with_a_warning_that_is_the_same_for_every_host(
    transport: FakeTransport, warnings: list[str]
) -> None:
    assert run(become=True) == {"changed": False, "failed": False}
    assert len(warnings) == 1
    assert warnings[0].startswith("become is ignored")
    assert "WIN01" not in warnings[0]
    run(become=False)
    assert len(warnings) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"colour": 1}, "Unsupported parameters for (volact.kms.probe) module: colour. Supported parameters include"),
        ({"port": "many"}, "argument 'port' is of type"),
        ({"channel": "retail"}, "value of channel must be one of: kms, mak, got: retail"),
        ({"channel": "kms", "product_key": FAKE_KEY}, "parameters are mutually exclusive: channel|product_key"),
    ],
)
def test_wrong_options_are_refused_with_ansibles_words(
    transport: FakeTransport, arguments: dict[str, t.Any], text: str
) -> None:
    result = run(arguments)
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["error"]["kind"] == "bad_input"
    assert result["msg"].startswith("volact.kms.probe: ")
    assert text in result["msg"]
    assert transport.closed == 0, "no transport was opened"


@pytest.mark.parametrize(
    "arguments",
    [
        {"pin": FAKE_KEY},
        {"pin": [FAKE_KEY]},
        {"pin": {"key": FAKE_KEY}},
        {"hosts": [{"secret": FAKE_KEY}]},
        {"product_key": FAKE_KEY, "channel": FAKE_KEY},
    ],
)
def test_a_refused_secret_is_not_repeated(transport: FakeTransport, arguments: dict[str, t.Any]) -> None:
    result = run(arguments)
    assert result["failed"] is True
    assert "BBBBB" not in json.dumps(result)


def test_a_controller_action_needs_no_connection() -> None:
    class Own(ControllerAction):
        ARGUMENT_SPEC: t.ClassVar[dict[str, t.Any]] = {"limit": {"type": "int", "default": 5}}

        def execute(self, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
            return {"limit": parameters["limit"], "host": self.host_name}

    assert prepared(Own).run() == {"changed": False, "failed": False, "limit": 5, "host": "localhost"}
    assert KmsAction._requires_connection is True
    assert Own._requires_connection is False


MOMENT = dt.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=dt.timezone(dt.timedelta(hours=2)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (Color.RED, 3),
        (MOMENT, "2026-01-02T01:04:05Z"),
        (MOMENT.replace(tzinfo=None), "2026-01-02T03:04:05"),
        (("a", frozenset({2, 1})), ["a", [1, 2]]),
        ({Color.RED: {"b"}}, {"3": ["b"]}),
        ({"n": Row("a", Color.RED, frozenset())}, {"n": {"name": "a", "color": 3, "tags": []}}),
        (pathlib.PurePosixPath("/tmp/x"), "/tmp/x"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (ipaddress.ip_address("192.0.2.1"), "192.0.2.1"),
    ],
)
def test_every_kind_of_value_has_one_plain_form(value: object, expected: object) -> None:
    converted = to_builtins(value)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize("value", [b"bytes", object(), Row, dt.timedelta(minutes=1)])
def test_a_value_without_a_plain_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="has no place in a result"):
        to_builtins(value)


def test_secrets_are_found_under_aliases_and_in_suboptions() -> None:
    spec = {
        "key": {"no_log": True, "aliases": ["k"]},
        "servers": {"type": "list", "options": {"secret": {"no_log": True}, "name": {}}},
    }
    arguments = {"k": "one", "servers": [{"secret": ["two"], "name": "seen"}], "other": "seen"}
    assert sorted(secrets_of(spec, arguments)) == ["one", "two"]


def test_masking_covers_literals_and_overlapping_secrets() -> None:
    assert masked("x a'b y", ["a'b"]) == "x ******** y"
    assert masked(repr("back\\slash"), ["back\\slash"]) == "'********'"
    assert masked("abcdef", ["abc", "abcdef"]) == "********"
    assert masked("abc", [""]) == "abc"
