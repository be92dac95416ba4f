# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every shape of a fault becomes one typed error with the code that says most."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    AuthenticationRefused,
    BadReply,
    CimFault,
    NotSupported,
    OperationTimedOut,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._fault import LONGEST_MESSAGE, mask_product_keys

GENERIC = 2150858752  # 0x80338000
CIM2 = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
KEY = "BBBBB-CCCCC-DDDDD-FFFFF-XXXXX"


def fault(
    detail: str = "",
    reason: str = "It did not work.",
    value: str = "s:Receiver",
    subcode: str | None = "w:InternalError",
) -> str:
    inner = "" if subcode is None else f"<s:Subcode><s:Value>{subcode}</s:Value></s:Subcode>"
    return (
        f"<s:Fault><s:Code><s:Value>{value}</s:Value>{inner}</s:Code>"
        f'<s:Reason><s:Text xml:lang="">{reason}</s:Text></s:Reason>'
        + (f"<s:Detail>{detail}</s:Detail>" if detail else "")
        + "</s:Fault>"
    )


def wsman(code: object, message: str = "") -> str:
    return f'<f:WSManFault Code="{code}" Machine="WIN01"><f:Message>{message}</f:Message></f:WSManFault>'


def provider(content: str) -> str:
    return f'<f:ProviderFault provider="WMI Provider" path="plugin.dll">{content}</f:ProviderFault>'


def extended(code: str, namespace: str = f"{CIM2}__ExtendedStatus") -> str:
    return (
        f'<f:ExtendedError><p:__ExtendedStatus xmlns:p="{namespace}"><p:Description xsi:nil="true"/>'
        f"<p:Operation>ExecMethod</p:Operation><p:ParameterInfo>{KEY}</p:ParameterInfo>{code}"
        "</p:__ExtendedStatus></f:ExtendedError>"
    )


def wmi(code: object, message_id: str = "", kind: str = "HRESULT", namespace: str = f"{CIM2}MSFT_WmiError") -> str:
    return (
        f'<p:MSFT_WmiError xmlns:p="{namespace}"><p:CIMStatusCode>1</p:CIMStatusCode>'
        f"<p:Message>The provider says no.</p:Message><p:MessageID>{message_id}</p:MessageID>"
        f"<p:error_Code>{code}</p:error_Code><p:error_Type>{kind}</p:error_Type></p:MSFT_WmiError>"
    )


@pytest.fixture
def raised(scripted: t.Any, envelope: t.Any) -> t.Callable[..., CimFault]:
    """The error for a fault, sent under an HTTP status."""

    def build(body: str, status: int = 500, relates_to: str = "MESSAGE-ID") -> CimFault:
        session = CimSession(scripted((status, envelope(body, relates_to=relates_to))))
        with pytest.raises(CimFault) as caught:
            session.invoke("Lab_Service", "Activate", keys={"Version": "1"})
        return caught.value

    return build


SHAPES = {
    "no detail": (fault(subcode=None), None, None),
    "WSManFault": (fault(wsman(2150859174, "Quota.")), 0x803381A6, 0x803381A6),
    "WSManFault with the code of a provider": (fault(wsman(0xC004F074)), 0xC004F074, 0xC004F074),
    "nested WSManFault": (fault(wsman(GENERIC, provider(wsman(0x80041002)))), 0x80041002, 0x80338000),
    "two generic ones: the inner": (fault(wsman(GENERIC, provider(wsman(2150858778)))), 0x8033801A, 0x80338000),
    "__ExtendedStatus": (
        fault(wsman(GENERIC, provider(wsman(GENERIC) + extended("<p:StatusCode>2147749911</p:StatusCode>")))),
        0x80041017,
        0x80338000,
    ),
    "__ExtendedStatus in the WMI namespace": (
        fault(
            wsman(
                GENERIC,
                provider(
                    extended(
                        "<p:StatusCode>2147749911</p:StatusCode>",
                        "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/__ExtendedStatus",
                    )
                ),
            )
        ),
        0x80041017,
        0x80338000,
    ),
    "__ExtendedStatus without a code": (
        fault(wsman(GENERIC, provider(wsman(GENERIC) + extended('<p:StatusCode xsi:nil="true"/>')))),
        0x80338000,
        0x80338000,
    ),
    "text of a ProviderFault, negative decimal": (
        fault(wsman(GENERIC, provider("Error -1073418124 while calling the method."))),
        0xC004F074,
        0x80338000,
    ),
    "text of a ProviderFault, hexadecimal": (
        fault(wsman(GENERIC, provider("The provider failed with 0xc004f042."))),
        0xC004F042,
        0x80338000,
    ),
    "sentence of an unknown WMI error": (
        fault(wsman(2150858755, "The WMI provider returned an unknown error: HRESULT 0xc004f074")),
        0xC004F074,
        0x80338003,
    ),
    "sentence in the reason alone": (fault(reason="unknown error: HRESULT 0x8004106C"), 0x8004106C, None),
    "a failure of WMI that only wraps another": (
        fault(wsman(2147749889, provider("Error 0xC004C020."))),
        0xC004C020,
        0x80041001,
    ),
    "two sentences: the inner": (
        fault(wsman(GENERIC, provider("Error 0xC004F038.")), reason="Error 0x8004106C."),
        0xC004F038,
        0x80338000,
    ),
    "an unspecific failure and nothing else": (
        fault(wsman(GENERIC, provider(wsman(2147749889)))),
        0x80041001,
        0x80338000,
    ),
    "MSFT_WmiError": (fault(wmi(2147749911, "HRESULT 0x80041017")), 0x80041017, None),
    "MSFT_WmiError, signed": (fault(wmi(-1073418124)), 0xC004F074, None),
    "MSFT_WmiError, MessageID alone": (fault(wmi("", "HRESULT 0xC004F038")), 0xC004F038, None),
    "MSFT_WmiError, code that is no HRESULT": (fault(wmi(27, "HRESULT 0xC004F038", "CIM")), 0xC004F038, None),
    "MSFT_WmiError, type not said": (fault(wmi(2147749911, kind="")), 0x80041017, None),
    "MSFT_WmiError in a namespace of WMI": (
        fault(wmi(2150859174, namespace="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/x/MSFT_WmiError")),
        0x803381A6,
        None,
    ),
    "old short code": (fault(wsman(32768)), 0x80338000, 0x80338000),
    "plain Windows error": (fault(wsman(5, "Access is denied.")), 0x80070005, 0x80070005),
    "zero, and no number": (fault(wsman(0) + wsman("many")), None, None),
    "numbers that are no HRESULT": (
        fault(reason="Error 0x00000005, 0x7FFFFFFF, -12, -3000000000, -9999999999, 0x800410170"),
        None,
        None,
    ),
}


