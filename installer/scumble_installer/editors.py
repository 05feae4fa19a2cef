"""Which Kritas and GIMPs this user has, and where each looks for plugins.

One entry for each installation. Several can share their folders (a native one and an AppImage), so the planner
installs once for each folder.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable

from . import krita_settings
from .facts import Editor
from .machine import Machine, read_text

_VERSION = re.compile(r"(\d+\.\d+(?:\.\d+)?)")

FLATPAK_IDS = {"krita": "org.kde.krita", "gimp": "org.gimp.GIMP"}
_APPIMAGE_FOLDERS = ("Applications", "AppImages", "Downloads", "Desktop", "bin", ".local/bin")


def find(machine: Machine) -> tuple[Editor, ...]:
    """All of them, natively installed ones first."""
    if machine.system == "linux":
        found = [*_linux_native(machine), *_flatpak(machine), *_snap(machine), *_appimages(machine)]
    elif machine.system == "macos":
        found = _macos(machine)
    else:
        found = _windows(machine)
    return tuple(found)


# --- where each looks for plugins ------------------------------------------------------------------------


def krita_at(kind: str, version: str, data: Path, kritarc: Path, command: str = "") -> Editor:
    """data: the folder named krita in the data folder; a resource folder set in Krita's settings takes its place."""
    moved = krita_settings.resource_folder(read_text(kritarc))
    resources = Path(moved) if moved and kind not in ("flatpak", "snap") else data
    return Editor("krita", kind, version, str(resources), str(kritarc), command)


def gimp_at(kind: str, version: str, config: Path, command: str = "") -> Editor:
    """config: the folder named GIMP in the configuration folder; it has one folder for each minor version."""
    settings = config / gimp_series(version)
    return Editor("gimp", kind, version, str(settings / "plug-ins"), str(settings), command)


