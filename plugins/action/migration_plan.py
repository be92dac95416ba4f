# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.migration_plan`: records and states in, a verdict out; and the journal, which is only ever added to."""

from __future__ import annotations

import datetime as dt
import os
import typing as t
from pathlib import Path

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import ControllerAction
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_journal import new_lines, read_journal
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_options import (
    check_record,
    read_records,
    wishes_of,
)
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_plan import plan_migration
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._migration_words import plan_result

ARGUMENT_SPEC: dict[str, t.Any] = {
    "fleet": {"type": "raw", "required": True},
    "hosts": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "info": {"type": "dict", "required": True},
            "target": {"type": "str"},
            "port": {"type": "int"},
            "address": {"type": "str"},
        },
    },
    "srv": {"type": "dict"},
    "endpoints": {"type": "dict"},
    "host": {"type": "str"},
    "product": {"type": "str", "choices": ["windows", "office", "all"], "default": "all"},
    "from_channels": {
        "type": "list",
        "elements": "str",
        "choices": ["mak", "retail", "oem", "avma", "unknown"],
        "default": ["mak"],
    },
    "unpin": {"type": "bool", "default": False},
    "keep_pinned": {"type": "bool", "default": False},
    "canaries": {"type": "list", "elements": "str", "default": []},
    "subnets": {"type": "dict", "default": {}},
    "batch": {"type": "str", "default": "10%"},
    "rollback": {"type": "bool", "default": False},
    "mak_budget": {"type": "int"},
    "journal": {"type": "path"},
}


class ActionModule(ControllerAction):
    """Plan how a fleet moves from MAK to KMS."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read the records and the journal, decide, and note what each machine was before it is changed."""
        wishes = wishes_of(parameters)
        path = Path(parameters["journal"]) if parameters["journal"] else None
        text = _text(path) if path else ""
        journal = read_journal(text)
        plan = plan_migration(
            _fleet(parameters["fleet"]),
            parameters["hosts"],
            parameters["srv"],
            parameters["endpoints"],
            wishes,
            journal,
        )
        result = plan_result(plan)
        moved = [machine for machine in plan.moving if machine.name in result["moves"]]
        lines = new_lines(journal, moved, _now()) if path else []
        if path and lines and not self.check_mode:
            _append(path, lines, cut_off=bool(text) and not text.endswith("\n"))
        return {**result, "changed": bool(lines), "recorded": len(lines)}


def _fleet(given: t.Any) -> list[dict[str, t.Any]]:
    if isinstance(given, (list, tuple)):
        return [check_record(record, f"item {number} of fleet") for number, record in enumerate(given)]
    path = Path(os.path.expandvars(str(given))).expanduser()
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise BadInput(
            f"The fleet records in {path} cannot be read: {error}. Nothing was changed. Give the file that "
            f"volact.kms.fleet_info wrote to its dest.",
            operation="read the fleet",
            target=str(path),
            hint="Run volact.kms.fleet_info first.",
        ) from None
    return read_records(text.splitlines(), str(path))


def _text(journal: Path) -> str:
    try:
        return journal.read_text("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _journal_error(journal, error) from None


def _append(journal: Path, lines: list[str], *, cut_off: bool) -> None:
    """Add lines and see that they are on the disk, before any machine is changed."""
    text = ("\n" if cut_off else "") + "".join(f"{line}\n" for line in lines)
    try:
        descriptor = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, text.encode("utf-8"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _journal_error(journal, error) from None


def _journal_error(journal: Path, error: OSError) -> BadInput:
    return BadInput(
        f"The journal {journal} cannot be used: {error.strerror or error}. Nothing was changed. Give a file in a "
        f"folder that the controller may write to.",
        operation="read the journal",
        target=str(journal),
        hint="Give another journal.",
    )


def _now() -> str:
    moment = dt.datetime.now(dt.timezone.utc).replace(microsecond=0, tzinfo=None)
    return f"{moment.isoformat()}Z"
