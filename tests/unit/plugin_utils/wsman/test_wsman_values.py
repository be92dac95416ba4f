# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIM values both ways: what is written is read again, and what servers write is understood."""

from __future__ import annotations

import random
import string
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.volact.kms.plugins.plugin_utils._wsman import (
    CimInstance,
    CimKey,
    CimSession,
    CimValue,
    Reference,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._namespaces import Name
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._resource import Addressing, addressed
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._time import read_time, write_datetime, write_interval
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._values import read_instance, write_instance
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._xml import parse, serialize

UTC = timezone.utc
ADDRESSING = Addressing()
CIM = 'xmlns:c="http://schemas.dmtf.org/wbem/wscim/1/common"'
CLASS_URI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/lab/Lab_Widget"


def there_and_back(properties: dict[str, CimValue]) -> CimInstance:
    node = write_instance(Name(CLASS_URI, "Lab_Widget"), properties, addressing=ADDRESSING, namespace="root/lab")
    return read_instance(parse(serialize(node), limit=1_000_000))


@pytest.fixture
def read(scripted: t.Any, envelope: t.Any) -> t.Callable[[str], CimInstance]:
    """The instance whose properties are this XML."""
    return lambda content: CimSession(scripted(envelope(f"<Lab_Widget {CIM}>{content}</Lab_Widget>"))).get("Lab_Widget")


def random_text(chance: random.Random) -> str:
    alphabet = (
        f"{string.printable.replace(chr(11), '').replace(chr(12), '')}\u00e4\u65e5\U0001f5a5\u2028\ufffd<>&\"']]>"
    )
    return "".join(chance.choice(alphabet) for _ in range(chance.randrange(12)))


def random_moment(chance: random.Random) -> datetime:
    zone = timezone(timedelta(minutes=chance.randrange(-14 * 60, 14 * 60)))
    digits = chance.choice([0, 1, 10**3, 10**5])
    return datetime(2, 1, 1, tzinfo=zone) + timedelta(
        days=chance.randrange(9990 * 365), seconds=chance.randrange(86_400), microseconds=digits * chance.randrange(10)
    )


def random_value(chance: random.Random, depth: int) -> tuple[CimValue, CimValue]:
    """A value to send, and what it is when read: a reply has no types."""
    kind = chance.randrange(10 if depth else 7)
    if kind == 0:
        return None, None
    if kind in {1, 2}:
        text = random_text(chance)
        return text, text
    if kind == 3:
        number = chance.choice([0, -1, 2**31, 2**32 - 1, 2**63, 2**64 - 1, -(2**63)])
        return number, str(number)
    if kind == 4:
        truth = chance.random() < 0.5
        return truth, str(truth).lower()
    if kind == 5:
        moment = random_moment(chance)
        return moment, moment
    if kind == 6:
        interval = timedelta(seconds=chance.randrange(10**9), microseconds=chance.randrange(10**6))
        return interval, interval
    if kind == 7:
        reference = Reference("Lab_Site", {"Id": random_text(chance), "Parent": Reference("Lab_Site", {})}, "root/lab")
        return reference, reference
    if kind == 8:
        pairs = [random_value(chance, depth - 1) for _ in range(1 + chance.randrange(3))]
        # An instance of nothing but a time looks like that time.
        pairs.append(("x", "x"))
        return (
            CimInstance("Lab_Part", {f"P{number}": sent for number, (sent, _) in enumerate(pairs)}),
            CimInstance("Lab_Part", {f"P{number}": read for number, (_, read) in enumerate(pairs)}),
        )
    pairs = [random_value(chance, 0) for _ in range(2 + chance.randrange(3))]
    return [sent for sent, _ in pairs], [read for _, read in pairs]


@pytest.mark.parametrize("seed", range(40))
def test_what_is_written_is_read_again(seed: int) -> None:
    chance = random.Random(seed)
    pairs = {f"Property{number}": random_value(chance, 3) for number in range(12)}

    instance = there_and_back({name: sent for name, (sent, _) in pairs.items()})

    assert instance == CimInstance("Lab_Widget", {name: read for name, (_, read) in pairs.items()})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("", "", id="an empty string is not null"),
        pytest.param(None, None, id="null"),
        pytest.param(["one"], "one", id="an array of one looks like a scalar"),
        pytest.param(["one", ""], ["one", ""], id="an array keeps its empty strings"),
        pytest.param([], None, id="an empty array is null"),
        pytest.param((1, True), ["1", "true"], id="a tuple is an array"),
        pytest.param(b"\x00\xff", ["0", "255"], id="bytes are an array of uint8"),
        pytest.param(" \r\n\t ", " \r\n\t ", id="white space is kept"),
        pytest.param(18446744073709551615, "18446744073709551615", id="uint64"),
    ],
)
def test_values_at_the_edges(value: CimValue, expected: CimValue) -> None:
    assert there_and_back({"Value": value})["Value"] == expected


