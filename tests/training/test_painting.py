"""The reference painting: every kind of picture a person may hand over."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from scumble_backend.errors import PaintingUnusable
from scumble_training.style.painting import LARGEST_SIDE, as_learned, read_painting

from .conftest import write_picture


def test_a_plain_picture_keeps_its_pixels(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.png", 120, 100)
    painting = read_painting(path)
    expected = np.asarray(Image.open(path).convert("RGB")).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(painting.pixels.numpy(), expected, atol=1e-6)
    assert painting.notes == ()
    assert painting.thumbnail(64).size == (64, 64)


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n torn"])
def test_an_unreadable_file_is_an_error_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(PaintingUnusable, match=r"bad\.png can't be read as a picture") as caught:
        read_painting(path)
    assert caught.value.remedy


def test_half_a_file_is_an_error(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "a.png", 300, 300)
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])
    with pytest.raises(PaintingUnusable, match="can't be read"):
        read_painting(path)


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(PaintingUnusable):
            read_painting(path)


def test_16_by_16_pixels_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(PaintingUnusable, match="16 x 16 pixels; a style needs at least 64"):
        read_painting(write_picture(tmp_path / "a.png", 16, 16))


def test_a_painting_20000_pixels_wide_is_cut_to_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    picture = Image.new("RGB", (20_000, 90), (200, 0, 0))
    picture.paste((0, 0, 200), (9_900, 0, 10_100, 90))
    picture.save(path)
    painting = read_painting(path)
    assert painting.pixels.shape == (3, 90, 360)
    assert painting.pixels[2, 45, 180] > 0.7 and painting.pixels[0, 45, 5] > 0.7
    assert "only the middle" in painting.notes[0]


def test_a_very_large_painting_is_read_and_made_smaller(tmp_path: Path) -> None:
    """20,000 x 4,600 pixels, beyond Pillow's own warning, whose warnings are errors in these tests."""
    path = tmp_path / "huge.jpg"
    picture = Image.new("L", (20_000, 4_600), 60)
    picture.paste(200, (0, 0, 10_000, 4_600))
    picture.save(path)
    painting = read_painting(path)
    assert min(painting.pixels.shape[1:]) == LARGEST_SIDE
    assert Image.MAX_IMAGE_PIXELS is not None


def test_a_large_painting_is_halved_before_it_is_converted(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (4_200, 4_100), (200, 30, 60, 255))
    picture.paste((20, 200, 60, 255), (0, 0, 2_100, 4_100))
    picture.save(tmp_path / "a.png", compress_level=1)
    pixels = read_painting(tmp_path / "a.png").pixels
    assert pixels.shape == (3, 2048, 2098)
    assert pixels[0, 1000, 1500] == pytest.approx(200 / 255, abs=1 / 255)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "1", "RGBA"])
def test_gray_palette_and_two_valued_pictures_are_read(tmp_path: Path, mode: str) -> None:
    assert read_painting(write_picture(tmp_path / "a.png", 90, 80, mode=mode)).pixels.shape == (3, 80, 90)


def test_sixteen_bit_gray_is_scaled_not_cut_off(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 100 * 100).reshape(100, 100).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    pixels = read_painting(tmp_path / "a.png").pixels
    np.testing.assert_allclose(pixels[0].numpy(), values / 65535, atol=1 / 255)


def test_cmyk_is_read_and_told_to_be_approximate(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_picture(path, 90, 80, mode="CMYK")
    painting = read_painting(path)
    assert painting.pixels.std() > 0.05 and "CMYK without a profile" in painting.notes[0]


def test_an_embedded_profile_is_used_and_a_broken_one_told(tmp_path: Path) -> None:
    picture = Image.open(write_picture(tmp_path / "a.png", 90, 80)).convert("RGB")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(tmp_path / "good.png", icc_profile=profile)
    picture.save(tmp_path / "bad.png", icc_profile=b"no profile")
    plain = read_painting(tmp_path / "a.png").pixels
    torch.testing.assert_close(read_painting(tmp_path / "good.png").pixels, plain, atol=2 / 255, rtol=0)
    assert "ICC profile can't be read" in read_painting(tmp_path / "bad.png").notes[0]


def test_transparent_margins_are_cut_and_holes_filled_from_beside_them(tmp_path: Path) -> None:
    picture = np.zeros((120, 140, 4), np.uint8)
    picture[10:110, 20:120] = (180, 90, 40, 255)
    picture[10:110, 20:70, 0] = 90
    picture[50:60, 60:70] = (0, 255, 0, 0)  # a hole that hides bright green
    Image.fromarray(picture).save(tmp_path / "a.png")
    painting = read_painting(tmp_path / "a.png")
    assert painting.pixels.shape == (3, 100, 100)
    assert painting.pixels[1].max() < 0.5  # no green bled in
    assert "transparent parts" in painting.notes[0]


def test_nothing_to_see_is_an_error(tmp_path: Path) -> None:
    Image.new("RGBA", (90, 90), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    with pytest.raises(PaintingUnusable, match="transparent everywhere"):
        read_painting(tmp_path / "clear.png")
    Image.new("RGB", (90, 90), (255, 0, 0)).save(tmp_path / "flat.png")
    with pytest.raises(PaintingUnusable, match="one flat color"):
        read_painting(tmp_path / "flat.png")


def test_the_camera_position_is_heeded(tmp_path: Path) -> None:
    picture = Image.open(write_picture(tmp_path / "a.png", 100, 80)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    raw = io.BytesIO()
    picture.save(raw, "JPEG", exif=exif)
    (tmp_path / "turned.jpg").write_bytes(raw.getvalue())
    assert read_painting(tmp_path / "turned.jpg").pixels.shape == (3, 100, 80)


def test_a_painting_of_wide_fields_is_learned_whole() -> None:
    fields = torch.ones(3, 240, 300)
    fields[:, :150, :200] = torch.tensor([0.9, 0.1, 0.1]).view(3, 1, 1)
    fields[:, 200:, 240:] = torch.tensor([0.1, 0.2, 0.7]).view(3, 1, 1)
    assert as_learned(fields, 600, 64).shape == (1, 3, 64, 80)
    assert as_learned(fields, 600, 600).shape == (1, 3, 600, 750)  # a window that holds it all sees no field alone
    marks = torch.rand(1, 3, 60, 75, generator=torch.Generator().manual_seed(3))
    marks = torch.nn.functional.interpolate(marks, size=(240, 300))[0]
    painted = 0.5 * fields + 0.5 * marks
    assert as_learned(painted, 600, 64).shape == (1, 3, 600, 750)


def test_lines_on_empty_paper_are_not_fields() -> None:
    drawing = torch.ones(3, 240, 300)
    drawing[:, 100:104, 40:260] = 0.0
    drawing[:, 40:200, 150:153] = 0.0
    assert as_learned(drawing, 600, 64).shape == (1, 3, 600, 750)


def test_an_empty_canvas_is_learned_at_the_usual_size() -> None:
    assert as_learned(torch.full((3, 100, 100), 0.5), 200, 64).shape == (1, 3, 200, 200)
