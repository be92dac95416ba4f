# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m lab`: arguments in, one sentence or JSON out.

Exit status: 0; 1 for what the lab cannot do; 2 for wrong arguments or a wrong site file. `lab run` returns its
command's status, and for itself, as env and timeout do, 125 (the lab could not start), 126 and 127 (the command).

What only talks to a running lab does not import the lab: such commands are called often, and it is half a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import background, control
from .errors import CommandError, LabError, UsageError
from .signals import exit_on_signals
from .state_folder import StateFolder

CANNOT = 1
WRONG_USAGE = 2
CANNOT_RUN = 125


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform one command of the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.perform(options)
        return status
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        if isinstance(error, CommandError):
            return error.exit_status
        if options.subcommand == "run":
            return CANNOT_RUN
        return WRONG_USAGE if isinstance(error, UsageError) else CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="A simulated Windows site on loopback.")
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")

    def command(name: str, text: str, perform: Any) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--state", metavar="DIR", default=os.environ.get("LAB_STATE"), help="default: $LAB_STATE")
        added.set_defaults(perform=perform)
        return added

    for name, text, perform in (
        ("run", "Start a lab, run a command in it, stop the lab, return the command's status.", _run),
        ("up", "Start a lab in the background and print its state folder.", _up),
        ("serve", "Run a lab in the foreground, as `up` does behind the scenes.", _serve),
    ):
        command(name, text, perform).add_argument("--site", metavar="FILE", required=True, type=Path)
    commands.choices["run"].add_argument("command", metavar="CMD", nargs=argparse.REMAINDER)
    commands.choices["serve"].add_argument("--ready", metavar="FD", type=int, required=True)
    commands.choices["serve"].add_argument("--temporary", action="store_true")
    machine = command(
        "machine", "Be one machine of a site, in a container of its own (see shell/container.py).", _machine
    )
    machine.add_argument("name", metavar="NAME")
    microsoft = command("microsoft", "Be the activation service of a site, in a container of its own.", _microsoft)
    for added in (machine, microsoft):
        added.add_argument("--site", metavar="FILE", required=True, type=Path)
        added.add_argument("--network", metavar="FILE", required=True, type=Path)
    machine.add_argument("--certificates", metavar="DIR", type=Path, help="with HTTPS")
    command("down", "Stop the lab.", _down)
    command("state", "Print every machine, key counter and KMS count as JSON.", _state)
    command("stats", "Print requests and bytes by machine and CIM operation as JSON.", _stats).add_argument(
        "--reset", action="store_true", help="start counting anew afterwards"
    )
    command("offered", "Print the credentials that each machine was offered as JSON.", _offered).add_argument(
        "--reset", action="store_true", help="start anew afterwards"
    )
    ring = command("confirmation-id", "Ring the telephone service: it spends an activation.", _confirmation_id)
    ring.add_argument("machine", metavar="MACHINE")
    ring.add_argument("--key", metavar="LAST_FIVE", default="", help="of several keys, the one that ends so")
    licence = command("licence", "Print a licence file for InstallLicense, in the lab's own form.", _licence)
    licence.add_argument("office", metavar="office-YEAR")
    licence.add_argument("--part", default="product", help="product (default) or pkeyconfig")
    licence.add_argument("--kilobytes", metavar="N", type=int, default=0, help="make it at least so long")
    change = command("set", "Change a machine, effective when the command returns.", _set)
    change.add_argument("machine", metavar="MACHINE")
    change.add_argument("assignments", metavar="name=value", nargs="+")
    advance = command("advance", "Let the lab's clock jump, and everything happen that becomes due.", _advance)
    advance.add_argument("--minutes", metavar="N", type=int, required=True)
    return parser


def _run(options: argparse.Namespace) -> int:
    exit_on_signals()
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not words:
        raise UsageError("`lab run` needs a command after --.")
    from . import session

    return session.run(options.site, options.state, words)


def _up(options: argparse.Namespace) -> int:
    exit_on_signals()
    print(background.up(options.site, options.state).path)
    return 0


def _serve(options: argparse.Namespace) -> int:
    if options.state is None:
        raise UsageError("`lab serve` needs --state.")
    from . import session

    return session.serve(options.site, options.state, options.ready, temporary=options.temporary)


def _machine(options: argparse.Namespace) -> int:
    folder = _folder(options)
    from . import session

    return session.machine(options.name, options.site, options.network, options.certificates, str(folder.path))


def _microsoft(options: argparse.Namespace) -> int:
    folder = _folder(options)
    from . import session

    return session.microsoft(options.site, options.network, str(folder.path))


def _down(options: argparse.Namespace) -> int:
    background.down(_folder(options))
    return 0


def _state(options: argparse.Namespace) -> int:
    return _print(control.request(_folder(options), "state"))


def _stats(options: argparse.Namespace) -> int:
    return _print(control.request(_folder(options), "stats", reset=options.reset))


def _set(options: argparse.Namespace) -> int:
    folder = _folder(options)
    for assignment in options.assignments:
        name, equals, value = assignment.partition("=")
        if not name or not equals:
            raise UsageError(f"`lab set` takes name=value, not {assignment!r}.")
        control.request(folder, "set", machine=options.machine, name=name, value=value)
    return 0


def _advance(options: argparse.Namespace) -> int:
    control.request(_folder(options), "advance", minutes=options.minutes)
    return 0


def _offered(options: argparse.Namespace) -> int:
    return _print(control.request(_folder(options), "offered", reset=options.reset))


def _confirmation_id(options: argparse.Namespace) -> int:
    print(control.request(_folder(options), "confirmation_id", machine=options.machine, key=options.key))
    return 0


def _licence(options: argparse.Namespace) -> int:
    from lab.core.licence_files import HOSTS, PARTS, licence_text

    if options.office not in HOSTS or options.part not in PARTS or options.kilobytes < 0:
        hosts, parts = ", ".join(HOSTS), " or ".join(PARTS)
        raise UsageError(f"`lab licence` takes one of {hosts}, --part {parts}, and --kilobytes of 0 or more.")
    print(licence_text(HOSTS[options.office], options.part, options.kilobytes), end="")
    return 0


def _folder(options: argparse.Namespace) -> StateFolder:
    if options.state is None:
        raise UsageError("Say which lab: --state DIR, or LAB_STATE in the environment.")
    return StateFolder(Path(options.state))


def _print(document: Any) -> int:
    print(json.dumps(document, indent=2))
    return 0
