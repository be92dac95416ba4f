# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a lab lives and ends: `run`, `up`, `down`, signals, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from lab_process import SMALL_SITE, TESTS, command, environment, lab, running_lab, write_site

TELL_AND_WAIT = "import os, sys, time; print(os.environ['LAB_STATE'], flush=True); time.sleep(120)"
STUBBORN = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + TELL_AND_WAIT
NOTICING = """
import os, signal, sys, time
def notice(number, frame):
    print('got', signal.Signals(number).name, flush=True)
    sys.exit(42)
signal.signal(signal.SIGTERM, notice)
signal.signal(signal.SIGINT, notice)
print(os.environ['LAB_STATE'], flush=True)
time.sleep(120)
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """The folder for temporary folders of the processes under test."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return folder


@pytest.fixture(params=["builtin", pytest.param("bind", marks=pytest.mark.bind)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_site(tmp_path, dns={"software": request.param})


@pytest.fixture
def builtin(tmp_path: Path) -> Path:
    return write_site(tmp_path, dns={"software": "builtin"})


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("control")
    with running_lab(folder, write_site(folder, dns={"software": "builtin"})) as lab_there:
        yield lab_there.state / "control.sock"


def wait_until(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def mentioning(text: str) -> list[str]:
    """The command lines of all processes that mention a text."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and process.name != str(os.getpid()):
            found.append(line)
    return found


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def start(site: Path, scratch: Path, *words: str) -> subprocess.Popen[str]:
    """A `lab run` in a session of its own: a terminal's Ctrl-C is another matter than a signal to the lab."""
    return subprocess.Popen(
        [*command("run", "--site", str(site), "--"), *words],
        env=environment(TMPDIR=str(scratch)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def assert_nothing_left(scratch: Path) -> None:
    assert list(scratch.iterdir()) == []
    wait_until(lambda: not mentioning(str(scratch)), 5)


def test_run_gives_the_command_its_environment_and_returns_its_status(builtin: Path, scratch: Path) -> None:
    code = (
        "import json, os, sys; print(json.dumps({k: v for k, v in os.environ.items() if k[:3] in ('LAB', 'ANS')}));"
        "print(oct(os.stat(os.environ['LAB_STATE']).st_mode & 0o777), "
        "oct(os.stat(os.environ['LAB_INVENTORY']).st_mode & 0o777)); sys.exit(7)"
    )
    done = lab("run", "--site", str(builtin), "--", *python(code), TMPDIR=str(scratch))
    assert done.returncode == 7, done.stderr
    variables, modes = done.stdout.splitlines()
    given = json.loads(variables)
    assert given["LAB_INVENTORY"] == given["ANSIBLE_INVENTORY"] == f"{given['LAB_STATE']}/inventory.yml"
    assert modes == "0o700 0o600"
    assert done.stderr == ""
    assert_nothing_left(scratch)


def test_the_inventory_names_machines_groups_and_the_site(builtin: Path) -> None:
    done = lab("run", "--site", str(builtin), "--", "sh", "-c", 'cat "$LAB_INVENTORY"')
    everything = yaml.safe_load(done.stdout)["all"]
    assert set(everything["hosts"]) == {"kms01", "win001", "srv01"}
    assert everything["children"] == {
        "kms_hosts": {"hosts": {"kms01": {}}},
        "kms_clients": {"hosts": {"win001": {}, "srv01": {}}},
    }
    host = everything["hosts"]["win001"]
    assert host["ansible_host"].startswith("127.")
    assert not host["ansible_host"].startswith("127.0.")
    assert {name: value for name, value in host.items() if name not in ("ansible_host", "ansible_password")} == {
        "ansible_port": 5985,
        "ansible_connection": "winrm",
        "ansible_user": "labadmin",
        "ansible_winrm_transport": "ntlm",
        "ansible_winrm_scheme": "http",
        "ansible_winrm_message_encryption": "auto",
        "ansible_psrp_auth": "ntlm",
        "ansible_psrp_protocol": "http",
    }
    assert everything["vars"]["lab_domain"] == everything["vars"]["lab_dns_zone"] == "corp.example.test"
    assert set(everything["vars"]) == {
        "lab_domain", "lab_dns_server", "lab_dns_port", "lab_dns_zone",
        "lab_tsig_name", "lab_tsig_algorithm", "lab_tsig_secret",
    }  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_reaches_the_command_and_nothing_stays_behind(
    site: Path, scratch: Path, number: signal.Signals
) -> None:
    process = start(site, scratch, *python(TELL_AND_WAIT))
    state = first_line(process)
    assert mentioning(state) or "bind" not in site.read_text(encoding="utf-8")
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert_nothing_left(scratch)


def test_a_command_that_handles_its_signal_is_given_the_time_to(builtin: Path, scratch: Path) -> None:
    process = start(builtin, scratch, *python(NOTICING))
    first_line(process)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (42, "got SIGTERM\n")
    assert_nothing_left(scratch)


def test_a_command_that_ignores_sigint_goes_on(builtin: Path, scratch: Path) -> None:
    process = start(builtin, scratch, *python(STUBBORN))
    state = first_line(process)
    process.send_signal(signal.SIGINT)
    assert lab("state", "--state", state).returncode == 0
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert_nothing_left(scratch)


def test_a_command_that_is_killed_takes_the_lab_with_it(site: Path, scratch: Path) -> None:
    process = start(site, scratch, *python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGKILL
    assert_nothing_left(scratch)


@pytest.mark.parametrize("delay", [0.1, 0.6, 1.1])
def test_a_signal_during_the_start_leaves_nothing(site: Path, scratch: Path, delay: float) -> None:
    process = start(site, scratch, "true")
    time.sleep(delay)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    assert_nothing_left(scratch)


@pytest.mark.bind
def test_named_ends_when_the_lab_is_killed(tmp_path: Path, scratch: Path) -> None:
    process = start(write_site(tmp_path, dns={"software": "bind"}), scratch, *python(TELL_AND_WAIT))
    state = first_line(process)
    assert any("named" in line for line in mentioning(state))
    process.kill()
    wait_until(lambda: not any("named" in line for line in mentioning(state)))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)


def test_up_and_down_leave_nothing_of_a_temporary_folder(site: Path, scratch: Path) -> None:
    started = lab("up", "--site", str(site), TMPDIR=str(scratch))
    assert started.returncode == 0, started.stderr
    state = Path(started.stdout.strip())
    assert state.parent == scratch
    assert json.loads(lab("state", "--state", str(state)).stdout)["dns"]["zone"] == "corp.example.test"
    assert lab("down", "--state", str(state)).returncode == 0
    assert_nothing_left(scratch)


def test_a_named_state_folder_keeps_its_log_and_no_secret(site: Path, tmp_path: Path) -> None:
    with running_lab(tmp_path, site) as lab_there:
        state = lab_there.state
        assert {file.name for file in state.iterdir()} >= {"control.sock", "inventory.yml", "lab.log", "ntlm-users"}
        secrets = [lab_there.variables["lab_tsig_secret"], lab_there.host("win001")["ansible_password"]]
    assert [file.name for file in state.iterdir()] == ["lab.log"]
    log = (state / "lab.log").read_text(encoding="utf-8")
    assert not any(secret in log for secret in secrets)


def test_a_folder_with_a_very_long_path_works(tmp_path: Path, builtin: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with running_lab(folder, builtin) as lab_there:
        assert lab_there.ask("state").returncode == 0


def test_a_state_folder_holds_one_lab(tmp_path: Path, builtin: Path) -> None:
    with running_lab(tmp_path, builtin) as lab_there:
        again = lab("up", "--site", str(builtin), "--state", str(lab_there.state))
        assert again.returncode == 1
        assert again.stderr == f"lab: A lab is running already with the state folder {lab_there.state}.\n"
        assert lab_there.ask("state").returncode == 0


def test_the_folder_of_a_lab_that_was_killed_can_be_used_again(tmp_path: Path, builtin: Path) -> None:
    state = tmp_path / "state"
    assert lab("up", "--site", str(builtin), "--state", str(state)).returncode == 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(state / "control.sock"))
        pid, _, _ = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not mentioning(str(state)))
    assert lab("down", "--state", str(state)).stderr == f"lab: No lab is running with the state folder {state}.\n"
    with running_lab(tmp_path, builtin) as lab_there:
        assert lab_there.ask("state").returncode == 0


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"nonsense\n", "A control request is one line of JSON."),
        (b"[1]\n", "A control request is a JSON object."),
        (b'{"command": "dance"}\n', "The lab knows no command 'dance'."),
        (b'{"command": "advance", "minutes": "1"}\n', "whole number of minutes"),
    ],
)
def test_a_control_request_that_is_wrong_is_answered_with_a_sentence(control: Path, line: bytes, error: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(control))
        connection.sendall(line)
        answer = json.loads(connection.makefile().readline())
    assert answer["ok"] is False
    assert error in answer["error"]


def test_labs_side_by_side_do_not_meet(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abcd"]
    addresses: list[set[str]] = []
    ports: list[tuple[str, int]] = []

    def live(folder: Path) -> None:
        folder.mkdir()
        with running_lab(folder) as lab_there:
            addresses.append({host["ansible_host"] for host in lab_there.inventory["all"]["hosts"].values()})
            ports.append((lab_there.variables["lab_dns_server"], lab_there.variables["lab_dns_port"]))
            together.wait(60)

    together = threading.Barrier(len(folders))
    threads = [threading.Thread(target=live, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set.union(*addresses)) == 3 * len(folders)
    assert len(set(ports)) == len(folders)


def test_the_lab_state_variable_names_the_lab(tmp_path: Path, builtin: Path) -> None:
    with running_lab(tmp_path, builtin) as lab_there:
        state = json.loads(lab("state", LAB_STATE=str(lab_there.state)).stdout)
        assert state["dns"] == {
            "server": lab_there.variables["lab_dns_server"],
            "port": lab_there.variables["lab_dns_port"],
            "zone": "corp.example.test",
            "software": "builtin",
        }
        assert {name: each["address"] for name, each in state["machines"].items()} == {
            name: lab_there.host(name)["ansible_host"] for name in state["machines"]
        }


def test_set_is_effective_when_it_returns_and_names_what_is_valid(tmp_path: Path, builtin: Path) -> None:
    with running_lab(tmp_path, builtin) as lab_there:
        assert lab_there.ask("set", "win001", "firewall=on").returncode == 0
        assert json.loads(lab_there.ask("state").stdout)["machines"]["win001"]["firewall"]["SPPSVC-In-TCP"] is True
        wrong = lab_there.ask("set", "win001", "colour=blue")
        assert wrong.returncode == 1
        assert "valid names are" in wrong.stderr
        assert "there are kms01, srv01, win001" in lab_there.ask("set", "nobody", "firewall=on").stderr
        assert lab_there.ask("set", "win001", "firewall").returncode == 2


def test_advance_moves_the_labs_clock(tmp_path: Path, builtin: Path) -> None:
    with running_lab(tmp_path, builtin) as lab_there:
        before = json.loads(lab_there.ask("state").stdout)["clock"]
        assert lab_there.ask("advance", "--minutes", "1440").returncode == 0
        after = json.loads(lab_there.ask("state").stdout)["clock"]
        assert after[:10] > before[:10]
        assert lab_there.ask("advance", "--minutes", "-1").returncode == 1


@pytest.mark.parametrize(
    "words", [("state",), ("stats",), ("set", "a", "b=c"), ("advance", "--minutes", "1"), ("down",)]
)
def test_a_command_for_a_lab_that_does_not_run_says_so(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = lab(*words, "--state", str(tmp_path))
    assert (done.returncode, done.stderr) == (1, f"lab: No lab is running with the state folder {tmp_path}.\n")
    without = lab(*words)
    assert without.returncode == 2
    assert "--state DIR, or LAB_STATE" in without.stderr


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{}", "`domain` is missing"),
        ("domain: [", "is not YAML in line 1"),
        ("- a list", "is not a mapping"),
        ("domain: corp.example.test\nmachines: {}", "names no machine"),
    ],
)
def test_a_wrong_site_file_is_one_sentence(tmp_path: Path, scratch: Path, content: str, sentence: str) -> None:
    file = tmp_path / "site.yml"
    file.write_text(content, encoding="utf-8")
    up = lab("up", "--site", str(file), TMPDIR=str(scratch))
    run = lab("run", "--site", str(file), "--", "true", TMPDIR=str(scratch))
    assert (up.returncode, run.returncode) == (2, 125)
    for done in (up, run):
        assert sentence in done.stderr
        assert str(file) in done.stderr
        assert done.stderr.count("\n") == 1
    assert_nothing_left(scratch)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"account": {"user": "a:b"}}, "`account.user` has to be text without a colon"),
        ({"dns": {"tsig_algorithm": "crc32"}}, "`dns.tsig_algorithm` has to be"),
    ],
)
def test_a_wrong_entry_for_the_shell_is_one_sentence(
    tmp_path: Path, scratch: Path, changed: dict[str, object], sentence: str
) -> None:
    done = lab("up", "--site", str(write_site(tmp_path, **changed)), TMPDIR=str(scratch))
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert_nothing_left(scratch)


