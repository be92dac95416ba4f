# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write docs/evidence.md: every name of Windows that the code uses, with its source and how it is confirmed.

The names come from the code, what is known about them from evidence.yaml beside this file. A name in the code that the
ledger lacks is an error, and so is one in the ledger that no code uses. `--check` writes nothing.
"""

from __future__ import annotations

import argparse
import ast
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LEDGER = HERE / "evidence.yaml"
PAGE = ROOT / "docs" / "evidence.md"
PLUGINS = ROOT / "plugins"
DOMAIN = PLUGINS / "plugin_utils" / "_spp"
#: Lists what is kept of the answers to others' questions; a unit test holds it to those.
NOT_ASKING = {"_scrub.py", "_host_options.py", "_confirmation.py", "_license_files.py"}

_CLASS = re.compile(r"(?:SoftwareLicensing|OfficeSoftwareProtection|Win32_|MSFT_|MicrosoftDNS_|StdRegProv)\w*")
_NAME = re.compile(r"[A-Z][A-Za-z0-9_]{2,}")
_CONSTANT = re.compile(r"[^\s?*()]{2,}")  # a word of a constant: neither prose nor a pattern
_SELECT = re.compile(r"SELECT (?P<names>[\w, {}.*]+) FROM (?P<class>\w+)(?: WHERE (?P<where>.*))?", re.DOTALL)
_CONDITION = re.compile(r"(?:^|\bAND\b|\bOR\b)\s*(\w+)\s*(?:=|<|>|LIKE|IS)")
_EVENT = re.compile(r"(?<![\d.])12[0-9]{3}(?!\d)")
_SERVICE_RECORD = re.compile(r"_\w+\._tcp")
_PROPERTIES = re.compile(r"\w*_PROPERTIES(?:_\w+)?")
_READERS = {"text", "integer", "boolean", "strings", "moment"}
_OPERATIONS = {"identify", "query", "get", "put", "create", "delete", "invoke"}
_LEAST_CODE = 0x80000001

Used = set[tuple[str, str]]


@dataclass
class Names:
    """What one or several sources use: (kind, name) of each; a property has its class before a dot."""

    used: Used = field(default_factory=set)
    lists: dict[str, list[str]] = field(default_factory=dict)
    selected: set[tuple[str, str]] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    def resolved(self) -> Used:
        """All names, with the property lists filled in and every other word as a `name`."""
        properties = {(cls, name) for cls, names in self.selected for name in self._expanded(names)}
        of_classes = {name for _class, name in properties}
        classes = {name for kind, name in self.used if kind == "class"}
        strangers = {("property", f"?.{name}") for name in self.read - of_classes - self.words}
        return (
            self.used
            | {("property", f"{cls}.{name}") for cls, name in properties}
            | {("name", word) for word in self.words - of_classes - classes}
            | strangers
        )

    def _expanded(self, names: str) -> list[str]:
        return self.lists.get(names, [names])


def names_of(sources: Iterable[str]) -> Used:
    """The names in these sources of the domain layer."""
    names = Names()
    for source in sources:
        _Scan(names).scan(ast.parse(source))
    return names.resolved()


def codes_of(sources: Iterable[str]) -> Used:
    """HRESULTs and SRV names in these sources, wherever they are."""
    used: Used = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, int) and _LEAST_CODE <= value < 0xFFFFFFFF:
                used.add(("code", f"0x{value:08X}"))
            elif isinstance(value, str) and _SERVICE_RECORD.fullmatch(value):
                used.add(("record", value))
    return used


class _Scan:
    """Collects the names of one source into `names`."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.ignored: set[ast.AST] = set()

    def scan(self, tree: ast.Module) -> None:
        for statement in tree.body:
            if isinstance(statement, (ast.Assign, ast.AnnAssign)):
                self._assignment(statement)
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                self.ignored.update(item.value for item in node.body if isinstance(item, ast.Expr))
            elif isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute) and node.attr in _OPERATIONS and "session" in ast.unparse(node.value):
                self.names.used.add(("operation", node.attr))
            elif isinstance(node, ast.JoinedStr):
                self.ignored.update(node.values)
                self._text(_flattened(node))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in self.ignored:
                self._text(node.value)
            elif isinstance(node, ast.Constant) and type(node.value) is int and _EVENT.fullmatch(str(node.value)):
                self.names.used.add(("event", str(node.value)))

    def _assignment(self, node: ast.Assign | ast.AnnAssign) -> None:
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name = target.id if isinstance(target, ast.Name) else ""
        inside = list(ast.walk(node.value)) if node.value else []
        if name == "__all__":
            self.ignored.update(inside)
        elif _PROPERTIES.fullmatch(name) and isinstance(node.value, ast.Tuple):
            items: list[str] = []
            for item in node.value.elts:
                if isinstance(item, ast.Starred) and isinstance(item.value, ast.Name):
                    items += self.names.lists.get(item.value.id, [])
                elif isinstance(item, ast.Constant):
                    items.append(str(item.value))
            self.names.lists[name] = items
        elif name.isupper() and not ast.unparse(node).partition("(")[0].endswith("TypeVar"):
            texts = (item.value for item in inside if isinstance(item, ast.Constant))
            self.names.words.update(text for text in texts if isinstance(text, str) and _CONSTANT.fullmatch(text))

    def _call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
        if called == "TypeVar":
            self.ignored.update(node.args)
        elif called in _READERS and text:
            self.names.read.add(text)
            if text not in {"ReturnValue"}:
                self.ignored.update(node.args)
        if text and _CLASS.fullmatch(text):
            lists = [argument.attr for argument in node.args if isinstance(argument, ast.Attribute)]
            self.names.selected.update((text, name) for name in lists if _PROPERTIES.fullmatch(name))
            for argument in node.args:
                for column in _columns(_text_of(argument)):
                    self.names.selected.add((text, column))

    def _text(self, text: str) -> None:
        self.names.used.update(("event", number) for number in _EVENT.findall(text))
        if query := _SELECT.search(text):
            self.names.used.add(("class", query["class"]))
            columns = [*re.split(r",\s*", query["names"]), *_columns(f" WHERE {query['where'] or ''}")]
            self.names.selected.update((query["class"], column.strip("{} ")) for column in columns if "." not in column)
        elif _CLASS.fullmatch(text):
            self.names.used.add(("class", text))
        elif _NAME.fullmatch(text):
            self.names.words.add(text)


