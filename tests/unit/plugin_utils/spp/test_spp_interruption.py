# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each single request of each kind of change is disturbed in every way, and then the change is run again.

Not sampled: what an undisturbed run sends is recorded first, and each of its requests is disturbed in turn. Every time
the next run must end in the state of an undisturbed one, with Microsoft's counters as they would have been anyway.
"""

from __future__ import annotations

from typing import Any

import pytest
from disturbed_lab import (
    DISTURBANCES,
    Disturbance,
    When,
    lost,
    timed_out,
)
from interrupted_jobs import Attempt, Job, as_told, check_each_disturbed_request, client, host, undisturbed
from office_lab import ready_office_site
from spp_lab import OPEN_FIREWALL, InProcessLab, copied, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    KmsError,
    OutcomeUnknown,
    TransportLost,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    DesiredHost,
    Outcome,
    ProductKey,
    converge_client,
    converge_host,
)
from lab.effects import ServiceRecord

pytestmark = pytest.mark.combinations

FIRST_MAK = "BBBBB-CCCCC-DDDDD-FFFFF-MKWHR"
LAST_MAK = "CCCCC-DDDDD-FFFFF-GGGGG-MKXYY"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KHWHT"
PORT = 1700

SITE: dict[str, Any] = {
    "domain": "corp.example.test",
    "machines": {
        "kms[01:02]": {"os": "windows-server-2022-datacenter"},
        "srv[01:05]": {
            "os": "windows-server-2022-standard",
            "products": [{"key": FIRST_MAK, "activated": True}],
        },
    },
    "microsoft": {
        "keys": [
            {"key": FIRST_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 5},
            {"key": LAST_MAK, "kind": "mak", "for": ["windows-server-2022-standard"], "activations": 1},
            {"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]},
        ]
    },
    "behaviour": {"products_without_key": 0},
}

TO_KMS = DesiredClient(channel=Channel.KMS_CLIENT, activate=Activate.IF_NEEDED)
HOST = DesiredHost(
    product_keys=(ProductKey(HOST_KEY),),
    activate=Activate.IF_NEEDED,
    listening_port=PORT,
    dns_publishing=False,
    firewall=OPEN_FIREWALL,
)


def site() -> InProcessLab:
    return new_lab(SITE)


def site_with_host() -> InProcessLab:
    """A KMS host that four servers have asked: the fifth is activated at once."""
    lab = site()
    converge_host(lab.licensing("kms01"), HOST, check_mode=False)
    lab.records = [ServiceRecord(0, 0, PORT, "kms01.corp.example.test")]
    for number in range(1, 5):
        converge_client(lab.licensing(f"srv{number:02}"), TO_KMS, check_mode=False)
    return lab


def site_with_pinned_client() -> InProcessLab:
    lab = site_with_host()
    old = DesiredClient(kms_host="gone.corp.example.test", kms_port=1690)
    converge_client(lab.licensing("srv05"), old, check_mode=False)
    return lab


def site_with_licensed_client() -> InProcessLab:
    lab = site_with_host()
    converge_client(lab.licensing("srv05"), TO_KMS, check_mode=False)
    return lab


def site_with_two_hosts() -> InProcessLab:
    lab = site_with_host()
    converge_host(lab.licensing("kms02"), HOST, check_mode=False)
    return lab


JOBS = [
    Job(
        "switch and pin",
        "srv05",
        copied(site_with_host),
        client(DesiredClient(Channel.KMS_CLIENT, None, "kms01.corp.example.test", PORT, activate=Activate.IF_NEEDED)),
    ),
    Job(
        "switch and unpin",
        "srv05",
        copied(site_with_pinned_client),
        client(DesiredClient(Channel.KMS_CLIENT, discovery=True, activate=Activate.IF_NEEDED)),
    ),
    Job(
        "install a MAK that has one activation left",
        "srv05",
        copied(site_with_licensed_client),
        client(DesiredClient(Channel.MAK, ProductKey(LAST_MAK), activate=Activate.IF_NEEDED)),
    ),
    Job(
        "convert a host to a client",
        "kms02",
        copied(site_with_two_hosts),
        client(DesiredClient(Channel.KMS_CLIENT, activate=Activate.IF_NEEDED, convert_host=True)),
    ),
    Job(
        "renew",
        "srv05",
        copied(site_with_licensed_client),
        client(DesiredClient(Channel.KMS_CLIENT, activate=Activate.RENEW)),
    ),
    Job("install a host", "kms01", copied(site), host(HOST)),
    Job(
        "switch Office and take its MAK away",
        "win01",
        copied(ready_office_site),
        client(
            DesiredClient(
                Channel.KMS_CLIENT, product_name="*ProPlus2021*", remove_old_keys=True, activate=Activate.IF_NEEDED
            )
        ),
    ),
]


@pytest.fixture(params=JOBS, ids=str)
def job(request: pytest.FixtureRequest) -> Job:
    chosen: Job = request.param
    return chosen


@pytest.fixture(params=DISTURBANCES, ids=str)
def disturbance(request: pytest.FixtureRequest) -> Disturbance:
    chosen: Disturbance = request.param
    return chosen


def test_an_undisturbed_run_says_what_it_sent_and_ends_licensed(job: Job) -> None:
    attempt = undisturbed(job)
    assert attempt.operations == as_told(attempt.transport.sent)
    assert attempt.result.outcome is Outcome.LICENSED


def test_what_is_disturbed_covers_every_kind_of_operation() -> None:
    sent = {operation for job in JOBS for operation in undisturbed(job).transport.sent}
    assert sent == {
        "Enumerate",
        "EnumKey",
        "EnumValues",
        "Pull",
        "UninstallProductKey",
        "InstallProductKey",
        "RefreshLicenseStatus",
        "Activate",
        "SetKeyManagementServiceMachine",
        "SetKeyManagementServicePort",
        "ClearKeyManagementServiceMachine",
        "ClearKeyManagementServicePort",
        "SetKeyManagementServiceListeningPort",
        "DisableKeyManagementServiceDnsPublishing",
        "StopService",
        "StartService",
        "GetStringValue",
        "SetStringValue",
        "Create",
        "Get",
        "Put",
        "Enable",
    }


def test_each_disturbed_request_is_made_good_by_the_next_run(job: Job, disturbance: Disturbance) -> None:
    check_each_disturbed_request(job, disturbance)


def job_named(name: str) -> Job:
    return next(job for job in JOBS if job.name == name)


def disturbed(name: str, operation: str, error: KmsError, when: When = When.NEVER) -> Attempt:
    """A job whose request for `operation` is disturbed."""
    job = job_named(name)
    at = undisturbed(job).transport.sent.index(operation)
    return job.attempt(job.before(), at, Disturbance("", lambda: error, when))


def test_a_connection_lost_while_something_was_changed_names_it_and_says_how_to_go_on() -> None:
    error = disturbed("switch and pin", "InstallProductKey", lost()).error
    assert isinstance(error, TransportLost)
    assert error.message == (
        "The connection broke. Whether SRV05 carried out InstallProductKey is unknown. Run again: the next run reads "
        "the state first, and does nothing twice."
    )
    assert error.operation == "InstallProductKey"


def test_a_connection_lost_while_a_finite_key_was_activated_asks_for_patience_before_the_next_run() -> None:
    for name in ("install a MAK that has one activation left", "install a host"):
        attempt = disturbed(name, "Activate", lost())
        assert isinstance(attempt.error, TransportLost)
        assert attempt.error.message.endswith(
            " carried out Activate is unknown. It may still be at it: run again when 3 minutes have passed, so that no "
            "activation of the key is spent twice."
        )


def test_what_was_not_sent_is_no_progress() -> None:
    attempt = disturbed("renew", "Activate", TransportLost("Could not connect.", sent=False))
    assert isinstance(attempt.error, TransportLost)
    assert attempt.error.message == "Could not connect."
    assert attempt.error.progress == {"changed": False, "operations": []}


def test_a_finite_key_without_an_answer_fails_so_that_no_later_task_asks_again() -> None:
    attempt = disturbed("install a MAK that has one activation left", "Activate", timed_out())
    assert isinstance(attempt.error, OutcomeUnknown)
    assert attempt.error.message == (
        "SRV05 did not show within 90 seconds that Windows is activated. It may still happen; nothing was sent twice."
    )
    assert attempt.error.progress == {"changed": True, "operations": ["InstallProductKey", "Activate"]}


def test_a_client_of_a_kms_host_without_an_answer_is_pending_because_asking_again_costs_nothing() -> None:
    attempt = disturbed("switch and pin", "Activate", timed_out())
    assert attempt.result.outcome is Outcome.PENDING
    assert attempt.result.outcome_reason == "the licensing service has not answered yet"
    assert attempt.operations[-2:] == ["InstallProductKey", "Activate"]


def test_a_host_whose_settings_may_wait_for_a_restart_is_restarted_before_its_firewall_opens() -> None:
    attempt = disturbed("install a host", "StopService", lost())
    job = job_named("install a host")
    assert job.attempt(attempt.lab).operations == [
        "RestartService",
        "SetRegistryValue",
        "SetRegistryValue",
        "CreateFirewallRule",
        "SetFirewallPort",
        "Enable",
    ]
    assert attempt.lab.site.kms_listeners() == {"kms01": PORT}
