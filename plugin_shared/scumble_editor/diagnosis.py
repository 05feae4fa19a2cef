"""What a bug report needs to know, as text: versions, settings, the last problem.

No pictures, no documents, no names of either, nor of folders and people: it can be read and attached as it is.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence

from scumble_wire.messages import PROTOCOL_VERSION

from .backend import Backend
from .privacy import without_private


def diagnosis(backend: Backend, editor: str, version: str, more: Sequence[str] = ()) -> str:
    """editor: with its version ("Krita 5.2.9"). version: of the plugin. more: what else the plugin knows."""
    lines = [
        f"Scumble plugin {version}, protocol {PROTOCOL_VERSION}",
        f"{editor}, Python {sys.version.split()[0]}, {platform.platform()}",
        f"Connected: {'yes' if backend.connected else 'no'}",
    ]
    status = backend.status
    if status is not None:
        versions = ", ".join(f"{name} {number}" for name, number in sorted(status.versions.items()))
        lines += [
            f"Backend {status.backend_version}, protocol {status.protocol}, up {status.uptime_s:.0f} s",
            f"Device: {status.device or '-'} (setting {status.device_setting})",
            f"Device memory in use: {status.device_memory_mb:.0f} MB",
            f"Memory budget {status.memory_budget_mb} MB, idle release {status.idle_release_s:.0f} s",
            f"Jobs: {status.jobs_running} running, {status.jobs_waiting} waiting; clients: {status.clients}",
            f"Versions: {versions}",
            f"Log: {status.log_file}",
        ]
    lines.append(f"Packs: {len(backend.packs)}")
    for job in backend.jobs:
        lines.append(f"Job {job.kind}: {job.state}" + (f" ({job.problem.code})" if job.problem else ""))
    if backend.problem is not None:
        lines.append(
            f"Last problem: {backend.problem.code}: {backend.problem.headline} {backend.problem.detail}".strip()
        )
    return without_private("\n".join([*lines, *more]))