@pytest.mark.parametrize(("body", "code", "wsman_code"), SHAPES.values(), ids=SHAPES)
def test_the_most_specific_code_is_found(body: str, code: int | None, wsman_code: int | None, raised: t.Any) -> None:
    error = raised(body)

    assert type(error) is CimFault
    assert error.code == code
    assert error.wsman_code == wsman_code
    assert (error.operation, error.target) == ("Activate", "Lab_Service")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (fault(wsman(2150858793), subcode="w:TimedOut"), 0x80338029),
        (fault(subcode="wsman:TimedOut"), 0x80338029),
        (fault(wsman(2150858793), subcode=None), 0x80338029),
        (fault(wmi(2150858793)), 0x80338029),
        (fault(wsman(GENERIC, provider("Error -2144108503."))), 0x80338000),
    ],
)
def test_a_timeout_of_the_server_has_its_own_error(body: str, code: int, raised: t.Any) -> None:
    error = raised(body)
    assert type(error) is OperationTimedOut
    assert error.code == code


@pytest.mark.parametrize(
    "body",
    [
        fault(subcode="w:AccessDenied"),
        fault(wsman(5)),
        fault(wsman(0x80338104, provider(wsman(0x80338104)))),
        fault(wmi(0x80041003)),
    ],
)
def test_a_denied_access_names_the_setting_that_filters_tokens(body: str, raised: t.Any) -> None:
    assert "LocalAccountTokenFilterPolicy" in raised(body).hint


def test_any_other_fault_has_no_hint(raised: t.Any) -> None:
    assert raised(fault(wsman(GENERIC), subcode="a:DestinationUnreachable")).hint is None


@pytest.mark.parametrize("status", [200, 400, 500, 503])
def test_a_fault_is_a_fault_under_any_http_status(status: int, raised: t.Any) -> None:
    assert raised(fault(wsman(5)), status=status).code == 0x80070005


@pytest.mark.parametrize("relates_to", ["", "uuid.761", "uuid:00000000-0000-4000-8000-000000000000"])
def test_a_fault_need_not_relate_to_the_request(relates_to: str, raised: t.Any) -> None:
    assert raised(fault(), relates_to=relates_to).message == "It did not work."


@pytest.mark.parametrize(
    ("subcode", "expected"),
    [
        ("w:AccessDenied", "w:AccessDenied"),
        (" a:DestinationUnreachable ", "a:DestinationUnreachable"),
        (None, None),
        ("", None),
        (f"x {KEY}", None),
        ("x" * 100, None),
    ],
)
def test_the_subcode_is_a_qualified_name_or_none(subcode: str | None, expected: str | None, raised: t.Any) -> None:
    assert raised(fault(subcode=subcode)).subcode == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (fault(wsman(5, "Inner."), reason=" One\n  two.\t"), "One two."),
        (fault(wsman(5, "Only\ninner."), reason=""), "Only inner."),
        (fault(wsman(5, provider("Only the provider.")), reason="  "), "Only the provider."),
        (fault(wmi(5), reason=""), "The provider says no."),
        (fault(reason=""), "The machine reported a fault without a text."),
        ("<s:Fault/>", "The machine reported a fault without a text."),
        (fault(reason="\u30a8\u30e9\u30fc&#x85;\u200bok\u202e!"), "\u30a8\u30e9\u30fc ok !"),
    ],
)
def test_the_message_is_the_first_text_there_is_on_one_line(body: str, message: str, raised: t.Any) -> None:
    assert raised(body).message == message


