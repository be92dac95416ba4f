# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of a query: where it ends, when it is released, and that it always ends."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadReply,
    CimFault,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, _enumeration

WQL = "SELECT Id FROM Lab_Widget"
ROW = "<w:XmlFragment><Id>{}</Id></w:XmlFragment>"


def first(rows: int = 1, context: str | None = "uuid:1", end: bool = False) -> str:
    return page("EnumerateResponse", "w", rows, context, end)


def pulled(rows: int = 1, context: str | None = "uuid:1", end: bool = False) -> str:
    return page("PullResponse", "n", rows, context, end)


def page(name: str, prefix: str, rows: int, context: str | None, end: bool) -> str:
    return (
        f"<n:{name}>"
        + ("" if context is None else f"<n:EnumerationContext>{context}</n:EnumerationContext>")
        + f"<{prefix}:Items>{''.join(ROW.format(row) for row in range(rows))}</{prefix}:Items>"
        + (f"<{prefix}:EndOfSequence/>" if end else "")
        + f"</n:{name}>"
    )


FAULT = (
    "<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value></s:Subcode></s:Code>"
    "<s:Reason><s:Text>The provider failed.</s:Text></s:Reason></s:Fault>"
)


@pytest.mark.parametrize(
    ("pages", "rows", "actions"),
    [
        pytest.param([first(1, "", end=True)], 1, ["Enumerate"], id="everything at once"),
        pytest.param([first(0, "", end=True)], 0, ["Enumerate"], id="an empty result"),
        pytest.param([first(1, "")], 1, ["Enumerate"], id="an empty context is the end"),
        pytest.param([first(1, " \n")], 1, ["Enumerate"], id="a blank context is the end"),
        pytest.param([first(1, None)], 1, ["Enumerate"], id="no context is the end of a first response"),
        pytest.param([first(1, "uuid:1", end=True)], 1, ["Enumerate"], id="the end needs no context to be empty"),
        pytest.param([first(0), pulled(2, end=True)], 2, ["Enumerate", "Pull"], id="nothing at first"),
        pytest.param([first(1), pulled(0, end=True)], 1, ["Enumerate", "Pull"], id="nothing at last"),
        pytest.param([first(1), pulled(1, "")], 2, ["Enumerate", "Pull"], id="an empty context ends a Pull"),
        pytest.param(
            [first(1), pulled(1, None), pulled(1, None, end=True)],
            3,
            ["Enumerate", "Pull", "Pull"],
            id="no context in a PullResponse keeps the one before",
        ),
        pytest.param(
            [
                first(1).replace("w:", "n:").replace("n:XmlF", "w:XmlF"),
                pulled(1, "", end=True).replace("n:End", "w:End"),
            ],
            2,
            ["Enumerate", "Pull"],
            id="items and end in the other namespace",
        ),
        pytest.param(
            [
                "<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext></n:EnumerateResponse>",
                "<n:PullResponse><n:EndOfSequence/></n:PullResponse>",
            ],
            0,
            ["Enumerate", "Pull"],
            id="no items at all",
        ),
    ],
)
def test_an_enumeration_is_read_to_its_end(
    pages: list[str], rows: int, actions: list[str], scripted: t.Any, envelope: t.Any
) -> None:
    transport = scripted(*map(envelope, pages))

    assert len(CimSession(transport).query(WQL)) == rows

    assert transport.actions == actions


def test_each_pull_sends_the_context_of_the_page_before(scripted: t.Any, envelope: t.Any) -> None:
    pages = [first(1, "a &amp; b"), pulled(1, "c"), pulled(1, "d", end=True)]
    transport = scripted(*map(envelope, pages))

    CimSession(transport).query(WQL)

    assert b"<n:EnumerationContext>a &amp; b</n:EnumerationContext>" in transport.sent[1]
    assert b"<n:EnumerationContext>c</n:EnumerationContext>" in transport.sent[2]


