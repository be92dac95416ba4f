# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`volact.kms.report`: fleet records, KMS hosts and DNS in, findings and files out."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput
from ansible_collections.volact.kms.plugins.plugin_utils._action import ControllerAction
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._host_budget import checked_ledger
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._owner_file import check_folder, write_for_the_owner
from ansible_collections.volact.kms.plugins.plugin_utils._report import (
    Declared,
    Document,
    Expectations,
    Frame,
    Machine,
    Severity,
    Site,
    as_csv,
    as_html,
    as_json,
    as_junit,
    as_prometheus,
    make_document,
    newest_of_each,
    read_document,
    read_machines,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import Channel

ARGUMENT_SPEC: dict[str, t.Any] = {
    "src": {"type": "list", "elements": "path", "required": True},
    "dest": {
        "type": "dict",
        "default": {},
        "options": {name: {"type": "path"} for name in ("html", "json", "csv", "junit", "prometheus")},
    },
    "hosts": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "info": {"type": "dict", "required": True},
            "target": {"type": "str"},
            "port": {"type": "int"},
        },
    },
    "srv": {"type": "dict"},
    "endpoints": {"type": "dict"},
    "kms_hosts": {"type": "list", "elements": "str", "default": []},
    "retired_hosts": {"type": "list", "elements": "str", "default": []},
    "activations_used": {"type": "dict", "default": {}},
    "channel": {"type": "str", "choices": ["kms", "mak"]},
    "expiry_days": {"type": "int", "default": 30},
    "previous": {"type": "path"},
    "fail_on": {"type": "str", "choices": ["critical", "error", "warning", "never"], "default": "error"},
    "title": {"type": "str", "default": "KMS"},
    "language": {"type": "str", "choices": ["en", "de"], "default": "en"},
}

_CHANNELS: t.Final = {"kms": Channel.KMS_CLIENT, "mak": Channel.MAK}
_MOST_NAMED: t.Final = 10
_MOST_DAYS: t.Final = 180
_WHAT: t.Final = "The report"


class ActionModule(ControllerAction):
    """Make a report."""

    ARGUMENT_SPEC = ARGUMENT_SPEC

    def execute(self, parameters: dict[str, t.Any]) -> dict[str, t.Any]:
        """Read the records, find what is wrong, and write each file that would be another than it is."""
        dest = {name: Path(path) for name, path in parameters["dest"].items() if path}
        for path in dest.values():
            check_folder(path, _WHAT)
        document = _document(parameters)
        formats: dict[str, Callable[[], Iterator[bytes]]] = {
            "html": lambda: as_html(document, parameters["language"]),
            "json": lambda: as_json(document),
            "csv": lambda: as_csv(document),
            "junit": lambda: as_junit(document),
            "prometheus": lambda: as_prometheus(document),
        }
        written = [name for name in sorted(dest) if self._write(dest[name], formats[name])]
        return {**_result(document), "changed": bool(written), "written": written, "dest": dest}

    def _write(self, path: Path, content: Callable[[], Iterator[bytes]]) -> bool:
        """Whether the file is another than before; in check mode, whether it would be."""
        new = b"".join(content())
        if path.is_file() and _bytes_of(path) == new:
            return False
        if not self.check_mode:
            write_for_the_owner(path, [new], _WHAT)
        return True


def _document(parameters: dict[str, t.Any]) -> Document:
    days, limit = parameters["expiry_days"], parameters["fail_on"]
    if not 0 <= days <= _MOST_DAYS:
        raise BadInput(
            f"expiry_days is {days}, and it is from 0 to {_MOST_DAYS}. Nothing was written.", target="expiry_days"
        )
    used = checked_ledger(parameters["activations_used"], "activations_used")
    machines = newest_of_each(machine for path in parameters["src"] for machine in _machines(Path(path)))
    if not machines:
        raise _nobody(parameters["src"])
    site = Site(
        Declared(tuple(parameters["kms_hosts"]), tuple(parameters["retired_hosts"]), used),
        parameters["hosts"],
        parameters["srv"],
        parameters["endpoints"],
        machines,
    )
    expectations = Expectations(_CHANNELS.get(parameters["channel"]), days)
    frame = Frame(parameters["title"], None if limit == "never" else Severity(limit))
    return make_document(machines, site, expectations, frame, _previous(parameters["previous"]))


def _nobody(src: list[str]) -> BadInput:
    """A report about nobody would be one that is passed."""
    where = f"No machine is in {', '.join(src)}" if src else "src names no file"
    return BadInput(
        f"{where}, so there is nothing to report. Nothing was written. Give files that volact.kms.fleet_info wrote to "
        "its dest.",
        operation="read the records",
        target="src",
        hint="Run volact.kms.fleet_info first.",
    )


def _machines(path: Path) -> Iterator[Machine]:
    try:
        with path.open("rb") as lines:
            yield from read_machines(lines, str(path))
    except OSError as error:
        raise _unread(path, error) from None


def _previous(path: str | None) -> Document | None:
    """An earlier report; the first time there is none."""
    if path is None or not Path(path).exists():
        return None
    return read_document(_bytes_of(Path(path)).decode("utf-8", errors="replace"), path)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unread(path, error) from None


def _unread(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"{path} on the controller cannot be read: {error.strerror or type(error).__name__}. Nothing was written. Give "
        "files that volact.kms.fleet_info and volact.kms.report wrote.",
        operation="read the files",
        target=str(path),
        hint="Check the path, and that you may read the file.",
    )


def _result(document: Document) -> dict[str, t.Any]:
    summary = document["summary"]
    findings = [
        {
            **{key: finding[key] for key in ("id", "kind", "severity", "title", "meaning", "remedy", "new")},
            "count": len(finding["machines"]),
            "machines": finding["machines"][:_MOST_NAMED],
            "evidence": finding["evidence"][0]["text"],
        }
        for finding in document["findings"]
    ]
    return {
        "passed": summary["passed"],
        "worst": summary["worst"],
        "counts": {"machines": summary["machines"], "states": summary["states"], "findings": summary["findings"]},
        "findings": findings,
        "resolved": [each["id"] for each in document["resolved"]],
        "generated": document["generated"],
    }
