"""Changes are journaled before they are made, and taken back without a trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scumble_installer.changes import Changes


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file and folder below `folder` with its mode and content."""
    return {
        path.relative_to(folder).as_posix(): (
            path.stat().st_mode & 0o777,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    (home / ".config/kritarc").write_text("[General]\nx=1\n", "utf-8")
    (home / ".config/kritarc").chmod(0o600)
    (home / "pykrita/scumble_krita").mkdir(parents=True)
    (home / "pykrita/scumble_krita/old.py").write_text("imported by hand\n", "utf-8")
    (home / "note.txt").write_text("mine\n", "utf-8")
    return home


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    source = tmp_path / "plugin"
    (source / "parts").mkdir(parents=True)
    (source / "parts/new.py").write_text("new\n", "utf-8")
    return source


def make_all(changes: Changes, home: Path, plugin: Path) -> list[Callable[[], object]]:
    """Every kind of change, each as something to call."""
    return [
        lambda: changes.folder(home / ".local/share/scumble/deep"),
        lambda: changes.file(home / ".local/bin/scumble", b"#!/bin/sh\n", 0o755),
        lambda: changes.file(home / "note.txt", b"ours\n"),
        lambda: changes.tree(home / "pykrita/scumble_krita", plugin),
        lambda: changes.tree(home / "GIMP/3.0/plug-ins/scumble_gimp", plugin),
        lambda: changes.krita_plugin(home / ".config/kritarc", "scumble_krita"),
        lambda: changes.krita_plugin(home / ".var/krita/kritarc", "scumble_krita"),
    ]


def journal(home: Path) -> Changes:
    return Changes(home.parent / "data/journal.json", home.parent / "data/backup")


def test_all_changes_are_taken_back_without_a_trace(home: Path, plugin: Path) -> None:
    before = snapshot(home)
    for change in make_all(journal(home), home, plugin):
        change()
    assert (home / "pykrita/scumble_krita/parts/new.py").exists()
    assert "enable_scumble_krita=true" in (home / ".var/krita/kritarc").read_text("utf-8")
    again = journal(home)  # as another process reads it
    again.rollback(0)
    assert snapshot(home) == before
    assert again.entries == []


@pytest.mark.parametrize("count", range(8))
def test_an_interruption_after_any_change_leaves_nothing_behind_either(home: Path, plugin: Path, count: int) -> None:
    before = snapshot(home)
    for change in make_all(journal(home), home, plugin)[:count]:
        change()
    journal(home).rollback(0)
    assert snapshot(home) == before


@pytest.mark.parametrize("broken", ["copytree", "copy2", "move"])
def test_a_change_that_breaks_in_the_middle_is_taken_back(
    home: Path, plugin: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(home)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    changes = journal(home)
    with monkeypatch.context() as patch:
        patch.setattr(f"scumble_installer.changes.shutil.{broken}", fail)
        with pytest.raises(OSError, match="No space"):
            for change in make_all(changes, home, plugin):
                change()
    journal(home).rollback(0)
    assert snapshot(home) == before


def test_doing_it_twice_changes_nothing_and_remembers_the_first_state(home: Path, plugin: Path) -> None:
    before = snapshot(home)
    for change in make_all(journal(home), home, plugin):
        change()
    once = snapshot(home)
    changes = journal(home)
    mark = changes.mark()
    for change in make_all(changes, home, plugin):
        change()
    changes.commit(mark)
    assert snapshot(home) == once
    journal(home).rollback(0)
    assert snapshot(home) == before


def test_a_failed_update_restores_the_version_before_and_uninstalling_the_state_before_that(
    home: Path, plugin: Path, tmp_path: Path
) -> None:
    before = snapshot(home)
    first = journal(home)
    first.tree(home / "pykrita/scumble_krita", plugin)
    first.file(home / "install.json", b"1")
    first.commit(0)
    installed = snapshot(home)
    (plugin / "parts/new.py").write_text("newer\n", "utf-8")
    update = journal(home)
    mark = update.mark()
    update.tree(home / "pykrita/scumble_krita", plugin)
    update.file(home / "install.json", b"2")
    assert snapshot(home) != installed
    update.rollback(mark)
    assert snapshot(home) == installed
    journal(home).rollback(0)
    assert snapshot(home) == before


def test_a_finished_update_keeps_no_copy_of_our_own_old_files(home: Path, plugin: Path) -> None:
    changes = journal(home)
    changes.tree(home / "new/scumble_gimp", plugin)
    changes.commit(0)
    mark = changes.mark()
    changes.tree(home / "new/scumble_gimp", plugin)
    changes.commit(mark)
    assert list((home.parent / "data/backup").iterdir()) == []
    assert len([entry for entry in changes.entries if entry["op"] == "tree"]) == 1


def test_a_folder_that_others_use_by_now_stays(home: Path) -> None:
    changes = journal(home)
    changes.folder(home / "shared/ours")
    (home / "shared/theirs.txt").write_text("x", "utf-8")
    changes.rollback(0)
    assert (home / "shared/theirs.txt").exists()
    assert not (home / "shared/ours").exists()


def test_the_journal_is_readable_at_every_moment(home: Path, plugin: Path) -> None:
    changes = journal(home)
    for change in make_all(changes, home, plugin):
        change()
        assert json.loads(changes.journal.read_text("utf-8"))["entries"] == changes.entries


def test_a_settings_file_that_is_a_link_stays_one(home: Path) -> None:
    kept = home / "dotfiles/kritarc"
    kept.parent.mkdir()
    (home / ".config/kritarc").rename(kept)
    (home / ".config/kritarc").symlink_to(kept)
    changes = journal(home)
    changes.krita_plugin(home / ".config/kritarc", "scumble_krita")
    assert (home / ".config/kritarc").is_symlink()
    assert "enable_scumble_krita=true" in kept.read_text("utf-8")
    changes.rollback(0)
    assert (home / ".config/kritarc").is_symlink()
    assert kept.read_text("utf-8") == "[General]\nx=1\n"
