# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection under ansible-runner, as AWX and Tower run it: plain, and in an execution environment.

`make molecule` runs this; it needs an engine. The execution environment is built from the collection's own
`meta/execution-environment.yml`, as ansible-builder reads it from the archive, on the base image that BASE names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from containers.engine import Engine, find_engine
from containers.lifecycle import NETWORK_NAME
from containers.places import BUILD, ROOT, SCENARIOS
from containers.site import inventory_of

SCENARIO = "kms_host"
PROGRAMS = BUILD / "venv" / "bin"
IMAGE = "localhost/volact-execution-environment"
DEBIAN = "docker.io/library/debian:trixie-slim"
KEPT = Path("artifacts") / "run"


def containers(*words: str) -> str:
    return subprocess.run(
        [str(PROGRAMS / "python"), "-m", "containers", *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


@pytest.fixture
def machines() -> Iterator[dict[str, Any]]:
    """The scenario's containers, and how to read their state."""
    containers("up", SCENARIO)
    yield {"state": lambda: json.loads(containers("state"))["machines"]}
    containers("down")


@pytest.fixture
def private_data(tmp_path: Path) -> Path:
    """What AWX gives to ansible-runner: a project, an inventory, and settings."""
    project = tmp_path / "private" / "project"
    project.mkdir(parents=True)
    shutil.copy(SCENARIOS / SCENARIO / "converge.yml", project / "converge.yml")
    return project.parent


def run(private_data: Path, *options: str, collections: Path | None) -> list[dict[str, Any]]:
    """Let ansible-runner play the scenario; the events that it kept."""
    shutil.copytree(inventory_of(SCENARIO).parent, private_data / "inventory", ignore=shutil.ignore_patterns("logs"))
    for other in [path for path in (private_data / "inventory").iterdir() if path.name != "inventory.yml"]:
        shutil.rmtree(other)
    environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "ANSIBLE_HOME": str(private_data / "home")}
    if collections is not None:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    command = [str(PROGRAMS / "ansible-runner"), "run", str(private_data), "--playbook", "converge.yml"]
    done = subprocess.run(
        [*command, "--ident", "run", *options], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (private_data / KEPT / "status").read_text(encoding="utf-8") == "successful"
    return [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted((private_data / KEPT / "job_events").glob("*.json"))
    ]


def check(events: list[dict[str, Any]], private_data: Path, machines: dict[str, Any]) -> None:
    """The host is one, the events tell of it, and no artefact holds the key or the password."""
    (changed,) = [
        each["event_data"]
        for each in events
        if each["event"] == "runner_on_ok" and each["event_data"]["res"].get("changed")
    ]
    assert changed["host"] == "kms01"
    assert changed["resolved_action"] == "volact.kms.host"
    host = machines["state"]()["kms01"]
    assert host["kms_host"]["activated"]
    assert host["kms_host"]["listening"]
    inventory = yaml.safe_load(inventory_of(SCENARIO).read_text(encoding="utf-8"))
    password = inventory["all"]["hosts"]["kms01"]["ansible_password"]
    for file in (private_data / "artifacts").rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8", errors="replace")
            assert "MMMMM-PPPPP" not in text, file
            assert password not in text, file


def test_plain(private_data: Path, machines: dict[str, Any]) -> None:
    check(run(private_data, collections=BUILD / "collections"), private_data, machines)


def test_isolated_in_an_execution_environment(
    private_data: Path, machines: dict[str, Any], execution_environment: Engine
) -> None:
    events = run(
        private_data,
        "--process-isolation",
        *("--process-isolation-executable", Path(execution_environment.program).name),
        *("--container-image", IMAGE),
        *(f"--container-option=--network={NETWORK_NAME}", "--container-option=--pull=never"),
        # What AWX maps to its own user; here the files are root's.
        "--container-option=--user=root",
        collections=None,
    )
    check(events, private_data, machines)


@pytest.fixture(scope="module")
def execution_environment(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The image, built with ansible-builder, and the engine that has it."""
    engine = find_engine()
    folder = tmp_path_factory.mktemp("environment")
    environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}
    subprocess.run(
        [str(PROGRAMS / "ansible-galaxy"), "collection", "build", "--output-path", str(folder), str(ROOT)],
        env=environment, check=True, capture_output=True,
    )  # fmt: skip
    (archive,) = folder.glob("volact-kms-*.tar.gz")
    (folder / "execution-environment.yml").write_text(yaml.safe_dump(definition(archive.name)), encoding="utf-8")
    built = subprocess.run(
        [str(PROGRAMS / "ansible-builder"), "create", "--file", str(folder / "execution-environment.yml"),
         "--context", str(folder / "context"), "--output-filename", "Containerfile"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    volumes = [f"--volume={volume}" for volume in os.environ.get("BUILD_VOLUMES", "").split()]
    context = folder / "context"
    engine.run("build", *volumes, "--tag", IMAGE, "--file", str(context / "Containerfile"), str(context))
    return engine


def definition(archive: str) -> dict[str, Any]:
    """An execution environment on plain Debian with the collection; what it needs is the collection's to say."""
    return {
        "version": 3,
        "images": {"base_image": {"name": os.environ.get("BASE") or DEBIAN}},
        "options": {"package_manager_path": "/usr/bin/apt-get", "skip_pip_install": True},
        "dependencies": {
            "python_interpreter": {"package_system": "python3", "python_path": "/usr/bin/python3"},
            "ansible_core": {"package_pip": "ansible-core~=2.20.0"},
            "ansible_runner": {"package_pip": "ansible-runner"},
            "system": ["openssh-client [platform:dpkg]"],
            "galaxy": {"collections": [{"name": f"/build/collections/{archive}", "type": "file"}]},
        },
        "additional_build_files": [{"src": archive, "dest": "collections"}],
        "build_arg_defaults": {"ANSIBLE_GALAXY_CLI_COLLECTION_OPTS": "--offline"},
        "additional_build_steps": {
            "prepend_base": [
                "ENV DEBIAN_FRONTEND=noninteractive PIP_BREAK_SYSTEM_PACKAGES=1",
                "RUN apt-get update && apt-get install -y --no-install-recommends python3-pip python3-venv",
            ]
        },
    }
