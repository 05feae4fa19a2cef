"""Detection of Krita and GIMP in file systems laid out as each kind of installation lays them out."""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer import editors
from scumble_installer.facts import Editor

Make = Callable[..., editors.Machine]
METAINFO = '<component><releases><release date="2025-01-01" version="5.2.9"/><release version="5.2.6"/></releases>'


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def found(machine: editors.Machine) -> dict[tuple[str, str], Editor]:
    return {(editor.program, editor.kind): editor for editor in editors.find(machine)}


def test_natively_installed_on_linux(folder_machine: Make, tmp_path: Path) -> None:
    write(tmp_path / "usr/share/metainfo/org.kde.krita.appdata.xml", METAINFO)
    machine = folder_machine(answers={"krita": "", "gimp": "GNU Image Manipulation Program version 3.0.4\n"})
    seen = found(machine)
    home = tmp_path / "home"
    assert seen["krita", "native"].version == "5.2.9"
    assert seen["krita", "native"].plugins == str(home / ".local/share/krita")
    assert seen["krita", "native"].settings == str(home / ".config/kritarc")
    assert seen["gimp", "native"].version == "3.0.4"
    assert seen["gimp", "native"].plugins == str(home / ".config/GIMP/3.0/plug-ins")


def test_kritas_version_from_the_package_manager(folder_machine: Make) -> None:
    machine = folder_machine(answers={"krita": "", "dpkg-query": "1:5.2.9+dfsg-1+b1"})
    assert found(machine)["krita", "native"].version == "5.2.9"


def test_the_xdg_folders_are_honored(folder_machine: Make) -> None:
    environ = {"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"}
    seen = found(folder_machine(answers={"krita": "", "gimp": "version 3.2.0"}, environ=environ))
    assert (seen["krita", "native"].plugins, seen["krita", "native"].settings) == ("/data/krita", "/config/kritarc")
    assert seen["gimp", "native"].plugins == "/config/GIMP/3.2/plug-ins"


def test_a_resource_folder_that_was_moved_in_kritas_settings(folder_machine: Make, tmp_path: Path) -> None:
    write(tmp_path / "home/.config/kritarc", "[General]\nx=1\nResourceDirectory=/mnt/art/krita\n")
    assert found(folder_machine(answers={"krita": ""}))["krita", "native"].plugins == "/mnt/art/krita"


def test_flatpaks(folder_machine: Make, tmp_path: Path) -> None:
    (tmp_path / "var/lib/flatpak/app/org.kde.krita").mkdir(parents=True)
    (tmp_path / "home/.local/share/flatpak/app/org.gimp.GIMP").mkdir(parents=True)
    machine = folder_machine(answers={"flatpak": "  Version: 3.0.6\n"})
    seen = found(machine)
    own = tmp_path / "home/.var/app"
    assert seen["krita", "flatpak"].plugins == str(own / "org.kde.krita/data/krita")
    assert seen["krita", "flatpak"].settings == str(own / "org.kde.krita/config/kritarc")
    assert seen["gimp", "flatpak"].plugins == str(own / "org.gimp.GIMP/config/GIMP/3.0/plug-ins")
    assert seen["gimp", "flatpak"].version == "3.0.6"


def test_snaps(folder_machine: Make, tmp_path: Path) -> None:
    write(tmp_path / "snap/krita/current/meta/snap.yaml", "name: krita\nversion: '5.2.11'\n")
    write(tmp_path / "snap/gimp/current/meta/snap.yaml", "name: gimp\nversion: 3.0.6\n")
    seen = found(folder_machine())
    assert seen["krita", "snap"].version == "5.2.11"
    assert seen["krita", "snap"].plugins == str(tmp_path / "home/snap/krita/current/.local/share/krita")
    assert seen["gimp", "snap"].plugins == str(tmp_path / "home/snap/gimp/current/.config/GIMP/3.0/plug-ins")


