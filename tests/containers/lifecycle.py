# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The containers of a scenario: made, asked, changed, and removed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
from dns.rdtypes.IN.SRV import SRV

from lab.shell.container import MICROSOFT_PORT
from lab.shell.signals import exit_on_signals

from . import fence, images
from .engine import LABEL, PREFIX, Engine, side_by_side
from .errors import ContainersError
from .places import BUILD, scenario_names, work_folder
from .site import DNS, GATEWAY, MICROSOFT, ContainerSite, forget, prepare

NETWORK_NAME = "volact-lab"
READY_SECONDS = 120.0
IMAGE_USER = 10001
WINRM_PORT = 5985

_MAKER = BUILD / "up.lock"


def up(engine: Engine, scenario: str) -> None:
    """Make the containers of a scenario and wait until all answer. Raises ContainersError."""
    with _only_maker():
        remove(engine)
        _make(engine, scenario)


def _make(engine: Engine, scenario: str) -> None:
    fence.raise_fence()
    site = prepare(scenario)
    dns_image = "lab-samba-ad" if site.active_directory else "lab-bind"
    images.build(engine, ("lab-windows", dns_image))
    with fence.watching() as watch:
        engine.run(
            "network", "create", "--internal", "--label", f"{LABEL}=1",
            "--subnet", str(fence.NETWORK), "--gateway", GATEWAY,
            *(["--disable-dns"] if engine.is_podman else []), NETWORK_NAME,
        )  # fmt: skip
        if site.active_directory:
            _start(engine, "dns", DNS, *_samba(site), unprivileged=False)
        else:
            _start(engine, "dns", DNS, *_bind(site))
        _let_host_in(engine)
        _wait_for_dns(engine, site)
        _start(engine, "microsoft", MICROSOFT, *_lab(site), images.tag("lab-windows"), "microsoft", *_LAB_FILES)
        side_by_side(lambda name: _start_machine(engine, site, name), site.addresses)
        _wait_until_ready(engine, site)
        check_no_way_out(engine, watch)


def down(engine: Engine) -> None:
    """End an `up` that is still at work, then `remove`."""
    with _MAKER.open("a+", encoding="ascii") as lock:
        if not _locked(lock):
            lock.seek(0)
            # Ansible lets its modules outlive a signal that ends it.
            with contextlib.suppress(ProcessLookupError, ValueError):
                os.kill(int(lock.read()), signal.SIGTERM)
            fcntl.flock(lock, fcntl.LOCK_EX)
    remove(engine)


def remove(engine: Engine) -> None:
    """Remove all containers and networks of the lab, with their secrets, then the fence. Harmless when repeated.

    Raises ContainersError when packets to what is gone would leave this machine; the fence stays then.
    """
    names = engine.containers()
    if names:
        engine.run("rm", "--force", *(["--time", "0"] if engine.is_podman else []), "--volumes", *names)
    for network in engine.networks():
        engine.run("network", "rm", network)
    for scenario in scenario_names():
        forget(scenario)
    if fence.is_fenced():
        fence.check_unreachable((GATEWAY, DNS, MICROSOFT))
        fence.lower_fence()