def test_a_message_without_end_is_cut(raised: t.Any) -> None:
    message = raised(fault(reason="a " * LONGEST_MESSAGE)).message
    assert len(message) == LONGEST_MESSAGE + 3
    assert message.endswith("...")


@pytest.mark.parametrize(
    "shown",
    [
        KEY,
        KEY.lower(),
        KEY.replace("-", "\u2013"),
        KEY.replace("-", " - "),
        KEY.replace("-", "\n-"),
        KEY.replace("-", ""),
    ],
)
def test_of_a_product_key_in_a_fault_only_the_last_five_characters_remain(shown: str, raised: t.Any) -> None:
    error = raised(fault(wsman(0xC004F050, f"Bad key {shown}."), reason=f'The key "{shown}" is invalid.'))

    assert error.message.upper() == 'THE KEY "*****-*****-*****-*****-XXXXX" IS INVALID.'
    assert "BBBBB" not in f"{error} {error!r} {error.as_result()}".upper()


def test_the_alphabet_of_keys_holds_digits() -> None:
    assert mask_product_keys("(2222233333444446666677777)") == "(*****-*****-*****-*****-77777)"


@pytest.mark.parametrize(
    "text",
    [
        "The activation ID 73111121-5638-40f6-bc11-f1d7b0d64300 was not found.",
        "Lizenzierungsdienstfehler aufgetreten: Wiederherstellungspunkten fehlt alles",
        "uuid:00000000-0000-4000-8000-0000000000AA",
        "one-two-three-four-five",
    ],
)
def test_what_is_no_product_key_is_left_alone(text: str) -> None:
    assert mask_product_keys(text) == text


def test_parameters_of_the_failed_call_are_never_shown(raised: t.Any) -> None:
    error = raised(fault(wsman(GENERIC, provider(extended(""))), reason=""))
    assert "BBBBB" not in f"{error} {vars(error)}"


def test_401_is_a_refused_authentication(scripted: t.Any) -> None:
    with pytest.raises(AuthenticationRefused, match=r"win01\.example\.test.*did not accept the credentials.*HTTP 401"):
        CimSession(scripted((401, b""))).get("Lab_Widget")


def test_413_says_that_the_request_was_too_large(scripted: t.Any) -> None:
    with pytest.raises(NotSupported, match=r"refused Get of Lab_Widget because the request is too large") as caught:
        CimSession(scripted((413, b"<html>413</html>"))).get("Lab_Widget")
    assert "MaxEnvelopeSizekb" in (caught.value.hint or "")


def test_500_without_a_body_names_unencrypted_messages(scripted: t.Any) -> None:
    with pytest.raises(
        BadReply, match=r"refuses unencrypted messages \(AllowUnencrypted is false\) \(HTTP 500\)"
    ) as caught:
        CimSession(scripted((500, b""))).get("Lab_Widget")
    assert caught.value.hint == "Use message encryption (NTLM, Kerberos or CredSSP) or HTTPS."


@pytest.mark.parametrize(
    ("status", "body", "sentence", "hint"),
    [
        (200, b"", "with nothing (HTTP 200)", "something else answer in its place"),
        (404, b"", "with nothing (HTTP 404)", "URL prefix"),
        (503, b"<html>busy</html>", "with something that is not a SOAP 1.2 envelope (HTTP 503)", "overloaded"),
        (403, b"Forbidden", "with what is not well-formed XML at line 1, column 0 (HTTP 403)", "proxy"),
        (500, b"<html/>", "with something that is not a SOAP 1.2 envelope (HTTP 500)", "something else"),
        (302, b"", "with nothing (HTTP 302)", "something else"),
    ],
)
def test_any_other_status_names_endpoint_and_status(
    status: int, body: bytes, sentence: str, hint: str, scripted: t.Any
) -> None:
    with pytest.raises(BadReply) as caught:
        CimSession(scripted((status, body))).get("Lab_Widget")
    assert caught.value.hint is not None
    assert hint in caught.value.hint
    assert caught.value.message == (
        f"http://win01.example.test:5985/wsman answered Get of Lab_Widget {sentence}. {caught.value.hint}"
    )


def test_an_answer_under_another_status_than_200_is_not_believed(scripted: t.Any, envelope: t.Any) -> None:
    with pytest.raises(BadReply, match=r"with neither an answer nor a fault \(HTTP 202\)"):
        CimSession(scripted((202, envelope("<one/>")))).get("Lab_Widget")
