# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A KMS host may stand in the registry at four levels, of two class families: all are looked at, few requests each."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.volact.kms.plugins.plugin_utils._spp._registry import Registry
from ansible_collections.volact.kms.plugins.plugin_utils._spp._registry_levels import (
    OSPP_KEY,
    POLICY_KEY,
    SPP_KEY,
    RegistryLevel,
    level_keys,
    read_levels,
    read_settings,
)


@dataclass(frozen=True)
class Licence:
    application_id: str
    activation_id: str


WINDOWS = Licence("55c92734-d682-4d71-983e-d6ec3f16059f", "2b5a1b0f-a5ab-4c54-ac2f-a6d94824a283")
OFFICE = Licence("0ff1ce15-a989-479d-af46-f275c6370663", "fbdb3e18-a8ef-4fb3-9183-dffd60bd0984")
OLD_OFFICE = Licence("59a52881-a989-479d-af46-f275c6370663", "6f327760-8c5c-417c-9b61-836a98287e0c")


@dataclass
class Values:
    """A registry as a dictionary: key -> name -> value."""

    keys: dict[str, dict[str, str | int]]
    requests: list[str] = field(default_factory=list)

    def names(self, key: str) -> list[str]:
        self.requests.append(key)
        return list(self.keys.get(key, {}))

    def text(self, key: str, name: str) -> str | None:
        value = self._value(key, name)
        return value if isinstance(value, str) else None

    def number(self, key: str, name: str) -> int | None:
        value = self._value(key, name)
        return value if isinstance(value, int) else None

    def _value(self, key: str, name: str) -> str | int | None:
        self.requests.append(key)
        return {each.lower(): value for each, value in self.keys.get(key, {}).items()}.get(name.lower())


def registry(keys: dict[str, dict[str, str | int]]) -> Registry:
    return t.cast("Registry", Values(keys))


def test_all_places_of_both_families_are_looked_at_the_strongest_first() -> None:
    application = rf"{SPP_KEY}\{WINDOWS.application_id}"
    assert level_keys([WINDOWS], [OLD_OFFICE]) == [
        ("policy", POLICY_KEY),
        ("service", SPP_KEY),
        ("service", OSPP_KEY),
        ("application", application),
        ("application", rf"{OSPP_KEY}\{OLD_OFFICE.application_id}"),
        ("product", rf"{application}\{WINDOWS.activation_id}"),
        ("product", rf"{OSPP_KEY}\{OLD_OFFICE.application_id}\{OLD_OFFICE.activation_id}"),
    ]


def test_without_licences_of_the_old_family_its_keys_are_not_looked_at() -> None:
    assert [key for _level, key in level_keys([WINDOWS, OFFICE]) if key.startswith(OSPP_KEY)] == []


def test_levels_that_hold_nothing_are_left_out_and_cost_one_request_each() -> None:
    values = Values({SPP_KEY: {"Unrelated": "x"}})
    assert read_levels(t.cast("Registry", values), [WINDOWS]) == ()
    assert len(values.requests) == len(level_keys([WINDOWS]))


def test_a_policy_and_a_leftover_of_an_application_are_both_shown() -> None:
    leftover = rf"{SPP_KEY}\{WINDOWS.application_id}"
    found = read_levels(
        registry(
            {
                POLICY_KEY: {"keymanagementservicename": "policy.corp.example.test"},
                leftover: {
                    "KeyManagementServiceName": "old.corp.example.test",
                    "KeyManagementServicePort": "1689",
                },
            }
        ),
        [WINDOWS],
    )
    assert found == (
        RegistryLevel("policy", POLICY_KEY, "policy.corp.example.test", None),
        RegistryLevel("application", leftover, "old.corp.example.test", 1689),
    )


def test_a_port_is_read_as_text_and_as_a_number_and_nonsense_is_unknown() -> None:
    ports: list[tuple[str | int, int | None]] = [("1689", 1689), (1689, 1689), ("", None), ("kms", None), (0, None)]
    for value, port in ports:
        keys: dict[str, dict[str, str | int]] = {
            SPP_KEY: {"KeyManagementServiceName": "kms01", "KeyManagementServicePort": value}
        }
        assert read_levels(registry(keys), []) == (RegistryLevel("service", SPP_KEY, "kms01", port),), value


def test_automatic_activation_is_on_unless_it_was_switched_off() -> None:
    for value, automatic in ((None, True), (0, True), (1, False)):
        activation: dict[str, str | int] = {} if value is None else {"Manual": value}
        settings = read_settings(registry({rf"{SPP_KEY}\Activation": activation}), [WINDOWS])
        assert settings.automatic_activation is automatic, value


def test_user_operations_are_off_unless_they_were_allowed() -> None:
    for value, allowed in ((None, False), (0, False), (1, True)):
        spp: dict[str, str | int] = {} if value is None else {"UserOperations": value}
        assert read_settings(registry({SPP_KEY: spp}), []).user_operations is allowed, value