@contextmanager
def _only_maker() -> Iterator[None]:
    """Be the one process that makes containers, and let signals unwind it. Raises ContainersError."""
    exit_on_signals()
    with _MAKER.open("a+", encoding="ascii") as lock:
        if not _locked(lock):
            raise ContainersError("Another run makes containers of the lab just now.")
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def state(engine: Engine) -> dict[str, Any]:
    """`lab state` of all running machines and of the activation service, as of one lab."""
    running = _running(engine)

    def ask(name: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(engine.run("exec", PREFIX + name, "lab", "state"))
        return answer

    answers = side_by_side(ask, running)
    machines = {name: machine for answer in answers for name, machine in answer.get("machines", {}).items()}
    if not answers:
        raise ContainersError("There are no containers of the lab. Make those of a scenario: `containers up SCENARIO`.")
    microsoft = next(answer["microsoft"] for answer in answers if "machines" not in answer)
    return {"machines": machines, "microsoft": microsoft}


def service_records(zone: str) -> list[dict[str, Any]]:
    """What DNS says to who looks for KMS hosts in a zone; nothing when there is no record. Raises ContainersError."""
    query = dns.message.make_query(f"_vlmcs._tcp.{zone}", dns.rdatatype.SRV)
    try:
        answer = dns.query.tcp(query, DNS, timeout=5.0)
    except (OSError, dns.exception.DNSException) as error:
        raise ContainersError(f"The DNS server {DNS} did not answer: {error}.") from error
    found = [
        {
            "target": record.target.to_text(omit_final_dot=True),
            "port": record.port,
            "priority": record.priority,
            "weight": record.weight,
            "ttl": rrset.ttl,
        }
        for rrset in answer.answer
        for record in rrset
        if isinstance(record, SRV)
    ]
    return sorted(found, key=lambda record: str(record["target"]))


def change(engine: Engine, machine: str, *assignments: str) -> None:
    """`lab set` in a machine."""
    engine.run("exec", PREFIX + machine, "lab", "set", machine, *assignments)


def advance(engine: Engine, minutes: int) -> None:
    """Let the clocks of all machines jump, and everything happen that becomes due."""
    machines = [name for name in _running(engine) if name != "microsoft"]
    side_by_side(lambda name: engine.run("exec", PREFIX + name, "lab", "advance", "--minutes", str(minutes)), machines)


def cut(engine: Engine, machine: str) -> None:
    """Pull a machine's network cable, for good."""
    engine.run("network", "disconnect", "--force", NETWORK_NAME, PREFIX + machine)


def stop(engine: Engine, machine: str) -> None:
    """Switch a machine off."""
    engine.run("stop", "--time", "1", PREFIX + machine)


def replace(engine: Engine, machine: str) -> None:
    """Let a machine that was switched off be another one of the same name: as its site file says it starts."""
    engine.run("start", PREFIX + machine)
    address = engine.run("exec", PREFIX + machine, "hostname", "--ip-address").split()[0]
    end = time.monotonic() + READY_SECONDS
    while not _accepts(address, WINRM_PORT):
        if time.monotonic() > end:
            raise ContainersError(f"{PREFIX}{machine} does not answer again.")
        time.sleep(0.3)


def keep_logs(engine: Engine, scenario: str) -> Path:
    """Write the log of each container into a folder and return it."""
    folder = work_folder(scenario) / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in engine.containers():
        done = subprocess.run(
            [engine.program, "logs", name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        (folder / f"{name}.log").write_bytes(done.stdout)
    return folder


_SEND_OUTSIDE = """
import errno, socket, sys
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"lab", (sys.argv[1], 9))
except OSError as error:
    sys.exit(0 if error.errno == errno.ENETUNREACH else f"sending failed, but by {error}")
"""


def check_no_way_out(engine: Engine, watch: fence.Watch) -> None:
    """Let a container send to an address outside. Raises ContainersError when that leaves this machine.

    podman gives containers of an internal network no route. docker gives them one, and drops what they send there.
    """
    outside = str(fence.OUTSIDE.network_address + 77)
    try:
        engine.run("exec", f"{PREFIX}microsoft", "python3", "-c", _SEND_OUTSIDE, outside)
    except ContainersError as error:
        raise ContainersError(f"Whether a container can send packets out of its network is unknown: {error}") from error
    if seen := watch.seen():
        raise ContainersError(f"A container of the lab can send packets out of its network: {'; '.join(seen)}")


_LAB_FILES = ("--site", "/etc/lab/site.yml", "--network", "/etc/lab/network.json")


def _start_machine(engine: Engine, site: ContainerSite, name: str) -> None:
    options = _lab(site)
    command = ["machine", name, *_LAB_FILES]
    if site.https:
        options += ["--volume", f"{site.folder / 'machines' / name}:/etc/lab/tls:ro"]
        command += ["--certificates", "/etc/lab/tls"]
    if site.active_directory:
        keytab = site.folder / "keytabs" / f"{name}.keytab"
        options += ["--volume", f"{keytab}:/etc/lab/http.keytab:ro", "--env", "KRB5_KTNAME=/etc/lab/http.keytab"]
        options += ["--env", "KRB5RCACHENAME=none:"]
    _start(engine, name, site.addresses[name], *options, images.tag("lab-windows"), *command)


def _lab(site: ContainerSite) -> list[str]:
    files = ("site.yml", "network.json")
    return [word for file in files for word in ("--volume", f"{site.folder / file}:/etc/lab/{file}:ro")]


def _bind(site: ContainerSite) -> list[str]:
    hosts = " ".join(f"{name}={address}" for name, address in site.addresses.items())
    variables = {"ZONE": site.domain, "KEY_NAME": site.tsig_name, "HOST_IP": DNS, "HOSTS": hosts}
    return [
        *(word for name, value in variables.items() for word in ("--env", f"{name}={value}")),
        "--volume", f"{site.folder / 'tsig.key'}:/etc/lab/tsig.key:ro",
        "--tmpfs", "/run/named:mode=1777",
        "--sysctl", "net.ipv4.ip_unprivileged_port_start=53",
        images.tag("lab-bind"),
    ]  # fmt: skip


def _samba(site: ContainerSite) -> list[str]:
    """A domain controller writes where it likes in its container, and changes users: it has the usual capabilities."""
    return [
        "--env", f"ZONE={site.domain}", "--env", f"HOST_IP={DNS}",
        "--volume", f"{site.folder / 'domain.json'}:/etc/lab/domain.json:ro",
        "--volume", f"{site.folder / 'keytabs'}:/keytabs",
        images.tag("lab-samba-ad"),
    ]  # fmt: skip


def _start(engine: Engine, name: str, address: str, *rest: str, unprivileged: bool = True) -> None:
    """Run a container. Its MAC address comes from its IP address: ARP caches are right for its successor, too."""
    # docker forgets the mode when it starts a container again; podman knows no owner.
    owner = "" if engine.is_podman else f",uid={IMAGE_USER}"
    fewer = (
        "--cap-drop=all",
        "--security-opt=no-new-privileges",
        "--read-only",
        "--tmpfs",
        f"/run/lab:mode=1777{owner}",
    )
    octets = [int(part) for part in address.split(".")]
    engine.run(
        "run", "--detach", "--name", PREFIX + name, "--hostname", name, "--label", f"{LABEL}=1",
        "--network", NETWORK_NAME, "--ip", address,
        "--mac-address", ":".join(f"{part:02x}" for part in (2, 0, *octets)),
        *(fewer if unprivileged else ()), "--pull=never", *rest,
    )  # fmt: skip


def _let_host_in(engine: Engine) -> None:
    """Give this machine its address in the network; netavark leaves an internal bridge without one."""
    if not engine.is_podman:
        return
    bridge = engine.inspect("network", "inspect", NETWORK_NAME)[0]["network_interface"]
    present = json.loads(fence.ip("-json", "-4", "addr", "show", "dev", bridge))
    if not any(info.get("local") == GATEWAY for link in present for info in link.get("addr_info", [])):
        fence.ip("addr", "add", f"{GATEWAY}/{fence.NETWORK.prefixlen}", "dev", bridge)


def _wait_for_dns(engine: Engine, site: ContainerSite) -> None:
    """Until it serves; a domain controller has made the machines' keys by then."""

    def is_ready() -> bool:
        keys = not site.active_directory or (site.folder / "keytabs" / "ready").exists()
        return keys and _serves_zone(site.domain)

    _wait(engine, {"dns": is_ready})


def _wait_until_ready(engine: Engine, site: ContainerSite) -> None:
    doors = {name: (address, WINRM_PORT) for name, address in site.addresses.items()}
    doors["microsoft"] = (MICROSOFT, MICROSOFT_PORT)
    _wait(engine, {name: partial(_accepts, *door) for name, door in doors.items()})


def _wait(engine: Engine, waiting: dict[str, Callable[[], bool]]) -> None:
    """Wait until each container is ready. Raises ContainersError that names those that are not."""
    end = time.monotonic() + READY_SECONDS
    while waiting:
        for name in [name for name, is_ready in waiting.items() if is_ready()]:
            del waiting[name]
        ended = sorted(set(waiting) - set(_running(engine, labs=False)))
        if ended or (waiting and time.monotonic() > end):
            missing = ", ".join(PREFIX + name for name in ended or waiting)
            raise ContainersError(f"{missing} did not start; see `{Path(engine.program).name} logs NAME`.")
        if waiting:
            time.sleep(0.3)


def _running(engine: Engine, *, labs: bool = True) -> list[str]:
    """Our running containers without their prefix; `labs`: only those that run the lab."""
    listed = engine.run("ps", "--filter", f"label={LABEL}", "--format", "{{.Names}}").split()
    names = sorted(name.removeprefix(PREFIX) for name in listed)
    return [name for name in names if not labs or name != "dns"]


def _accepts(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), 1.0):
        return True
    return False


def _serves_zone(zone: str) -> bool:
    query = dns.message.make_query(zone, dns.rdatatype.SOA)
    with contextlib.suppress(OSError, dns.exception.DNSException):
        return bool(dns.query.udp(query, DNS, timeout=1.0).answer)
    return False
