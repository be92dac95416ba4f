# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is looked at before a KMS host key is spent: can this Windows host it, is its update there, is its clock right.

Whether another process has the port is out of reach: no class tells it. Looking at it from outside comes afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadInput,
    CimFault,
    NotSupported,
    OperationTimedOut,
)

from ._catalogue import edition_name, is_azure_edition, refuse_evaluation, why_no_volume_key
from ._host_matrix import Update, known_names, look_up
from ._hresult import name_fault
from ._licensing import Licensing
from ._registry import Registry
from ._rows import OperatingSystem

LARGEST_SKEW_SECONDS = 4 * 3600
"""Client and host may differ by at most 4 hours, else 0xC004F06C. Source: error 0xC004F074, "Verify the time"."""

HOTFIX_PROPERTIES = ("HotFixID",)

_VERSION_KEY = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_REVISION = "UBR"
_FIRST_WITH_REVISION = 10240


@dataclass(frozen=True, slots=True)
class Updates:
    """What is known of a machine's updates. None: it was not asked, or did not tell, and then `reason` says why."""

    kbs: frozenset[str] | None = None
    revision: int | None = None
    reason: str | None = None

    def has(self, update: Update, system: OperatingSystem) -> bool | None:
        """Whether `update` or a later one is there; None where nobody can tell.

        A cumulative update replaces those before it, so the number of the first one is missing where a later one is
        there; the revision of the build tells.
        """
        if self.kbs is not None and not self.kbs.isdisjoint(update.kbs):
            return True
        if update.build is not None and update.revision is not None and self.revision is not None:
            return system.build > update.build or self.revision >= update.revision
        if self.kbs is None or update.or_later:
            return None
        return False


def serves_option(names: Sequence[str] | None) -> tuple[str, ...]:
    """The option `serves`, each name in the spelling of the table. Raises BadInput for one that is not in it."""
    known = {name.lower(): name for name in known_names()}
    found = []
    for name in names or ():
        folded = " ".join(str(name).split()).lower()
        if folded not in known:
            raise BadInput(
                f"serves has {name!r}, which is not in the table of what KMS hosts activate. Nothing was changed. Give "
                f"one of: {', '.join(known_names())}.",
                target="serves",
                hint=f"One of: {', '.join(known_names())}.",
            )
        found.append(known[folded])
    return tuple(dict.fromkeys(found))


def why_never_host(system: OperatingSystem) -> str | None:
    """Why an edition takes no KMS host key, whatever it is to activate; None where it may."""
    if is_azure_edition(system):
        return "Datacenter: Azure Edition can never be a KMS host"
    return why_no_volume_key(system)


def refuse_host(system: OperatingSystem) -> None:
    """Raise NotSupported for such an edition."""
    refuse_evaluation(system)
    reason = why_never_host(system)
    if reason:
        hint = "Give the KMS host key to a server, or to a volume edition such as Pro or Enterprise."
        raise NotSupported(
            f"{system.computer_name} runs {edition_name(system)} (SKU {system.sku}, build {system.build}), which can "
            f"never be a KMS host ({reason}). Nothing was changed. {hint}",
            operation="preflight",
            target=system.computer_name,
            hint=hint,
        )


def clock_skew(system: OperatingSystem, before: float, after: float) -> float | None:
    """How many seconds the machine's clock is ahead of the controller's; None where it did not tell it.

    `before` and `after` are the controller's time, in seconds since 1970, around the request that asked for it: the
    answer is half the round trip old.
    """
    return None if system.clock is None else system.clock.timestamp() - (before + after) / 2


