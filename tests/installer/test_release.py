"""A release's notes, and its look into what was built. Building it all takes minutes: the command does it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scumble_installer import release
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
