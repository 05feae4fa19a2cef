"""Changes to the user's files that can be taken back.

Each is written into the journal before it's made, so that one interrupted in the middle is taken back too. The
journal's entries are undone in reverse order: all of them when uninstalling, the newest when an update fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from . import krita_settings


class Changes:
    """The journal and the operations that it records."""

    def __init__(self, journal: Path, backups: Path) -> None:
        self.journal = journal
        self.backups = backups
        self.entries: list[dict[str, Any]] = []
        with contextlib.suppress(FileNotFoundError):
            self.entries = json.loads(journal.read_text(encoding="utf-8"))["entries"]

    # --- recording ---------------------------------------------------------------------------------------

    def _record(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        self._save()

    def _save(self) -> None:
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        new = self.journal.with_name(self.journal.name + ".new")
        new.write_text(json.dumps({"entries": self.entries}, indent=1), encoding="utf-8")
        new.replace(self.journal)

    def _backup_place(self) -> Path:
        self.backups.mkdir(parents=True, exist_ok=True)
        number = len(list(self.backups.iterdir()))
        while (self.backups / str(number)).exists():
            number += 1
        return self.backups / str(number)

    # --- operations --------------------------------------------------------------------------------------

    def folder(self, path: Path) -> None:
        """Make a folder and those above it; each new one is removed again if it is empty then."""
        missing = []
        place = path
        while not place.exists():
            missing.append(place)
            place = place.parent
        if not missing:
            return
        new = [{"op": "folder", "path": str(one)} for one in reversed(missing)]
        if self.journal.parent in missing:  # the journal's own folder has to be there first
            path.mkdir(parents=True, exist_ok=True)
        self.entries += new
        self._save()
        path.mkdir(parents=True, exist_ok=True)

    def file(self, path: Path, content: bytes, mode: int = 0o644) -> bool:
        """Write a file; what was there before is kept. Returns whether anything changed."""
        if path.is_file() and path.read_bytes() == content and _has_mode(path, mode):
            return False
        self.folder(path.parent)
        backup = None
        if path.exists():
            backup = self._backup_place()
            shutil.copy2(str(path), str(backup))
        self._record({"op": "file", "path": str(path), "backup": backup and str(backup)})
        new = path.with_name(path.name + ".scumble-new")
        new.write_bytes(content)
        new.chmod(mode)
        new.replace(path)
        return True

    def tree(self, path: Path, source: Path) -> None:
        """Put a copy of the folder `source` at `path`; what was there before is kept."""
        self.folder(path.parent)
        backup = self._backup_place() if path.exists() else None
        self._record({"op": "tree", "path": str(path), "backup": backup and str(backup)})
        new = path.with_name(path.name + ".scumble-new")
        if new.exists():
            shutil.rmtree(str(new))
        shutil.copytree(str(source), str(new))
        if backup is not None:
            shutil.move(str(path), str(backup))
        new.replace(path)

    def krita_plugin(self, kritarc: Path, plugin: str) -> bool:
        """Enable a plugin in Krita's settings. Returns whether anything changed."""
        kritarc = kritarc.resolve()  # where it is a link into somebody's collection of settings, the link stays
        text = kritarc.read_bytes().decode("utf-8") if kritarc.exists() else ""
        if krita_settings.is_enabled(text, plugin):
            return False
        self.folder(kritarc.parent)
        before = krita_settings.value_before(text, plugin)
        entry: dict[str, Any] = {"op": "kritarc", "path": str(kritarc), "plugin": plugin, "before": before}
        entry["group"] = krita_settings.has_group(text)
        self._record(dict(entry, created=not kritarc.exists()))
        _replace_text(kritarc, krita_settings.enable(text, plugin))
        return True

    def command(self, undo: list[str]) -> None:
        """Note a command that takes back what another command is about to do."""
        self._record({"op": "command", "path": " ".join(undo), "undo": undo})

    # --- taking back -------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Where the journal stands now."""
        return len(self.entries)

    def rollback(self, mark: int) -> None:
        """Undo what was done since the mark, the newest first."""
        while len(self.entries) > mark:
            undo(self.entries[-1])
            self.entries.pop()
            self._save()

    def commit(self, mark: int) -> None:
        """Keep what was done since the mark: how things were before the *first* change is what uninstalling restores.

        So of several changes of one place the oldest entry stays, and backups of our own older files go.
        """
        known = {(entry["op"], entry["path"]) for entry in self.entries[:mark]}
        kept = self.entries[:mark]
        for entry in self.entries[mark:]:
            if (entry["op"], entry["path"]) not in known:
                kept.append(entry)
                known.add((entry["op"], entry["path"]))
            elif entry.get("backup"):
                remove(Path(entry["backup"]))
        self.entries = kept
        self._save()


def _has_mode(path: Path, mode: int) -> bool:
    return os.name == "nt" or path.stat().st_mode & 0o777 == mode


def undo(entry: dict[str, Any]) -> None:
    """Take one change back; harmless when it was never made or has been taken back."""
    path = Path(entry["path"])
    if entry["op"] == "folder":
        with contextlib.suppress(OSError):  # somebody else's files are in it by now, or it is gone
            path.rmdir()
    elif entry["op"] in ("file", "tree"):
        _undo_replaced(path, Path(entry["backup"]) if entry.get("backup") else None)
    elif entry["op"] == "kritarc":
        _undo_kritarc(path, entry)
    elif entry["op"] == "command":
        with contextlib.suppress(OSError, subprocess.SubprocessError):  # what it would undo may be gone already
            subprocess.run(
                entry["undo"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )


def _undo_replaced(path: Path, backup: Path | None) -> None:
    new = path.with_name(path.name + ".scumble-new")
    remove(new)
    if backup is None:
        remove(path)
    elif backup.exists():
        remove(path)
        shutil.move(str(backup), str(path))


def _undo_kritarc(path: Path, entry: dict[str, Any]) -> None:
    if not path.exists():
        return
    text = path.read_bytes().decode("utf-8")
    text = krita_settings.restore(text, entry["plugin"], entry["before"], keep_group=entry["group"])
    if entry["created"] and not text.strip():
        path.unlink()
    else:
        _replace_text(path, text)


def _replace_text(path: Path, text: str) -> None:
    """Replace a file's text in one step, its permissions kept (a new one is for its owner, as Krita makes it)."""
    new = path.with_name(path.name + ".scumble-new")
    new.write_bytes(text.encode("utf-8"))
    new.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o600)
    new.replace(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with everything in it; nothing happens if it isn't there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    elif path.exists() or path.is_symlink():
        path.unlink()
