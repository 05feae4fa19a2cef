"""Zips that mean harm or are broken: each is refused with a sentence and a remedy, and nothing is written."""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile

import pytest

from scumble_backend.errors import FileTrouble, PackDamaged, PackError, PackUnsafe
from scumble_backend.packs import archive
from scumble_backend.packs.archive import PackArchive


@pytest.fixture
def refused(store, tmp_path):
    """Check that a file is refused with `error` and a remedy, and that nothing was installed or written elsewhere."""

    def check(path, error, word):
        with pytest.raises(error, match=word) as told:
            store.install(path)
        assert told.value.remedy
        assert told.value.message
        assert store.list() == []
        folder = store.folders.user
        assert not folder.exists() or not any(p.suffix == ".scumble" for p in folder.iterdir())
        assert {p.name for p in tmp_path.iterdir()} <= {"made", "packs", "starters", path.name}

    return check


def zip_with(path, *entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as out:
        for info, raw in entries:
            out.writestr(info, raw)
    return path


def added(path, name, raw=b"x", mode=None, system=3):
    info = zipfile.ZipInfo(name)
    info.create_system = system
    if mode is not None:
        info.external_attr = mode << 16
    with zipfile.ZipFile(path, "a") as out:
        out.writestr(info, raw)
    return path


@pytest.mark.parametrize("name", ["../evil.txt", "previews/../../evil.png", "..\\evil.txt", ".."])
def test_path_traversal_is_refused(factory, refused, name):
    refused(added(factory.affine(), name), PackUnsafe, "outside")


@pytest.mark.parametrize("name", ["/etc/passwd", "\\windows\\evil", "c:\\evil", "C:evil"])
def test_absolute_paths_are_refused(factory, refused, name):
    refused(added(factory.affine(), name), PackUnsafe, "absolute")


def test_symlinks_are_refused(factory, refused):
    refused(added(factory.affine(), "previews/a.png", b"/etc/passwd", stat.S_IFLNK | 0o777), PackUnsafe, "link")


def test_devices_are_refused(factory, refused):
    refused(added(factory.affine(), "previews/a.png", b"", stat.S_IFCHR | 0o666), PackUnsafe, "link or device")


@pytest.mark.parametrize(
    "name", ["evil.py", "weights.pkl", "previews/a.svg", "thumbnail.png.exe", "موجة.txt", "a\0b"]
)
def test_files_that_have_no_place_in_a_pack_are_refused(factory, refused, name):
    refused(added(factory.affine(), name), PackError, "no place|different contents|intact")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["manifest.json", "thumbnail.png"])
def test_duplicate_names_are_refused(factory, refused, name):
    refused(added(factory.affine(), name), PackUnsafe, "twice")


def test_names_that_differ_in_case_only_count_as_duplicates(factory, refused, png):
    path = factory.affine(files={"previews/a.png": png()})
    refused(added(path, "previews/A.png", png()), PackUnsafe, "twice")


def test_a_zip_bomb_is_refused_by_its_directory(factory, refused):
    path = zip_with(factory.folder / "bomb.scumble", ("manifest.json", b" " * (8 << 20)))
    assert path.stat().st_size < 20_000
    refused(path, PackUnsafe, "would unpack")


def test_a_zip_that_lies_about_its_sizes_is_refused(factory, refused):
    """The directory says 100 bytes, the data inflates to 8 MB: never more than 100 bytes are unpacked."""
    stream = io.BytesIO()
    zip_with(stream, ("manifest.json", b" " * (8 << 20)))
    raw = bytearray(stream.getvalue())
    at = raw.rindex(b"PK\x01\x02") + 24
    raw[at : at + 4] = struct.pack("<I", 100)
    path = factory.folder / "liar.scumble"
    path.write_bytes(raw)
    refused(path, PackDamaged, "unpacked")


