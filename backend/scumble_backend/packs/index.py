"""Which packs lie in the packs' folders and what their manifests say, remembered so that none is opened twice.

Remembered in the process, and in the user's index.json for the next one. That file holds nothing that the packs don't
hold themselves: where it is missing, damaged or of another version, they are read.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from scumble_backend.errors import DiskFull, FileTrouble, PackDamaged, PackError, from_os_error
from scumble_backend.files import write_bytes
from scumble_backend.packs import signing
from scumble_backend.packs.archive import MANIFEST, ORIGIN, SIGNATURE, SUFFIX, PackArchive
from scumble_backend.packs.installed import InstalledPack
from scumble_backend.packs.manifest import Manifest
from scumble_backend.packs.strict_json import Json, parse_json

INDEX = "index.json"


@dataclass(frozen=True)
class Folders:
    """Where packs lie. `user` is made when the first pack is installed; `starters` are only read."""

    user: Path
    starters: tuple[Path, ...] = ()

    @property
    def all(self) -> tuple[Path, ...]:
        """In the order in which a pack is looked for."""
        return (self.user, *self.starters)


class PackIndex:
    """The packs in some folders. Files may come and go meanwhile: each is known by its time, size and number."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self._seen: dict[Path, tuple[tuple[int, ...], InstalledPack | PackError]] = {}

    def paths(self) -> Iterable[Path]:
        """Every pack's file. Raises FileTrouble if a folder can't be read."""
        for folder in self.folders.all:
            try:
                # A name that begins with a dot is a file in the making.
                yield from (p for p in sorted(folder.glob(f"*{SUFFIX}")) if not p.name.startswith("."))
            except OSError as error:
                raise from_os_error(error, folder, "read") from error

    def state(self) -> str:
        """Changes whenever a pack comes or goes, whichever program did it. Costs one look at the folders."""
        return sha256(repr(sorted((str(p), _stamp(p)) for p in self.paths())).encode()).hexdigest()[:16]

    def scan(self) -> dict[Path, InstalledPack | PackError]:
        """The first file of each id, by folder: the pack, or what is wrong with it."""
        index = self._read_index()
        found: dict[Path, InstalledPack | PackError] = {}
        taken: set[str] = set()
        for path in self.paths():
            if path.stem not in taken:
                taken.add(path.stem)
                found[path] = self._look(path, index)
        self._seen = {path: seen for path, seen in self._seen.items() if path in found}
        return found

    def look(self, path: Path) -> InstalledPack | PackError:
        """One pack's file: the pack, or what is wrong with it."""
        return self._look(path, {})

    def _look(self, path: Path, index: Json) -> InstalledPack | PackError:
        stamp = _stamp(path)
        seen = self._seen.get(path)
        if seen is None or seen[0] != stamp:
            seen = (stamp, self._from_index(path, stamp, index) or self._open(path))
            self._seen[path] = seen
        return seen[1]

    def _open(self, path: Path) -> InstalledPack | PackError:
        try:
            with PackArchive(path) as archive:
                raw = archive.read(MANIFEST)
                manifest = Manifest.from_bytes(raw)
                if manifest.id != path.stem:
                    raise PackDamaged(
                        f"{path.name} holds the pack {manifest.id}.",
                        remedy=f"Install it: `scumble packs add {path}`.",
                    )
                signed_by = ""
                if SIGNATURE in archive:
                    signed_by = signing.fingerprint(signing.verify(raw, archive.read(SIGNATURE), path.name))
                origin = parse_json(archive.read(ORIGIN), ORIGIN) if ORIGIN in archive else {}
        except PackError as error:
            return error
        return self._pack(path, manifest, origin if isinstance(origin, dict) else {}, signed_by)

    def _pack(self, path: Path, manifest: Manifest, origin: Json, signed_by: str) -> InstalledPack:
        starter = path.parent != self.folders.user
        return InstalledPack(path, manifest, origin, signed_by, starter, self.folders.user / "thumbnails")

    def _from_index(self, path: Path, stamp: tuple[int, ...], index: Json) -> InstalledPack | None:
        entry = index.get(path.name) if path.parent == self.folders.user else None
        if not isinstance(entry, dict) or entry.get("stamp") != list(stamp):
            return None
        try:
            return self._pack(
                path, Manifest.from_json(entry["manifest"]), dict(entry["origin"]), str(entry["signed_by"])
            )
        except (KeyError, TypeError, ValueError, PackError):
            return None  # an index of another version: the pack itself is read instead

    def _read_index(self) -> Json:
        """{} where there is none or it is damaged: it holds nothing that the packs don't."""
        try:
            data: Any = json.loads((self.folders.user / INDEX).read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        packs = data.get("packs") if isinstance(data, dict) else None
        return packs if isinstance(packs, dict) else {}

    def refresh(self) -> None:
        """Write index.json if that can be done: what has come or gone already must not fail by it."""
        with contextlib.suppress(DiskFull, FileTrouble):
            self.write()

    def rebuild(self) -> int:
        """Write it from the packs themselves; returns how many it lists."""
        (self.folders.user / INDEX).unlink(missing_ok=True)
        self._seen.clear()
        return self.write()

    def write(self) -> int:
        """Write index.json, in one step; returns how many packs it lists. Raises DiskFull, FileTrouble."""
        packs = {}
        for path, pack in self.scan().items():
            if path.parent == self.folders.user and isinstance(pack, InstalledPack):
                packs[path.name] = {
                    "stamp": list(_stamp(path)),
                    "manifest": pack.manifest.to_json(),
                    "origin": pack.origin,
                    "signed_by": pack.signed_by,
                }
        text = json.dumps({"format": 1, "packs": packs}, ensure_ascii=False)
        write_bytes(self.folders.user / INDEX, text.encode())
        return len(packs)


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    return (status.st_mtime_ns, status.st_size, status.st_ino)
