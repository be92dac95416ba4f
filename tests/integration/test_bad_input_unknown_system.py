# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Windows that the catalogue does not know. The lab knows none, so its row is altered on the way, in one process."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from spp_lab import FakeClock, InProcessLab, LabTransport, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import NotSupported
from ansible_collections.volact.kms.plugins.plugin_utils._action import failure
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    Licensing,
    converge_client,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply

pytestmark = pytest.mark.bad_input

HINT = "Check that the release is a volume edition, and whether a newer collection knows it."


@dataclass
class AlteredTransport:
    """The lab, whose machine says something else of one property of Win32_OperatingSystem."""

    inner: LabTransport
    name: str
    value: int

    @property
    def endpoint(self) -> str:
        return self.inner.endpoint

    def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
        reply = self.inner.send(envelope, read_timeout=read_timeout)
        altered = re.sub(rf"(\b{self.name}(?:\s[^>]*)?>)\d+<".encode(), rf"\g<1>{self.value}<".encode(), reply.body)
        return HttpReply(reply.status, altered)


def altered(lab: InProcessLab, machine: str, name: str, value: int) -> Licensing:
    return Licensing(CimSession(AlteredTransport(LabTransport(lab, machine), name, value)), FakeClock())


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("OperatingSystemSKU", 9999, "an edition with SKU number 9999 (SKU 9999, build 22631)"),
        ("BuildNumber", 7000, "Enterprise (SKU 4, build 7000)"),
    ],
)
def test_an_unknown_windows_is_refused_with_the_numbers_that_somebody_needs_to_add_it(
    name: str, value: int, known: str
) -> None:
    lab = new_lab()
    before = lab.site.state()
    desired = DesiredClient(channel=Channel.KMS_CLIENT, kms_host="kms01", activate=Activate.IF_NEEDED)
    with pytest.raises(NotSupported) as caught:
        converge_client(altered(lab, "win01", name, value), desired, check_mode=False)
    assert failure(caught.value) == {
        "failed": True,
        "changed": False,
        "operations": [],
        "msg": f"WIN01 runs {known}, and the catalogue has no client setup key for it. Nothing was changed. {HINT}",
        "error": {"kind": "not_supported", "code": None, "name": None, "operation": "choose_key", "hint": HINT},
    }
    assert lab.site.state() == before