def test_overlapping_entries_are_refused(factory, refused):
    """Many names for one stretch of data, as the densest bombs do."""
    data, names = b"\0" * 5000, [f"previews/{n}.png" for n in range(20)]
    stream = io.BytesIO()
    zip_with(stream, (names[0], data), compression=zipfile.ZIP_STORED)
    raw = stream.getvalue()
    start = raw.rindex(b"PK\x01\x02")
    end = raw.rindex(b"PK\x05\x06")
    one = raw[start:end]
    many = b"".join(
        one.replace(names[0].encode(), name.encode().ljust(len(names[0]), b"_")[:14]) for name in names[:10]
    )
    tail = bytearray(raw[end:])
    struct.pack_into("<HHII", tail, 8, 10, 10, len(many), start)
    path = factory.folder / "overlap.scumble"
    path.write_bytes(raw[:start] + many + tail)
    refused(path, PackUnsafe, "overlap")


def test_a_million_entries_are_refused_at_once(factory, refused):
    one = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    directory = one * 1_000_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1_000_000 & 0xFFFF, 1_000_000 & 0xFFFF, len(directory), 0, 0)
    path = factory.folder / "million.scumble"
    path.write_bytes(directory + end)
    began = time.perf_counter()
    refused(path, PackUnsafe, "more files")
    assert time.perf_counter() - began < 1.0


def test_a_directory_longer_than_it_counts_is_refused(factory, refused):
    raw = bytearray(factory.affine().read_bytes())
    at = raw.rindex(b"PK\x05\x06") + 8
    struct.pack_into("<HH", raw, at, 1, 1)
    path = factory.folder / "short.scumble"
    path.write_bytes(raw)
    refused(path, PackDamaged, "directory")


def test_an_encrypted_zip_is_refused(factory, refused):
    raw = bytearray(factory.affine().read_bytes())
    at = raw.index(b"PK\x01\x02") + 8
    raw[at] |= 1
    path = factory.folder / "locked.scumble"
    path.write_bytes(raw)
    refused(path, PackUnsafe, "encrypted")


@pytest.mark.parametrize("keep", [0, 1, 21, 200, 0.5, 0.99, -1])
def test_a_truncated_zip_is_refused(factory, refused, keep):
    raw = factory.affine().read_bytes()
    path = factory.folder / "cut.scumble"
    path.write_bytes(raw[: int(keep * len(raw)) if isinstance(keep, float) else keep])
    refused(path, PackDamaged, "truncated|zip")


@pytest.mark.parametrize("how", ["before", "after", "comment"])
def test_bytes_around_the_zip_are_refused(factory, refused, how):
    raw = factory.affine().read_bytes()
    path = factory.folder / "around.scumble"
    if how == "comment":
        path.write_bytes(raw[:-2] + b"\x04\0more")
    else:
        path.write_bytes(b"#!/bin/sh\n" + raw if how == "before" else raw + b"more")
    refused(path, PackDamaged, "zip")


def test_an_unusual_compression_is_refused(factory, refused):
    path = zip_with(factory.folder / "lzma.scumble", ("manifest.json", b"{}"), compression=zipfile.ZIP_LZMA)
    refused(path, PackDamaged, "unusual")


def test_a_file_larger_than_a_pack_may_be_is_refused(factory, refused, monkeypatch):
    monkeypatch.setattr(archive, "MAX_PACK_BYTES", 1000)
    refused(factory.affine(), PackUnsafe, "larger")


def test_text_that_is_no_zip_is_refused(factory, refused):
    path = factory.folder / "note.scumble"
    path.write_text("not a pack " * 50)
    refused(path, PackDamaged, "not a zip")


def test_a_missing_file_is_told(factory, store):
    with pytest.raises(FileTrouble, match="does not exist"):
        store.install(factory.folder / "nowhere.scumble")


def test_an_archive_is_closed_after_an_error(factory):
    path = factory.folder / "note.scumble"
    path.write_text("x" * 100)
    with pytest.raises(PackDamaged):
        PackArchive(path)
    path.unlink()  # on Windows an open file can't be removed; elsewhere ResourceWarning is an error


def test_folders_for_previews_do_no_harm(factory, store):
    path = factory.affine()
    with zipfile.ZipFile(path, "a") as out:
        out.writestr("previews/", b"")
    assert store.install(path).id == "great-wave"
