# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fence around the lab's containers, as far as it needs no network: what it refuses, and in which words."""

from __future__ import annotations

import errno
import json
import socket
from collections.abc import Callable

import pytest

from containers import fence
from containers.errors import ContainersError

UNREACHABLE = {"type": "unreachable", "dst": "198.19.128.0/20", "metric": 4000000000}
DEFAULT = {"dst": "default", "gateway": "192.0.2.1"}


@pytest.fixture
def ip(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[dict[str, object]]], list[str]]:
    """Let `ip` know some routes; what is asked of it besides is listed."""

    def know(routes: list[dict[str, object]]) -> list[str]:
        asked: list[str] = []

        def answer(*words: str) -> str:
            if "show" in words:
                return json.dumps(routes)
            asked.append(" ".join(words))
            return ""

        monkeypatch.setattr(fence, "ip", answer)
        return asked

    return know


def test_the_fence_is_a_route_of_the_highest_metric_for_all_addresses_of_the_lab(ip: Callable[..., list[str]]) -> None:
    asked = ip([DEFAULT])
    fence.raise_fence()
    assert asked == ["route add unreachable 198.19.128.0/20 metric 4000000000"]


def test_a_fence_that_stands_is_left_alone_and_is_removed_once(ip: Callable[..., list[str]]) -> None:
    asked = ip([DEFAULT, UNREACHABLE])
    fence.raise_fence()
    assert asked == []
    fence.lower_fence()
    assert asked == ["route del unreachable 198.19.128.0/20 metric 4000000000"]


def test_no_fence_needs_no_removal(ip: Callable[..., list[str]]) -> None:
    asked = ip([DEFAULT])
    fence.lower_fence()
    assert asked == []


@pytest.mark.parametrize("taken", ["198.19.130.0/24", "198.18.0.0/15"])
def test_a_network_of_somebody_else_is_named_and_nothing_is_started(ip: Callable[..., list[str]], taken: str) -> None:
    asked = ip([DEFAULT, {"dst": taken, "dev": "eth7"}])
    with pytest.raises(ContainersError, match=f"route to {taken} already; nothing was started"):
        fence.raise_fence()
    assert asked == []


def test_all_networks_of_the_lab_are_inside_the_fence() -> None:
    assert fence.NETWORK.subnet_of(fence.SUPERNET)
    assert fence.CONTROL.subnet_of(fence.SUPERNET)
    assert not fence.CONTROL.overlaps(fence.NETWORK)


class Sender:
    """A socket whose `connect` ends as it is told."""

    def __init__(self, error: OSError | None) -> None:
        self._error = error

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_of: object) -> None:
        pass

    def connect(self, _address: tuple[str, int]) -> None:
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("code", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_what_cannot_be_reached_is_fenced(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_kind: Sender(OSError(code, "unreachable")))
    fence.check_unreachable(["198.19.129.1"])


def test_what_would_follow_the_default_route_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_kind: Sender(None))
    with pytest.raises(ContainersError, match=r"Packets to 198\.19\.129\.1 would leave this machine"):
        fence.check_unreachable(["198.19.129.1"])
