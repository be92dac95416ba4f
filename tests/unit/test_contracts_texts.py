# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no file of the project may hold: product keys, machine paths, curly quotes. How files are named and begin."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gates.tree import ROOT, project_files

# No core and no Python changes what the project's texts say.
pytestmark = pytest.mark.combinations

KEY_SHAPE = re.compile(r"(?<![A-Za-z0-9-])[A-Za-z0-9]{5}(?:-[A-Za-z0-9]{5}){4}(?![A-Za-z0-9-])")
VISIBLY_FAKE = re.compile(r"(?:(.)\1{4}-)(?:(.)\2{4}-)(?:(.)\3{4}-)(?:(.)\4{4}-).{5}")
PUBLISHED = ROOT / "docs" / "reference" / "gvlk.yaml"
CATALOGUES = ("docs/reference/gvlk.yaml", "plugins/plugin_utils/_spp/data/")

CURLY_QUOTES = re.compile("[\u2018\u2019\u201a\u201c\u201d\u201e]")
# Put together here, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile(rf"(?:^|[^A-Za-z0-9.])/(?:{'wo'}rk|{'fa'}rm|{'ro'}ot)/|\.{'lib'}rary\b", re.MULTILINE)
REGISTRY_HOSTS = re.compile(rf"\b(?:{'pyp'}i|{'python'}hosted|{'npm'}js)\.(?:org|com)\b")
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "stuff", "tools"}
LICENCE_HEADER = (
    "# Copyright: (c) 2026, The volact.kms authors\n"
    "# GNU General Public License v3.0+ "
    "(see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)\n"
    "# SPDX-License-Identifier: GPL-3.0-or-later\n"
)
DOCUMENTED = re.compile(r'^(DOCUMENTATION|EXAMPLES|RETURN) = r"""$.*?^"""$', re.MULTILINE | re.DOTALL)
LINES_AT_MOST = 450
HEADED = {".py", ".yml", ".yaml", ".toml", ".in", ".cfg"}
UNHEADED = "docs/reference/"

FILES = project_files()
PATHS = [path.as_posix() for path in FILES]


def published_keys() -> set[str]:
    return {entry["key"] for entry in yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))["keys"]}


def text_of(path: Path) -> str:
    """The text of a project file; what isn't text reads as replacement characters, and its ASCII is still searched."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def key_faults(path: str, text: str, published: set[str]) -> list[str]:
    """Product keys in `text` that may not stand there, each shown by its last five characters."""
    faults = []
    for key in {found.group() for found in KEY_SHAPE.finditer(text)}:
        if VISIBLY_FAKE.fullmatch(key):
            continue
        if key not in published:
            faults.append(f"{path}: a key ending in {key[-5:]} is neither published nor visibly fake")
        elif not path.startswith(CATALOGUES):
            faults.append(f"{path}: the published key ending in {key[-5:]} belongs in the catalogue")
    return sorted(faults)


def text_faults(path: str, text: str) -> list[str]:
    """Curly quotes, paths of one machine, and registry hosts in `text`."""
    searched = {"curly quotes": CURLY_QUOTES, "a machine's path": MACHINE_PATHS, "a registry's host": REGISTRY_HOSTS}
    return [f"{path}: {what}" for what, pattern in searched.items() if pattern.search(text)]


def test_product_keys_are_published_or_visibly_fake() -> None:
    published = published_keys()
    assert [fault for path in FILES for fault in key_faults(path.as_posix(), text_of(path), published)] == []


def test_the_published_keys_name_their_source() -> None:
    reference = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    keys = reference["keys"]
    assert len(keys) == reference["meta"]["counts"]["total"]
    assert {entry["source"] for entry in keys} <= set(reference["sources"])
    assert all(KEY_SHAPE.fullmatch(entry["key"]) for entry in keys)


def test_the_catalogue_of_the_code_holds_published_keys_only() -> None:
    found = {
        key.group()
        for path in FILES
        if path.as_posix().startswith(CATALOGUES[1])
        for key in KEY_SHAPE.finditer(text_of(path))
    }
    assert found
    assert found <= published_keys()


def test_the_data_of_the_code_is_generated_from_the_reference() -> None:
    generator = [sys.executable, str(ROOT / "docs" / "reference" / "generate.py"), "--check"]
    checked = subprocess.run(generator, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_curly_quotes_machine_paths_or_registry_hosts() -> None:
    assert [fault for path in FILES for fault in text_faults(path.as_posix(), text_of(path))] == []


@pytest.mark.parametrize("path", [path for path in PATHS if path.endswith(".json")])
def test_data_files_are_json(path: str) -> None:
    assert json.loads(text_of(Path(path)))


def test_no_file_is_named_for_nothing() -> None:
    assert [path for path in PATHS if Path(path).stem.strip("_") in VAGUE_NAMES] == []


def test_every_source_file_begins_with_the_licence() -> None:
    headed = [path for path in FILES if path.suffix in HEADED and not path.as_posix().startswith(UNHEADED)]
    assert len(headed) > 50
    assert [path.as_posix() for path in headed if text_of(path) and not text_of(path).startswith(LICENCE_HEADER)] == []


def test_python_files_are_not_too_long() -> None:
    lengths = {path.as_posix(): lines_of_code(text_of(path)) for path in FILES if path.suffix == ".py"}
    assert {path: lines for path, lines in lengths.items() if lines > LINES_AT_MOST} == {}


def lines_of_code(text: str) -> int:
    """Lines without a module's documentation, which is as long as the module has options and results."""
    return DOCUMENTED.sub("", text).count("\n")


def test_the_documentation_of_a_module_is_not_counted_as_code() -> None:
    assert lines_of_code('one = 1\n\nRETURN = r"""\nlong:\n  text\n"""\n\ntwo = 2\n') == 5


def test_python_files_defer_annotations() -> None:
    lazy = "from __future__ import annotations"
    code = [
        path for path in FILES if path.suffix == ".py" and re.search(r"^(import|from|def|class) ", text_of(path), re.M)
    ]
    assert [path.as_posix() for path in code if lazy not in text_of(path)] == []


def test_keys_that_may_not_stand_somewhere_are_found() -> None:
    one, other = sorted(published_keys())[:2]
    stranger = one[:-1] + ("B" if one[-1] != "B" else "C")
    assert key_faults(CATALOGUES[0], f"{one} and BBBBB-CCCCC-DDDDD-FFFFF-23456", {one, other}) == []
    assert key_faults("README.md", f"key={stranger}.", {one, other}) == [
        f"README.md: a key ending in {stranger[-5:]} is neither published nor visibly fake"
    ]
    assert key_faults("README.md", one.lower(), {one, other}) != []
    assert key_faults("README.md", one, {one, other}) == [
        f"README.md: the published key ending in {one[-5:]} belongs in the catalogue"
    ]
    assert key_faults("README.md", "-".join(["BBBBB", "CCCCC", "DDDDD", "2FFFF", "23456"]), set()) != []


@pytest.mark.parametrize(
    "text",
    ["it\u2019s", "\u201eNein\u201c", f"cd /{'wo'}rk/main", f"/{'ro'}ot/.ansible", f"https://{'pyp'}i.org/simple"],
)
def test_texts_that_may_not_stand_anywhere_are_found(text: str) -> None:
    assert len(text_faults("any.md", text)) == 1


def test_texts_like_those_are_no_fault() -> None:
    assert text_faults("any.md", 'it\'s a network/roots "quoted" homework/x docker.io/library/debian') == []
