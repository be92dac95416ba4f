# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python that has imported much already, and becomes a program in a child of its own each time it is asked to.

`python server.py DESCRIPTOR WARMTH`. Through the socket DESCRIPTOR come sockets, each of which brings one order: a line
of JSON, with the descriptors that become 0, 1 and 2, and perhaps one more. The answers are lines of JSON, `{"pid": N}`,
and at the end `{"returncode": N}`, negative for a signal as in `subprocess`. Who hangs up before kills the program and
all that it started. WARMTH is a name in `warmth`.

Nothing here may start a thread: a fork takes only one along.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib.util
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import types
from pathlib import Path
from typing import Any, NoReturn

PASSED = "{descriptor}"
"""A word of the command that becomes the number of the fourth descriptor."""

MAX_DESCRIPTORS = 4
CHUNK = 1 << 16
# Out of the way of 0, 1 and 2, whatever numbers the descriptors came with.
HIGH = 64


def main(descriptor: int, name: str) -> None:
    """Serve until the other end of the socket is closed; in a child, be the program that was ordered."""
    # This folder; a program has its own there.
    del sys.path[0]
    warmth = _warmth(name)
    warmth.warm_up()
    gc.collect()
    gc.freeze()
    assert threading.active_count() == 1, threading.enumerate()
    order, descriptors = _until_there_is_work(socket.socket(fileno=descriptor))
    command = _take_place(order, descriptors)
    warmth.begin()
    _become(command)


def _warmth(name: str) -> Any:
    spec = importlib.util.spec_from_file_location("_warmth", Path(__file__).with_name("warmth.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.WARMTH[name]


def _until_there_is_work(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Returns only in a child's child: the child waits for it, and the server for nobody."""
    while True:
        _byte, received, _flags, _address = socket.recv_fds(control, 1, 1)
        if not received:
            sys.exit(0)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if os.fork() == 0:
            control.close()
            with socket.socket(fileno=received[0]) as client:
                order, descriptors = _read_order(client)
                program = os.fork()
                if program:
                    for number in descriptors:
                        os.close(number)
                    _attend(client, program)
            return order, descriptors
        os.close(received[0])


def _read_order(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    received = b""
    descriptors: list[int] = []
    while not received.endswith(b"\n"):
        some, numbers, _flags, _address = socket.recv_fds(client, CHUNK, MAX_DESCRIPTORS)
        if not some:
            os._exit(1)
        received += some
        descriptors += numbers
    order: dict[str, Any] = json.loads(received)
    return order, descriptors


def _attend(client: socket.socket, program: int) -> None:
    """Wait for the program, tell how it ended, and end."""
    _say(client, pid=program)
    handle = os.pidfd_open(program)
    ended, _none, _none = select.select([client.fileno(), handle], [], [])
    if handle not in ended:
        _kill_with_descendants(program)
    _pid, status = os.waitpid(program, 0)
    _say(client, returncode=os.waitstatus_to_exitcode(status))
    os._exit(0)


def _say(client: socket.socket, **words: int) -> None:
    with contextlib.suppress(OSError):
        client.sendall(json.dumps(words).encode() + b"\n")


def _kill_with_descendants(process: int) -> None:
    """Ansible's workers have sessions of their own, and would go on without it."""
    processes = [process]
    for each in processes:
        processes += _children(each)
    for each in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in parentheses may hold blanks; the parent is the second field after it.
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(entry.parent.name))
    return found


def _take_place(order: dict[str, Any], descriptors: list[int]) -> list[str]:
    """Folder, environment, session and descriptors of the program; returns its command."""
    if order["new_session"]:
        os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    high = [fcntl.fcntl(number, fcntl.F_DUPFD, HIGH) for number in descriptors]
    for number in descriptors:
        os.close(number)
    for number, moved in enumerate(high[:3]):
        os.dup2(moved, number)
        os.close(moved)
    return [str(high[3]) if word == PASSED else word for word in order["command"]]


def _become(command: list[str]) -> NoReturn:
    """The program, and its end: as Python does it, but for taking the whole heap apart, which is the server's."""
    status = 0
    try:
        _run(command)
    except SystemExit as ended:
        status = _status(ended.code)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        status = -signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _status(code: object) -> int:
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)  # noqa: T201 (as Python does)
    return 1


def _run(command: list[str]) -> None:
    if command[0] == "-m":
        sys.path.insert(0, str(Path.cwd()))
        sys.argv[:] = command[1:]
        runpy.run_module(command[1], run_name="__main__", alter_sys=True)
    elif command[0] == "-c":
        sys.path.insert(0, "")
        sys.argv[:] = ["-c", *command[2:]]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(command[1], "<string>", "exec"), vars(main))  # noqa: S102 (as Python does)
    else:
        sys.path.insert(0, str(Path(command[0]).parent))
        sys.argv[:] = command
        runpy.run_path(command[0], run_name="__main__")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
