# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/parity.yaml: what the tools of Microsoft do is offered and tested here, or it says why not."""

from __future__ import annotations

import ast
import re
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

# No core and no Python changes what the project's texts say.
pytestmark = pytest.mark.combinations

ROOT = Path(__file__).resolve().parents[2]
PARITY = ROOT / "docs" / "parity.yaml"

Row = dict[str, t.Any]
Function = ast.FunctionDef | ast.AsyncFunctionDef

SIDES = {"client", "host"}
KEYS = {"tool", "feature", "side", "what", "offers", "tests", "not_offered", "issue"}

#: The switches of the scripts, as their sources have them: first what a client or any machine needs.
#: Source: peers.md, "Parity checklists"
SLMGR = """
/ipk /ato /dli /dlv /xpr /cpky /ilc /rilc /rearm /rearm-app /rearm-sku /upk /dti /atp /skms /ckms /skms-domain
/ckms-domain /skhc /ckhc /act-type /lil /ril /ltc /fta /stao /ctao
"""
OSPP = """
/act /inpkey /unpkey /inslic /dstatus /dstatusall /dhistoryacterr /dinstid /actcid /rearm /ddescr /dhistorykms /dcmid
/sethst /setprt /remhst /cachst /actype /skms-domain /ckms-domain /dtokils /rtokil /dtokcerts /tokact /stokflag
/ctokflag /puserops /duserops /osppsvcrestart /osppsvcauto /regmof /version /help
"""

#: Those that do something on a KMS host, or with the key of one.
SLMGR_HOST = """
/ipk /ato /dli /dlv /xpr /ilc /upk /dti /atp /sprt /sai /sri /sdns /cdns /spri /cpri /ad-activation-online
/ad-activation-get-iid /ad-activation-apply-cid /ao-list /del-ao
"""
OSPP_HOST = "/act /inpkey /unpkey /inslic /dstatus /dinstid /actcid"
SWITCHES = {
    ("slmgr.vbs", "client"): SLMGR,
    ("slmgr.vbs", "host"): SLMGR_HOST,
    ("ospp.vbs", "client"): OSPP,
    ("ospp.vbs", "host"): OSPP_HOST,
}
VAMT_FEATURES = {"client": 16, "host": 4}


def rows() -> list[Row]:
    return t.cast("list[Row]", yaml.safe_load(PARITY.read_text(encoding="utf-8"))["rows"])


def row_faults(row: Row) -> list[str]:
    """What is wrong with one row, apart from what it refers to."""
    name = f"{row.get('tool')} {row.get('feature')}"
    faults = [f"{name}: no {key}" for key in ("tool", "feature", "side", "what") if not row.get(key)]
    faults += [f"{name}: what is {key}?" for key in sorted(row.keys() - KEYS)]
    if row.get("side") not in SIDES:
        faults.append(f"{name}: side {row.get('side')}?")
    if bool(row.get("offers")) == bool(row.get("not_offered")):
        faults.append(f"{name}: either offers or not_offered")
    if bool(row.get("offers")) != bool(row.get("tests")):
        faults.append(f"{name}: what is offered has tests, and nothing else has")
    if row.get("issue") and not row.get("not_offered"):
        faults.append(f"{name}: an issue is for what is not offered yet")
    return faults


def reference_faults(reference: str, root: Path = ROOT) -> list[str]:
    """What is wrong with `file::name` of a test: it must exist, be collected, and never be skipped."""
    file, _separator, name = reference.partition("::")
    path = root / file
    if not file.startswith("tests/") or not Path(file).name.startswith("test_") or not path.is_file():
        return [f"{reference}: no such file of tests"]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in _functions(tree) if node.name == name]
    if not name.startswith("test_") or not functions:
        return [f"{reference}: no such test"]
    marks = [*_module_marks(tree), *functions[-1].decorator_list]
    skipped = any(_skips(mark) for mark in marks) or _begins_with_skip(functions[-1])
    return [f"{reference}: is skipped"] if skipped else []


