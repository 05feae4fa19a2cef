"""One installed version of the backend: a thin environment with our packages, on top of the big one.

It holds copies of the packages, the starter packs, the `scumble` command and the built plugins; PyTorch and the like
are seen from the environment below, which several versions share. So an update is small, and the old version stays
whole beside it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

from . import environment
from .console import Console, stream
from .errors import InstallError

PACKAGES = ("backend/scumble_wire", "backend/scumble_backend", "training/scumble_training", "cli/scumble_cli")
PLUGINS = ("plugin_krita", "plugin_gimp", "plugin_shared")
_IGNORED = ("__pycache__", "*.pyc", "build", "dist")


def project_version(source: Path) -> str:
    """The version, as backend/scumble_wire/__init__.py says it."""
    place = source / "backend" / "scumble_wire" / "__init__.py"
    match = re.search(r'^__version__ = "([^"]+)"', place.read_text(encoding="utf-8"), re.MULTILINE)
    if not match:
        raise InstallError(f"{place} names no version.", "Get Scumble again.")
    return match.group(1)


def folder_name(source: Path) -> str:
    """The version and a digest of what would be installed: equal names hold equal files."""
    digest = hashlib.sha256()
    for part in (*PACKAGES, *PLUGINS, "backend/starter_packs", "docs/manual", "pyproject.toml"):
        digest.update(tree_digest(source / part).encode())
    return f"{project_version(source)}-{digest.hexdigest()[:8]}"


def tree_digest(place: Path) -> str:
    """A digest of a file or of all files below a folder, caches left out; names and contents count."""
    digest = hashlib.sha256()
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    for path in files:
        if "__pycache__" in path.parts or path.suffix == ".pyc":
            continue
        digest.update(path.relative_to(place).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def command(version: Path) -> list[str]:
    """How the backend of an installed version is called; `serve` comes behind it."""
    return [str(environment.python_in(version)), "-m", "scumble_backend"]


def scumble_command(version: Path) -> list[str]:
    """How the `scumble` command of an installed version is called."""
    return [str(environment.python_in(version)), "-m", "scumble_cli"]


def built_plugin(version: Path, program: str) -> Path:
    """The folder that a version keeps its built plugin for "krita" or "gimp" in."""
    return version / "plugins" / program


def write(source: Path, version: Path, below: Path, base_python: str, console: Console) -> bool:
    """Make the version's folder, unless it is complete. Returns whether it had to be made.

    below: the complete environment with the dependencies. Raises InstallError; then the folder isn't trusted.
    """
    if environment.is_complete(version):
        return False
    if version.exists():
        console.detail("removing a half-made version")
        shutil.rmtree(str(version))
    environ = environment.clean_environ()
    version.parent.mkdir(parents=True, exist_ok=True)
    stream([base_python, "-I", "-m", "venv", "--without-pip", str(version)], environ=environ, on_line=_ignore)
    site = _site_packages(version)
    for package in PACKAGES:
        name = package.split("/")[-1]
        shutil.copytree(str(source / package), str(site / name), ignore=shutil.ignore_patterns(*_IGNORED))
    packs = source / "backend" / "starter_packs"
    if packs.is_dir():
        shutil.copytree(str(packs), str(site / "scumble_backend" / "starter_packs"))
    environment.see_below(version, below)
    _describe(source, site)
    for program, builder in (("krita", "plugin_krita"), ("gimp", "plugin_gimp")):
        out = built_plugin(version, program)
        out.mkdir(parents=True)
        argv = [str(environment.python_in(version)), "-I", str(source / builder / "build.py"), str(out)]
        stream([*argv, "--folder"] if program == "krita" else argv, environ=environ, on_line=_ignore)
    environment.write_stamp(version, {"below": str(below), "version": version.name})
    return True


def _site_packages(folder: Path) -> Path:
    ask = [str(environment.python_in(folder)), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.check_output(ask, timeout=environment.ANSWER_S).decode().strip())


def _describe(source: Path, site: Path) -> None:
    """A dist-info, so that importlib.metadata knows the version and the entry point."""
    version = project_version(source)
    info = site / f"scumble-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: scumble\nVersion: {version}\n", encoding="utf-8")
    (info / "INSTALLER").write_text("scumble-installer\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[console_scripts]\nscumble = scumble_cli.main:main\n", encoding="utf-8")


def launcher(version: Path, system: str) -> str:
    """The text of the `scumble` command."""
    python = environment.python_in(version)
    if system == "windows":
        return f'@echo off\r\n"{python}" -m scumble_cli %*\r\n'
    quoted = "'" + str(python).replace("'", "'\\''") + "'"
    return f'#!/bin/sh\nexec {quoted} -m scumble_cli "$@"\n'


def record(version: Path, extra: dict[str, object]) -> bytes:
    """What install.json says: the plugins need `command`, the installer the rest."""
    data = {"command": command(version), "scumble": scumble_command(version), "version": version.name, **extra}
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def _ignore(line: str) -> None:
    del line


__all__ = ["built_plugin", "command", "folder_name", "launcher", "project_version", "record", "tree_digest", "write"]
