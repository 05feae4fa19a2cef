"""Where a result can't be written is said before the work; whatever fails after it, the picture is kept."""

from __future__ import annotations

import os
import shutil
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from scumble_backend.errors import BackendError, DiskFull, FileTrouble, InternalError, UnwritableImage
from scumble_backend.files import followed, temporary_beside
from scumble_backend.pictures import flat_writing, png_writing, reading, targets, writing
from scumble_cli.main import main

from .conftest import png

GRAY = np.full((6, 8, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("name", "size", "fits"),
    [
        ("a.webp", (16_383, 10), True),
        ("a.webp", (16_384, 10), False),
        ("a.jpg", (10, 65_500), True),
        ("a.jpg", (10, 65_501), False),
        ("a.png", (131_072, 10), True),
        ("a.tif", (131_072, 10), True),
    ],
)
def test_the_formats_longest_side_is_known(tmp_path: Path, name: str, size: tuple[int, int], fits: bool) -> None:
    if fits:
        targets.check(tmp_path / name, size=size)
        return
    with pytest.raises(UnwritableImage, match=f"{size[0]} x {size[1]} pixels"):
        targets.check(tmp_path / name, size=size)


@pytest.mark.parametrize("side", [16_383, 16_384])
def test_webp_really_holds_so_many(tmp_path: Path, side: int) -> None:
    if side <= targets.FORMATS[".webp"].longest:
        Image.new("L", (side, 1)).save(tmp_path / "a.webp")
        return
    with pytest.raises(ValueError, match="encoding error"):
        Image.new("L", (side, 1)).save(tmp_path / "a.webp")


def test_enlarging_beyond_the_format_is_refused_before_the_backend_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from scumble_cli import connection

    monkeypatch.setattr(connection, "connect", lambda **_: pytest.fail("the backend was asked"))
    png(tmp_path / "in.png", np.zeros((1, 20_000, 3), np.uint8))
    words = ["upscale", str(tmp_path / "in.png"), "-o", str(tmp_path / "out.webp"), "--factor", "2"]
    assert main(words) == 1
    assert "40000 x 2" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_closed_to_us_is_refused_before(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileTrouble, match="no permission"):
            targets.check(tmp_path / "out.png")
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_that_can_only_be_read_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touch(path: Path, *_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "touch", touch)
    with pytest.raises(FileTrouble, match="Read-only file system"):
        targets.check(tmp_path / "out.png")


@pytest.mark.skipif(sys.platform == "win32", reason="other limits there")
@pytest.mark.parametrize(("letter", "most"), [("a", 255), ("é", 127), ("浪", 85)])
def test_a_name_that_just_fits_is_written_and_a_longer_one_refused_before(
    tmp_path: Path, letter: str, most: int
) -> None:
    stem = letter * ((most * len(letter.encode()) - 4) // len(letter.encode()))
    path = tmp_path / f"{stem}.png"
    targets.check(path)
    loaded = reading.load(png(tmp_path / "in.png", GRAY))
    writing.save(path, loaded, loaded.info, loaded.pixels)
    assert path.is_file() and len(os.fsencode(temporary_beside(path).name)) <= 255
    with pytest.raises(FileTrouble, match="name too long"):
        targets.check(tmp_path / f"{stem}{letter}.png")


def test_too_little_room_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 2_000_000))
    targets.check(tmp_path / "out.png", sample_bytes=3_000_000)
    with pytest.raises(DiskFull, match=r"about 15 MB are needed, 2\.0 MB free"):
        targets.check(tmp_path / "out.png", sample_bytes=50_000_000)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_noise_takes_at_least_the_share_of_its_samples_that_is_asked_for(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3)).astype(np.uint8)
    loaded = reading.load(png(tmp_path / "in.png", noise))
    writing.save(tmp_path / f"out{suffix}", loaded, loaded.info, loaded.pixels)
    assert (tmp_path / f"out{suffix}").stat().st_size > targets.FORMATS[suffix].share * noise.nbytes


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("dangling", [True, False])
def test_a_symbolic_link_stays_one(tmp_path: Path, suffix: str, dangling: bool) -> None:
    real, link = tmp_path / "folder" / f"real{suffix}", tmp_path / f"link{suffix}"
    real.parent.mkdir()
    if not dangling:
        real.write_bytes(b"the old one")
    link.symlink_to(real)
    loaded = reading.load(png(tmp_path / "in.png", GRAY))
    targets.check(link)
    writing.save(link, loaded, loaded.info, loaded.pixels)
    assert link.is_symlink() and not real.is_symlink()
    assert reading.load(real).info == loaded.info and followed(link) == real.resolve()


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnwritableImage, match="isn't a plain file"):
        targets.check(tmp_path / "pipe.png")
    (tmp_path / "circle.png").symlink_to(tmp_path / "circle.png")
    with pytest.raises(BackendError):
        targets.check(tmp_path / "circle.png")


# --- the rescue file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError(28, "No space left"), ValueError("odd"), RuntimeError("std::bad_cast")])
@pytest.mark.parametrize("suffix", [".tif", ".jpg", ".webp"])
def test_whatever_fails_the_picture_is_kept_and_the_message_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, suffix: str
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(flat_writing, "write", fail)
    loaded = reading.load(png(tmp_path / "in.png", GRAY))
    with pytest.raises(BackendError) as caught:
        writing.save(tmp_path / f"out{suffix}", loaded, loaded.info, loaded.pixels)
    assert isinstance(caught.value, DiskFull if isinstance(error, OSError) else InternalError)
    kept = Path(next(word for word in caught.value.remedy.split() if "rescued" in word).rstrip("."))
    np.testing.assert_array_equal(reading.load(kept).sent, GRAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png"]


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_a_rescued_picture_is_as_deep_as_png_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    values = np.linspace(0, 1, 192, dtype=np.float32).reshape(8, 8, 3)
    made = (values * 65535).astype(np.uint16) if kind is np.uint16 else values
    source = tmp_path / "in.png" if kind is np.uint16 else tmp_path / "in.tif"
    if kind is np.uint16:
        png(source, made, bits=16)
    else:
        Image.fromarray(values[..., 0]).save(source)
    loaded = reading.load(source)
    (tmp_path / "out.tif").mkdir()
    with pytest.raises(UnwritableImage, match="is a folder") as caught:
        writing.save(tmp_path / "out.tif", loaded, loaded.info, loaded.pixels)
    kept = Path(next(word for word in caught.value.remedy.split() if "rescued" in word).rstrip("."))
    assert reading.load(kept).info.depth == "u16" and len(np.unique(reading.load(kept).sent)) > 40


def test_where_nothing_can_be_kept_the_message_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(png_writing, "write", fail)
    loaded = reading.load(png(tmp_path / "in.png", GRAY))
    with pytest.raises(DiskFull) as caught:
        writing.save(tmp_path / "out.png", loaded, loaded.info, loaded.pixels)
    assert "could not be kept anywhere" in caught.value.remedy
