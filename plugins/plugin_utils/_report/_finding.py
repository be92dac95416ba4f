# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding: what is wrong with which machines, the evidence, and what to do. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ._kinds import Kind, Severity

Values = Mapping[str, t.Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation: of a machine or host by its name, with the values that the texts of the kind speak of."""

    machine: str
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Machines with the same trouble. `about`: what tells findings of one kind apart, such as a code or a host."""

    kind: Kind
    about: str
    evidence: tuple[Evidence, ...]

    @property
    def id(self) -> str:
        """The same in every report that has the finding."""
        return f"{self.kind.value}:{self.about}" if self.about else self.kind.value

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.kind.severity

    @property
    def machines(self) -> tuple[str, ...]:
        """Names, each once, in their order."""
        return tuple(sorted({each.machine for each in self.evidence}))


Observation = tuple[Kind, str, Evidence]


def observed(kind: Kind, machine: str, about: str = "", **values: t.Any) -> Observation:
    """One piece of evidence for the finding of this kind, and about this."""
    return kind, about, Evidence(machine, values)


def gather(observations: Iterable[Observation]) -> list[Finding]:
    """Observations as findings: the worst first, of equally bad ones in the order of the kinds, then by size."""
    found: dict[tuple[Kind, str], list[Evidence]] = {}
    for kind, about, evidence in observations:
        found.setdefault((kind, about), []).append(evidence)
    findings = [Finding(kind, about, tuple(sorted(evidence, key=_order))) for (kind, about), evidence in found.items()]
    kinds = list(Kind)
    return sorted(
        findings,
        key=lambda each: (each.severity.rank, kinds.index(each.kind), -len(each.machines), each.about),
    )


def _order(evidence: Evidence) -> tuple[str, str]:
    return evidence.machine, repr(sorted(evidence.values.items(), key=lambda item: item[0]))
