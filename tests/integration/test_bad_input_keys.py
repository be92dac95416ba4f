# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys and machines that don't go together: the whole message, an unchanged site, and nothing spent.

What only the installation of a key can show changes something: those tests say exactly what is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bad_input_play import Case, run_cases, without_time
from published_keys import published_key
from running_lab import RunningLab, running_lab

pytestmark = pytest.mark.bad_input

SITE = Path(__file__).with_name("bad_input_site.yml")

CLIENT_MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKNWC"
SERVER_MAK = "GGGGG-HHHHH-JJJJJ-KKKKK-MKNWT"
DATACENTER_MAK = "HHHHH-JJJJJ-KKKKK-MMMMM-MKNWD"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
CLIENT_HOST_KEY = "PPPPP-QQQQQ-RRRRR-TTTTT-KMNXP"
NOBODYS_KEY = "WWWWW-XXXXX-YYYYY-QQQQQ-MKNPP"
GVLK_11_PRO = published_key("Windows 11 / Windows 10", "Pro")
GVLK_11_ENTERPRISE = published_key("Windows 11 / Windows 10", "Enterprise")
GVLK_2022_DATACENTER = published_key("Windows Server 2022", "Datacenter")

KMS = {"channel": "kms", "activate": "if_needed"}
MAK = {"channel": "mak", "activate": "if_needed"}
HOST = {"activate": "if_needed", "dns_publishing": False, "firewall": {"state": "enabled", "allow_public": True}}

FORM = (
    " A key is five groups of five characters from 2346789BCDFGHJKMNPQRTVWXY, joined by hyphens. Nothing was changed."
)
CONVERT = "Convert it first: DISM /Online /Set-Edition:<edition> /ProductKey:<key> /AcceptEula, then restart."
EVALUATION = (
    "EVAL01 runs Server Datacenter Evaluation (SKU 80, build 20348), and an evaluation edition takes no volume key. "
    f"Nothing was changed. {CONVERT}"
)
#: Which of these a Windows says is unverified.
WRONG_EDITION = ("0xC004F069", "0xC004F050", "0xC004E016", "0xC0000022")
TYPING_ERROR = "Look for a typing error, or for dashes that a text editor replaced."
BY_EDITION = "Leave product_key out: the right client setup key is chosen by edition."
COMPARE_MAK = "Compare product_key with the agreement: it has to be a MAK for that."
COMPARE_HOST = "Compare product_key with the agreement: it has to be a KMS host key for that."


@dataclass(frozen=True)
class Refusal:
    """What a user reads when a case is refused; `operations`: what was done all the same."""

    case: Case
    msg: str
    kind: str
    operation: str
    hint: str
    code: str | None = None
    symbol: str | None = None
    operations: tuple[str, ...] = ()

    def result(self) -> dict[str, Any]:
        """The result of the task, but for the state of the machine, and for what else is known of a code."""
        return {
            "status": "FAILED",
            "changed": bool(self.operations),
            "operations": list(self.operations),
            "msg": self.msg,
            "error": {
                "kind": self.kind,
                "code": self.code,
                "name": self.symbol,
                "operation": self.operation,
                "hint": self.hint,
            },
        }


def told(result: dict[str, Any], refusal: Refusal) -> dict[str, Any]:
    """The part of a result that `refusal` is about."""
    wanted = refusal.result()
    shown = {name: value for name, value in result.items() if name in wanted}
    return shown | {"error": {name: value for name, value in result["error"].items() if name in wanted["error"]}}


def as_spoken(refusal: Refusal, result: dict[str, Any]) -> Refusal:
    """The refusal with the code by which this machine says that a key is for another edition."""
    code, symbol = result["error"]["code"], result["error"]["name"]
    if refusal.code != WRONG_EDITION[0] or code not in WRONG_EDITION:
        return refusal
    msg = refusal.msg.replace(f"{refusal.code} {refusal.symbol}", " ".join(filter(None, (code, symbol))))
    return replace(refusal, msg=msg, code=code, symbol=symbol)


