# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The leak check finds what it should, in every spelling, and never quotes it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from gates.leaks import __main__ as leaks
from gates.leaks import workshop as workshops
from gates.leaks.scenarios import keys_of_cases, through_vault
from gates.leaks.spellings import Search
from gates.leaks.workshop import Workshop

KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
UNDASHED = KEY.replace("-", "")
SPELLED = {
    "dashed": KEY.encode(),
    "undashed": UNDASHED.encode(),
    "lower case": KEY.lower().encode(),
    "undashed in lower case": UNDASHED.lower().encode(),
    "UTF-16": KEY.encode("utf-16-le"),
    "UTF-16, big-endian": KEY.encode("utf-16-be"),
    "UTF-16, lower case": KEY.lower().encode("utf-16-le"),
    "base64": base64.b64encode(KEY.encode()),
    "base64 of undashed": base64.b64encode(UNDASHED.encode()),
    "base64 of UTF-16": base64.b64encode(KEY.encode("utf-16-le")),
    "base64 after one character": base64.b64encode(b"x" + KEY.encode() + b"yz"),
    "base64 after two characters": base64.b64encode(b"u:" + KEY.encode() + b"y"),
}


@pytest.mark.parametrize("content", SPELLED.values(), ids=SPELLED)
def test_a_secret_is_found_in_every_spelling(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(b"TASK [x] **\n\xff\x00" + content + b"\nok: [win01]\n")
    found = Search({"the host key": KEY}).in_files([file])
    assert found, "nothing was found"
    assert {leak.path for leak in found} == {file}
    assert all(KEY not in str(leak) and "the host key" in str(leak) for leak in found)


def test_a_secret_is_found_in_the_name_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / f"{KEY}.txt"
    file.touch()
    (leak,) = Search({"the host key": KEY}).in_files([file])
    assert KEY not in str(leak)


@pytest.mark.parametrize("text", ["KMNHT", "key ending in KMNHT", "MMMMM-PPPPP", "XXXXX-XXXXX-XXXXX-XXXXX-KMNHT", ""])
def test_what_everybody_may_know_is_no_leak(text: str, tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_text(text, "utf-8")
    assert Search({"the host key": KEY}).in_files([file]) == []


def test_the_cases_of_bad_input_get_their_keys_from_the_vault() -> None:
    from test_bad_input_keys import LEFTOVERS, UNCHANGED

    names = {key: name for name, key in keys_of_cases().items()}
    for refusal in [*UNCHANGED, *LEFTOVERS]:
        key = refusal.case.options.get("product_key")
        play = through_vault(refusal.case, names)
        assert not key or key not in str(play)
        assert play["tasks"][0]["register"] == "case_result"


def run_with(monkeypatch: pytest.MonkeyPatch, folder: Path, *, planted: str, printed: str) -> int:
    """The check with one scenario that writes two texts."""
    for module in (workshops, leaks):
        monkeypatch.setattr(module, "PLANTED", folder / "build" / "leaks" / "planted")
        monkeypatch.setattr(module, "ROOT", folder)
    monkeypatch.setattr(workshops, "FOLDER", folder / "build" / "leaks")

    def scenario(workshop: Workshop, _folder: Path) -> None:
        (workshops.PLANTED / "careless.txt").write_text(planted, "utf-8")
        (workshop.output / "site.txt").write_text(printed, "utf-8")

    monkeypatch.setattr(leaks, "SCENARIOS", (scenario,))
    monkeypatch.setattr(leaks, "site_keys", lambda: {"the host key": KEY})
    return leaks.main()


def test_the_check_passes_when_only_the_planted_leak_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(monkeypatch, tmp_path, planted=KEY, printed="key ending in KMNHT") == 0


def test_the_check_fails_with_the_place_of_a_leak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_with(monkeypatch, tmp_path, planted=KEY, printed=f"ok: {KEY.lower()}") == 1
    printed = capsys.readouterr().out
    assert "LEAK: build/leaks/output/site.txt, byte 4: the host key, " in printed
    assert KEY not in printed.upper()


def test_a_check_that_misses_the_planted_leak_is_worth_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(monkeypatch, tmp_path, planted="nothing", printed="nothing") == 2


def test_a_key_that_no_site_has_is_found_by_its_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = "VVVVV-WWWWW-XXXXX-YYYYY-QQQQQ"
    assert run_with(monkeypatch, tmp_path, planted=KEY, printed=f"ok: {unknown}") == 1
    printed = capsys.readouterr().out
    assert "LEAK: build/leaks/output/site.txt, byte 4: nobody knows whose, the shape of a product key" in printed
    assert unknown not in printed


def test_a_check_that_knows_no_shape_is_worth_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(monkeypatch, tmp_path, planted=UNDASHED, printed="nothing") == 2


def test_what_earlier_runs_of_the_project_left_in_build_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "build" / "demo" / "first-run.log").write_text(UNDASHED, "utf-8")
    assert run_with(monkeypatch, tmp_path, planted=KEY, printed="") == 1


def test_a_leak_in_the_name_of_a_file_is_told_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "build" / "demo" / f"{UNDASHED}.log").touch()
    assert run_with(monkeypatch, tmp_path, planted=KEY, printed="") == 1
    printed = capsys.readouterr().out
    assert "LEAK: the name of a file in demo, byte " in printed
    assert UNDASHED not in printed