def gimp_series(version: str) -> str:
    """The name of a version's settings folder: "3.0" for 3.0.4; even numbers name stable series."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if not match:
        return "3.0"
    major, minor = int(match.group(1)), int(match.group(2))
    return "3.0" if (major, minor) == (2, 99) else f"{major}.{minor}"


def named_by_user(program: str, folder: Path, machine: Machine) -> Editor:
    """An installation in a place of its own, from `--editors krita=FOLDER` or `gimp=FOLDER`.

    Krita: the resource folder, with kritarc in it or in the usual place. GIMP: the folder of its settings.
    """
    if program == "gimp":
        version = folder.name if _VERSION.fullmatch(folder.name) else ""
        return Editor("gimp", "portable", version, str(folder / "plug-ins"), str(folder))
    own = folder / "kritarc"
    kritarc = own if own.exists() else _kritarc(machine)
    return Editor("krita", "portable", "", str(folder), str(kritarc))


def _kritarc(machine: Machine) -> Path:
    if machine.system == "windows":
        return _local(machine) / "kritarc"
    if machine.system == "macos":
        return machine.home / "Library" / "Preferences" / "kritarc"
    return _xdg(machine, "XDG_CONFIG_HOME", ".config") / "kritarc"


def _xdg(machine: Machine, variable: str, otherwise: str) -> Path:
    value = machine.environ.get(variable, "")
    return Path(value) if value.startswith("/") else machine.home / otherwise


# --- Linux -----------------------------------------------------------------------------------------------


def _linux_native(machine: Machine) -> list[Editor]:
    found = []
    krita = machine.which("krita")
    if krita:
        found.append(_linux_krita(machine, "native", _krita_version(machine), krita))
    for name in ("gimp", "gimp-3.2", "gimp-3.0", "gimp-3"):
        gimp = machine.which(name)
        if gimp:
            version = _first_version(machine.run([gimp, "--version"]))
            found.append(_linux_gimp(machine, "native", version, gimp))
            break
    return found


def _linux_krita(machine: Machine, kind: str, version: str, command: str) -> Editor:
    data = _xdg(machine, "XDG_DATA_HOME", ".local/share") / "krita"
    return krita_at(kind, version, data, _kritarc(machine), command)


def _linux_gimp(machine: Machine, kind: str, version: str, command: str) -> Editor:
    return gimp_at(kind, version, _xdg(machine, "XDG_CONFIG_HOME", ".config") / "GIMP", command)


def _krita_version(machine: Machine) -> str:
    """From its description or the package manager: Krita itself would need a screen to answer."""
    for folder in ("usr/share/metainfo", "usr/local/share/metainfo"):
        text = read_text(machine.at(folder, "org.kde.krita.appdata.xml"))
        versions = re.findall(r"<release[^>]*\sversion=\"([^\"]+)\"", text)
        if versions:
            return _first_version(versions[0])
    for argv in (
        ["dpkg-query", "-W", "-f", "${Version}", "krita"],
        ["rpm", "-q", "--qf", "%{VERSION}", "krita"],
        ["pacman", "-Q", "krita"],
    ):
        if machine.which(argv[0]):
            version = _first_version(machine.run(argv).split(":")[-1])  # Debian's may begin with an epoch, "1:"
            if version:
                return version
    return ""


def _flatpak(machine: Machine) -> list[Editor]:
    found = []
    for program, identity in FLATPAK_IDS.items():
        places = [
            machine.at("var", "lib", "flatpak", "app", identity),
            _xdg(machine, "XDG_DATA_HOME", ".local/share") / "flatpak" / "app" / identity,
        ]
        if not any(place.is_dir() for place in places):
            continue
        info = machine.run(["flatpak", "info", identity]) if machine.which("flatpak") else ""
        match = re.search(r"Version:\s*(\S+)", info)
        version = _first_version(match.group(1)) if match else ""
        own = machine.home / ".var" / "app" / identity
        command = f"flatpak run {identity}"
        if program == "krita":
            found.append(krita_at("flatpak", version, own / "data" / "krita", own / "config" / "kritarc", command))
        else:
            found.append(gimp_at("flatpak", version, own / "config" / "GIMP", command))
    return found


def _snap(machine: Machine) -> list[Editor]:
    found = []
    for program in ("krita", "gimp"):
        described = machine.at("snap", program, "current", "meta", "snap.yaml")
        if not described.exists():
            continue
        match = re.search(r"^version:\s*['\"]?([^'\"\s]+)", read_text(described), re.MULTILINE)
        version = _first_version(match.group(1)) if match else ""
        own = machine.home / "snap" / program / "current"
        if program == "krita":
            data = own / ".local" / "share" / "krita"
            found.append(krita_at("snap", version, data, own / ".config" / "kritarc", "snap run krita"))
        else:
            found.append(gimp_at("snap", version, own / ".config" / "GIMP", "snap run gimp"))
    return found


def _appimages(machine: Machine) -> list[Editor]:
    found = []
    places = [machine.home / name for name in _APPIMAGE_FOLDERS] + [machine.at("opt")]
    for path in _files(places, ".appimage"):
        version = _first_version(path.name)
        if path.name.lower().startswith("krita"):
            found.append(_linux_krita(machine, "appimage", version, str(path)))
        elif path.name.lower().startswith("gimp"):
            found.append(_linux_gimp(machine, "appimage", version, str(path)))
    return found


def _files(folders: Iterable[Path], ending: str) -> list[Path]:
    found = []
    for folder in folders:
        try:
            names = sorted(folder.iterdir())
        except OSError:  # not there, or not ours to read
            continue
        found += [path for path in names if path.name.lower().endswith(ending)]
    return found


# --- macOS -----------------------------------------------------------------------------------------------


def _macos(machine: Machine) -> list[Editor]:
    support = machine.home / "Library" / "Application Support"
    found = []
    for folder in (machine.at("Applications"), machine.home / "Applications"):
        for app in _files([folder], ".app"):
            name = app.name.lower()
            if name.startswith("krita"):
                version = _bundle_version(app)
                found.append(krita_at("native", version, support / "Krita", _kritarc(machine), str(app)))
            elif name.startswith("gimp"):
                found.append(gimp_at("native", _bundle_version(app), support / "GIMP", str(app)))
    return found


def _bundle_version(app: Path) -> str:
    import plistlib

    try:
        with (app / "Contents" / "Info.plist").open("rb") as handle:
            return _first_version(str(plistlib.load(handle).get("CFBundleShortVersionString", "")))
    except (OSError, ValueError):
        return ""


# --- Windows ---------------------------------------------------------------------------------------------


def _windows(machine: Machine) -> list[Editor]:
    roaming = Path(machine.environ.get("APPDATA") or machine.home / "AppData" / "Roaming")
    local = _local(machine)
    programs = [
        Path(machine.environ[name])
        for name in ("ProgramFiles", "ProgramFiles(x86)", "ProgramW6432")
        if name in machine.environ
    ]
    programs = list(dict.fromkeys([*programs, local / "Programs"]))
    found = []
    for base in programs:
        for krita in sorted(base.glob("Krita*/bin/krita.exe")):
            version = _file_version(machine, krita)
            found.append(krita_at("native", version, roaming / "krita", _kritarc(machine), str(krita)))
        for gimp in sorted(base.glob("GIMP*/bin/gimp-[0-9]*.exe")):
            if re.fullmatch(r"gimp-[\d.]+\.exe", gimp.name) and gimp.name.count(".") == 1:  # gimp-3.exe alone
                version = _file_version(machine, gimp)
                found.append(gimp_at("native", version, roaming / "GIMP", str(gimp)))
    for package in sorted((local / "Packages").glob("*Krita_*")):
        own = package / "LocalCache"
        found.append(krita_at("store", "", own / "Roaming" / "krita", own / "Local" / "kritarc", package.name))
    for package in sorted((local / "Packages").glob("GIMP.*")):
        # a Store program reads the ordinary folders too, so its plug-ins needn't go into its private ones
        found.append(gimp_at("store", _store_series(package), roaming / "GIMP", package.name))
    return found


def _store_series(package: Path) -> str:
    """The newest settings folder that the Store's GIMP has made for itself."""
    made = sorted(path.name for path in (package / "LocalCache" / "Roaming" / "GIMP").glob("3.*"))
    return made[-1] if made else "3.0"


def _local(machine: Machine) -> Path:
    return Path(machine.environ.get("LOCALAPPDATA") or machine.home / "AppData" / "Local")


def _file_version(machine: Machine, program: Path) -> str:
    question = f"(Get-Item -LiteralPath '{program}').VersionInfo.ProductVersion"
    return _first_version(machine.run(["powershell", "-NoProfile", "-Command", question]))


def _first_version(text: str) -> str:
    match = _VERSION.search(text)
    return match.group(1) if match else ""
