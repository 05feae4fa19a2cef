"""The big environment: everything the backend needs, PyTorch's build chosen for the machine."""

from __future__ import annotations

import platform
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path

from . import environment, lockfile
from .console import Console, megabytes
from .errors import InstallError
from .places import Places
from .pythons import Python
from .torch_builds import NONE_REACHED, TorchBuild

NEEDED = ("torch", "torchvision")


def folder_for(places: Places, pins: list[lockfile.Pin], python: Python, build: TorchBuild) -> Path:
    return places.environments / environment.name_for("backend", pins, python, build)


def complete(
    places: Places, pins: list[lockfile.Pin], python: Python, builds: list[TorchBuild]
) -> tuple[Path, TorchBuild] | None:
    """The first of these builds that is there already, or None."""
    for build in builds:
        folder = folder_for(places, pins, python, build)
        if environment.is_complete(folder):
            return folder, build
    return None


def make(
    places: Places,
    console: Console,
    python: Python,
    builds: list[TorchBuild],
    pins: list[lockfile.Pin],
    uv: str,
    wheels: Path | None = None,
) -> tuple[Path, TorchBuild]:
    """The environment with the first build that can be had; nothing is done if one of them is there.

    wheels: install from this folder alone. Raises InstallError.
    """
    there = complete(places, pins, python, builds)
    if there is not None:
        environment.touch(there[0])
        return there
    for build in builds:
        if build.index and wheels is None:
            missing = why_not_offered(build, lockfile.version_of(pins, "torch", python.short), python)
            if missing:
                console.detail(f"PyTorch's {build.name} build: {missing}; taking the next choice")
                continue
        folder = folder_for(places, pins, python, build)
        size = f"about {megabytes(build.download_mb * 1e6)} to download, {megabytes(build.disk_mb * 1e6)} on disk"
        console.detail(f"PyTorch's {build.name} build ({build.device})" + ("" if wheels else f": {size}"))
        recipe = environment.Recipe("backend", python, build, pins, uv=uv, wheels=wheels)
        environment.ensure(recipe, folder, console)
        environment.prune(places.environments, [folder], console)
        return folder, build
    raise InstallError(*NONE_REACHED)


def not_offered(builds: list[TorchBuild], pins: list[lockfile.Pin], python: Python) -> dict[str, str]:
    """Builds that PyTorch's index doesn't have now, up to the first that can be had: name to reason."""
    missing = {}
    for build in builds:
        why = why_not_offered(build, lockfile.version_of(pins, "torch", python.short), python) if build.index else ""
        if not why:
            break
        missing[build.name] = why
    return missing


def why_not_offered(build: TorchBuild, version: str, python: Python, timeout_s: float = 8.0) -> str:
    """Asks PyTorch's own index for exactly the wheel that is needed; "" if it's there, else what is missing."""
    try:
        with urllib.request.urlopen(f"{build.index}/torch/", timeout=timeout_s) as answer:
            page = answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return f"the index answers {error.code}"
    except (OSError, ValueError):
        return "its index doesn't answer"
    return "" if has_wheel(page, version, build.local, python.short) else f"not there for torch {version}"


def has_wheel(page: str, version: str, local: str, python: str) -> bool:
    """Whether an index page lists torch's wheel for this Python and this system."""
    tag = "cp" + python.replace(".", "")
    endings = {"win32": "win_amd64", "darwin": "macosx"}
    system = endings.get(sys.platform, platform.machine())
    pattern = rf"torch-{re.escape(version)}(?:%2B|\+){re.escape(local)}-{tag}-{tag}-[^\"'<>#]*{system}"
    return bool(re.search(pattern, page, re.IGNORECASE))
