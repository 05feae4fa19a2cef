"""Photos, canvases and made-up pictures: ranges, determinism, shares, and files that can't be read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from scumble_backend.errors import PhotosUnusable
from scumble_training.style import canvases, made_up
from scumble_training.style.data import PhotoSet, Pictures

from .conftest import write_picture


def test_unreadable_files_are_skipped_and_counted(photo_folder: Path) -> None:
    (photo_folder / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    (photo_folder / "empty.png").write_bytes(b"")
    write_picture(photo_folder / "tiny.png", 20, 20)
    (photo_folder / "notes.txt").write_text("no picture, not counted")
    photos = PhotoSet.load(photo_folder)
    assert len(photos) == 4
    assert sorted(entry.split(":")[0] for entry in photos.skipped) == ["empty.png", "tiny.png", "torn.jpg"]


def test_a_truncated_photo_is_skipped(photo_folder: Path) -> None:
    whole = (photo_folder / "0.png").read_bytes()
    (photo_folder / "half.png").write_bytes(whole[: len(whole) // 2])
    assert len(PhotoSet.load(photo_folder).skipped) == 1


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "I;16"])
def test_photos_of_any_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    suffix = "tif" if mode in ("CMYK", "I;16") else "png"
    write_picture(tmp_path / f"odd.{suffix}", 90, 80, mode="I" if mode == "I;16" else mode)
    assert PhotoSet.load(tmp_path).photos[0].shape == (80, 90, 3)


def test_an_empty_folder_a_missing_one_and_a_foreign_file_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PhotosUnusable, match=r"no photo in .* could be read"):
        PhotoSet.load(tmp_path)
    with pytest.raises(PhotosUnusable, match="there is no folder or zip"):
        PhotoSet.load(tmp_path / "nowhere")
    text = tmp_path / "photos.zip"
    text.write_text("no zip")
    with pytest.raises(PhotosUnusable, match="is not a zip file") as caught:
        PhotoSet.load(text)
    assert caught.value.remedy


def test_a_zip_holds_the_same_photos_as_its_folder(photo_folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "photos.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(photo_folder.iterdir()):
            archive.write(file, f"deep/{file.name}")
        archive.writestr("deep/torn.png", b"torn")
    a, b = PhotoSet.load(photo_folder), PhotoSet.load(packed)
    assert len(b.skipped) == 1
    assert all(np.array_equal(x, y) for x, y in zip(a.photos, b.photos, strict=True))


def test_the_short_side_is_limited_and_the_shape_kept(tmp_path: Path) -> None:
    write_picture(tmp_path / "wide.png", 800, 400)
    assert PhotoSet.load(tmp_path, short_side=100).photos[0].shape == (100, 200, 3)


def test_a_crop_of_a_photo_at_its_own_scale_is_exact(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", 96, 96)
    photos = PhotoSet.load(tmp_path)
    crop = photos.crop(0, 96, np.random.default_rng(0), largest=1.0)
    direct = torch.from_numpy(photos.photos[0]).permute(2, 0, 1).float() / 255
    assert torch.equal(crop, direct) or torch.equal(crop, direct.flip(2))


def test_a_photo_smaller_than_the_crop_is_enlarged(tmp_path: Path) -> None:
    write_picture(tmp_path / "small.png", 70, 64)
    crop = PhotoSet.load(tmp_path).crop(0, 128, np.random.default_rng(0))
    assert crop.shape == (3, 128, 128)


def test_a_sample_depends_on_seed_and_number_alone(photo_folder: Path) -> None:
    stream = Pictures(PhotoSet.load(photo_folder), 48, seed=5)
    whole = stream.batch(0, 12)
    assert torch.equal(whole[7:], Pictures(PhotoSet.load(photo_folder), 48, seed=5).batch(7, 5))
    assert not torch.equal(whole, Pictures(PhotoSet.load(photo_folder), 48, seed=6).batch(0, 12))
    assert whole.min() >= 0 and whole.max() <= 1 and whole.dtype == torch.float32


def test_every_photo_comes_once_an_epoch(photo_folder: Path) -> None:
    photos = PhotoSet.load(photo_folder)
    for number, photo in enumerate(photos.photos):
        photo[:] = number * 50
    stream = Pictures(photos, 32, canvas_share=0.0, seed=3)
    for epoch in range(3):
        values = sorted(round(stream.sample(epoch * 4 + n).mean().item() * 255) for n in range(4))
        assert values == [0, 50, 100, 150]


def test_canvases_are_exactly_their_share(photo_folder: Path) -> None:
    stream = Pictures(PhotoSet.load(photo_folder), 32, canvas_share=0.15)
    assert sum(stream.is_canvas(n) for n in range(200)) == 30
    assert sum(stream.is_canvas(n) for n in range(20)) == 3


@pytest.mark.parametrize("kind", list(canvases.KINDS))
def test_every_canvas_is_a_picture_and_repeats_under_its_seed(kind: str) -> None:
    maker = canvases.KINDS[kind][0]
    for seed in range(12):
        picture = maker(40, np.random.default_rng(seed))
        assert picture.shape == (40, 40, 3) and picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 1
        assert np.array_equal(picture, maker(40, np.random.default_rng(seed)))


def test_flat_fields_are_flat_and_gradients_smooth() -> None:
    for seed in range(8):
        assert np.ptp(canvases.flat(32, np.random.default_rng(seed)), axis=(0, 1)).max() == 0
        ramp = canvases.gradient(64, np.random.default_rng(seed))
        assert np.abs(np.diff(ramp, axis=0)).max() < 0.15


def test_line_art_leaves_most_of_the_page_alone() -> None:
    shares = []
    for seed in range(12):
        page = canvases.hatching(96, np.random.default_rng(seed))
        shares.append((page.mean(-1) > 0.85).mean())
    assert np.median(shares) > 0.5


def test_made_up_pictures_have_a_falling_spectrum_like_photos() -> None:
    """The mean amplitude spectrum falls by a power between -0.6 and -2 of frequency (photos: about -1)."""
    rng = np.random.default_rng(0)
    side = 64
    spectra = [np.abs(np.fft.rfft2(made_up.made_up(side, rng).mean(-1) - 0.5)) for _ in range(24)]
    mean = np.mean(spectra, 0)
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])
    band = (f > 0.04) & (f < 0.4)
    slope = np.polyfit(np.log(f[band]), np.log(mean[band]), 1)[0]
    assert -2.0 < slope < -0.6


def test_without_photos_made_up_pictures_take_their_place() -> None:
    batch = Pictures(None, 48, canvas_share=0.15, seed=1).batch(0, 8)
    assert batch.shape == (8, 3, 48, 48) and batch.std(dim=(1, 2, 3)).median() > 0.05
