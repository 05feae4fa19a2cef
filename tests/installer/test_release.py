"""A release's notes, and its look into what was built. Building it all takes minutes: the command does it."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer import release
from scumble_installer.console import Console
from scumble_installer.errors import InstallError

CHANGELOG = """# Changelog

## Unreleased

- Something new.

## 1.2.0 - 2027-01-02

- **Krita**: a thing.

## 1.1.0

- Older.
"""


def test_the_notes_are_the_section_of_the_version() -> None:
    assert release.notes(CHANGELOG, "1.2.0") == "# Scumble 1.2.0\n\n- **Krita**: a thing.\n"
    assert release.notes(CHANGELOG, "1.3.0", draft=True) == "# Scumble 1.3.0\n\n- Something new.\n"
    assert release.notes(CHANGELOG, "1.1.0", draft=True).endswith("- Older.\n")


def test_a_version_that_the_changelog_does_not_have_is_refused() -> None:
    with pytest.raises(InstallError, match=r"no section 1\.3\.0"):
        release.notes(CHANGELOG, "1.3.0")


def test_a_zip_without_its_manual_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "scumble_gimp.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("scumble_gimp/scumble_gimp.py", "")
    with pytest.raises(InstallError, match="manual"):
        release.look_into(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("scumble_gimp/manual/de.html", "")
    release.look_into(path)


def test_the_kit_is_installed_in_a_home_of_its_own_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as archive:
        archive.writestr("installer/install.py", "")
        archive.writestr("wheels/torch.whl", "")
    called: list[list[str]] = []

    def installing(argv: list[str], *, environ: dict[str, str], on_line: Callable[[str], None]) -> list[str]:
        program, wheels, home = Path(argv[1]), Path(argv[-1]), Path(environ["HOME"])
        assert program.is_file() and wheels.is_dir() and home.is_dir()
        assert program.is_absolute() and wheels.is_absolute() and home.is_absolute()
        assert not any(home.iterdir()) and "SCUMBLE_HOME" not in environ and "XDG_DATA_HOME" not in environ
        called.append(argv)
        on_line("> Self-test")
        on_line("    done in 2 s")
        return []

    monkeypatch.chdir(tmp_path)  # as with the default, a folder named from where the command is called
    monkeypatch.setenv("SCUMBLE_HOME", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "mine"))
    monkeypatch.setattr(release, "stream", installing)
    release.try_kit(Path("kit.zip"), sys.executable, Console())
    assert len(called) == 1 and [path.name for path in tmp_path.iterdir()] == ["kit.zip"]
    assert capsys.readouterr().err.strip() == "Self-test"
