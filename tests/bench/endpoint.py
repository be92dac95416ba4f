# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A WinRM endpoint that runs every command at once, for the cost of a remote shell on the controller's side.

It is no Windows and checks nothing but the Basic login: each command ends with the result that a win_shell task of
Ansible would print. So what is measured is the least that a Windows module can cost: no PowerShell starts.
Source: [MS-WSMV], remote shells; which of their messages ansible-core's winrm plugin sends was seen by running it.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from xml.sax.saxutils import escape

from aiohttp import web

USER, PASSWORD = "bench", "bench"
BODY_LIMIT = 16 * 2**20

_ACTION = re.compile(rb"<(?:\w+:)?Action\b[^>]*>([^<]*)<")
_MESSAGE = re.compile(rb"<(?:\w+:)?MessageID\b[^>]*>([^<]*)<")
_COMMAND = re.compile(rb'\bCommandId="([^"]*)"')

_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
_ENVELOPE = (
    '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" '
    f'xmlns:rsp="{_SHELL}">'
    "<s:Header><a:Action>{action}Response</a:Action><a:MessageID>uuid:{message}</a:MessageID>"
    "<a:RelatesTo>{relates_to}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
)
_RESULT = {
    "changed": True,
    "cmd": "@{ ... } | ConvertTo-Json",
    "rc": 0,
    "stdout": json.dumps({"system": {}, "service": {}, "products": []}),
    "stderr": "",
    "start": "2026-01-01 00:00:00.000000",
    "end": "2026-01-01 00:00:00.100000",
    "delta": "0:00:00.100000",
}


@dataclass(slots=True)
class Traffic:
    """What was asked, authentication legs excluded."""

    requests: int = 0
    body_bytes: int = 0


def answer(request: bytes) -> bytes:
    """The reply to one envelope of a remote shell."""
    action = _text(_ACTION, request)
    name = action.rpartition("/")[2]
    body = _BODIES[name](_text(_COMMAND, request)) if name in _BODIES else ""
    return _ENVELOPE.format(
        action=action, message=uuid.uuid4(), relates_to=escape(_text(_MESSAGE, request)), body=body
    ).encode()


def _text(pattern: re.Pattern[bytes], request: bytes) -> str:
    found = pattern.search(request)
    return found[1].decode() if found else ""


def _created(_command: str) -> str:
    shell = str(uuid.uuid4()).upper()
    return (
        "<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>'
        f"<rsp:Shell><rsp:ShellId>{shell}</rsp:ShellId></rsp:Shell>"
    )


def _received(command: str) -> str:
    output = base64.b64encode(json.dumps(_RESULT).encode()).decode()
    return (
        f'<rsp:ReceiveResponse><rsp:Stream Name="stdout" CommandId="{command}">{output}</rsp:Stream>'
        f'<rsp:Stream Name="stdout" CommandId="{command}" End="true"/>'
        f'<rsp:Stream Name="stderr" CommandId="{command}" End="true"/>'
        f'<rsp:CommandState CommandId="{command}" State="{_SHELL}/CommandState/Done">'
        "<rsp:ExitCode>0</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>"
    )


_BODIES = {
    "Create": _created,
    "Command": lambda _command: (
        f"<rsp:CommandResponse><rsp:CommandId>{str(uuid.uuid4()).upper()}</rsp:CommandId></rsp:CommandResponse>"
    ),
    "Send": lambda _command: "<rsp:SendResponse/>",
    "Receive": _received,
    "Signal": lambda _command: "<rsp:SignalResponse/>",
}


@asynccontextmanager
async def serving(traffic: Traffic) -> AsyncIterator[int]:
    """Listen on a free port of 127.0.0.1, yield the port, and count in `traffic`."""
    login = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        if request.headers.get("Authorization") != login:
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="WSMAN"'})
        traffic.requests += 1
        traffic.body_bytes += len(body)
        return web.Response(body=answer(body), content_type="application/soap+xml", charset="UTF-8")

    application = web.Application(client_max_size=BODY_LIMIT)
    application.router.add_post("/wsman", handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        (address,) = runner.addresses
        yield int(address[1])
    finally:
        await runner.cleanup()