def _functions(tree: ast.Module) -> Iterator[Function]:
    """What pytest collects: functions of the module, and methods of its classes of tests."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield from (item for item in node.body if isinstance(item, Function))


def _module_marks(tree: ast.Module) -> Iterator[ast.expr]:
    """What is said for all tests of a file."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(ast.unparse(target) == "pytestmark" for target in node.targets):
            yield node.value
        value = node.value if isinstance(node, ast.Assign | ast.Expr) else None
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "pytest.importorskip":
            yield value.func


def _skips(mark: ast.expr) -> bool:
    return any(word in ast.unparse(mark) for word in ("skip", "xfail"))


def _begins_with_skip(function: Function) -> bool:
    """A skip that nothing decides: one in a branch is for machines that lack something."""
    return any(
        isinstance(node, ast.Expr) and ast.unparse(node.value).startswith("pytest.skip(") for node in function.body
    )


def offered_faults(offer: str) -> list[str]:
    """What is wrong with what a row offers: `module`, `module.option`, `module.return.key` or a variable of a role."""
    name, _dot, inner = offer.partition(".")
    module = ROOT / "plugins" / "modules" / f"{name}.py"
    if (ROOT / "roles" / name).is_dir():
        spec = yaml.safe_load((ROOT / "roles" / name / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
        known = set(spec["argument_specs"]["main"]["options"])
    elif module.is_file():
        texts = _texts(module)
        known = set(yaml.safe_load(texts["DOCUMENTATION"]).get("options") or {})
        known |= set(_paths(yaml.safe_load(texts["RETURN"])))
    else:
        return [f"{offer}: no module or role {name}"]
    return [] if not inner or inner in known else [f"{offer}: {name} has no {inner}"]


def _texts(module: Path) -> dict[str, str]:
    """The documentation blocks of a module."""
    return {
        node.targets[0].id: str(ast.literal_eval(node.value))
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _paths(returned: dict[str, t.Any], above: str = "") -> Iterator[str]:
    for name, value in returned.items():
        yield f"{above}{name}"
        yield from _paths(value.get("contains") or {}, f"{above}{name}.")


def test_every_row_offers_something_or_says_why_not() -> None:
    assert [fault for row in rows() for fault in row_faults(row)] == []


def test_every_named_test_exists_and_runs() -> None:
    named = dict.fromkeys(test for row in rows() for test in row.get("tests") or ())
    assert [fault for test in named for fault in reference_faults(test)] == []


def test_everything_offered_exists() -> None:
    offered = dict.fromkeys(offer for row in rows() for offer in row.get("offers") or ())
    assert [fault for offer in offered for fault in offered_faults(offer)] == []


@pytest.mark.parametrize(("tool", "side"), SWITCHES)
def test_every_switch_is_a_row(tool: str, side: str) -> None:
    listed = [re.split("[ :]", row["feature"])[0] for row in rows() if row["tool"] == tool and row["side"] == side]
    assert set(SWITCHES[tool, side].split()) ^ set(listed) == set()


def test_every_feature_of_vamt_is_a_row_and_no_row_is_there_twice() -> None:
    names = [(row["tool"], row["side"], row["feature"]) for row in rows()]
    for side, features in VAMT_FEATURES.items():
        assert len([name for name in names if name[:2] == ("VAMT", side)]) >= features
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


GOOD: Row = {
    "tool": "slmgr.vbs",
    "feature": "/ipk",
    "side": "client",
    "what": "installs a key",
    "offers": ["client.product_key"],
    "tests": ["tests/unit/test_contracts_parity.py::test_a_row_that_is_right_has_no_fault"],
}


def test_a_row_that_is_right_has_no_fault() -> None:
    assert row_faults(GOOD) == []
    assert row_faults({**GOOD, "offers": [], "tests": [], "not_offered": "spends rearms", "issue": 6}) == []
    assert reference_faults(GOOD["tests"][0]) == []
    assert offered_faults("client") == offered_faults("client.product_key") == []
    assert offered_faults("client_info.products.grace_minutes") == []
    assert offered_faults("kms_client.kms_client_channel") == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"what": ""}, "no what"),
        ({"side": "server"}, "side server?"),
        ({"offers": [], "tests": []}, "either offers or not_offered"),
        ({"not_offered": "because"}, "either offers or not_offered"),
        ({"tests": []}, "what is offered has tests"),
        ({"offers": [], "not_offered": "because"}, "what is offered has tests"),
        ({"issue": 6}, "an issue is for what is not offered yet"),
        ({"offer": ["client"]}, "what is offer?"),
    ],
)
def test_a_row_that_is_wrong_is_found(changed: Row, fault: str) -> None:
    assert any(fault in found for found in row_faults({**GOOD, **changed})), row_faults({**GOOD, **changed})


