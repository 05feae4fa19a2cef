"""The packs on this machine: those of the user, and behind them those that ship with Scumble.

A user's folder holds `<id>.scumble`, `bases/<sha256>.safetensors` (shared by all packs that need it), trust.json and
what can be made again: index.json and thumbnails. Every change happens under one lock, to a temporary file that is
written, fsynced, read back and then renamed, so a kill or a full disk leaves what was there.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

from scumble_backend import config
from scumble_backend.errors import (
    KeyChanged,
    ManifestWrong,
    PackBaseMissing,
    PackDamaged,
    PackError,
    PackNotRemovable,
    PackUnknown,
    from_os_error,
)
from scumble_backend.files import LEFTOVERS, locked, make_folder, replace_file, write_bytes
from scumble_backend.packs import signing
from scumble_backend.packs.archive import BASE, MANIFEST, ORIGIN, SIGNATURE, SUFFIX, PackArchive, write_archive
from scumble_backend.packs.checks import Examination, examine, signature_of
from scumble_backend.packs.index import Folders, PackIndex
from scumble_backend.packs.installed import InstalledPack, pack_info
from scumble_backend.packs.manifest import Manifest, check_id

TRUST = "trust.json"
LOCK = ".lock"
_SIZE = re.compile(r"-x[0-9]+$")  # "faithful-x2" serves the model "faithful", too


def default_folders() -> Folders:
    """The user's folder and the packs that ship."""
    return Folders(config.Places.of_user().packs, (config.starter_packs(),))


