# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a KMS host can go, because others do what it does. Pure.

A host activates a class of requesters (Windows clients, servers, Office) from the class's threshold on, with a count of
its own. So its successors have to have been asked often enough, too, before clients are led away from it (F05, F20).
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

CLASSES = ("windows_client", "windows_server", "office")

Host = Mapping[str, t.Any]
"""`host` of the module `host_info`."""


@dataclass(frozen=True, slots=True)
class Need:
    """A class that somebody else has to be ready for. `activation_id` is the Office release; None: any key will do.

    A newer Windows host key activates all older Windows; each release of Office has its own host key, and count.
    """

    requesters: str
    activation_id: str | None
    name: str


def needs_of(hosts: Sequence[Host], *, only_ready: bool) -> tuple[Need, ...]:
    """What `hosts` do: every class that their keys serve, or those for which they have been asked often enough."""
    return tuple(
        dict.fromkeys(
            Need(name, None if product["application"] == "windows" else product["activation_id"], product["name"])
            for host in hosts
            for product in host["products"]
            for name, each in product["readiness"].items()
            if each["ready"] or not only_ready
        )
    )


def lacks(
    old: Host | None, successors: Mapping[str, Host | None], classes: Sequence[str], *, is_gone: bool = False
) -> list[str]:
    """What is missing before the old host can go, one phrase each; nothing: it can go.

    `old` is None when it could not be read, and `is_gone` says that it never will be. `successors` are those that stay;
    None for one that could not be read, or does not answer as a KMS host. What they have to be ready for: `classes`;
    else what the old host is ready for; else all that they serve themselves. Raises BadInput for an unknown class.
    """
    if unknown := [name for name in classes if name not in CLASSES]:
        raise BadInput(
            f"{', '.join(unknown)}: there is no such class. Nothing was changed. Classes are {', '.join(CLASSES)}.",
            operation="validate",
            target="classes",
        )
    if old is not None and not old["is_kms_host"]:
        return []
    serving = {name: host for name, host in successors.items() if host is not None and host["is_kms_host"]}
    if not serving:
        return [f"none of {', '.join(successors)} answers as a KMS host"]
    missing = []
    if old is None and not is_gone:
        missing.append("it could not be read, and what it does is unknown; if it is gone for good, say so")
    if classes:
        needed: tuple[Need, ...] = tuple(Need(name, None, name) for name in classes)
    else:
        needed = needs_of([old] if old is not None else list(serving.values()), only_ready=old is not None)
    return [*missing, *(phrase for need in needed if (phrase := _lack(need, serving)))]


def _lack(need: Need, serving: Mapping[str, Host]) -> str:
    found = list(_readiness(need, serving))
    if any(each["ready"] for _name, each in found):
        return ""
    counts = ", ".join(f"{name} has counted {each['current_count']} of {each['threshold']}" for name, each in found)
    what = need.requesters if need.name == need.requesters else f"{need.requesters} ({need.name})"
    return f"for {what} {counts or 'nobody else has a host key'}"


def _readiness(need: Need, serving: Mapping[str, Host]) -> Iterator[tuple[str, Mapping[str, t.Any]]]:
    for name, host in serving.items():
        for product in host["products"]:
            if need.requesters in product["readiness"] and need.activation_id in (None, product["activation_id"]):
                yield name, product["readiness"][need.requesters]
