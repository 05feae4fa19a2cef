"""Where things lie: the checkout (or the offline kit) and the user's folders, by each system's custom."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

APP = "scumble"


@dataclass(frozen=True)
class Places:
    """Folders that the installer may write to. Nothing is created by making this object."""

    data: Path  # what the installation consists of
    cache: Path  # what may be deleted at any time
    config: Path  # install.json, which the plugins read to start the backend
    programs: Path  # where the scumble command goes
    environments: Path  # Python environments, several gigabytes
    shared_environments: bool  # True: the folder was named by SCUMBLE_ENVIRONMENTS and belongs to somebody else too

    @property
    def install_file(self) -> Path:
        return self.config / "install.json"

    @property
    def journal(self) -> Path:
        return self.data / "journal.json"

    @property
    def versions(self) -> Path:
        return self.data / "versions"


def user_places(system: str, home: Path, environ: Mapping[str, str], prefix: Path | None = None) -> Places:
    """system: "linux", "windows" or "macos". prefix: where the data goes instead of the user's data folder.

    SCUMBLE_HOME moves everything under one folder (tests, portable use); SCUMBLE_ENVIRONMENTS names a folder of
    environments that several users or checkouts share.
    """
    own = environ.get("SCUMBLE_HOME", "")
    if own:
        root = Path(own)
        data, cache, config = root / "data", root / "cache", root / "config"
    elif system == "windows":
        local = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / APP
        data, cache, config = local / "Data", local / "Cache", local
    elif system == "macos":
        support = home / "Library" / "Application Support" / APP
        data, cache, config = support, home / "Library" / "Caches" / APP, support
    else:
        data = _xdg(environ, "XDG_DATA_HOME", home / ".local" / "share")
        cache = _xdg(environ, "XDG_CACHE_HOME", home / ".cache")
        config = _xdg(environ, "XDG_CONFIG_HOME", home / ".config")
    if prefix is not None:
        data = prefix
    shared = environ.get("SCUMBLE_ENVIRONMENTS", "")
    return Places(
        data=data,
        cache=cache,
        config=config,
        programs=Path(own) / "bin" if own else home / ".local" / "bin",
        environments=Path(shared) if shared else data / "environments",
        shared_environments=bool(shared),
    )


def _xdg(environ: Mapping[str, str], name: str, otherwise: Path) -> Path:
    """The XDG rule: a relative path in the variable counts as none."""
    value = environ.get(name, "")
    return (Path(value) if Path(value).is_absolute() else otherwise) / APP


def system_name(platform: str) -> str:
    """ "linux", "windows" or "macos" for a value of sys.platform."""
    if platform.startswith("win") or platform in ("cygwin", "msys"):
        return "windows"
    return "macos" if platform == "darwin" else "linux"


def source_root() -> Path:
    """The checkout or the unpacked offline kit that this installer belongs to."""
    return Path(__file__).resolve().parents[2]


def this_machine(prefix: Path | None = None) -> Places:
    import sys

    return user_places(system_name(sys.platform), Path.home(), os.environ, prefix)
