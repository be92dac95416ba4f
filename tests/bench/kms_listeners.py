# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A thousand KMS hosts in one process, as far as a probe goes: `python -m bench.kms_listeners PORT`.

Each accepts the bind of the KMS interface, and knows nothing else. It says `ready` and listens until its input ends.
"""

from __future__ import annotations

import asyncio
import sys

from lab.shell import kms

COUNT = 1000
ADDRESSES = [f"127.99.{number // 250}.{number % 250 + 1}" for number in range(COUNT)]
BIND_BYTES = 72


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        bind = await reader.readexactly(BIND_BYTES)
        writer.write(kms.Conversation(0, lambda _payload: b"").answer(bind))
        await reader.read()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _listen(port: int) -> None:
    for address in ADDRESSES:
        await asyncio.start_server(_serve, address, port)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_listen(int(sys.argv[1])))