def test_a_reference_reads_its_namespace_from_either_kind_of_address() -> None:
    reference = Reference("Lab_Site", {"Id": "4"}, "root/lab")
    omi = Addressing(class_uris=True)
    node = write_instance(Name("urn:x", "W"), {"Site": reference}, addressing=omi, namespace="root/lab")

    document = serialize(node)

    assert b'<w:Selector Name="__cimnamespace">root/lab</w:Selector>' in document
    assert read_instance(parse(document, limit=10_000))["Site"] == reference


@pytest.mark.parametrize(
    ("uri", "selectors", "expected"),
    [
        (CLASS_URI, {"Id": "4"}, Reference("Lab_Widget", {"Id": "4"}, "root/lab")),
        (CLASS_URI.upper(), {}, Reference("LAB_WIDGET", {}, "ROOT/LAB")),
        (CLASS_URI, {"__cimnamespace": "root/lab"}, Reference("Lab_Widget", {}, "root/lab")),
        ("urn:x/Lab_Site", {"__CIMNamespace": "root/lab", "Id": "4"}, Reference("Lab_Site", {"Id": "4"}, "root/lab")),
        ("urn:x/Lab_Site", {"Id": "4"}, Reference("Lab_Site", {"Id": "4"}, "root/cimv2")),
    ],
)
def test_addresses_of_either_kind_name_class_and_namespace(
    uri: str, selectors: dict[str, str | Reference], expected: Reference
) -> None:
    assert addressed(uri, selectors) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<P xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="1"/>', None),
        ('<P xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true">x</P>', None),
        ('<P xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="false"/>', ""),
        ('<P nil="true"/>', ""),
        ("<P> a <!-- b --> c </P>", " a  c "),
        ("<P><![CDATA[<x>]]></P>", "<x>"),
        ("<P>\n <c:Datetime>\n2026-01-02T03:04:05Z </c:Datetime>\n</P>", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("<P><c:Date>2026-01-02</c:Date></P>", datetime(2026, 1, 2, tzinfo=UTC)),
        ("<P><c:Time>03:04:05</c:Time></P>", "03:04:05"),
        ("<P><c:Interval>PT1.5S</c:Interval></P>", timedelta(seconds=1.5)),
        ("<P><c:Datetime/></P>", ""),
        ("<P>1</P><P/><P>3</P>", ["1", "", "3"]),
        ("<P><Q>1</Q></P>", CimInstance("P", {"Q": "1"})),
        ('<P><q:Q xmlns:q="urn:a/Lab_Part">1</q:Q></P>', CimInstance("Lab_Part", {"Q": "1"})),
        ('<P><q:Interval xmlns:q="urn:a/Lab_Part">1</q:Interval></P>', CimInstance("Lab_Part", {"Interval": "1"})),
        ("<P><Datetime>x</Datetime><Date>y</Date></P>", CimInstance("P", {"Datetime": "x", "Date": "y"})),
    ],
)
def test_what_servers_write_is_understood(content: str, expected: CimValue, read: t.Any) -> None:
    assert read(content)["P"] == expected