def _flattened(node: ast.JoinedStr) -> str:
    """An f-string as a text: of what is put in, property lists have their name in braces, and everything else is ?."""
    parts = []
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value))
        else:
            found = _PROPERTIES.search(ast.unparse(value).rpartition("_rows.")[2])
            parts.append(f"{{{found[0]}}}" if found else "?")
    return "".join(parts)


def _text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return _flattened(node)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _columns(where: str) -> Iterator[str]:
    """The properties that a WHERE clause compares."""
    _before, found, clause = where.partition(" WHERE ")
    if found:
        yield from _CONDITION.findall(clause)


def names_in_code() -> Used:
    """Everything that the collection uses of Windows."""
    domain = [path.read_text("utf-8") for path in sorted(DOMAIN.glob("*.py")) if path.name not in NOT_ASKING]
    everything = [path.read_text("utf-8") for path in sorted(PLUGINS.rglob("*.py"))]
    # Property lists first, whatever the order of the files.
    return names_of(sorted(domain, key=lambda source: "_PROPERTIES = (" not in source)) | codes_of(everything)


@dataclass(frozen=True)
class Fact:
    """One row of the ledger."""

    kind: str
    name: str
    what: str
    source: tuple[str, ...]
    confirmed: tuple[str, ...]
    note: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return (self.kind, self.name)


def facts_of(ledger: Mapping[str, t.Any]) -> list[Fact]:
    """The rows of evidence.yaml. A property takes source and confirmation of its class where it has none of its own."""
    facts = [_fact("class", row["name"], row) for row in ledger["classes"]]
    for cls in ledger["classes"]:
        for entry in cls["properties"]:
            row = {"name": entry} if isinstance(entry, str) else entry
            inherited = {"source": cls["source"], "confirmed": cls["confirmed"]}
            facts.append(_fact("property", f"{cls['name']}.{row['name']}", inherited | row))
    for kind in ("operation", "name", "code", "record", "event"):
        facts += [_fact(kind, str(row["name"]), row) for row in ledger[f"{kind}s"]]
    return facts