def bad_form(name: str, host: str, module: str, problem: str, **options: Any) -> Refusal:
    return Refusal(
        Case(name, host, module, options),
        f"product_key does not have the form of a product key: {problem}.{FORM}",
        "bad_input",
        "validate",
        TYPING_ERROR,
    )


UNCHANGED = [
    bad_form(
        "a key with groups missing",
        "win01",
        "client",
        "its groups have the lengths 5-5-5",
        **KMS,
        product_key="BBBBB-CCCCC-DDDDD",
    ),
    bad_form(
        "a host key with groups missing",
        "kms02",
        "host",
        "its groups have the lengths 5-5-5-5",
        **HOST,
        product_key="MMMMM-PPPPP-QQQQQ-RRRRR",
    ),
    bad_form(
        "a key with a vowel",
        "win01",
        "client",
        "group 5 has a character that product keys never use",
        **MAK,
        product_key="BBBBB-CCCCC-DDDDD-FFFFF-MKAWC",
    ),
    bad_form(
        "a key with two N",
        "win01",
        "client",
        "it has more than one letter N, which no key has",
        **MAK,
        product_key="BBBBB-CCCCC-DDDDD-FFFFF-MNNWC",
    ),
    Refusal(
        Case("the client setup key of another edition", "win01", "client", {**KMS, "product_key": GVLK_11_PRO}),
        "product_key (ending in T83GX) is the client setup key of Windows 11 / Windows 10 Pro, and WIN01 takes the one "
        "of Windows 11 / Windows 10 Enterprise. Nothing was changed. Leave product_key out: the right key (ending in "
        "2YT43) is chosen by edition.",
        "bad_input",
        "plan",
        "Leave product_key out.",
    ),
    Refusal(
        Case("a client setup key as MAK", "win01", "client", {**MAK, "product_key": GVLK_11_ENTERPRISE}),
        "product_key (ending in 2YT43) is the published client setup key of Windows 11 / Windows 10 Enterprise, not a "
        "MAK. Nothing was changed. Give a MAK, or set channel to kms.",
        "bad_input",
        "plan",
        "channel: kms",
    ),
    Refusal(
        Case("a client setup key for a KMS host", "kms02", "host", {**HOST, "product_key": GVLK_2022_DATACENTER}),
        "product_key (ending in 6VM33) is the published client setup key of Windows Server 2022 Datacenter, not a KMS "
        "host key. Nothing was changed. Give the KMS host key (CSVLK) of your agreement.",
        "bad_input",
        "plan",
        "The keys of an agreement are listed where it is administered, KMS host keys under 'KMS'.",
    ),
    Refusal(
        Case("a client key on a KMS host", "kms01", "client", KMS),
        "KMS01 is a KMS host, and a client key would end that: its clients could no longer activate. Nothing was "
        "changed. If it should become a client, set convert_host to true.",
        "bad_input",
        "plan",
        "convert_host: true",
    ),
    Refusal(
        Case("the MAK of the machine as host key", "srv01", "host", {**HOST, "product_key": SERVER_MAK}),
        "product_key (ending in MKNWT) is installed on SRV01 already, as a MAK, and a KMS host key was asked for. "
        "Nothing was changed. Give a KMS host key as product_key.",
        "bad_input",
        "plan",
        "Give a KMS host key as product_key.",
    ),
    Refusal(
        Case("a MAK that is missing", "win03", "client", MAK),
        "channel is mak, WIN03 has no MAK, and no product_key was given. Nothing was changed. Give the MAK as "
        "product_key, from a vault.",
        "bad_input",
        "plan",
        'product_key: "{{ vault_mak }}"',
    ),
    Refusal(Case("an evaluation edition", "eval01", "client", KMS), EVALUATION, "not_supported", "choose_key", CONVERT),
    Refusal(
        Case("an evaluation edition with a MAK", "eval01", "client", {**MAK, "product_key": DATACENTER_MAK}),
        EVALUATION,
        "not_supported",
        "choose_key",
        CONVERT,
    ),
    Refusal(
        Case("an evaluation edition as KMS host", "eval01", "host", {**HOST, "product_key": HOST_KEY}),
        EVALUATION,
        "not_supported",
        "choose_key",
        CONVERT,
    ),
    Refusal(
        Case("Home", "home01", "client", KMS),
        "HOME01 runs Home (SKU 101, build 22631), and Microsoft publishes no client setup key for it "
        "(Home/Starter/RT family: not a volume edition). Nothing was changed. Use a volume edition such as Pro, "
        "Enterprise or Education, or another kind of key.",
        "not_supported",
        "choose_key",
        "Use a volume edition such as Pro, Enterprise or Education, or another kind of key.",
    ),
    Refusal(
        Case("Home with the MAK of Enterprise", "home01", "client", {**MAK, "product_key": CLIENT_MAK}),
        "HOME01 refused the product key ending in MKNWC (0xC004F069 SL_E_MISMATCHED_PRODUCT_SKU): it is mistyped, or "
        f"for another edition than Home (build 22631). It still has none. {COMPARE_MAK}",
        "bad_input",
        "InstallProductKey",
        COMPARE_MAK,
        "0xC004F069",
        "SL_E_MISMATCHED_PRODUCT_SKU",
    ),
    Refusal(
        Case("a MAK of another edition", "win01", "client", {**MAK, "product_key": SERVER_MAK}),
        "WIN01 refused the product key ending in MKNWT (0xC004F069 SL_E_MISMATCHED_PRODUCT_SKU): it is mistyped, or "
        "for another edition than Enterprise (build 22631). The former key (ending in MKNWC) is still in place. "
        f"{COMPARE_MAK}",
        "bad_input",
        "InstallProductKey",
        COMPARE_MAK,
        "0xC004F069",
        "SL_E_MISMATCHED_PRODUCT_SKU",
    ),
    Refusal(
        Case("a key that nobody has made, as client key", "win01", "client", {**KMS, "product_key": NOBODYS_KEY}),
        "WIN01 refused the product key ending in MKNPP (0xC004F050 SL_E_INVALID_PRODUCT_KEY): it is mistyped, or for "
        "another edition than Enterprise (build 22631). The former key (ending in MKNWC) is still in place. "
        f"{BY_EDITION}",
        "bad_input",
        "InstallProductKey",
        BY_EDITION,
        "0xC004F050",
        "SL_E_INVALID_PRODUCT_KEY",
    ),
    Refusal(
        Case("a key that nobody has made, as host key", "kms02", "host", {**HOST, "product_key": NOBODYS_KEY}),
        "KMS02 refused the product key ending in MKNPP (0xC004F050 SL_E_INVALID_PRODUCT_KEY): it is mistyped, or for "
        "another edition than Server Datacenter (build 20348), or for an Office whose licence pack is not installed "
        f"there. Every former key is still in place. {COMPARE_HOST}",
        "bad_input",
        "InstallProductKey",
        COMPARE_HOST,
        "0xC004F050",
        "SL_E_INVALID_PRODUCT_KEY",
    ),
    Refusal(
        Case("a host without a host key", "srv02", "host", {"activate": "if_needed"}),
        "SRV02 has no KMS host key, so there is nothing to activate. Nothing was changed. Give the KMS host key as "
        "product_keys, from a vault.",
        "bad_input",
        "plan",
        'product_keys: ["{{ vault_kms_host_key }}"]',
    ),
]