def test_a_malformed_reference_keeps_what_there_is(read: t.Any) -> None:
    reference = "<P><a:Address/><a:ReferenceParameters>{}</a:ReferenceParameters></P>"
    selectors = "<w:Selector>x</w:Selector><w:Selector Name='K'><a:EndpointReference/></w:Selector>"
    assert read(reference.format(""))["P"] == Reference("", {})
    assert read(reference.format(f"<w:SelectorSet>{selectors}</w:SelectorSet>"))["P"] == Reference(
        "", {"": "x", "K": ""}
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-03T04:05:06Z", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05:06", datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05:06+02:00", datetime(2026, 2, 3, 2, 5, 6, tzinfo=UTC)),
        ("2026-02-03T04:05:06-05:30", datetime(2026, 2, 3, 9, 35, 6, tzinfo=UTC)),
        ("2026-02-03T04:05:06.7Z", datetime(2026, 2, 3, 4, 5, 6, 700_000, tzinfo=UTC)),
        ("2026-02-03T04:05:06.000001Z", datetime(2026, 2, 3, 4, 5, 6, 1, tzinfo=UTC)),
        ("2026-02-03T04:05:06.123456789012Z", datetime(2026, 2, 3, 4, 5, 6, 123_456, tzinfo=UTC)),
        ("2026-02-03", datetime(2026, 2, 3, tzinfo=UTC)),
        ("1601-01-01T00:00:00Z", datetime(1601, 1, 1, tzinfo=UTC)),
        ("1601-01-01T00:00:00+01:00", datetime(1600, 12, 31, 23, tzinfo=UTC)),
        ("20260203040506.123456+060", datetime(2026, 2, 3, 3, 5, 6, 123_456, tzinfo=UTC)),
        ("16010101000000.000000-000", datetime(1601, 1, 1, tzinfo=UTC)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4, microseconds=500_000)),
        ("P180D", timedelta(days=180)),
        ("PT0S", timedelta(0)),
        ("00000012010203.000004:000", timedelta(days=12, hours=1, minutes=2, seconds=3, microseconds=4)),
        # What the calendar cannot hold, or is no time at all, stays text.
        ("2026-02-30T04:05:06Z", "2026-02-30T04:05:06Z"),
        ("2026-02-03T24:00:00Z", "2026-02-03T24:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("202602030405**.******+060", "202602030405**.******+060"),
        ("P999999999999D", "P999999999999D"),
        ("P1Y", "P1Y"),
        ("P", "P"),
        ("PT", "PT"),
        ("P1DT", "P1DT"),
        ("-PT1S", "-PT1S"),
        ("2026-02-03T04:05:06 Z", "2026-02-03T04:05:06 Z"),
        ("", ""),
    ],
)
def test_times_are_read_in_every_form(text: str, expected: object) -> None:
    assert read_time(text) == expected


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-02-03T04:05:06Z"),
        (datetime(2026, 2, 3, 4, 5, 6, 120_000, tzinfo=UTC), "2026-02-03T04:05:06.12Z"),
        (datetime(2026, 2, 3, 4, 5, 10, tzinfo=timezone(timedelta(hours=2))), "2026-02-03T02:05:10Z"),
        (datetime(601, 1, 1, tzinfo=UTC), "0601-01-01T00:00:00Z"),
    ],
)
def test_datetimes_are_written_in_utc_without_trailing_zeros(moment: datetime, text: str) -> None:
    assert write_datetime(moment) == text


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (timedelta(0), "P0DT0H0M0S"),
        (timedelta(days=7, hours=3, minutes=2, seconds=1), "P7DT3H2M1S"),
        (timedelta(seconds=1, microseconds=50_000), "P0DT0H0M1.05S"),
    ],
)
def test_intervals_are_written_in_days_and_below(interval: timedelta, text: str) -> None:
    assert write_interval(interval) == text


def test_a_naive_datetime_and_a_negative_interval_are_refused() -> None:
    with pytest.raises(ValueError, match="naive datetime"):
        write_datetime(datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="never negative"):
        write_interval(timedelta(seconds=-1))


@pytest.mark.parametrize("value", [1.5, object(), {"a": 1}])
def test_what_is_no_cim_value_is_refused_without_showing_it(value: t.Any) -> None:
    with pytest.raises(TypeError, match=f"{type(value).__name__} is not a CIM scalar"):
        there_and_back({"Value": value})


def test_keys_take_every_scalar_and_no_null(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(envelope("<one/>"))
    keys: dict[str, CimKey] = {
        "Number": 7,
        "Truth": True,
        "Text": "a<b",
        "Since": datetime(2026, 1, 2, tzinfo=UTC),
        "Age": timedelta(1),
        "Of": Reference("Lab_Site", {"Id": "4"}),
    }

    CimSession(transport).get("Lab_Widget", keys)

    (request,) = transport.sent
    for name, text in {"Number": "7", "Truth": "true", "Text": "a&lt;b", "Since": "2026-01-02T00:00:00Z"}.items():
        assert f'<w:Selector Name="{name}">{text}</w:Selector>'.encode() in request
    assert b'<w:Selector Name="Age">P1DT0H0M0S</w:Selector>' in request
    assert b'<w:Selector Name="Of"><a:EndpointReference><a:Address>' in request
    with pytest.raises(TypeError, match="NoneType is not a CIM scalar"):
        CimSession(transport).get("Lab_Widget", {"Id": None})
