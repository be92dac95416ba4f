# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleet records, KMS hosts and DNS into findings, and those into reports of every format. Pure."""

from __future__ import annotations

from ._document import Document, Frame, make_document, read_document
from ._findings_machines import Expectations
from ._formats import as_csv, as_json, as_junit, as_prometheus
from ._html import as_html
from ._kinds import Kind, Severity, State
from ._machines import Machine, newest_of_each, read_machines
from ._site import Declared, Site

__all__ = [
    "Declared",
    "Document",
    "Expectations",
    "Frame",
    "Kind",
    "Machine",
    "Severity",
    "Site",
    "State",
    "as_csv",
    "as_html",
    "as_json",
    "as_junit",
    "as_prometheus",
    "make_document",
    "newest_of_each",
    "read_document",
    "read_machines",
]