SOURCES = {
    "test_runs.py": "def test_it() -> None: ...\nclass TestThis:\n    def test_in_class(self) -> None: ...\n",
    "test_marked.py": "@pytest.mark.skip(reason='slow')\ndef test_it() -> None: ...\n",
    "test_conditional.py": "@pytest.mark.skipif(True, reason='never')\ndef test_it() -> None: ...\n",
    "test_expected.py": "@pytest.mark.xfail\ndef test_it() -> None: ...\n",
    "test_module.py": "pytestmark = pytest.mark.skip(reason='all')\ndef test_it() -> None: ...\n",
    "test_import.py": "pytest.importorskip('nothing')\ndef test_it() -> None: ...\n",
    "test_inside.py": "def test_it() -> None:\n    pytest.skip('no')\n",
    "test_twice.py": "def test_it() -> None: ...\n@pytest.mark.skip\ndef test_it() -> None: ...\n",
    "helpful.py": "def test_it() -> None: ...\n",
    "test_nested.py": "def outer() -> None:\n    def test_it() -> None: ...\n",
}


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        ("test_runs.py::test_it", None),
        ("test_runs.py::test_in_class", None),
        ("test_runs.py::test_other", "no such test"),
        ("test_runs.py", "no such test"),
        ("test_missing.py::test_it", "no such file of tests"),
        ("helpful.py::test_it", "no such file of tests"),
        ("test_nested.py::test_it", "no such test"),
        *(
            (f"{name}::test_it", "is skipped")
            for name in SOURCES
            if name.removesuffix(".py").split("_")[-1]
            in ("marked", "conditional", "expected", "module", "import", "inside", "twice")
        ),
    ],
)
def test_a_test_that_is_missing_or_never_runs_is_found(reference: str, fault: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    for name, source in SOURCES.items():
        (folder / name).write_text(f"import pytest\n{source}", encoding="utf-8")
    wrong = reference_faults(f"tests/{reference}", tmp_path)
    assert wrong == ([f"tests/{reference}: {fault}"] if fault else [])


def test_a_test_outside_of_tests_is_no_test(tmp_path: Path) -> None:
    (tmp_path / "test_runs.py").write_text(SOURCES["test_runs.py"], encoding="utf-8")
    assert reference_faults("test_runs.py::test_it", tmp_path) == ["test_runs.py::test_it: no such file of tests"]


@pytest.mark.parametrize(
    ("offer", "fault"),
    [
        ("slmgr", "slmgr: no module or role slmgr"),
        ("client.produkt_key", "client.produkt_key: client has no produkt_key"),
        ("client_info.products.rearm", "client_info.products.rearm: client_info has no products.rearm"),
        ("kms_client.kms_client_chanel", "kms_client.kms_client_chanel: kms_client has no kms_client_chanel"),
    ],
)
def test_an_offer_that_does_not_exist_is_found(offer: str, fault: str) -> None:
    assert offered_faults(offer) == [fault]
