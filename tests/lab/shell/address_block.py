# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each lab's own part of 127/8, so that labs side by side never meet.

Linux answers on every address of 127/8 without an alias. A lab claims one or more whole /24 by binding a lock socket
in each: the kernel refuses a second claim, and frees the claim when the process dies, however it dies.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from .errors import LabError

LOCK_PORT = 20127
LOWEST_SECOND_OCTET = 16
"""127.0.x.x and its neighbours belong to the machine: localhost, its host name, resolver stubs."""

RESERVED_PER_BLOCK = 9
"""Addresses at the start of a block that are the lab's own: the DNS server and what may come."""

ATTEMPTS = 200


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """Who has which address in a claimed block."""

    network: ipaddress.IPv4Network
    dns: str
    machines: dict[str, str]


class AddressBlock:
    """A claimed part of 127/8. `release` gives it back."""

    def __init__(self, network: ipaddress.IPv4Network, locks: list[socket.socket]) -> None:
        self.network = network
        self._locks = locks

    def release(self) -> None:
        """Give the block back. Harmless when repeated."""
        while self._locks:
            self._locks.pop().close()

    def plan(self, machine_names: Iterable[str]) -> AddressPlan:
        """Give every machine an address, in the order of the site file."""
        usable = usable_addresses(self.network)
        return AddressPlan(
            network=self.network,
            dns=str(self.network.network_address + 1),
            machines=dict(zip(machine_names, usable, strict=False)),
        )


def usable_addresses(network: ipaddress.IPv4Network) -> list[str]:
    """The addresses for machines: none that ends in 0 or 255, and not the lab's own first ones."""
    found = [str(address) for address in network if address.packed[3] not in (0, 255)]
    return found[RESERVED_PER_BLOCK:]


def prefix_length(machines: int) -> int:
    """The smallest block that holds that many machines, as a prefix length of 24 or less.

    Raises LabError above what a /16 holds.
    """
    for length in range(24, 15, -1):
        if machines <= 254 * 2 ** (24 - length) - RESERVED_PER_BLOCK:
            return length
    raise LabError(f"A lab holds at most {254 * 256 - RESERVED_PER_BLOCK} machines, and this site has {machines}.")


def claim(machines: int, *, choose: random.Random | None = None) -> AddressBlock:
    """Claim a free block for that many machines. Raises LabError when none is found."""
    length = prefix_length(machines)
    generator = choose or random.SystemRandom()
    lowest = LOWEST_SECOND_OCTET << 16
    step = 1 << (32 - length)
    for _attempt in range(ATTEMPTS):
        offset = generator.randrange(lowest, 1 << 24, step)
        network = ipaddress.IPv4Network(((127 << 24) | offset, length))
        locks = _lock(network)
        if locks:
            return AddressBlock(network, locks)
    raise LabError(
        f"No free part of 127.0.0.0/8 was found in {ATTEMPTS} attempts: is something listening on 0.0.0.0:{LOCK_PORT}?"
    )


def _lock(network: ipaddress.IPv4Network) -> list[socket.socket]:
    locks: list[socket.socket] = []
    try:
        for part in network.subnets(new_prefix=24):
            lock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            locks.append(lock)
            lock.bind((str(part.network_address + 1), LOCK_PORT))
    except OSError:
        for lock in locks:
            lock.close()
        return []
    return locks
