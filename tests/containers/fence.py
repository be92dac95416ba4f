# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No packet of the lab leaves this machine, also when its containers are gone.

Three things see to it. Containers have an internal network, so they have no way out. An unreachable route for all
addresses of the lab stands before the first network and behind the last: without it, packets to a network that is gone
would follow the default route. And a watch on every interface that leads out counts what passes nonetheless.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import json
import socket
import struct
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .errors import ContainersError

SUPERNET = ipaddress.IPv4Network("198.19.128.0/20")
"""All addresses of the lab: a part of what RFC 2544 keeps for benchmarks, so of nobody's network."""

NETWORK = ipaddress.IPv4Network("198.19.129.0/24")
"""The network of a scenario."""

OUTSIDE = ipaddress.IPv4Network("198.18.77.0/24")
"""More of nobody's addresses, which containers try to reach, in vain; the watch looks for them too."""

CONTROL = ipaddress.IPv4Network("198.19.143.0/24")
"""Addresses behind an interface that leads nowhere, by which the watch shows that it sees."""

CONTROL_INTERFACE = "volact-control"
METRIC = 4_000_000_000
"""Higher than that of any other route, so that the networks of an engine stand beside it."""

DISCARD_PORT = 9
ETH_P_ALL = 0x0003
SO_ATTACH_FILTER = 26


def routes() -> list[dict[str, str]]:
    """The IPv4 routes of this machine."""
    found: list[dict[str, str]] = json.loads(ip("-json", "-4", "route", "show") or "[]")
    return found


def links() -> list[str]:
    """The names of this machine's network interfaces."""
    return sorted(link["ifname"] for link in json.loads(ip("-json", "link", "show")))


def is_fenced() -> bool:
    """Whether the unreachable route stands."""
    return any(route.get("type") == "unreachable" and route.get("dst") == str(SUPERNET) for route in routes())


def raise_fence() -> None:
    """Set the route. Harmless when repeated. Raises ContainersError, also when others use the addresses."""
    if is_fenced():
        return
    for route in routes():
        destination = route.get("dst", "default")
        if destination != "default" and ipaddress.ip_network(destination).overlaps(SUPERNET):
            raise ContainersError(
                f"The lab's containers need {SUPERNET}, and this machine has a route to {destination} already; "
                "nothing was started. Remove it, or run the scenarios on another machine."
            )
    ip("route", "add", "unreachable", str(SUPERNET), "metric", str(METRIC))


def lower_fence() -> None:
    """Remove the route, when nothing of the lab is left that could send. Harmless when repeated."""
    if is_fenced():
        ip("route", "del", "unreachable", str(SUPERNET), "metric", str(METRIC))


def check_unreachable(addresses: Iterable[str]) -> None:
    """Send to addresses of the lab that nobody has. Raises ContainersError when this machine would send it on."""
    for address in addresses:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect((address, DISCARD_PORT))
            except OSError as error:
                if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
                    continue
                raise
        raise ContainersError(f"Packets to {address} would leave this machine: the fence does not stand.")


class Watch:
    """Sees IPv4 packets with an address of the lab, or for OUTSIDE, on the interfaces that lead out."""

    def __init__(self, interfaces: Iterable[str]) -> None:
        self._sockets: dict[str, socket.socket] = {}
        for name in interfaces:
            tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            self._sockets[name] = tap
            _attach_filter(tap, (SUPERNET, OUTSIDE))
            tap.bind((name, ETH_P_ALL))

    def seen(self) -> list[str]:
        """One sentence for each interface and packet that was seen since the last call."""
        found = []
        for name, tap in self._sockets.items():
            while packet := _receive(tap):
                found.append(f"{name}: {_address(packet, 12)} to {_address(packet, 16)}")
        return found

    def close(self) -> None:
        """See no more."""
        while self._sockets:
            self._sockets.popitem()[1].close()


@contextmanager
def watching() -> Iterator[Watch]:
    """A watch on everything that leads out as of now; it has shown on an interface of its own that it sees."""
    outside = [name for name in links() if name != "lo"]
    check_watch()
    watch = Watch(outside)
    try:
        yield watch
    finally:
        watch.close()


def check_watch() -> None:
    """Let a packet leave by an interface that leads nowhere. Raises ContainersError when a watch does not see it."""
    void = f"{CONTROL_INTERFACE}2"
    ip("link", "add", CONTROL_INTERFACE, "type", "veth", "peer", "name", void)
    try:
        ip("link", "set", void, "up")
        ip("link", "set", CONTROL_INTERFACE, "arp", "off", "up")
        ip("route", "add", str(CONTROL), "dev", CONTROL_INTERFACE)
        watch = Watch([CONTROL_INTERFACE])
        try:
            target = str(CONTROL.network_address + 1)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(b"lab", (target, DISCARD_PORT))
            if not any(target in line for line in watch.seen()):
                raise ContainersError("The watch on the network is blind: it did not see a packet that was sent.")
        finally:
            watch.close()
    finally:
        ip("link", "del", CONTROL_INTERFACE)


def _receive(tap: socket.socket) -> bytes:
    try:
        return tap.recv(2048, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""
    except OSError as error:
        # An interface that is down, of which the kernel tells once.
        if error.errno == errno.ENETDOWN:
            return b""
        raise


def _address(packet: bytes, offset: int) -> str:
    return socket.inet_ntoa(packet[offset : offset + 4])


def _attach_filter(tap: socket.socket, networks: Iterable[ipaddress.IPv4Network]) -> None:
    """Let the kernel drop what is not IPv4 from or to one of the networks.

    Source: linux/filter.h (classic BPF), packet(7): with SOCK_DGRAM offset 0 is the IP header.
    """
    load_half, load_word, mask, same, give = 0x28, 0x20, 0x54, 0x15, 0x06
    protocol = 0xFFFFF000  # SKF_AD_OFF + SKF_AD_PROTOCOL
    body: list[tuple[int, int, int, int]] = []
    for network in networks:
        for offset in (12, 16):
            body += [
                (load_word, 0, 0, offset),
                (mask, 0, 0, int(network.netmask)),
                (same, 0, 1, int(network.network_address)),
                (give, 0, 0, 0xFFFF),
            ]
    program = [(load_half, 0, 0, protocol), (same, 0, len(body), 0x0800), *body, (give, 0, 0, 0)]
    code = b"".join(struct.pack("HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(code)
    tap.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(program), ctypes.addressof(buffer)))


def ip(*arguments: str) -> str:
    """Run iproute2; its output. Raises ContainersError."""
    try:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ContainersError("The program `ip` is missing: install iproute2.") from error
    if done.returncode != 0:
        raise ContainersError(f"`ip {' '.join(arguments)}` failed: {done.stderr.strip() or done.returncode}.")
    return done.stdout
