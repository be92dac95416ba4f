# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""XML both ways: reading what an untrusted machine sent, writing compact requests."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, MissingLibrary

from ._namespaces import PREFIXES, XML, Name

try:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import DefusedXMLParser
except ImportError:
    HAS_DEFUSEDXML = False
else:
    HAS_DEFUSEDXML = True

#: A reply of the largest envelope Windows sends (500 KB) holds a tenth of this, and is six levels deep.
MAX_ELEMENTS = 200_000
MAX_DEPTH = 64

_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UNMARKED = ((b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
_DECLARATION = re.compile(r"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]*)[\"']")
_DECLARED_AS = {
    "utf-8": {"utf-8", "utf8", "us-ascii"},
    "utf-16-le": {"utf-16", "utf-16le"},
    "utf-16-be": {"utf-16", "utf-16be"},
}
# The complement of the Char production. Source: XML 1.0, "2.2 Characters"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# All that cannot stand anywhere as it is; in few of the texts is any of it.
_NOT_PLAIN = re.compile(f'[&<>"\t\n\r]|{_NOT_XML.pattern}')
# A bare carriage return would arrive as a line feed, and in an attribute other white space as a space.
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = _IN_TEXT | str.maketrans({'"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


class Unreadable(Exception):
    """Why a document isn't read: what it is or has, as a phrase that holds nothing of it."""


class _BoundedTree(TreeBuilder):
    """Builds the tree, and stops as soon as it is deeper or larger than any honest reply."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._elements = 0

    def start(self, tag: t.Any, attrs: t.Any, /) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(f"elements nested deeper than {MAX_DEPTH} levels")
        if self._elements > MAX_ELEMENTS:
            raise Unreadable(f"more than {MAX_ELEMENTS} elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def parse(body: bytes, *, limit: int) -> Element:
    """The root of the XML document `body` of at most `limit` bytes.

    Raises `Unreadable` for anything else than well-formed UTF-8 or UTF-16 without document type and entities, and for
    more depth or elements than any honest reply has. Raises `MissingLibrary` without defusedxml.
    """
    if not HAS_DEFUSEDXML:
        raise MissingLibrary("defusedxml", "0.7.1", "to read what Windows machines answer")
    if len(body) > limit:
        raise Unreadable(f"more than {limit} bytes")
    parser = DefusedXMLParser(target=_BoundedTree(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(_decode(body))
        root: Element = parser.close()
    except DefusedXmlException:
        raise Unreadable("a document type or entities, which SOAP forbids") from None
    except ParseError as error:
        line, column = error.position
        raise Unreadable(f"what is not well-formed XML at line {line}, column {column}") from None
    return root


def _decode(body: bytes) -> str:
    """The document as text. What it declares must be what it is: expat would also take Latin-1 and code pages."""
    encoding = next((name for mark, name in (*_BYTE_ORDER_MARKS, *_UNMARKED) if body.startswith(mark)), "utf-8")
    try:
        text = body.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise Unreadable(f"what is not valid {encoding.upper()}") from None
    declaration = _DECLARATION.match(text)
    if declaration and declaration[1].lower() not in _DECLARED_AS[encoding]:
        raise Unreadable(f"a declaration of another character set than {encoding.upper()}, which it is in")
    return text


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace_of(element: Element) -> str:
    """The element's namespace, ``""`` for none."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def child(parent: Element, *names: Name) -> Element | None:
    """The first child that has one of these names, or None."""
    # Not iterfind, which interprets a path in Python each time; find knows a bare name when it sees one.
    return next((found for name in names if (found := parent.find(name.clark)) is not None), None)


def child_text(parent: Element, *names: Name) -> str | None:
    """The trimmed text of that child; None if there is no such child, or nothing in it."""
    element = child(parent, *names)
    return None if element is None else (element.text or "").strip() or None


@dataclass(frozen=True, slots=True)
class Node:
    """An element to send: text or children, and attributes whose values may be qualified names."""

    name: Name
    content: str | tuple[Node, ...] = ()
    attributes: Mapping[Name, str | Name] = field(default_factory=dict)


def serialize(root: Node) -> bytes:
    """`root` as a compact UTF-8 document, each namespace in use declared once at the root.

    Raises `BadInput` for a text that XML cannot carry.
    """
    prefixes: dict[str, str] = {}
    start = f"<{_spell(root.name, prefixes)}"
    rest = _render(root, prefixes).removeprefix(start)
    declared = (f' xmlns:{prefix}="{uri.translate(_IN_ATTRIBUTE)}"' for uri, prefix in prefixes.items() if uri != XML)
    return f"{start}{''.join(declared)}{rest}".encode()


def _render(node: Node, prefixes: dict[str, str]) -> str:
    """`node` as text, with a prefix in `prefixes` for each namespace that occurs."""
    tag = _spell(node.name, prefixes)
    attributes = ""
    for name, value in node.attributes.items():
        spelt = f" {_spell(name, prefixes)}"
        text = _spell(value, prefixes) if isinstance(value, Name) else _escape(value, _IN_ATTRIBUTE)
        attributes += f'{spelt}="{text}"'
    if not node.content:
        return f"<{tag}{attributes}/>"
    if isinstance(node.content, str):
        content = _escape(node.content, _IN_TEXT)
    else:
        content = "".join(_render(inner, prefixes) for inner in node.content)
    return f"<{tag}{attributes}>{content}</{tag}>"


def _spell(name: Name, prefixes: dict[str, str]) -> str:
    if not name.namespace:
        return name.local
    if name.namespace not in prefixes:
        prefixes[name.namespace] = PREFIXES.get(name.namespace, f"q{len(prefixes)}")
    return f"{prefixes[name.namespace]}:{name.local}"


def _escape(text: str, escapes: Mapping[int, str]) -> str:
    if not _NOT_PLAIN.search(text):
        return text
    if _NOT_XML.search(text):
        raise BadInput(
            "A value holds a control character, which cannot be sent to a Windows machine; nothing was sent."
        )
    return text.translate(escapes)
