# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m containers COMMAND`: one sentence, JSON, or what Molecule says.

Exit status: 0; 1 for what failed; 2 for wrong arguments; 128 + n after signal n.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

from lab.shell.errors import LabError

from . import images, lifecycle, scenarios
from .engine import Engine, find_engine
from .errors import ContainersError
from .places import BUILD, scenario_names


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        if os.geteuid() != 0:
            raise ContainersError("The scenarios set routes and reach into networks of containers: run this as root.")
        BUILD.mkdir(parents=True, exist_ok=True)
        status: int = options.perform(find_engine(), options)
        return status
    except (ContainersError, LabError) as error:
        print(f"containers: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="containers", description="The lab, each machine in a container of its own.")
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="COMMAND")

    def command(
        name: str, text: str, perform: Callable[[Engine, argparse.Namespace], int], *words: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        for word in words:
            added.add_argument(word.lower(), metavar=word)
        added.set_defaults(perform=perform)
        return added

    command("test", "Run scenarios by Molecule, all by default, and leave nothing behind.", _test).add_argument(
        "scenarios", metavar="SCENARIO", nargs="*"
    )
    step = command("molecule", "Run one command of Molecule, such as converge; nothing is removed.", _molecule)
    step.add_argument("scenario", metavar="SCENARIO")
    step.add_argument("words", metavar="WORD", nargs=argparse.REMAINDER)
    command("engine", "Say which container engine is taken, or what to install.", _engine)
    command("images", "Build the images.", _images)
    command("up", "Make the containers of a scenario.", _up, "SCENARIO")
    command("down", "Remove all containers, networks, routes and secrets of the lab.", _down)
    command("state", "Print the state of all machines as JSON.", _state)
    command("records", "Print the SRV records of KMS hosts in a zone as JSON.", _records, "ZONE")
    change = command("set", "Change a machine, as `lab set` does.", _set, "MACHINE")
    change.add_argument("assignments", metavar="name=value", nargs="+")
    command("advance", "Let the clocks of all machines jump.", _advance).add_argument(
        "--minutes", metavar="N", type=int, required=True
    )
    command("stop", "Switch a machine off.", _stop, "MACHINE")
    command("replace", "Switch a machine on again, as a new one of the same name.", _replace, "MACHINE")
    command("cut", "Pull a machine's network cable.", _cut, "MACHINE")
    return parser


def _test(engine: Engine, options: argparse.Namespace) -> int:
    return scenarios.test(engine, options.scenarios or scenario_names(), lambda text: print(text, flush=True))


def _molecule(_engine: Engine, options: argparse.Namespace) -> int:
    try:
        return scenarios.molecule(options.scenario, options.words or ["converge"])
    except scenarios.Interrupted as signalled:
        return 128 + signalled.number


def _engine(engine: Engine, _options: argparse.Namespace) -> int:
    print(f"engine       {engine.program}")
    return 0


def _images(engine: Engine, _options: argparse.Namespace) -> int:
    images.build(engine)
    return 0


def _up(engine: Engine, options: argparse.Namespace) -> int:
    lifecycle.up(engine, options.scenario)
    return 0


def _down(engine: Engine, _options: argparse.Namespace) -> int:
    lifecycle.down(engine)
    return 0


def _state(engine: Engine, _options: argparse.Namespace) -> int:
    print(json.dumps(lifecycle.state(engine), indent=2))
    return 0


def _records(_engine: Engine, options: argparse.Namespace) -> int:
    print(json.dumps(lifecycle.service_records(options.zone), indent=2))
    return 0


def _set(engine: Engine, options: argparse.Namespace) -> int:
    lifecycle.change(engine, options.machine, *options.assignments)
    return 0


def _advance(engine: Engine, options: argparse.Namespace) -> int:
    lifecycle.advance(engine, options.minutes)
    return 0


def _stop(engine: Engine, options: argparse.Namespace) -> int:
    lifecycle.stop(engine, options.machine)
    return 0


def _replace(engine: Engine, options: argparse.Namespace) -> int:
    lifecycle.replace(engine, options.machine)
    return 0


def _cut(engine: Engine, options: argparse.Namespace) -> int:
    lifecycle.cut(engine, options.machine)
    return 0