class PackStore:
    """Installed packs by id. One may be open in many programs at once; each sees the others' changes."""

    def __init__(self, folders: Folders | None = None) -> None:
        self.folders = folders or default_folders()
        self._index = PackIndex(self.folders)

    # --- reading ---

    def list(self, kind: str = "") -> list[InstalledPack]:
        """Sound packs by title. kind: "affine", "network", "upscale", "mix", "style" (the first two) or "" for all.

        A user's pack hides a shipped one of the same id. Damaged files are left out; `problems` names them.
        """
        kinds = {"": ("affine", "network", "upscale", "mix"), "style": ("affine", "network")}.get(kind, (kind,))
        packs = [pack for pack in self._index.scan().values() if isinstance(pack, InstalledPack)]
        return sorted(
            (p for p in packs if p.manifest.kind in kinds), key=lambda p: (p.manifest.title.casefold(), p.id)
        )

    def problems(self) -> dict[Path, PackError]:
        """Files in the packs' folders that can't be used, with the reason."""
        return {path: found for path, found in self._index.scan().items() if isinstance(found, PackError)}

    def state(self) -> str:
        """Changes whenever a pack comes or goes, whichever program did it. Costs one look at the folders."""
        return self._index.state()

    def get(self, pack_id: str) -> InstalledPack:
        """Raises PackUnknown, or what is wrong with the pack."""
        for folder in self.folders.all:
            path = folder / f"{pack_id}{SUFFIX}"
            if _is_id(pack_id) and path.is_file():
                found = self._index.look(path)
                if isinstance(found, PackError):
                    raise found
                return found
        near = difflib.get_close_matches(pack_id, [pack.id for pack in self.list()], n=1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        raise PackUnknown(
            f"There is no pack {pack_id!r:.100}.",
            remedy=f"{meant}`scumble packs list` shows those that are installed.",
        )

    def base(self, sha: str) -> Path:
        """Path of a base network's safetensors file. Raises PackBaseMissing."""
        for folder in self.folders.all:
            path = folder / "bases" / f"{sha}.safetensors"
            if len(sha) == 64 and sha.isalnum() and path.is_file():
                return path
        raise PackBaseMissing(
            f"The base network {sha[:16]} is not installed.",
            remedy="Get the pack with its base network in it; `scumble packs export` writes it so by default.",
        )

    def read_base(self, sha: str) -> bytes:
        """A base network's file, checked against its hash. Raises PackBaseMissing, PackDamaged, FileTrouble."""
        path = self.base(sha)
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise from_os_error(error, path, "read") from error
        if sha256(raw).hexdigest() != sha:
            raise PackDamaged(
                f"The base network {sha[:16]} does not match its checksum.",
                remedy="Install a pack that carries it again.",
            )
        return raw

    def examine(self, path: Path) -> Examination:
        """Look into a pack file without installing it; see `checks.examine`."""
        return examine(path, self.read_base)

    def key_warning(self, manifest: Manifest, key: bytes | None) -> KeyChanged | None:
        """What a person must know about who made the pack before installing it; None: nothing."""
        return self._trusted().warning(manifest, key) or self._shipped_warning(manifest)

    def _shipped_warning(self, manifest: Manifest) -> KeyChanged | None:
        """A pack that would take the place of one that ships, or serve its model in another size."""
        if (self.folders.user / f"{manifest.id}{SUFFIX}").is_file():
            return None  # this was asked when the first such pack came
        for pack_id in dict.fromkeys((manifest.id, _SIZE.sub("", manifest.id))):
            shipped = self._shipped(pack_id)
            beside = pack_id != manifest.id
            if shipped is None or shipped == manifest or (beside and shipped.kind != "upscale"):
                continue
            place = "be used for some sizes instead of" if beside else "take the place of"
            return KeyChanged(
                f"WARNING: {manifest.title} ({manifest.id}) would {place} {shipped.title}, which ships with Scumble.",
                remedy="Install it with `--trust-changed-key` only if you trust its author. Nothing was installed.",
            )
        return None

    def _shipped(self, pack_id: str) -> Manifest | None:
        for path in (folder / f"{pack_id}{SUFFIX}" for folder in self.folders.starters):
            found = self._index.look(path) if path.is_file() else None
            if isinstance(found, InstalledPack):
                return found.manifest
        return None

    # --- changing ---

    def install(self, path: Path, *, source: str = "", trust_changed_key: bool = False) -> InstalledPack:
        """Install or replace a pack in one step. If anything is wrong, what was there stays.

        source: where it came from, for people; the file's name by default.
        Raises PackError in one of its forms, KeyChanged among them unless `trust_changed_key`.
        """
        path = Path(path)
        found = self.examine(path)
        manifest = found.raise_first()
        with PackArchive(path) as archive:
            raw_manifest = archive.read(MANIFEST)
            files = {name: archive.read_listed(manifest, name) for name in manifest.files}
            signature = signature_of(archive)
        # The file may have been exchanged since it was examined: what is written must be what was checked.
        if Manifest.from_bytes(raw_manifest) != manifest:
            raise PackDamaged(f"{path.name} changed while it was read.", remedy="Try again.")
        files[MANIFEST] = raw_manifest
        if signature is not None:
            files[SIGNATURE] = signature
        origin = {
            "source": source or path.name,
            "installed": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "sha256": _file_sha256(path),
        }
        files[ORIGIN] = json.dumps(origin, ensure_ascii=False).encode()[: 16 << 10]
        target = self.folders.user / f"{manifest.id}{SUFFIX}"
        make_folder(self.folders.user)
        with locked(self.folders.user / LOCK):
            self._clear_leftovers()
            trusted = self._trusted()
            warning = trusted.warning(manifest, found.key)
            asked = warning or self._shipped_warning(manifest)
            if asked is not None and not trust_changed_key:
                raise asked
            if found.base is not None:
                self._put_base(manifest.base, found.base)
            if found.key is not None or warning is not None:
                trusted.remember(manifest, found.key)
            with replace_file(target, check=lambda written: _read_back(written, manifest)) as stream:
                write_archive(stream, files)
            self._index.refresh()
        return self.get(manifest.id)

    def remove(self, pack_id: str) -> tuple[str, ...]:
        """Remove a pack with its thumbnail and, if no other pack needs it, its base network.

        Returns the sha256 of base networks removed. Raises PackUnknown, PackNotRemovable for a pack that ships.
        """
        target = self.folders.user / f"{pack_id}{SUFFIX}"
        if not _is_id(pack_id) or not target.is_file():
            pack = self.get(pack_id)
            raise PackNotRemovable(
                f"{pack.manifest.title} ships with Scumble.", remedy="It can't be removed; leave it unused."
            )
        with locked(self.folders.user / LOCK):
            found = self._index.look(target)
            try:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise from_os_error(error, target, "remove") from error
            self._index.refresh()
            if not isinstance(found, InstalledPack):  # damaged: nobody knows what it stood on
                return ()
            found.forget_thumbnail()
            base = found.manifest.base
            return self._clear_bases([self.folders.user / "bases" / f"{base}.safetensors"] if base else [])

    def remove_unused_bases(self) -> tuple[str, ...]:
        """Delete base networks in the user's folder that no pack needs; returns their sha256."""
        if not (self.folders.user / "bases").is_dir():
            return ()
        with locked(self.folders.user / LOCK):
            return self._clear_bases(sorted((self.folders.user / "bases").glob("*.safetensors")))

    def _clear_bases(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """Of these base networks, delete those that no pack needs. The lock is held."""
        needed = {pack.manifest.base for pack in self.list()}
        if self.problems():  # a pack that can't be read just now may need one
            return ()
        removed = []
        for path in paths:
            if path.is_file() and path.stem not in needed:
                try:
                    path.unlink()
                except OSError as error:
                    raise from_os_error(error, path, "remove") from error
                removed.append(path.stem)
        return tuple(removed)

    def install_base(self, raw: bytes) -> str:
        """Keep a base network (a safetensors file whose metadata tells its architecture); returns its sha256."""
        from scumble_backend.packs.checks import check_base

        check_base(raw)
        digest = sha256(raw).hexdigest()
        make_folder(self.folders.user)
        with locked(self.folders.user / LOCK):
            self._put_base(digest, raw)
        return digest

    def rebuild_index(self) -> int:
        """Rebuild index.json from the packs themselves; returns how many packs it lists."""
        make_folder(self.folders.user)
        with locked(self.folders.user / LOCK):
            return self._index.rebuild()

    # --- inside ---

    def _trusted(self) -> signing.TrustedKeys:
        return signing.TrustedKeys.load(self.folders.user / TRUST)

    def _put_base(self, digest: str, raw: bytes) -> None:
        folder = self.folders.user / "bases"
        try:
            self.read_base(digest)
            return
        except (PackBaseMissing, PackDamaged):
            pass  # put there, or put right
        make_folder(folder)
        write_bytes(folder / f"{digest}.safetensors", raw)

    def _clear_leftovers(self) -> None:
        """Temporary files of installations that were killed. The lock is held, so none is in the making."""
        for folder in (self.folders.user, self.folders.user / "bases"):
            for leftover in folder.glob(LEFTOVERS):
                try:
                    leftover.unlink(missing_ok=True)
                except OSError as error:
                    raise from_os_error(error, leftover, "remove") from error


def _read_back(path: Path, manifest: Manifest) -> None:
    """Raises PackDamaged unless the file just written is the pack that was checked."""
    with PackArchive(path) as written:
        if written.manifest() != manifest:
            raise PackDamaged(f"{manifest.title} was written wrongly.", remedy="Check the disk, then try again.")
        for name in manifest.files:
            written.read_listed(manifest, name)


def _is_id(pack_id: str) -> bool:
    try:
        check_id(pack_id)
    except ManifestWrong:
        return False
    return True


def _file_sha256(path: Path) -> str:
    digest = sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise from_os_error(error, path, "read") from error
    return digest.hexdigest()


__all__ = ["BASE", "Folders", "InstalledPack", "PackStore", "default_folders", "pack_info"]