def _fact(kind: str, name: str, row: Mapping[str, t.Any]) -> Fact:
    source = row["source"]
    return Fact(
        kind,
        name,
        row.get("what", ""),
        ("unverified",) if source == "unverified" else tuple(source),
        tuple(row.get("confirmed", ())),
        row.get("note", ""),
    )


def faults(used: Used, facts: list[Fact], ledger: Mapping[str, t.Any]) -> list[str]:
    """Where code and ledger differ, and rows that say what cannot be."""
    own = {("name", word) for word in ledger["own_words"]}
    known = {fact.key for fact in facts}
    found = [f"{kind} {name}: used by the code, not in evidence.yaml" for kind, name in sorted(used - known - own)]
    found += [f"{kind} {name}: in evidence.yaml, used by no code" for kind, name in sorted((known | own) - used)]
    found += [f"{name}: twice in evidence.yaml" for name in sorted({f.key for f in facts if facts.count(f) > 1})]
    for fact in facts:
        found += [f"{fact.name}: no source {source}" for source in fact.source if source not in ledger["sources"]]
        found += [f"{fact.name}: {how}?" for how in fact.confirmed if how not in ledger["confirmations"]]
        if (fact.source == ("unverified",)) != (not fact.confirmed):
            found.append(f"{fact.name}: unverified means confirmed by nothing, and nothing else does")
    cited = {source for fact in facts for source in fact.source}
    return found + [f"source {source}: cited nowhere" for source in sorted(set(ledger["sources"]) - cited)]


SECTIONS = (
    ("operation", "Operations of WS-Management", "Operation"),
    ("class", "CIM classes", "Class"),
    ("property", "Properties that are read", "Property"),
    ("name", "Methods, arguments, states and other names", "Name"),
    ("code", "Codes that decide something", "Code"),
    ("record", "DNS", "Record"),
    ("event", "Events that are named to the user", "Event"),
)


def page(facts: list[Fact], ledger: Mapping[str, t.Any]) -> str:
    """docs/evidence.md."""
    counts = {how: sum(how in fact.confirmed for fact in facts) for how in ledger["confirmations"]}
    unverified = [fact for fact in facts if not fact.confirmed]
    lines = [ledger["head"].rstrip(), "", "| Confirmed by | Names | What it means |", "|---|---|---|"]
    lines += [f"| {how} | {counts[how]} | {meaning} |" for how, meaning in ledger["confirmations"].items()]
    lines += [f"| nothing yet | {len(unverified)} | no source in the material consulted: unverified |", ""]
    lines += [f"{len(facts)} names in all.", ""]
    for kind, title, heading in SECTIONS:
        lines += [f"## {title}", "", f"| {heading} | What it is | Source | Confirmed by |", "|---|---|---|---|"]
        lines += [_row(fact) for fact in facts if fact.kind == kind]
        lines.append("")
    lines += [ledger["tail"].rstrip(), "", "## Sources", "", "| Source | What it is |", "|---|---|"]
    lines += [f"| {source} | {text} |" for source, text in sorted(ledger["sources"].items()) if source != "unverified"]
    return "\n".join(lines) + "\n"


def _row(fact: Fact) -> str:
    what = "; ".join(filter(None, (fact.what, fact.note)))
    return f"| `{fact.name}` | {what} | {', '.join(fact.source)} | {', '.join(fact.confirmed) or '**unverified**'} |"


def main() -> int:
    """Write the page, or with --check compare it; the exit status is 1 when it is stale or the ledger is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 when something is stale or wrong")
    check = parser.parse_args().check
    ledger = yaml.safe_load(LEDGER.read_text("utf-8"))
    facts = facts_of(ledger)
    wrong = faults(names_in_code(), facts, ledger)
    text = page(facts, ledger)
    if not PAGE.is_file() or PAGE.read_text("utf-8") != text:
        if check:
            wrong.append(f"stale: {PAGE.relative_to(ROOT)} (write it with python docs/reference/evidence.py)")
        else:
            PAGE.write_text(text, "utf-8")
    for fault in wrong:
        print(fault)
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
