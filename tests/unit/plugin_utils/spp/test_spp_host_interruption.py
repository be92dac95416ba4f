# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each single request of what is done to a KMS host is disturbed in every way, and then the same is run again.

See test_spp_interruption for the rest. Here nothing may be spent twice, and no setting may wait for a restart for ever.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from disturbed_lab import DISTURBANCES, Disturbance, lost, timed_out
from host_lab import (
    RETIRED,
    WINDOWS_AND_OFFICE,
    host_site,
    license_file,
    site_with_host,
    site_with_two_hosts,
)
from interrupted_jobs import Job, as_told, check_each_disturbed_request, host, undisturbed
from spp_lab import InProcessLab, copied

from ansible_collections.volact.kms.plugins.module_utils._errors import OutcomeUnknown
from ansible_collections.volact.kms.plugins.plugin_utils._spp import DesiredHost, Outcome
from ansible_collections.volact.kms.plugins.plugin_utils._spp._confirmation import ConfirmationId
from ansible_collections.volact.kms.plugins.plugin_utils._spp._publishing import PublishDomain

pytestmark = pytest.mark.combinations

#: Its licence pack is missing. The file that brings the licence comes last: then a pack is never installed in part.
EVERYTHING = replace(
    WINDOWS_AND_OFFICE,
    license_files=(license_file(part="pkeyconfig"), license_file()),
    listening_port=1700,
    activation_interval=60,
    low_priority=True,
    publish_domains=(PublishDomain("other.example.test"),),
    firewall=None,
)


def site_to_retire() -> InProcessLab:
    """Two hosts for Windows and Office, of which the second activates whoever asks."""
    lab = site_with_two_hosts()
    lab.publish("kms02")
    lab.site.set("kms02", "clients", "50")
    return lab


JOBS = [
    Job("set up a host", "bare01", copied(host_site), host(EVERYTHING), has_several_keys=True),
    Job(
        "change a setting of a host",
        "kms01",
        copied(site_with_host),
        host(replace(WINDOWS_AND_OFFICE, low_priority=True)),
    ),
    Job("retire a host", "kms01", copied(site_to_retire), host(RETIRED)),
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


def test_what_is_disturbed_covers_every_kind_of_change_of_a_host() -> None:
    sent = {operation for job in JOBS for operation in undisturbed(job).transport.sent}
    assert sent >= {
        "InstallLicense",
        "InstallProductKey",
        "UninstallProductKey",
        "Activate",
        "SetKeyManagementServiceListeningPort",
        "SetVLActivationInterval",
        "DisableKeyManagementServiceDnsPublishing",
        "EnableKeyManagementServiceLowPriority",
        "SetMultiStringValue",
        "SetStringValue",
        "DeleteValue",
        "StopService",
        "StartService",
        "Disable",
    }


def test_each_disturbed_request_is_made_good_by_the_next_run(job: Job, disturbance: Disturbance) -> None:
    check_each_disturbed_request(job, disturbance)


def job_by_telephone() -> Job:
    """A host that waits for its confirmation ID, which was told once and spent an activation then."""
    lab = host_site()
    waiting = DesiredHost(product_keys=EVERYTHING.product_keys[:1])
    host(waiting)(lab.licensing("kms01"))
    told = ConfirmationId(lab.site.confirmation_id("kms01", "KHWHT"))
    return Job("deposit", "kms01", copied(lambda: lab), host(replace(waiting, confirmation_id=told)))


@pytest.mark.parametrize("disturbance", DISTURBANCES, ids=str)
def test_a_disturbed_deposit_is_made_good_by_the_next_run(disturbance: Disturbance) -> None:
    check_each_disturbed_request(job_by_telephone(), disturbance)


def test_while_an_activation_may_be_under_way_the_service_is_not_restarted() -> None:
    job = JOBS[0]
    at = undisturbed(job).transport.sent.index("Activate")
    attempt = job.attempt(job.before(), at, Disturbance("", timed_out, DISTURBANCES[2].when))
    assert isinstance(attempt.error, OutcomeUnknown)
    assert "RestartService" not in attempt.operations
    assert "RestartService" in job.attempt(attempt.lab).operations


def test_a_change_that_was_lost_before_the_restart_is_restarted_by_the_next_run() -> None:
    job = JOBS[1]
    at = undisturbed(job).transport.sent.index("StopService")
    attempt = job.attempt(job.before(), at, Disturbance("", lost, DISTURBANCES[2].when))
    assert job.attempt(attempt.lab).operations == ["RestartService", "SetRegistryValue", "SetRegistryValue"]
