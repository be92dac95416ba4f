# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML page that needs nothing else. Pure: the same document gives the same bytes.

What machines said gets into the page by Jinja2's escaping and as JSON that a script reads as text, in no other way. A
content security policy lets in only the style and the script of the page itself.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import typing as t
from collections.abc import Iterator, Mapping

import jinja2
from markupsafe import Markup

from ._charts import WIDTH, charts
from ._document import Document
from ._kinds import Kind, Severity, State
from ._texts import LANGUAGES, asset, words

EVIDENCE_AT_MOST: t.Final = 50
"""So many observations of a finding stand in the page; the table shows its machines, JSON and CSV have all."""

ROWS_WITHOUT_SCRIPT: t.Final = 100

_DAYS_UNKNOWN: t.Final = -1


def as_html(document: Document, language: str = "en") -> Iterator[bytes]:
    """The page in both languages, of which `language` is shown first."""
    numbers = {each["id"]: number for number, each in enumerate(document["findings"])}
    rows = [_row(machine, numbers) for machine in document["machines"]]
    data = {
        "rows": rows,
        "states": [state.value for state in State],
        "findings": [
            {"id": each["id"], "severity": each["severity"], "kind": each["kind"]} for each in document["findings"]
        ],
        "words": {each: _words_of_script(each) for each in LANGUAGES},
    }
    style, script = asset("report.css"), asset("report.js")
    stream = _template().generate(
        document=document,
        language=language,
        languages=LANGUAGES,
        charts=charts(document),
        chart_width=WIDTH,
        findings=[_finding(each) for each in document["findings"]],
        rows=rows[:ROWS_WITHOUT_SCRIPT],
        severities=[severity.value for severity in Severity],
        states=[state.value for state in State],
        channels=sorted({channel for row in rows if (channel := row[3])}),
        data=_as_script(data),
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
    )
    for part in stream:
        yield part.encode("utf-8", errors="replace")


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["said"] = lambda name, language: words(language).label(name)
    return environment.from_string(asset("report.html.j2"))


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"sha256-{digest}"


def _as_script(data: t.Any) -> Markup:
    """JSON that no parser of HTML sees an end or a comment in."""
    text = json.dumps(data, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _words_of_script(language: str) -> dict[str, str]:
    known = words(language)
    kinds = {f"kind.{kind.value}": known.of(kind, "title") for kind in Kind}
    labels = {
        f"{prefix}{name}": text
        for prefix in ("state.", "channel.", "severity.", "table.", "theme.")
        for name, text in known.labels(prefix).items()
    }
    return {**kinds, **labels}


def _finding(finding: Mapping[str, t.Any]) -> dict[str, t.Any]:
    kind = Kind(finding["kind"])
    shown = finding["evidence"][:EVIDENCE_AT_MOST]
    return {
        **finding,
        "texts": {
            language: {part: words(language).of(kind, part) for part in ("title", "meaning", "remedy")}
            for language in LANGUAGES
        },
        "shown": [
            {
                "machine": each["machine"],
                "texts": {language: words(language).evidence(kind, each["values"]) for language in LANGUAGES},
            }
            for each in shown
        ],
        "hidden": len(finding["evidence"]) - len(shown),
    }


def _row(machine: Mapping[str, t.Any], numbers: Mapping[str, int]) -> list[t.Any]:
    """Name, number of the state, Windows, its channel, Office, days left, KMS host, numbers of findings."""
    licences = machine["licences"]
    windows = [each for each in licences if each["application"] == "windows"]
    office = [
        f"{each['name'].partition(',')[0]}: {each['license_status_name']}" for each in licences if each not in windows
    ]
    days = [each["days_left"] for each in licences if each["days_left"] is not None]
    system = " ".join(str(part) for part in (machine["windows"], machine["edition"]) if part)
    return [
        machine["machine"],
        State(machine["state"]).rank,
        system,
        windows[0]["channel"] if windows else "",
        "; ".join(dict.fromkeys(office)),
        min(days) if days else _DAYS_UNKNOWN,
        machine["kms_host"] or "",
        [numbers[each] for each in machine["findings"]],
    ]
