"""Gather the facts that a plan is made from. Looks only; changes nothing."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from . import editors, gpus, pythons
from .facts import Editor, Facts
from .machine import Machine, system_version
from .places import Places


def gather(machine: Machine, places: Places) -> Facts:
    found = editors.find(machine)
    return Facts(
        system=machine.system,
        system_version=system_version(machine),
        machine=platform.machine().lower(),
        pythons=tuple(pythons.find()),
        uv=machine.which("uv"),
        gpus=gpus.find(machine),
        editors=found,
        free_mb=free_mb(places.environments),
        existing=tuple(sorted({editor.settings for editor in found if Path(editor.settings).exists()})),
        taking_over=tuple(sorted({editor.settings for editor in found if _takes_over(editor)})),
    )


def free_mb(folder: Path) -> int:
    """Megabytes free on the disk that `folder` lies on or will lie on."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(str(place)).free // 1_000_000


def _takes_over(editor: Editor) -> bool:
    """Whether this GIMP, at its first start, would take over the settings of an older version."""
    settings = Path(editor.settings)
    return editor.program == "gimp" and not settings.exists() and any(settings.parent.glob("[23].*"))
