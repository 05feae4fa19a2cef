"""Pixels: every form there and back exactly; what is hidden never bleeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scumble_backend.errors import PixelsDamaged
from scumble_backend.rendering import pixels
from scumble_backend.rendering.pixels import Picture
from scumble_wire.messages import ImageInfo

DEPTHS = ["u8", "u16", "f16", "f32"]
ORDERS = ["GRAY", "GRAYA", "RGB", "RGBA", "BGR", "BGRA"]
TYPES: dict[str, Any] = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}


def noise(info: ImageInfo, seed: int = 0, hidden: float = 0.3) -> np.ndarray[Any, Any]:
    """Random samples over and beyond the whole range, some pixels transparent."""
    rng = np.random.default_rng(seed)
    shape = (info.height, info.width, info.channels)
    if info.depth in ("u8", "u16"):
        made = rng.integers(0, np.iinfo(TYPES[info.depth]).max + 1, shape).astype(TYPES[info.depth])
    else:
        made = rng.normal(0.5, 1.0, shape).astype(TYPES[info.depth])
    if info.has_alpha:
        if info.depth in ("f16", "f32"):
            made[..., -1] = np.clip(made[..., -1], 0, 1)
        made[rng.random(shape[:2]) < hidden, -1] = 0
    return made


@pytest.mark.parametrize("transfer", ["srgb", "linear"])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_what_was_not_changed_comes_back_bit_by_bit(depth: Any, order: Any, transfer: Any) -> None:
    info = ImageInfo(23, 17, depth, order, transfer)
    frame = noise(info).tobytes()
    assert bytes(pixels.pack(pixels.unpack(info, frame), info)) == frame


@pytest.mark.parametrize("order", ORDERS)
def test_every_value_of_8_and_16_bits_survives_linear_light(order: Any) -> None:
    for depth, side in (("u8", 16), ("u16", 256)):
        info = ImageInfo(side, side, depth, order, "linear")  # type: ignore[arg-type]
        values = np.arange(side * side, dtype=TYPES[depth]).reshape(side, side, 1).repeat(info.channels, axis=2)
        picture = pixels.unpack(info, values.tobytes())
        rebuilt = Picture(picture.color, picture.alpha)  # without the memory of what came
        if not info.has_alpha:
            assert bytes(pixels.pack(rebuilt, info)) == values.tobytes()


@pytest.mark.parametrize(("order", "red"), [("RGB", 0), ("RGBA", 0), ("BGR", 2), ("BGRA", 2)])
def test_red_is_red_in_every_order(order: Any, red: int) -> None:
    info = ImageInfo(2, 1, "u8", order)
    frame = np.zeros((1, 2, info.channels), np.uint8)
    frame[..., red] = 255
    if info.has_alpha:
        frame[..., 3] = 255
    assert pixels.unpack(info, frame.tobytes()).color[:, 0, 0].tolist() == [1.0, 0.0, 0.0]


def test_linear_half_is_the_srgb_value_of_the_standard() -> None:
    info = ImageInfo(1, 1, "f32", "GRAY", "linear")
    for linear, encoded in (
        (0.5, 0.735357),
        (0.001, 0.01292),
        (1.0, 1.0),
        (0.0, 0.0),
        (-0.5, -0.735357),
        (4.0, 1.8248),
    ):
        color = pixels.unpack(info, np.float32([linear]).tobytes()).color
        assert color.item() == pytest.approx(encoded, abs=2e-5)


def test_a_painted_picture_is_rounded_and_clipped_and_keeps_its_alpha() -> None:
    info = ImageInfo(4, 4, "u8", "BGRA")
    frame = noise(info, hidden=0.0)
    picture = pixels.unpack(info, frame.tobytes())
    painted = torch.full((3, 4, 4), 0.5)
    painted[0] = 7.0
    painted[1] = -7.0
    made = np.frombuffer(pixels.pack(picture.with_color(painted), info), np.uint8).reshape(4, 4, 4)
    assert (made[..., 2] == 255).all() and (made[..., 1] == 0).all() and (made[..., 0] == 128).all()
    assert (made[..., 3] == frame[..., 3]).all()


def test_floats_keep_what_is_beyond_white_and_halves_stay_finite() -> None:
    for depth, largest in (("f32", 1e6), ("f16", 65504.0)):
        info = ImageInfo(1, 1, depth, "GRAY")  # type: ignore[arg-type]
        made = np.frombuffer(pixels.pack(Picture(torch.full((1, 1, 1), 1e6), None), info), TYPES[depth])
        assert made.item() == largest


def test_a_gray_layer_painted_in_color_becomes_its_luminance() -> None:
    info = ImageInfo(1, 1, "f32", "GRAY")
    green = torch.tensor([0.0, 1.0, 0.0])[:, None, None]
    made = np.frombuffer(pixels.pack(Picture(green, None), info), np.float32).item()
    assert made == pytest.approx(float(pixels.to_srgb(torch.tensor(0.7152))), abs=1e-6)


@given(seed=st.integers(0, 1000), width=st.integers(1, 40), height=st.integers(1, 40))
def test_hidden_colors_have_no_influence_on_what_networks_see(seed: int, width: int, height: int) -> None:
    info = ImageInfo(width, height)
    one = noise(info, seed, hidden=0.5)
    other = one.copy()
    hidden = one[..., 3] == 0
    other[hidden, :3] = np.random.default_rng(seed + 1).integers(0, 256, (int(hidden.sum()), 3))
    first, second = (pixels.unpack(info, frame.tobytes()) for frame in (one, other))
    assert torch.equal(first.color, second.color)
    assert bool(torch.isfinite(first.color).all())


@given(seed=st.integers(0, 1000), width=st.integers(1, 33), height=st.integers(1, 33), rows=st.sampled_from([2, 6]))
def test_the_fill_stays_between_the_visible_colors_and_leaves_them(
    seed: int, width: int, height: int, rows: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    color = torch.rand(3, height, width, generator=generator) * 0.4 + 0.3
    weight = (torch.rand(1, height, width, generator=generator) > 0.6).float()
    weight[0, 0, 0] = 1.0
    visible = weight.expand_as(color) > 0
    filled = pixels.fill_hidden(torch.where(visible, color, 99.0), weight)
    assert torch.equal(filled[visible], color[visible])
    assert float(filled.min()) >= float(color[visible].min()) - 1e-5
    assert float(filled.max()) <= float(color[visible].max()) + 1e-5


def test_the_fill_does_not_depend_on_how_it_is_cut_into_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    color = torch.rand(3, 45, 31, generator=generator)
    weight = (torch.rand(1, 45, 31, generator=generator) > 0.8).float()
    whole = pixels.fill_hidden(color, weight)
    monkeypatch.setattr(pixels, "_BAND", 31 * 8)
    torch.testing.assert_close(pixels.fill_hidden(color, weight), whole)


def test_a_hole_takes_the_color_around_it() -> None:
    color = torch.zeros(3, 64, 64)
    color[0] = 0.8
    weight = torch.ones(1, 64, 64)
    weight[:, 16:48, 16:48] = 0
    color[:, 16:48, 16:48] = 0.123
    filled = pixels.fill_hidden(color, weight)
    assert torch.allclose(filled[0], torch.tensor(0.8), atol=1e-5)
    assert torch.allclose(filled[1:], torch.tensor(0.0), atol=1e-5)


def test_a_layer_that_is_all_transparent_is_a_middle_gray() -> None:
    info = ImageInfo(9, 5)
    picture = pixels.unpack(info, bytes(info.nbytes))
    assert torch.equal(picture.color, torch.full((3, 5, 9), 0.5))
    assert bytes(pixels.pack(picture, info)) == bytes(info.nbytes)


@pytest.mark.parametrize("depth", ["f16", "f32"])
@pytest.mark.parametrize("transfer", ["srgb", "linear"])
def test_what_is_no_number_is_filled_and_counted(depth: Any, transfer: Any) -> None:
    info = ImageInfo(8, 8, depth, "RGBA", transfer)
    frame = np.full((8, 8, 4), 0.25, TYPES[depth])
    frame[0, 0, 0], frame[1, 1, 1], frame[2, 2, 3] = np.nan, -np.inf, np.nan
    picture = pixels.unpack(info, frame.tobytes())
    assert "2 pixels were infinite" in picture.note and "1 pixels had an opacity" in picture.note
    expected = pixels.to_srgb(torch.tensor(0.25)) if transfer == "linear" else torch.tensor(0.25)
    assert torch.allclose(picture.color, expected.expand_as(picture.color), atol=1e-3)
    made = np.frombuffer(pixels.pack(picture.with_color(picture.color * 0.9), info), TYPES[depth])
    assert np.isfinite(made).all()


@pytest.mark.parametrize("size", [0, 255, 257])
def test_a_frame_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(PixelsDamaged):
        pixels.unpack(ImageInfo(8, 8), bytes(size))


def test_a_mask_is_read_and_its_length_is_checked() -> None:
    mask = pixels.unpack_mask(bytes([0, 51, 255, 255]), 2, 2)
    assert mask.shape == (1, 2, 2) and mask.flatten().tolist() == pytest.approx([0, 0.2, 1, 1])
    with pytest.raises(PixelsDamaged):
        pixels.unpack_mask(bytes(5), 2, 2)


def test_a_frame_that_may_not_be_written_to_is_read_and_left_alone() -> None:
    info = ImageInfo(4, 4)
    frame = bytearray(noise(info).tobytes())
    before = bytes(frame)
    pixels.unpack(info, memoryview(frame).toreadonly()).color.mul_(0)
    assert bytes(frame) == before
