# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`lab set MACHINE name=value`: the circumstances that are the shell's, beside those of the core."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from lab.core.settings_by_name import VALUES as CORE_VALUES

from .errors import LabError
from .https import CERTIFICATES, Certificates

NETWORKS = ("up", "refused", "black_hole")
"""What answers at a machine's address: the machine, the kernel with a reset, or nothing at all."""

VALUES: dict[str, str] = {
    "certificate": f"{', '.join(CERTIFICATES[:-1])} or {CERTIFICATES[-1]} (what the machine shows over HTTPS)",
    "network": f"{', '.join(NETWORKS[:-1])} or {NETWORKS[-1]} (what answers at the machine's address, and at its KMS)",
    "request_seconds": "seconds that each HTTP request takes",
    "stall": "a whole number N (the N-th operation from now takes effect and is never answered), 0 for none",
}
"""What each name takes, as an error says it."""


class Circumstances:
    """What the shell does for each machine; an operation is what an authenticated client asks of it."""

    def __init__(
        self,
        machines: Iterable[str],
        certificates: Certificates | None,
        *,
        request_seconds: float = 0.0,
        black_holes: Iterable[str] = (),
    ) -> None:
        names = list(machines)
        self._operations_until_stall = dict.fromkeys(names, 0)
        self._certificates = certificates
        self.request_seconds = dict.fromkeys(names, request_seconds)
        self.networks = {**dict.fromkeys(names, NETWORKS[0]), **dict.fromkeys(black_holes, NETWORKS[2])}

    def set(self, machine: str, name: str, value: str, others: Callable[[str, str, str], None]) -> None:
        """Set one circumstance; `others` sets those of the core. Raises LabError with the valid names or values."""
        if machine not in self._operations_until_stall or name in CORE_VALUES:
            others(machine, name, value)
        elif name not in VALUES:
            valid = "; ".join(f"{known}={takes}" for known, takes in sorted({**CORE_VALUES, **VALUES}.items()))
            raise LabError(f"{name!r} is nothing that can be set; valid names are {valid}.")
        elif name == "certificate" and value in CERTIFICATES:
            self._show(machine, value)
        elif name == "network" and value in NETWORKS:
            self.networks[machine] = value
        elif name == "request_seconds" and (seconds := _seconds(value)) is not None:
            self.request_seconds[machine] = seconds
        elif name == "stall" and value.isdecimal():
            self._operations_until_stall[machine] = int(value)
        else:
            raise LabError(f"{name}={value!r} of {machine} is not {VALUES[name]}.")

    def stalls(self, machine: str) -> bool:
        """Count one operation of a machine, and tell whether its reply never comes."""
        left = self._operations_until_stall[machine]
        self._operations_until_stall[machine] = max(0, left - 1)
        return left == 1

    def _show(self, machine: str, kind: str) -> None:
        if self._certificates is None:
            raise LabError(f"{machine} has no HTTPS: set `https: true` in the `account` of the site file.")
        self._certificates.show(machine, kind)


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
