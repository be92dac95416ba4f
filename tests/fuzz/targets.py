# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is fuzzed: a name, where the cases come from, and what must hold for each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from fuzz import dns_replies, rpc_replies


@dataclass(frozen=True, slots=True)
class Target:
    """One property. `check` raises for a case that breaks it."""

    name: str
    cases: st.SearchStrategy[Any]
    check: Callable[[Any], None]

    def run(self, cases: int, chosen: int) -> int:
        """Check up to so many cases, from a seed; how many there were. Raises what the smallest broken case raises."""
        counted = 0

        @seed(chosen)
        @settings(
            max_examples=cases,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
            print_blob=False,
            report_multiple_bugs=False,
        )
        @given(self.cases)
        def property_holds(case: Any) -> None:
            nonlocal counted
            counted += 1
            self.check(case)

        property_holds()
        return counted

    def from_bytes(self) -> Callable[[bytes], object]:
        """A check of the case that some bytes choose, for a fuzzer that makes up bytes. Some choose none."""

        @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(self.cases)
        def property_holds(case: Any) -> None:
            self.check(case)

        return property_holds.hypothesis.fuzz_one_input  # type: ignore[attr-defined]


TARGETS = (
    Target("RPC replies are judged", rpc_replies.anything, rpc_replies.judged),
    Target("RPC replies that are no acceptance", rpc_replies.never_kms, rpc_replies.not_taken_for_kms),
    Target("RPC replies are read to an end", rpc_replies.anything, rpc_replies.read_to_an_end),
    Target("RPC servers over a socket", rpc_replies.served, rpc_replies.probed),
    Target("DNS answers that a key signs", dns_replies.recipes, dns_replies.signed_answers),
    Target("DNS answers to unsigned questions", dns_replies.recipes, dns_replies.unsigned_replies),
    Target("DNS answers to updates", dns_replies.recipes, dns_replies.updates),
    Target("DNS answers to Kerberos tokens", dns_replies.recipes, dns_replies.negotiations),
)
