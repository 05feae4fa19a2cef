"""What the backend tells about itself."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from scumble_backend import __version__
from scumble_backend.config import Places, Settings
from scumble_backend.rendering.worker import DeviceState
from scumble_backend.serving.queue import JobQueue
from scumble_wire.messages import PROTOCOL_VERSION, Status


def status(
    settings: Settings,
    places: Places,
    packs_folder: Path,
    device: DeviceState,
    queue: JobQueue,
    *,
    clients: int,
    uptime_s: float,
) -> Status:
    """clients: how many are connected. uptime_s: seconds since the start."""
    return Status(
        backend_version=__version__,
        protocol=PROTOCOL_VERSION,
        pid=os.getpid(),
        uptime_s=uptime_s,
        device=device.device or device.trouble,
        device_setting=settings.device,
        memory_budget_mb=settings.memory_budget_mb,
        idle_release_s=float(settings.idle_release_s),
        loaded_networks=list(device.networks),
        device_memory_mb=device.memory_mb,
        jobs_waiting=queue.count("waiting"),
        jobs_running=queue.count("running"),
        clients=clients,
        log_file=str(places.log),
        packs_folder=str(packs_folder),
        loss_network=settings.loss_network,
        photos=settings.photos,
        versions=dict(_versions()),
    )


@lru_cache(maxsize=1)
def _versions() -> dict[str, str]:
    """Looked up without importing anything."""
    versions = {"python": platform.python_version(), "scumble": __version__}
    for name in ("torch", "pyzmq", "numpy"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "missing"
    return versions