# Only the installation shows the kind of a key that isn't published.
LEFTOVERS = [
    Refusal(
        Case("a host key as MAK", "win02", "client", {**MAK, "product_key": CLIENT_HOST_KEY}),
        "product_key (ending in KMNXP) is a KMS host key, which only its installation on WIN02 could show, and a MAK "
        "was asked for. Nothing was activated. The key was removed again, so Windows has no key now, and the former "
        "one (ending in MKNWC) is gone. Run again with a MAK as product_key.",
        "bad_input",
        "InstallProductKey",
        "Run again with a MAK as product_key.",
        operations=("InstallProductKey", "UninstallProductKey"),
    ),
    Refusal(
        Case("a host key as client key", "win03", "client", {**KMS, "product_key": CLIENT_HOST_KEY}),
        "product_key (ending in KMNXP) is a KMS host key, which only its installation on WIN03 could show, and a "
        "client setup key was asked for. Nothing was activated. The former client setup key (ending in 2YT43) was "
        f"installed again, and has to be activated again. {BY_EDITION}",
        "bad_input",
        "InstallProductKey",
        BY_EDITION,
        operations=("InstallProductKey", "InstallProductKey"),
    ),
    Refusal(
        Case("a MAK as host key", "srv02", "host", {**HOST, "product_key": SERVER_MAK}),
        "product_key (ending in MKNWT) is a MAK, which only its installation on SRV02 could show, and a KMS host key "
        "was asked for. Nothing was activated. The former client setup key (ending in VMK7H) was installed again, and "
        "has to be activated again. Run again with a KMS host key as product_key.",
        "bad_input",
        "InstallProductKey",
        "Run again with a KMS host key as product_key.",
        operations=("InstallProductKey", "InstallProductKey"),
    ),
]


