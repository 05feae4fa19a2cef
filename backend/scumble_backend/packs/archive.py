"""The .scumble file: a zip that is read as if an enemy had made it, and written the same way each time.

Nothing is ever unpacked to a path that the archive names: entries are looked up by names from a short list
and read into memory, each against a limit, so that traversal, links and bombs have nothing to work with. They are
still named and refused, because an archive that tries them was made to do harm.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from scumble_backend.errors import FileTrouble, PackDamaged, PackError, PackUnsafe, from_os_error
from scumble_backend.packs.manifest import MAX_MANIFEST_BYTES, FileEntry, Manifest

SUFFIX = ".scumble"
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
BASE = "base.safetensors"
SIGNATURE = "signature.json"
ORIGIN = "origin.json"  # written by the store that installed the pack; ignored when it comes from elsewhere

MAX_PACK_BYTES = 1 << 30
MAX_ENTRIES = 64
MAX_DIRECTORY_BYTES = 64 << 10
_MAX_RATIO = 1100  # deflate can't do better than 1032 : 1
_LIMITS: tuple[tuple[re.Pattern[str], int], ...] = tuple(
    (re.compile(pattern), limit)
    for pattern, limit in (
        (r"manifest\.json", MAX_MANIFEST_BYTES),
        (r"signature\.json|origin\.json", 16 << 10),
        (r"weights\.safetensors|base\.safetensors", 1 << 30),
        (r"thumbnail\.(png|jpg|webp)", 2 << 20),
        (r"painting\.(png|jpg|webp)", 256 << 10),
        (r"previews/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(png|jpg|webp)", 16 << 20),
        (r"licenses/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\.txt", 1 << 20),
    )
)
#: Entries that manifest.json does not list: it can't hold its own hash or a signature of itself; the base has
#: its hash in `base`; the origin is the store's own.
UNLISTED = frozenset({MANIFEST, SIGNATURE, BASE, ORIGIN})
_REMEDY = "Get the pack again from its author; nothing was installed."
_EVIL = "Delete the file and don't trust where it came from; nothing was installed."


class PackArchive:
    """An open .scumble file. Use in `with`. Raises PackDamaged, PackUnsafe, FileTrouble."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise from_os_error(error, path, "read") from error
        try:
            self._entries = _examine(self._file, path.name)
            self._zip = zipfile.ZipFile(self._file)
            self._check_against_zip()
        except (zipfile.BadZipFile, NotImplementedError, struct.error, UnicodeDecodeError, ValueError) as error:
            self._file.close()
            raise PackDamaged(f"{path.name} is not an intact pack ({error}).", remedy=_REMEDY) from error
        except OSError as error:
            self._file.close()
            raise from_os_error(error, path, "read") from error
        except PackError:
            self._file.close()
            raise

    def __enter__(self) -> PackArchive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    @property
    def names(self) -> list[str]:
        return list(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def size(self, name: str) -> int:
        """Bytes of an entry once unpacked."""
        return self._entries[name].file_size

    def read(self, name: str) -> bytes:
        """A whole entry, never longer than its kind of file may be. Raises PackDamaged if it is missing or broken."""
        if name not in self._entries:
            raise PackDamaged(f"{self.path.name} has no {name}.", remedy=_REMEDY)
        info = self._entries[name]
        try:
            with self._zip.open(info) as stream:
                raw = stream.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
            raise PackDamaged(f"{self.path.name}: {name} can't be unpacked ({error}).", remedy=_REMEDY) from error
        except OSError as error:
            raise from_os_error(error, self.path, "read") from error
        if len(raw) != info.file_size:
            raise PackDamaged(f"{self.path.name}: {name} is not as long as it says.", remedy=_REMEDY)
        return raw

    def read_listed(self, manifest: Manifest, name: str) -> bytes:
        """An entry that the manifest lists, checked against its hash. Raises PackDamaged."""
        raw = self.read(name)
        entry = manifest.files.get(name)
        if entry is None or entry.sha256 != sha256(raw).hexdigest():
            raise PackDamaged(
                f"{self.path.name}: {name} does not match its checksum.",
                remedy=f"Install the pack again, or remove it with `scumble packs remove {manifest.id}`.",
            )
        return raw

    def manifest(self) -> Manifest:
        """Raises PackDamaged, ManifestWrong, PackTooNew, PackUnsupported."""
        return Manifest.from_bytes(self.read(MANIFEST))

    def _check_against_zip(self) -> None:
        # zipfile must have understood the directory as we did, or one of us is being deceived.
        seen = {info.orig_filename: info for info in self._zip.infolist() if not _is_folder(info.orig_filename)}
        if list(seen) != list(self._entries):
            raise PackUnsafe(f"{self.path.name} shows different contents to different readers.", remedy=_EVIL)
        self._entries = seen


def _examine(file: BinaryIO, name: str) -> dict[str, zipfile.ZipInfo]:
    """Entries by name, after all checks that need only the zip's directory."""
    size = file.seek(0, 2)
    if size > MAX_PACK_BYTES:
        raise PackUnsafe(f"{name} is larger than a pack may be ({MAX_PACK_BYTES >> 20} MiB).", remedy=_EVIL)
    count, directory = _directory(file, size, name)
    entries: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    position = 0
    for _ in range(count):
        info, position = _directory_entry(directory, position, name)
        if _is_folder(info.filename):
            continue
        limit = _check_entry(info, name)
        if info.filename.casefold() in folded:
            raise PackUnsafe(f"{name} holds {info.filename} twice.", remedy=_EVIL)
        if info.file_size > limit or info.file_size > max(1, info.compress_size) * _MAX_RATIO:
            raise PackUnsafe(
                f"{name}: {info.filename} would unpack to {info.file_size} bytes, more than such a file may have.",
                remedy=_EVIL,
            )
        folded.add(info.filename.casefold())
        entries[info.filename] = info
    if position != len(directory):
        raise PackDamaged(f"{name}: the zip's directory is damaged.", remedy=_REMEDY)
    # Overlapping entries are how a small file unpacks to a huge one (Fifield 2019).
    if sum(info.compress_size for info in entries.values()) > size:
        raise PackUnsafe(f"{name}: entries of the zip overlap.", remedy=_EVIL)
    if sum(info.file_size for info in entries.values()) > MAX_PACK_BYTES + (64 << 20):
        raise PackUnsafe(f"{name} would unpack to more than a pack may have.", remedy=_EVIL)
    return entries


def _directory(file: BinaryIO, size: int, name: str) -> tuple[int, bytes]:
    """Number of entries and the raw central directory. Only the plainest layout is accepted."""
    end_bytes = 22
    file.seek(max(0, size - end_bytes))
    end = file.read(end_bytes)
    if len(end) < end_bytes or end[:4] != b"PK\x05\x06" or end[20:] != b"\0\0":
        raise PackDamaged(f"{name} is not a zip file, or it is truncated.", remedy=_REMEDY)
    disk, disk_with_directory, here, count, length, offset = struct.unpack("<4H2I", end[4:20])
    if count > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        raise PackUnsafe(f"{name} holds more files than a pack may ({MAX_ENTRIES}).", remedy=_EVIL)
    if disk or disk_with_directory or here != count or offset + length + end_bytes != size:
        raise PackDamaged(f"{name}: the zip's directory is not where it should be.", remedy=_REMEDY)
    file.seek(offset)
    return count, file.read(length)


def _directory_entry(directory: bytes, at: int, name: str) -> tuple[zipfile.ZipInfo, int]:
    if len(directory) < at + 46 or directory[at : at + 4] != b"PK\x01\x02":
        raise PackDamaged(f"{name}: the zip's directory is damaged.", remedy=_REMEDY)
    fields = struct.unpack("<6H3I5H2I", directory[at + 4 : at + 46])
    flags, method, packed, plain = fields[2], fields[3], fields[7], fields[8]
    name_length, extra_length, comment_length = fields[9:12]
    raw_name = directory[at + 46 : at + 46 + name_length]
    info = zipfile.ZipInfo()
    # Decoded as zipfile does it; what is not ASCII is refused by the list of names anyway.
    info.filename = info.orig_filename = raw_name.decode("utf-8" if flags & 0x800 else "cp437")
    info.flag_bits, info.compress_type, info.compress_size, info.file_size = flags, method, packed, plain
    info.create_system, info.external_attr = fields[0] >> 8, fields[14]
    return info, at + 46 + name_length + extra_length + comment_length


def _is_folder(name: str) -> bool:
    return name in ("previews/", "licenses/")


def _check_entry(info: zipfile.ZipInfo, name: str) -> int:
    """The size that the entry may have. Raises PackUnsafe or PackDamaged."""
    entry = info.filename
    shown = entry.encode("ascii", "backslashreplace").decode()[:120]
    if entry.startswith(("/", "\\")) or entry[1:2] == ":":
        raise PackUnsafe(f"{name} wants to write to the absolute path {shown}.", remedy=_EVIL)
    if ".." in re.split(r"[/\\]", entry):
        raise PackUnsafe(f"{name} wants to write outside of its folder: {shown}.", remedy=_EVIL)
    mode = info.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise PackUnsafe(f"{name}: {shown} is a link or device, not a file.", remedy=_EVIL)
    if info.flag_bits & 0x2041:
        raise PackUnsafe(
            f"{name}: {shown} is encrypted.", remedy="Ask the author for a pack without a password; packs are open."
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PackDamaged(
            f"{name}: {shown} is compressed in an unusual way.", remedy="Use stored or deflated entries."
        )
    for pattern, limit in _LIMITS:
        if pattern.fullmatch(entry):
            return limit
    raise PackUnsafe(
        f"{name} holds a file that has no place in a pack: {shown}.",
        remedy="A pack holds only what docs/pack-format.md lists; make it with `scumble packs export`, "
        "not with a file manager.",
    )


def is_pack_name(name: str) -> bool:
    """True if a file of this name has a place in a pack."""
    return any(pattern.fullmatch(name) for pattern, _ in _LIMITS)


def describe(files: Mapping[str, bytes]) -> dict[str, FileEntry]:
    """What a manifest lists: hash and size of every file that it must list."""
    return {name: FileEntry(sha256(raw).hexdigest(), len(raw)) for name, raw in files.items() if name not in UNLISTED}


def write_archive(target: BinaryIO, files: Mapping[str, bytes]) -> None:
    """A zip of `files`; the same input gives the same bytes. Weights are stored, since they don't compress."""
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(files, key=lambda name: (name != MANIFEST, name)):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            text = name.endswith((".json", ".txt"))
            info.compress_type = zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED
            archive.writestr(info, files[name])


def write_pack(path: Path, manifest: Manifest, files: Mapping[str, bytes]) -> Manifest:
    """Write a .scumble file in one step (a half-written one is never seen) and return its manifest.

    files: by their name in the pack ("weights.safetensors", "thumbnail.png", "previews/1.jpg", "base.safetensors",
    "licenses/CC-BY-4.0.txt"). The manifest's `files` is filled in here. Raises DiskFull, FileTrouble, PackUnsafe
    for a name that packs don't have.
    """
    from dataclasses import replace

    from scumble_backend.files import replace_file

    for name in files:
        if name in (MANIFEST, ORIGIN) or not is_pack_name(name):
            raise PackUnsafe(f"{name} has no place in a pack.", remedy="See docs/pack-format.md for what has.")
    if WEIGHTS not in files:
        raise FileTrouble(f"{path.name}: a pack needs {WEIGHTS}.", remedy="Give the weights.")
    manifest = replace(manifest, files=describe(files))
    with replace_file(path) as target:
        write_archive(target, {**files, MANIFEST: manifest.to_bytes()})
    return manifest