def test_a_site_that_contradicts_itself_is_one_sentence(tmp_path: Path, scratch: Path) -> None:
    keys = yaml.safe_load(SMALL_SITE.read_text(encoding="utf-8"))["microsoft"]["keys"]
    site = write_site(tmp_path, microsoft={"keys": [{**key, "activations": 0} for key in keys]})
    done = lab("up", "--site", str(site), TMPDIR=str(scratch))
    assert done.returncode == 2
    assert done.stderr == "lab: The key ending in MKNWC has too few activations for win001: raise its limit.\n"
    assert_nothing_left(scratch)


@pytest.mark.parametrize(("program", "status"), [("/nonexistent/program", 127), ("/etc/hostname", 126)])
def test_a_command_that_cannot_be_run_is_told_apart(scratch: Path, builtin: Path, program: str, status: int) -> None:
    done = lab("run", "--site", str(builtin), "--", program, TMPDIR=str(scratch))
    assert done.returncode == status
    assert done.stderr.startswith("lab: The command ")
    assert_nothing_left(scratch)


def test_run_without_a_command_is_wrong_usage(scratch: Path) -> None:
    done = lab("run", "--site", str(SMALL_SITE), TMPDIR=str(scratch))
    assert done.returncode == 125
    assert done.stderr == "lab: `lab run` needs a command after --.\n"


@pytest.fixture
def copied_lab() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lab").symlink_to(TESTS / "lab")
        yield folder


def test_the_lab_needs_nothing_of_the_collection(copied_lab: Path, builtin: Path) -> None:
    code = "import sys, lab.shell.session; sys.exit(any('ansible' in name for name in sys.modules))"
    done = subprocess.run(python(code), env={**environment(), "PYTHONPATH": str(copied_lab)}, cwd="/", check=False)
    assert done.returncode == 0