def test_a_fault_in_a_pull_releases_the_enumeration(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(
        envelope(first(1, "uuid:1")), envelope(pulled(1, "uuid:2")), (500, envelope(FAULT)), envelope("")
    )

    with pytest.raises(CimFault, match=r"^The provider failed\.$") as caught:
        CimSession(transport).query(WQL)

    assert (caught.value.operation, caught.value.target) == ("Pull", "Lab_Widget")
    assert transport.actions == ["Enumerate", "Pull", "Pull", "Release"]
    assert b"<n:Release><n:EnumerationContext>uuid:2</n:EnumerationContext></n:Release>" in transport.sent[3]


@pytest.mark.parametrize("release", [(500, b""), (200, b"<html/>"), TransportLost("gone"), TransportTimeout("slow")])
def test_what_goes_wrong_with_the_release_does_not_hide_the_error(
    release: t.Any, scripted: t.Any, envelope: t.Any
) -> None:
    transport = scripted(envelope(first()), (500, envelope(FAULT)), release)
    with pytest.raises(CimFault, match="The provider failed"):
        CimSession(transport).query(WQL)


def test_an_answer_that_is_no_page_releases_the_enumeration(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(envelope(first()), envelope("<other/>"), envelope(""))
    with pytest.raises(BadReply, match="answered Pull of Lab_Widget with a SOAP body that does not hold"):
        CimSession(transport).query(WQL)
    assert transport.actions == ["Enumerate", "Pull", "Release"]


@pytest.mark.parametrize("error", [TransportLost("gone", sent=False), TransportTimeout("slow")])
def test_a_machine_out_of_reach_is_not_asked_to_release(error: Exception, scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(envelope(first()), error)
    with pytest.raises(type(error)):
        CimSession(transport).query(WQL)
    assert transport.actions == ["Enumerate", "Pull"]


def test_a_query_that_is_refused_at_once_has_nothing_to_release(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted((500, envelope(FAULT)))
    with pytest.raises(CimFault):
        CimSession(transport).query(WQL)
    assert transport.actions == ["Enumerate"]


@pytest.mark.parametrize(
    ("limit", "value", "pages"),
    [("MAX_ROWS", 25, 3), ("MAX_PAGES", 2, 3), ("MAX_FULL_REPLIES", 0, 1)],
)
def test_a_result_without_end_is_left_and_released(
    limit: str, value: int, pages: int, scripted: t.Any, envelope: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_enumeration, limit, value)
    replies = [envelope(first(10)), *[envelope(pulled(10))] * (pages - 1)]
    transport = scripted(*replies, envelope(""))

    with pytest.raises(BadReply, match=rf"a result without end: {10 * pages} rows on {pages} pages so far"):
        CimSession(transport).query(WQL)

    assert transport.actions == ["Enumerate", *["Pull"] * (pages - 1), "Release"]


def test_a_result_with_an_end_is_taken_whatever_its_last_page_holds(
    scripted: t.Any, envelope: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_enumeration, "MAX_ROWS", 10)
    monkeypatch.setattr(_enumeration, "MAX_PAGES", 1)
    assert len(CimSession(scripted(envelope(first(10)), envelope(pulled(15, end=True)))).query(WQL)) == 25


@pytest.mark.parametrize("wql", ["", "SELECT 1", "SELECT * FROM", "SELECT * FROM 'Lab_Widget'", "SELECT 'x FROM y'"])
def test_a_query_without_a_class_is_refused(wql: str, scripted: t.Any) -> None:
    with pytest.raises(ValueError, match="the query has no FROM clause"):
        CimSession(scripted()).query(wql)


@pytest.mark.parametrize(
    "wql",
    [
        "select id from Lab_Widget",
        "SELECT Id\nFROM\tLab_Widget\nWHERE Note = 'from Nowhere'",
        "SELECT Id FROM Lab_Widget WHERE Note = \"it's from Nowhere\" AND Path = 'C:\\\\'",
    ],
)
def test_the_class_of_a_row_is_found_in_the_query(wql: str, scripted: t.Any, envelope: t.Any) -> None:
    (row,) = CimSession(scripted(envelope(first(1, "")))).query(wql)
    assert row.class_name == "Lab_Widget"
