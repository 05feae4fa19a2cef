"""Where Scumble keeps things, by the standard library alone: the plugins have nothing else.

SCUMBLE_HOME moves everything below one folder (tests, several installations side by side). A Flatpak or a Snap gives
its programs folders of their own; as the backend runs outside, the user's real folders are meant here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

FLATPAK_INFO = Path("/.flatpak-info")


def in_flatpak() -> bool:
    return FLATPAK_INFO.exists()


def sandboxed(environ: Mapping[str, str] = os.environ) -> bool:
    """True in a Flatpak or Snap, where folders and process numbers are not those of the host."""
    return in_flatpak() or "SNAP" in environ


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's home folder on the host."""
    return Path(environ["SNAP_REAL_HOME"]) if "SNAP_REAL_HOME" in environ else Path.home()


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Settings and install.json."""
    return _folder(environ, "config", "XDG_CONFIG_HOME", ".config")


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """What can be made again."""
    return _folder(environ, "cache", "XDG_CACHE_HOME", ".cache", mac="Caches", windows="Cache")


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """What the user would miss: installed packs, training runs."""
    return _folder(environ, "data", "XDG_DATA_HOME", ".local/share", windows="Data")


def log_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Log files."""
    return _folder(environ, "logs", "", "") if environ.get("SCUMBLE_HOME") else cache_folder(environ) / "logs"


def runtime_folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Where the endpoint file may lie, the best place first.

    The backend writes it to all of them: a program in a Flatpak sees the user's cache folder but not the host's
    runtime folder.
    """
    if own := environ.get("SCUMBLE_HOME"):
        return [Path(own) / "runtime"]
    found: list[Path] = []
    runtime = Path(environ.get("XDG_RUNTIME_DIR", ""))
    if sys.platform not in ("win32", "darwin") and runtime.is_absolute():
        found.append(runtime / "scumble")
    return [*found, _shared_cache(environ) / "runtime"]


def _shared_cache(environ: Mapping[str, str]) -> Path:
    """The cache folder under the name that every program of the user computes alike, in and outside a sandbox."""
    if sys.platform in ("win32", "darwin"):
        return cache_folder(environ)
    return home(environ) / ".cache" / "scumble"


def _folder(
    environ: Mapping[str, str], name: str, xdg: str, dotted: str, mac: str = "Application Support", windows: str = ""
) -> Path:
    if own := environ.get("SCUMBLE_HOME"):
        return Path(own) / name
    if sys.platform == "win32":
        local = Path(environ.get("LOCALAPPDATA") or home(environ) / "AppData" / "Local")
        return local / "scumble" / windows
    if sys.platform == "darwin":
        return home(environ) / "Library" / mac / "scumble"
    chosen = Path(environ.get(xdg, ""))
    if chosen.is_absolute() and not sandboxed(environ):
        return chosen / "scumble"
    return home(environ) / dotted / "scumble"