@dataclass(frozen=True)
class Run:
    """A batch of cases: what was printed for each, and the whole site before and after."""

    results: dict[str, dict[str, Any]]
    before: dict[str, Any]
    after: dict[str, Any]


def run(lab: RunningLab, refusals: list[Refusal], folder: Path) -> Run:
    before = lab("state")
    results = run_cases(lab, [refusal.case for refusal in refusals], folder)
    return Run(results, before, lab("state"))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("bad_input")) as lab:
        yield lab


@pytest.fixture(scope="module")
def unchanged(lab: RunningLab, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(lab, UNCHANGED, tmp_path_factory.mktemp("unchanged"))


@pytest.fixture(scope="module")
def leftovers(lab: RunningLab, unchanged: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """After the others, which need the machines as they were."""
    return run(lab, LEFTOVERS, tmp_path_factory.mktemp("leftovers"))


@pytest.mark.parametrize("refusal", UNCHANGED, ids=lambda refusal: refusal.case.name)
def test_the_whole_message_says_what_where_why_and_what_to_do(unchanged: Run, refusal: Refusal) -> None:
    result = unchanged.results[refusal.case.name]
    assert told(result, refusal) == as_spoken(refusal, result).result()


def test_no_refusal_changed_anything_on_any_machine_or_at_microsoft(unchanged: Run) -> None:
    assert without_time(unchanged.after) == without_time(unchanged.before)


@pytest.mark.parametrize("refusal", LEFTOVERS, ids=lambda refusal: refusal.case.name)
def test_what_only_the_installation_could_show_is_said_with_what_is_left(leftovers: Run, refusal: Refusal) -> None:
    assert told(leftovers.results[refusal.case.name], refusal) == refusal.result()


def test_what_is_left_is_what_the_messages_say(leftovers: Run) -> None:
    """No key, or the former one to be activated; else everything is as it was, and nothing is spent."""
    before, after = leftovers.before, leftovers.after
    assert after["machines"]["win02"]["products"] == []
    for name, last_five in (("win03", "2YT43"), ("srv02", "VMK7H")):
        (product,) = after["machines"][name]["products"]
        assert product["partial_product_key"] == last_five
        assert product["activated_by"] is None
    for name in ("win02", "win03", "srv02"):
        assert after["machines"][name]["kms_host"] is None
        after["machines"][name]["products"] = before["machines"][name]["products"]
    assert without_time(after) == without_time(before)
