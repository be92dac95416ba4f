# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of one machine: what a test sends to anywhere but loopback fails at once, whatever the test does."""

from __future__ import annotations

import functools
import os
import subprocess
import sys

NO_FENCE = (
    "no network namespace could be made (util-linux: unshare, iproute2: ip), so traffic was not confined to loopback"
)

_CONFINED = "VOLACT_CONFINED"
_LOOPBACK_UP = 'ip link set lo up && exec "$@"'


@functools.cache
def fence() -> tuple[str, ...] | None:
    """The words before a command that confine it, or None where this machine cannot."""
    # As root without a user namespace: in one, files of other users belong to nobody.
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    words = ("unshare", *as_root, "--net", "sh", "-c", _LOOPBACK_UP, "sh")
    try:
        tried = subprocess.run([*words, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return words if tried.returncode == 0 else None


def confine() -> None:
    """Start this program (`python -m ...`) again behind the fence, unless it is there already.

    Without a fence it goes on and says so; in CI that is an error (SystemExit).
    """
    if os.environ.get(_CONFINED):
        return
    words = fence()
    if words is not None:
        os.environ[_CONFINED] = "1"
        os.execvp(words[0], [*words, *sys.orig_argv])  # noqa: S606 (no shell is the point)
    print(f"Warning: {NO_FENCE}.", file=sys.stderr)
    if os.environ.get("CI"):
        raise SystemExit(1)
