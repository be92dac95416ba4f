# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry: what is missing is nothing, what is refused has a name, and each call is one request."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from spp_lab import LabTransport, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault
from ansible_collections.volact.kms.plugins.plugin_utils._spp._registry import Registry
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession

SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
ACTIVATION = rf"{SPP}\Activation"


@dataclass
class ScriptedSession:
    """Answers each call with what was prepared for it: the outputs of a method, or an error to raise."""

    answers: list[dict[str, t.Any] | CimFault]
    calls: list[tuple[str, str, dict[str, t.Any]]] = field(default_factory=list)

    def invoke(
        self, class_name: str, method: str, arguments: dict[str, t.Any], *, namespace: str = "root/cimv2"
    ) -> CimInstance:
        """One call of a method of StdRegProv."""
        assert class_name == "StdRegProv"
        self.calls.append((namespace, method, arguments))
        answer = self.answers.pop(0)
        if isinstance(answer, CimFault):
            raise answer
        return CimInstance(f"{method}_OUTPUT", {name: _wire(value) for name, value in answer.items()})


def _wire(value: t.Any) -> t.Any:
    """As it arrives: without types."""
    return str(value) if isinstance(value, int) else value


def scripted(*answers: dict[str, t.Any] | CimFault) -> tuple[Registry, ScriptedSession]:
    session = ScriptedSession(list(answers))
    return Registry(t.cast("CimSession", session)), session


@pytest.fixture(name="session")
def session_of_a_client() -> CimSession:
    return CimSession(LabTransport(new_lab(), "win01"))


def test_a_text_is_read_by_key_and_name() -> None:
    registry, session = scripted({"sValue": "kms01.corp.example.test", "ReturnValue": 0})
    assert registry.text(SPP, "KeyManagementServiceName") == "kms01.corp.example.test"
    assert session.calls == [
        (
            "root/cimv2",
            "GetStringValue",
            {"hDefKey": 2147483650, "sSubKeyName": SPP, "sValueName": "KeyManagementServiceName"},
        )
    ]


def test_a_number_is_read_as_a_number() -> None:
    registry, _session = scripted({"uValue": 1, "ReturnValue": 0})
    assert registry.number(ACTIVATION, "Manual") == 1


@pytest.mark.parametrize("code", [1, 2, 3])
def test_whatever_code_a_missing_value_has_it_is_nothing(code: int) -> None:
    missing = {"ReturnValue": code}
    registry, session = scripted(missing, missing, missing, missing)
    assert registry.text(SPP, "Missing") is None
    assert registry.number(SPP, "Missing") is None
    assert registry.names(SPP) == []
    registry.delete(SPP, "Missing")
    assert session.answers == []


@pytest.mark.parametrize(("names", "found"), [(["One", "Two"], ["One", "Two"]), ("One", ["One"]), (None, [])])
def test_the_names_of_all_values_are_read_also_of_one_and_of_none(names: t.Any, found: list[str]) -> None:
    registry, _session = scripted({"sNames": names, "Types": ["1"], "ReturnValue": 0})
    assert registry.names(SPP) == found


def test_what_is_refused_is_a_fault_with_the_code_of_windows_and_its_place() -> None:
    registry, _session = scripted({"ReturnValue": 5})
    with pytest.raises(CimFault, match=r"refused SetDWORDValue for HKLM\\SOFTWARE.* with 0x80070005") as caught:
        registry.set_number(SPP, "KeyManagementServicePort", 1688)
    assert caught.value.code == 0x80070005
    assert caught.value.name == "E_ACCESSDENIED"
    assert caught.value.operation == "SetDWORDValue"


def test_a_return_value_that_is_an_hresult_stays_one() -> None:
    registry, _session = scripted({"ReturnValue": -2147217405})
    with pytest.raises(CimFault) as caught:
        registry.text(SPP, "KeyManagementServiceName")
    assert caught.value.code == 0x80041003


@pytest.mark.parametrize("code", [0x80041010, 0x8004100E, 0x80338000])
def test_the_class_is_looked_for_in_both_namespaces_and_only_once(code: int) -> None:
    answer = {"sValue": "x", "ReturnValue": 0}
    registry, session = scripted(CimFault("no such class", code=code), answer, answer)
    assert [registry.text(SPP, "A"), registry.text(SPP, "B")] == ["x", "x"]
    assert [namespace for namespace, _method, _arguments in session.calls] == [
        "root/cimv2",
        "root/default",
        "root/default",
    ]


def test_a_class_that_is_nowhere_and_other_faults_are_raised() -> None:
    missing = CimFault("no such class", code=0x80041010)
    registry, _session = scripted(missing, missing)
    with pytest.raises(CimFault, match="no such class"):
        registry.text(SPP, "A")
    denied = CimFault("denied", code=0x80041003)
    registry, session = scripted(denied)
    with pytest.raises(CimFault, match="denied"):
        registry.text(SPP, "A")
    assert len(session.calls) == 1


def test_a_key_that_is_missing_is_created_before_a_number_is_written() -> None:
    done = {"ReturnValue": 0}
    registry, session = scripted({"ReturnValue": 2}, done, done)
    registry.set_number(ACTIVATION, "Manual", 1)
    assert [method for _namespace, method, _arguments in session.calls] == [
        "SetDWORDValue",
        "CreateKey",
        "SetDWORDValue",
    ]


@pytest.mark.parametrize("answers", [[{"ReturnValue": 2}, {"ReturnValue": 2}], [{"ReturnValue": 2}] * 3])
def test_a_number_that_still_cannot_be_written_is_a_fault(answers: list[dict[str, t.Any]]) -> None:
    if len(answers) == 3:
        answers = [answers[0], {"ReturnValue": 0}, answers[2]]
    registry, _session = scripted(*answers)
    with pytest.raises(CimFault, match="0x80070002"):
        registry.set_number(ACTIVATION, "Manual", 1)


def test_the_lab_and_the_library_mean_the_same_registry(session: CimSession) -> None:
    registry = Registry(session)
    assert registry.number(ACTIVATION, "Manual") is None
    registry.set_number(ACTIVATION, "Manual", 1)
    assert registry.number(ACTIVATION.lower(), "manual") == 1
    assert registry.names(ACTIVATION) == ["Manual"]
    registry.delete(ACTIVATION, "Manual")
    assert registry.number(ACTIVATION, "Manual") is None
    assert registry.names(ACTIVATION) == []


def test_each_call_is_one_request(session: CimSession) -> None:
    registry = Registry(session)
    before = session.requests
    registry.text(SPP, "KeyManagementServiceName")
    registry.names(SPP)
    assert session.requests - before == 2
