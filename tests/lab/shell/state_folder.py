# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder in which a running lab keeps its files: readable by its owner only, empty of secrets when it stops."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LabError


class StateFolder:
    """A state folder, as its owner (after `hold`) or as a visitor sees it."""

    def __init__(self, path: Path, *, temporary: bool = False) -> None:
        self.path = path
        self.temporary = temporary
        self._lock: int | None = None

    @classmethod
    def create(cls, path: str | None) -> StateFolder:
        """The folder at `path`, or a new temporary one. Raises LabError."""
        if path is None:
            return cls(Path(tempfile.mkdtemp(prefix="lab-")), temporary=True)
        try:
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f"The state folder {path} cannot be made: {error.strerror}.") from error
        return cls(Path(path).resolve())

    @property
    def control(self) -> Path:
        """The control socket."""
        return self.path / "control.sock"

    @property
    def inventory(self) -> Path:
        """The Ansible inventory."""
        return self.path / "inventory.yml"

    @property
    def ntlm_users(self) -> Path:
        """The folder of the accounts that the NTLM acceptor reads."""
        return self.path / "ntlm-users"

    def ntlm_users_of(self, number: int) -> Path:
        """The file of one account; its folder comes to be."""
        self.ntlm_users.mkdir(mode=0o700, exist_ok=True)
        return self.ntlm_users / str(number)

    @property
    def dns(self) -> Path:
        """The folder of the DNS server."""
        return self.path / "dns"

    @property
    def tls(self) -> Path:
        """The folder of the certificates; absent without HTTPS."""
        return self.path / "tls"

    @property
    def authority(self) -> Path:
        """The certificate of the authority that the machines' certificates come from."""
        return self.tls / "authority.pem"

    @property
    def client_certificate(self) -> Path:
        """The certificate by which the account logs in."""
        return self.tls / "client.pem"

    @property
    def client_key(self) -> Path:
        """The private key of `client_certificate`."""
        return self.tls / "client-key.pem"

    @property
    def unmapped_certificate(self) -> Path:
        """A certificate of the same authority that belongs to no account."""
        return self.tls / "unmapped.pem"

    @property
    def unmapped_key(self) -> Path:
        """The private key of `unmapped_certificate`."""
        return self.tls / "unmapped-key.pem"

    @property
    def log(self) -> Path:
        """The lab's log; kept in a folder that the user named."""
        return self.path / "lab.log"

    @property
    def _lock_file(self) -> Path:
        return self.path / "lab.lock"

    def hold(self) -> None:
        """Become the one lab of this folder. Raises LabError when there is one already."""
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise LabError(f"A lab is running already with the state folder {self.path}.") from error
        self._lock = lock
        self._remove_traces()

    def leave(self) -> None:
        """Remove what the lab put here: the whole folder when it is temporary, else everything but its logs."""
        if self._lock is None:
            return
        self._remove_traces()
        self._lock_file.unlink(missing_ok=True)
        self.remove_if_temporary()
        os.close(self._lock)
        self._lock = None

    def remove_if_temporary(self) -> None:
        """Remove a folder that the lab made itself, also when it never came to hold it."""
        if self.temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    @contextmanager
    def control_address(self) -> Iterator[str]:
        """The control socket's address, short enough for the kernel (107 bytes) however long the folder's path is."""
        folder = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{folder}/{self.control.name}"
        finally:
            os.close(folder)

    def open_control(self) -> socket.socket:
        """Bind the control socket, for its owner only."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with self.control_address() as address:
            listener.bind(address)
        self.control.chmod(0o600)
        return listener

    def _remove_traces(self) -> None:
        for file in (self.control, self.inventory):
            file.unlink(missing_ok=True)
        for folder in (self.dns, self.tls, self.ntlm_users):
            shutil.rmtree(folder, ignore_errors=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")
