# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change of one machine of which each single request can be disturbed, and what must be true of it afterwards."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from disturbed_lab import ControllerKilled, Disturbance, DisturbedTransport, When
from spp_lab import InProcessLab, LabTransport, copy_of

from ansible_collections.volact.kms.plugins.module_utils._errors import KmsError, OutcomeUnknown, Unreachable
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    DesiredClient,
    DesiredHost,
    Licensing,
    Outcome,
    converge_client,
    converge_host,
)

SPENDING = ("InstallProductKey", "Activate")
READING = (
    "Enumerate",
    "Pull",
    "Release",
    "Get",
    "EnumKey",
    "EnumValues",
    "GetStringValue",
    "GetDWORDValue",
    "GetMultiStringValue",
)
TOLD_AS = {
    "StopService": "RestartService",
    "StartService": "",
    "RefreshLicenseStatus": "",
    "SetStringValue": "SetRegistryValue",
    "SetMultiStringValue": "SetRegistryValue",
    "DeleteValue": "DeleteRegistryValue",
    "Create": "CreateFirewallRule",
    "Put": "SetFirewallPort",
}


@dataclass(frozen=True)
class Job:
    """A change of one machine: the site before it, and what is run."""

    name: str
    machine: str
    before: Callable[[], InProcessLab]
    run: Callable[[Licensing], Any]
    has_several_keys: bool = False

    def __str__(self) -> str:
        return self.name

    def attempt(self, lab: InProcessLab, at: int | None = None, disturbance: Disturbance | None = None) -> Attempt:
        """Run it once, with one request disturbed or none."""
        transport = DisturbedTransport(LabTransport(lab, self.machine), at, disturbance)
        attempt = Attempt(lab, transport, has_several_keys=self.has_several_keys)
        try:
            attempt.result = self.run(transport.licensing())
        except (KmsError, ControllerKilled) as error:
            attempt.error = error
        attempt.sent_by_the_run = len(transport.sent)
        transport.finish()
        return attempt


@dataclass
class Attempt:
    """What became of one run."""

    lab: InProcessLab
    transport: DisturbedTransport
    result: Any = None
    error: BaseException | None = None
    sent_by_the_run: int = 0
    has_several_keys: bool = False

    @property
    def operations(self) -> list[str]:
        """What the user is told was done."""
        if isinstance(self.error, KmsError):
            told: list[str] = self.error.progress.get("operations", [])
            return told
        return list(self.result.operations) if self.result else []


def as_told(requests: list[str]) -> list[str]:
    """Requests as the operations that a result names: a restart begins with its stop, a refresh is part of others."""
    return [name for name in (TOLD_AS.get(each, each) for each in requests if each not in READING) if name]


def everything(lab: InProcessLab) -> dict[str, Any]:
    """The whole site, with the DNS records that the core of the lab has not among its state."""
    return copy_of({**lab.site.state(), "records": lab.records})


def lasting(lab: InProcessLab) -> dict[str, Any]:
    """The whole site without its memory of being asked: events, and how often KMS hosts were."""
    state = everything(lab)
    for machine in state["machines"].values():
        del machine["events"]
        machine["licences"] = sorted(set(machine["licences"]))
        if machine["kms_host"]:
            del machine["kms_host"]["requests"]
    return state


def client(desired: DesiredClient) -> Callable[[Licensing], Any]:
    return functools.partial(converge_client, desired=desired, check_mode=False)


def host(desired: DesiredHost) -> Callable[[Licensing], Any]:
    return functools.partial(converge_host, desired=desired, check_mode=False)


@functools.cache
def undisturbed(job: Job) -> Attempt:
    """A run that all goes well with: one more does nothing, but for a renewal."""
    attempt = job.attempt(job.before())
    assert attempt.error is None, attempt.error
    once_more = job.attempt(copy_of(attempt.lab))
    assert once_more.error is None, once_more.error
    assert once_more.operations == [] or job.name == "renew", once_more.operations
    return attempt


@functools.cache
def good_again(_job: Job) -> set[str]:
    """What disturbances have left so far that the next run made good: several leave the same."""
    return set()


def check_each_disturbed_request(job: Job, disturbance: Disturbance) -> None:
    """Whatever was disturbed, the next run ends in the state of an undisturbed one, after which nothing is to do."""
    wanted = undisturbed(job)
    wanted_state = lasting(wanted.lab)
    left_before = good_again(job)
    for at, operation in enumerate(wanted.transport.sent):
        if operation in READING and disturbance.when is not When.NEVER:
            continue  # it has no effect, at once or later
        where = f"{job}, request {at} ({operation}) {disturbance}"
        lab = job.before()
        before, untouched = lasting(lab), everything(lab)
        first = job.attempt(lab, at, disturbance)
        check_truth(first, at, operation, before, where)
        left = everything(lab)
        if left == untouched or repr(left) in left_before:
            continue  # the next run is the undisturbed one, or one that was seen already
        again = job.attempt(lab)
        assert again.error is None, f"{where}: {again.error}"
        assert again.result.outcome is Outcome.LICENSED, where
        assert lasting(lab) == wanted_state, where
        left_before.add(repr(left))


def check_truth(attempt: Attempt, at: int, operation: str, before: dict[str, Any], where: str) -> None:
    """What a disturbed run did after the disturbance, and what it says about all of it."""
    transport, error = attempt.transport, attempt.error
    assert transport.disturbance is not None
    after_it = transport.sent[at + 1 : attempt.sent_by_the_run]
    spent = Counter(transport.sent[: attempt.sent_by_the_run])[operation]
    assert spent <= (2 if attempt.has_several_keys else 1) or operation not in SPENDING, where
    if isinstance(error, ControllerKilled):
        assert after_it == [], where
        return
    if isinstance(error, Unreachable):
        assert after_it == [], where
    elif error is not None:
        assert isinstance(error, OutcomeUnknown), f"{where}: {error}"
        # One key whose outcome is unknown does not stop the others, and stops what is for all of them.
        allowed = {*READING, *SPENDING, "RefreshLicenseStatus"} if attempt.has_several_keys else set(READING)
        assert set(after_it) <= allowed, where
    certain, possible = as_told(transport.answered), as_told(transport.sent[: attempt.sent_by_the_run])
    if isinstance(error, Unreachable):
        # What the firewall is read for just before it is written may be told as the write: that is the safe side.
        told = [*certain, TOLD_AS["Put"]] if operation == "Get" and attempt.operations != certain else certain
        assert attempt.operations == (possible if error.sent and operation != "Get" else told), where
    else:
        assert attempt.operations == possible, where
    if isinstance(error, KmsError):
        assert error.progress.get("changed", False) is bool(attempt.operations), where
        is_changed = lasting(attempt.lab) != before
        assert not is_changed or attempt.operations, where