def test_appimages_in_the_usual_folders(folder_machine: Make, tmp_path: Path) -> None:
    write(tmp_path / "home/Applications/krita-5.3.1-x86_64.AppImage")
    write(tmp_path / "home/Downloads/GIMP-3.2.0-x86_64.AppImage")
    write(tmp_path / "home/Downloads/other.AppImage")
    seen = found(folder_machine())
    assert set(seen) == {("krita", "appimage"), ("gimp", "appimage")}
    assert seen["krita", "appimage"].version == "5.3.1"
    assert seen["gimp", "appimage"].settings == str(tmp_path / "home/.config/GIMP/3.2")


def test_macs(folder_machine: Make, tmp_path: Path) -> None:
    for name, version in (("krita.app", "5.3.1"), ("GIMP.app", "3.0.6")):
        info = tmp_path / "Applications" / name / "Contents" / "Info.plist"
        info.parent.mkdir(parents=True)
        info.write_bytes(plistlib.dumps({"CFBundleShortVersionString": version}))
    seen = found(folder_machine("macos"))
    library = tmp_path / "home/Library"
    assert seen["krita", "native"].plugins == str(library / "Application Support/Krita")
    assert seen["krita", "native"].settings == str(library / "Preferences/kritarc")
    assert seen["gimp", "native"].plugins == str(library / "Application Support/GIMP/3.0/plug-ins")
    assert (seen["krita", "native"].version, seen["gimp", "native"].version) == ("5.3.1", "3.0.6")


def test_windows_with_programs_and_the_store(folder_machine: Make, tmp_path: Path) -> None:
    local = tmp_path / "home/AppData/Local"
    environ = {
        "ProgramFiles": str(tmp_path / "Program Files"),
        "ProgramW6432": str(tmp_path / "Program Files"),
        "LOCALAPPDATA": str(local),
        "APPDATA": str(tmp_path / "home/AppData/Roaming"),
    }
    write(tmp_path / "Program Files/Krita (x64)/bin/krita.exe")
    for name in ("gimp-3.exe", "gimp-3.0.exe", "gimp-console-3.0.exe"):
        write(local / "Programs/GIMP 3/bin" / name)
    write(local / "Packages/49800Krita_abc/LocalCache/x")
    write(local / "Packages/GIMP.43237F745E459_abc/LocalCache/Roaming/GIMP/3.2/gimprc")
    every = editors.find(folder_machine("windows", {"powershell": "5.2.13.0\r\n"}, environ))
    kinds = [(editor.program, editor.kind) for editor in every]
    assert sorted(set(kinds)) == [("gimp", "native"), ("gimp", "store"), ("krita", "native"), ("krita", "store")]
    seen = {(editor.program, editor.kind): editor for editor in every}
    assert seen["krita", "native"].plugins == str(tmp_path / "home/AppData/Roaming/krita")
    assert seen["krita", "native"].settings == str(local / "kritarc")
    assert seen["krita", "store"].settings == str(local / "Packages/49800Krita_abc/LocalCache/Local/kritarc")
    assert seen["gimp", "store"].settings == str(tmp_path / "home/AppData/Roaming/GIMP/3.2")


@pytest.mark.parametrize(
    ("version", "series"), [("3.0.4", "3.0"), ("3.2.6", "3.2"), ("2.10.38", "2.10"), ("2.99.18", "3.0"), ("", "3.0")]
)
def test_each_gimp_series_has_its_own_folder(version: str, series: str) -> None:
    assert editors.gimp_series(version) == series


def test_a_folder_named_by_the_person(folder_machine: Make, tmp_path: Path) -> None:
    machine = folder_machine()
    krita = editors.named_by_user("krita", tmp_path / "usb/krita", machine)
    assert (krita.kind, krita.plugins) == ("portable", str(tmp_path / "usb/krita"))
    assert krita.settings == str(tmp_path / "home/.config/kritarc")
    write(tmp_path / "usb/krita/kritarc")
    own = editors.named_by_user("krita", tmp_path / "usb/krita", machine)
    assert own.settings == str(tmp_path / "usb/krita/kritarc")
    gimp = editors.named_by_user("gimp", tmp_path / "usb/GIMP/3.2", machine)
    assert (gimp.version, gimp.plugins) == ("3.2", str(tmp_path / "usb/GIMP/3.2/plug-ins"))


def test_an_empty_machine_has_no_editors(folder_machine: Make) -> None:
    for system in ("linux", "macos", "windows"):
        assert editors.find(folder_machine(system)) == ()