def check_clock(system: OperatingSystem, before: float, after: float) -> float | None:
    """The same, and NotSupported where no client of the controller's time could be activated by that host."""
    skew = clock_skew(system, before, after)
    if skew is not None and abs(skew) > LARGEST_SKEW_SECONDS:
        direction = "ahead of" if skew > 0 else "behind"
        hint = "Set the clock of the machine (w32tm /resync), or that of the controller, and run again."
        raise NotSupported(
            f"The clock of {system.computer_name} is {_duration(abs(skew))} {direction} that of the controller. A KMS "
            f"host refuses clients whose time differs by more than 4 hours (0xC004F06C). Nothing was changed. {hint}",
            operation="preflight",
            target=system.computer_name,
            hint=hint,
        )
    return skew


def read_updates(licensing: Licensing, system: OperatingSystem, serves: Iterable[str]) -> Updates:
    """What decides whether `serves` is possible: nothing where no update does, else one request or two.

    The list of updates is slow, so it is only read where the revision of the build is not enough.
    """
    needed = [answer.update for answer in (look_up(system, name) for name in serves) if answer.update]
    if not needed:
        return Updates()
    revision = _read_revision(licensing, system)
    if all(Updates(revision=revision).has(update, system) is not None for update in needed):
        return Updates(revision=revision)
    return read_all_updates(licensing, system, revision)


def read_all_updates(licensing: Licensing, system: OperatingSystem, revision: int | None = None) -> Updates:
    """Revision and list of updates; a list that cannot be read is unknown, with a reason."""
    revision = _read_revision(licensing, system) if revision is None else revision
    try:
        rows = licensing.session.query(f"SELECT {', '.join(HOTFIX_PROPERTIES)} FROM Win32_QuickFixEngineering")
    except OperationTimedOut:
        return Updates(
            revision=revision, reason="The list of updates was not read: the machine did not answer in time."
        )
    except CimFault as fault:
        return Updates(revision=revision, reason=name_fault(fault, "The list of updates could not be read").message)
    return Updates(frozenset((row.text("HotFixID") or "").upper() for row in rows) - {""}, revision)


def check_serves(system: OperatingSystem, serves: Sequence[str], updates: Updates) -> tuple[str, ...]:
    """Warnings about what nobody can tell. Raises NotSupported where this host cannot activate one of `serves`."""
    warnings = []
    for name in serves_option(serves):
        answer = look_up(system, name)
        if answer.refusal:
            raise _cannot_host(system, name, answer.refusal)
        there = True if answer.update is None else updates.has(answer.update, system)
        if there is False:
            raise _update_missing(system, name, answer.update, updates)
        if there is None:
            warnings.append(
                f"To activate {name}, {system.computer_name} needs {answer.update}. Whether it is there could not be "
                f"told{': ' + updates.reason if updates.reason else '.'}"
            )
        if answer.doubt:
            warnings.append(f"{system.computer_name}: {answer.doubt}.")
    return tuple(warnings)


def _read_revision(licensing: Licensing, system: OperatingSystem) -> int | None:
    """UBR: the number behind the build, from Windows 10 and Server 2016 on."""
    if system.build < _FIRST_WITH_REVISION:
        return None
    try:
        return Registry(licensing.session).number(_VERSION_KEY, _REVISION)
    except CimFault:
        return None


def _cannot_host(system: OperatingSystem, name: str, why: str) -> NotSupported:
    hint = "Take another machine as KMS host, or leave this name out of serves."
    return NotSupported(
        f"{system.computer_name} cannot be a KMS host for {name}: {why}. Nothing was changed. {hint}",
        operation="preflight",
        target=system.computer_name,
        hint=hint,
    )


def _update_missing(system: OperatingSystem, name: str, update: Update | None, updates: Updates) -> NotSupported:
    build = f"{system.build}.{updates.revision}" if updates.revision is not None else str(system.build)
    hint = f"Install {update}, restart, and run again."
    return NotSupported(
        f"{system.computer_name} (build {build}) cannot be a KMS host for {name} yet: the update {update} is missing. "
        f"Nothing was changed. {hint}",
        operation="preflight",
        target=system.computer_name,
        hint=hint,
    )


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} hours {minutes} minutes"
