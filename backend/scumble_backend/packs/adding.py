"""What a person drops on Scumble becomes an installed pack: a pack, a foreign network, an address or a folder."""

from __future__ import annotations

import contextlib
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scumble_backend.errors import FileTrouble, PackBaseMissing, PackDamaged, PackUnknown, file_missing, from_os_error
from scumble_backend.files import replace_file
from scumble_backend.packs import download, foreign
from scumble_backend.packs.archive import (
    BASE,
    MANIFEST,
    MAX_ENTRIES,
    SUFFIX,
    PackArchive,
    is_pack_name,
    write_archive,
)
from scumble_backend.packs.foreign import Answers
from scumble_backend.packs.manifest import id_from_title
from scumble_backend.packs.signing import fingerprint
from scumble_backend.packs.store import InstalledPack, PackStore, pack_info
from scumble_wire.messages import PackInfo


@dataclass(frozen=True)
class Look:
    """What a person should see before a pack is installed."""

    info: PackInfo
    size_bytes: int
    installed: bool = False
    replaces: str = ""  # version that is installed now; empty: none
    warning: str = ""  # about the author's key, in words
    needs: str = ""  # what must be asked: "", or "title,license"
    thumbnail: bytes | None = None  # a PNG, JPEG or WebP file


def look(store: PackStore, path: Path, *, name: str = "") -> Look:
    """Look into a pack or foreign network without installing it. Raises what is wrong with it.

    name: shown as its source; the file's name by default.
    """
    name = name or path.name
    foreign.refuse_ncnn(path)
    if foreign.is_foreign(path):
        size = _size(path)
        info = PackInfo(id=id_from_title(path.stem), title=path.stem[:200], kind="network", source=name)
        return Look(info, size, needs="title,license")
    found = store.examine(path)
    manifest = found.raise_first()
    warning = store.key_warning(manifest, found.key)
    replaces = ""
    with contextlib.suppress(PackUnknown, PackDamaged):  # a damaged one is replaced without a word
        replaces = store.get(manifest.id).manifest.version
    thumbnail = None
    with PackArchive(path) as archive:
        for entry in sorted(manifest.files):
            if entry.startswith("thumbnail."):
                thumbnail = archive.read_listed(manifest, entry)
    info = pack_info(manifest, source=name, signed_by=fingerprint(found.key) if found.key else "")
    said = f"{warning.message} {warning.remedy}" if warning else ""
    return Look(info, _size(path), False, replaces, said, "", thumbnail)


def add(
    store: PackStore,
    what: str | Path,
    *,
    answers: Answers | None = None,
    trust_changed_key: bool = False,
    source: str = "",
    progress: download.Progress = lambda done, total: None,
) -> list[InstalledPack]:
    """Install what a path or address gives: one pack, or all packs of a folder.

    answers: title and license for a foreign network. Raises PackError in one of its forms; of a folder, packs before
    the one that fails stay installed.
    """
    text = str(what)
    if download.is_address(text):
        with _fetched(store, text, progress) as path:
            source = text.partition("#")[0]
            return add(store, path, answers=answers, trust_changed_key=trust_changed_key, source=source)
    path = Path(what)
    if path.is_dir():
        return _add_folder(store, path, trust_changed_key)
    if not path.is_file():
        raise file_missing(path)
    foreign.refuse_ncnn(path)
    if not foreign.is_foreign(path):
        return [store.install(path, source=source, trust_changed_key=trust_changed_key)]
    with tempfile.TemporaryDirectory(prefix="scumble-") as folder:
        made = Path(folder) / f"imported{SUFFIX}"
        foreign.make_pack(path, made, answers or Answers())
        return [store.install(made, source=source or path.name, trust_changed_key=trust_changed_key)]


@contextlib.contextmanager
def _fetched(store: PackStore, address: str, progress: download.Progress) -> Iterator[Path]:
    """The file behind an address, with the base network it needs beside it; both are gone after the block."""
    path = download.fetch(address, store.folders.user / "downloads", progress=progress)
    if address.startswith("file:"):
        yield path
        return
    base: Path | None = None
    try:
        if path.suffix == SUFFIX:
            base = _fetch_base(store, path, address, progress)
        yield path
    finally:
        path.unlink(missing_ok=True)
        if base is not None:
            base.unlink(missing_ok=True)


def _fetch_base(store: PackStore, path: Path, address: str, progress: download.Progress) -> Path | None:
    """Fetch bases/<sha256>.safetensors from beside the pack's address if nothing else gives that base network."""
    with PackArchive(path) as archive:
        digest = archive.manifest().base
        if not digest or BASE in archive:
            return None
    try:
        store.base(digest)
        return None
    except PackBaseMissing:
        url = urllib.parse.urljoin(address.partition("#")[0], f"bases/{digest}.safetensors")
    fetched = download.fetch(url, store.folders.user / "downloads", digest=digest, progress=progress)
    place = path.parent / "bases" / fetched.name
    try:
        place.parent.mkdir(exist_ok=True)
        return fetched.replace(place)
    except OSError as error:
        raise from_os_error(error, place) from error


def _add_folder(store: PackStore, folder: Path, trust_changed_key: bool) -> list[InstalledPack]:
    if (folder / MANIFEST).is_file():
        with tempfile.TemporaryDirectory(prefix="scumble-") as place:
            packed = Path(place) / f"{folder.name}{SUFFIX}"
            pack_folder(folder, packed)
            return [store.install(packed, source=folder.name, trust_changed_key=trust_changed_key)]
    packs = sorted(folder.glob(f"*{SUFFIX}"))
    if not packs:
        raise FileTrouble(
            f"{folder} holds no packs.", remedy=f"Give a folder with {SUFFIX} files or a manifest.json."
        )
    return [store.install(path, trust_changed_key=trust_changed_key) for path in packs]


def pack_folder(folder: Path, target: Path) -> None:
    """Write a pack from a folder that holds its files. Hidden files of file managers are left out."""
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or not is_pack_name(name):
            continue
        if len(files) >= MAX_ENTRIES:
            raise PackDamaged(f"{folder} holds more files than a pack may.", remedy="Leave out what isn't needed.")
        try:
            files[name] = path.read_bytes()
        except OSError as error:
            raise from_os_error(error, path, "read") from error
    with replace_file(target) as stream:
        write_archive(stream, files)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise from_os_error(error, path, "read") from error
