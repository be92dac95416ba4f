# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Play everything and search: `python -m gates.leaks`. Exit status 0: nothing leaked. 1: something did. 2: no result.

One play prints a key on purpose, into a folder of its own: unless each search finds it, there is no result either.
What the plays and the demo printed is searched once more for anything that only looks like a product key.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gates.fence import confine
from gates.leaks.scenarios import (
    BAD_SITE,
    DEMO_SITE,
    WINDOWS_SITE,
    bad_input,
    keys_of,
    keys_of_cases,
    whole_site,
    wrong_secrets_and_crashes,
)
from gates.leaks.spellings import Search, anything_like_a_key
from gates.leaks.workshop import (
    PLANTED,
    CheckFailed,
    Workshop,
    printed_by_plays,
    written_by_the_project,
)
from gates.tree import ROOT

SCENARIOS: tuple[Callable[[Workshop, Path], None], ...] = (whole_site, bad_input, wrong_secrets_and_crashes)


def site_keys() -> dict[str, str]:
    """Every product key of the sites and of the cases, by the characters that everybody may know."""
    keys = keys_of(DEMO_SITE) | keys_of(BAD_SITE) | keys_of(WINDOWS_SITE) | set(keys_of_cases().values())
    return {f"the key ending in {key[-5:]} ({number})": key for number, key in enumerate(sorted(keys))}


def main() -> int:
    workshop = Workshop(site_keys())
    started = time.monotonic()
    # Playbooks and copies of the collection, which are no output.
    folder = Path(tempfile.mkdtemp(prefix="leaks-"))
    try:
        for scenario in SCENARIOS:
            print(f"  {time.monotonic() - started:5.1f} s: {scenario.__name__.replace('_', ' ')}", flush=True)
            scenario(workshop, folder)
    except CheckFailed as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        shutil.rmtree(folder)
    files = written_by_the_project()
    searches = (Search(workshop.secrets).in_files(files), anything_like_a_key(printed_by_plays(files)))
    planted = [[leak for leak in leaks if PLANTED in leak.path.parents] for leaks in searches]
    found = [leak for leaks in searches for leak in leaks if PLANTED not in leak.path.parents]
    if not all(planted):
        print("The key that was printed on purpose was not found: this check is worth nothing.", file=sys.stderr)
        return 2
    for leak in found[:50]:
        print(f"LEAK: {str(leak).removeprefix(f'{ROOT}/')}")
    size = sum(path.stat().st_size for path in files) / 2**20
    print(
        f"{workshop.plays} playbooks at -vvvv, {len(workshop.secrets)} secrets, {len(files)} files ({size:.1f} MiB), "
        f"{sum(map(len, planted))} places with the planted leak found, {time.monotonic() - started:.0f} s"
    )
    print(f"{len(found)} leaks")
    return 1 if found else 0


if __name__ == "__main__":
    confine()
    sys.exit(main())
